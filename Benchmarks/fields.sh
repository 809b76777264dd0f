#!/usr/bin/env bash
# BM25F beside BM25 on titles and texts: JSON lines on standard output, a table in results/fields.md.
#
#   Benchmarks/fields.sh [COLLECTION]...
#
# COLLECTION is a folder in BEIR's layout or a name (default: scifact nfcorpus), with training judgements and with titles. Both
# models get the parameters of a grid that are best on the training queries (nDCG@10, the first among equals); nDCG@10 on the test
# queries then has a paired t-test against BM25 so tuned, and each model's queries a second are measured, best 10 and 1,000.
# GRADUS is the command (default: .build/release/gradus), THREADS what tunes (2); speed is measured with one thread. TUNING names
# the split that parameters are chosen on (train).
set -euo pipefail
source "$(dirname "$0")/Peers/environment.sh"
[ $# -gt 0 ] || set -- scifact nfcorpus
python3 "$here/../fields.py" "$scratch" "$results/fields.md" "$@"
