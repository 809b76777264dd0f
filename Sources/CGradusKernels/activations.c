// Element-wise functions and GELU.
#include "gradus_activations.h"
#include "simd.h"

#define MAP(x, count, y, function)                    \
  for (size_t at = 0; at < (count); at += LANES)      \
  vstore_part((y) + at, function(vload_part((x) + at, (count) - at, 0)), (count) - at)

/// 1 / (1 + exp(-x)).
GRD_INLINE vfloat vsigmoid(vfloat x) { return vset(1.0f) / (vset(1.0f) + vexp(-x)); }

/// |x| < 0.7: odd minimax polynomial, relative error 1.6e-8; else 1 - 2 / (exp(2|x|) + 1).
GRD_INLINE vfloat vtanh(vfloat x) {
  const vfloat a = vabs(x), z = x * x;
  vfloat p = vset(-0.0051386184f);
  p = vfma(p, z, vset(0.020091923f));
  p = vfma(p, z, vset(-0.053558845f));
  p = vfma(p, z, vset(0.13329111f));
  p = vfma(p, z, vset(-0.3333319f));
  const vfloat near = vfma(p * z, x, x);
  const vfloat far = vset(1.0f) - vset(2.0f) / (vexp(a + a) + vset(1.0f));
  return vselect(a < vset(0.7f), near, vcopysign(far, x));
}

/// |x| < 1: odd minimax polynomial, relative error 1.2e-9; else 1 - 2 P(N > sqrt(2) |x|).
GRD_INLINE vfloat verf(vfloat x) {
  const vfloat a = vabs(x), z = x * x;
  vfloat p = vset(7.853811e-05f);
  p = vfma(p, z, vset(-0.0008010179f));
  p = vfma(p, z, vset(0.0051883264f));
  p = vfma(p, z, vset(-0.026853811f));
  p = vfma(p, z, vset(0.112835854f));
  p = vfma(p, z, vset(-0.37612626f));
  p = vfma(p, z, vset(0.12837917f));
  const vfloat near = vfma(p, x, x);
  vfloat upper, density;
  vnormal(a * vset(-1.41421356f), &upper, &density);
  const vfloat far = vset(1.0f) - (upper + upper);
  return vselect(a < vset(1.0f), near, vcopysign(far, x));
}

GRD_INLINE vfloat vgelu(vfloat x) {
  vfloat cdf, density;
  vnormal(x, &cdf, &density);
  return x * cdf;
}

GRD_INLINE vfloat vgelu_slope(vfloat x) {
  vfloat cdf, density;
  vnormal(x, &cdf, &density);
  return vfma(x, density, cdf);
}

GRD_INLINE void grd_exp_body(const grd_isa isa, const float *x, size_t count, float *y) { (void)isa; MAP(x, count, y, vexp); }
GRD_KERNEL(void, grd_exp, (const float *x, size_t count, float *y), x, count, y)

GRD_INLINE void grd_tanh_body(const grd_isa isa, const float *x, size_t count, float *y) { (void)isa; MAP(x, count, y, vtanh); }
GRD_KERNEL(void, grd_tanh, (const float *x, size_t count, float *y), x, count, y)

GRD_INLINE void grd_erf_body(const grd_isa isa, const float *x, size_t count, float *y) { (void)isa; MAP(x, count, y, verf); }
GRD_KERNEL(void, grd_erf, (const float *x, size_t count, float *y), x, count, y)

GRD_INLINE void grd_sigmoid_body(const grd_isa isa, const float *x, size_t count, float *y) {
  (void)isa;
  MAP(x, count, y, vsigmoid);
}
GRD_KERNEL(void, grd_sigmoid, (const float *x, size_t count, float *y), x, count, y)

GRD_INLINE void grd_gelu_forward_body(const grd_isa isa, const float *x, size_t count, float *y) {
  (void)isa;
  MAP(x, count, y, vgelu);
}
GRD_KERNEL(void, grd_gelu_forward, (const float *x, size_t count, float *y), x, count, y)

GRD_INLINE void grd_bias_gelu_backward_body(const grd_isa isa, const float *sum, const float *dy, size_t rows, size_t width,
                                            float *dx, float *bias_partials) {
  (void)isa;
  for (size_t row = 0; row < rows; row++) {
    const size_t start = row * width;
    float *partial = bias_partials + row / GRD_ROW_BLOCK * width;
    if (row % GRD_ROW_BLOCK == 0) memset(partial, 0, width * sizeof(float));
    for (size_t j = 0; j < width; j += LANES) {
      const size_t left = width - j;
      const vfloat v = vload_part(dy + start + j, left, 0) * vgelu_slope(vload_part(sum + start + j, left, 0));
      vstore_part(dx + start + j, v, left);
      vstore_part(partial + j, vload_part(partial + j, left, 0) + v, left);
    }
  }
}
GRD_KERNEL(void, grd_bias_gelu_backward,
           (const float *sum, const float *dy, size_t rows, size_t width, float *dx, float *bias_partials), sum, dy, rows,
           width, dx, bias_partials)
