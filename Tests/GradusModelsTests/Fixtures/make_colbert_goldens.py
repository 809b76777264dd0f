"""Makes `colbert/`: a tiny random ColBERT in the layout of stanford-futuredata/ColBERT and one in that of PyLate, with what
their rules make of some texts, computed with transformers' BertModel and PyTorch; and hidden states of the encoders of
`encoders/` where tokens at the end are not attended to. README.md names the versions."""

import json
import os
import shutil
import string

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(here, "colbert")
shutil.rmtree(folder, ignore_errors=True)

width, positions = 16, 40
vocabulary = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.ascii_lowercase]
vocabulary += ["##" + letter for letter in string.ascii_lowercase] + [".", ",", "?", "!", "'", "-", "the", "cat", "rank", "##ing"]
queries = ["the cat", "", "ranking a cat, ranking the cat?", "is [MASK] it"]
documents = [
    "The cat, a ranking - of it!", "", "., !", "a 1 b the zebra", "the cat ranking the cat ranking the cat ranking",
    "[Q] ranks [d] it",
]


def tokenizer():
    result = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(vocabulary)}, unk_token="[UNK]"))
    result.normalizer = normalizers.BertNormalizer(lowercase=True)
    result.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    result.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    result.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, result.token_to_id(name)) for name in ["[CLS]", "[SEP]"]])
    return result


def encoder(words, generator):
    config = transformers.BertConfig(
        vocab_size=words, hidden_size=width, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=positions, attn_implementation="eager")
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            centre = 1 if "LayerNorm.weight" in name else 0
            parameter.copy_(halves(centre + 0.3 * torch.randn(parameter.shape, generator=generator)))
    return config, model


def halves(values):
    """What bfloat16 can hold: weights are stored so."""
    return values.to(torch.bfloat16).to(torch.float32)


def stored(tensors):
    return {name: value.to(torch.bfloat16).contiguous() for name, value in tensors.items() if "position_ids" not in name}


def save_config(config, path, architecture):
    keys = ["model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
            "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act", "pad_token_id"]
    with open(os.path.join(path, "config.json"), "w") as file:
        json.dump({"architectures": [architecture], **{key: getattr(config, key) for key in keys}}, file, indent=1)


def rounded(rows):
    return [[float(f"{x:.7g}") for x in row] for row in rows.tolist()]


class Reader:
    """Both programs read alike: tokens are cut one short of the length, and the marker goes behind [CLS]; [MASK] fills queries
    up, attended to or not; vectors of documents leave a list of tokens out."""

    def __init__(self, tokenizer, model, project, markers, lengths, skipped, expands=True, attends=False):
        self.tokenizer, self.model, self.project = tokenizer, model, project
        self.markers, self.lengths, self.skipped, self.expands, self.attends = markers, lengths, skipped, expands, attends
        self.filler = tokenizer.token_to_id("[MASK]")

    def ids(self, text, is_query):
        length, marker = self.lengths[not is_query], self.markers[not is_query]
        self.tokenizer.enable_truncation(length - (marker is not None))
        ids = self.tokenizer.encode(text).ids
        self.tokenizer.no_truncation()
        return ids if marker is None else [ids[0], marker, *ids[1:]]

    def batch(self, texts, is_query):
        rows = [self.ids(text, is_query) for text in texts]
        longest = self.lengths[0] if is_query and self.expands else max(map(len, rows))
        padded = torch.tensor([row + [self.filler] * (longest - len(row)) for row in rows])
        read = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        mask = torch.ones_like(read) if is_query and self.attends else read
        with torch.no_grad():
            vectors = F.normalize(self.project(self.model(padded, attention_mask=mask).last_hidden_state), dim=-1)
        result = []
        for row, own, is_read in zip(padded, vectors, read.bool()):
            kept = torch.ones_like(is_read) if is_query and self.expands else is_read
            if not is_query:
                kept = kept & ~torch.isin(row, torch.tensor(self.skipped, dtype=row.dtype))
            result.append(own[kept])
        return result

    def golden(self):
        asked, found = self.batch(queries, True), self.batch(documents, False)
        scores = [[float(f"{(q @ d.T).max(1).values.sum():.7g}") for d in found] for q in asked]
        return {"queries": [rounded(q) for q in asked], "documents": [rounded(d) for d in found], "scores": scores}


def stanford():
    path = os.path.join(folder, "stanford")
    os.makedirs(path)
    generator = torch.Generator().manual_seed(31)
    config, model = encoder(len(vocabulary), generator)
    linear = halves(0.4 * torch.randn((12, width), generator=generator))
    weights = {"bert." + name: value for name, value in model.state_dict().items()}
    save_file(stored({**weights, "linear.weight": linear}), os.path.join(path, "model.safetensors"), metadata={"format": "pt"})
    save_config(config, path, "HF_ColBERT")
    with open(os.path.join(path, "vocab.txt"), "w") as file:
        file.write("\n".join(vocabulary) + "\n")
    with open(os.path.join(path, "artifact.metadata"), "w") as file:
        json.dump({
            "query_token_id": "[unused0]", "doc_token_id": "[unused1]", "query_token": "[Q]", "doc_token": "[D]", "ncells": None,
            "checkpoint": "bert-base-uncased", "bsize": 16, "lr": 1e-05, "dim": 12, "doc_maxlen": 14, "mask_punctuation": True,
            "query_maxlen": 10, "attend_to_mask_tokens": False, "interaction": "colbert", "similarity": "cosine", "nway": 64,
        }, file, indent=1)
    plain = tokenizer()
    # As the program does it: a sign that the vocabulary lacks is its unknown token.
    signs = [plain.encode(sign, add_special_tokens=False).ids[0] for sign in string.punctuation]
    result = {}
    for name, attends, skipped in [
        ("standard", False, signs), ("attended", True, signs), ("punctuation", False, []),
    ]:
        result[name] = Reader(plain, model, lambda x: x @ linear.T, (1, 2), (10, 14), skipped, attends=attends).golden()
    return result


def pylate():
    path = os.path.join(folder, "pylate")
    os.makedirs(path)
    marked = tokenizer()
    marked.add_tokens([AddedToken("[Q] ", normalized=True), AddedToken("[D] ", normalized=True)])
    generator = torch.Generator().manual_seed(32)
    config, model = encoder(marked.get_vocab_size(), generator)
    first, second = (halves(0.4 * torch.randn(shape, generator=generator)) for shape in [(20, width), (12, 20)])
    residual = halves(0.4 * torch.randn((20, width), generator=generator))
    save_file(stored(model.state_dict()), os.path.join(path, "model.safetensors"), metadata={"format": "pt"})
    save_config(config, path, "BertModel")
    marked.save(os.path.join(path, "tokenizer.json"), pretty=False)
    parts = [("", "sentence_transformers.models.Transformer"), ("1_Dense", "pylate.models.Dense.Dense"),
             ("2_Dense", "pylate.models.Dense.Dense")]
    with open(os.path.join(path, "modules.json"), "w") as file:
        json.dump([{"idx": i, "name": str(i), "path": own, "type": kind} for i, (own, kind) in enumerate(parts)], file, indent=1)
    layers = [({"linear.weight": first, "residual.weight": residual}, True), ({"linear.weight": second}, False)]
    for number, (tensors, is_residual) in enumerate(layers):
        own = os.path.join(path, f"{number + 1}_Dense")
        os.makedirs(own)
        save_file(stored(tensors), os.path.join(own, "model.safetensors"))
        outputs, inputs = tensors["linear.weight"].shape
        with open(os.path.join(own, "config.json"), "w") as file:
            json.dump({"in_features": inputs, "out_features": outputs, "bias": False,
                       "activation_function": "torch.nn.modules.linear.Identity", "use_residual": is_residual}, file, indent=1)
    skipped = [",", ".", "!", "the", "zebras"]
    with open(os.path.join(path, "config_sentence_transformers.json"), "w") as file:
        json.dump({
            "model_type": "ColBERT", "prompts": {}, "default_prompt_name": None, "similarity_fn_name": "MaxSim",
            "query_prefix": "[Q] ", "document_prefix": "[D] ", "query_length": 9, "document_length": 12,
            "attend_to_expansion_tokens": False, "skiplist_words": skipped, "do_query_expansion": True}, file, indent=1)
    with open(os.path.join(path, "sentence_bert_config.json"), "w") as file:
        json.dump({"max_seq_length": 11, "do_lower_case": False}, file)
    # As transformers maps words to ids: one that the vocabulary lacks is the unknown token.
    ids = [marked.token_to_id(word) if marked.token_to_id(word) is not None else marked.token_to_id("[UNK]") for word in skipped]
    markers = (marked.token_to_id("[Q] "), marked.token_to_id("[D] "))

    def project(x):
        inner = x @ first.T + x @ residual.T
        return inner @ second.T

    result = {}
    for name, own, options in [
        ("standard", markers, {}), ("attended", markers, {"attends": True}), ("plain", markers, {"expands": False}),
        ("unmarked", (None, None), {}),
    ]:
        result[name] = Reader(marked, model, project, own, (9, 12), ids, **options).golden()
    return result


def attended():
    """Of each family, sequences whose last tokens nobody attends to; they read the others."""
    result = {}
    for family in ["bert", "distilbert", "electra", "mpnet", "roberta", "modernbert"]:
        model = transformers.AutoModel.from_pretrained(
            os.path.join(here, "encoders", family), dtype=torch.float32, attn_implementation="eager").eval()
        generator = torch.Generator().manual_seed(7)
        # ModernBERT's local layers reach four tokens away here.
        shapes = [(6, 10), (30, 34), (1, 3), (5, 5)] + ([(3, 17), (33, 50)] if family != "modernbert" else [])
        result[family] = []
        for kept, length in shapes:
            ids = torch.randint(5, 40, (1, length), generator=generator)
            mask = (torch.arange(length) < kept).long()[None]
            with torch.no_grad():
                hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state[0]
            picked = sorted({0, kept - 1, min(kept, length - 1), length - 1})
            result[family].append({
                "ids": ids[0].tolist(), "attended": kept, "positions": picked, "hidden": rounded(hidden[picked])})
    return result


if __name__ == "__main__":
    expected = {
        "queryTexts": queries, "documentTexts": documents, "stanford": stanford(), "pylate": pylate(), "attended": attended()}
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump(expected, file, separators=(",", ":"))
        file.write("\n")
    for root, _, files in os.walk(folder):
        for name in files:
            os.chmod(os.path.join(root, name), 0o644)
