#!/usr/bin/env bash
# HNSW against hnswlib, usearch and faiss: JSON lines on standard output, a table in results/hnsw.md.
#
#   Benchmarks/Peers/hnsw.sh [NAME BASE.npy QUERIES.npy]...
#
# Without arguments: 100,000 vectors of 128 numbers and 1,000 queries from a seeded mixture of Gaussians on the sphere, which
# hnsw_peer.py generates. Vectors of a collection: gradus dense faq --index DIR, then gradus bench vectors DIR --export BASE.npy;
# those of its queries in the same way, with the topics file as the corpus. All sides get the same float32 vectors, M 16 and
# efConstruction 200, and answer for k 10. Fails where the exact answers of both sides differ. QUIET is put before every
# measurement (a command that waits until the machine is idle, say). See environment.sh for GRADUS, PEER_VENV and ROUNDS, and
# pairs.py for RESUME and STOP_AFTER, which cut the run into several calls; threads are 1 and 2 here.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
peer_environment numpy hnswlib usearch faiss-cpu:faiss
if [ $# -eq 0 ]; then
  "$python" "$here/hnsw_peer.py" generate "$scratch/base.npy" "$scratch/queries.npy"
  set -- "mixture of Gaussians" "$scratch/base.npy" "$scratch/queries.npy"
fi
"$python" "$here/hnsw_peer.py" compare "$scratch" "$results/hnsw.md" "$@"
