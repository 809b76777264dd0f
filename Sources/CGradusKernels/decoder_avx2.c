// The decoder's kernels for AVX2 and FMA.
#include "decoder_table.h"

#if defined(__x86_64__)
#define LEVEL LEVEL_AVX2
#define TABLE grd_decoder_avx2
#pragma clang attribute push( \
    __attribute__((target("avx2,fma,bmi2"))), apply_to = function)
#include "decoder_build.h"
#pragma clang attribute pop
#endif
