#ifndef GRADUS_TENSOR_KERNELS_H
#define GRADUS_TENSOR_KERNELS_H
#include <stddef.h>
#include <stdint.h>

// Kernels under GradusTensor. Each comes for float (_f32) and double (_f64), allocates nothing, and is called for one
// range of the work at a time: the caller cuts ranges by size alone, so that bits do not depend on the thread count.
// Unless a comment says otherwise, an output may be the same buffer as an input of the same shape, and nothing else overlaps.

enum { GRD_MAX_RANK = 8 };

typedef enum {
  GRD_NEGATE, GRD_EXP, GRD_LOG, GRD_LOG1P, GRD_SQRT, GRD_RSQRT, GRD_ABS, GRD_TANH, GRD_SIGMOID, GRD_RELU, GRD_GELU,
  GRD_SOFTPLUS, GRD_SILU, GRD_SIN, GRD_COS, GRD_SQUARE, GRD_RECIPROCAL, GRD_SIGN, GRD_ERF,
  GRD_CLAMP,     // min(max(x, p0), p1)
  GRD_POWER,     // x ^ p0
  GRD_AFFINE,    // p0 * x + p1
} grd_unary_op;

typedef enum {
  GRD_ADD, GRD_SUBTRACT, GRD_MULTIPLY, GRD_DIVIDE, GRD_POW, GRD_MAXIMUM, GRD_MINIMUM,
  // Gradients of the unary functions: a is the input x (for tanh and sigmoid the output y), b the upstream gradient.
  GRD_TANH_GRADIENT, GRD_SIGMOID_GRADIENT, GRD_RELU_GRADIENT, GRD_GELU_GRADIENT, GRD_SOFTPLUS_GRADIENT, GRD_SILU_GRADIENT,
} grd_binary_op;

typedef enum { GRD_EQUAL, GRD_NOT_EQUAL, GRD_LESS, GRD_LESS_EQUAL } grd_compare_op;

typedef enum { GRD_SUM, GRD_MAX, GRD_MIN } grd_reduce_op;

/// A row-major iteration space and the element strides of two operands in it (0 where an operand is broadcast).
/// Dimension `rank - 1` is the innermost.
typedef struct {
  int32_t rank;
  int64_t dims[GRD_MAX_RANK];
  int64_t first[GRD_MAX_RANK];
  int64_t second[GRD_MAX_RANK];
} grd_strides;

/// Windows that slide over planes: extents are [vertical, horizontal]. Positions outside the plane hold padding.
typedef struct {
  size_t plane[2];
  size_t kernel[2];
  size_t stride[2];
  size_t padding[2];
  size_t dilation[2];
  size_t output[2];
} grd_window;

/// Dropout of a range whose first element has the number `offset`; as grd_tensor_dropout_f32.
typedef struct {
  uint64_t seed, offset;
  double rate;
} grd_dropout;

#define GRD_TENSOR_KERNELS(T, S)                                                                                          \
  /* out[i] = op(in[i]), i < count. */                                                                                    \
  void grd_tensor_unary_##S(grd_unary_op op, const T *in, T *out, size_t count, double p0, double p1);                    \
  /* out[i] = op(a, b) for the rows [begin, end) of the plan (a row is one run of the innermost dimension) and its columns \
     [column, column + width). */                                                                                         \
  void grd_tensor_binary_##S(grd_binary_op op, const T *a, const T *b, T *out, const grd_strides *plan, size_t begin,      \
                             size_t end, size_t column, size_t width);                                                    \
  void grd_tensor_compare_##S(grd_compare_op op, const T *a, const T *b, uint8_t *out, const grd_strides *plan,            \
                              size_t begin, size_t end, size_t column, size_t width);                                     \
  /* out[i] = mask[i] ? a[i] : b[i]. */                                                                                   \
  void grd_tensor_select_##S(const uint8_t *mask, const T *a, const T *b, T *out, size_t count);                          \
  /* in: [outer][reduced][inner]; out: [outer][inner]. Rows [begin, end) of outer, columns [column, column + width) of     \
     inner. Sums run in blocks of at most 1024 that are joined in double precision, in index order. */ \
  void grd_tensor_reduce_##S(grd_reduce_op op, const T *in, T *out, size_t begin, size_t end, size_t reduced,             \
                             size_t inner, size_t column, size_t width);                                                  \
  /* Sum of in[0 ..< count] in the same way. */                                                                           \
  double grd_tensor_sum_##S(const T *in, size_t count);                                                                   \
  double grd_tensor_sum_squares_##S(const T *in, size_t count);                                                           \
  void grd_tensor_fill_##S(T *out, size_t count, double value);                                                           \
  /* into[i] += scale * from[i]. */                                                                                       \
  void grd_tensor_accumulate_##S(T *into, const T *from, size_t count, double scale);                                     \
  /* Softmax or log-softmax of `rows` rows of `width`. A row of -inf gives zeros (softmax) or -inf (log-softmax). */      \
  void grd_tensor_softmax_##S(const T *in, T *out, size_t rows, size_t width, int logarithm);                             \
  /* din = y * (g - sum(g * y)) per row, or for the logarithm g - exp(y) * sum(g). */                                     \
  void grd_tensor_softmax_gradient_##S(const T *y, const T *g, T *din, size_t rows, size_t width, int logarithm);         \
  /* y = (x - mean) * rstd * gain + bias per row; x may have a residual added first (NULL for none), and the sum is kept   \
     in `sum` (NULL if not wanted), and dropout before that (NULL for none). gain and bias may be NULL. mean, rstd:        \
     [rows]. */                                                                                                           \
  void grd_tensor_layer_norm_##S(const T *x, const T *residual, const T *gain, const T *bias, T *sum, T *y, T *mean,       \
                                 T *rstd, size_t rows, size_t width, double epsilon, const grd_dropout *dropout);         \
  /* dx of the above from the sum x, and this range's part of the gradients of gain and bias, which are overwritten       \
     (NULL if not wanted). ddropped: of what was dropped from before the residual was added; only with dropout. */        \
  void grd_tensor_layer_norm_gradient_##S(const T *x, const T *mean, const T *rstd, const T *gain, const T *g, T *dx,      \
                                          T *dgain, T *dbias, size_t rows, size_t width, const grd_dropout *dropout,       \
                                          T *ddropped);                                                                   \
  /* out row i = table row indices[i], columns [column, column + width) of `inner`. */                                    \
  void grd_tensor_index_select_##S(const T *table, const int32_t *indices, T *out, size_t outer, size_t extent,           \
                                   size_t count, size_t inner, size_t column, size_t width);                              \
  /* out row indices[i] += in row i, in the order of i; out is not cleared. */                                            \
  void grd_tensor_index_add_##S(const T *in, const int32_t *indices, T *out, size_t outer, size_t extent, size_t count,   \
                                size_t inner, size_t column, size_t width);                                               \
  /* Along one axis: out[o][i][c] = in[o][indices[o][i][c]][c], in: [outer][extent][inner], out: [outer][count][inner]. */ \
  void grd_tensor_gather_##S(const T *in, const int32_t *indices, T *out, size_t outer, size_t extent, size_t count,      \
                             size_t inner);                                                                               \
  /* out[o][indices[o][i][c]][c] += in[o][i][c], in the order of i. */                                                    \
  void grd_tensor_scatter_add_##S(const T *in, const int32_t *indices, T *out, size_t outer, size_t extent, size_t count, \
                                  size_t inner);                                                                          \
  /* Running sum along the middle axis of [outer][length][inner]; from the end if `reverse`. */                           \
  void grd_tensor_cumulative_sum_##S(const T *in, T *out, size_t outer, size_t length, size_t inner, int reverse);        \
  /* out[i] = keep(i) ? in[i] / (1 - rate) : 0 with keep drawn from a hash of (seed, offset + i). */                      \
  void grd_tensor_dropout_##S(const T *in, T *out, size_t count, uint64_t seed, uint64_t offset, double rate);            \
  /* columns[p][i * kernel width + j][oy * output width + ox] = planes[p] at window (oy, ox), tap (i, j), or `pad` outside,   \
     for the planes [begin, end). */                                                                                      \
  void grd_tensor_unfold_##S(const T *planes, T *columns, const grd_window *window, size_t begin, size_t end, double pad); \
  /* The adjoint: planes[p] = sum of the columns' entries at their places. */                                             \
  void grd_tensor_fold_##S(const T *columns, T *planes, const grd_window *window, size_t begin, size_t end);              \
  /* c[m][n] = alpha * op(a) * op(b) + beta * c, row-major, plain loops with packed panels. Every element adds its        \
     products in the order of k, so a split of the rows or columns changes no bit. scratch: [k * 32] elements. */         \
  void grd_tensor_gemm_##S(int trans_a, int trans_b, size_t m, size_t n, size_t k, double alpha, const T *a, size_t lda,   \
                           const T *b, size_t ldb, double beta, T *c, size_t ldc, T *scratch);                            \
  /* x[r][c] += bias[c]. */                                                                                               \
  void grd_tensor_add_bias_##S(T *x, const T *bias, size_t rows, size_t width, size_t stride);                            \
  /* Adam with decoupled decay: one range of one parameter. All buffers distinct. gradient_scale multiplies the gradient.  \
     */                                                                                                                   \
  void grd_tensor_adam_##S(T *value, const T *gradient, T *first, T *second, size_t count, double rate, double beta1,      \
                           double beta2, double epsilon, double correction1, double correction2, double decoupled_decay,  \
                           double coupled_decay, double gradient_scale);                                                  \
  /* SGD with momentum; velocity may be NULL (no momentum). `is_first` starts the velocity from the gradient. */          \
  void grd_tensor_sgd_##S(T *value, const T *gradient, T *velocity, size_t count, double rate, double momentum,           \
                          double dampening, double decay, int nesterov, int is_first);

GRD_TENSOR_KERNELS(float, f32)
GRD_TENSOR_KERNELS(double, f64)

/// Copies `rows` [begin, end) of a strided space: `first` holds the source strides, `second` the destination's, both in
/// elements of `element_bytes` (1, 4 or 8). Strides may be negative. No overlap.
void grd_tensor_copy_strided(const void *source, void *destination, const grd_strides *plan, size_t begin, size_t end,
                             size_t element_bytes);

void grd_tensor_cast_f32_f64(const float *in, double *out, size_t count);
void grd_tensor_cast_f64_f32(const double *in, float *out, size_t count);
void grd_tensor_cast_i32_f32(const int32_t *in, float *out, size_t count);
void grd_tensor_cast_i32_f64(const int32_t *in, double *out, size_t count);
void grd_tensor_cast_u8_f32(const uint8_t *in, float *out, size_t count);
void grd_tensor_cast_u8_f64(const uint8_t *in, double *out, size_t count);

#endif
