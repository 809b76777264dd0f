#!/usr/bin/env bash
# Retrieval quality on SciFact: JSON lines on standard output, a table in results/quality.md; fails where a figure is off.
#
#   Benchmarks/quality.sh FOLDER [MODEL]
#
# FOLDER is SciFact in BEIR's layout (5,183 documents, 300 test queries), MODEL an installed sentence encoder or its folder
# (default: minilm-l6). BM25 (k1 0.9, b 0.4) must reach nDCG@10 0.675, the encoder 0.645 +- 0.003 with the 256 tokens that its
# folder asks for and 0.654 +- 0.003 with 512. The dense parts encode the corpus, which takes some minutes each. GRADUS is
# the command (default: .build/release/gradus), THREADS its threads (2).
set -euo pipefail
folder=${1:?usage: quality.sh FOLDER [MODEL]}
model=${2:-minilm-l6}
source "$(dirname "$0")/Peers/environment.sh"

"$GRADUS" index "$folder" --out "$scratch/index" --threads "$THREADS" --json >"$scratch/index.json"
"$GRADUS" search "$scratch/index" --topics "$folder" --split test -k 1000 --threads "$THREADS" \
  --out "$scratch/bm25.run" --json >"$scratch/bm25.json"
"$GRADUS" dense "$folder" --topics "$folder" --split test --model "$model" -k 1000 --threads "$THREADS" \
  --precision fp32 --out "$scratch/dense.run" --json >"$scratch/dense.json"
"$GRADUS" dense "$folder" --topics "$folder" --split test --model "$model" -k 1000 --threads "$THREADS" \
  --precision fp32 --maximum-tokens 512 --out "$scratch/dense-512.run" --json >"$scratch/dense-512.json"
"$GRADUS" evaluate "$folder/qrels/test.tsv" "$scratch/bm25.run" "$scratch/dense.run" "$scratch/dense-512.run" \
  -m "nDCG@10 RR@10 R@100 AP" --json >"$scratch/evaluation.json"
python3 "$here/../quality.py" "$scratch" "$results/quality.md"
