#!/usr/bin/env bash
# What re-scoring stored documents costs, one thread: JSON lines on standard output, a table in results/rescoring.md; fails where a
# limit is not met.
#
#   Benchmarks/rescoring.sh [COLLECTION]
#
# COLLECTION (default: scifact) needs training judgements. BM25's best 1,000 are re-ranked by TILDEv2's stored weights, the
# query's encoding included (limit: 10 ms, half of what Zhuang and Zuccon report), and its best 100 by MaxSim of stored token
# vectors of passages of 64 tokens (limit: 5 ms for the comparison itself; with the query's encoding beside it). Medians and 99th
# percentiles over the test queries, the median over ROUNDS; nDCG@10 says that something was ranked. Training the weights and
# encoding the collection take some minutes and are not measured; WORK keeps what they make (default: a folder that is removed).
# GRADUS is the command (default: .build/release/gradus), THREADS what prepares (2), EPOCHS those of the training (5), PRECISION
# what encodes queries for MaxSim (fp32, bf16 or int8; default: fp32).
set -euo pipefail
source "$(dirname "$0")/Peers/environment.sh"
python3 "$here/../rescoring.py" "${1:-scifact}" "${WORK:-$scratch}" "$results/rescoring.md"
