#!/usr/bin/env bash
# What bf16 and int8 cost in quality: JSON lines on standard output, a table in results/encoder-precision.md.
#
#   Benchmarks/precision.sh [COLLECTION]...
#
# Dense retrieval of the test queries at each precision, on installed collections or folders in BEIR's layout (default: scifact
# and faq): nDCG@10, and Kendall's tau of each query's ten best documents of fp32 in the other run. Fails where a precision loses
# more than 0.3 % of fp32's nDCG@10. PRECISIONS are those beside fp32 (default: bf16 int8). MODEL is an installed sentence
# encoder or its folder (default: minilm-l6). Encoding takes minutes: WORK keeps the runs, so that another call goes on where one
# was stopped (default: a folder that is removed). GRADUS is the command, THREADS its threads (2).
set -euo pipefail
[ $# -gt 0 ] || set -- scifact faq
source "$(dirname "$0")/Peers/environment.sh"
work=${WORK:-$scratch}
read -r -a precisions <<<"fp32 ${PRECISIONS:-bf16 int8}"

names=()
for data in "$@"; do
  name=$(basename "$data")
  names+=("$name")
  dir=$work/$name
  mkdir -p "$dir"
  for precision in "${precisions[@]}"; do
    [ ! -e "$dir/$precision.json" ] || continue
    "$GRADUS" dense "$data" --topics "$data" --split test --model "${MODEL:-minilm-l6}" --precision "$precision" -k 100 \
      --threads "$THREADS" --out "$dir/$precision.run" --json >"$dir/$precision.json.new"
    mv "$dir/$precision.json.new" "$dir/$precision.json"
  done
  judgements=$data
  [ ! -d "$data" ] || judgements=$data/qrels/test.tsv
  runs=("${precisions[@]/#/$dir/}")
  "$GRADUS" evaluate "$judgements" "${runs[@]/%/.run}" -m "nDCG@10 RR@10 R@100" --json >"$dir/evaluation.json"
done
python3 "$here/../precision.py" "$work" "$results/encoder-precision.md" "${names[@]}"
