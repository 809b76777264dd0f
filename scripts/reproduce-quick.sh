#!/usr/bin/env bash
# Runs every recipe small, in a folder that is thrown away, and ends with one table. Fails where a recipe fails; recipes whose
# collection or model is not on this machine are skipped and named. Takes some ten minutes on two processor cores.
#
#   scripts/reproduce-quick.sh [GRADUS]      # default: the command that the tests were built with, else the built one
#
# Collections: GRADUS_DATA, else ../shared/data beside the checkout where it exists.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
gradus=${1:-$root/.build-tests/release/gradus}
[ -x "$gradus" ] || gradus=$root/.build/release/gradus
if ! [ -x "$gradus" ]; then
  printf 'reproduce-quick: no built command; run make test or make build first\n' >&2
  exit 66
fi
if [ -z "${GRADUS_DATA:-}" ] && [ -d ../shared/data ]; then
  GRADUS_DATA=$(cd ../shared/data && pwd)
  export GRADUS_DATA
fi
export GRADUS_RECIPES=$root/Recipes
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0
# Without any collection or model there is nothing to run (66), which is no failure of the code.
(cd "$scratch" && "$gradus" reproduce --all --quick) || status=$?
if [ "$status" -eq 66 ]; then
  printf 'reproduce-quick: no collection or model here, nothing was run\n' >&2
  exit 0
fi
exit "$status"
