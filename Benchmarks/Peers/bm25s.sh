#!/usr/bin/env bash
# Speed of bm25s (with its numba backend, and with numpy) on a BEIR folder: JSON on standard output.
#
#   Benchmarks/Peers/bm25s.sh FOLDER [QRELS]
#
# QRELS picks the queries (default: FOLDER/qrels/test.tsv). Needs Python 3.9 or later and a package index; installs into
# a folder that is removed at the end, or into $PEER_VENV, which is kept.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?usage: bm25s.sh FOLDER [QRELS]}
qrels=${2:-$folder/qrels/test.tsv}
if [ -z "${PEER_VENV:-}" ]; then
  PEER_VENV=$(mktemp -d)
  trap 'rm -rf "$PEER_VENV"' EXIT
fi
[ -x "$PEER_VENV/bin/python" ] || python3 -m venv "$PEER_VENV"
"$PEER_VENV/bin/python" -c 'import bm25s, numba, Stemmer' 2>/dev/null ||
  "$PEER_VENV/bin/pip" install --quiet bm25s numba PyStemmer >&2
"$PEER_VENV/bin/python" "$here/bm25s_peer.py" "$folder" "$qrels"
