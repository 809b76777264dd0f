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

GRD_INLINE void grd_layernorm_backward_body(const grd_isa isa, const float *dy, const float *normalized, const float *scale,
                                            const float *gamma, size_t rows, size_t width, float *dx, float *gamma_partials,
                                            float *beta_partials) {
  (void)isa;
  for (size_t row = 0; row < rows; row++) {
    const float *dyr = dy + row * width, *nr = normalized + row * width;
    float *dxr = dx + row * width;
    float *dgamma = gamma_partials + row / GRD_ROW_BLOCK * width, *dbeta = beta_partials + row / GRD_ROW_BLOCK * width;
    if (row % GRD_ROW_BLOCK == 0) {
      memset(dgamma, 0, width * sizeof(float));
      memset(dbeta, 0, width * sizeof(float));
    }
    // With g = dy * gamma: dx = scale * (g - mean(g) - normalized * mean(g * normalized)).
    vfloat sum = vset(0), product = vset(0);
    for (size_t j = 0; j < width; j += LANES) {
      const size_t left = width - j;
      const vfloat d = vload_part(dyr + j, left, 0), n = vload_part(nr + j, left, 0);
      const vfloat g = d * vload_part(gamma + j, left, 0);
      vstore_part(dgamma + j, vfma(d, n, vload_part(dgamma + j, left, 0)), left);
      vstore_part(dbeta + j, vload_part(dbeta + j, left, 0) + d, left);
      sum += g;
      product = vfma(g, n, product);
    }
    const vfloat mean_g = vset(vsum(sum) / (float)width), mean_gn = vset(vsum(product) / (float)width);
    const vfloat s = vset(scale[row]);
    for (size_t j = 0; j < width; j += LANES) {
      const size_t left = width - j;
      const vfloat g = vload_part(dyr + j, left, 0) * vload_part(gamma + j, left, 0);
      vstore_part(dxr + j, s * (g - vfma(vload_part(nr + j, left, 0), mean_gn, mean_g)), left);
    }
  }
}
GRD_KERNEL(void, grd_layernorm_backward,
           (const float *dy, const float *normalized, const float *scale, const float *gamma, size_t rows, size_t width,
            float *dx, float *gamma_partials, float *beta_partials),
           dy, normalized, scale, gamma, rows, width, dx, gamma_partials, beta_partials)
