// The vector kernels for AVX-512 with VNNI and BF16.
#include "vector_table.h"

#if defined(__x86_64__)
#define LEVEL VECTOR_AVX512_VNNI
#define TABLE grd_vector_vnni
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,avx2,fma,bmi2"))), apply_to = function)
#include "vector_build.h"
#pragma clang attribute pop
#endif
