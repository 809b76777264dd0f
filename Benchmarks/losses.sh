#!/usr/bin/env bash
# What each training loss costs beside pairwise cross-entropy, and each weighting beside none, on MiniLM-L6: tables in
# results/losses.md. Fails where a loss or weighting that needs nothing beside the step takes more than 5 % longer.
#
#   Benchmarks/losses.sh              # 16 documents of 64 tokens a step: some nine minutes on two processor cores
#
# The last table is the output layer whose step does not grow with the classes. GRADUS is the command (default:
# .build/release/gradus), THREADS its threads (2).
set -euo pipefail
source "$(dirname "$0")/Peers/environment.sh"
step=(--model minilm-l6 --documents 16 --tokens 64 --threads "$THREADS")
"$GRADUS" bench losses "${step[@]}" --repeats 9 --json >"$scratch/losses.json"
"$GRADUS" bench weightings "${step[@]}" --repeats 15 --json >"$scratch/weightings.json"
"$GRADUS" bench output-layer --json >"$scratch/layer.json"
python3 - "$("$GRADUS" --version)" "$scratch"/{losses,layer,weightings}.json >"$results/losses.md" <<'PYTHON'
import json, platform, sys
version = sys.argv[1].split()[-1]
losses, layer, weightings = (json.load(open(path)) for path in sys.argv[2:])
# What a loss needs beside the forward and backward pass of one model over its samples.
needs = {
    "gist": "a guide model's pass over all texts", "dla": "a position model, trained along (a number a position)",
    "margin-mse": "scores of a teacher, computed before", "kl": "scores of a teacher, computed before",
    "rank-distil": "scores of a teacher, computed before", "matryoshka": "its inner loss once for each length",
}
names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
processor = names[0] if names else platform.machine()
print("# What losses cost\n")
print(f"{processor}, {losses['threads']} threads, {losses['instruction_set']}; gradus {version}; model {losses['model']}.\n")
print(f"A step over {losses['documents']} documents of {losses['tokens']} tokens: forward pass, loss, gradients of all")
print(f"parameters, AdamW. The ratio is the median over {losses['repeats']} turns of the step beside that of pairwise")
print("cross-entropy of the same architecture, measured just before; *alone* is the loss's own forward and backward pass, which")
print("says more than a ratio within a few per cent of 1.")
print()
print("| loss | architecture | samples | s/step | ratio | alone, ms | alone, % of a step | needs |")
print("|---|---|---|---|---|---|---|---|")
for row in losses["losses"]:
    share = row["alone_ms"] / 10 / row["seconds_per_step"]
    cells = [
        f"`{row['name']}`", row["architecture"], row["form"], f"{row['seconds_per_step']:.4f}", f"{row['ratio']:.3f}",
        f"{row['alone_ms']:.2f}", f"{share:.2f}", needs.get(row["name"], ""),
    ]
    print("| " + " | ".join(cells) + " |")
print("\n## What weightings cost\n")
print("A step of the trainer with pairwise cross-entropy and the weighting, beside one without, on the same pairs; 15 turns.\n")
print("| weighting | s/step | ratio | needs |")
print("|---|---|---|---|")
for row in weightings["weightings"]:
    print(f"| `{row['name']}` | {row['seconds_per_step']:.4f} | {row['ratio']:.3f} | {row['needs']} |")
print("\n## An output layer of D classes, d = %d: one example, microseconds\n" % layer["width"])
print("The loss is the Z-loss; *dense* computes all scores and changes all rows.\n")
print("| D | factored step | dense step | ratio |")
print("|---|---|---|---|")
for row in layer["rows"]:
    ratio = row["dense_us"] / row["factored_us"]
    print(f"| {row['classes']:,} | {row['factored_us']:.1f} | {row['dense_us']:.1f} | {ratio:.1f} |")
PYTHON
cat "$results/losses.md"
python3 - "$scratch/losses.json" "$scratch/weightings.json" <<'PYTHON'
import json, sys
losses, weightings = (json.load(open(path)) for path in sys.argv[1:3])
# A loss's own pass is measured apart, which tells more than a ratio of two steps on a machine that is never quite quiet.
measured = [row for row in losses["losses"] if row["name"] not in ("gist", "dla")]
slow = [row["name"] for row in measured if row["alone_ms"] / 1000 > 0.05 * row["seconds_per_step"]]
slow += [r["name"] for r in weightings["weightings"] if not r["needs"] and r["ratio"] > 1.05]
if slow:
    sys.exit(f"losses.sh: more than 5 % of a step: {', '.join(slow)}")
PYTHON
