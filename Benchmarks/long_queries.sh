#!/usr/bin/env bash
# Whole documents as queries: the time of searches with queries of 3 to 1000 words, BM25, one thread.
#
#   Benchmarks/long_queries.sh [COLLECTION] [MODEL]
#
# COLLECTION is an installed collection or a BEIR folder (default: faq). Queries are texts of its own documents put one after
# the other. GRADUS names the command (default: .build/release/gradus), WORDS the lengths.
set -euo pipefail
cd "$(dirname "$0")/.."
collection=${1:-faq}
model=${2:-bm25}
gradus=${GRADUS:-.build/release/gradus}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$gradus" index "$collection" --out "$scratch/index" >&2
"$gradus" search "$scratch/index" --query "how can this be used with a file" -k 1000 --json > "$scratch/answers.json"
echo "$(uname -m), $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg); $collection, $model, 100 queries of each length"
printf '%6s %6s %12s %9s %9s\n' words k queries/s p50_ms p99_ms
for words in ${WORDS:-3 30 100 300 1000}; do
  python3 - "$scratch/answers.json" "$words" > "$scratch/topics.jsonl" <<'PY'
import json
import sys

texts = [hit["text"].split() for hit in json.load(open(sys.argv[1]))["documents"]]
count = int(sys.argv[2])
for number in range(100):
    words, at = [], number * 9
    while len(words) < count:
        words += texts[at % len(texts)]
        at += 1
    print(json.dumps({"_id": str(number), "text": " ".join(words[:count])}))
PY
  for k in 10 1000; do
    "$gradus" bench search "$scratch/index" --topics "$scratch/topics.jsonl" -k "$k" --model "$model" --json |
      python3 -c "
import json, sys
r = json.load(sys.stdin)
print('%6d %6d %12.0f %9.3f %9.3f' % ($words, $k, r['queries_per_second'], r['p50_ms'], r['p99_ms']))"
  done
done
