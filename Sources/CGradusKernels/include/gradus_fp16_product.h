/// Matrix products in half precision (IEEE binary16) with sums in fp32, for training: operands are scaled, rounded and packed
/// first, then multiplied in pieces.
///
/// Scaling. A row of the left side, and a panel of the right side, is multiplied by the power of two that brings its largest
/// magnitude into [16, 32). Results are scaled back, so range is lost only inside a row or panel: what is 2^19 times smaller
/// than the largest has fewer bits, what is 2^30 times smaller is 0.
///
/// Sums. Chains of GRD_FP16_CHAIN fused multiply-adds in half precision, each from zero, in ascending order of the depth;
/// the chains are added up in fp32. A chain cannot overflow: 32 products below 32 x 32. Its error is about that of a bf16
/// operand's rounding. An element depends neither on how the work is cut nor on the level.
///
/// Worth it where the processor multiplies half precision (AVX512-FP16: 32 lanes, twice the rate of fp32); the portable twin
/// is for tests.
#ifndef GRADUS_FP16_PRODUCT_H
#define GRADUS_FP16_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { GRD_FP16_PORTABLE = 0, GRD_FP16_AVX512 = 1 } grd_fp16_level;

/// The best level that the processor has.
grd_fp16_level grd_fp16_strongest_level(void);

enum {
  GRD_FP16_PANEL = 64,  ///< Columns of a panel of the right side.
  GRD_FP16_ROWS = 24,   ///< Rows of a panel of the left side.
  GRD_FP16_GROUP = 4,   ///< Row panels that are best packed together.
  GRD_FP16_CHAIN = 32,  ///< Products that are summed in half precision.
};

/// The depth of packed operands: rounded up to whole chains, filled with zeros.
size_t grd_fp16_depth(size_t depth);

/// A left side from its rows: out[rows][grd_fp16_depth(depth)], each value twice in a word; inverse[rows] undoes the scales.
/// stride: of `from`, in elements.
grd_status grd_fp16_pack_rows(grd_fp16_level level, const float *from, size_t stride, size_t rows, size_t depth,
                              uint32_t *out, float *inverse);

/// A left side from its transpose [depth][rows]: panels first ..< first + count of out[panels][grd_fp16_depth(depth)][24],
/// zeros beyond the edges; inverse[panels * 24]. out, inverse and from begin at the whole matrix.
grd_status grd_fp16_pack_row_panels(grd_fp16_level level, const float *from, size_t stride, size_t depth, size_t rows,
                                    size_t first, size_t count, uint32_t *out, float *inverse);

/// A right side [depth][width] (stored as [width][depth] where `is_transposed`): panels first ..< first + count of
/// out[panels][grd_fp16_depth(depth)][64], zeros beyond the edges; inverse[panels]. All begin at the whole matrix.
grd_status grd_fp16_pack_panels(grd_fp16_level level, const float *from, size_t stride, bool is_transposed, size_t depth,
                                size_t width, size_t first, size_t count, uint16_t *out, float *inverse);

typedef struct {
  const uint32_t *a;       ///< Packed rows; or row panels where `a_is_panels`.
  bool a_is_panels;
  const float *a_inverse;
  const uint16_t *b;
  const float *b_inverse;
  size_t depth;            ///< Before rounding up.
  size_t columns;
  float *c;                ///< [rows][columns], rows `stride` elements apart.
  size_t stride;
} grd_fp16_product;

/// Rows first_row ..< first_row + rows of the columns of panels first_panel ..< first_panel + panels. first_row must be a
/// multiple of 24 where a is in panels.
grd_status grd_fp16_multiply(grd_fp16_level level, const grd_fp16_product *product, size_t first_row, size_t rows,
                             size_t first_panel, size_t panels);

#ifdef __cplusplus
}
#endif
#endif
