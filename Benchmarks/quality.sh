#!/usr/bin/env bash
# First-stage quality on test queries: JSON lines on standard output, a table in results/quality.md; fails where a figure is off.
#
#   Benchmarks/quality.sh SCIFACT [COLLECTION]...
#
# BM25 (k1 0.9, b 0.4), MiniLM exactly, and SPLADE's weighted terms (splade-tiny) on SciFact (the folder in BEIR's layout, 5,183
# documents, 300 test queries) and on each other collection or folder. On SciFact nDCG@10 must be what is known of each:
# BM25 0.675 and more, MiniLM 0.645 +- 0.003 with the 256 tokens that its folder asks for and 0.654 +- 0.003 with 512, SPLADE
# 0.645 +- 0.003. Encoding a corpus takes some minutes. WORK keeps the runs, so that another call goes on where one was stopped
# (default: a folder that is removed). GRADUS is the command (default: .build/release/gradus), THREADS its threads (2).
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: quality.sh SCIFACT [COLLECTION]..." >&2; exit 64; }
source "$(dirname "$0")/Peers/environment.sh"
work=${WORK:-$scratch}

# made FILE COMMAND...: runs the command, which writes its report to standard output, unless FILE is there already.
made() {
  [ -e "$1" ] || { "${@:2}" --json >"$1.new" && mv "$1.new" "$1"; }
}

names=()
for data in "$@"; do
  name=$(basename "$data")
  names+=("$name")
  dir=$work/$name
  mkdir -p "$dir"
  common=(--topics "$data" --split test -k 1000 --threads "$THREADS")
  made "$dir/index.json" "$GRADUS" index "$data" --out "$dir/index" --threads "$THREADS"
  made "$dir/bm25.json" "$GRADUS" search "$dir/index" "${common[@]}" --out "$dir/bm25.run"
  made "$dir/dense.json" "$GRADUS" dense "$data" "${common[@]}" --model minilm-l6 --precision fp32 --out "$dir/dense.run"
  runs=("$dir/bm25.run" "$dir/dense.run")
  if [ "$data" = "$1" ]; then
    made "$dir/dense-512.json" "$GRADUS" dense "$data" "${common[@]}" --model minilm-l6 --precision fp32 \
      --maximum-tokens 512 --out "$dir/dense-512.run"
    runs+=("$dir/dense-512.run")
  fi
  made "$dir/sparse.json" "$GRADUS" sparse index "$data" --model splade-tiny --out "$dir/impacts" --threads "$THREADS"
  made "$dir/splade.json" "$GRADUS" search "$dir/impacts" "${common[@]}" --out "$dir/splade.run"
  runs+=("$dir/splade.run")
  judgements=$data
  [ ! -d "$data" ] || judgements=$data/qrels/test.tsv
  "$GRADUS" evaluate "$judgements" "${runs[@]}" -m "nDCG@10 RR@10 P@1 R@100" --json >"$dir/evaluation.json"
done
python3 "$here/../quality.py" "$work" "$results/quality.md" "${names[@]}"
