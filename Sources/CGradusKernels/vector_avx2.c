// The vector kernels for AVX2 and FMA.
#include "vector_table.h"

#if defined(__x86_64__)
#define LEVEL VECTOR_AVX2
#define TABLE grd_vector_avx2
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2"))), apply_to = function)
#include "vector_build.h"
#pragma clang attribute pop
#endif
