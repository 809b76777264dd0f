// The builds of the decoder's kernels: one file each, with one table of entry points.
//
// decoder_simd.h, decoder_tile.h and the files of kernels are compiled as a whole for each instruction set, because the
// bfloat16 and int8 instructions may only be named inside functions that have them.
#ifndef GRD_DECODER_TABLE_H
#define GRD_DECODER_TABLE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "dispatch.h"
#include "gradus_decoder.h"

// Beside the scale of x86-64: the portable kernels but for products of bytes.
#define LEVEL_NEON_DOT -1
#define LEVEL_PORTABLE 0
#define LEVEL_AVX2 1
#define LEVEL_AVX512 2
#define LEVEL_AVX512_BF16 3

typedef struct {
  void (*product_bf16)(const grd_weight *, size_t, size_t, const uint16_t *, size_t, size_t, grd_output, void *, size_t,
                       uint16_t *);
  void (*product_int8)(const grd_weight *, size_t, size_t, const int8_t *, const float *, const int32_t *, size_t, grd_output,
                       void *, size_t);
  void (*quantize_rows)(const float *, size_t, size_t, size_t, int8_t *, float *, int32_t *);
  void (*rms_norm)(const float *, size_t, size_t, size_t, const float *, float, float *, size_t, uint16_t *, size_t);
  void (*round_bf16)(const float *, size_t, uint16_t *);
  double (*log_sum_exp)(const float *, size_t);
  void (*split_heads)(const grd_heads *, const float *, size_t, size_t, size_t, uint16_t *, size_t, size_t);
  void (*attention_rows)(const grd_decoder_attention *, size_t, size_t, uint16_t *, size_t, size_t, float *);
  void (*attention_segment)(const grd_decoder_attention *, size_t, float *, float *, float *, float *);
  void (*attention_merge)(const grd_decoder_attention *, size_t, const float *, const float *, const float *, float *, size_t,
                          size_t);
  void (*attention_weights)(const grd_decoder_attention *, size_t, size_t, const uint8_t *, float *, size_t, float *);
} grd_decoder_table;

extern const grd_decoder_table grd_decoder_portable;
#if defined(__x86_64__)
extern const grd_decoder_table grd_decoder_avx2, grd_decoder_avx512, grd_decoder_avx512bf16;
#elif defined(__aarch64__)
extern const grd_decoder_table grd_decoder_dotprod;
#endif

enum { Q8_BYTES = 32 * 32, Q4_BYTES = 32 * 16 };  // of 32 x 32 weights, without scales

/// Bytes of 32 outputs x 32 inputs.
static inline size_t block_bytes(grd_weight_format format) {
  switch (format) {
    case GRD_WEIGHT_BF16: return 2 * GRD_PANEL * GRD_PANEL;
    case GRD_WEIGHT_Q8: return Q8_BYTES + 64;
    case GRD_WEIGHT_Q4: return Q4_BYTES + 64;
    case GRD_WEIGHT_Q4M: return Q4_BYTES + 128;
  }
  return 0;
}

#endif
