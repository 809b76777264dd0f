/// Arithmetic on arrays and rows: sums, products, biases, column sums, dot products, pooling, unit length.
#ifndef GRADUS_ROWS_H
#define GRADUS_ROWS_H
#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

// a, b, x, y: [count]; y may be an input.

/// y = a + b
void grd_add(const float *a, const float *b, size_t count, float *y);
/// y = a b
void grd_multiply(const float *a, const float *b, size_t count, float *y);
/// y = factor x
void grd_scale(const float *x, float factor, size_t count, float *y);
/// y = y + factor x, fused
void grd_axpy(const float *x, float factor, size_t count, float *y);

/// y = x + bias, row by row. x, y: [rows][width]; bias: [width]. y may be x.
void grd_add_bias(const float *x, const float *bias, size_t rows, size_t width, float *y);

/// partials[b][j] = sum of x[.][j] over the rows of block b. x: [rows][width], from a block's start;
/// partials: [ceil(rows / GRD_ROW_BLOCK)][width].
void grd_column_sums(const float *x, size_t rows, size_t width, float *partials);

/// sums[j] = partials[0][j] + partials[1][j] + ..., in that order; 0 without blocks. partials: [blocks][width].
void grd_combine_partials(const float *partials, size_t blocks, size_t width, float *sums);

/// dots[r] = a[r] . b[r]. a, b: [rows][width]; dots: [rows].
void grd_dot_rows(const float *a, const float *b, size_t rows, size_t width, float *dots);

/// y[s] = mean of the rows offsets[s] ..< offsets[s + 1] of x, 0 for none. x: [tokens][width]; offsets: [sequences + 1],
/// ascending; y: [sequences][width]. To split the work, offset `offsets` and `y` together.
void grd_mean_pool_forward(const float *x, const int64_t *offsets, size_t sequences, size_t width, float *y);
/// dx[t] = dy[s] / length of s, for the tokens t of each sequence s. dx: [tokens][width].
void grd_mean_pool_backward(const float *dy, const int64_t *offsets, size_t sequences, size_t width, float *dx);

/// y = x / max(|x|, epsilon), row by row; norms[r] = max(|x[r]|, epsilon), or NULL. x, y: [rows][width]. y may be x.
void grd_normalize_rows_forward(const float *x, float epsilon, size_t rows, size_t width, float *norms, float *y);
/// dx = (dy - y (y . dy)) / norm; where the norm was raised to epsilon, the term of the norm's slope is absent.
/// y, dy, dx: [rows][width]; norms: [rows]. dx may be dy.
void grd_normalize_rows_backward(const float *y, const float *norms, const float *dy, float epsilon, size_t rows, size_t width,
                                 float *dx);

#ifdef __cplusplus
}
#endif
#endif
