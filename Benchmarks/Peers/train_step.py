"""Seconds of a training step: `gradus bench train` against torch eager with AdamW, plain and fused.

A step is the forward pass in training mode (dropout as the model says), binary cross-entropy of one logit a pair, all
gradients, and AdamW with weight decay on all parameters, in fp32. The model is the same on both sides: transformers'
BertModel without its pooler, attention by scaled_dot_product_attention, dropout and a linear map of the [CLS] vector.
The rival starts from token ids; gradus also tokenizes the texts in each step. All pairs have the same length, so that
neither side pads.
"""

import json
import resource
import statistics
import sys
import time

from pairs import Report, alternate, call, gradus, threads

REPEATS = 7


def measure(folder, batch, tokens, optimizer_name):
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
    optimizer = torch.optim.AdamW(parameters, lr=2e-5, weight_decay=0.01, fused=optimizer_name == "fused")
    ids = torch.randint(1000, encoder.config.vocab_size, (batch, tokens))
    segments = (torch.arange(tokens) >= 10).long().expand(batch, tokens).contiguous()
    labels = (torch.arange(batch) % 2).float()

    def step():
        optimizer.zero_grad(set_to_none=True)
        hidden = encoder(input_ids=ids, token_type_ids=segments).last_hidden_state
        logits = classifier(dropout(hidden[:, 0])).squeeze(-1)
        torch.nn.functional.binary_cross_entropy_with_logits(logits, labels).backward()
        optimizer.step()

    for _ in range(2):
        step()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    report = {
        "seconds_per_step": {"median": statistics.median(times), "best": min(times)},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        "parameters": sum(parameter.numel() for parameter in parameters),
        "versions": f"torch {torch.__version__}, transformers {transformers.__version__}",
    }
    json.dump(report, sys.stdout)


def compare(folder, batch, tokens, path):
    def ours():
        return gradus(
            "bench", "train", "--model", folder, "--precision", "fp32", "--batch", batch, "--tokens", tokens, "--threads",
            threads(), "--repeats", REPEATS,
        )

    def peer(optimizer):
        return call([sys.executable, __file__, "measure", folder, batch, tokens, optimizer])

    peers = {"torch eager, AdamW": lambda: peer("plain"), "torch eager, fused AdamW": lambda: peer("fused")}
    results = alternate({"gradus": ours, **peers})
    first = results["torch eager, AdamW"][0]
    notes = [
        f"{first['versions']}. Each value is the median over the rounds of the median of {REPEATS} steps after warm-up.",
        "Seconds a step, fp32, all parameters trained.",
    ]
    report = Report("A training step of a cross-encoder", notes)
    report.compare(
        f"{batch} pairs x {tokens} tokens", "s/step",
        [result["seconds_per_step"]["median"] for result in results["gradus"]],
        {name: [result["seconds_per_step"]["median"] for result in results[name]] for name in peers},
        higher_is_better=False,
        peak_mb={name: [result["peak_mb"] for result in of_side] for name, of_side in results.items()},
    )
    report.agreement("Numbers of parameters", abs(results["gradus"][0]["parameters"] - first["parameters"]), 0)
    report.write(path)


if __name__ == "__main__":
    if sys.argv[1] == "measure":
        measure(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        compare(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
