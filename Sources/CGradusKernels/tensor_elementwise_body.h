// Included once per element type T (suffix S).

#define GRD_UNARY_CASE(OP, EXPRESSION)                                 \
  case OP:                                                             \
    for (size_t i = 0; i < count; i++) {                               \
      T x = in[i];                                                     \
      out[i] = (EXPRESSION);                                           \
    }                                                                  \
    break;

GRD_CLONES void TYPED(grd_tensor_unary)(grd_unary_op op, const T *in, T *out, size_t count, double p0, double p1) {
  T first = (T)p0, second = (T)p1;
  switch (op) {
    GRD_UNARY_CASE(GRD_NEGATE, -x)
    GRD_UNARY_CASE(GRD_EXP, TYPED(grd_exp)(x))
    GRD_UNARY_CASE(GRD_LOG, TYPED(grd_log)(x))
    GRD_UNARY_CASE(GRD_LOG1P, TYPED(grd_log1p)(x))
    GRD_UNARY_CASE(GRD_SQRT, TYPED(grd_sqrt)(x))
    GRD_UNARY_CASE(GRD_RSQRT, 1 / TYPED(grd_sqrt)(x))
    GRD_UNARY_CASE(GRD_ABS, TYPED(grd_abs)(x))
    GRD_UNARY_CASE(GRD_TANH, TYPED(grd_tanh)(x))
    GRD_UNARY_CASE(GRD_SIGMOID, TYPED(grd_sigmoid)(x))
    GRD_UNARY_CASE(GRD_RELU, x < 0 ? (T)0 : x)
    GRD_UNARY_CASE(GRD_GELU, TYPED(grd_gelu)(x))
    GRD_UNARY_CASE(GRD_SOFTPLUS, (x > 0 ? x : (T)0) + TYPED(grd_log1p)(TYPED(grd_exp)(-TYPED(grd_abs)(x))))
    GRD_UNARY_CASE(GRD_SILU, x * TYPED(grd_sigmoid)(x))
    GRD_UNARY_CASE(GRD_SIN, TYPED(grd_sin)(x))
    GRD_UNARY_CASE(GRD_COS, TYPED(grd_cos)(x))
    GRD_UNARY_CASE(GRD_SQUARE, x * x)
    GRD_UNARY_CASE(GRD_RECIPROCAL, 1 / x)
    GRD_UNARY_CASE(GRD_SIGN, (T)((x > 0) - (x < 0)))
    GRD_UNARY_CASE(GRD_ERF, TYPED(grd_erf)(x))
    GRD_UNARY_CASE(GRD_CLAMP, x < first ? first : x > second ? second : x)
    GRD_UNARY_CASE(GRD_POWER, TYPED(grd_pow)(x, first))
    GRD_UNARY_CASE(GRD_AFFINE, first * x + second)
  }
}
#undef GRD_UNARY_CASE

/// Element offsets of both operands at the start of one row of the plan.
GRD_INLINE void TYPED(grd_row_offsets)(const grd_strides *plan, size_t row, int64_t *first, int64_t *second) {
  int64_t a = 0, b = 0;
  for (int axis = plan->rank - 2; axis >= 0; axis--) {
    int64_t index = (int64_t)(row % (size_t)plan->dims[axis]);
    row /= (size_t)plan->dims[axis];
    a += index * plan->first[axis];
    b += index * plan->second[axis];
  }
  *first = a;
  *second = b;
}

// The innermost strides are 0 or 1: one loop per combination keeps the loads simple enough to vectorise.
#define GRD_BINARY_LOOP(A, B, EXPRESSION)     \
  for (size_t i = 0; i < width; i++) {        \
    T x = (A), y = (B);                       \
    target[i] = (EXPRESSION);                 \
  }
#define GRD_BINARY_CASE(OP, EXPRESSION)                                            \
  case OP:                                                                         \
    if (step_a && step_b) {                                                        \
      GRD_BINARY_LOOP(left[i], right[i], EXPRESSION)                               \
    } else if (step_a) {                                                           \
      T fixed = right[0];                                                          \
      GRD_BINARY_LOOP(left[i], fixed, EXPRESSION)                                  \
    } else if (step_b) {                                                           \
      T fixed = left[0];                                                           \
      GRD_BINARY_LOOP(fixed, right[i], EXPRESSION)                                 \
    } else {                                                                       \
      GRD_BINARY_LOOP(left[0], right[0], EXPRESSION)                               \
    }                                                                              \
    break;
#define GRD_BINARY_ROWS(TARGET_TYPE)                                               \
  size_t length = (size_t)plan->dims[plan->rank - 1];                              \
  int step_a = plan->first[plan->rank - 1] != 0, step_b = plan->second[plan->rank - 1] != 0; \
  for (size_t row = begin; row < end; row++) {                                     \
    int64_t offset_a, offset_b;                                                    \
    TYPED(grd_row_offsets)(plan, row, &offset_a, &offset_b);                       \
    const T *left = a + offset_a + (step_a ? column : 0);                          \
    const T *right = b + offset_b + (step_b ? column : 0);                         \
    TARGET_TYPE *target = out + row * length + column;

GRD_CLONES void TYPED(grd_tensor_binary)(grd_binary_op op, const T *a, const T *b, T *out, const grd_strides *plan,
                                         size_t begin, size_t end, size_t column, size_t width) {
  GRD_BINARY_ROWS(T)
    switch (op) {
      GRD_BINARY_CASE(GRD_ADD, x + y)
      GRD_BINARY_CASE(GRD_SUBTRACT, x - y)
      GRD_BINARY_CASE(GRD_MULTIPLY, x * y)
      GRD_BINARY_CASE(GRD_DIVIDE, x / y)
      GRD_BINARY_CASE(GRD_POW, TYPED(grd_pow)(x, y))
      GRD_BINARY_CASE(GRD_MAXIMUM, x > y || x != x ? x : y)
      GRD_BINARY_CASE(GRD_MINIMUM, x < y || x != x ? x : y)
      GRD_BINARY_CASE(GRD_TANH_GRADIENT, y * (1 - x * x))
      GRD_BINARY_CASE(GRD_SIGMOID_GRADIENT, y * x * (1 - x))
      GRD_BINARY_CASE(GRD_RELU_GRADIENT, x > 0 ? y : (T)0)
      GRD_BINARY_CASE(GRD_GELU_GRADIENT, y * TYPED(grd_gelu_slope)(x))
      GRD_BINARY_CASE(GRD_SOFTPLUS_GRADIENT, y * TYPED(grd_sigmoid)(x))
      GRD_BINARY_CASE(GRD_SILU_GRADIENT, y * TYPED(grd_sigmoid)(x) * (1 + x * (1 - TYPED(grd_sigmoid)(x))))
    }
  }
}

GRD_CLONES void TYPED(grd_tensor_compare)(grd_compare_op op, const T *a, const T *b, uint8_t *out, const grd_strides *plan,
                                          size_t begin, size_t end, size_t column, size_t width) {
  GRD_BINARY_ROWS(uint8_t)
    switch (op) {
      GRD_BINARY_CASE(GRD_EQUAL, x == y)
      GRD_BINARY_CASE(GRD_NOT_EQUAL, x != y)
      GRD_BINARY_CASE(GRD_LESS, x < y)
      GRD_BINARY_CASE(GRD_LESS_EQUAL, x <= y)
    }
  }
}
#undef GRD_BINARY_LOOP
#undef GRD_BINARY_CASE
#undef GRD_BINARY_ROWS

GRD_CLONES void TYPED(grd_tensor_select)(const uint8_t *mask, const T *a, const T *b, T *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = mask[i] ? a[i] : b[i];
}

GRD_CLONES void TYPED(grd_tensor_fill)(T *out, size_t count, double value) {
  for (size_t i = 0; i < count; i++) out[i] = (T)value;
}

GRD_CLONES void TYPED(grd_tensor_accumulate)(T *into, const T *from, size_t count, double scale) {
  T factor = (T)scale;
  if (scale == 1) {
    for (size_t i = 0; i < count; i++) into[i] += from[i];
  } else {
    for (size_t i = 0; i < count; i++) into[i] += factor * from[i];
  }
}

GRD_CLONES void TYPED(grd_tensor_add_bias)(T *x, const T *bias, size_t rows, size_t width, size_t stride) {
  for (size_t row = 0; row < rows; row++)
    for (size_t i = 0; i < width; i++) x[row * stride + i] += bias[i];
}

GRD_CLONES void TYPED(grd_tensor_dropout)(const T *in, T *out, size_t count, uint64_t seed, uint64_t offset, double rate) {
  uint32_t threshold = grd_dropout_threshold(rate);
  T scale = (T)(1 / (1 - rate));
  for (size_t i = 0; i < count; i++) out[i] = grd_counter_hash(seed, offset + i) >= threshold ? in[i] * scale : (T)0;
}
