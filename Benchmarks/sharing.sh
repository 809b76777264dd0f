#!/usr/bin/env bash
# What a join layer saves in re-ranking: JSON lines on standard output, a table in results/sharing.md.
#
#   Benchmarks/sharing.sh [COLLECTION]
#
# MiniLM with a linear head of fixed random weights re-ranks BM25's best 100 of QUERIES test queries (default: 20) of COLLECTION
# (default: faq) with a join layer of 0, 2, 4 and 5: the query's lower layers shared, and the documents' read from a file. Speed
# alone: what a join layer costs in quality depends on the training. RUNNER is put before each measurement's command; GRADUS
# is the command (default: .build/release/gradus), THREADS its threads (2).
set -euo pipefail
source "$(dirname "$0")/Peers/environment.sh"
python3 "$here/../sharing.py" "${1:-faq}" "$(model_folder minilm-l6)" "${WORK:-$scratch}" "$results/sharing.md"
