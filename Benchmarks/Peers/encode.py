"""Passages per second: `gradus bench encode` at each precision against ONNX Runtime, OpenVINO and torch eager.

From token ids to unit vectors: encoder, mean over the tokens, division by the length. All texts of a batch have the same
length, so that no side pads and the rivals need no mask. ONNX Runtime runs the export of the same torch module, once
with all of its graph optimisations, and once after its own optimiser for transformers (fused attention). The int8 rivals
are ONNX Runtime's and torch's dynamic quantisation, and OpenVINO with NNCF's calibration (the transformer preset, with real
texts); OpenVINO's int8 and bf16 run what is left in bf16.

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
# Precision of gradus -> rival -> kind.
PEERS = {
    "fp32": {"ONNX Runtime": "onnx", "ONNX Runtime, fused": "onnx-fused", "OpenVINO": "openvino", "torch eager": "torch"},
    "bf16": {"OpenVINO bf16": "openvino-bf16", "torch eager bf16": "torch-bf16"},
    "int8": {
        "ONNX Runtime dynamic int8": "onnx-int8", "OpenVINO NNCF int8": "openvino-int8", "torch dynamic int8": "torch-int8",
    },
}


def torch_module(folder, precision="fp32"):
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
            return torch.nn.functional.normalize(hidden.float().mean(dim=1), dim=1)

    torch.set_num_threads(threads())
    module = SentenceEncoder().eval()
    if precision == "bf16":
        return module.bfloat16()
    if precision == "int8":
        return torch.ao.quantization.quantize_dynamic(module, {torch.nn.Linear}, dtype=torch.qint8)
    return module


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
    from onnxruntime.quantization import QuantType, quantize_dynamic

    fused_path, int8_path = os.path.join(scratch, "onnx-fused.onnx"), os.path.join(scratch, "onnx-int8.onnx")
    quantize_dynamic(fused_path, int8_path, weight_type=QuantType.QInt8)
    import nncf
    import numpy
    import openvino
    import transformers

    model = openvino.convert_model(plain)
    openvino.save_model(model, os.path.join(scratch, "openvino.xml"), compress_to_fp16=False)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    samples = [numpy.array([tokenizer(text, truncation=False)["input_ids"]]) for text in texts()]
    int8 = nncf.quantize(model, nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(samples))
    openvino.save_model(int8, os.path.join(scratch, "openvino-int8.xml"), compress_to_fp16=False)
    with open(os.path.join(scratch, "fused.json"), "w", encoding="utf-8") as file:
        json.dump(fused.get_fused_operator_statistics(), file)


def encoder(kind, folder, scratch):
    """A function from int64 ids [texts, tokens] to vectors [texts, dimension], and a line of versions."""
    if kind.startswith("torch"):
        import torch
        import transformers

        module = torch_module(folder, kind.removeprefix("torch").removeprefix("-") or "fp32")

        def encode(ids):
            with torch.inference_mode():
                return module(torch.from_numpy(ids)).numpy()

        return encode, f"torch {torch.__version__}, transformers {transformers.__version__}"
    if kind.startswith("openvino"):
        import openvino

        file = "openvino-int8.xml" if kind == "openvino-int8" else "openvino.xml"
        precision = "f32" if kind == "openvino" else "bf16"
        compiled = openvino.Core().compile_model(
            os.path.join(scratch, file), "CPU",
            {"INFERENCE_NUM_THREADS": threads(), "INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"},
        )
        return lambda ids: compiled(ids)[0], f"openvino {openvino.__version__}"
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


def our_cosines(folder, scratch, precision):
    paths = [os.path.join(scratch, name) for name in ("corpus.jsonl", "queries.jsonl", "dense.run")]
    for path in paths[:2]:
        with open(path, "w", encoding="utf-8") as file:
            for number, text in enumerate(texts()):
                file.write(json.dumps({"_id": str(number), "text": text}) + "\n")
    count = len(texts())
    gradus("dense", paths[0], "--topics", paths[1], "--model", folder, "--precision", precision, "-k", count, "--out", paths[2])
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
    mine = {precision: our_cosines(folder, scratch, precision) for precision in PEERS}
    errors = {}
    for precision, peers in PEERS.items():
        for name, kind in peers.items():
            file = os.path.join(scratch, kind + ".json")
            run([sys.executable, __file__, "cosines", kind, folder, scratch, file], check=True)
            with open(file, encoding="utf-8") as opened:
                theirs = json.load(opened)
            difference = largest_difference(mine["fp32"], theirs)
            if precision == "fp32":
                report.agreement(f"Cosines of all pairs of {len(theirs)} texts, gradus and {name}", difference, TOLERANCE)
            errors[name] = difference
        errors["gradus " + precision] = largest_difference(mine["fp32"], mine[precision])
    versions = {}
    for batch, tokens, repeats in SHAPES:
        sides = {
            "gradus " + precision: lambda precision=precision: gradus(
                "bench", "encode", "--model", folder, "--precision", precision, "--batch", batch, "--tokens", tokens,
                "--threads", threads(), "--repeats", repeats,
            )
            for precision in PEERS
        }
        for peers in PEERS.values():
            sides |= {name: lambda kind=kind: peer(kind, batch, tokens, repeats) for name, kind in peers.items()}
        results = alternate(sides)

        def rates(name):
            return [result["passages_per_second"]["median"] for result in results[name]]

        for precision, peers in PEERS.items():
            ours = "gradus " + precision
            versions.update({result["versions"]: None for name in peers for result in results[name]})
            peaks = {"gradus": [result["peak_mb"] for result in results[ours]]}
            peaks |= {name: [result["peak_mb"] for result in results[name]] for name in peers}
            report.compare(
                f"{batch} x {tokens} tokens, {precision}", "passages/s", rates(ours), {name: rates(name) for name in peers},
                higher_is_better=True, peak_mb=peaks,
            )
    report.notes = [
        f"{', '.join(versions)}. Each value is the median over the rounds of the median of "
        f"{', '.join(str(repeats) for _, _, repeats in SHAPES)} passes (in the table's order) after warm-up.",
        "Largest difference of a cosine from gradus fp32: "
        + ", ".join(f"{name} {error:.2g}" for name, error in errors.items()) + ".",
        f"From token ids to unit vectors. ONNX Runtime's optimiser fused: {fused}.",
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
