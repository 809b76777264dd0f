// Work on single rows of activations: normalisation, quantisation, heads and their rotation.

static void round_rows_bf16(const float *x, size_t count, uint16_t *out) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) vstore_half(out + i, vround_bf16(vload(x + i)));
  for (; i < count; i++) out[i] = round_bf16(x[i]);
}

static double log_sum_exp(const float *x, size_t count) {
  vfloat largest = vset(-INFINITY);
  for (size_t i = 0; i < count; i += LANES) largest = vmax(vload_part(x + i, count - i, -INFINITY), largest);
  const vfloat shift = vset(vlargest(largest));
  // Float sums of 64 vectors at most; beyond that the error would grow with the vocabulary.
  double total = 0;
  for (size_t start = 0; start < count; start += 64 * LANES) {
    vfloat sum = vset(0);
    for (size_t i = start; i < smaller(start + 64 * LANES, count); i += LANES)
      sum = sum + vexp(vload_part(x + i, count - i, -INFINITY) - shift);
    total += vsum(sum);
  }
  return (double)shift[0] + log(total);
}

static void quantize_rows(const float *x, size_t x_stride, size_t rows, size_t width, int8_t *q, float *scales, int32_t *sums) {
  const vfloat round = vset(12582912.0f);  // 1.5 x 2^23: adding it rounds to an integer, ties to even
  for (size_t row = 0; row < rows; row++, x += x_stride) {
    for (size_t k = 0; k < width; k += GRD_PANEL) {
      const vfloat left = vload(x + k), right = vload(x + k + LANES);
      const float scale = vlargest(vmax(vabs(left), vabs(right))) / 127;
      const vfloat inverse = vset(scale > 0 ? 1 / scale : 0);
      const vint a = (vint)(left * inverse + round) - (vint)round, b = (vint)(right * inverse + round) - (vint)round;
      typedef int8_t vbytes __attribute__((vector_size(16)));
      const vbytes first = __builtin_convertvector(a, vbytes), second = __builtin_convertvector(b, vbytes);
      memcpy(q, &first, sizeof first);
      memcpy(q + LANES, &second, sizeof second);
      q += GRD_PANEL;
      *scales++ = scale;
      *sums++ = (int32_t)vsum(__builtin_convertvector(a + b, vfloat));  // exact: under 2^12
    }
  }
}

GRD_INLINE float inverse_root_mean_square(const float *x, size_t width, float epsilon) {
  vfloat squares = vset(0);
  for (size_t k = 0; k < width; k += LANES) {
    const vfloat v = vload_part(x + k, width - k, 0);
    squares = vfma(v, v, squares);
  }
  return 1 / sqrtf(vsum(squares) / (float)width + epsilon);
}

static void rms_norm(const float *x, size_t x_stride, size_t rows, size_t width, const float *weight, float epsilon,
                     float *out_f32, size_t f32_stride, uint16_t *out_bf16, size_t bf16_stride) {
  for (size_t row = 0; row < rows; row++, x += x_stride) {
    const vfloat factor = vset(inverse_root_mean_square(x, width, epsilon));
    for (size_t k = 0; k < width; k += LANES) {
      const size_t left = width - k;
      const vfloat v = vload_part(x + k, left, 0) * factor * vload_part(weight + k, left, 0);
      if (out_f32) vstore_part(out_f32 + row * f32_stride + k, v, left);
      if (!out_bf16) continue;
      if (left >= LANES) vstore_half(out_bf16 + row * bf16_stride + k, vround_bf16(v));
      else
        for (size_t i = 0; i < left; i++) out_bf16[row * bf16_stride + k + i] = round_bf16(v[i]);
    }
  }
}

enum { MAX_HEAD = 256 };

/// One head's vector, normalised where `norm` is there and turned by the token's angles, into head[padded_dim].
GRD_INLINE void turn_head(const grd_heads *heads, const float *from, const float *norm, size_t token, float *head) {
  const size_t half = heads->rotary_dim / 2, dim = heads->head_dim;
  const float *cosines = heads->cosines + token * half, *sines = heads->sines + token * half;
  if (norm) {
    const float factor = inverse_root_mean_square(from, dim, heads->epsilon);
    for (size_t d = 0; d < dim; d++) head[d] = from[d] * factor * norm[d];
  } else {
    memcpy(head, from, dim * sizeof(float));
  }
  for (size_t d = 0; d < half; d += LANES) {
    const size_t left = half - d;
    const vfloat c = vload_part(cosines + d, left, 1), s = vload_part(sines + d, left, 0);
    const vfloat a = vload_part(head + d, left, 0), b = vload_part(head + half + d, left, 0);
    vstore_part(head + d, vfma(a, c, -(b * s)), left);
    vstore_part(head + half + d, vfma(b, c, a * s), left);
  }
}

static void split_heads(const grd_heads *heads, const float *qkv, size_t stride, size_t tokens, size_t position,
                        uint16_t *queries, size_t token_capacity, size_t first_row) {
  const size_t dim = heads->head_dim, padded = heads->padded_dim, group = heads->heads / heads->kv_heads;
  const size_t head_elements = grd_page_head_elements(padded);
  float head[MAX_HEAD];
  memset(head, 0, sizeof head);
  for (size_t token = 0; token < tokens; token++, qkv += stride) {
    for (size_t h = 0; h < heads->heads; h++) {
      turn_head(heads, qkv + h * dim, heads->query_norm, token, head);
      const size_t row = (h / group * token_capacity + first_row + token) * group + h % group;
      round_rows_bf16(head, padded, queries + row * padded);
    }
    const size_t slot = (position + token) % GRD_PANEL;
    uint16_t *page = heads->pages[(position + token) / GRD_PANEL] + heads->page_offset;
    const float *keys = qkv + heads->heads * dim, *values = keys + heads->kv_heads * dim;
    for (size_t h = 0; h < heads->kv_heads; h++, page += head_elements) {
      turn_head(heads, keys + h * dim, heads->key_norm, token, head);
      for (size_t d = 0; d < dim; d++) page[(d / 2 * GRD_PANEL + slot) * 2 + d % 2] = round_bf16(head[d]);
      uint16_t *value_block = page + GRD_PANEL * padded;
      for (size_t d = 0; d < dim; d++) value_block[(slot / 2 * padded + d) * 2 + slot % 2] = round_bf16(values[h * dim + d]);
    }
  }
}
