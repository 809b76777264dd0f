// Causal attention over a paged cache: tiles of rows (queries x heads of the group) against 128 keys at a time.
//
// Keys are cut at multiples of 128 and 512 positions of the sequence, whatever the call asks for: a query's sums have the same
// order whether it is computed in a prompt or as a single token. Keys that a row does not see weigh exactly 0.

enum { KEY_STEP = 128, STEP_PAGES = KEY_STEP / GRD_PANEL };

/// What one tile of rows keeps while it passes over keys.
typedef struct {
  float *sums;            // [rows][padded_dim]
  float *scores;          // [rows][KEY_STEP]
  uint16_t *probabilities; // [rows][KEY_STEP]
  float maximum[12], weight[12];
} attention_tile;

GRD_INLINE size_t row_position(const grd_decoder_attention *a, size_t row) { return a->position + row / a->group; }

/// The first key that the query at `position` sees.
GRD_INLINE size_t first_key(const grd_decoder_attention *a, size_t position) {
  return a->window && position + 1 > a->window ? position + 1 - a->window : 0;
}

GRD_INLINE void step_scores(const int R, const grd_decoder_attention *a, const uint16_t *queries, size_t page,
                            attention_tile *tile, size_t column) {
  vfloat sum[TILE_ROWS][2];
  GRD_UNROLL for (int i = 0; i < R; i++) sum[i][0] = sum[i][1] = vset(0);
  multiply_tile(R, a->padded_dim / 2, queries, a->padded_dim, a->pages[page] + a->page_offset, 2 * GRD_PANEL, sum);
  const vfloat scale = vset(a->scale);
  GRD_UNROLL for (int i = 0; i < R; i++) {
    vstore(tile->scores + (size_t)i * KEY_STEP + column, sum[i][0] * scale);
    vstore(tile->scores + (size_t)i * KEY_STEP + column + LANES, sum[i][1] * scale);
  }
}

/// -infinity for the keys of a step that the row does not see. start: of the step; keys: that were computed.
GRD_INLINE void hide_keys(const grd_decoder_attention *a, size_t row, float *scores, size_t start, size_t keys) {
  const size_t position = row_position(a, row), first = first_key(a, position);
  for (size_t k = start; k < first && k < start + keys; k++) scores[k - start] = -INFINITY;
  for (size_t k = position + 1 > start ? position + 1 - start : 0; k < keys; k++) scores[k] = -INFINITY;
}

GRD_INLINE void step_values(const int R, const grd_decoder_attention *a, size_t first_page, size_t pages, attention_tile *tile,
                            size_t column) {
  const size_t padded = a->padded_dim;
  vfloat sum[TILE_ROWS][2];
  GRD_UNROLL for (int i = 0; i < R; i++)
    GRD_UNROLL for (int half = 0; half < 2; half++)
      sum[i][half] = vload(tile->sums + (size_t)i * padded + column + half * LANES);
  for (size_t p = 0; p < pages; p++) {
    const uint16_t *values = a->pages[first_page + p] + a->page_offset + GRD_PANEL * padded + 2 * column;
    multiply_tile(R, GRD_PANEL / 2, tile->probabilities + p * GRD_PANEL, KEY_STEP, values, 2 * padded, sum);
  }
  GRD_UNROLL for (int i = 0; i < R; i++)
    GRD_UNROLL for (int half = 0; half < 2; half++)
      vstore(tile->sums + (size_t)i * padded + column + half * LANES, sum[i][half]);
}

/// Adds the keys start ..< end (start a multiple of KEY_STEP, at most KEY_STEP of them) to the tile.
GRD_INLINE void attention_step(const grd_decoder_attention *a, size_t first_row, size_t rows, size_t start, size_t end,
                               attention_tile *tile) {
  const size_t padded = a->padded_dim, first_page = start / GRD_PANEL;
  const size_t pages = (end - start + GRD_PANEL - 1) / GRD_PANEL, keys = pages * GRD_PANEL;
  const uint16_t *queries = a->queries + first_row * padded;
  for (size_t p = 0; p < pages; p++)
    EACH_TILE_SIZE(rows, step_scores, a, queries, first_page + p, tile, p * GRD_PANEL)
  const int all_see_all = row_position(a, first_row) + 1 >= start + keys
                          && first_key(a, row_position(a, first_row + rows - 1)) <= start;
  for (size_t i = 0; i < rows; i++) {
    float *scores = tile->scores + i * KEY_STEP;
    if (!all_see_all) hide_keys(a, first_row + i, scores, start, keys);
    vfloat largest = vset(tile->maximum[i]);
    for (size_t k = 0; k < keys; k += LANES) largest = vmax(vload(scores + k), largest);
    const float maximum = vlargest(largest);
    const vfloat shift = vset(maximum), correction = vexp(vset(tile->maximum[i]) - shift);
    vfloat total = vset(0);
    for (size_t k = 0; k < keys; k += LANES) {
      const vfloat p = vexp(vload(scores + k) - shift);
      total = total + p;
      vstore_half(tile->probabilities + i * KEY_STEP + k, vround_bf16(p));
    }
    if (maximum != tile->maximum[i]) {
      float *sums = tile->sums + i * padded;
      for (size_t d = 0; d < padded; d += LANES) vstore(sums + d, vload(sums + d) * correction);
    }
    tile->weight[i] = fmaf(tile->weight[i], correction[0], vsum(total));
    tile->maximum[i] = maximum;
  }
  for (size_t column = 0; column < padded; column += 2 * LANES)
    EACH_TILE_SIZE(rows, step_values, a, first_page, pages, tile, column)
}

GRD_INLINE void clear_tile(const grd_decoder_attention *a, size_t rows, attention_tile *tile) {
  memset(tile->sums, 0, rows * a->padded_dim * sizeof(float));
  for (size_t i = 0; i < rows; i++) {
    tile->maximum[i] = -1e30f;
    tile->weight[i] = 0;
  }
}

/// The tile's result over the keys of one segment that any of its rows sees.
GRD_INLINE void attention_over_segment(const grd_decoder_attention *a, size_t first_row, size_t rows, size_t segment,
                                       attention_tile *tile) {
  const size_t seen = row_position(a, first_row + rows - 1) + 1, begin = segment * GRD_ATTENTION_SEGMENT;
  const size_t end = smaller(begin + GRD_ATTENTION_SEGMENT, seen);
  const size_t oldest = first_key(a, row_position(a, first_row));
  clear_tile(a, rows, tile);
  for (size_t start = begin; start < end; start += KEY_STEP)
    if (start + KEY_STEP > oldest) attention_step(a, first_row, rows, start, smaller(start + KEY_STEP, end), tile);
}

GRD_INLINE attention_tile make_tile(const grd_decoder_attention *a, float *scratch, float **merged) {
  attention_tile tile;
  float *p = (float *)(((uintptr_t)scratch + 63) / 64 * 64);
  tile.sums = p;
  *merged = tile.sums + 12 * a->padded_dim;
  tile.scores = *merged + 12 * a->padded_dim;
  tile.probabilities = (uint16_t *)(tile.scores + 12 * KEY_STEP);
  return tile;
}

/// (sums, maximum, weight) of a row becomes that of both its keys and those of the second triple.
GRD_INLINE void merge_row(size_t padded, float *sums, float *maximum, float *weight, const float *more, float more_maximum,
                          float more_weight) {
  const float larger = *maximum > more_maximum ? *maximum : more_maximum;
  const vfloat old = vexp(vset(*maximum - larger)), new = vexp(vset(more_maximum - larger));
  for (size_t d = 0; d < padded; d += LANES) vstore(sums + d, vfma(vload(sums + d), old, vload(more + d) * new));
  *weight = fmaf(*weight, old[0], more_weight * new[0]);
  *maximum = larger;
}

static void attention_rows(const grd_decoder_attention *a, size_t first_row, size_t rows, uint16_t *out, size_t token_stride,
                           size_t head_dim, float *scratch) {
  const size_t padded = a->padded_dim;
  float *merged;
  attention_tile tile = make_tile(a, scratch, &merged);
  for (size_t row = first_row; row < first_row + rows; row += TILE_ROWS) {
    const size_t count = smaller(TILE_ROWS, first_row + rows - row);
    float maximum[TILE_ROWS], weight[TILE_ROWS];
    for (size_t i = 0; i < count; i++) {
      maximum[i] = -1e30f;
      weight[i] = 0;
    }
    memset(merged, 0, count * padded * sizeof(float));
    const size_t segments = row_position(a, row + count - 1) / GRD_ATTENTION_SEGMENT + 1;
    for (size_t s = first_key(a, row_position(a, row)) / GRD_ATTENTION_SEGMENT; s < segments; s++) {
      attention_over_segment(a, row, count, s, &tile);
      for (size_t i = 0; i < count; i++)
        merge_row(padded, merged + i * padded, &maximum[i], &weight[i], tile.sums + i * padded, tile.maximum[i], tile.weight[i]);
    }
    for (size_t i = 0; i < count; i++) {
      uint16_t *to = out + (row + i) / a->group * token_stride + (row + i) % a->group * head_dim;
      float *sums = merged + i * padded;
      const vfloat inverse = vset(1 / weight[i]);
      for (size_t d = 0; d < padded; d += LANES) vstore(sums + d, vload(sums + d) * inverse);
      round_rows_bf16(sums, head_dim, to);
    }
  }
}

static void attention_segment(const grd_decoder_attention *a, size_t segment, float *sums, float *maxima, float *weights,
                              float *scratch) {
  const size_t padded = a->padded_dim, rows = a->positions * a->group;
  float *merged;
  attention_tile tile = make_tile(a, scratch, &merged);
  for (size_t row = 0; row < rows; row += TILE_ROWS) {
    const size_t count = smaller(TILE_ROWS, rows - row);
    attention_over_segment(a, row, count, segment, &tile);
    memcpy(sums + row * padded, tile.sums, count * padded * sizeof(float));
    memcpy(maxima + row, tile.maximum, count * sizeof(float));
    memcpy(weights + row, tile.weight, count * sizeof(float));
  }
}

static void attention_merge(const grd_decoder_attention *a, size_t segments, const float *sums, const float *maxima,
                            const float *weights, float *out, size_t token_stride, size_t head_dim) {
  const size_t padded = a->padded_dim, rows = a->positions * a->group;
  for (size_t row = 0; row < rows; row++) {
    float merged[MAX_HEAD] = {0}, maximum = -1e30f, weight = 0;
    for (size_t s = 0; s < segments; s++) {
      const size_t part = s * rows + row;
      merge_row(padded, merged, &maximum, &weight, sums + part * padded, maxima[part], weights[part]);
    }
    const float inverse = 1 / weight;
    float *to = out + row / a->group * token_stride + row % a->group * head_dim;
    for (size_t d = 0; d < head_dim; d++) to[d] = merged[d] * inverse;
  }
}

GRD_INLINE void all_scores(const int R, const grd_decoder_attention *a, const uint16_t *queries, size_t keys, float *scores) {
  const vfloat scale = vset(a->scale);
  for (size_t k = 0; k < keys; k += GRD_PANEL) {
    vfloat sum[TILE_ROWS][2];
    GRD_UNROLL for (int i = 0; i < R; i++) sum[i][0] = sum[i][1] = vset(0);
    multiply_tile(R, a->padded_dim / 2, queries, a->padded_dim, a->pages[k / GRD_PANEL] + a->page_offset, 2 * GRD_PANEL, sum);
    GRD_UNROLL for (int i = 0; i < R; i++) {
      vstore(scores + (size_t)i * keys + k, sum[i][0] * scale);
      vstore(scores + (size_t)i * keys + k + LANES, sum[i][1] * scale);
    }
  }
}

static void attention_weights(const grd_decoder_attention *a, size_t first, size_t count, const uint8_t *selected,
                              float *weights, size_t row_stride, float *scratch) {
  const size_t last_row = (first + count) * a->group;
  for (size_t row = first * a->group; row < last_row; row += TILE_ROWS) {
    const size_t tile = smaller(TILE_ROWS, last_row - row);
    const size_t keys = round_up(row_position(a, row + tile - 1) + 1, GRD_PANEL);
    EACH_TILE_SIZE(tile, all_scores, a, a->queries + row * a->padded_dim, keys, scratch)
    for (size_t i = 0; i < tile; i++) {
      if (!selected[(row + i) % a->group]) continue;
      float *scores = scratch + i * keys;
      hide_keys(a, row + i, scores, 0, keys);
      vfloat largest = vset(-1e30f), total = vset(0);
      for (size_t k = 0; k < keys; k += LANES) largest = vmax(vload(scores + k), largest);
      const vfloat shift = vset(vlargest(largest));
      for (size_t k = 0; k < keys; k += LANES) {
        const vfloat e = vexp(vload(scores + k) - shift);
        total = total + e;
        vstore(scores + k, e);
      }
      const float inverse = 1 / vsum(total);
      float *to = weights + ((row + i) / a->group - first) * row_stride;
      const size_t seen = row_position(a, row + i) + 1;
      for (size_t k = 0; k < seen; k++) to[k] = fmaf(scores[k], inverse, to[k]);
    }
  }
}
