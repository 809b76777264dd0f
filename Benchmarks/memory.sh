#!/usr/bin/env bash
# Memory of re-ranking 1,000 candidates of 256 tokens over that of the loaded weights: JSON lines on standard output, a table
# in results/memory.md; fails where it is 300 MB or more.
#
#   Benchmarks/memory.sh [MODEL]
#
# MODEL is an installed sentence encoder or its folder (default: minilm-l6), which gets a linear head. GRADUS is the command
# (default: .build/release/gradus), THREADS its threads (2). Peaks are the system's count of resident memory (getrusage).
set -euo pipefail
source "$(dirname "$0")/Peers/environment.sh"
python3 "$here/../memory.py" "$(model_folder "${1:-minilm-l6}")" "$scratch" "$results/memory.md"
