// Entry points of the decoder's kernels: each calls the build for this processor.
#include "decoder_table.h"

/// The build for a kernel whose time goes into products of bytes, or of bfloat16 numbers: the one with both instructions has
/// the faster bytes in any case.
static const grd_decoder_table *table_for(int is_int8) {
#if defined(__x86_64__)
  const uint32_t both = GRD_CPU_AVX512_BF16 | GRD_CPU_AVX512_VNNI;
  switch (grd_isa_in_use()) {
    case GRD_ISA_AVX512:
      if ((grd_cpu_features() & both) != both) return &grd_decoder_avx512;
      return is_int8 || grd_bf16_is_fast() ? &grd_decoder_avx512bf16 : &grd_decoder_avx512;
    case GRD_ISA_AVX2: return &grd_decoder_avx2;
    case GRD_ISA_PORTABLE: break;
  }
#elif defined(__aarch64__)
  if (grd_cpu_features() & GRD_CPU_NEON_DOT) return &grd_decoder_dotprod;
#endif
  (void)is_int8;
  return &grd_decoder_portable;
}

static const grd_decoder_table *table(void) { return table_for(0); }

void grd_product_bf16(const grd_weight *weight, size_t first_panel, size_t panels, const uint16_t *a, size_t a_stride,
                      size_t rows, grd_output output, void *out, size_t out_stride, uint16_t *scratch) {
  table()->product_bf16(weight, first_panel, panels, a, a_stride, rows, output, out, out_stride, scratch);
}

grd_status grd_product_int8(const grd_weight *weight, size_t first_panel, size_t panels, const int8_t *a, const float *scales,
                            const int32_t *sums, size_t rows, grd_output output, void *out, size_t out_stride) {
  if (weight->format == GRD_WEIGHT_BF16) return GRD_INVALID_ARGUMENT;
  table_for(1)->product_int8(weight, first_panel, panels, a, scales, sums, rows, output, out, out_stride);
  return GRD_OK;
}

void grd_quantize_rows(const float *x, size_t x_stride, size_t rows, size_t width, int8_t *q, float *scales, int32_t *sums) {
  table()->quantize_rows(x, x_stride, rows, width, q, scales, sums);
}

void grd_rms_norm(const float *x, size_t x_stride, size_t rows, size_t width, const float *weight, float epsilon,
                  float *out_f32, size_t f32_stride, uint16_t *out_bf16, size_t bf16_stride) {
  table()->rms_norm(x, x_stride, rows, width, weight, epsilon, out_f32, f32_stride, out_bf16, bf16_stride);
}

void grd_round_bf16(const float *x, size_t count, uint16_t *out) { table()->round_bf16(x, count, out); }

double grd_log_sum_exp(const float *x, size_t count) { return table()->log_sum_exp(x, count); }

size_t grd_page_head_elements(size_t padded_dim) { return 2 * GRD_PANEL * padded_dim; }

void grd_split_heads(const grd_heads *heads, const float *qkv, size_t stride, size_t tokens, size_t position,
                     uint16_t *queries, size_t token_capacity, size_t first_row) {
  table()->split_heads(heads, qkv, stride, tokens, position, queries, token_capacity, first_row);
}

size_t grd_decoder_attention_scratch(size_t padded_dim) {
  // Twelve rows: sums of the segment and of all segments, scores and probabilities of 128 keys; room to align them.
  return 12 * (2 * padded_dim + 128 + 64) + 16;
}

void grd_decoder_attention_rows(const grd_decoder_attention *attention, size_t first_row, size_t rows, uint16_t *out,
                                size_t token_stride, size_t head_dim, float *scratch) {
  table()->attention_rows(attention, first_row, rows, out, token_stride, head_dim, scratch);
}

void grd_decoder_attention_segment(const grd_decoder_attention *attention, size_t segment, float *sums, float *maxima,
                                   float *weights, float *scratch) {
  table()->attention_segment(attention, segment, sums, maxima, weights, scratch);
}

void grd_decoder_attention_merge(const grd_decoder_attention *attention, size_t segments, const float *sums,
                                 const float *maxima, const float *weights, float *out, size_t token_stride, size_t head_dim) {
  table()->attention_merge(attention, segments, sums, maxima, weights, out, token_stride, head_dim);
}

void grd_decoder_attention_weights(const grd_decoder_attention *attention, size_t first, size_t count,
                                   const uint8_t *selected, float *weights, size_t row_stride, float *scratch) {
  table()->attention_weights(attention, first, count, selected, weights, row_stride, scratch);
}
