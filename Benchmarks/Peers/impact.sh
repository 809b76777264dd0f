#!/usr/bin/env bash
# Search of learned sparse vectors against PISA: JSON lines on standard output, a table in results/impact.md.
#
#   Benchmarks/Peers/impact.sh FOLDER [SPLIT]
#
# FOLDER is a collection in BEIR's layout or an installed collection's name; SPLIT picks the queries (default: test). MODEL is
# the SPLADE model that weights documents and queries (default: splade-tiny). Both sides get the same whole numbers: documents'
# weights from 1 to 255, queries' weights times 100. Fails where scores of the k best differ. WORK keeps the weighted terms, which
# take some minutes (default: a folder that is removed). See environment.sh for GRADUS, PEER_VENV and ROUNDS; one thread on both
# sides.
set -euo pipefail
collection=${1:?usage: impact.sh FOLDER [SPLIT]}
source "$(dirname "$0")/environment.sh"
collection=$(collection_folder "$collection")
[ -z "${WORK:-}" ] || mkdir -p "$WORK"
peer_environment numpy pyterrier-pisa:pyterrier_pisa
"$python" "$here/impact_peer.py" compare "$collection" "${2:-test}" "${MODEL:-splade-tiny}" "${WORK:-$scratch}" "$results/impact.md"
