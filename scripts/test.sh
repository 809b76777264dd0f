#!/usr/bin/env bash
# Builds and runs all tests in release mode (a debug build runs the C kernels 40-60 times slower), testing enabled.
set -euo pipefail
cd "$(dirname "$0")/.."
flags=(-c release -Xswiftc -enable-testing --scratch-path .build-tests)
swift build "${flags[@]}" --build-tests
exec swift test "${flags[@]}" --skip-build
