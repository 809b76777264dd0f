// The layer normalisation of one row of the encoder.
#ifndef GRD_NORMALIZE_ROW_H
#define GRD_NORMALIZE_ROW_H

#include "simd.h"

/// y = gamma * (y - mean) / sqrt(variance + epsilon) + beta in place, two passes for the variance.
GRD_INLINE void normalize_row(float *y, const float *gamma, const float *beta, float epsilon, size_t width) {
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
    vstore_part(y + j, vfma(n, vload_part(gamma + j, left, 0), vload_part(beta + j, left, 0)), left);
  }
}

#endif
