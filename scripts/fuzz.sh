#!/usr/bin/env bash
# Random input for every reader of files of unknown origin: libFuzzer with the address sanitizer (package Fuzz/).
#
#   scripts/fuzz.sh [TARGET...]        all targets without an argument; Fuzz/README.md lists them
#
# SECONDS_EACH (60) for each target, as many at a time as there are processors. A finding (crash, trap, access out of bounds,
# more than two seconds, more than 512 MB) is printed with the command that shows it again, and ends in status 1. Inputs that
# reach new code are kept in .build-fuzz/corpus, where the next call goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${SECONDS_EACH:-60}
jobs=${JOBS:-$(nproc)}
scratch=.build-fuzz

toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swiftc)")")")
runtime=$(find "$toolchain/lib/clang" -name "libclang_rt.fuzzer_no_main-$(uname -m).a" | head -n 1)
if [ -z "$runtime" ]; then
  printf 'fuzz: %s has no libclang_rt.fuzzer_no_main; use the toolchain from swift.org\n' "$toolchain" >&2
  exit 1
fi

# Swift's driver would link libFuzzer with its own main; the front end alone instruments, and the runtime comes without main.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! swift build --package-path Fuzz --scratch-path "$scratch" -c release --sanitize=address \
  -Xswiftc -enable-testing -Xswiftc -Xfrontend -Xswiftc -sanitize=fuzzer -Xcc -fsanitize=fuzzer-no-link \
  -Xlinker "$runtime" -Xlinker -lstdc++ >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  exit 1
fi
program=$(realpath "$scratch/release/GradusFuzz")

# Leaks are not looked for: the thread pool and Swift's runtime live as long as the process.
export ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=16:allocator_may_return_null=1:handle_abort=1"
export GRADUS_THREADS=1
export GRADUS_FUZZ_FOLDER="${GRADUS_FUZZ_FOLDER:-/dev/shm/gradus-fuzz.$$}"
mkdir -p "$GRADUS_FUZZ_FOLDER" "$scratch/findings" "$scratch/logs"
trap 'rm -rf "$log" "$GRADUS_FUZZ_FOLDER"' EXIT

# one NAME LARGEST DICTIONARY: a target. Prints a line, and what was found.
one() {
  local name=$1 largest=$2 dictionary=$3
  local corpus=$scratch/corpus/$name seeds=$scratch/seeds/$name log=$scratch/logs/$name status=0
  mkdir -p "$corpus" "$seeds"
  "$program" seeds "$name" "$seeds"
  local flags=(-max_total_time="$seconds" -timeout=2 -rss_limit_mb=1500 -malloc_limit_mb=512 -max_len="$largest"
    -artifact_prefix="$scratch/findings/$name-" -print_final_stats=1)
  [ "$dictionary" = - ] || flags+=(-dict="Fuzz/Dictionaries/$dictionary.dict")
  "$program" "$name" "${flags[@]}" "$corpus" "$seeds" >"$log" 2>&1 </dev/null || status=$?
  local runs coverage
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  coverage=$(grep -oE 'cov: [0-9]+' "$log" | tail -n 1 || true)
  printf '%-12s %10s executions, %s\n' "$name" "${runs:-?}" "${coverage:-no coverage}"
  [ "$status" = 0 ] && return 0
  grep -E 'Fatal error|precondition|ERROR:|SUMMARY:|Test unit written|^    #[0-9]+ .* in \$s' "$log" |
    head -n 14 | sed 's/^/    /'
  local input
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  printf '    again: GRADUS_THREADS=1 %s %s %s\n' "$scratch/release/GradusFuzz" "$name" "${input:-FILE}"
  return 1
}
export -f one
export program scratch seconds

list=$("$program" list)
if [ $# -gt 0 ]; then
  list=$(for name in "$@"; do
    grep "^$name " <<<"$list" || { printf "fuzz: '%s' is no target\n" "$name" >&2; exit 2; }
  done)
fi
xargs -L 1 -P "$jobs" bash -c 'one "$@"' one <<<"$list" || { printf 'fuzz: there are findings\n' >&2; exit 1; }
printf 'fuzz: no findings\n'
