#!/usr/bin/env bash
# Evaluating one large run, from the files to the figures: ours, trec_eval's program and pytrec_eval on the same files.
#
#   Benchmarks/evaluate.sh [GRADUS]       GRADUS: the program, .build/release/gradus by default
#
# 10,000 queries of 100 documents, 10 judged each, made by a fixed seed; nDCG@10, RR@10, P@1, R@100, AP. Medians of 5 runs
# after one that is not counted, reading included. trec_eval is measured where it is in PATH; pytrec_eval-terrier (trec_eval's
# C code in Python) is installed with pip into an environment that is thrown away. The figures are compared, too.
set -euo pipefail
cd "$(dirname "$0")/.."
gradus=$(realpath "${1:-.build/release/gradus}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
queries=${QUERIES:-10000}
depth=${DEPTH:-100}

awk -v queries="$queries" -v depth="$depth" -v run="$work/large.run" -v qrels="$work/large.qrels" 'BEGIN {
  srand(7)
  for (q = 1; q <= queries; q++) {
    for (rank = 1; rank <= depth; rank++)
      printf "q%d Q0 doc%07d %d %.6f large\n", q, q * 131 + rank * 17, rank, 30 - 0.25 * rank + 0.2 * rand() > run
    for (j = 1; j <= 10; j++)
      printf "q%d 0 doc%07d %d\n", q, q * 131 + (1 + int(depth * 1.2 * (j - rand()) / 10)) * 17, int(3 * rand()) > qrels
  }
}'
echo "$(wc -l <"$work/large.run") lines, $(du -m "$work/large.run" | cut -f1) MB, $(nproc) processors," \
  "load $(cut -d' ' -f1 /proc/loadavg)"

measure() {
  local name=$1
  shift
  "$@" >"$work/out" || { echo "$name failed"; return 1; }
  for _ in 1 2 3 4 5; do
    local start=${EPOCHREALTIME/./}
    "$@" >"$work/out"
    echo $((${EPOCHREALTIME/./} - start))
  done | sort -n | awk -v name="$name" '
    { t[NR] = $1 / 1e6 }
    END { printf "%-28s median %6.2f s, best %6.2f s\n", name, t[3], t[1] }'
}

measures="nDCG@10 RR@10 P@1 R@100 AP"
measure "gradus" "$gradus" evaluate "$work/large.qrels" "$work/large.run" -m "$measures" --json
"$gradus" evaluate "$work/large.qrels" "$work/large.run" -m "$measures" --json >"$work/ours.json"
measure "gradus, 1 thread" "$gradus" evaluate "$work/large.qrels" "$work/large.run" -m "$measures" --json --threads 1

if command -v trec_eval >/dev/null; then
  measure "trec_eval" trec_eval -m ndcg_cut.10 -m recip_rank -m P.1 -m recall.100 -m map "$work/large.qrels" "$work/large.run"
else
  echo "trec_eval                    not in PATH, not measured"
fi

python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pytrec_eval-terrier
cat >"$work/peer.py" <<'PYTHON'
import json, sys
import pytrec_eval
with open(sys.argv[1]) as file:
    qrels = pytrec_eval.parse_qrel(file)
with open(sys.argv[2]) as file:
    run = pytrec_eval.parse_run(file)
names = {"ndcg_cut_10", "P_1", "recall_100", "map"}
values = pytrec_eval.RelevanceEvaluator(qrels, names).evaluate(run)
print(json.dumps({name: sum(v[name] for v in values.values()) / len(values) for name in sorted(names)}))
PYTHON
measure "pytrec_eval" "$work/venv/bin/python" "$work/peer.py" "$work/large.qrels" "$work/large.run"
"$work/venv/bin/python" - "$work/ours.json" "$work/out" <<'PYTHON'
import json, sys
ours = json.load(open(sys.argv[1]))["runs"][0]["measures"]
peer = json.load(open(sys.argv[2]))
pairs = {"nDCG@10": "ndcg_cut_10", "P@1": "P_1", "R@100": "recall_100", "AP": "map"}
worst = max(abs(ours[a]["mean"] - peer[b]) for a, b in pairs.items())
print(f"largest difference between gradus and pytrec_eval: {worst:.1e}")
sys.exit(worst > 1e-9)
PYTHON
