#!/usr/bin/env bash
# Installs the Debian packages that Gradus builds on, and nothing else. Quick when all are there.
#
#   scripts/setup-debian.sh [--optional]     # also what single features open at run time; goes on without where it cannot be had
set -euo pipefail

packages=(
  "libdnnl-dev|oneDNN: matrix products and convolutions"
  "libstemmer-dev|Snowball: stemming"
  "libarchive-dev|libarchive: unpacks model and documentation packages"
  "libxml2-dev|libxml2: reads HTML and XML"
  "nettle-dev|Nettle: SHA-256 of models and data"
  "zlib1g-dev|zlib: gzip everywhere"
  "libzstd-dev|Zstandard: stored documents of indexes"
  "pkg-config|tells the Swift package manager where libraries lie"
  "curl|fetches models and collections"
  "ca-certificates|lets curl check whom it talks to"
)

optional=(
  "libxgboost-dev|XGBoost: boosted trees (gradus ltr); without it their tests are skipped"
)
[ "${1:-}" = --optional ] || optional=()

fail() {
  printf 'setup: %s\n' "$1" >&2
  exit 1
}

command -v swift >/dev/null ||
  fail "no 'swift' on PATH: install Swift 6.1 or newer (https://www.swift.org/install/linux/), then run this again"
version=$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9]+\.[0-9]+' | grep -oE '[0-9]+\.[0-9]+' | head -n 1)
[ "$(printf '6.1\n%s\n' "$version" | sort -V | head -n 1)" = 6.1 ] || fail "Swift $version is too old: 6.1 or newer is needed"

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  if [ "$(uname -s)" = Darwin ]; then
    fail "on macOS install the libraries by hand: brew install onednn snowball libarchive libxml2 nettle zstd pkg-config"
  fi
  printf 'setup: this is no Debian-like system; install the counterparts of these packages by hand:\n' >&2
  for entry in "${packages[@]}"; do printf '  %-16s %s\n' "${entry%%|*}" "${entry#*|}" >&2; done
  exit 1
fi

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]; }
missing=()
for entry in "${packages[@]}"; do is_installed "${entry%%|*}" || missing+=("$entry"); done
wanted=()
for entry in "${optional[@]}"; do is_installed "${entry%%|*}" || wanted+=("$entry"); done
[ $((${#missing[@]} + ${#wanted[@]})) -gt 0 ] || exit 0

printf 'setup: installing %d Debian package(s):\n' $((${#missing[@]} + ${#wanted[@]}))
names=()
for entry in "${missing[@]}"; do
  printf '  %-16s %s\n' "${entry%%|*}" "${entry#*|}"
  names+=("${entry%%|*}")
done
for entry in "${wanted[@]}"; do printf '  %-16s %s\n' "${entry%%|*}" "${entry#*|}"; done

if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null; then
  as_root=(sudo)
elif [ ${#missing[@]} -eq 0 ]; then
  printf 'setup: not root, going on without what is optional\n' >&2
  exit 0
else
  fail "these need root: run 'apt-get install ${names[*]}' as root, then this again"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }
updated=yes
"${as_root[@]}" apt-get update >"$log" 2>&1 || updated=no
for entry in "${wanted[@]}"; do
  install "${entry%%|*}" >>"$log" 2>&1 || printf 'setup: could not install %s, going on without it\n' "${entry%%|*}" >&2
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$updated" = no ] || ! install "${names[@]}" >>"$log" 2>&1; then
  tail -n 15 "$log" >&2
  fail "apt-get could not install them (last lines above); check the network and /etc/apt, then run this again"
fi
