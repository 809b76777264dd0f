#!/usr/bin/env bash
# How the cost of BM25 grows with the collection: lexical.sh's comparison at several sizes, a table in results/growth.md and a
# drawing in results/growth.svg.
#
#   Benchmarks/Peers/growth.sh [DOCUMENTS]...
#
# DOCUMENTS are numbers of documents to generate (default: 10000 100000 1000000; corpora.py says how). Each size prints
# lexical.sh's JSON lines and writes results/lexical-generated-NUMBER.md. WORK keeps the figures of each size, so that another call
# goes on where one was stopped (default: a folder that is removed); with RESUME, the beginning of files' names, it does so within
# a size, too. PEERS, GRADUS, PEER_VENV and ROUNDS as for lexical.sh.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
[ $# -gt 0 ] || set -- 10000 100000 1000000
work=${WORK:-$scratch}
mkdir -p "$work"
# One environment for all sizes.
export PEER_VENV=${PEER_VENV:-$scratch/venv}
for documents in "$@"; do
  figures=$work/growth-$documents.jsonl
  [ -e "$figures" ] && continue
  RESUME=${RESUME:+$RESUME-$documents} "$here/lexical.sh" "$documents" | tee "$figures.new"
  mv "$figures.new" "$figures"
done
python3 "$here/growth.py" "$work" "$results" "$@"
