// Residual + bias + layer normalisation.
#include "gradus_layernorm.h"
#include "normalize_row.h"

GRD_INLINE void grd_layernorm_forward_body(const grd_isa isa, const float *x, const float *residual, const float *bias,
                                           const float *gamma, const float *beta, float epsilon, size_t rows, size_t width,
                                           float *normalized, float *scale, float *y) {
  (void)isa;
  for (size_t row = 0; row < rows; row++) {
    const size_t start = row * width;
    // The sum waits in y: a row fits there, and it stays in the nearest cache.
    for (size_t j = 0; j < width; j += LANES) {
      const size_t left = width - j;
      vfloat v = vload_part(x + start + j, left, 0);
      if (bias) v += vload_part(bias + j, left, 0);
      if (residual) v += vload_part(residual + start + j, left, 0);
      vstore_part(y + start + j, v, left);
    }
    const float inverse = normalize_row(y + start, gamma, beta, epsilon, width, normalized ? normalized + start : NULL);
    if (scale) scale[row] = inverse;
  }
}
GRD_KERNEL(void, grd_layernorm_forward,
           (const float *x, const float *residual, const float *bias, const float *gamma, const float *beta, float epsilon,
            size_t rows, size_t width, float *normalized, float *scale, float *y),
           x, residual, bias, gamma, beta, epsilon, rows, width, normalized, scale, y)
