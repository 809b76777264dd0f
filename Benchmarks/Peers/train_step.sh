#!/usr/bin/env bash
# A training step of a cross-encoder against torch: JSON lines on standard output, a table in results/train_step.md.
#
#   Benchmarks/Peers/train_step.sh [MODEL] [BATCH] [TOKENS] [COLLECTION]
#
# MODEL is an installed encoder or its folder (default: minilm-l6), BATCH 16 pairs, TOKENS 128. COLLECTION is a folder in
# BEIR's layout with qrels/train.tsv, for real pairs. See environment.sh for GRADUS, PEER_VENV, THREADS and ROUNDS.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
folder=$(model_folder "${1:-minilm-l6}")
peer_environment torch transformers numpy
"$python" "$here/train_step.py" compare "$folder" "${2:-16}" "${3:-128}" "$results/train_step.md" "$scratch" ${4:+"$4"}
