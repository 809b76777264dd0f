#!/usr/bin/env bash
# Encoding passages against ONNX Runtime, OpenVINO and torch: JSON lines on standard output, a table in results/encode.md.
#
#   Benchmarks/Peers/encode.sh [MODEL]
#
# MODEL is an installed sentence encoder or its folder (default: minilm-l6) that pools by the mean and makes unit vectors.
# Fails where the fp32 sides' cosines differ by more than 1e-4. See environment.sh for GRADUS, PEER_VENV, THREADS and ROUNDS.
set -euo pipefail
source "$(dirname "$0")/environment.sh"
folder=$(model_folder "${1:-minilm-l6}")
peer_environment torch transformers numpy onnx onnxscript onnxruntime openvino nncf
"$python" "$here/encode.py" compare "$folder" "$scratch" "$results/encode.md"
