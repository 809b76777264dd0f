// Attention of one head over one sequence. Compiled once for each level.
//
// Keys are transposed and values regrouped into panels of 32, so both products run on the tiles of the projections; a few rows
// of queries at a time keep their scores in the first-level cache. Memory is linear in the length. Queries carry the factor
// log2(e) / sqrt(head size) already, so probabilities are powers of two.
//
// In int8, queries and keys are bytes with a scale for each token, values bytes with a scale for each column of the head, and
// probabilities whole 254ths of a query's largest; they are divided by the sum of what they were rounded to, so that they add
// up to one. Both products are exact integers.

typedef struct {
  size_t rows;         ///< Tokens of the sequence.
  size_t length;       ///< Of these, the first, which are keys.
  size_t padded;       ///< Rounded up to 32.
  size_t width;        ///< Padded head size, a multiple of 16.
  size_t words;        ///< Of 32 bits, in a row of `width`.
  const char *queries, *keys, *values;
  size_t stride;       ///< Of the three, in elements.
  char *context;
  size_t context_stride;
  grd_encoder_scratch *scratch;
  size_t reach;        ///< The most tokens that a key may be away from its query.
  const float *bias;   ///< Of a key at the query's own place, its neighbours' beside it; or NULL.
} attention_head;

/// 1.5 * 2^23: a number added to it is rounded to a whole one in the low bits.
#define ROUND 12582912.0f

/// keys [length][width] to [padded / 32][words][32].
GRD_INLINE void pack_keys(const attention_head *h, size_t element) {
  float *out = h->scratch->keys;
  for (size_t t = 0; t < h->padded; t += LANES)
    for (size_t word = 0; word < h->words; word += LANES) {
      vfloat rows[LANES];
      const size_t here = smaller(LANES, h->words - word);
      GRD_UNROLL for (int i = 0; i < LANES; i++)
        rows[i] = t + (size_t)i < h->length
                      ? vload_part((const float *)(h->keys + (t + (size_t)i) * h->stride * element) + word, here, 0)
                      : vset(0);
      vtranspose(rows);
      float *to = out + (t / PANEL * h->words + word) * PANEL + t % PANEL;
      if (here == LANES) {
        GRD_UNROLL for (int i = 0; i < LANES; i++) vstore(to + i * PANEL, rows[i]);
      } else {
        for (size_t i = 0; i < here; i++) vstore(to + i * PANEL, rows[i]);
      }
    }
}

/// values [length][width] to [ceil(width / 32)][padded / group][32 words]; a word holds one float, or the bf16 of two tokens.
GRD_INLINE void pack_values(const attention_head *h, const int is_bf16) {
  for (size_t column = 0; column < h->width; column += LANES) {
    const size_t place = column / PANEL * h->padded * PANEL + (is_bf16 ? column % PANEL * 2 : column % PANEL);
    if (is_bf16) {
      uint16_t *to = (uint16_t *)h->scratch->values + place;
      const uint16_t *from = (const uint16_t *)h->values + column;
      for (size_t t = 0; t < h->padded; t += 2, to += 2 * PANEL) {
        const vuint even = t < h->length ? (vuint)vload_bf16(from + t * h->stride) >> 16 : (vuint)vset_int(0);
        const vuint odd = t + 1 < h->length ? (vuint)vload_bf16(from + (t + 1) * h->stride) : (vuint)vset_int(0);
        vstore_int(to, (vint)(even | odd));
        if (column % PANEL == 0 && column + LANES >= h->width) vstore_int(to + PANEL, vset_int(0));
      }
    } else {
      float *to = (float *)h->scratch->values + place;
      const float *from = (const float *)h->values + column;
      for (size_t t = 0; t < h->padded; t++, to += PANEL) {
        vstore(to, t < h->length ? vload(from + t * h->stride) : vset(0));
        if (column % PANEL == 0 && column + LANES >= h->width) vstore(to + LANES, vset(0));
      }
    }
  }
}

/// Rows of a head lie far apart, so that the processor does not guess the next one: it is asked for some rows ahead, which may
/// be beyond the last.
enum { AHEAD = 12 };
GRD_INLINE void ask_for(const void *row) { __builtin_prefetch(row); }

/// Row `row` of queries, keys or values, kept in bf16, as floats.
GRD_INLINE void widen_row(const attention_head *h, const char *rows, size_t row, float *out) {
  const uint16_t *from = (const uint16_t *)rows + row * h->stride;
  for (size_t at = 0; at < h->width; at += LANES) vstore(out + at, vload_bf16(from + at));
}

/// keys to bytes in panels [padded / 32][words][32] of words of four, their scales and what takes the queries' offset back.
GRD_INLINE void pack_keys_int8(const attention_head *h) {
  grd_encoder_scratch *scratch = h->scratch;
  // Rows of bytes stand where the values will.
  int8_t *rows = scratch->values;
  float *row = scratch->queries;
  for (size_t t = 0; t < h->length; t++) {
    ask_for((const uint16_t *)h->keys + (t + AHEAD) * h->stride);
    widen_row(h, h->keys, t, row);
    const float top = vlargest(largest_of_row(row, h->width));
    const vfloat inverse = vset(top > 1e-30f ? 127.0f / top : 0);
    vint sum = vset_int(0);
    for (size_t at = 0; at < h->width; at += LANES) {
      const vint q = (vint)vfma(vload(row + at), inverse, vset(ROUND)) - (vint)vset(ROUND);
      sum += q;
      *(vbytes_unaligned_ *)(rows + t * h->width + at) = __builtin_convertvector(q, vbytes);
    }
    scratch->key_scales[t] = top * (1.0f / 127.0f);
    // Exact: whole numbers far below 2^24.
    scratch->key_corrections[t] = -128 * (int32_t)vsum(__builtin_convertvector(sum, vfloat));
  }
  for (size_t t = h->length; t < h->padded; t++) {
    scratch->key_scales[t] = 0;
    scratch->key_corrections[t] = 0;
  }
  attention_head bytes = *h;
  bytes.keys = (const char *)rows;
  bytes.stride = h->width;
  bytes.words = h->width / 4;
  pack_keys(&bytes, 1);
}

/// values to bytes in [ceil(width / 32)][padded / 4][32] words of four tokens, and their scales.
GRD_INLINE void pack_values_int8(const attention_head *h) {
  const vint low = vset_int(255);
  for (size_t column = 0; column < h->width; column += LANES) {
    const uint16_t *from = (const uint16_t *)h->values + column;
    vfloat largest = vset(0);
    for (size_t t = 0; t < h->length; t++) {
      ask_for(from + (t + AHEAD) * h->stride);
      largest = vmax(largest, vabs(vload_bf16(from + t * h->stride)));
    }
    const vfloat scale = largest * vset(1.0f / 127.0f);
    vstore(h->scratch->value_scales + column, scale);
    const vfloat inverse = vselect(largest > vset(1e-30f), vset(127.0f) / largest, vset(0));
    int8_t *to = (int8_t *)h->scratch->values + (column / PANEL * h->padded * PANEL + column % PANEL * 4);
    for (size_t t = 0; t < h->padded; t += 4, to += 4 * PANEL) {
      vint word = vset_int(0);
      GRD_UNROLL for (int i = 0; i < 4; i++) {
        if (t + (size_t)i >= h->length) continue;
        const vint q = (vint)vfma(vload_bf16(from + (t + (size_t)i) * h->stride), inverse, vset(ROUND)) - (vint)vset(ROUND);
        word |= (q & low) << (8 * i);
      }
      vstore_int(to, word);
      if (column % PANEL == 0 && column + LANES >= h->width) vstore_int(to + 4 * LANES, vset_int(0));
    }
    if (column % PANEL == 0 && column + LANES >= h->width) vstore(h->scratch->value_scales + column + LANES, vset(0));
  }
}

/// Which keys a query reaches.
GRD_INLINE vint reached(const attention_head *h, vint key, size_t query) {
  if (h->reach >= h->rows) return vset_int(-1);
  const vint distance = key - (int32_t)query;
  return (distance <= (int32_t)h->reach) & (distance >= -(int32_t)h->reach);
}

/// Rows first ..< first + R of the queries.
GRD_INLINE void attend_rows(const int R, const grd_encoder_precision precision, const attention_head *h, size_t first) {
  const int is_bf16 = precision == GRD_ENCODER_BF16, is_int8 = precision == GRD_ENCODER_INT8;
  grd_encoder_scratch *scratch = h->scratch;
  float *scores = scratch->scores;
  const size_t padded = h->padded, length = h->length;
  uint8_t *query_bytes = scratch->queries, *share_bytes = scratch->shares;
  float query_scales[TILE_ROWS];
  if (is_int8)
    for (int i = 0; i < R; i++) {
      float *row = (float *)(query_bytes + TILE_ROWS * h->width);
      ask_for((const uint16_t *)h->queries + (first + (size_t)i + AHEAD) * h->stride);
      widen_row(h, h->queries, first + (size_t)i, row);
      query_scales[i] = quantize_row(row, h->width, query_bytes + (size_t)i * h->width, largest_of_row(row, h->width));
    }
  const uint16_t *halves = (const uint16_t *)h->queries + first * h->stride;
#if GRD_WIDENS(ENCODER_LEVEL)
  if (is_bf16)
    GRD_UNROLL for (int i = 0; i < R; i++)
      for (size_t at = 0; at < h->width; at += LANES)
        vstore((float *)scratch->queries + (size_t)i * h->width + at, vload_bf16(halves + (size_t)i * h->stride + at));
  const void *left = scratch->queries;
  const size_t left_stride = h->width;
#else
  const void *left = halves;
  const size_t left_stride = h->stride;
#endif
  vfloat largest[TILE_ROWS];
  GRD_UNROLL for (int i = 0; i < R; i++) largest[i] = vset(-3e38f);
  // The keys that any of the rows reaches; those that one row does not have a share of zero in it.
  const int is_local = h->reach < h->rows;
  const size_t start = is_local && first > h->reach ? (first - h->reach) / PANEL * PANEL : 0;
  const size_t stop = is_local ? smaller(length, first + (size_t)R + h->reach) : length;
  for (size_t t = start; t < stop; t += TILE_VECTORS * LANES) {
    vfloat sums[TILE_ROWS][TILE_VECTORS];
    if (is_int8) {
      vint exact[TILE_ROWS][TILE_VECTORS];
      tile_int8(R, 1, query_bytes, h->width, (const int8_t *)scratch->keys + (t / PANEL * h->width / 4 * PANEL + t % PANEL) * 4,
                h->width / 4, scratch->key_corrections + t, exact);
      GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
        const vfloat scale = vload(scratch->key_scales + t + (size_t)v * LANES);
        GRD_UNROLL for (int i = 0; i < R; i++) {
          sums[i][v] = __builtin_convertvector(exact[i][v], vfloat) * scale;
          // Without a bias, the query's scale waits until the largest is known.
          if (h->bias) sums[i][v] *= vset(query_scales[i]);
        }
      }
    } else if (is_bf16)
      tile_bf16(R, left, left_stride,
                (const uint16_t *)scratch->keys + (t / PANEL * h->words * PANEL + t % PANEL) * 2, h->words, sums);
    else
      tile_fp32(R, (const float *)h->queries + first * h->stride, h->stride,
                (const float *)scratch->keys + t / PANEL * h->words * PANEL + t % PANEL, h->words, sums);
    if (h->bias)
      GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
        const size_t at = t + (size_t)v * LANES;
        // A vector that begins beyond the end is masked below.
        if (at < length)
          GRD_UNROLL for (int i = 0; i < R; i++)
            sums[i][v] += vload(h->bias + ((ptrdiff_t)at - (ptrdiff_t)(first + (size_t)i)));
      }
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
      const size_t at = t + (size_t)v * LANES;
      if (at + LANES <= length && !is_local) {
        GRD_UNROLL for (int i = 0; i < R; i++) {
          largest[i] = vmax(largest[i], sums[i][v]);
          vstore(scores + (size_t)i * padded + at, sums[i][v]);
        }
      } else {
        // Keys beyond the end: a share of zero.
        const vint key = vlane_numbers() + (int32_t)at, inside = key < (int32_t)length;
        GRD_UNROLL for (int i = 0; i < R; i++) {
          const vfloat masked = vselect(inside & reached(h, key, first + (size_t)i), sums[i][v], vset(-3e38f));
          largest[i] = vmax(largest[i], masked);
          vstore(scores + (size_t)i * padded + at, masked);
        }
      }
    }
  }
  float inverse[TILE_ROWS];
  const size_t filled = round_up(stop, LANES);
  for (int i = 0; i < R; i++) {
    const vfloat top = vset(vlargest(largest[i]));
    const vfloat scale = vset(is_int8 && !h->bias ? query_scales[i] : 1);
    vfloat total = vset(0);
    vuint whole = (vuint)vset_int(0);
    const float *row = scores + (size_t)i * padded;
    for (size_t t = start; t < filled; t += LANES) {
      vfloat difference = vload(row + t) - top;
      if (is_int8) difference *= scale;
      vfloat share = is_int8 ? vexp2_bytes(difference) : vexp2_negative(is_bf16, difference);
      if (t + LANES > length || is_local) {
        const vint key = vlane_numbers() + (int32_t)t;
        share = vselect((key < (int32_t)length) & reached(h, key, first + (size_t)i), share, vset(0));
      }
      if (is_int8) {
        // The low byte of ROUND is zero.
        const vuint rounded = (vuint)(share + vset(ROUND));
        whole += rounded - (vuint)vset(ROUND);
        *(vbytes_unaligned_ *)(share_bytes + (size_t)i * padded + t) = __builtin_convertvector(rounded, vbytes);
        continue;
      }
      total += share;
      if (is_bf16) vstore_left(scratch->shares, (size_t)i * padded + t, share);
      else vstore((float *)scratch->shares + (size_t)i * padded + t, share);
    }
    inverse[i] = 1.0f / vsum(is_int8 ? __builtin_convertvector((vint)whole, vfloat) : total);
  }
  const size_t depth = is_int8 ? (round_up(stop, 4) - start) / 4 : is_bf16 ? (round_up(stop, 2) - start) / 2 : stop - start;
  const char *shares = (const char *)scratch->shares + start * (is_bf16 && !GRD_WIDENS(ENCODER_LEVEL) ? 2 : 4);
  for (size_t column = 0; column < h->width; column += TILE_VECTORS * LANES) {
    vfloat sums[TILE_ROWS][TILE_VECTORS];
    const size_t place = column / PANEL * padded * PANEL + start * PANEL;
    if (is_int8) {
      static const int32_t nothing[TILE_VECTORS * LANES] = {0};
      vint exact[TILE_ROWS][TILE_VECTORS];
      tile_int8(R, 0, share_bytes + start, padded, (const int8_t *)scratch->values + place + column % PANEL * 4, depth, nothing,
                exact);
      GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
        const vfloat scale = vload(scratch->value_scales + column + (size_t)v * LANES);
        GRD_UNROLL for (int i = 0; i < R; i++) sums[i][v] = __builtin_convertvector(exact[i][v], vfloat) * scale;
      }
    } else if (is_bf16)
      tile_bf16(R, shares, padded, (const uint16_t *)scratch->values + place + column % PANEL * 2, depth, sums);
    else
      tile_fp32(R, (const float *)shares, padded, (const float *)scratch->values + place + column % PANEL, depth, sums);
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
      const size_t at = column + (size_t)v * LANES;
      if (at < h->width) {
        GRD_UNROLL for (int i = 0; i < R; i++) {
          const vfloat value = sums[i][v] * vset(inverse[i]);
          const size_t to = (first + (size_t)i) * h->context_stride + at;
          if (is_bf16 || is_int8) vstore_bf16((uint16_t *)h->context + to, value);
          else vstore((float *)h->context + to, value);
        }
      }
    }
  }
}

static void attend_bf16(const attention_head *h) {
  pack_keys(h, 2);
  pack_values(h, 1);
#define TILE(R, first) attend_rows(R, GRD_ENCODER_BF16, h, first)
  FOR_ROW_TILES(h->rows, TILE);
#undef TILE
}

static void attend_fp32(const attention_head *h) {
  pack_keys(h, 4);
  pack_values(h, 0);
#define TILE(R, first) attend_rows(R, GRD_ENCODER_FP32, h, first)
  FOR_ROW_TILES(h->rows, TILE);
#undef TILE
}

static void attend_int8(const attention_head *h) {
  pack_keys_int8(h);
  pack_values_int8(h);
#define TILE(R, first) attend_rows(R, GRD_ENCODER_INT8, h, first)
  FOR_ROW_TILES(h->rows, TILE);
#undef TILE
}
