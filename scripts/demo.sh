#!/usr/bin/env bash
# The main job, end to end, in plain commands: each is printed before it runs, and one whose result is newer than what it
# depends on is not run again. Usage: scripts/demo.sh PATH_OF_GRADUS
set -euo pipefail
cd "$(dirname "$0")/.."
gradus=$(realpath "${1:-.build/release/gradus}")
out=.gradus/demo
mkdir -p "$out"
export GRADUS_HOME="${GRADUS_HOME:-$HOME/.cache/gradus}"

run() {
  printf '\n$ gradus %s\n' "$*"
  "$gradus" "$@"
}

# step RESULT INPUT... -- ARGUMENTS...: runs gradus unless RESULT is newer than every INPUT.
step() {
  local result=$1 fresh=1
  shift
  [ -e "$result" ] || fresh=0
  while [ "$1" != -- ]; do
    [ "$fresh" = 1 ] && [ "$1" -nt "$result" ] && fresh=0
    shift
  done
  shift
  if [ "$fresh" = 1 ]; then
    printf '\n$ gradus %s\n  (up to date)\n' "$*"
  else
    run "$@"
  fi
}

started=$SECONDS
run models pull minilm-l6
run data build faq
faq="$GRADUS_HOME/data/faq"

step "$out/faq.index/manifest" "$gradus" "$faq/corpus.jsonl.gz" -- index faq --out "$out/faq.index"
step "$out/bm25.run" "$out/faq.index/manifest" -- \
  search "$out/faq.index" --topics faq --split test -k 100 --out "$out/bm25.run"
step "$out/untrained.run" "$out/bm25.run" -- \
  rerank "$out/bm25.run" --topics faq --index "$out/faq.index" --model minilm-l6 --top 15 --out "$out/untrained.run"

training=(--model minilm-l6 --data faq --loss pairwise-cross-entropy --epochs 3 --samples-per-epoch 192
  --dev-queries 40 --dev-depth 10 --maximum-tokens 192 --seed 1)
run train "${training[@]}" --curriculum none --out "$out/plain"
run train "${training[@]}" --curriculum recip --curriculum-end 2 --out "$out/curriculum"
for model in plain curriculum; do
  step "$out/$model.run" "$out/bm25.run" "$out/$model/gradus.json" -- \
    rerank "$out/bm25.run" --topics faq --index "$out/faq.index" --model "$out/$model" --top 15 --out "$out/$model.run"
done

run report "$faq/qrels/test.tsv" "$out/bm25.run" "$out/untrained.run" "$out/plain.run" "$out/curriculum.run" \
  --training "$out/plain" --training "$out/curriculum" --topics faq --corpus faq --out "$out/report.html"
run evaluate "$faq/qrels/test.tsv" "$out/bm25.run" "$out/untrained.run" "$out/plain.run" "$out/curriculum.run" \
  -m "nDCG@10 RR@10 P@1"

printf '\nOne seed a side cannot tell whether the curriculum helped: gradus reproduce curricula compares several.\n'
printf 'Done in %d min %02d s. Report: %s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)) "$out/report.html"
printf 'Now ask something yourself:\n\n  %s search %s --query "How do I sort a hash by value?" -k 3\n\n' \
  "${1:-.build/release/gradus}" "$out/faq.index"
