#!/usr/bin/env bash
# Compiles every C target for arm64 and for the oldest x86-64, warnings as errors; then runs Tests/Portability/kernels.c on every
# instruction set of this machine and, under qemu, on arm64 with and without dot products: all must print the same checksums.
# Installs the cross compiler's libraries and qemu where they are missing (Debian packages, below).
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static)
arm_headers=/usr/aarch64-linux-gnu/include
kernels=Sources/CGradusKernels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  printf 'portability: %s\n' "$1" >&2
  exit 1
}

missing=()
for name in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] || missing+=("$name")
done
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || fail "needs ${missing[*]}; install them by hand"
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  printf 'portability: installing %s\n' "${missing[*]}"
  "${as_root[@]}" apt-get update >"$work/log" 2>&1 &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends "${missing[@]}" >"$work/log" 2>&1 ||
    { tail -n 10 "$work/log" >&2; fail "apt-get could not install them"; }
fi

# The toolchain's clang, which the package is built with.
clang=$(dirname "$(readlink -f "$(command -v swiftc)")")/clang
flags=(-std=c11 -O2 -Wall -Wextra -Werror "-I$kernels/include")
# oneDNN's headers are the same on every architecture; libc's are not, and stay out of sight.
mkdir "$work/onednn" && ln -s /usr/include/oneapi /usr/include/dnnl*.h* "$work/onednn/"

# compile NAME FLAG...: all C files into $work/NAME.
compile() {
  mkdir "$work/$1"
  printf '%s\0' "$kernels"/*.c Tests/Portability/kernels.c Sources/CGradusOneDNN/*.c |
    xargs -0 -P "$(nproc)" -I FILE sh -c '
      name=$(basename FILE .c); folder=$1; shift; exec "$@" -c FILE -o "$folder/$name.o"
    ' sh "$work/$1" "$clang" "${flags[@]}" "${@:2}" -ISources/CGradusOneDNN/include -isystem "$work/onednn" ||
    fail "a C target does not compile for $1"
  rm "$work/$1/gradus_onednn.o"
}
compile arm64 --target=aarch64-linux-gnu -isystem "$arm_headers"
aarch64-linux-gnu-gcc -static "$work"/arm64/*.o -lm -o "$work/kernels-arm64"

count=0
# check DESCRIPTION COMMAND...: runs, and compares with what ran first. Status 3: the processor lacks it.
check() {
  local status=0
  "${@:2}" >"$work/found" 2>"$work/about" || status=$?
  if [ "$status" = 3 ]; then
    printf 'portability: %-40s not on this processor\n' "$1"
    return
  fi
  [ "$status" = 0 ] || { cat "$work/found" "$work/about" >&2; fail "$1 ended with status $status"; }
  [ -e "$work/expected" ] || cp "$work/found" "$work/expected"
  diff "$work/expected" "$work/found" >&2 || fail "$1 gives other bits"
  printf 'portability: %-40s %s\n' "$1" "$(cat "$work/about")"
  count=$((count + 1))
}
if [ "$(uname -m)" = x86_64 ]; then
  compile x86-64 --target=x86_64-linux-gnu -march=x86-64
  cc "$work"/x86-64/*.o -lm -o "$work/kernels-x86-64"
  check "x86-64, portable" "$work/kernels-x86-64" 0
  check "x86-64, AVX2" "$work/kernels-x86-64" 1
  for level in 2 3 4; do check "x86-64, AVX-512, encoder level $level" "$work/kernels-x86-64" 2 "$level"; done
fi
check "arm64, all of qemu's extensions" qemu-aarch64-static -cpu max "$work/kernels-arm64"
check "arm64, the same, portable encoder" qemu-aarch64-static -cpu max "$work/kernels-arm64" 0 0
check "arm64, Cortex-A53: no dot products" qemu-aarch64-static -cpu cortex-a53 "$work/kernels-arm64"
check "arm64, Cortex-A76: dot products" qemu-aarch64-static -cpu cortex-a76 "$work/kernels-arm64"
printf 'portability: %d checksums, the same in %d builds\n' "$(wc -l <"$work/expected")" "$count"
