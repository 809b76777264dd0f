#!/usr/bin/env bash
# Start-up time of the command: median and worst of 50 runs of `gradus --version`, after 5 that are not counted.
#
#   Benchmarks/startup.sh [GRADUS]        GRADUS: the program, .build/release/gradus by default
#
# The same loop around a program that does nothing shows what starting any process costs here. Run it on a quiet machine.
set -euo pipefail
cd "$(dirname "$0")/.."
gradus=${1:-.build/release/gradus}
runs=50

# Milliseconds of one run, by bash's own clock: no process is started to read it.
once() {
  local start=${EPOCHREALTIME/./}
  "$@" >/dev/null
  local end=${EPOCHREALTIME/./}
  echo $((end - start))
}

measure() {
  for _ in 1 2 3 4 5; do "$@" >/dev/null; done
  for ((run = 0; run < runs; run++)); do once "$@"; done | sort -n |
    awk -v name="$1" '
      { t[NR] = $1 / 1000 }
      END { printf "%-32s median %5.1f ms, worst %5.1f ms, %d runs\n", name, t[int((NR + 1) / 2)], t[NR], NR }'
}

echo "$(uname -sm), $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo unknown)"
measure /bin/true
measure "$gradus" --version
