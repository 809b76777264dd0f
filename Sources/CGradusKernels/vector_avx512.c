// The vector kernels for AVX-512 F, BW, VL and DQ.
#include "vector_table.h"

#if defined(__x86_64__)
#define LEVEL VECTOR_AVX512
#define TABLE grd_vector_avx512
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,bmi2"))), apply_to = function)
#include "vector_build.h"
#pragma clang attribute pop
#endif
