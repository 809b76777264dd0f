"""Seconds of a training step: `gradus bench train` against torch, eager with AdamW, plain and fused, and compiled.

A step is the forward pass in training mode (dropout as the model says), binary cross-entropy of one logit a pair, all
gradients, and AdamW with weight decay on all parameters. The model is the same on both sides: transformers' BertModel
without its pooler, attention by scaled_dot_product_attention, dropout and a linear map of the [CLS] vector. In bf16, both
sides keep weights and their updates in fp32 (torch: autocast).

Two kinds of batches: pairs of one length, which neither side pads; and real pairs, of which every batch is as long as its
longest pair on torch's side, while gradus packs them. With the former the rival starts from token ids; with the latter both
start from texts.
"""

import gzip
import json
import os
import random
import resource
import statistics
import sys
import time

from pairs import Report, alternate, call, gradus, threads

REPEATS = 7
RAGGED_REPEATS = 15
RAGGED_TOKENS = 256


def measure(folder, batch, tokens, kind, texts=None):
    import torch
    import transformers

    torch.set_num_threads(threads())
    torch.manual_seed(1)
    encoder = transformers.BertModel.from_pretrained(
        folder, add_pooling_layer=False, attn_implementation="sdpa", dtype=torch.float32
    )
    classifier = torch.nn.Linear(encoder.config.hidden_size, 1)
    dropout = torch.nn.Dropout(encoder.config.hidden_dropout_prob)
    encoder.train()
    parameters = [*encoder.parameters(), *classifier.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-5, weight_decay=0.01, fused=kind != "plain")
    labels = (torch.arange(batch) % 2).float()
    forward = torch.compile(encoder) if kind == "compiled" else encoder
    if texts:
        with open(texts, encoding="utf-8") as file:
            pairs = [line.rstrip("\n").split("\t") for line in file]
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    else:
        ids = torch.randint(1000, encoder.config.vocab_size, (batch, tokens))
        segments = (torch.arange(tokens) >= 10).long().expand(batch, tokens).contiguous()
    losses = []

    def inputs():
        if not texts:
            return {"input_ids": ids, "token_type_ids": segments}
        first = len(losses) * batch
        chosen = [pairs[(first + number) % len(pairs)] for number in range(batch)]
        return tokenizer(
            [query for query, _ in chosen], [passage for _, passage in chosen], truncation="only_second", max_length=tokens,
            padding=True, return_tensors="pt",
        )

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == "bf16"):
            hidden = forward(**inputs()).last_hidden_state
            logits = classifier(dropout(hidden[:, 0])).squeeze(-1)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    for _ in range(2):
        step()
    times = []
    for _ in range(RAGGED_REPEATS if texts else REPEATS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    report = {
        "seconds_per_step": {"median": statistics.median(times), "best": min(times)},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "parameters": sum(parameter.numel() for parameter in parameters),
        "losses": losses,
        "versions": f"torch {torch.__version__}, transformers {transformers.__version__}",
    }
    json.dump(report, sys.stdout)


def write_pairs(collection, path):
    """240 training questions with passages of the corpus, every second one an answer, as lines of a query and a passage."""
    def lines(name):
        plain = os.path.join(collection, name)
        opened = open(plain, encoding="utf-8") if os.path.exists(plain) else gzip.open(plain + ".gz", "rt", encoding="utf-8")
        with opened as file:
            return file.read().splitlines()

    corpus = {row["_id"]: f"{row.get('title', '')} {row['text']}".strip() for row in map(json.loads, lines("corpus.jsonl"))}
    queries = {row["_id"]: row["text"] for row in map(json.loads, lines("queries.jsonl"))}
    judged = [line.split("\t") for line in lines(os.path.join("qrels", "train.tsv"))[1:]]
    generator, docnos = random.Random(1), sorted(corpus)
    with open(path, "w", encoding="utf-8") as file:
        for qid, docno, *_ in generator.sample(sorted(judged), 120):
            for passage in (corpus[generator.choice(docnos)], corpus[docno]):
                file.write(" ".join(queries[qid].split()) + "\t" + " ".join(passage.split()) + "\n")


def compare(folder, batch, tokens, path, scratch, collection=None):
    texts = os.path.join(scratch, "pairs.tsv")

    def ours(precision, texts=None):
        more = ["--pairs", texts] if texts else []
        return gradus(
            "bench", "train", "--model", folder, "--precision", precision, "--batch", batch, "--threads", threads(),
            "--tokens", RAGGED_TOKENS if texts else tokens, "--repeats", RAGGED_REPEATS if texts else REPEATS, *more,
        )

    def peer(kind, texts=None):
        more = [texts] if texts else []
        return call([sys.executable, __file__, "measure", folder, batch, RAGGED_TOKENS if texts else tokens, kind, *more])

    peers = {
        "torch eager, AdamW": "plain", "torch eager, fused AdamW": "fused", "torch compiled, fused AdamW": "compiled",
        "torch bf16 autocast, fused AdamW": "bf16",
    }
    sides = {f"gradus {precision}": lambda precision=precision: ours(precision) for precision in ("fp32", "bf16")}
    sides |= {name: lambda kind=kind: peer(kind) for name, kind in peers.items()}
    results = alternate(sides)
    first = results["torch eager, AdamW"][0]
    report = Report("A training step of a cross-encoder", [
        f"{first['versions']}. Each value is the median over the rounds of the median of {REPEATS} steps (real pairs: "
        f"{RAGGED_REPEATS} batches) after warm-up. Seconds a step, all parameters trained.",
    ])

    def compared(what, mine, names, results):
        def seconds(name):
            return [result["seconds_per_step"]["median"] for result in results[name]]

        chosen = {"gradus": mine} | {name: name for name in names}
        report.compare(
            what, "s/step", seconds(mine), {name: seconds(name) for name in names}, higher_is_better=False,
            peak_mb={name: [result["peak_mb"] for result in results[side]] for name, side in chosen.items()},
        )

    compared(f"{batch} pairs x {tokens} tokens, fp32", "gradus fp32", list(peers)[:3], results)
    compared(f"{batch} pairs x {tokens} tokens, bf16", "gradus bf16", list(peers)[1:], results)
    if collection:
        write_pairs(collection, texts)
        sides = {f"gradus {precision}": lambda precision=precision: ours(precision, texts) for precision in ("fp32", "bf16")}
        sides |= {
            name: lambda kind=kind: peer(kind, texts) for name, kind in peers.items() if kind in ("fused", "bf16")
        }
        ragged = alternate(sides)
        for precision in ("fp32", "bf16"):
            compared(
                f"{batch} real pairs of at most {RAGGED_TOKENS} tokens, {precision}", f"gradus {precision}",
                [name for name in ragged if name.startswith("torch")], ragged,
            )
        for one, other, name in (
            ("gradus fp32", "gradus bf16", "gradus"), ("torch eager, fused AdamW", "torch bf16 autocast, fused AdamW", "torch"),
        ):
            curves = zip(ragged[one][0]["losses"], ragged[other][0]["losses"])
            largest = max(abs(a - b) for a, b in curves)
            report.notes.append(f"Largest difference of a step's loss between fp32 and bf16, real pairs, {name}: {largest:.2g}.")
    report.agreement("Numbers of parameters", abs(results["gradus fp32"][0]["parameters"] - first["parameters"]), 0)
    report.write(path)


if __name__ == "__main__":
    mode, folder, batch, tokens, *rest = sys.argv[1:]
    {"measure": measure, "compare": compare}[mode](folder, int(batch), int(tokens), *rest)
