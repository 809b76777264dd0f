// Whether vdpbf16ps pays on this processor.
#include "dispatch.h"

#include <stdatomic.h>

#if defined(__x86_64__)
#include <immintrin.h>
#include <x86intrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
enum { SUMS = 8, ROUNDS = 100, TRIALS = 8 };

/// Ticks of ROUNDS times SUMS instructions. The empty statements keep the compiler from computing the sums beforehand.
TARGET static uint64_t ticks_of(int is_bf16) {
  __m512 sums[SUMS];
  __m512i ones = _mm512_set1_epi32(0x3f803f80);
  for (int i = 0; i < SUMS; i++) sums[i] = _mm512_setzero_ps();
  __asm__ volatile("" : "+v"(ones));
  const uint64_t start = __rdtsc();
  for (int round = 0; round < ROUNDS; round++) {
    _Pragma("clang loop unroll(full)") for (int i = 0; i < SUMS; i++)
      sums[i] = is_bf16 ? _mm512_dpbf16_ps(sums[i], (__m512bh)ones, (__m512bh)ones)
                        : _mm512_fmadd_ps((__m512)ones, (__m512)ones, sums[i]);
    __asm__ volatile("");
  }
  for (int i = 0; i < SUMS; i++) __asm__ volatile("" ::"v"(sums[i]));
  return __rdtsc() - start;
}

static int measured(void) {
  if (!(grd_cpu_features() & GRD_CPU_AVX512_BF16)) return 0;
  uint64_t bf16 = UINT64_MAX, fp32 = UINT64_MAX;
  for (int trial = 0; trial < TRIALS; trial++) {
    const uint64_t first = ticks_of(1), second = ticks_of(0);
    bf16 = first < bf16 ? first : bf16;
    fp32 = second < fp32 ? second : fp32;
  }
  // Without the instruction: two multiply-adds, and the widening of the right side, which twelve rows share.
  return 4 * bf16 < 9 * fp32;
}
#else
static int measured(void) { return 0; }
#endif

int grd_bf16_is_fast(void) {
  static atomic_int known = -1;
  int value = atomic_load_explicit(&known, memory_order_relaxed);
  if (value < 0) {
    // Threads that come here together measure together; one of their answers stays.
    int nobody = -1;
    value = measured();
    if (!atomic_compare_exchange_strong(&known, &nobody, value)) value = nobody;
  }
  return value;
}
