"""Re-ranking BM25's best 100: `gradus rerank` at each precision against torch eager, ONNX Runtime and OpenVINO.

The model is a sentence encoder with a linear head of fixed random weights on [CLS] (see pair_model.py). Both sides start from
the texts in memory and end with a score for each pair; loading, compiling and warming up are not counted. A query is one call,
as in a server. The rivals pad batches of 32 to the longest pair of the batch, and mask the padding: once in the order given,
once with the pairs sorted by length. Tokenizing is the job of Hugging Face's tokenizers, with the query and then the document
cut as `gradus` does.

Quality beside speed: the rank correlation (Spearman's rho, the mean over the queries) and the largest difference of a score
from torch in fp32. A random head's scores rank nothing, but what rounding does to them is what it does to a trained one's.
"""

import gzip
import json
import os
import resource
import statistics
import sys
import time
from subprocess import run

from pairs import Report, call, threads

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import pair_model

TOKENS, QUERY_TOKENS, BATCH = int(os.environ.get("TOKENS", "512")), 64, 32
TOLERANCE = 1e-3
# Precision of gradus -> rival -> kind.
PEERS = {
    "fp32": {"torch eager": "torch", "ONNX Runtime": "onnx", "OpenVINO": "openvino"},
    "bf16": {"torch eager bf16": "torch-bf16", "OpenVINO bf16": "openvino-bf16"},
    "int8": {"ONNX Runtime dynamic int8": "onnx-int8", "OpenVINO NNCF int8": "openvino-int8"},
}
INPUTS = ["ids", "mask", "segments"]
FIGURES = ("passages_per_second", "p50_ms", "p99_ms", "peak_mb")
ORDERS = {"given": "in the order given", "sorted": "sorted by length"}


def runner():
    """What each measurement's command is put behind."""
    return os.environ.get("RUNNER", "").split()


def read_lines(path):
    opened = open(path, encoding="utf-8") if os.path.exists(path) else gzip.open(path + ".gz", "rt", encoding="utf-8")
    with opened as file:
        yield from map(json.loads, file)


def job(folder, scratch):
    """Queries with their candidates: [(qid, text, [(docno, contents)])], and the same as files for gradus."""
    count = int(os.environ.get("QUERIES", "20"))
    rankings = {}
    with open(os.path.join(scratch, "bm25.run"), encoding="utf-8") as file:
        for line in file:
            qid, _, docno, *_ = line.split()
            rankings.setdefault(qid, []).append(docno)
    chosen = dict(list(rankings.items())[:count])
    wanted = {docno for documents in chosen.values() for docno in documents}
    texts = {
        record["_id"]: (record["title"] + " " + record["text"] if record.get("title") else record["text"])
        for record in read_lines(os.path.join(folder, "corpus.jsonl")) if record["_id"] in wanted
    }
    queries = {record["_id"]: record["text"] for record in read_lines(os.path.join(folder, "queries.jsonl"))}
    with open(os.path.join(scratch, "job.run"), "w", encoding="utf-8") as file:
        for qid, documents in chosen.items():
            for rank, docno in enumerate(documents):
                file.write(f"{qid} Q0 {docno} {rank + 1} {1000 - rank} bm25\n")
    return [(qid, queries[qid], [(docno, texts[docno]) for docno in documents]) for qid, documents in chosen.items()]


def torch_module(folder, precision="fp32"):
    import safetensors.torch
    import torch
    import transformers

    class PairScorer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = transformers.BertModel.from_pretrained(
                folder, add_pooling_layer=False, attn_implementation="sdpa", dtype=torch.float32
            )
            weights = safetensors.torch.load_file(os.path.join(folder, "model.safetensors"))
            self.head = torch.nn.Linear(self.encoder.config.hidden_size, 1)
            self.head.weight.data, self.head.bias.data = (weights[name] for name in pair_model.NAMES)

        def forward(self, ids, mask, segments):
            hidden = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=segments).last_hidden_state
            return self.head(hidden[:, 0]).float().squeeze(-1)

    torch.set_num_threads(threads())
    module = PairScorer().eval()
    return module.bfloat16() if precision == "bf16" else module


def pairs_of(tokenizer, query, documents):
    """Token ids and segments of each pair, cut as gradus cuts them; specials included."""
    asked = tokenizer(query, add_special_tokens=False)["input_ids"][:QUERY_TOKENS]
    room = TOKENS - 3 - len(asked)
    start, end = tokenizer.cls_token_id, tokenizer.sep_token_id
    result = []
    for ids in tokenizer(documents, add_special_tokens=False)["input_ids"]:
        first, second = [start, *asked, end], [*ids[:room], end]
        result.append((first + second, [0] * len(first) + [1] * len(second)))
    return result


def padded(pairs):
    import numpy

    longest = max(len(ids) for ids, _ in pairs)
    ids, mask, segments = (numpy.zeros((len(pairs), longest), numpy.int64) for _ in range(3))
    for row, (tokens, kinds) in enumerate(pairs):
        ids[row, : len(tokens)], mask[row, : len(tokens)], segments[row, : len(kinds)] = tokens, 1, kinds
    return ids, mask, segments


def fast_tokenizer(folder):
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = 10**9
    return tokenizer


def export(folder, model, scratch):
    """Writes the ONNX file, its int8 version and OpenVINO's; batch and length stay variable."""
    import numpy
    import nncf
    import openvino
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers import optimizer

    module = torch_module(model)
    plain, fused, int8 = (os.path.join(scratch, name) for name in ("plain.onnx", "onnx.onnx", "onnx-int8.onnx"))
    shape = {0: torch.export.Dim("batch", min=1, max=4096), 1: torch.export.Dim("tokens", min=2, max=512)}
    ids = torch.randint(1000, 30000, (2, 16))
    with torch.inference_mode():
        torch.onnx.export(
            module, (ids, torch.ones_like(ids), torch.zeros_like(ids)), plain, dynamo=True,
            dynamic_shapes=dict.fromkeys(INPUTS, shape), input_names=INPUTS,
        )
    configuration = module.encoder.config
    optimizer.optimize_model(
        plain, model_type="bert", num_heads=configuration.num_attention_heads, hidden_size=configuration.hidden_size
    ).save_model_to_file(fused)
    quantize_dynamic(fused, int8, weight_type=QuantType.QInt8)
    converted = openvino.convert_model(plain)
    openvino.save_model(converted, os.path.join(scratch, "openvino.xml"), compress_to_fp16=False)
    tokenizer = fast_tokenizer(model)
    # Calibrated on pairs of the job itself, three a query, which favours this rival if anything.
    pairs = [
        pair for _, query, documents in job(folder, scratch)
        for pair in pairs_of(tokenizer, query, [text for _, text in documents[::40]])
    ][:60]
    samples = [dict(zip(INPUTS, padded([pair]), strict=True)) for pair in pairs]
    quantized = nncf.quantize(
        converted, nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(samples)
    )
    openvino.save_model(quantized, os.path.join(scratch, "openvino-int8.xml"), compress_to_fp16=False)


def scorer(kind, model, scratch):
    """A function from padded ids, mask and segments to scores, and a line of versions."""
    if kind.startswith("torch"):
        import torch
        import transformers

        module = torch_module(model, kind.removeprefix("torch").removeprefix("-") or "fp32")

        def score(*inputs):
            with torch.inference_mode():
                return module(*map(torch.from_numpy, inputs)).numpy()

        return score, f"torch {torch.__version__}, transformers {transformers.__version__}"
    if kind.startswith("openvino"):
        import openvino

        file = "openvino-int8.xml" if kind == "openvino-int8" else "openvino.xml"
        compiled = openvino.Core().compile_model(
            os.path.join(scratch, file), "CPU",
            {
                "INFERENCE_NUM_THREADS": threads(), "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32" if kind == "openvino" else "bf16",
            },
        )
        return lambda *inputs: compiled(dict(zip(INPUTS, inputs, strict=True)))[0], f"openvino {openvino.__version__}"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(os.path.join(scratch, kind + ".onnx"), options, providers=["CPUExecutionProvider"])
    return lambda *inputs: session.run(None, dict(zip(INPUTS, inputs, strict=True)))[0], f"onnxruntime {onnxruntime.__version__}"


def measure(kind, order, folder, model, scratch):
    score, versions = scorer(kind, model, scratch)
    tokenizer = fast_tokenizer(model)
    work = job(folder, scratch)

    def rerank(query, documents):
        pairs = pairs_of(tokenizer, query, [text for _, text in documents])
        places = list(range(len(pairs)))
        if order == "sorted":
            places.sort(key=lambda place: -len(pairs[place][0]))
        scores = [0.0] * len(pairs)
        for start in range(0, len(places), BATCH):
            batch = places[start : start + BATCH]
            for place, value in zip(batch, score(*padded([pairs[place] for place in batch])), strict=True):
                scores[place] = float(value)
        return scores

    rerank(work[0][1], work[0][2][:BATCH])
    seconds, scores = [], {}
    for qid, query, documents in work:
        start = time.perf_counter()
        values = rerank(query, documents)
        seconds.append(time.perf_counter() - start)
        scores[qid] = {docno: value for (docno, _), value in zip(documents, values, strict=True)}
    report(seconds, scores, versions, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


def measure_ours(precision, folder, model, scratch):
    """`gradus rerank`, timed by its own report of each query. A budget of tokens that suffices asks for that report."""
    out = os.path.join(scratch, "ours.run")
    summary = call([
        os.environ["GRADUS"], "rerank", os.path.join(scratch, "job.run"), "--topics", folder, "--split", "test", "--index",
        os.path.join(scratch, "index"), "--model", model, "--precision", precision, "--threads", threads(), "--budget-tokens",
        10**9, "--out", out, "--json",
    ])
    scores = {}
    with open(out, encoding="utf-8") as file:
        for line in file:
            qid, _, docno, _, value, _ = line.split()
            scores.setdefault(qid, {})[docno] = float(value)
    seconds = [query["ms"] / 1000 for query in summary["per_query"]]
    report(seconds, scores, "", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6)


def report(seconds, scores, versions, peak):
    ordered = sorted(seconds)

    def rank(share):
        return 1000 * ordered[max(0, -int(-share * len(ordered) // 1) - 1)]

    json.dump(
        {
            "passages_per_second": sum(map(len, scores.values())) / sum(seconds), "p50_ms": rank(0.5), "p99_ms": rank(0.99),
            "peak_mb": peak, "versions": versions, "scores": scores,
        },
        sys.stdout,
    )


def ranks(values):
    """Ranks, with the mean rank for equal values."""
    order = sorted(range(len(values)), key=values.__getitem__)
    result = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            result[place] = (start + end) / 2
        start = end + 1
    return result


def agreement(reference, scores):
    """Mean rank correlation over the queries, and the largest difference of a score."""
    correlations, largest = [], 0.0
    for qid, expected in reference.items():
        found = [scores[qid][docno] for docno in expected]
        if any(value != value for value in found):
            return float("nan"), float("inf")
        largest = max([largest, *(abs(a - b) for a, b in zip(found, expected.values(), strict=True))])
        if len(found) > 2:
            correlations.append(statistics.correlation(ranks(found), ranks(list(expected.values()))))
    return statistics.mean(correlations), largest


def compare(folder, encoder, scratch, path):
    model = os.path.join(scratch, "model")
    pair_model.write(encoder, model, TOKENS, QUERY_TOKENS)
    work = job(folder, scratch)
    # Exporters talk on standard output, which is for figures here.
    if not os.path.exists(os.path.join(scratch, "openvino-int8.xml")):
        run([*runner(), sys.executable, __file__, "export", folder, model, scratch], stdout=sys.stderr, check=True)

    def side(*arguments):
        return lambda: call([*runner(), sys.executable, __file__, *arguments, folder, model, scratch])

    sides = {f"gradus {precision}": side("ours", precision) for precision in PEERS}
    for peers in PEERS.values():
        for name, kind in peers.items():
            sides |= {f"{name}, {text}": side("measure", kind, order) for order, text in ORDERS.items()}
    # What all others are held to.
    reference = f"torch eager, {ORDERS['sorted']}"
    only = os.environ.get("ONLY", "").split(";")
    sides = {name: each for name, each in sides.items() if name == reference or any(part in name for part in only)}
    results = {name: [] for name in sides}
    for number in range(int(os.environ["ROUNDS"])):
        for name, each in sides.items():
            # Kept for a call that goes on where this one ends, with a folder that is kept.
            kept = os.path.join(scratch, f"{number}-{name.replace(' ', '_')}.json")
            if not os.path.exists(kept):
                print(f"round {number + 1}: {name}", file=sys.stderr)
                result = each()
                with open(kept, "w", encoding="utf-8") as file:
                    json.dump(result, file)
            with open(kept, encoding="utf-8") as file:
                results[name].append(json.load(file))
    expected = results[reference][0]["scores"]
    table = Report("A re-ranking job", [])
    quality, versions = {}, {}
    for name, rounds in results.items():
        quality[name] = agreement(expected, rounds[0]["scores"])
        versions[rounds[0]["versions"]] = None
    middle = {
        name: {key: statistics.median(one[key] for one in rounds) for key in FIGURES}
        for name, rounds in results.items()
    }
    for precision, peers in PEERS.items():
        ours = f"gradus {precision}"
        rivals = [f"{name}, {text}" for name in peers for text in ORDERS.values() if f"{name}, {text}" in results]
        if ours not in results or not rivals:
            continue
        table.compare(
            f"BM25's 100, {precision}", "passages/s", [one["passages_per_second"] for one in results[ours]],
            {name: [one["passages_per_second"] for one in results[name]] for name in rivals}, higher_is_better=True,
            peak_mb={"gradus": [middle[ours]["peak_mb"]]} | {name: [middle[name]["peak_mb"]] for name in rivals},
        )
    fp32 = ["gradus fp32", *(f"{name}, {text}" for name in PEERS["fp32"] for text in ORDERS.values())]
    for name in fp32:
        if name in results and name != reference:
            table.agreement(f"Scores of {name} and torch eager in fp32", quality[name][1], TOLERANCE)
    lengths = [len(ids) for _, query, documents in work for ids, _ in pairs_of(
        fast_tokenizer(model), query, [text for _, text in documents])]
    lines = [
        f"{len(work)} test queries of {os.path.basename(os.path.normpath(folder))}, {len(lengths):,} pairs of {min(lengths)} to "
        f"{max(lengths)} tokens, {statistics.mean(lengths):.0f} on average (limit {TOKENS}). {os.path.basename(encoder)} with a "
        f"linear head of fixed random weights on [CLS]. {', '.join(filter(None, versions))}. Median of {os.environ['ROUNDS']} "
        "rounds; tokenizers included, batches of 32 on the rivals' side.", "",
        "| | passages/s | a query p50 ms | p99 ms | rank correlation with fp32 | largest difference of a score |",
        "|---|---|---|---|---|---|",
    ]
    for name, figures in middle.items():
        lines.append(
            f"| {name} | {figures['passages_per_second']:.1f} | {figures['p50_ms']:.0f} | {figures['p99_ms']:.0f} "
            f"| {quality[name][0]:.4f} | {quality[name][1]:.2g} |"
        )
        correlation, difference = quality[name]
        print(json.dumps({"side": name, **figures, "rank_correlation": correlation, "difference": difference}), flush=True)
    table.notes = lines
    table.write(path)


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    {"compare": compare, "export": export, "measure": measure, "ours": measure_ours}[mode](*arguments)
