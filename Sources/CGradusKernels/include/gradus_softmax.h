/// Softmax and log-softmax over rows of which only the first `lengths[row]` entries count.
#ifndef GRADUS_SOFTMAX_H
#define GRADUS_SOFTMAX_H
#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

// x, y, dy, dx: [rows][width]; lengths: [rows], each 0 ... width, or NULL: all of the row. y may be x, dx may be dy.

/// y = exp(x) / sum exp(x) over the first `length` entries, 0 beyond them.
void grd_softmax_forward(const float *x, const int32_t *lengths, size_t rows, size_t width, float *y);
/// dx = y (dy - sum(dy y)), 0 beyond the length.
void grd_softmax_backward(const float *y, const float *dy, const int32_t *lengths, size_t rows, size_t width, float *dx);

/// y = x - log sum exp(x) over the first `length` entries, -infinity beyond them.
void grd_log_softmax_forward(const float *x, const int32_t *lengths, size_t rows, size_t width, float *y);
/// dx = dy - exp(y) sum(dy), 0 beyond the length.
void grd_log_softmax_backward(const float *y, const float *dy, const int32_t *lengths, size_t rows, size_t width, float *dx);

#ifdef __cplusplus
}
#endif
#endif
