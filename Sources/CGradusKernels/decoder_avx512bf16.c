// The decoder's kernels for AVX-512 with BF16 and VNNI.
#include "decoder_table.h"

#if defined(__x86_64__)
#define LEVEL LEVEL_AVX512_BF16
#define TABLE grd_decoder_avx512bf16
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,avx2,fma,bmi2"))), apply_to = function)
#include "decoder_build.h"
#pragma clang attribute pop
#endif
