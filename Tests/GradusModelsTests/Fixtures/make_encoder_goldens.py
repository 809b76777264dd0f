"""Makes `encoders/`: for each layout of an encoder a tiny random cross-encoder in Hugging Face's own files, a folder of
sentence-transformers, and what those programs compute with them. README.md names the versions."""

import json
import os
import shutil
import string
import tempfile

import sentencepiece
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules as parts
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "encoders")
sentences = [
    "the cat sat on the mat", "how do ranking models read a passage?", "a query and a document, read together",
    "It's 2024; they'll re-rank 1,000 passages.", "unbelievable heat transfer in the boundary layer", "Caffè latte für Zoë",
    "the ranker ranks the ranked ranks", "what is the boiling point of water at sea level", "passages of the document",
]
texts = [
    "the cat sat.", "", "How do models read  a document?", "Caffè für Zoë — ½ ﬁsh ｆｕｌｌ 東京",
    " leading and trailing \n\t spaces ", "it's we'll I'd 12,345.67 !!! ...", "a <mask> b[MASK]c", "emoji 😀 e\u0301 ▁x",
]
pairs = [
    ["how cat", "the cat sat on the mat"], ["ranking", ""], ["", "a document"],
    ["what is heat transfer", "the boundary layer " * 40], ["Zoë", "Caffè latte für Zoë, 2024"],
]


def wordpiece():
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.ascii_lowercase, *string.digits, ".", ",", "?", "'", ";"]
    vocabulary += ["##" + letter for letter in string.ascii_lowercase] + ["the", "cat", "sat", "rank", "##ing", "how", "##er"]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return tokenizer


def bert_template(tokenizer):
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ["[CLS]", "[SEP]"]])
    return tokenizer


def bert_tokenizer():
    return bert_template(wordpiece())


def mpnet_tokenizer():
    """WordPiece with RoBERTa's special tokens, as all-mpnet-base-v2 has it: padding is 1, which moves positions by 2."""
    names = {"[CLS]": "<s>", "[PAD]": "<pad>", "[SEP]": "</s>", "[UNK]": "[UNK]", "[MASK]": "<mask>"}
    old = json.loads(wordpiece().to_str())
    order = [*names, *(piece for piece in old["model"]["vocab"] if piece not in names)]
    old["model"]["vocab"] = {names.get(piece, piece): i for i, piece in enumerate(order)}
    old["added_tokens"].sort(key=lambda token: order.index(token["content"]))
    for token in old["added_tokens"]:
        token["id"], token["content"] = order.index(token["content"]), names[token["content"]]
        token["lstrip"] = token["content"] == "<mask>"
    tokenizer = Tokenizer.from_str(json.dumps(old))
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")), add_prefix_space=False)
    return tokenizer


def byte_level(specials, size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(sentences, trainer)
    return tokenizer


def roberta_tokenizer():
    tokenizer = byte_level(["<s>", "<pad>", "</s>", "<unk>"], 300)
    from tokenizers import AddedToken
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer


def modernbert_tokenizer():
    tokenizer = byte_level(["[UNK]", "[CLS]", "[SEP]", "[PAD]"], 300)
    from tokenizers import AddedToken
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True)])
    tokenizer.add_tokens([AddedToken("  ", normalized=True)])
    return bert_template(tokenizer)


def xlm_roberta_tokenizer():
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/corpus", "w") as file:
            file.write("\n".join(sentences * 3) + "\n")
        rules = {"ﬁ": "fi", "½": "1⁄2", "—": "-", "e\u0301": "é", "\t": " ", "\n": " ", "\u00a0": " ", "\u200b": ""}
        rules.update({chr(0xFF41 + i): letter for i, letter in enumerate(string.ascii_lowercase)})
        with open(folder + "/rules.tsv", "w") as file:
            for key, value in rules.items():
                file.write(" ".join(f"{ord(c):X}" for c in key) + "\t" + " ".join(f"{ord(c):X}" for c in value) + "\n")
        sentencepiece.SentencePieceTrainer.train(
            input=folder + "/corpus", model_prefix=folder + "/m", model_type="unigram", vocab_size=90,
            normalization_rule_tsv=folder + "/rules.tsv", hard_vocab_limit=False, minloglevel=2)
        proto = sentencepiece_model_pb2.ModelProto()
        with open(folder + "/m.model", "rb") as file:
            proto.ParseFromString(file.read())
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(piece.piece, piece.score) for piece in proto.pieces[3:]]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")])
    tokenizer.decoder = decoders.Metaspace()
    from tokenizers import AddedToken
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tokenizer


def randomise(model):
    """Weights at which every part matters; rounded to bfloat16, in which they are stored."""
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            centre = 1 if "norm" in name.lower() and name.endswith("weight") else 0
            values = centre + 0.2 * torch.randn(parameter.shape, generator=generator)
            parameter.copy_(values.to(torch.bfloat16).to(torch.float32))
    return model.eval()


def rounded(vector):
    return [float(f"{x:.8g}") for x in vector.tolist()]


sizes = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, attn_implementation="eager")
roberta = dict(max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5, **sizes)
layouts = {
    "bert": ("Bert", bert_tokenizer, dict(max_position_embeddings=64, num_labels=2, **sizes)),
    "distilbert": ("DistilBert", bert_tokenizer, dict(
        dim=32, n_layers=2, n_heads=4, hidden_dim=48, max_position_embeddings=64, num_labels=1, attn_implementation="eager")),
    "electra": ("Electra", bert_tokenizer, dict(embedding_size=20, max_position_embeddings=64, num_labels=1, **sizes)),
    "mpnet": ("MPNet", mpnet_tokenizer, dict(
        max_position_embeddings=202, pad_token_id=1, layer_norm_eps=1e-5, num_labels=1, **sizes)),
    "roberta": ("Roberta", roberta_tokenizer, dict(num_labels=1, **roberta)),
    "xlm-roberta": ("XLMRoberta", xlm_roberta_tokenizer, dict(num_labels=1, **roberta)),
    "modernbert": ("ModernBert", modernbert_tokenizer, dict(sizes, **dict(
        max_position_embeddings=64, num_hidden_layers=4, global_attn_every_n_layers=3, local_attention=8, num_labels=1,
        classifier_pooling="mean", pad_token_id=3, cls_token_id=1, sep_token_id=2, bos_token_id=1, eos_token_id=2))),
}


def positions(config):
    count = config.max_position_embeddings
    return count - 2 if config.model_type in ["roberta", "xlm-roberta", "mpnet"] else count


def make(name):
    family, tokenizer, options = layouts[name]
    tokenizer = tokenizer()
    folder = os.path.join(here, name)
    shutil.rmtree(folder, ignore_errors=True)
    config = getattr(transformers, family + "Config")(vocab_size=tokenizer.get_vocab_size(), **options)
    model = randomise(getattr(transformers, family + "ForSequenceClassification")(config))
    base = model.base_model
    has_segments = name in ["bert", "electra"]
    result = {"texts": [], "pairs": [], "logits": []}
    limit = positions(config)
    with torch.no_grad():
        def run(encoding, part):
            inputs = {"input_ids": torch.tensor([encoding.ids])}
            if has_segments:
                inputs["token_type_ids"] = torch.tensor([encoding.type_ids])
            return part(**inputs)

        tokenizer.enable_truncation(limit)
        for text in texts + [" ".join(sentences * 4)]:
            encoding = tokenizer.encode(text)
            hidden = run(encoding, base)[0][0]
            picked = sorted({0, len(encoding.ids) // 2, len(encoding.ids) - 1})
            result["texts"].append({
                "text": text, "ids": encoding.ids, "positions": picked, "hidden": [rounded(hidden[i]) for i in picked],
                "mean": rounded(hidden.mean(0))})
        tokenizer.enable_truncation(limit, strategy="only_second")
        for query, document in pairs:
            encoding = tokenizer.encode(query, document)
            result["pairs"].append({"query": query, "document": document, "ids": encoding.ids, "types": encoding.type_ids})
            result["logits"].append(rounded(run(encoding, model).logits[0]))
    tokenizer.no_truncation()
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    with open(os.path.join(folder, "config.json")) as file:
        saved = json.load(file)
    saved.pop("transformers_version", None)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(saved, file, indent=1, sort_keys=True)
    return result


def make_sentence_folder():
    """Transformer, pooling, dense with tanh, unit length; prompts. Vectors for every pooling mode, with the prompt or without."""
    folder = os.path.join(here, "sentence")
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = bert_tokenizer()
    modes = ["cls", "mean", "max", "mean_sqrt_len_tokens", "lasttoken", "weightedmean"]
    chosen = [texts[0], texts[2], "a longer passage about the heat of the boundary layer"]
    result = {"texts": chosen, "modes": {}}
    with tempfile.TemporaryDirectory() as base:
        config = transformers.BertConfig(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=64, **dict(
            sizes, hidden_size=16, num_attention_heads=2, intermediate_size=24, num_hidden_layers=1))
        randomise(transformers.BertModel(config)).save_pretrained(base)
        transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]",
            mask_token="[MASK]").save_pretrained(base)
        for mode in modes:
            for includes in [True, False]:
                transformer = parts.Transformer(base, max_seq_length=48)
                dense = parts.Dense(16, 12, activation_function=torch.nn.Tanh())
                randomise(dense)
                pooling = parts.Pooling(16, pooling_mode=mode, include_prompt=includes)
                model = SentenceTransformer(
                    modules=[transformer, pooling, dense, parts.Normalize()],
                    prompts={"query": "how: ", "document": "the ", "other": "rank the cat: "}, default_prompt_name="other",
                    device="cpu")
                vectors = {}
                for kind, options in [
                    ("standard", {}), ("query", {"prompt_name": "query"}), ("document", {"prompt_name": "document"}),
                    ("none", {"prompt": ""}),
                ]:
                    vectors[kind] = [rounded(v) for v in model.encode(chosen, convert_to_tensor=True, **options)]
                    if kind in ["query", "document"]:
                        encode = model.encode_query if kind == "query" else model.encode_document
                        assert torch.allclose(encode(chosen, convert_to_tensor=True), torch.tensor(vectors[kind]), atol=1e-5)
                result["modes"][f"{mode} {'with' if includes else 'without'} prompt"] = vectors
                if mode == "mean" and includes:
                    model.save_pretrained(folder, create_model_card=False)
    return result


if __name__ == "__main__":
    expected = {name: make(name) for name in layouts}
    expected["sentence"] = make_sentence_folder()
    with open(os.path.join(here, "expected.json"), "w") as file:
        json.dump(expected, file, ensure_ascii=False, separators=(",", ":"))
