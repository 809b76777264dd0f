#!/usr/bin/env bash
# BM25 against bm25s: JSON lines on standard output, a table in results/bm25s.md.
#
#   Benchmarks/Peers/bm25s.sh FOLDER [SPLIT]
#
# FOLDER is a collection in BEIR's layout (packed or not) or an installed collection's name; SPLIT picks the queries
# (default: test). Fails where nDCG@10 of the two runs differs by more than 0.001. See environment.sh for GRADUS, PEER_VENV
# and ROUNDS; threads are 1 and 2 here.
set -euo pipefail
collection=${1:?usage: bm25s.sh FOLDER [SPLIT]}
source "$(dirname "$0")/environment.sh"
collection=$(collection_folder "$collection")
peer_environment bm25s numba PyStemmer:Stemmer
"$python" "$here/bm25s_peer.py" compare "$collection" "${2:-test}" "$scratch" "$results/bm25s.md"
