// The kernels of products in half precision for one level: a file sets FP16_LEVEL and FP16_BUILD and includes this.
#include "fp16.h"

#if FP16_LEVEL == 1
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target( \
        "avx512fp16,avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c,bmi2"))), apply_to = function)
#endif

// After the attribute, so that the vector functions are functions of this target, too.
#include "simd.h"
#include "fp16_lanes.h"

enum {
  COLUMNS = GRD_FP16_PANEL,
  VECTORS = COLUMNS / HALF_LANES,
  CHAIN = GRD_FP16_CHAIN,
  TILE_ROWS = 12,
  // Of the depth: a part of a panel (24 KB) stays in the first-level cache while rows stream past it.
  PART = 6 * CHAIN,
};

// MARK: Packing

/// The power of two that brings `largest` into [16, 32), and its inverse; 1 for 0, infinity and NaN.
static float scale_for(float largest, float *inverse) {
  uint32_t bits;
  memcpy(&bits, &largest, sizeof bits);
  const int32_t exponent = (int32_t)(bits >> 23 & 0xff);
  *inverse = 1;
  if (exponent == 0xff || largest == 0) return 1;
  // Exponent fields: 131 is 16. The limit keeps scale and inverse normal numbers.
  int32_t shift = 131 - exponent;
  if (shift > 120) shift = 120;
  const uint32_t up = (uint32_t)(127 + shift) << 23, down = (uint32_t)(127 - shift) << 23;
  float scale;
  memcpy(&scale, &up, sizeof scale);
  memcpy(inverse, &down, sizeof down);
  return scale;
}

static void pack_rows(const float *from, size_t stride, size_t rows, size_t depth, uint32_t *out, float *inverse) {
  const size_t padded = round_up(depth, CHAIN);
  for (size_t row = 0; row < rows; row++, from += stride, out += padded) {
    vfloat top = vset(0);
    for (size_t k = 0; k < depth; k += LANES) top = largest_magnitudes(top, vload_part(from + k, depth - k, 0));
    const vfloat scale = vset(scale_for(vlargest(top), inverse + row));
    for (size_t k = 0; k < padded; k += LANES)
      store_twice(out + k, (k < depth ? vload_part(from + k, depth - k, 0) : vset(0)) * scale);
  }
}

/// Columns [column, column + 16) of a row of `width`; zeros beyond.
GRD_INLINE vfloat columns_of(const float *row, size_t column, size_t width) {
  return column < width ? vload_part(row + column, width - column, 0) : vset(0);
}

/// Several panels at once, because a panel's part of a stored row is short: `rows` <= GRD_FP16_GROUP * 24 of them.
static void pack_row_panels(const float *from, size_t stride, size_t depth, size_t rows, uint32_t *out, float *inverse) {
  enum { ROWS = GRD_FP16_ROWS, WIDTH = GRD_FP16_GROUP * ROWS };
  float largest[WIDTH] = {0}, scales[WIDTH];
  uint32_t words[WIDTH];
  const size_t padded = round_up(depth, CHAIN), panels = (rows + ROWS - 1) / ROWS;
  for (size_t k = 0; k < depth; k++)
    for (size_t j = 0; j < WIDTH; j += LANES)
      vstore(largest + j, largest_magnitudes(vload(largest + j), columns_of(from + k * stride, j, rows)));
  float inverses[WIDTH];
  for (size_t j = 0; j < WIDTH; j++) scales[j] = scale_for(largest[j], inverses + j);
  memcpy(inverse, inverses, panels * ROWS * sizeof(float));
  for (size_t k = 0; k < padded; k++) {
    for (size_t j = 0; j < WIDTH; j += LANES)
      store_twice(words + j, k < depth ? columns_of(from + k * stride, j, rows) * vload(scales + j) : vset(0));
    for (size_t panel = 0; panel < panels; panel++)
      memcpy(out + (panel * padded + k) * ROWS, words + panel * ROWS, ROWS * sizeof *out);
  }
}

static void pack_panel(const float *from, size_t stride, bool is_transposed, size_t depth, size_t width, uint16_t *out,
                       float *inverse) {
  const size_t padded = round_up(depth, CHAIN);
  const size_t lines = is_transposed ? width : depth, length = is_transposed ? depth : width;
  vfloat top = vset(0);
  for (size_t line = 0; line < lines; line++)
    for (size_t at = 0; at < length; at += LANES) top = largest_magnitudes(top, columns_of(from + line * stride, at, length));
  const vfloat scale = vset(scale_for(vlargest(top), inverse));
  if (!is_transposed) {
    for (size_t k = 0; k < padded; k++)
      for (size_t j = 0; j < COLUMNS; j += LANES)
        store_half(out + k * COLUMNS + j, k < depth ? columns_of(from + k * stride, j, width) * scale : vset(0));
    return;
  }
  for (size_t k = 0; k < padded; k += LANES)
    for (size_t j = 0; j < COLUMNS; j += LANES) {
      vfloat square[LANES];
      for (size_t i = 0; i < LANES; i++)
        square[i] = j + i < width ? columns_of(from + (j + i) * stride, k, depth) * scale : vset(0);
      vtranspose(square);
      for (size_t i = 0; i < LANES; i++) store_half(out + (k + i) * COLUMNS + j, square[i]);
    }
}

// MARK: Products

/// c[R][64] = (from_zero ? 0 : c) + a panel, over whole chains of the depth. Element (i, k) of a is at a[i * lda + k * step].
GRD_INLINE void product_tile(const int R, const uint32_t *a, size_t lda, size_t step, const float *a_inverse,
                             const uint16_t *panel, float b_inverse, size_t depth, int from_zero, float *c, size_t stride) {
  for (size_t start = 0; start < depth; start += CHAIN) {
    half_sums sums[TILE_ROWS][VECTORS];
    GRD_UNROLL for (int i = 0; i < R; i++)
      GRD_UNROLL for (int v = 0; v < VECTORS; v++) sums[i][v] = half_zero();
    for (size_t k = 0; k < CHAIN; k++, a += step, panel += COLUMNS) {
      half_sums b[VECTORS];
      GRD_UNROLL for (int v = 0; v < VECTORS; v++) b[v] = load_halves(panel + v * HALF_LANES);
      GRD_UNROLL for (int i = 0; i < R; i++) {
        const half_sums left = broadcast_half(a[(size_t)i * lda]);
        GRD_UNROLL for (int v = 0; v < VECTORS; v++) sums[i][v] = half_multiply_add(left, b[v], sums[i][v]);
      }
    }
    const int clears = from_zero && start == 0;
    GRD_UNROLL for (int i = 0; i < R; i++) {
      const vfloat inverse = vset(a_inverse[i] * b_inverse);
      GRD_UNROLL for (int v = 0; v < VECTORS; v++)
        GRD_UNROLL for (int part = 0; part < HALF_LANES / LANES; part++) {
          float *target = c + (size_t)i * stride + v * HALF_LANES + part * LANES;
          const vfloat before = clears ? vset(0) : vload(target);
          vstore(target, vfma(widen(sums[i][v], part), inverse, before));
        }
    }
  }
}

static void product_rows(const uint32_t *a, size_t lda, size_t step, const float *a_inverse, size_t rows,
                         const uint16_t *panel, float b_inverse, size_t depth, int from_zero, float *c, size_t stride) {
  size_t first = 0;
#define ROW_TILES(R)                                                                                                     \
  for (; rows - first >= (R); first += (R))                                                                              \
    product_tile(R, a + first * lda, lda, step, a_inverse + first, panel, b_inverse, depth, from_zero, c + first * stride, \
                 stride)
  ROW_TILES(TILE_ROWS);
  ROW_TILES(4);
  ROW_TILES(1);
#undef ROW_TILES
}

/// The same for a panel that reaches beyond the last of `columns`: through a tile with room for all of it.
static void product_edge(const uint32_t *a, size_t lda, size_t step, const float *a_inverse, size_t rows,
                         const uint16_t *panel, float b_inverse, size_t depth, int from_zero, float *c, size_t stride,
                         size_t columns) {
  float tile[TILE_ROWS][COLUMNS] = {{0}};
  for (size_t first = 0; first < rows; first += TILE_ROWS) {
    const size_t count = smaller(TILE_ROWS, rows - first);
    for (size_t i = 0; i < count && !from_zero; i++) memcpy(tile[i], c + (first + i) * stride, columns * sizeof(float));
    product_rows(a + first * lda, lda, step, a_inverse + first, count, panel, b_inverse, depth, from_zero, tile[0], COLUMNS);
    for (size_t i = 0; i < count; i++) memcpy(c + (first + i) * stride, tile[i], columns * sizeof(float));
  }
}

static void multiply(const grd_fp16_product *product, size_t first_row, size_t rows, size_t first_panel, size_t panels) {
  const size_t depth = round_up(product->depth, CHAIN), stride = product->stride;
  const int in_panels = product->a_is_panels;
  // Rows that lie together in a, their distance there, and the distance between elements of a row.
  const size_t group = in_panels ? GRD_FP16_ROWS : rows, lda = in_panels ? 1 : depth, step = in_panels ? GRD_FP16_ROWS : 1;
  for (size_t part = 0; part < depth; part += PART) {
    const size_t count = smaller(PART, depth - part);
    for (size_t number = first_panel; number < first_panel + panels && number * COLUMNS < product->columns; number++) {
      const size_t column = number * COLUMNS, columns = product->columns - column;
      const uint16_t *panel = product->b + (number * depth + part) * COLUMNS;
      for (size_t row = 0; row < rows; row += group) {
        const uint32_t *a = product->a + (first_row + row) * depth + part * step;
        const float *a_inverse = product->a_inverse + first_row + row;
        const float b_inverse = product->b_inverse[number];
        const size_t here = smaller(group, rows - row);
        float *c = product->c + (first_row + row) * stride + column;
        if (columns >= COLUMNS)
          product_rows(a, lda, step, a_inverse, here, panel, b_inverse, count, part == 0, c, stride);
        else
          product_edge(a, lda, step, a_inverse, here, panel, b_inverse, count, part == 0, c, stride, columns);
      }
    }
  }
}

const grd_fp16_build FP16_BUILD = {pack_rows, pack_row_panels, pack_panel, multiply};

#if FP16_LEVEL == 1
#pragma clang attribute pop
#endif
