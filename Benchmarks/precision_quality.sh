#!/usr/bin/env bash
# What bf16 and int8 cost a cross-encoder that re-ranks: JSON lines on standard error, a markdown table on standard output and in
# results/precision-quality.md.
#
#   Benchmarks/precision_quality.sh [COLLECTION[=MODEL]]...
#
# COLLECTION is an installed collection or a folder in BEIR's layout with a test split (default: scifact and faq). MODEL is a
# re-ranker that 'gradus train' made; without one, the first LAYERS (2) layers of MiniLM are trained on the collection's training
# queries. BM25's best 100 of the test queries are re-ranked in fp32, bf16 and int8 by the model alone: nDCG@10, what is lost of
# it relative to fp32, and Kendall's tau of each query's order with fp32's (of all candidates, and of fp32's ten best), mean over
# the queries. QUERIES takes so many test queries evenly (default: 150; 0 for all), QUICK=1 trains for one short epoch. About
# eight minutes at two threads on a quiet machine. WORK keeps models and runs: another call goes on where one was stopped
# (default: a folder that is removed). GRADUS is the command, THREADS its threads (2).
set -euo pipefail
source "$(dirname "$0")/Peers/environment.sh"
[ $# -gt 0 ] || set -- scifact faq
python3 "$here/../precision_quality.py" "${WORK:-$scratch}" "$results/precision-quality.md" "$@"
