// The rate of multiply-adds in registers on two vectors of operands, by number format: what no program can exceed.
// Prints a JSON object of GFLOP/s. Usage: peak THREADS
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CHAINS = 14, STEPS = 400000, ROUNDS = 100 };

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Fourteen chains hide the latency. They are named, to stay in registers, and hidden from the compiler, or it would see that
// they are all equal.
#define FOURTEEN(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13)
#define DECLARE(n) SUM s##n = ZERO; __asm__ volatile("" : "+v"(s##n));
#define ADD(n) s##n = MULTIPLY_ADD(s##n);
#define KEEP(n) __asm__ volatile("" ::"v"(s##n));
#define KERNEL(name)                                                \
  static void *name(void *unused) {                                 \
    FOURTEEN(DECLARE)                                               \
    for (long i = 0; i < STEPS; i++) {                              \
      FOURTEEN(ADD)                                                 \
      __asm__ volatile("");                                         \
    }                                                               \
    FOURTEEN(KEEP)                                                  \
    return unused;                                                  \
  }

#define SUM __m512
#define ZERO _mm512_setzero_ps()
#define MULTIPLY_ADD(s) _mm512_fmadd_ps(s, half, one)
static __m512 half, one;
KERNEL(fp32)
#undef MULTIPLY_ADD

#ifdef __AVX512BF16__
#define MULTIPLY_ADD(s) _mm512_dpbf16_ps(s, (__m512bh)half, (__m512bh)one)
KERNEL(bf16)
#undef MULTIPLY_ADD
#endif

#ifdef __AVX512FP16__
#undef SUM
#undef ZERO
#define SUM __m512h
#define ZERO _mm512_setzero_ph()
#define MULTIPLY_ADD(s) _mm512_fmadd_ph(s, (__m512h)half, (__m512h)one)
KERNEL(fp16)
#endif

/// Best of many short runs: others on the machine lengthen some of them.
static double rate(void *(*kernel)(void *), int threads, double flops_per_instruction) {
  double best = 1e9;
  for (int round = 0; round < ROUNDS; round++) {
    pthread_t others[64];
    const double start = seconds();
    for (int i = 1; i < threads; i++) pthread_create(&others[i], NULL, kernel, NULL);
    kernel(NULL);
    for (int i = 1; i < threads; i++) pthread_join(others[i], NULL);
    const double elapsed = seconds() - start;
    if (elapsed < best) best = elapsed;
  }
  return threads * (double)STEPS * CHAINS * flops_per_instruction / best * 1e-9;
}

int main(int count, char **words) {
  const int threads = count > 1 ? atoi(words[1]) : 1;
  if (threads < 1 || threads > 64) return 2;
  half = _mm512_set1_ps(0.5f);
  one = _mm512_set1_ps(1.0f);
  printf("{\"fp32\": %.0f", rate(fp32, threads, 32));
#ifdef __AVX512BF16__
  printf(", \"bf16\": %.0f", rate(bf16, threads, 64));
#endif
#ifdef __AVX512FP16__
  printf(", \"fp16\": %.0f", rate(fp16, threads, 64));
#endif
  printf("}\n");
  return 0;
}
