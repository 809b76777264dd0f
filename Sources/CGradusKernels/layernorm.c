// Residual + bias + layer normalisation.
#include "gradus_layernorm.h"
#include "simd.h"

/// One vector of x + bias + residual at column j; absent summands are skipped.
GRD_INLINE vfloat summed(const float *x, const float *residual, const float *bias, size_t j) {
  vfloat v = vload(x + j);
  if (bias) v += vload(bias + j);
  if (residual) v += vload(residual + j);
  return v;
}

GRD_INLINE vfloat summed_first(const float *x, const float *residual, const float *bias, size_t j, size_t rest) {
  vfloat v = vload_first(x + j, rest, 0);
  if (bias) v += vload_first(bias + j, rest, 0);
  if (residual) v += vload_first(residual + j, rest, 0);
  return v;
}

GRD_INLINE void grd_layernorm_forward_body(const grd_isa isa, const float *x, const float *residual, const float *bias,
                                           const float *gamma, const float *beta, float epsilon, size_t rows, size_t width,
                                           float *normalized, float *scale, float *y) {
  (void)isa;
  const size_t whole = width / LANES * LANES, rest = width - whole;
  const vint inside = vlane_numbers() < vset_int((int32_t)rest);
  for (size_t row = 0; row < rows; row++) {
    const float *xr = x + row * width, *rr = residual ? residual + row * width : NULL;
    float *yr = y + row * width, *nr = normalized ? normalized + row * width : NULL;
    // The sums wait in y, which the row fits into and which stays in the nearest cache.
    vfloat total = vset(0);
    for (size_t j = 0; j < whole; j += LANES) {
      const vfloat v = summed(xr, rr, bias, j);
      vstore(yr + j, v);
      total += v;
    }
    vfloat last = vset(0);
    if (rest) {
      last = summed_first(xr, rr, bias, whole, rest);
      total += last;
    }
    const vfloat mean = vset(vsum(total) / (float)width);
    vfloat squares = vset(0);
    for (size_t j = 0; j < whole; j += LANES) {
      const vfloat d = vload(yr + j) - mean;
      squares = vfma(d, d, squares);
    }
    if (rest) {
      const vfloat d = vselect(inside, last - mean, vset(0));
      squares = vfma(d, d, squares);
    }
    const vfloat inverse = vset(1.0f) / vsqrt(vset(vsum(squares) / (float)width + epsilon));
    for (size_t j = 0; j < whole; j += LANES) {
      const vfloat n = (vload(yr + j) - mean) * inverse;
      if (nr) vstore(nr + j, n);
      vstore(yr + j, vfma(n, vload(gamma + j), vload(beta + j)));
    }
    if (rest) {
      const vfloat n = (last - mean) * inverse;
      if (nr) vstore_first(nr + whole, n, rest);
      vstore_first(yr + whole, vfma(n, vload_first(gamma + whole, rest, 0), vload_first(beta + whole, rest, 0)), rest);
    }
    if (scale) scale[row] = inverse[0];
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
  const size_t whole = width / LANES * LANES, rest = width - whole;
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
    for (size_t j = 0; j < whole; j += LANES) {
      const vfloat d = vload(dyr + j), n = vload(nr + j), g = d * vload(gamma + j);
      vstore(dgamma + j, vfma(d, n, vload(dgamma + j)));
      vstore(dbeta + j, vload(dbeta + j) + d);
      sum += g;
      product = vfma(g, n, product);
    }
    vfloat last_g = vset(0), last_n = vset(0);
    if (rest) {
      const vfloat d = vload_first(dyr + whole, rest, 0);
      last_n = vload_first(nr + whole, rest, 0);
      last_g = d * vload_first(gamma + whole, rest, 0);
      vstore_first(dgamma + whole, vfma(d, last_n, vload_first(dgamma + whole, rest, 0)), rest);
      vstore_first(dbeta + whole, vload_first(dbeta + whole, rest, 0) + d, rest);
      sum += last_g;
      product = vfma(last_g, last_n, product);
    }
    const vfloat mean_g = vset(vsum(sum) / (float)width), mean_gn = vset(vsum(product) / (float)width);
    const vfloat s = vset(scale[row]);
    for (size_t j = 0; j < whole; j += LANES) {
      const vfloat g = vload(dyr + j) * vload(gamma + j);
      vstore(dxr + j, s * (g - vfma(vload(nr + j), mean_gn, mean_g)));
    }
    if (rest) vstore_first(dxr + whole, s * (last_g - vfma(last_n, mean_gn, mean_g)), rest);
  }
}
GRD_KERNEL(void, grd_layernorm_backward,
           (const float *dy, const float *normalized, const float *scale, const float *gamma, size_t rows, size_t width,
            float *dx, float *gamma_partials, float *beta_partials),
           dy, normalized, scale, gamma, rows, width, dx, gamma_partials, beta_partials)
