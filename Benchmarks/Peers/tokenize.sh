#!/usr/bin/env bash
# Tokenizing against Hugging Face's tokenizers: JSON lines on standard output, a table in results/tokenize.md.
#
#   Benchmarks/Peers/tokenize.sh [COLLECTION...]
#
# COLLECTION is a folder in BEIR's layout (packed or not) or an installed collection's name (default: faq). ENCODER (default:
# minilm-l6) has a WordPiece tokenizer.json, DECODER (default: smollm2-135m) is a GGUF file with SmolLM's byte pairs; both are
# installed models or paths. One thread a side. Fails where a text gets other ids. See environment.sh for GRADUS, PEER_VENV
# and ROUNDS.
set -euo pipefail
THREADS=1
source "$(dirname "$0")/environment.sh"
[ $# -gt 0 ] || set -- faq
encoder=$(model_folder "${ENCODER:-minilm-l6}")
decoder=$(decoder_file "${DECODER:-smollm2-135m}")
folders=()
for collection in "$@"; do folders+=("$(collection_folder "$collection")"); done
peer_environment tokenizers gguf numpy
"$python" "$here/tokenize_peer.py" compare "$encoder" "$decoder" "$scratch" "$results/tokenize.md" "${folders[@]}"
