#!/usr/bin/env bash
# A re-ranking job against torch, ONNX Runtime and OpenVINO: JSON lines on standard output, a table in results/rerank-job.md.
#
#   Benchmarks/Peers/rerank_job.sh FOLDER [MODEL]
#
# FOLDER is SciFact or another collection in BEIR's layout: BM25's best 100 of QUERIES test queries (default: 20) are
# re-ranked at their real lengths, TOKENS (default: 512) at most, by MODEL (default: minilm-l6) with a linear head of fixed random
# weights on [CLS], the same on both sides. From the texts to the scores, tokenizers included. Each rival pads batches of 32
# (a) in the order given, as most users do, and (b) sorted by length first. Fails where fp32 scores differ by more than 1e-3.
# ONLY names the sides to run (parts of their names, with semicolons; default: all); WORK is a folder that is kept, so that
# another call measures only what is missing; RUNNER is put before each measurement's command. See environment.sh for GRADUS,
# PEER_VENV, THREADS and ROUNDS.
set -euo pipefail
folder=${1:?usage: rerank_job.sh FOLDER [MODEL]}
source "$(dirname "$0")/environment.sh"
encoder=$(model_folder "${2:-minilm-l6}")
folder=$(collection_folder "$folder")
peer_environment torch transformers numpy onnx onnxscript onnxruntime openvino nncf
work=${WORK:-$scratch}
mkdir -p "$work"
if ! [ -e "$work/bm25.run" ]; then
  "$GRADUS" index "$folder" --out "$work/index" --threads "$THREADS" >&2
  "$GRADUS" search "$work/index" --topics "$folder" --split test -k 100 --threads "$THREADS" --out "$work/bm25.run" >&2
fi
"$python" "$here/rerank_job.py" compare "$folder" "$encoder" "$work" "$results/rerank-job${TOKENS:+-$TOKENS}.md"
