#!/usr/bin/env bash
# Runs the tests of the C kernels, the index, the worker pool and the kernels' callers under the address and
# undefined-behaviour sanitizers together, then under the thread sanitizer. Fails on the first finding.
# Usage: scripts/sanitize.sh [address|thread]...
set -euo pipefail
cd "$(dirname "$0")/.."

# Swift in debug mode, which compiles in a fraction of the time; C with optimisation, because the kernels are most of the work.
common=(-c debug -Xcc -O1 -Xcc -g)
tests='^(KernelTests|GradusIndexTests)\.|WorkerPool|InteractionPooling'

# The thread pool lives as long as the process, and Swift's own runtime keeps what it once made: no leak check.
export ASAN_OPTIONS="detect_leaks=0:halt_on_error=1:strict_string_checks=1"
export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1"
# Every buffer of a tensor from the system, so that its bounds are watched.
export GRADUS_TENSOR_CACHE=off
# More threads than a small machine has processors, so that pieces of work do meet.
export GRADUS_THREADS="${GRADUS_THREADS:-4}"

# check SANITIZER FLAG...: builds and runs the tests under the sanitizer.
check() {
  local flags=("${common[@]}" --scratch-path ".build-$1" "--sanitize=$1" "${@:2}")
  printf 'sanitize: %s\n' "$1"
  swift build "${flags[@]}" --build-tests
  timeout 1800 swift test "${flags[@]}" --skip-build --filter "$tests"
}

[ $# -gt 0 ] || set -- address thread
for choice in "$@"; do
  case $choice in
    # Swift links no runtime for undefined behaviour in C, so a finding stops the test with an illegal instruction.
    address) check address -Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined ;;
    thread) check thread ;;
    *)
      printf "sanitize: '%s' is not known; address and thread are\n" "$choice" >&2
      exit 2
      ;;
  esac
done
printf 'sanitize: no findings\n'
