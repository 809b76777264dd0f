#!/usr/bin/env bash
# What bf16 and int8 cost in quality: JSON lines on standard output, a table in results/encoder-precision.md.
#
#   Benchmarks/precision.sh FOLDER [MODEL]
#
# FOLDER is SciFact in BEIR's layout, MODEL an installed sentence encoder or its folder (default: minilm-l6). Dense retrieval
# of the test queries at each precision: nDCG@10, and Kendall's tau of each query's ten best documents of fp32 in the other
# run. Fails where a precision loses more than 0.3 % of fp32's nDCG@10. GRADUS is the command, THREADS its threads (2).
set -euo pipefail
folder=${1:?usage: precision.sh FOLDER [MODEL]}
model=${2:-minilm-l6}
source "$(dirname "$0")/Peers/environment.sh"

for precision in fp32 bf16 int8; do
  "$GRADUS" dense "$folder" --topics "$folder" --split test --model "$model" --precision "$precision" -k 100 \
    --threads "$THREADS" --out "$scratch/$precision.run" --json >"$scratch/$precision.json"
done
"$GRADUS" evaluate "$folder/qrels/test.tsv" "$scratch"/{fp32,bf16,int8}.run -m "nDCG@10 RR@10 R@100" --json \
  >"$scratch/evaluation.json"
python3 "$here/../precision.py" "$scratch" "$results/encoder-precision.md"
