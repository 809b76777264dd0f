// The decoder's kernels for arm64 with the dot products of bytes.
#include "decoder_table.h"

#if defined(__aarch64__)
#define LEVEL LEVEL_NEON_DOT
#define TABLE grd_decoder_dotprod
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#include "decoder_build.h"
#pragma clang attribute pop
#endif
