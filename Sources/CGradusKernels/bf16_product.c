// The entry points of products in bf16; the kernels are in encoder_product.h.
#include "encoder.h"

size_t grd_bf16_depth(size_t depth) { return grd_rounded(depth, 16); }

grd_status grd_bf16_pack_rows(grd_encoder_level level, const float *from, size_t stride, size_t rows, size_t depth,
                              uint16_t *out) {
  const grd_encoder_build *build = grd_encoder_build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  if (stride < depth) return GRD_INVALID_ARGUMENT;
  build->round_rows(from, stride, rows, depth, out);
  return GRD_OK;
}

grd_status grd_bf16_pack_panels(grd_encoder_level level, const float *from, size_t stride, bool is_transposed, size_t depth,
                                size_t width, size_t first, size_t count, uint16_t *out) {
  const grd_encoder_build *build = grd_encoder_build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  const size_t start = first * GRD_BF16_PANEL;
  if (stride < (is_transposed ? depth : width) || start > width) return GRD_INVALID_ARGUMENT;
  const size_t left = width - start, wanted = count * GRD_BF16_PANEL;
  build->round_panels(from + (is_transposed ? start * stride : start), stride, is_transposed, depth,
                      left < wanted ? left : wanted, out + start * grd_bf16_depth(depth));
  return GRD_OK;
}

grd_status grd_bf16_widen(grd_encoder_level level, const uint16_t *pairs, size_t count, float *out) {
  const grd_encoder_build *build = grd_encoder_build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  build->widen_pairs(pairs, count, out);
  return GRD_OK;
}

grd_status grd_bf16_multiply(grd_encoder_level level, const grd_bf16_product *product, size_t first_row, size_t rows,
                             size_t first_panel, size_t panels) {
  const grd_encoder_build *build = grd_encoder_build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  if (product->stride < product->columns || (product->a_is_panels && first_row % GRD_BF16_PANEL)) return GRD_INVALID_ARGUMENT;
  build->multiply_panels(product, first_row, rows, first_panel, panels);
  return GRD_OK;
}
