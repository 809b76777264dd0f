// Products of a block of rows with a packed matrix, and what becomes of each element. Compiled once for each level.

typedef enum { STORE, STORE_BF16, GELU_FULL, GELU_SHORT, GELU_SHORT_BF16, ADD_RESIDUAL } linear_end;

typedef struct {
  linear_end end;
  void *out;
  size_t stride;          ///< Of out and of residual, in elements.
  const float *residual;  ///< [rows][stride], for ADD_RESIDUAL.
} linear_target;

/// Adds the bias and stores sums[R][V] at row `row`, column `column`.
GRD_INLINE void store_tile(const int R, vfloat sums[TILE_ROWS][TILE_VECTORS], const float *bias, const linear_target *target,
                           size_t row, size_t column) {
  vfloat added[TILE_VECTORS];
  GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) added[v] = vload(bias + v * LANES);
#define EACH(statement)                                                                           \
  GRD_UNROLL for (int i = 0; i < R; i++) GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {      \
    const size_t at = (row + (size_t)i) * target->stride + column + (size_t)v * LANES;            \
    const vfloat value = sums[i][v] + added[v];                                                   \
    statement;                                                                                    \
  }
  switch (target->end) {
    case STORE: EACH(vstore((float *)target->out + at, value)) break;
    case STORE_BF16: EACH(vstore_bf16((uint16_t *)target->out + at, value)) break;
    case GELU_FULL: EACH(vstore((float *)target->out + at, vgelu_full(value))) break;
    case GELU_SHORT: EACH(vstore((float *)target->out + at, vgelu_short(value))) break;
    case GELU_SHORT_BF16: EACH(vstore_left(target->out, at, vgelu_short(value))) break;
    case ADD_RESIDUAL: EACH(vstore((float *)target->out + at, value + vload(target->residual + at))) break;
  }
#undef EACH
}

// The panels of a matrix in tiles of TILE_VECTORS * 16 outputs.
#define FOR_PANELS(matrix)                                              \
  for (size_t panel = 0; panel < (matrix)->panels; panel++)             \
    for (size_t column = 0; column < PANEL; column += TILE_VECTORS * LANES)

static void linear_fp32(size_t rows, const float *a, size_t lda, const grd_encoder_matrix *matrix,
                        const linear_target *target) {
  FOR_PANELS(matrix) {
    const float *b = (const float *)matrix->data + panel * matrix->depth * PANEL + column;
    const size_t output = panel * PANEL + column;
#define TILE(R, first)                                                        \
  do {                                                                        \
    vfloat sums[TILE_ROWS][TILE_VECTORS];                                     \
    tile_fp32(R, a + (first) * lda, lda, b, matrix->depth, sums);             \
    store_tile(R, sums, matrix->bias + output, target, first, output);        \
  } while (0)
    FOR_ROW_TILES(rows, TILE);
#undef TILE
  }
}

static void linear_bf16(size_t rows, const char *a, size_t lda, const grd_encoder_matrix *matrix,
                        const linear_target *target) {
  const size_t element = GRD_WIDENS(ENCODER_LEVEL) ? sizeof(float) : sizeof(uint16_t);
  FOR_PANELS(matrix) {
    const uint16_t *b = (const uint16_t *)matrix->data + panel * matrix->depth * PANEL + 2 * column;
    const size_t output = panel * PANEL + column;
#define TILE(R, first)                                                        \
  do {                                                                        \
    vfloat sums[TILE_ROWS][TILE_VECTORS];                                     \
    tile_bf16(R, a + (first) * lda * element, lda, b, matrix->depth / 2, sums); \
    store_tile(R, sums, matrix->bias + output, target, first, output);        \
  } while (0)
    FOR_ROW_TILES(rows, TILE);
#undef TILE
  }
}

static void linear_int8(size_t rows, const uint8_t *a, size_t lda, const float *a_scales, const grd_encoder_matrix *matrix,
                        const linear_target *target) {
  FOR_PANELS(matrix) {
    const int8_t *b = (const int8_t *)matrix->data + panel * matrix->depth * PANEL + 4 * column;
    const size_t output = panel * PANEL + column;
#define TILE(R, first)                                                                                         \
  do {                                                                                                         \
    vint exact[TILE_ROWS][TILE_VECTORS];                                                                       \
    vfloat sums[TILE_ROWS][TILE_VECTORS];                                                                      \
    tile_int8(R, 1, a + (first) * lda, lda, b, matrix->depth / 4, matrix->correction + output, exact);         \
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {                                                        \
      const vfloat scale = vload(matrix->scale + output + (size_t)v * LANES);                                  \
      GRD_UNROLL for (int i = 0; i < (R); i++)                                                                 \
        sums[i][v] = __builtin_convertvector(exact[i][v], vfloat) * (scale * vset(a_scales[(first) + (size_t)i])); \
    }                                                                                                          \
    store_tile(R, sums, matrix->bias + output, target, first, output);                                         \
  } while (0)
    FOR_ROW_TILES(rows, TILE);
#undef TILE
  }
}
#undef FOR_PANELS
