#!/usr/bin/env bash
# A training step of a cross-encoder against torch: JSON lines on standard output, a table in results/train_step.md, loss
# curves in results/train_losses.csv.
#
#   Benchmarks/Peers/train_step.sh [MODEL] [BATCH] [TOKENS] [COLLECTION]
#
# MODEL is an installed encoder or its folder (default: minilm-l6), BATCH 16 pairs, TOKENS 128. COLLECTION is an installed
# collection or a folder in BEIR's layout with qrels/train.tsv, for real pairs (default: faq). See environment.sh for GRADUS,
# PEER_VENV, THREADS and ROUNDS, and pairs.py for RESUME and STOP_AFTER, which cut the run into several calls. clang, which comes
# with Swift, measures what the processor can do (peaks.c); without one that part is left out.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
folder=$(model_folder "${1:-minilm-l6}")
collection=$(collection_folder "${4:-faq}")
peer_environment torch transformers numpy safetensors
peak=-
clang=$(command -v clang || echo "$(dirname "$(readlink -f "$(command -v swiftc)")")/clang")
if "$clang" -O2 -pthread "$here/../peaks.c" -o "$scratch/peaks" 2> /dev/null; then
  peak=$scratch/peaks
fi
"$python" "$here/train_step.py" compare "$folder" "${2:-16}" "${3:-128}" "$results" "$scratch" "$collection" "$peak"
