// The product of a few rows with 32 columns, in registers.

#if LEVEL >= LEVEL_AVX512
#define TILE_ROWS 12  // 32 registers of sixteen floats: 24 sums, two columns, one row.
#else
#define TILE_ROWS 2   // 16 registers of eight floats, or 32 of four: 8 (16) of sums.
#endif

/// Per lane, sum + product of the upper bfloat16 numbers, then + product of the lower ones; each rounded once.
GRD_INLINE vfloat dot_pairs(vfloat sum, vuint a, vuint b) {
#if LEVEL == LEVEL_AVX512_BF16
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
#else
  const vuint high = vset_uint(0xffff0000u);
  sum = vfma((vfloat)(a & high), (vfloat)(b & high), sum);
  return vfma((vfloat)(a << 16), (vfloat)(b << 16), sum);
#endif
}

/// sum[R][2 vectors] += a[R][2 x pairs] b[pairs][32][2]. b_stride: bfloat16 numbers from one pair of rows of b to the next.
GRD_INLINE void multiply_tile(const int R, size_t pairs, const uint16_t *a, size_t a_stride, const uint16_t *b,
                                    size_t b_stride, vfloat sum[TILE_ROWS][2]) {
  for (size_t k = 0; k < pairs; k++, a += 2, b += b_stride) {
    const vuint left_columns = vload_uint(b), right_columns = vload_uint(b + 32);
    GRD_UNROLL for (int i = 0; i < R; i++) {
      uint32_t pair;
      memcpy(&pair, a + (size_t)i * a_stride, sizeof pair);
      const vuint row = vset_uint(pair);
      sum[i][0] = dot_pairs(sum[i][0], row, left_columns);
      sum[i][1] = dot_pairs(sum[i][1], row, right_columns);
    }
  }
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
