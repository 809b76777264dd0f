#!/usr/bin/env bash
# Reading a prompt and generating against llama.cpp and torch: JSON lines on standard output, a table in results/generate.md.
#
#   Benchmarks/Peers/generate.sh [MODEL.gguf] [COLLECTION]
#
# MODEL is an installed decoder or a GGUF file (default: smollm2-135m); files of the other TYPES (Q4_0 Q8_0 BF16 Q4_K_M) are
# made from it. COLLECTION gives the text for the perplexity (default: faq). PROMPT (1500) and GENERATE (128) are the tokens to
# read and to generate.
# Fails where a perplexity differs by more than 2 %, or where a greedy choice differs that is not nearly tied. llama.cpp comes
# as llama-cpp-python, which its installation compiles for this processor: it needs a C++ compiler and some minutes. See
# environment.sh for GRADUS, PEER_VENV, THREADS and ROUNDS.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
export PROMPT=${PROMPT:-1500} GENERATE=${GENERATE:-128}
decoder=$(decoder_file "${1:-smollm2-135m}")
folder=$(collection_folder "${2:-faq}")
peer_environment llama-cpp-python:llama_cpp torch transformers accelerate gguf numpy
"$python" "$here/generate_peer.py" compare "$decoder" "$folder" "$scratch" "$results/generate.md"
