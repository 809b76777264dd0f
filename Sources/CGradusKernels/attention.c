// Packed multi-head self-attention: per (sequence, head), blocks of queries against blocks of keys, online softmax.
//
// Keys and values are copied once per unit into layouts that the products stream through: "panels" hold 32 keys for each
// dimension in turn, "rows" hold one key after the other. Rows are padded with zeros to whole tiles, so that the products
// have no edges; the scores of padded keys are set to -infinity before the softmax.
#include "gradus_attention.h"
#include "matrix_tile.h"
#include "simd.h"

#include <math.h>

enum {
  QUERY_BLOCK = 32,    // Queries whose scores are held at once.
  KEY_BLOCK = 256,     // Keys of one step of the online softmax.
  PANEL = 2 * LANES,   // Keys of one panel.
  ROW_TILE = 8,        // Queries are padded to this many, the largest tile of any instruction set.
  MAX_HEAD_DIM = 256,
  MAX_TOKENS = 1 << 15,
};

typedef struct {
  size_t tokens;       // of the sequence
  size_t first_token;
  size_t keys;         // tokens, padded to whole panels
  size_t block;        // keys of one step of the online softmax, and the distance between rows of scores
  size_t dim;          // head_dim, padded to whole vectors
  size_t head;
  uint32_t key0, key1; // of the dropout mask
} unit_shape;

static size_t scratch_needed(size_t longest, size_t head_dim, int backward) {
  const size_t dim = round_up(head_dim, LANES), keys = round_up(longest, PANEL);
  const size_t block = QUERY_BLOCK * dim, scores = QUERY_BLOCK * KEY_BLOCK;
  const size_t alignment = LANES - 1;
  if (!backward) return 2 * keys * dim + 2 * block + scores + alignment;
  return 5 * keys * dim + 3 * block + 2 * scores + alignment;
}

size_t grd_attention_scratch(const grd_attention *attention, size_t longest, int backward) {
  return scratch_needed(longest, attention->head_dim, backward);
}

/// The first vector boundary of the scratch: loads that straddle cache lines cost a quarter of the time.
GRD_INLINE float *aligned(float *scratch) {
  const uintptr_t size = sizeof(vfloat);
  return (float *)(((uintptr_t)scratch + size - 1) / size * size);
}

static uint64_t mix64(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// Refuses what the kernels cannot work on; looks at the units of the call alone.
static grd_status check(const grd_attention *a, size_t first_unit, size_t units, size_t scratch_count, int backward) {
  if (a->heads == 0 || a->head_dim == 0 || a->head_dim > MAX_HEAD_DIM) return GRD_INVALID_ARGUMENT;
  if (!(a->dropout >= 0 && a->dropout < 1)) return GRD_INVALID_ARGUMENT;
  if (units == 0) return GRD_OK;
  const size_t total = a->sequences * a->heads;
  if (first_unit > total || units > total - first_unit) return GRD_INVALID_ARGUMENT;
  const size_t first = first_unit / a->heads, last = (first_unit + units - 1) / a->heads;
  size_t longest = 0;
  for (size_t s = first; s <= last; s++) {
    const int64_t length = a->offsets[s + 1] - a->offsets[s];
    if (a->offsets[s] < 0 || length < 0 || length >= MAX_TOKENS) return GRD_INVALID_ARGUMENT;
    if ((size_t)length > longest) longest = (size_t)length;
  }
  return scratch_count < scratch_needed(longest, a->head_dim, backward) ? GRD_SCRATCH_TOO_SMALL : GRD_OK;
}

static unit_shape shape_of(const grd_attention *a, size_t unit) {
  const size_t sequence = unit / a->heads;
  unit_shape u;
  u.first_token = (size_t)a->offsets[sequence];
  u.tokens = (size_t)(a->offsets[sequence + 1] - a->offsets[sequence]);
  u.keys = round_up(u.tokens, PANEL);
  u.block = smaller(KEY_BLOCK, u.keys);
  u.dim = round_up(a->head_dim, LANES);
  u.head = unit % a->heads;
  const uint64_t key = mix64(a->seed + 0x9e3779b97f4a7c15u * (unit + 1));
  u.key0 = (uint32_t)key;
  u.key1 = (uint32_t)(key >> 32);
  return u;
}

/// Asks for the row of the next head, which follows this one's in memory: the next unit reads it, and rows of one head lie
/// too far apart for the processor to foresee.
GRD_INLINE void prefetch_next_head(const float *row, size_t head_dim) {
  for (size_t d = 0; d < head_dim; d += LANES) __builtin_prefetch(row + head_dim + d);
}

/// Copies `count` rows of `head_dim` floats, times `factor`, into rows of `dim`; zeros fill up to `padded` rows.
GRD_INLINE void copy_rows(const float *from, size_t stride, size_t count, size_t head_dim, float factor, float *to,
                          size_t dim, size_t padded) {
  const size_t whole = head_dim / LANES * LANES, rest = head_dim - whole;
  const vfloat f = vset(factor);
  for (size_t row = 0; row < count; row++) {
    const float *source = from + row * stride;
    float *target = to + row * dim;
    prefetch_next_head(source, head_dim);
    for (size_t d = 0; d < whole; d += LANES) vstore(target + d, vload(source + d) * f);
    if (rest) vstore(target + whole, vload_first(source + whole, rest, 0) * f);
  }
  memset(to + count * dim, 0, (padded - count) * dim * sizeof(float));
}

/// The reverse of copy_rows.
GRD_INLINE void store_rows(const float *from, size_t dim, size_t count, size_t head_dim, float factor, float *to,
                           size_t stride) {
  const size_t whole = head_dim / LANES * LANES, rest = head_dim - whole;
  const vfloat f = vset(factor);
  for (size_t row = 0; row < count; row++) {
    const float *source = from + row * dim;
    float *target = to + row * stride;
    for (size_t d = 0; d < whole; d += LANES) vstore(target + d, vload(source + d) * f);
    if (rest) vstore_first(target + whole, vload(source + whole) * f, rest);
  }
}

/// Copies `count` rows into panels: to[panel][dimension][32]; zeros fill the last panel and the dimensions up to `dim`.
GRD_INLINE void copy_panels(const float *from, size_t stride, size_t count, size_t head_dim, float *to, size_t dim) {
  for (size_t start = 0; start < round_up(count, PANEL); start += LANES) {
    float *panel = to + start / PANEL * PANEL * dim + start % PANEL;
    for (size_t d = 0; d < dim; d += LANES) {
      vfloat square[LANES];
      for (size_t i = start; i < smaller(start + LANES, count); i++) __builtin_prefetch(from + i * stride + head_dim + d);
      GRD_UNROLL for (size_t i = 0; i < LANES; i++)
        square[i] = start + i < count ? vload_part(from + (start + i) * stride + d, head_dim - d, 0) : vset(0);
      vtranspose(square);
      GRD_UNROLL for (size_t i = 0; i < LANES; i++) vstore(panel + (d + i) * PANEL, square[i]);
    }
  }
}

/// scores[i][j] = rows[i] . key j, for `queries` rows (padded to tiles) and whole panels of `keys` keys.
GRD_INLINE void multiply_panels(const grd_isa isa, const float *rows, size_t queries, const float *panels, size_t keys,
                                size_t dim, float *scores, size_t score_stride) {
  for (size_t start = 0; start < keys; start += PANEL, panels += PANEL * dim)
    matrix_product(isa, queries, PANEL, dim, (matrix_view){rows, dim, 1}, panels, PANEL, scores + start,
                   score_stride, 0);
}

GRD_INLINE void hide_padding(float *scores, size_t score_stride, size_t queries, size_t valid, size_t padded) {
  for (size_t i = 0; i < queries; i++)
    for (size_t j = valid; j < padded; j++) scores[i * score_stride + j] = -INFINITY;
}

/// 1 / (1 - dropout) or 0 for the sixteen probabilities of `query` that begin at `key`.
GRD_INLINE vfloat dropout_factors(const unit_shape *u, float dropout, size_t query, size_t key) {
  const vuint position = (vuint)vlane_numbers() + (uint32_t)(query * MAX_TOKENS + key);
  vuint x = position + u->key0;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  x = (x ^ (x >> 16)) + u->key1;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  x = x ^ (x >> 16);
  const vint draw = (vint)(x >> 8), threshold = vset_int((int32_t)(dropout * 16777216.0f));
  return vselect(draw >= threshold, vset(1.0f / (1.0f - dropout)), vset(0));
}

// MARK: Forward

GRD_INLINE void forward_unit(const grd_isa isa, const grd_attention *a, const unit_shape *u, const float *qkv, float *context,
                             float *log_sums, float *scratch) {
  const size_t hidden = a->heads * a->head_dim, stride = 3 * hidden, dim = u->dim;
  const float *query = qkv + u->first_token * stride + u->head * a->head_dim;
  float *panels = scratch, *values = panels + u->keys * dim, *rows = values + u->keys * dim;
  float *output = rows + QUERY_BLOCK * dim, *scores = output + QUERY_BLOCK * dim;
  copy_panels(query + hidden, stride, u->tokens, a->head_dim, panels, dim);
  copy_rows(query + 2 * hidden, stride, u->tokens, a->head_dim, 1.0f, values, dim, u->keys);

  for (size_t start = 0; start < u->tokens; start += QUERY_BLOCK) {
    const size_t count = smaller(QUERY_BLOCK, u->tokens - start), padded = round_up(count, ROW_TILE);
    float largest[QUERY_BLOCK], sum[QUERY_BLOCK];
    for (size_t i = 0; i < QUERY_BLOCK; i++) {
      largest[i] = -INFINITY;
      sum[i] = 0;
    }
    copy_rows(query + start * stride, stride, count, a->head_dim, a->scale, rows, dim, padded);

    for (size_t first = 0; first < u->keys; first += u->block) {
      const size_t keys = smaller(u->block, u->keys - first), valid = smaller(keys, u->tokens - first);
      multiply_panels(isa, rows, padded, panels + first * dim, keys, dim, scores, u->block);
      hide_padding(scores, u->block, count, valid, keys);
      for (size_t i = 0; i < count; i++) {
        float *row = scores + i * u->block;
        vfloat top = vload(row);
        for (size_t j = LANES; j < keys; j += LANES) top = vmax(vload(row + j), top);
        const float block_largest = vlargest(top);
        const float now_largest = block_largest > largest[i] ? block_largest : largest[i];
        const vfloat shift = vset(now_largest);
        vfloat total = vset(0);
        for (size_t j = 0; j < keys; j += LANES) {
          vfloat p = vexp(vload(row + j) - shift);
          total += p;
          if (a->dropout > 0) p = p * dropout_factors(u, a->dropout, start + i, first + j);
          vstore(row + j, p);
        }
        if (first > 0) {
          const vfloat shrink = vexp(vset(largest[i] - now_largest));
          sum[i] = sum[i] * shrink[0];
          for (size_t d = 0; d < dim; d += LANES) vstore(output + i * dim + d, vload(output + i * dim + d) * shrink);
        }
        sum[i] = sum[i] + vsum(total);
        largest[i] = now_largest;
      }
      matrix_product(isa, padded, dim, keys, (matrix_view){scores, u->block, 1}, values + first * dim, dim, output, dim,
                     first > 0);
    }

    for (size_t i = 0; i < count; i++) {
      const size_t token = u->first_token + start + i;
      store_rows(output + i * dim, dim, 1, a->head_dim, 1.0f / sum[i], context + token * hidden + u->head * a->head_dim,
                 hidden);
      if (log_sums) log_sums[token * a->heads + u->head] = largest[i] + logf(sum[i]);
    }
  }
}

GRD_INLINE grd_status grd_attention_forward_body(const grd_isa isa, const grd_attention *attention, const float *qkv,
                                                 size_t first_unit, size_t units, float *context, float *log_sums,
                                                 float *scratch, size_t scratch_count) {
  const grd_status status = check(attention, first_unit, units, scratch_count, 0);
  if (status != GRD_OK) return status;
  for (size_t unit = first_unit; unit < first_unit + units; unit++) {
    const unit_shape u = shape_of(attention, unit);
    if (u.tokens > 0) forward_unit(isa, attention, &u, qkv, context, log_sums, aligned(scratch));
  }
  return GRD_OK;
}
GRD_KERNEL(grd_status, grd_attention_forward,
           (const grd_attention *attention, const float *qkv, size_t first_unit, size_t units, float *context,
            float *log_sums, float *scratch, size_t scratch_count),
           attention, qkv, first_unit, units, context, log_sums, scratch, scratch_count)

// MARK: Backward

/// Turns scores into P * mask and dP into dS = P * (dP * mask - delta), in place, for one query.
GRD_INLINE void softmax_gradient_row(const grd_attention *a, const unit_shape *u, size_t query, size_t first_key, size_t keys,
                                     float log_sum, float delta, float *scores, float *gradient) {
  const vfloat shift = vset(log_sum), centre = vset(delta);
  for (size_t j = 0; j < keys; j += LANES) {
    const vfloat p = vexp(vload(scores + j) - shift);
    vfloat kept = p, g = vload(gradient + j);
    if (a->dropout > 0) {
      const vfloat factors = dropout_factors(u, a->dropout, query, first_key + j);
      kept = p * factors;
      g = g * factors;
    }
    vstore(scores + j, kept);
    vstore(gradient + j, p * (g - centre));
  }
}

GRD_INLINE void backward_unit(const grd_isa isa, const grd_attention *a, const unit_shape *u, const float *qkv,
                              const float *context, const float *log_sums, const float *dcontext, float *dqkv,
                              float *scratch) {
  const size_t hidden = a->heads * a->head_dim, stride = 3 * hidden, dim = u->dim, area = u->keys * dim;
  const size_t column = u->head * a->head_dim;
  const float *query = qkv + u->first_token * stride + column;
  float *dquery = dqkv + u->first_token * stride + column;
  float *key_panels = scratch, *value_panels = key_panels + area, *keys_rows = value_panels + area;
  float *dkeys = keys_rows + area, *dvalues = dkeys + area;
  float *rows = dvalues + area, *drows = rows + QUERY_BLOCK * dim, *dqueries = drows + QUERY_BLOCK * dim;
  float *scores = dqueries + QUERY_BLOCK * dim, *gradient = scores + QUERY_BLOCK * KEY_BLOCK;
  copy_panels(query + hidden, stride, u->tokens, a->head_dim, key_panels, dim);
  copy_panels(query + 2 * hidden, stride, u->tokens, a->head_dim, value_panels, dim);
  copy_rows(query + hidden, stride, u->tokens, a->head_dim, 1.0f, keys_rows, dim, u->keys);

  for (size_t start = 0; start < u->tokens; start += QUERY_BLOCK) {
    const size_t count = smaller(QUERY_BLOCK, u->tokens - start), padded = round_up(count, ROW_TILE);
    const size_t token = u->first_token + start;
    copy_rows(query + start * stride, stride, count, a->head_dim, a->scale, rows, dim, padded);
    copy_rows(context + token * hidden + column, hidden, count, a->head_dim, 1.0f, dqueries, dim, padded);
    copy_rows(dcontext + token * hidden + column, hidden, count, a->head_dim, 1.0f, drows, dim, padded);
    float delta[QUERY_BLOCK];
    for (size_t i = 0; i < count; i++) {
      vfloat total = vset(0);
      for (size_t d = 0; d < dim; d += LANES) total = vfma(vload(drows + i * dim + d), vload(dqueries + i * dim + d), total);
      delta[i] = vsum(total);
    }

    for (size_t first = 0; first < u->keys; first += u->block) {
      const size_t keys = smaller(u->block, u->keys - first), valid = smaller(keys, u->tokens - first);
      multiply_panels(isa, rows, padded, key_panels + first * dim, keys, dim, scores, u->block);
      multiply_panels(isa, drows, padded, value_panels + first * dim, keys, dim, gradient, u->block);
      hide_padding(scores, u->block, count, valid, keys);
      for (size_t i = 0; i < count; i++)
        softmax_gradient_row(a, u, start + i, first, keys, log_sums[(token + i) * a->heads + u->head], delta[i],
                             scores + i * u->block, gradient + i * u->block);
      matrix_product(isa, padded, dim, keys, (matrix_view){gradient, u->block, 1}, keys_rows + first * dim, dim, dqueries,
                     dim, first > 0);
      matrix_product(isa, keys, dim, count, (matrix_view){gradient, 1, u->block}, rows, dim, dkeys + first * dim, dim,
                     start > 0);
      matrix_product(isa, keys, dim, count, (matrix_view){scores, 1, u->block}, drows, dim, dvalues + first * dim, dim,
                     start > 0);
    }
    store_rows(dqueries, dim, count, a->head_dim, a->scale, dquery + start * stride, stride);
  }
  store_rows(dkeys, dim, u->tokens, a->head_dim, 1.0f, dquery + hidden, stride);
  store_rows(dvalues, dim, u->tokens, a->head_dim, 1.0f, dquery + 2 * hidden, stride);
}

GRD_INLINE grd_status grd_attention_backward_body(const grd_isa isa, const grd_attention *attention, const float *qkv,
                                                  const float *context, const float *log_sums, const float *dcontext,
                                                  size_t first_unit, size_t units, float *dqkv, float *scratch,
                                                  size_t scratch_count) {
  const grd_status status = check(attention, first_unit, units, scratch_count, 1);
  if (status != GRD_OK) return status;
  for (size_t unit = first_unit; unit < first_unit + units; unit++) {
    const unit_shape u = shape_of(attention, unit);
    if (u.tokens > 0) backward_unit(isa, attention, &u, qkv, context, log_sums, dcontext, dqkv, aligned(scratch));
  }
  return GRD_OK;
}
GRD_KERNEL(grd_status, grd_attention_backward,
           (const grd_attention *attention, const float *qkv, const float *context, const float *log_sums,
            const float *dcontext, size_t first_unit, size_t units, float *dqkv, float *scratch, size_t scratch_count),
           attention, qkv, context, log_sums, dcontext, first_unit, units, dqkv, scratch, scratch_count)
