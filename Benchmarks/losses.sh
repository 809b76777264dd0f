#!/usr/bin/env bash
# What each training loss costs beside pairwise cross-entropy, on MiniLM-L6: a table in results/losses.md.
#
#   Benchmarks/losses.sh              # 16 documents of 64 tokens a step, five turns: some three minutes on two processor cores
#
# The last table is the output layer whose step does not grow with the classes. GRADUS is the command (default:
# .build/release/gradus), THREADS its threads (2).
set -euo pipefail
source "$(dirname "$0")/Peers/environment.sh"
"$GRADUS" bench losses --model minilm-l6 --documents 16 --tokens 64 --repeats 5 --threads "$THREADS" --json >"$scratch/losses.json"
"$GRADUS" bench output-layer --json >"$scratch/layer.json"
python3 - "$scratch/losses.json" "$scratch/layer.json" "$("$GRADUS" --version)" >"$results/losses.md" <<'PYTHON'
import json, platform, sys
losses, layer = (json.load(open(path)) for path in sys.argv[1:3])
processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
print("# What losses cost\n")
print(f"{processor}, {losses['threads']} threads, {losses['instruction_set']}; gradus {sys.argv[3].split()[-1]}; model {losses['model']}.\n")
print(f"A step over {losses['documents']} documents of {losses['tokens']} tokens: forward pass, loss, gradients of all parameters, AdamW. The ratio is")
print(f"the median over {losses['repeats']} turns of the step beside that of pairwise cross-entropy of the same architecture, measured just")
print("before; *alone* is the loss's own forward and backward pass, which says more than a ratio within a few per cent of 1.")
print("`gist` runs its guide over all texts, too.\n")
print("| loss | architecture | samples | s/step | ratio | alone, ms | alone, % of a step |")
print("|---|---|---|---|---|---|---|")
for row in losses["losses"]:
    share = row["alone_ms"] / 10 / row["seconds_per_step"]
    print(f"| `{row['name']}` | {row['architecture']} | {row['form']} | {row['seconds_per_step']:.4f} | {row['ratio']:.3f} | {row['alone_ms']:.2f} | {share:.2f} |")
print("\n## An output layer of D classes, d = %d: one example, microseconds\n" % layer["width"])
print("The loss is the Z-loss; *dense* computes all scores and changes all rows.\n")
print("| D | factored step | dense step | ratio |")
print("|---|---|---|---|")
for row in layer["rows"]:
    print(f"| {row['classes']:,} | {row['factored_us']:.1f} | {row['dense_us']:.1f} | {row['dense_us'] / row['factored_us']:.1f} |")
PYTHON
cat "$results/losses.md"
