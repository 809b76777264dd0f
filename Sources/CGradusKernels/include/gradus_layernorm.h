/// Layer normalisation with the residual and bias additions that precede it.
#ifndef GRADUS_LAYERNORM_H
#define GRADUS_LAYERNORM_H
#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// y = gamma * normalized + beta with normalized = (s - mean(s)) / sqrt(variance(s) + epsilon), s = x + bias + residual.
///
/// x, residual, normalized, y: [rows][width]; bias, gamma, beta: [width]; scale: [rows]. residual and bias may be NULL: not
/// added. `scale` is 1 / sqrt(variance + epsilon); `normalized` and `scale` may be NULL: not wanted.
/// y may be x or residual. width >= 1.
void grd_layernorm_forward(const float *x, const float *residual, const float *bias, const float *gamma, const float *beta,
                           float epsilon, size_t rows, size_t width, float *normalized, float *scale, float *y);

#ifdef __cplusplus
}
#endif
#endif
