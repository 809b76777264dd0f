// Late interaction. Compiled once for each level (LEVEL).
//
// Lanes are query tokens, so that no sum crosses lanes: a tile holds the products of some document tokens with 32 query tokens,
// each one chain over the dimension, whatever the height of the tile.

#if LEVEL >= VECTOR_AVX512
enum { MAXSIM_ROWS = 12 };
#elif LEVEL == VECTOR_AVX2
enum { MAXSIM_ROWS = 3 };
#else
enum { MAXSIM_ROWS = 2 };
#endif

/// The products of R tokens with a panel.
GRD_INLINE void maxsim_sums(const int R, const float *rows, const float *panel, size_t dimension, vfloat sums[][2]) {
  GRD_UNROLL for (int row = 0; row < R; row++) sums[row][0] = sums[row][1] = vset(0);
  for (size_t at = 0; at < dimension; at++, panel += GRD_MAXSIM_PANEL) {
    const vfloat low = vload(panel), high = vload(panel + LANES);
    GRD_UNROLL for (int row = 0; row < R; row++) {
      const vfloat value = vset(rows[(size_t)row * dimension + at]);
      sums[row][0] = vfma(value, low, sums[row][0]);
      sums[row][1] = vfma(value, high, sums[row][1]);
    }
  }
}

/// Raises best[0..<32] to the products of R document tokens with a panel.
GRD_INLINE void maxsim_tile(const int R, const float *rows, const float *panel, size_t dimension, vfloat best[2]) {
  vfloat sums[MAXSIM_ROWS][2];
  maxsim_sums(R, rows, panel, dimension, sums);
  GRD_UNROLL for (int row = 0; row < R; row++) {
    best[0] = vmax(sums[row][0], best[0]);
    best[1] = vmax(sums[row][1], best[1]);
  }
}

GRD_INLINE void products_tile(const int R, const float *rows, const float *panel, size_t dimension, float *out) {
  vfloat sums[MAXSIM_ROWS][2];
  maxsim_sums(R, rows, panel, dimension, sums);
  GRD_UNROLL for (int row = 0; row < R; row++) {
    vstore(out + (size_t)row * GRD_MAXSIM_PANEL, sums[row][0]);
    vstore(out + (size_t)row * GRD_MAXSIM_PANEL + LANES, sums[row][1]);
  }
}

static void maxsim_products(const float *panel, size_t dimension, const float *rows, size_t count, float *out) {
  size_t row = 0;
  for (; row + MAXSIM_ROWS <= count; row += MAXSIM_ROWS)
    products_tile(MAXSIM_ROWS, rows + row * dimension, panel, dimension, out + row * GRD_MAXSIM_PANEL);
  for (; row < count; row++) products_tile(1, rows + row * dimension, panel, dimension, out + row * GRD_MAXSIM_PANEL);
}

static void maxsim_documents(const grd_maxsim_query *query, const float *vectors, const uint32_t *ends, size_t documents,
                             float *out) {
  const size_t dimension = query->dimension, panels = (query->tokens + GRD_MAXSIM_PANEL - 1) / GRD_MAXSIM_PANEL;
  for (size_t document = 0; document < documents; document++) {
    const size_t count = ends[document + 1] - ends[document];
    const float *first = vectors + (size_t)ends[document] * dimension;
    vfloat sum = vset(0);
    for (size_t panel = 0; panel < panels && count > 0; panel++) {
      const float *packed = query->panels + panel * dimension * GRD_MAXSIM_PANEL;
      vfloat best[2] = {vset(-__builtin_inff()), vset(-__builtin_inff())};
      size_t row = 0;
      for (; row + MAXSIM_ROWS <= count; row += MAXSIM_ROWS)
        maxsim_tile(MAXSIM_ROWS, first + row * dimension, packed, dimension, best);
      if (MAXSIM_ROWS > 4)
        for (; row + 4 <= count; row += 4) maxsim_tile(MAXSIM_ROWS > 4 ? 4 : 1, first + row * dimension, packed, dimension, best);
      for (; row < count; row++) maxsim_tile(1, first + row * dimension, packed, dimension, best);
      sum = sum + (best[0] + best[1]);
    }
    out[document] = vsum(sum);
  }
}
