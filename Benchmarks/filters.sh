#!/usr/bin/env bash
# Searches that a filter restricts: JSON lines on standard output, a table in results/filters.md.
#
#   Benchmarks/filters.sh [COLLECTION] [BASE.npy QUERIES.npy]
#
# .1, 1, 10 and 50 % of the documents are allowed. BM25 on COLLECTION (default: faq), whose documents get dates at random, under a
# filter of dates: queries a second, latency, and the time of finding what the filter allows. HNSW on the vectors (default: those
# that Peers/hnsw.sh generates, 100,000 of 128 numbers): queries a second and recall@10 against the exact answers among what is
# allowed. One thread. GRADUS is the command (default: .build/release/gradus), EF the candidates of a walk (64), PEER_VENV a
# Python environment with numpy to use and keep.
set -euo pipefail
source "$(dirname "$0")/Peers/environment.sh"
collection=$(collection_folder "${1:-faq}")
base=${2:-$scratch/base.npy}
queries=${3:-$scratch/queries.npy}
if [ $# -lt 3 ]; then
  peer_environment numpy
  "$python" "$here/hnsw_peer.py" generate "$base" "$queries"
fi
python3 "$here/../filters.py" "$collection" "$base" "$queries" "$scratch" "$results/filters.md"
