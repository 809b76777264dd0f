// One source per kernel, compiled once for each instruction set; the entry point picks one of the builds.
#ifndef GRD_DISPATCH_H
#define GRD_DISPATCH_H

#include "gradus_kernels.h"

#if defined(__x86_64__)
#define GRD_TARGET_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,bmi2")))
#define GRD_TARGET_AVX2 __attribute__((target("avx2,fma,bmi2")))

/// Defines `result name parameters` from an inline function `name##_body` that takes the instruction set, known at compile
/// time, before the parameters.
#define GRD_KERNEL(result, name, parameters, ...)                                                                  \
  GRD_TARGET_AVX512 static result name##_avx512 parameters { return name##_body(GRD_ISA_AVX512, __VA_ARGS__); }    \
  GRD_TARGET_AVX2 static result name##_avx2 parameters { return name##_body(GRD_ISA_AVX2, __VA_ARGS__); }          \
  static result name##_portable parameters { return name##_body(GRD_ISA_PORTABLE, __VA_ARGS__); }                  \
  result name parameters {                                                                                         \
    switch (grd_isa_in_use()) {                                                                                    \
      case GRD_ISA_AVX512: return name##_avx512(__VA_ARGS__);                                                      \
      case GRD_ISA_AVX2: return name##_avx2(__VA_ARGS__);                                                          \
      case GRD_ISA_PORTABLE: break;                                                                                \
    }                                                                                                              \
    return name##_portable(__VA_ARGS__);                                                                           \
  }
#else
#define GRD_KERNEL(result, name, parameters, ...) \
  result name parameters { return name##_body(GRD_ISA_PORTABLE, __VA_ARGS__); }
#endif

#endif
