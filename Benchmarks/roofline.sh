#!/usr/bin/env bash
# Each kernel's share of what the machine can do at most with one thread, and how much faster all threads are: writes
# Benchmarks/results/roofline.md.
#
#   Benchmarks/roofline.sh [GRADUS]       GRADUS: the program, .build/release/gradus by default
#
# The peaks are peaks.c's: products in registers, reading from caches and memory. A kernel's share is that of the peak which it
# comes nearer to, products or bytes; bytes are held against the L2 cache, where its data lie, or against 32 MB where they are
# more than the caches next to the processor hold.
set -euo pipefail
cd "$(dirname "$0")/.."
gradus=$(realpath "${1:-.build/release/gradus}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# clang: other compilers do not keep the sums of peaks.c in registers.
clang=$(command -v clang || echo "$(dirname "$(readlink -f "$(command -v swiftc)")")/clang")
"$clang" -O2 -pthread -o "$work/peaks" Benchmarks/peaks.c
"$work/peaks" >"$work/peaks.txt"
"$gradus" bench kernels --threads 1 --json >"$work/one.json"
"$gradus" bench kernels --json >"$work/all.json"
{
  printf '%s, %s processors, %s; load before %s\n' \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -sm)" "$(cut -d' ' -f1-3 /proc/loadavg)"
} >"$work/machine.txt"
python3 Benchmarks/roofline.py "$work" >"$work/roofline.md"
cp "$work/roofline.md" Benchmarks/results/roofline.md
cat Benchmarks/results/roofline.md
