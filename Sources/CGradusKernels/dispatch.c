// Chooses the instruction set once, at the first call of a kernel.
#include "dispatch.h"

#include <stdatomic.h>

enum { UNDECIDED = -1 };

static atomic_int chosen = UNDECIDED;

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
  if (__builtin_cpu_supports("amx-bf16")) features |= GRD_CPU_AMX_BF16;
  if (__builtin_cpu_supports("amx-int8")) features |= GRD_CPU_AMX_INT8;
#elif defined(__aarch64__)
  features |= GRD_CPU_NEON;
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
  int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
  if (__builtin_expect(isa == UNDECIDED, 0)) {
    isa = (int)strongest_isa();
    atomic_store_explicit(&chosen, isa, memory_order_relaxed);
  }
  return (grd_isa)isa;
}

grd_status grd_set_isa(grd_isa isa) {
  if (isa < GRD_ISA_PORTABLE || isa > GRD_ISA_AVX512) return GRD_INVALID_ARGUMENT;
  if (isa > strongest_isa()) return GRD_UNSUPPORTED;
  atomic_store_explicit(&chosen, (int)isa, memory_order_relaxed);
  return GRD_OK;
}
