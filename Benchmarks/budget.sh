#!/usr/bin/env bash
# Quality under a time budget: JSON lines on standard output, a table in results/budget.md.
#
#   Benchmarks/budget.sh [COLLECTION]
#
# Trains three small rankers on COLLECTION (default: faq; some five minutes): MiniLM's six layers, its first two, and six with
# early exits. Then the development queries' BM25 top 100 are re-ranked in 10, 25, 50, 100 and 200 ms a query and without a
# limit, by the six layers alone and by a cascade of the two; and without a limit with early exits. Prints nDCG@10, the median
# and the 99th percentile of the time, and how many candidates each model got to. QUERIES limits the development queries, taken
# evenly (default: all). WORK keeps models and runs, so that another call does not train again (default: a folder that is
# removed); RUNNER is put before each measurement's command.
# GRADUS is the command (default: .build/release/gradus), THREADS its threads (2), PRECISION int8, bf16 or fp32 (bf16).
set -euo pipefail
source "$(dirname "$0")/Peers/environment.sh"
python3 "$here/../budget.py" "${1:-faq}" "${WORK:-$scratch}" "$results/budget.md"
