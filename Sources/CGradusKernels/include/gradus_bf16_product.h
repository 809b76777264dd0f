/// Matrix products in bf16 with sums in fp32, for training: operands are rounded and packed first, then multiplied in pieces.
///
/// c = a b with a: [rows][depth], b: [depth][columns]. Every element is one chain over the depth in ascending order (of each
/// pair the odd element first), so it depends neither on how the work is cut nor on the level: pieces may run on any threads.
/// Rounding is to nearest even; subnormal numbers become zero.
#ifndef GRADUS_BF16_PRODUCT_H
#define GRADUS_BF16_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gradus_encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Columns of a panel; pieces of packed panels begin at multiples of it.
enum { GRD_BF16_PANEL = 32 };

/// The depth of packed operands: rounded up to 16, filled with zeros.
size_t grd_bf16_depth(size_t depth);

/// out[rows][grd_bf16_depth(depth)]: rows of `from`, rounded. stride: of `from`, in elements.
grd_status grd_bf16_pack_rows(grd_encoder_level level, const float *from, size_t stride, size_t rows, size_t depth,
                              uint16_t *out);

/// Panels first ..< first + count of a matrix [depth][width] (stored as [width][depth] where `is_transposed`):
/// out[panels][grd_bf16_depth(depth) / 2][32][2], zeros beyond the edges. out and from begin at the whole matrix.
grd_status grd_bf16_pack_panels(grd_encoder_level level, const float *from, size_t stride, bool is_transposed, size_t depth,
                                size_t width, size_t first, size_t count, uint16_t *out);

/// A packed left side as floats, the odd element of each pair first: out[2 * count] of `count` pairs.
grd_status grd_bf16_widen(grd_encoder_level level, const uint16_t *pairs, size_t count, float *out);

typedef struct {
  const uint16_t *a;     ///< Packed rows; or panels of the transposed matrix [depth][rows] where `a_is_panels`.
  const float *a_wide;   ///< The same, widened, which is faster unless grd_bf16_is_fast(); NULL to multiply with `a`. Same bits.
  bool a_is_panels;
  const uint16_t *b;     ///< Packed panels.
  size_t depth;          ///< Before rounding up.
  size_t columns;
  float *c;              ///< [rows][columns], rows `stride` elements apart.
  size_t stride;
} grd_bf16_product;

/// Rows first_row ..< first_row + rows of the columns of panels first_panel ..< first_panel + panels. first_row must be a
/// multiple of 32 where a is in panels.
grd_status grd_bf16_multiply(grd_encoder_level level, const grd_bf16_product *product, size_t first_row, size_t rows,
                             size_t first_panel, size_t panels);

#ifdef __cplusplus
}
#endif
#endif
