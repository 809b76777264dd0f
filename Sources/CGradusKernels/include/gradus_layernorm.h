/// Layer normalisation with the residual and bias additions that precede it, forward and backward.
#ifndef GRADUS_LAYERNORM_H
#define GRADUS_LAYERNORM_H
#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// y = gamma * normalized + beta with normalized = (s - mean(s)) / sqrt(variance(s) + epsilon), s = x + bias + residual.
///
/// x, residual, normalized, y: [rows][width]; bias, gamma, beta: [width]; scale: [rows]. residual and bias may be NULL: not
/// added. `normalized` and `scale` (1 / sqrt(variance + epsilon)) are what the backward pass needs; both NULL in inference.
/// y may be x or residual. width >= 1.
void grd_layernorm_forward(const float *x, const float *residual, const float *bias, const float *gamma, const float *beta,
                           float epsilon, size_t rows, size_t width, float *normalized, float *scale, float *y);

/// dx = gradient with respect to s, which is the gradient of x, of residual, and summed over rows of bias.
///
/// gamma_partials[b] and beta_partials[b] are the sums of dy * normalized and of dy over the rows of block b.
/// dy, normalized, dx: [rows][width]; scale: [rows]; partials: [ceil(rows / GRD_ROW_BLOCK)][width]. The first row must begin
/// a block. dx may be dy.
void grd_layernorm_backward(const float *dy, const float *normalized, const float *scale, const float *gamma, size_t rows,
                            size_t width, float *dx, float *gamma_partials, float *beta_partials);

#ifdef __cplusplus
}
#endif
#endif
