// Chooses the instruction set of each thread once, at its first call of a kernel.
#include "dispatch.h"

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

enum { UNDECIDED = -1 };

// Per thread, so that a test which goes through the instruction sets does not change kernels that others are in the middle of.
static _Thread_local int chosen = UNDECIDED;

uint32_t grd_cpu_features(void) {
  uint32_t features = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) features |= GRD_CPU_AVX2;
  if (__builtin_cpu_supports("fma")) features |= GRD_CPU_FMA;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
      && __builtin_cpu_supports("avx512dq"))
    features |= GRD_CPU_AVX512;
  if (__builtin_cpu_supports("avx512vnni")) features |= GRD_CPU_AVX512_VNNI;
  if (__builtin_cpu_supports("avx512bf16")) features |= GRD_CPU_AVX512_BF16;
  if (__builtin_cpu_supports("avx512fp16")) features |= GRD_CPU_AVX512_FP16;
  if (__builtin_cpu_supports("amx-bf16")) features |= GRD_CPU_AMX_BF16;
  if (__builtin_cpu_supports("amx-int8")) features |= GRD_CPU_AMX_INT8;
#elif defined(__aarch64__)
  features |= GRD_CPU_NEON;
#if defined(__linux__)
  // Bit 20 of the first word of capabilities (asimddp), as the kernel's interface has it.
  if (getauxval(AT_HWCAP) >> 20 & 1) features |= GRD_CPU_NEON_DOT;
#elif defined(__APPLE__)
  // All processors of Macs have it.
  features |= GRD_CPU_NEON_DOT;
#endif
#endif
  return features;
}

static grd_isa strongest_isa(void) {
  const uint32_t features = grd_cpu_features();
  const uint32_t avx2 = GRD_CPU_AVX2 | GRD_CPU_FMA;
  if ((features & avx2) != avx2) return GRD_ISA_PORTABLE;
  return (features & GRD_CPU_AVX512) ? GRD_ISA_AVX512 : GRD_ISA_AVX2;
}

grd_isa grd_isa_in_use(void) {
  if (__builtin_expect(chosen == UNDECIDED, 0)) chosen = (int)strongest_isa();
  return (grd_isa)chosen;
}

grd_status grd_set_isa(grd_isa isa) {
  if (isa < GRD_ISA_PORTABLE || isa > GRD_ISA_AVX512) return GRD_INVALID_ARGUMENT;
  if (isa > strongest_isa()) return GRD_UNSUPPORTED;
  chosen = (int)isa;
  return GRD_OK;
}
