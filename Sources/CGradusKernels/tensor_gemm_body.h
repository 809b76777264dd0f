// Included once per element type T (suffix S).

// A panel of 32 columns of op(b) is packed, then taken against four rows of op(a) at a time.
#define GRD_PANEL 32

GRD_CLONES void TYPED(grd_tensor_gemm)(int trans_a, int trans_b, size_t m, size_t n, size_t k, double alpha, const T *a,
                                       size_t lda, const T *b, size_t ldb, double beta, T *c, size_t ldc, T *scratch) {
  T factor = (T)alpha, keep = (T)beta;
  size_t row_step = trans_a ? 1 : lda, inner_step = trans_a ? lda : 1;
  for (size_t start = 0; start < n; start += GRD_PANEL) {
    size_t width = n - start < GRD_PANEL ? n - start : GRD_PANEL;
    for (size_t p = 0; p < k; p++) {
      T *target = scratch + p * GRD_PANEL;
      if (trans_b) {
        for (size_t j = 0; j < width; j++) target[j] = b[(start + j) * ldb + p];
      } else {
        memcpy(target, b + p * ldb + start, width * sizeof(T));
      }
      for (size_t j = width; j < GRD_PANEL; j++) target[j] = 0;
    }
    for (size_t i = 0; i < m; i += 4) {
      size_t rows = m - i < 4 ? m - i : 4;
      T sums[4][GRD_PANEL] = {{0}};
      const T *r0 = a + i * row_step, *r1 = a + (i + (rows > 1 ? 1 : 0)) * row_step;
      const T *r2 = a + (i + (rows > 2 ? 2 : 0)) * row_step, *r3 = a + (i + (rows > 3 ? 3 : 0)) * row_step;
      for (size_t p = 0; p < k; p++) {
        const T *right = scratch + p * GRD_PANEL;
        T x0 = r0[p * inner_step], x1 = r1[p * inner_step], x2 = r2[p * inner_step], x3 = r3[p * inner_step];
        for (size_t j = 0; j < GRD_PANEL; j++) sums[0][j] += x0 * right[j];
        for (size_t j = 0; j < GRD_PANEL; j++) sums[1][j] += x1 * right[j];
        for (size_t j = 0; j < GRD_PANEL; j++) sums[2][j] += x2 * right[j];
        for (size_t j = 0; j < GRD_PANEL; j++) sums[3][j] += x3 * right[j];
      }
      for (size_t r = 0; r < rows; r++) {
        T *target = c + (i + r) * ldc + start;
        if (keep == 0) {
          for (size_t j = 0; j < width; j++) target[j] = factor * sums[r][j];
        } else {
          for (size_t j = 0; j < width; j++) target[j] = factor * sums[r][j] + keep * target[j];
        }
      }
    }
  }
}
#undef GRD_PANEL
