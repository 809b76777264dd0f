// Packing and products in bf16 for training (gradus_bf16_product.h). Compiled once for each level.

// Pairs of a part of the depth: a panel's part (24 KB) stays in the first-level cache while rows stream past it. Sums of a
// finished part wait in c, which holds them exactly.
enum { PART_PAIRS = 192 };

static void round_rows(const float *from, size_t stride, size_t rows, size_t depth, uint16_t *out) {
  const size_t padded = round_up(depth, LANES);
  for (size_t row = 0; row < rows; row++, from += stride, out += padded)
    for (size_t k = 0; k < padded; k += LANES) vstore_bf16(out + k, vload_part(from + k, depth - k, 0));
}

/// Two vectors as pairs: lane i holds `even`[i] and `odd`[i].
GRD_INLINE void store_pairs(uint16_t *out, vfloat even, vfloat odd) {
  uint16_t halves[2][LANES];
  vstore_bf16(halves[0], even);
  vstore_bf16(halves[1], odd);
  const vuint low = __builtin_convertvector(*(const vhalf_unaligned_ *)halves[0], vuint);
  const vuint high = __builtin_convertvector(*(const vhalf_unaligned_ *)halves[1], vuint);
  vstore_int(out, (vint)(low | high << 16));
}

/// One panel of [depth][width].
static void round_panel(const float *from, size_t stride, size_t depth, size_t width, uint16_t *out) {
  for (size_t k = 0; k < round_up(depth, LANES); k += 2, out += 2 * PANEL) {
    const float *even = from + k * stride, *odd = even + stride;
    for (size_t j = 0; j < PANEL; j += LANES) {
      const size_t left = j < width ? width - j : 0;
      store_pairs(out + 2 * j, k < depth ? vload_part(even + j, left, 0) : vset(0),
                  k + 1 < depth ? vload_part(odd + j, left, 0) : vset(0));
    }
  }
}

/// One panel of a matrix that is stored as [width][depth].
static void round_panel_transposed(const float *from, size_t stride, size_t depth, size_t width, uint16_t *out) {
  for (size_t k = 0; k < depth; k += LANES)
    for (size_t j = 0; j < PANEL; j += LANES) {
      vfloat square[LANES];
      for (size_t i = 0; i < LANES; i++)
        square[i] = j + i < width ? vload_part(from + (j + i) * stride + k, depth - k, 0) : vset(0);
      vtranspose(square);
      for (size_t i = 0; i < LANES; i += 2) store_pairs(out + (k + i) * PANEL + 2 * j, square[i], square[i + 1]);
    }
}

static void round_panels(const float *from, size_t stride, int is_transposed, size_t depth, size_t width, uint16_t *out) {
  for (size_t first = 0; first < width; first += PANEL, out += round_up(depth, LANES) * PANEL) {
    const size_t count = width - first < PANEL ? width - first : PANEL;
    if (is_transposed) round_panel_transposed(from + first * stride, stride, depth, count, out);
    else round_panel(from + first, stride, depth, count, out);
  }
}

static void widen_all_pairs(const uint16_t *pairs, size_t count, float *out) {
  for (size_t i = 0; i < count; i++, pairs += 2, out += 2) {
    const uint32_t words[2] = {(uint32_t)pairs[1] << 16, (uint32_t)pairs[0] << 16};
    memcpy(out, words, sizeof words);
  }
}

/// c[R][columns <= TILE_VECTORS * 16] = (from_zero ? 0 : c) + a panel; a: bf16 pairs, or floats where `is_wide`.
GRD_INLINE void product_tile(const int R, const int is_wide, const void *a, size_t lda, const size_t step,
                             const uint16_t *panel, size_t pairs, int from_zero, float *c, size_t stride, size_t columns) {
  vfloat sums[TILE_ROWS][TILE_VECTORS];
  GRD_UNROLL for (int i = 0; i < R; i++)
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
      const size_t at = (size_t)v * LANES;
      sums[i][v] = from_zero || at >= columns ? vset(0) : vload_part(c + (size_t)i * stride + at, columns - at, 0);
    }
  if (is_wide) tile_bf16_wide_add(R, 0, a, lda, step, panel, pairs, sums);
  else tile_bf16_add(R, a, lda, step, panel, pairs, sums);
  GRD_UNROLL for (int i = 0; i < R; i++)
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
      const size_t at = (size_t)v * LANES;
      if (at < columns) vstore_part(c + (size_t)i * stride + at, sums[i][v], columns - at);
    }
}

/// A part of the depth for `rows` rows whose first lies at `a`.
GRD_INLINE void product_rows(const int is_wide, const void *a, size_t lda, const size_t step, size_t rows,
                             const uint16_t *panel, size_t pairs, int from_zero, float *c, size_t stride, size_t columns) {
  const size_t element = is_wide ? sizeof(float) : sizeof(uint16_t);
#define TILE(R, first)                                                                                                  \
  product_tile(R, is_wide, (const char *)a + (first) * lda * element, lda, step, panel, pairs, from_zero,              \
               c + (first) * stride, stride, columns)
  FOR_ROW_TILES(rows, TILE);
#undef TILE
}

GRD_INLINE void multiply_panels_of(const int is_wide, const grd_bf16_product *product, size_t first_row, size_t rows,
                                   size_t first_panel, size_t panels) {
  const size_t depth = round_up(product->depth, LANES), pairs = depth / 2, stride = product->stride;
  const size_t element = is_wide ? sizeof(float) : sizeof(uint16_t);
  const char *a = is_wide ? (const char *)product->a_wide : (const char *)product->a;
  for (size_t part = 0; part < pairs || part == 0; part += PART_PAIRS) {
    const size_t count = pairs - part < PART_PAIRS ? pairs - part : PART_PAIRS;
    for (size_t number = first_panel; number < first_panel + panels; number++)
      for (size_t half = 0; half < PANEL; half += TILE_VECTORS * LANES) {
        const size_t column = number * PANEL + half;
        if (column >= product->columns) break;
        const uint16_t *panel = product->b + number * depth * PANEL + part * 2 * PANEL + 2 * half;
        const size_t columns = product->columns - column;
        float *c = product->c + first_row * stride + column;
        if (!product->a_is_panels) {
          product_rows(is_wide, a + (first_row * depth + 2 * part) * element, depth, 2, rows, panel, count, part == 0, c,
                       stride, columns);
          continue;
        }
        for (size_t row = 0; row < rows; row += PANEL)
          product_rows(is_wide, a + ((first_row + row) * depth + part * 2 * PANEL) * element, 2, 2 * PANEL,
                       rows - row < PANEL ? rows - row : PANEL, panel, count, part == 0, c + row * stride, stride, columns);
      }
  }
}

static void multiply_panels(const grd_bf16_product *product, size_t first_row, size_t rows, size_t first_panel, size_t panels) {
  if (product->a_wide) multiply_panels_of(1, product, first_row, rows, first_panel, panels);
  else multiply_panels_of(0, product, first_row, rows, first_panel, panels);
}
