/// Element-wise functions and GELU. Error bounds hold over all finite inputs.
#ifndef GRADUS_ACTIVATIONS_H
#define GRADUS_ACTIVATIONS_H
#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

// x, y: [count]; y may be x.

/// y = exp(x), within 1 ulp; 0 for x < -86.98, infinity above 88.72.
void grd_exp(const float *x, size_t count, float *y);
/// y = tanh(x), within 1.2 ulp.
void grd_tanh(const float *x, size_t count, float *y);
/// y = erf(x), within 1.5 ulp.
void grd_erf(const float *x, size_t count, float *y);
/// y = 1 / (1 + exp(-x)), within 2.2 ulp for x >= -86.98.
void grd_sigmoid(const float *x, size_t count, float *y);

/// y = x P(N <= x) for a standard normal N: the exact GELU, not its tanh approximation. Relative error below 7e-7 for x > -12.
void grd_gelu_forward(const float *x, size_t count, float *y);

/// The gradient of gelu(sum), sum = x + bias, with gelu'(s) = P(N <= s) + s density(s).
///
/// dx = dy gelu'(sum); bias_partials[b][j] = sum of dx[.][j] over the rows of block b. dx may be dy.
/// sum, dy, dx: [rows][width]; bias_partials: [ceil(rows / GRD_ROW_BLOCK)][width]. The first row must begin a block.
void grd_bias_gelu_backward(const float *sum, const float *dy, size_t rows, size_t width, float *dx, float *bias_partials);

#ifdef __cplusplus
}
#endif
#endif
