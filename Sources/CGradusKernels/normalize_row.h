// The layer normalisation of one row, shared by the kernels that differ in what they sum before it.
#ifndef GRD_NORMALIZE_ROW_H
#define GRD_NORMALIZE_ROW_H

#include "simd.h"

/// y = gamma * (y - mean) * inverse + beta in place, two passes for the variance; returns inverse = 1 / sqrt(var + epsilon).
/// `normalized`, where not NULL, takes (y - mean) * inverse.
GRD_INLINE float normalize_row(float *y, const float *gamma, const float *beta, float epsilon, size_t width,
                               float *normalized) {
  vfloat total = vset(0), squares = vset(0);
  for (size_t j = 0; j < width; j += LANES) total += vload_part(y + j, width - j, 0);
  const float mean = vsum(total) / (float)width;
  const vfloat centre = vset(mean);
  for (size_t j = 0; j < width; j += LANES) {
    const vfloat d = vload_part(y + j, width - j, mean) - centre;
    squares = vfma(d, d, squares);
  }
  const vfloat inverse = vset(1.0f) / vsqrt(vset(vsum(squares) / (float)width + epsilon));
  for (size_t j = 0; j < width; j += LANES) {
    const size_t left = width - j;
    const vfloat n = (vload_part(y + j, left, 0) - centre) * inverse;
    if (normalized) vstore_part(normalized + j, n, left);
    vstore_part(y + j, vfma(n, vload_part(gamma + j, left, 0), vload_part(beta + j, left, 0)), left);
  }
  return inverse[0];
}

#endif
