#!/usr/bin/env bash
# What a trained re-ranker gains over BM25's best 100: JSON on standard output, a table in results/rerank-NAME.md.
#
#   Benchmarks/rerank.sh faq                 # 6 epochs of 320 pairs, some 20 minutes on two processor cores
#   Benchmarks/rerank.sh FOLDER              # SciFact or another collection in BEIR's layout: 4 epochs of 192 pairs
#
# Trains a cross-encoder from MiniLM-L6 on the queries of `train`; the epoch and the weight of BM25's score are chosen on
# `dev`; `test` is read once, at the end. GRADUS is the command (default: .build/release/gradus), THREADS its threads (2).
set -euo pipefail
data=${1:?usage: rerank.sh COLLECTION}
source "$(dirname "$0")/Peers/environment.sh"
name=$(basename "$data")
case $name in
  faq) settings=(--epochs 6 --samples-per-epoch 320 --maximum-tokens 192 --dev-queries all) ;;
  *) settings=(--epochs 4 --samples-per-epoch 192 --maximum-tokens 256 --dev-queries 50) ;;
esac

"$GRADUS" index "$data" --out "$scratch/index" --threads "$THREADS" >&2
"$GRADUS" search "$scratch/index" --topics "$data" --split test -k 100 --threads "$THREADS" --out "$scratch/bm25.run" >&2
"$GRADUS" train --model minilm-l6 --data "$data" "${settings[@]}" --patience 3 --threads "$THREADS" --out "$scratch/ranker" >&2
"$GRADUS" rerank "$scratch/bm25.run" --topics "$data" --split test --index "$scratch/index" --model "$scratch/ranker" \
  --top 100 --precision bf16 --threads "$THREADS" --out "$scratch/trained.run" >&2
judgements=$data
[ ! -d "$data" ] || judgements=$data/qrels/test.tsv
evaluate=("$GRADUS" evaluate "$judgements" "$scratch/bm25.run" "$scratch/trained.run" -m "nDCG@10 RR@10 P@1")
{
  printf '# A trained re-ranker over BM25 top 100: %s, test\n\n' "$name"
  printf '`gradus train --model minilm-l6 --data %s %s --patience 3`, bf16 in re-ranking.\n\n```\n' "$name" "${settings[*]}"
  "${evaluate[@]}"
  printf '```\n'
} >"$results/rerank-$name.md"
"${evaluate[@]}" --json
