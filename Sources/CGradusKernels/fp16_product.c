// Entry points of products in half precision; a level's kernels are in fp16_body.h.
#include "gradus_fp16_product.h"
#include "fp16.h"

size_t grd_fp16_depth(size_t depth) { return (depth + GRD_FP16_CHAIN - 1) / GRD_FP16_CHAIN * GRD_FP16_CHAIN; }

grd_fp16_level grd_fp16_strongest_level(void) {
#if defined(__x86_64__)
  const uint32_t wanted = GRD_CPU_AVX512 | GRD_CPU_AVX512_FP16;
  if ((grd_cpu_features() & wanted) == wanted) return GRD_FP16_AVX512;
#endif
  return GRD_FP16_PORTABLE;
}

static const grd_fp16_build *build_of(grd_fp16_level level) {
  if (level < GRD_FP16_PORTABLE || level > grd_fp16_strongest_level()) return NULL;
#if defined(__x86_64__)
  if (level == GRD_FP16_AVX512) return &grd_fp16_build_avx512;
#endif
  return &grd_fp16_build_portable;
}

grd_status grd_fp16_pack_rows(grd_fp16_level level, const float *from, size_t stride, size_t rows, size_t depth,
                              uint32_t *out, float *inverse) {
  const grd_fp16_build *build = build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  if (stride < depth) return GRD_INVALID_ARGUMENT;
  build->pack_rows(from, stride, rows, depth, out, inverse);
  return GRD_OK;
}

grd_status grd_fp16_pack_row_panels(grd_fp16_level level, const float *from, size_t stride, size_t depth, size_t rows,
                                    size_t first, size_t count, uint32_t *out, float *inverse) {
  const grd_fp16_build *build = build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  if (stride < rows || first * GRD_FP16_ROWS > rows) return GRD_INVALID_ARGUMENT;
  const size_t last = first + count, most = GRD_FP16_GROUP * GRD_FP16_ROWS;
  for (size_t panel = first; panel < last && panel * GRD_FP16_ROWS < rows; panel += GRD_FP16_GROUP) {
    const size_t start = panel * GRD_FP16_ROWS, wanted = (last - panel) * GRD_FP16_ROWS, left = rows - start;
    const size_t here = wanted < left ? wanted : left;
    build->pack_row_panels(from + start, stride, depth, here < most ? here : most, out + start * grd_fp16_depth(depth),
                           inverse + start);
  }
  return GRD_OK;
}

grd_status grd_fp16_pack_panels(grd_fp16_level level, const float *from, size_t stride, bool is_transposed, size_t depth,
                                size_t width, size_t first, size_t count, uint16_t *out, float *inverse) {
  const grd_fp16_build *build = build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  if (stride < (is_transposed ? depth : width) || first * GRD_FP16_PANEL > width) return GRD_INVALID_ARGUMENT;
  for (size_t panel = first; panel < first + count && panel * GRD_FP16_PANEL < width; panel++) {
    const size_t start = panel * GRD_FP16_PANEL, left = width - start;
    build->pack_panel(from + (is_transposed ? start * stride : start), stride, is_transposed, depth,
                      left < GRD_FP16_PANEL ? left : GRD_FP16_PANEL, out + start * grd_fp16_depth(depth), inverse + panel);
  }
  return GRD_OK;
}

grd_status grd_fp16_multiply(grd_fp16_level level, const grd_fp16_product *product, size_t first_row, size_t rows,
                             size_t first_panel, size_t panels) {
  const grd_fp16_build *build = build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  if (product->stride < product->columns || (product->a_is_panels && first_row % GRD_FP16_ROWS)) return GRD_INVALID_ARGUMENT;
  build->multiply(product, first_row, rows, first_panel, panels);
  return GRD_OK;
}
