"""Passages per second: `gradus bench encode` against ONNX Runtime and torch eager, all in fp32.

From token ids to unit vectors: encoder, mean over the tokens, division by the length. All texts of a batch have the same
length, so that no side pads and the rivals need no mask. ONNX Runtime runs the export of the same torch module, once
with all of its graph optimisations, and once after its own optimiser for transformers (fused attention).

That the vectors are the same is checked on real text of different lengths, from the text to the vector: the cosines of all
pairs by `gradus dense` against the rivals' with the model's own tokenizer.
"""

import json
import os
import resource
import statistics
import sys
import time
from subprocess import run

from pairs import Report, alternate, call, gradus, threads

# Texts of a batch, tokens of a text, timed repeats.
SHAPES = [(100, 64, 7), (32, 128, 7), (1, 128, 101)]
TOLERANCE = 1e-4
PEERS = {"ONNX Runtime": "onnx", "ONNX Runtime, fused": "onnx-fused", "torch eager": "torch"}


def torch_module(folder):
    import torch
    import transformers

    class SentenceEncoder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = transformers.BertModel.from_pretrained(
                folder, add_pooling_layer=False, attn_implementation="sdpa", dtype=torch.float32
            )

        def forward(self, ids):
            mask = torch.ones_like(ids) if torch.onnx.is_in_onnx_export() else None
            hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            return torch.nn.functional.normalize(hidden.mean(dim=1), dim=1)

    torch.set_num_threads(threads())
    return SentenceEncoder().eval()


def export(folder, scratch):
    """Writes the two ONNX files; batch and length stay variable."""
    import torch
    from onnxruntime.transformers import optimizer

    module = torch_module(folder)
    plain = os.path.join(scratch, "onnx.onnx")
    dimensions = {"ids": {0: torch.export.Dim("batch", min=1, max=4096), 1: torch.export.Dim("tokens", min=2, max=512)}}
    example = torch.randint(1000, module.encoder.config.vocab_size, (2, 16))
    with torch.inference_mode():
        torch.onnx.export(module, (example,), plain, dynamo=True, dynamic_shapes=dimensions, input_names=["ids"])
    configuration = module.encoder.config
    fused = optimizer.optimize_model(
        plain, model_type="bert", num_heads=configuration.num_attention_heads, hidden_size=configuration.hidden_size
    )
    fused.save_model_to_file(os.path.join(scratch, "onnx-fused.onnx"))
    with open(os.path.join(scratch, "fused.json"), "w", encoding="utf-8") as file:
        json.dump(fused.get_fused_operator_statistics(), file)


def encoder(kind, folder, scratch):
    """A function from int64 ids [texts, tokens] to vectors [texts, dimension], and a line of versions."""
    if kind == "torch":
        import torch
        import transformers

        module = torch_module(folder)

        def encode(ids):
            with torch.inference_mode():
                return module(torch.from_numpy(ids)).numpy()

        return encode, f"torch {torch.__version__}, transformers {transformers.__version__}"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        os.path.join(scratch, kind + ".onnx"), options, providers=["CPUExecutionProvider"]
    )
    return lambda ids: session.run(None, {"ids": ids})[0], f"onnxruntime {onnxruntime.__version__}"


def measure(kind, folder, scratch, batch, tokens, repeats):
    import numpy

    encode, versions = encoder(kind, folder, scratch)
    ids = numpy.random.default_rng(1).integers(1000, 30000, (batch, tokens))
    for _ in range(2):
        encode(ids)
    rates = []
    for _ in range(repeats):
        start = time.perf_counter()
        encode(ids)
        rates.append(batch / (time.perf_counter() - start))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    json.dump({"passages_per_second": {"median": statistics.median(rates)}, "peak_mb": peak, "versions": versions}, sys.stdout)


def texts():
    """Twenty-four texts of 3 to some 250 tokens."""
    sentences = [
        "Heat transfer in laminar flow over a flat plate was measured.",
        "The défense of the naïve café cost 1,200.50 euros!",
        "Neutrophils migrate toward inflamed tissue; antibodies (IgG) do not.",
        "How do I sort a hash by value?",
        "Supersonic wings produce shock waves at their leading edges.",
        "git rebase --onto main topic~3 topic",
    ]
    return [" ".join(sentences[(first + step) % 6] for step in range(length)) for first in range(6) for length in (1, 3, 8, 16)]


def cosines(kind, folder, scratch, path):
    """Writes the cosines of all pairs of texts, row by row."""
    import numpy
    import transformers

    encode, _ = encoder(kind, folder, scratch)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    # One text at a time: no padding, and the tokenizer's own limits do not cut.
    rows = [encode(numpy.array([tokenizer(text, truncation=False)["input_ids"]]))[0] for text in texts()]
    vectors = numpy.stack(rows).astype(numpy.float64)
    with open(path, "w", encoding="utf-8") as file:
        json.dump((vectors @ vectors.T).tolist(), file)


def our_cosines(folder, scratch):
    paths = [os.path.join(scratch, name) for name in ("corpus.jsonl", "queries.jsonl", "dense.run")]
    for path in paths[:2]:
        with open(path, "w", encoding="utf-8") as file:
            for number, text in enumerate(texts()):
                file.write(json.dumps({"_id": str(number), "text": text}) + "\n")
    count = len(texts())
    gradus("dense", paths[0], "--topics", paths[1], "--model", folder, "-k", count, "--out", paths[2])
    matrix = [[float("nan")] * count for _ in range(count)]
    with open(paths[2], encoding="utf-8") as file:
        for line in file:
            query, _, document, _, score, _ = line.split()
            matrix[int(query)][int(document)] = float(score)
    return matrix


def largest_difference(left, right):
    differences = [abs(a - b) for rows in zip(left, right, strict=True) for a, b in zip(*rows, strict=True)]
    # A pair that is missing is not a number, and must not pass.
    return max(difference if difference == difference else float("inf") for difference in differences)


def compare(folder, scratch, path):
    def peer(kind, batch, tokens, repeats):
        return call([sys.executable, __file__, "measure", kind, folder, scratch, batch, tokens, repeats])

    # Exporters talk on standard output, which is for figures here.
    run([sys.executable, __file__, "export", folder, scratch], stdout=sys.stderr, check=True)
    with open(os.path.join(scratch, "fused.json"), encoding="utf-8") as opened:
        fused = ", ".join(f"{number} {name}" for name, number in json.load(opened).items() if number)
    report = Report("Encoding passages", [])
    mine = our_cosines(folder, scratch)
    for name, kind in PEERS.items():
        file = os.path.join(scratch, kind + ".json")
        run([sys.executable, __file__, "cosines", kind, folder, scratch, file], check=True)
        with open(file, encoding="utf-8") as opened:
            theirs = json.load(opened)
        report.agreement(f"Cosines of all pairs of {len(mine)} texts, gradus and {name}", largest_difference(mine, theirs), TOLERANCE)
    versions = {}
    for batch, tokens, repeats in SHAPES:
        def ours():
            return gradus(
                "bench", "encode", "--model", folder, "--precision", "fp32", "--batch", batch, "--tokens", tokens,
                "--threads", threads(), "--repeats", repeats,
            )

        sides = {name: lambda kind=kind: peer(kind, batch, tokens, repeats) for name, kind in PEERS.items()}
        results = alternate({"gradus": ours, **sides})
        versions.update({result["versions"]: None for name in PEERS for result in results[name]})
        report.compare(
            f"{batch} x {tokens} tokens", "passages/s",
            [result["passages_per_second"]["median"] for result in results["gradus"]],
            {name: [result["passages_per_second"]["median"] for result in results[name]] for name in PEERS},
            higher_is_better=True,
            peak_mb={name: [result["peak_mb"] for result in of_side] for name, of_side in results.items()},
        )
    report.notes = [
        f"{', '.join(versions)}. Each value is the median over the rounds of the median of "
        f"{', '.join(str(repeats) for _, _, repeats in SHAPES)} passes (in the table's order) after warm-up.",
        f"From token ids to unit vectors, fp32. ONNX Runtime's optimiser fused: {fused}.",
    ]
    report.write(path)


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    match mode:
        case "compare":
            compare(*arguments)
        case "export":
            export(*arguments)
        case "cosines":
            cosines(*arguments)
        case "measure":
            measure(*arguments[:3], *map(int, arguments[3:]))
        case _:
            raise SystemExit(f"unknown mode '{mode}'")
