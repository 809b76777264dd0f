#!/usr/bin/env bash
# Learning to rank on features: LambdaMART and networks with eight losses beside LightGBM, on LightGBM's own ranking example: a
# table in results/ltr.md.
#
#   Benchmarks/ltr.sh FOLDER         # some six minutes on two processor cores
#
# FOLDER holds train.letor.txt.gz and test.letor.txt.gz; default: ltr-lightgbm of GRADUS_DATA. Settings are chosen on parts of the
# training queries alone; the test queries are looked at once. LambdaMART needs XGBoost (apt-get install libxgboost-dev). See
# Peers/environment.sh for GRADUS and PEER_VENV; SEEDS (5) for the number of seeds.
set -euo pipefail
source "$(dirname "$0")/Peers/environment.sh"
folder=${1:-${GRADUS_DATA:+${GRADUS_DATA%%:*}/ltr-lightgbm}}
if [ -z "$folder" ] || ! [ -e "$folder/train.letor.txt.gz" ]; then
  echo "usage: ltr.sh FOLDER (with train.letor.txt.gz and test.letor.txt.gz), or set GRADUS_DATA" >&2
  exit 66
fi
peer_environment lightgbm numpy
"$python" "$here/../ltr.py" "$folder" "$scratch" "${SEEDS:-5}" >"$scratch/ltr.md"
mv "$scratch/ltr.md" "$results/ltr.md"
cat "$results/ltr.md"
