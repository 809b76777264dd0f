// What the machine can do at most: products in registers, and reading from caches and memory, with one thread and with all.
//
//   clang -O2 -pthread -o peaks Benchmarks/peaks.c && ./peaks [THREADS]
//
// Prints a line for each: name, threads, billions a second (operations, where a multiplication and an addition are two; or
// bytes). The best of several runs, since a peak is asked for. With THREADS the products alone, with so many threads.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/// One thread's work: returns how much it did; `data` is its own memory.
typedef double (*work)(const char *data, size_t bytes);

enum { ROUNDS = 4000000 };
// Sixteen sums hide the latency of four cycles on two units twice over. The sums go through an empty assembler statement, so
// that the compiler neither computes them beforehand nor drops them.
#define SUMS(statement)                                                                                        \
  statement(0) statement(1) statement(2) statement(3) statement(4) statement(5) statement(6) statement(7)      \
  statement(8) statement(9) statement(10) statement(11) statement(12) statement(13) statement(14) statement(15)

#define PRODUCTS(name, attribute, vector, initial, step, operations)            \
  attribute static double name(const char *data, size_t bytes) {                \
    (void)data, (void)bytes;                                                    \
    vector sums[16];                                                            \
    vector left = initial, right = initial;                                     \
    for (int i = 0; i < 16; i++) sums[i] = initial;                             \
    __asm__ volatile("" : KEEP(left), KEEP(right));                             \
    for (int round = 0; round < ROUNDS; round++) {                              \
      SUMS(step)                                                                \
      __asm__ volatile("" ::: "memory");                                        \
    }                                                                           \
    for (int i = 0; i < 16; i++) __asm__ volatile("" : KEEP(sums[i]));          \
    return 16.0 * ROUNDS * (operations);                                        \
  }

#if defined(__x86_64__)
#define KEEP(x) "+v"(x)
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx512bf16")))
#define AVX2 __attribute__((target("avx2,fma")))
#define FMA512(i) sums[i] = _mm512_fmadd_ps(left, right, sums[i]);
#define BF16512(i) sums[i] = _mm512_dpbf16_ps(sums[i], (__m512bh)left, (__m512bh)right);
#define INT8512(i) sums[i] = _mm512_dpbusd_epi32(sums[i], left, right);
#define FMA256(i) sums[i] = _mm256_fmadd_ps(left, right, sums[i]);
PRODUCTS(fma512, AVX512, __m512, _mm512_set1_ps(1.0f), FMA512, 32)
PRODUCTS(bf16_512, AVX512, __m512, _mm512_set1_ps(1.0f), BF16512, 64)
PRODUCTS(int8_512, AVX512, __m512i, _mm512_set1_epi32(1), INT8512, 128)
#define AVX512HALF __attribute__((target("avx512f,avx512bw,avx512vl,avx512fp16")))
#define FP16512(i) sums[i] = _mm512_fmadd_ph(left, right, sums[i]);
PRODUCTS(fp16_512, AVX512HALF, __m512h, _mm512_set1_ph((_Float16)1), FP16512, 64)
PRODUCTS(fma256, AVX2, __m256, _mm256_set1_ps(1.0f), FMA256, 16)

AVX2 static double read_bytes(const char *data, size_t bytes) {
  __m256i sums[8];
  for (int i = 0; i < 8; i++) sums[i] = _mm256_setzero_si256();
  const size_t passes = ((size_t)1 << 30) / bytes + 1;
  for (size_t pass = 0; pass < passes; pass++)
    for (size_t at = 0; at + 256 <= bytes; at += 256)
      for (int i = 0; i < 8; i++) sums[i] = _mm256_xor_si256(sums[i], _mm256_load_si256((const __m256i *)(data + at) + i));
  for (int i = 0; i < 8; i++) __asm__ volatile("" : KEEP(sums[i]));
  return (double)passes * (double)(bytes / 256 * 256);
}

AVX512 static double read_bytes512(const char *data, size_t bytes) {
  __m512i sums[8];
  for (int i = 0; i < 8; i++) sums[i] = _mm512_setzero_si512();
  const size_t passes = ((size_t)1 << 30) / bytes + 1;
  for (size_t pass = 0; pass < passes; pass++)
    for (size_t at = 0; at + 512 <= bytes; at += 512)
      for (int i = 0; i < 8; i++) sums[i] = _mm512_xor_si512(sums[i], _mm512_load_si512((const __m512i *)(data + at) + i));
  for (int i = 0; i < 8; i++) __asm__ volatile("" : KEEP(sums[i]));
  return (double)passes * (double)(bytes / 512 * 512);
}
#else
#define KEEP(x) "+w"(x)
#define FMA128(i) sums[i] = vfmaq_f32(sums[i], left, right);
PRODUCTS(fma128, , float32x4_t, vdupq_n_f32(1.0f), FMA128, 8)
#if defined(__ARM_FEATURE_DOTPROD)
#define INT8128(i) sums[i] = vdotq_s32(sums[i], vreinterpretq_s8_s32(left), vreinterpretq_s8_s32(right));
PRODUCTS(int8_128, , int32x4_t, vdupq_n_s32(1), INT8128, 32)
#endif

static double read_bytes(const char *data, size_t bytes) {
  uint8x16_t sums[8];
  for (int i = 0; i < 8; i++) sums[i] = vdupq_n_u8(0);
  const size_t passes = ((size_t)1 << 30) / bytes + 1;
  for (size_t pass = 0; pass < passes; pass++)
    for (size_t at = 0; at + 128 <= bytes; at += 128)
      for (int i = 0; i < 8; i++) sums[i] = veorq_u8(sums[i], vld1q_u8((const uint8_t *)data + at + 16 * i));
  for (int i = 0; i < 8; i++) __asm__ volatile("" : KEEP(sums[i]));
  return (double)passes * (double)(bytes / 128 * 128);
}
#endif

typedef struct {
  work body;
  size_t bytes;
  char *data;
  double amount, start, end;
  atomic_int *ready;  // Threads that are warm.
  int threads;
} task;

static void *run(void *argument) {
  task *t = argument;
  t->body(t->data, t->bytes);  // Warms clock, caches and pages.
  // Spinning: threads that sleep until the last one comes may wake up on one processor.
  atomic_fetch_add(t->ready, 1);
  while (atomic_load(t->ready) < t->threads) {}
  t->start = now();
  t->amount = t->body(t->data, t->bytes);
  t->end = now();
  return NULL;
}

/// bytes: of each thread's own memory, 0 where none is read.
static void measure(const char *name, work body, size_t bytes, int threads) {
  double best = 0;
  for (int repeat = 0; repeat < 5; repeat++) {
    task tasks[64];
    pthread_t ids[64];
    atomic_int ready = 0;
    for (int i = 0; i < threads; i++) {
      char *data = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
      if (bytes && !data) exit(1);
      if (data) memset(data, 1, bytes);
      tasks[i] = (task){body, bytes, data, 0, 0, 0, &ready, threads};
      if (pthread_create(&ids[i], NULL, run, &tasks[i])) exit(1);
    }
    double amount = 0, start = 1e300, end = 0;
    for (int i = 0; i < threads; i++) {
      pthread_join(ids[i], NULL);
      amount += tasks[i].amount;
      start = tasks[i].start < start ? tasks[i].start : start;
      end = tasks[i].end > end ? tasks[i].end : end;
      free(tasks[i].data);
    }
    const double rate = amount / (end - start) / 1e9;
    if (rate > best) best = rate;
  }
  printf("%s %d %.1f\n", name, threads, best);
  fflush(stdout);
}

int main(int count, char **words) {
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  const int asked = count > 1 ? atoi(words[1]) : 0;
  const long most = asked > 0 ? asked : online;
  const int all = most < 1 ? 1 : most > 64 ? 64 : (int)most;
  work reader = read_bytes;
  for (int threads = asked ? all : 1; threads <= all; threads = threads == all ? all + 1 : all) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
      reader = read_bytes512;
      measure("fp32", fma512, 0, threads);
      if (__builtin_cpu_supports("avx512bf16")) measure("bf16", bf16_512, 0, threads);
      if (__builtin_cpu_supports("avx512fp16")) measure("fp16", fp16_512, 0, threads);
      if (__builtin_cpu_supports("avx512vnni")) measure("int8", int8_512, 0, threads);
    } else {
      measure("fp32", fma256, 0, threads);
    }
#else
    measure("fp32", fma128, 0, threads);
#if defined(__ARM_FEATURE_DOTPROD)
    measure("int8", int8_128, 0, threads);
#endif
#endif
    if (asked) continue;
    measure("L1", reader, 24 << 10, threads);
    measure("L2", reader, 768 << 10, threads);
    measure("32MB", reader, 32 << 20, threads);
    measure("memory", reader, 512 << 20, threads);
  }
  return 0;
}
