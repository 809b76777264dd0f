/// Element-wise functions and GELU, forward and backward. Error bounds hold over all finite inputs.
#ifndef GRADUS_ACTIVATIONS_H
#define GRADUS_ACTIVATIONS_H
#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

// x, y: [count]; y may be x.

/// y = exp(x), within 1.5 ulp; 0 for x < -86.98, infinity above 88.72.
void grd_exp(const float *x, size_t count, float *y);
/// y = tanh(x), within 3 ulp.
void grd_tanh(const float *x, size_t count, float *y);
/// y = erf(x), within 2 ulp.
void grd_erf(const float *x, size_t count, float *y);
/// y = 1 / (1 + exp(-x)), within 3 ulp for x >= -86.98.
void grd_sigmoid(const float *x, size_t count, float *y);

/// y = x P(N <= x) for a standard normal N: the exact GELU, not its tanh approximation. Relative error below 1e-6.
void grd_gelu_forward(const float *x, size_t count, float *y);

/// dx = dy (P(N <= x) + x density(x)). dx may be dy or x.
void grd_gelu_backward(const float *x, const float *dy, size_t count, float *dx);

/// sum = x + bias and y = gelu(sum), row by row. x, sum, y: [rows][width]; bias: [width]. `sum` is what the backward pass
/// needs; NULL where it is not wanted. `sum` or y may be x.
void grd_bias_gelu_forward(const float *x, const float *bias, size_t rows, size_t width, float *sum, float *y);

/// dx = dy gelu'(sum); bias_partials[b][j] = sum of dx[.][j] over the rows of block b. dx may be dy.
/// sum, dy, dx: [rows][width]; bias_partials: [ceil(rows / GRD_ROW_BLOCK)][width]. The first row must begin a block.
void grd_bias_gelu_backward(const float *sum, const float *dy, size_t rows, size_t width, float *dx, float *bias_partials);

#ifdef __cplusplus
}
#endif
#endif
