#!/usr/bin/env bash
# Fusing runs against ranx: JSON lines on standard output, a table in results/fusion.md.
#
#   Benchmarks/Peers/fusion.sh [RUNS] [QUERIES] [DOCUMENTS]
#
# Makes RUNS (5) runs of QUERIES (1000) queries with DOCUMENTS (1000) documents each, from a seed. Times the fusion alone, with
# the runs in memory on both sides, and the way from files to a file. Fails where a score differs by more than 1e-9. See
# environment.sh for GRADUS, PEER_VENV, THREADS and ROUNDS.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
peer_environment ranx numba numpy
"$python" "$here/fusion_peer.py" compare "${1:-5}" "${2:-1000}" "${3:-1000}" "$scratch" "$results/fusion.md"
