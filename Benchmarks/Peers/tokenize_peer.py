"""Text to ids: `gradus bench tokenize` against Hugging Face's tokenizers, on one thread.

Both sides encode the same texts without special tokens around them. The rival is measured one text at a time (`encode`), all
texts in one call (`encode_batch`), and in one call without the places of the tokens in the text (`encode_batch_fast`, which
returns what gradus returns). Speed is taken on texts that lie evenly over the collection; the ids of all texts are compared.

A GGUF file holds vocabulary and merges, and its `tokenizer.ggml.pre` names the rest: for SmolLM, single digits, then GPT-2's
pattern over bytes.
"""

import json
import os
import resource
import statistics
import sys
import time

from collection import corpus
from pairs import Report, alternate, call, gradus

REPEATS = 5
# Of UTF-8, for the timing; a collection that is smaller is taken whole.
SAMPLE_BYTES = 4_000_000
CALLS = {"single": "tokenizers, encode", "batch": "tokenizers, encode_batch", "fast": "tokenizers, encode_batch_fast"}


def tokenizer(model):
    """The rival's tokenizer of a folder with `tokenizer.json`, or of a GGUF file."""
    import tokenizers

    if os.path.isdir(model):
        loaded = tokenizers.Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
        loaded.no_truncation()
        loaded.no_padding()
        return loaded
    import gguf

    fields = gguf.GGUFReader(model).fields

    def value(key):
        return fields["tokenizer.ggml." + key].contents()

    if (value("model"), value("pre")) != ("gpt2", "smollm"):
        raise SystemExit(f"{model}: expected SmolLM's tokenizer, found {value('model')}, {value('pre')}")
    tokens = value("tokens")
    merges = [tuple(merge.split(" ")) for merge in value("merges")]
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
        tokenizers.pre_tokenizers.Digits(individual_digits=True),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
    ])
    control = gguf.TokenType.CONTROL
    special = [token for token, kind in zip(tokens, value("token_type"), strict=True) if kind == control]
    made.add_special_tokens([tokenizers.AddedToken(token, special=True, normalized=False) for token in special])
    return made


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def measure(model, path, how):
    import tokenizers

    encoder = tokenizer(model)
    texts = read(path)
    size = sum(len(text.encode()) for text in texts)

    def encode():
        if how == "single":
            return [encoder.encode(text, add_special_tokens=False).ids for text in texts]
        batch = encoder.encode_batch if how == "batch" else encoder.encode_batch_fast
        return [encoding.ids for encoding in batch(texts, add_special_tokens=False)]

    encode()
    rates = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        encode()
        rates.append(size / 1e6 / (time.perf_counter() - start))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    json.dump(
        {"megabytes_per_second": {"median": statistics.median(rates)}, "peak_mb": peak,
         "versions": f"tokenizers {tokenizers.__version__}"}, sys.stdout,
    )


def differing(model, path, ids):
    """How many texts have other ids than those in the file, and the first such text."""
    encoder = tokenizer(model)
    count, tokens, first = 0, 0, None
    texts = read(path)
    with open(ids, encoding="utf-8") as file:
        for text, line in zip(texts, file, strict=True):
            theirs = encoder.encode(text, add_special_tokens=False).ids
            tokens += len(theirs)
            if theirs != json.loads(line):
                count += 1
                first = first or text
    json.dump({"differing": count, "texts": len(texts), "tokens": tokens, "first": first}, sys.stdout)


def write(path, texts):
    with open(path, "w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            file.write(json.dumps({"_id": str(number), "text": text}) + "\n")


def compare(encoder, decoder, scratch, path, *folders):
    report = Report("Tokenizing", [])
    versions, sizes = {}, []
    for folder in folders:
        name = os.path.basename(folder)
        whole, part, ids = (os.path.join(scratch, file) for file in ("all.jsonl", "part.jsonl", "ids.jsonl"))
        texts = corpus(folder)[1]
        step = max(1, round(sum(len(text.encode()) for text in texts) / SAMPLE_BYTES))
        write(whole, texts)
        write(part, texts[::step])
        sizes.append(f"{name}: {len(texts[::step]):,} texts, {sum(len(text.encode()) for text in texts[::step]) / 1e6:.1f} MB")
        for kind, model in (("WordPiece", encoder), ("byte pairs", decoder)):
            what = f"{kind}, {name}"
            gradus("bench", "tokenize", whole, "--model", model, "--ids", ids)
            found = call([sys.executable, __file__, "differing", model, whole, ids])
            print(f"{what}: {json.dumps(found)}", file=sys.stderr)
            report.agreement(
                f"{what}: texts with other ids, among {found['texts']:,} with {found['tokens']:,} tokens",
                found["differing"], 0,
            )
            sides = {"gradus": lambda: gradus("bench", "tokenize", part, "--model", model, "--repeats", REPEATS)}
            for how, peer in CALLS.items():
                sides[peer] = lambda how=how: call([sys.executable, __file__, "measure", model, part, how])
            results = alternate(sides)
            rates = {side: [result["megabytes_per_second"]["median"] for result in results[side]] for side in sides}
            versions.update({result["versions"]: None for peer in CALLS.values() for result in results[peer]})
            report.compare(
                what, "MB/s", rates.pop("gradus"), rates, higher_is_better=True,
                peak_mb={side: [result["peak_mb"] for result in results[side]] for side in sides},
            )
    report.notes = [
        f"{', '.join(versions)}. Each value is the median over the rounds of the median of {REPEATS} passes after warm-up; a "
        "megabyte is a million bytes of UTF-8.",
        f"Timed on {'; '.join(sizes)}.",
    ]
    report.write(path)


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    modes = {"compare": compare, "measure": measure, "differing": differing}
    if mode not in modes:
        raise SystemExit(f"unknown mode '{mode}'")
    modes[mode](*arguments)
