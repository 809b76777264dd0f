// The product of a few rows with 32 columns, in registers.

#if LEVEL >= LEVEL_AVX512
#define TILE_ROWS 12  // 32 registers of sixteen floats: 24 sums, two columns, one row.
#else
#define TILE_ROWS 2   // 16 registers of eight floats, or 32 of four: 8 (16) of sums.
#endif

/// sum[R][2 vectors] += a[R][2 x pairs] b[pairs][32][2]. pairs: a multiple of 16. b_stride: bfloat16 numbers from one pair of
/// rows of b to the next. Per lane, and pair after pair, the product of the second numbers is added first, then that of the first
/// ones; each sum is rounded once.
GRD_INLINE void multiply_tile(const int R, size_t pairs, const uint16_t *a, size_t a_stride, const uint16_t *b,
                              size_t b_stride, vfloat sum[TILE_ROWS][2]) {
#if LEVEL == LEVEL_AVX512_BF16
  for (size_t k = 0; k < pairs; k++, a += 2, b += b_stride) {
    const __m512bh left_columns = (__m512bh)vload_uint(b), right_columns = (__m512bh)vload_uint(b + 32);
    GRD_UNROLL for (int i = 0; i < R; i++) {
      uint32_t pair;
      memcpy(&pair, a + (size_t)i * a_stride, sizeof pair);
      const __m512bh row = (__m512bh)vset_uint(pair);
      sum[i][0] = _mm512_dpbf16_ps(sum[i][0], row, left_columns);
      sum[i][1] = _mm512_dpbf16_ps(sum[i][1], row, right_columns);
    }
  }
#else
  // Both sides widened to floats: rows once for both columns, because widening and multiply-adds share units.
  enum { WIDE_PAIRS = 64 };
  float first[TILE_ROWS * WIDE_PAIRS], second[TILE_ROWS * WIDE_PAIRS];
  const vuint high = vset_uint(0xffff0000u);
  for (size_t start = 0; start < pairs; start += WIDE_PAIRS) {
    const size_t count = smaller(WIDE_PAIRS, pairs - start);
    GRD_UNROLL for (int i = 0; i < R; i++)
      for (size_t k = 0; k < count; k += LANES) {
        const vuint both = vload_uint(a + (size_t)i * a_stride + 2 * (start + k));
        vstore(first + (size_t)i * WIDE_PAIRS + k, (vfloat)(both << 16));
        vstore(second + (size_t)i * WIDE_PAIRS + k, (vfloat)(both & high));
      }
    for (size_t k = 0; k < count; k++, b += b_stride) {
      vfloat first_columns[2], second_columns[2];
      GRD_UNROLL for (int half = 0; half < 2; half++) {
        const vuint both = vload_uint(b + 32 * half);
        first_columns[half] = (vfloat)(both << 16), second_columns[half] = (vfloat)(both & high);
      }
      GRD_UNROLL for (int i = 0; i < R; i++) {
        const vfloat second_row = vset(second[(size_t)i * WIDE_PAIRS + k]), first_row = vset(first[(size_t)i * WIDE_PAIRS + k]);
        GRD_UNROLL for (int half = 0; half < 2; half++)
          sum[i][half] = vfma(first_row, first_columns[half], vfma(second_row, second_columns[half], sum[i][half]));
      }
    }
  }
#endif
}

// Calls FUNCTION(R, ...) for tiles of at most TILE_ROWS rows, R known at compile time.
#define CASE_ROWS(R, FUNCTION, ...) case R: FUNCTION(R, __VA_ARGS__); break;
#if TILE_ROWS == 12
#define EACH_TILE_SIZE(rows, FUNCTION, ...)                                                             \
  switch (rows) {                                                                                       \
    CASE_ROWS(12, FUNCTION, __VA_ARGS__) CASE_ROWS(11, FUNCTION, __VA_ARGS__)                           \
    CASE_ROWS(10, FUNCTION, __VA_ARGS__) CASE_ROWS(9, FUNCTION, __VA_ARGS__)                            \
    CASE_ROWS(8, FUNCTION, __VA_ARGS__) CASE_ROWS(7, FUNCTION, __VA_ARGS__)                             \
    CASE_ROWS(6, FUNCTION, __VA_ARGS__) CASE_ROWS(5, FUNCTION, __VA_ARGS__)                             \
    CASE_ROWS(4, FUNCTION, __VA_ARGS__) CASE_ROWS(3, FUNCTION, __VA_ARGS__)                             \
    CASE_ROWS(2, FUNCTION, __VA_ARGS__) CASE_ROWS(1, FUNCTION, __VA_ARGS__)                             \
  }
#else
#define EACH_TILE_SIZE(rows, FUNCTION, ...) \
  switch (rows) { CASE_ROWS(2, FUNCTION, __VA_ARGS__) CASE_ROWS(1, FUNCTION, __VA_ARGS__) }
#endif
