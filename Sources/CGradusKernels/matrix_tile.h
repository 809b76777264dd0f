// Small matrix products in registers, for the attention kernels.
#ifndef GRD_MATRIX_TILE_H
#define GRD_MATRIX_TILE_H

#include "simd.h"

/// Element (i, k) is at data[i * row + k * column], so that a transpose costs nothing.
typedef struct {
  const float *data;
  size_t row, column;
} matrix_view;

enum { MAX_TILE_ROWS = 8, MAX_TILE_VECTORS = 2 };

/// c[R][V vectors] (+)= a[R][depth] b[depth][V vectors]; every element is one chain of fused multiply-adds over the depth,
/// so its bits do not depend on the tile's shape.
GRD_INLINE void matrix_tile(const int R, const int V, size_t depth, matrix_view a, const float *b, size_t ldb, float *c,
                            size_t ldc, int accumulate) {
  vfloat sum[MAX_TILE_ROWS][MAX_TILE_VECTORS];
  GRD_UNROLL for (int i = 0; i < R; i++)
    GRD_UNROLL for (int v = 0; v < V; v++) sum[i][v] = accumulate ? vload(c + i * ldc + v * LANES) : vset(0);
  for (size_t k = 0; k < depth; k++, a.data += a.column, b += ldb) {
    vfloat right[MAX_TILE_VECTORS];
    GRD_UNROLL for (int v = 0; v < V; v++) right[v] = vload(b + v * LANES);
    GRD_UNROLL for (int i = 0; i < R; i++) {
      const vfloat left = vset(a.data[i * a.row]);
      GRD_UNROLL for (int v = 0; v < V; v++) sum[i][v] = vfma(left, right[v], sum[i][v]);
    }
  }
  GRD_UNROLL for (int i = 0; i < R; i++)
    GRD_UNROLL for (int v = 0; v < V; v++) vstore(c + i * ldc + v * LANES, sum[i][v]);
}

/// c[rows][columns] (+)= a b; rows a multiple of 8, columns of 16. b: [depth][ldb], c: [rows][ldc].
GRD_INLINE void matrix_product(const grd_isa isa, size_t rows, size_t columns, size_t depth, matrix_view a, const float *b,
                               size_t ldb, float *c, size_t ldc, int accumulate) {
  // 32 registers of 16 floats hold 8 x 2 sums, 16 of 8 floats hold 4 x 1.
  if (isa == GRD_ISA_AVX512) {
    for (size_t j = 0; j < columns; j += 2 * LANES)
      for (size_t i = 0; i < rows; i += 8) {
        const matrix_view top = {a.data + i * a.row, a.row, a.column};
        if (j + 2 * LANES <= columns) matrix_tile(8, 2, depth, top, b + j, ldb, c + i * ldc + j, ldc, accumulate);
        else matrix_tile(8, 1, depth, top, b + j, ldb, c + i * ldc + j, ldc, accumulate);
      }
  } else {
    for (size_t j = 0; j < columns; j += LANES)
      for (size_t i = 0; i < rows; i += 4) {
        const matrix_view top = {a.data + i * a.row, a.row, a.column};
        matrix_tile(4, 1, depth, top, b + j, ldb, c + i * ldc + j, ldc, accumulate);
      }
  }
}

#endif
