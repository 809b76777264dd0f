"""Seconds of a training step: `gradus bench train` against torch, eager with AdamW, plain and fused, and compiled.

A step is the forward pass in training mode (dropout as the model says), binary cross-entropy of one logit a pair, all
gradients, and AdamW with weight decay on all parameters. The model is the same on both sides: transformers' BertModel
without its pooler, attention by scaled_dot_product_attention, dropout and a linear map of the [CLS] vector. In bf16, both
sides keep weights and their updates in fp32 (torch: autocast).

Two kinds of batches: pairs of one length, which neither side pads; and real pairs, of which every batch is as long as its
longest pair on torch's side, while gradus packs them. With the former the rival starts from token ids; with the latter both
start from texts.

Loss curves: both sides start from one saved BertForSequenceClassification, without dropout, on the same real pairs.
"""

import gzip
import json
import os
import random
import resource
import statistics
import sys
import time
from subprocess import PIPE, run

from pairs import Report, alternate, call, figure, gradus, kept, threads

REPEATS = 7
RAGGED_REPEATS = 15
RAGGED_TOKENS = 256
CURVE_STEPS = 30
PRECISIONS = ("fp32", "bf16", "fp16")


def measure(folder, batch, tokens, kind, texts=None):
    """kind: plain, fused, compiled or bf16; with 'curve ' in front, the loss curve of a saved classifier without dropout."""
    import torch
    import transformers

    torch.set_num_threads(threads())
    torch.manual_seed(1)
    is_curve, kind = kind.startswith("curve "), kind.removeprefix("curve ")
    if is_curve:
        whole = transformers.BertForSequenceClassification.from_pretrained(
            folder, attn_implementation="sdpa", dtype=torch.float32
        ).eval()
        parameters = list(whole.parameters())
    else:
        encoder = transformers.BertModel.from_pretrained(
            folder, add_pooling_layer=False, attn_implementation="sdpa", dtype=torch.float32
        )
        classifier = torch.nn.Linear(encoder.config.hidden_size, 1)
        dropout = torch.nn.Dropout(encoder.config.hidden_dropout_prob)
        encoder.train()
        parameters = [*encoder.parameters(), *classifier.parameters()]
        forward = torch.compile(encoder) if kind == "compiled" else encoder
        vocabulary = encoder.config.vocab_size
    optimizer = torch.optim.AdamW(parameters, lr=2e-5, weight_decay=0.01, fused=kind != "plain")
    labels = (torch.arange(batch) % 2).float()
    if texts:
        with open(texts, encoding="utf-8") as file:
            pairs = [line.rstrip("\n").split("\t") for line in file]
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    else:
        ids = torch.randint(1000, vocabulary, (batch, tokens))
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

    def scores():
        if is_curve:
            return whole(**inputs()).logits.squeeze(-1)
        hidden = forward(**inputs()).last_hidden_state
        return classifier(dropout(hidden[:, 0])).squeeze(-1)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == "bf16"):
            logits = scores()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    repeats = CURVE_STEPS if is_curve else RAGGED_REPEATS if texts else REPEATS
    # The compiler may look at a step more than once.
    for _ in range(1 if is_curve else 6 if kind == "compiled" else 2):
        step()
    times = []
    for _ in range(repeats):
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


def save_classifier(folder, batch, tokens, kind, out):
    """A classifier of one label on the encoder, with its tokenizer, in `out`."""
    import torch
    import transformers

    torch.manual_seed(3)
    model = transformers.BertForSequenceClassification.from_pretrained(folder, num_labels=1, dtype=torch.float32)
    model.save_pretrained(out)
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(out)
    if not os.path.exists(os.path.join(out, "vocab.txt")):
        with open(os.path.join(folder, "vocab.txt"), "rb") as file, open(os.path.join(out, "vocab.txt"), "wb") as copy:
            copy.write(file.read())
    print("{}")


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


def gflop(folder, batch, tokens):
    """Of the matrix products of a step's three passes over the encoder's layers, as the usual definition counts them."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    width, inner = config["hidden_size"], config["intermediate_size"]
    weights = config["num_hidden_layers"] * (4 * width * width + 2 * width * inner)
    return 3 * 2 * batch * tokens * weights * 1e-9


def compare(folder, batch, tokens, results, scratch, collection, peak):
    texts = os.path.join(scratch, "pairs.tsv")
    write_pairs(collection, texts)

    def ours(precision, texts=None, *more):
        more = [*more, *(["--pairs", texts] if texts else [])]
        return gradus(
            "bench", "train", "--model", folder, "--precision", precision, "--batch", batch, "--threads", threads(),
            "--tokens", RAGGED_TOKENS if texts else tokens, "--repeats", RAGGED_REPEATS if texts else REPEATS, *more,
        )

    def peer(kind, texts=None, model=folder):
        more = [texts] if texts else []
        return call([sys.executable, __file__, "measure", model, batch, RAGGED_TOKENS if texts else tokens, kind, *more])

    features = kept("processor", lambda: gradus("doctor"))
    precisions = [name for name in PRECISIONS if name == "fp32" or f" {name.upper()}" in json.dumps(features)]
    peers = {
        "torch eager, AdamW": "plain", "torch eager, fused AdamW": "fused", "torch compiled, fused AdamW": "compiled",
        "torch bf16 autocast, fused AdamW": "bf16",
    }
    sides = {f"gradus {precision}": lambda precision=precision: ours(precision) for precision in precisions}
    sides |= {
        f"gradus {precision}, checkpoints": lambda precision=precision: ours(precision, None, "--checkpoint-activations")
        for precision in precisions[:1]
    }
    sides |= {name: lambda kind=kind: peer(kind) for name, kind in peers.items()}
    fixed = alternate(sides, f"{batch} x {tokens}")
    sides = {f"gradus {precision}": lambda precision=precision: ours(precision, texts) for precision in precisions}
    sides |= {name: lambda kind=kind: peer(kind, texts) for name, kind in peers.items() if kind in ("fused", "bf16")}
    ragged = alternate(sides, "real pairs")

    first = fixed["torch eager, AdamW"][0]
    report = Report("A training step of a cross-encoder", [
        f"{first['versions']}. Each value is the median over the rounds of the median of {REPEATS} steps (real pairs: "
        f"{RAGGED_REPEATS} batches) after warm-up. Seconds a step, all parameters trained. Real pairs are of the collection "
        f"{os.path.basename(collection)}.",
        "",
        "The head reads the vector of [CLS] alone, so gradus computes the last layer for that token only once its keys and "
        "values are there; torch computes it for all tokens. Values and gradients are the same.",
    ])

    def compared(what, mine, names, results):
        def seconds(name):
            return [result["seconds_per_step"]["median"] for result in results[name]]

        chosen = {"gradus": mine} | {name: name for name in names}
        report.compare(
            what, "s/step", seconds(mine), {name: seconds(name) for name in names}, higher_is_better=False,
            peak_mb={name: [result["peak_mb"] for result in results[side]] for name, side in chosen.items()},
        )

    for precision in precisions:
        names = list(peers)[:3] if precision == "fp32" else list(peers)[1:]
        compared(f"{batch} pairs x {tokens} tokens, {precision}", f"gradus {precision}", names, fixed)
    for precision in precisions:
        names = [name for name in ragged if name.startswith("torch")]
        compared(f"{batch} real pairs of at most {RAGGED_TOKENS} tokens, {precision}", f"gradus {precision}", names, ragged)
    compared(
        f"{batch} pairs x {tokens} tokens, fp32, activations computed again", "gradus fp32, checkpoints",
        ["torch eager, fused AdamW"], fixed,
    )
    report.agreement("Numbers of parameters", abs(fixed["gradus fp32"][0]["parameters"] - first["parameters"]), 0)
    report.sections.append(memory(fixed, ragged))
    report.sections.append(curves(folder, batch, texts, scratch, results, precisions, peer))
    report.sections.append(ceiling(folder, batch, tokens, precisions, fixed, ours, peak))
    report.write(os.path.join(results, "train_step.md"))


def memory(fixed, ragged):
    lines = ["## Memory", "", "| | planned before the first step, MB | peak, MB |", "|---|---|---|"]
    for what, results in (("one length", fixed), ("real pairs", ragged)):
        for name in results:
            if name.startswith("gradus"):
                planned, peak = (
                    statistics.median(result[key] for result in results[name]) for key in ("planned_peak_mb", "peak_mb")
                )
                lines.append(f"| {name}, {what} | {planned:.0f} | {peak:.0f} ({planned / peak - 1:+.0%}) |")
    return lines


def curves(folder, batch, texts, scratch, results, precisions, peer):
    """Losses of some steps from the same weights on the same pairs, without dropout, as a file and as distances."""
    saved = os.path.join(scratch, "classifier")
    call([sys.executable, __file__, "save_classifier", folder, batch, RAGGED_TOKENS, "-", saved])

    def ours(precision):
        return gradus(
            "bench", "train", "--model", saved, "--precision", precision, "--batch", batch, "--threads", threads(),
            "--tokens", RAGGED_TOKENS, "--repeats", CURVE_STEPS, "--pairs", texts, "--no-dropout",
        )

    sides = {f"gradus {precision}": lambda precision=precision: ours(precision) for precision in precisions}
    sides |= {f"torch {name}": lambda kind=kind: peer(f"curve {kind}", texts, saved) for name, kind in (
        ("fp32", "fused"), ("bf16 autocast", "bf16"))}
    found = {name: values[0]["losses"] for name, values in alternate(sides, "curves", rounds=1).items()}
    with open(os.path.join(results, "train_losses.csv"), "w", encoding="utf-8") as file:
        file.write("step," + ",".join(found) + "\n")
        for number, row in enumerate(zip(*found.values(), strict=True)):
            file.write(f"{number}," + ",".join(f"{loss:.6f}" for loss in row) + "\n")
    reference = found["torch fp32"]
    lines = [
        "## Losses", "",
        f"{len(reference)} steps from the same weights (a fresh classifier with pooler on the encoder) on the same real pairs, "
        "without dropout; [train_losses.csv](train_losses.csv) has all of them.", "",
        "| | first step | mean of the last five | mean distance to torch fp32 | largest |", "|---|---|---|---|---|",
    ]
    for name, losses in found.items():
        distances = [abs(a - b) for a, b in zip(losses, reference, strict=True)]
        lines.append(
            f"| {name} | {losses[0]:.5f} | {statistics.mean(losses[-5:]):.5f} | {statistics.mean(distances):.2g} "
            f"| {max(distances):.2g} |"
        )
    return lines


def peaks_of(program):
    """GFLOP/s by precision, as peaks.c prints them."""
    lines = run([program, str(threads())], stdout=PIPE, text=True, check=True).stdout.splitlines()
    return {name: float(rate) for name, _, rate in map(str.split, lines) if name != "int8"}


def ceiling(folder, batch, tokens, precisions, fixed, ours, peak):
    """What the processor can do at most, and where the time of a step goes."""
    flop = gflop(folder, batch, tokens)
    lines = ["## Where the time goes", ""]
    if peak != "-":
        rates = kept("peak", lambda: peaks_of(peak))
        rates_text = ", ".join(f"{name} {figure(rate)}" for name, rate in rates.items())
        lines += [
            f"Multiply-adds in registers, {threads()} threads, GFLOP/s: {rates_text}. The products of a step, as usually "
            f"counted, are {flop:.0f} GFLOP.", "",
            "| | products alone at the peak, s | step, s | |", "|---|---|---|---|",
        ]
        for name, results in fixed.items():
            precision = "bf16" if "bf16" in name else "fp16" if "fp16" in name else "fp32"
            if precision in rates:
                least = flop / rates[precision]
                seconds = statistics.median(result["seconds_per_step"]["median"] for result in results)
                lines.append(f"| {name} | {least:.3f} | {seconds:.3f} | {least / seconds:.0%} |")
        lines += [
            "",
            "Shares above what a peak allows come from the last layer, and for gradus bf16 from multiplying the rounded numbers "
            "with fp32 instructions where those are faster.",
        ]
    for precision in precisions:
        profile = kept(f"profile {precision}", lambda precision=precision: ours(precision, None, "--profile"))
        lines += ["", f"{precision}:", "", "| operation | ms a step | GFLOP/s |", "|---|---|---|"]
        for operation in profile["operations"]:
            rate = operation.get("gflops_per_second")
            lines.append(f"| {operation['kind']} | {operation['seconds'] * 1e3:.1f} | {figure(rate) if rate else ''} |")
    return lines


if __name__ == "__main__":
    mode, folder, batch, tokens, *rest = sys.argv[1:]
    modes = {"measure": measure, "compare": compare, "save_classifier": save_classifier}
    modes[mode](folder, int(batch), int(tokens), *rest)
