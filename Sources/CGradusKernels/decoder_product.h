// Weight products. bfloat16: tiles of 12 rows by 32 outputs. int8: sums exact within 32 inputs.

/// silu(gate) x up.
GRD_INLINE vfloat swiglu(vfloat gate, vfloat up) { return gate / (vset(1) + vexp(-gate)) * up; }

/// Writes the 32 sums of one row and panel.
GRD_INLINE void put_sums(grd_output output, vfloat left, vfloat right, void *out, size_t row_start, size_t panel) {
  switch (output) {
    case GRD_OUTPUT_STORE:
    case GRD_OUTPUT_ADD: {
      float *to = (float *)out + row_start + panel * GRD_PANEL;
      if (output == GRD_OUTPUT_ADD) {
        left = vload(to) + left;
        right = vload(to + LANES) + right;
      }
      vstore(to, left);
      vstore(to + LANES, right);
      return;
    }
    case GRD_OUTPUT_SWIGLU_BF16:
      vstore_half((uint16_t *)out + row_start + panel * LANES, vround_bf16(swiglu(left, right)));
      return;
    case GRD_OUTPUT_SWIGLU_F32:
      vstore((float *)out + row_start + panel * LANES, swiglu(left, right));
      return;
  }
}

/// Four bytes of each lane's weights in [0, 255] as bfloat16 pairs of scale x byte + minimum: inputs 0, 1 and 2, 3.
GRD_INLINE void widen_bytes(vuint bytes, vfloat scale, vfloat minimum, vuint *first, vuint *second) {
  vfloat value[4];
  GRD_UNROLL for (int i = 0; i < 4; i++)
    value[i] = vfma(__builtin_convertvector((vint)((bytes >> (uint32_t)(8 * i)) & 0xff), vfloat), scale, minimum);
  *first = vround_pairs(value[0], value[1]);
  *second = vround_pairs(value[2], value[3]);
}

GRD_INLINE void widen_panel(grd_weight_format format, const uint8_t *panel, size_t inputs, uint16_t *out) {
  enum { PAIR = 2 * GRD_PANEL };  // bfloat16 numbers of two inputs
  for (size_t k = 0; k < inputs; k += GRD_PANEL, out += GRD_PANEL * GRD_PANEL, panel += block_bytes(format)) {
    const uint8_t *scales = panel + (format == GRD_WEIGHT_Q8 ? Q8_BYTES : Q4_BYTES);
    GRD_UNROLL for (size_t half = 0; half < 2; half++) {
      const vfloat scale = vwiden_half(vload_half(scales + 32 * half));
      const vfloat minimum = format == GRD_WEIGHT_Q8   ? scale * vset(-128)
                             : format == GRD_WEIGHT_Q4 ? scale * vset(-8)
                                                       : vwiden_half(vload_half(scales + 64 + 32 * half));
      vuint first, second;
      const size_t words = format == GRD_WEIGHT_Q8 ? 8 : 4;
      for (size_t i = 0; i < words; i++) {
        const vuint word = vload_uint(panel + 128 * i + 64 * half);
        uint16_t *to = out + 2 * i * PAIR + 32 * half;
        if (format == GRD_WEIGHT_Q8) {
          widen_bytes(word, scale, minimum, &first, &second);
        } else {
          widen_bytes(word & 0x0f0f0f0fu, scale, minimum, &first, &second);
          vstore_uint(to, first);
          vstore_uint(to + PAIR, second);
          widen_bytes((word >> 4) & 0x0f0f0f0fu, scale, minimum, &first, &second);
          to += 8 * PAIR;
        }
        vstore_uint(to, first);
        vstore_uint(to + PAIR, second);
      }
    }
  }
}

GRD_INLINE void bf16_rows(const int R, const grd_weight *weight, size_t panel, const uint16_t *data, const uint16_t *a,
                                size_t a_stride, grd_output output, void *out, size_t row_start, size_t out_stride) {
  vfloat sum[TILE_ROWS][2];
  const float *bias = weight->bias ? weight->bias + panel * GRD_PANEL : NULL;
  GRD_UNROLL for (int i = 0; i < R; i++) {
    sum[i][0] = bias ? vload(bias) : vset(0);
    sum[i][1] = bias ? vload(bias + LANES) : vset(0);
  }
  multiply_tile(R, weight->inputs / 2, a, a_stride, data, 2 * GRD_PANEL, sum);
  GRD_UNROLL for (int i = 0; i < R; i++)
    put_sums(output, sum[i][0], sum[i][1], out, row_start + (size_t)i * out_stride, panel);
}

static void product_bf16(const grd_weight *weight, size_t first_panel, size_t panels, const uint16_t *a, size_t a_stride,
                               size_t rows, grd_output output, void *out, size_t out_stride, uint16_t *scratch) {
  const size_t bytes = grd_weight_panel_bytes(weight->format, weight->inputs);
  for (size_t panel = first_panel; panel < first_panel + panels; panel++) {
    const uint8_t *stored = (const uint8_t *)weight->data + panel * bytes;
    const uint16_t *data = (const uint16_t *)stored;
    if (weight->format != GRD_WEIGHT_BF16) {
      data = scratch;
      switch (weight->format) {
        case GRD_WEIGHT_Q8: widen_panel(GRD_WEIGHT_Q8, stored, weight->inputs, scratch); break;
        case GRD_WEIGHT_Q4: widen_panel(GRD_WEIGHT_Q4, stored, weight->inputs, scratch); break;
        default: widen_panel(GRD_WEIGHT_Q4M, stored, weight->inputs, scratch); break;
      }
    }
    for (size_t row = 0; row < rows; row += TILE_ROWS)
      EACH_TILE_SIZE(smaller(TILE_ROWS, rows - row), bf16_rows, weight, panel, data, a + row * a_stride, a_stride, output,
                     out, row * out_stride, out_stride)
  }
}

// Products of signed bytes alone: weights stored with an offset of 128 lose it first.
#if LEVEL == LEVEL_NEON_DOT
#define BYTE_OFFSET 128
#else
#define BYTE_OFFSET 0
#endif

/// sum + the four products of a lane's bytes with a's signed bytes. The bytes are unsigned; with BYTE_OFFSET, and where
/// `has_offset`, 128 less than that, and below 128 otherwise.
GRD_INLINE vint dot_bytes(const int has_offset, vint sum, vuint bytes, int32_t a) {
#if LEVEL == LEVEL_NEON_DOT
  typedef struct { int32x4_t quarter[4]; } quarters;
  quarters weights, total;
  if (has_offset) bytes ^= vset_uint(0x80808080u);
  memcpy(&weights, &bytes, sizeof weights);
  memcpy(&total, &sum, sizeof total);
  GRD_UNROLL for (int q = 0; q < 4; q++)
    total.quarter[q] =
        vdotq_s32(total.quarter[q], vreinterpretq_s8_s32(weights.quarter[q]), vreinterpretq_s8_s32(vdupq_n_s32(a)));
  memcpy(&sum, &total, sizeof sum);
  return sum;
#elif LEVEL == LEVEL_AVX512_BF16
  (void)has_offset;
  return (vint)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)bytes, _mm512_set1_epi32(a));
#else
  (void)has_offset;
  GRD_UNROLL for (int i = 0; i < 4; i++) {
    const int32_t factor = (int8_t)((uint32_t)a >> (8 * i));
    sum += (vint)((bytes >> (uint32_t)(8 * i)) & 0xff) * vset_int(factor);
  }
  return sum;
#endif
}

enum { INT8_ROWS = LEVEL >= LEVEL_AVX512 ? 4 : 1 };

GRD_INLINE void int8_rows(const int R, grd_weight_format format, const grd_weight *weight, size_t panel, const int8_t *a,
                                const float *scales, const int32_t *sums, grd_output output, void *out, size_t row_start,
                                size_t out_stride) {
  const size_t inputs = weight->inputs, blocks = inputs / GRD_PANEL;
  const size_t words = format == GRD_WEIGHT_Q8 ? 8 : 4;
  const int32_t zero = format == GRD_WEIGHT_Q8 ? 128 - BYTE_OFFSET : format == GRD_WEIGHT_Q4 ? 8 : 0;
  const uint8_t *data = (const uint8_t *)weight->data + panel * grd_weight_panel_bytes(format, inputs);
  vfloat total[INT8_ROWS][2];
  GRD_UNROLL for (int i = 0; i < R; i++)
    GRD_UNROLL for (size_t half = 0; half < 2; half++)
      total[i][half] = weight->bias ? vload(weight->bias + panel * GRD_PANEL + half * LANES) : vset(0);
  for (size_t b = 0; b < blocks; b++, data += block_bytes(format)) {
    const uint8_t *tail = data + (format == GRD_WEIGHT_Q8 ? Q8_BYTES : Q4_BYTES);
    vint sum[INT8_ROWS][2];
    GRD_UNROLL for (int i = 0; i < R; i++)
      sum[i][0] = sum[i][1] = vset_int(-zero * sums[(size_t)i * blocks + b]);
    GRD_UNROLL for (size_t word = 0; word < words; word++) {
      const vuint left = vload_uint(data + 128 * word), right = vload_uint(data + 128 * word + 64);
      GRD_UNROLL for (int i = 0; i < R; i++) {
        int32_t low, high = 0;
        const int8_t *row = a + (size_t)i * inputs + b * GRD_PANEL + 4 * word;
        memcpy(&low, row, sizeof low);
        if (format == GRD_WEIGHT_Q8) {
          sum[i][0] = dot_bytes(1, sum[i][0], left, low);
          sum[i][1] = dot_bytes(1, sum[i][1], right, low);
        } else {
          memcpy(&high, row + 16, sizeof high);
          sum[i][0] = dot_bytes(0, sum[i][0], left & 0x0f0f0f0fu, low);
          sum[i][1] = dot_bytes(0, sum[i][1], right & 0x0f0f0f0fu, low);
          sum[i][0] = dot_bytes(0, sum[i][0], (left >> 4) & 0x0f0f0f0fu, high);
          sum[i][1] = dot_bytes(0, sum[i][1], (right >> 4) & 0x0f0f0f0fu, high);
        }
      }
    }
    GRD_UNROLL for (size_t half = 0; half < 2; half++) {
      const vfloat scale = vwiden_half(vload_half(tail + 32 * half));
      const vfloat minimum = format == GRD_WEIGHT_Q4M ? vwiden_half(vload_half(tail + 64 + 32 * half)) : vset(0);
      GRD_UNROLL for (int i = 0; i < R; i++) {
        const float row_scale = scales[(size_t)i * blocks + b];
        total[i][half] = vfma(__builtin_convertvector(sum[i][half], vfloat), scale * vset(row_scale), total[i][half]);
        if (format == GRD_WEIGHT_Q4M) {
          const float row_sum = row_scale * (float)sums[(size_t)i * blocks + b];
          total[i][half] = vfma(minimum, vset(row_sum), total[i][half]);
        }
      }
    }
  }
  GRD_UNROLL for (int i = 0; i < R; i++)
    put_sums(output, total[i][0], total[i][1], out, row_start + (size_t)i * out_stride, panel);
}

#define INT8_CASES(FORMAT)                                                                                                  \
  for (; row + INT8_ROWS <= rows; row += INT8_ROWS)                                                             \
    int8_rows(INT8_ROWS, FORMAT, weight, panel, a + row * inputs, scales + row * blocks, sums + row * blocks,   \
                    output, out, row * out_stride, out_stride);                                                             \
  for (; row < rows; row++)                                                                                                 \
    int8_rows(1, FORMAT, weight, panel, a + row * inputs, scales + row * blocks, sums + row * blocks, output, out,    \
                    row * out_stride, out_stride);

static void product_int8(const grd_weight *weight, size_t first_panel, size_t panels, const int8_t *a,
                               const float *scales, const int32_t *sums, size_t rows, grd_output output, void *out,
                               size_t out_stride) {
  const size_t inputs = weight->inputs, blocks = inputs / GRD_PANEL;
  for (size_t panel = first_panel; panel < first_panel + panels; panel++) {
    size_t row = 0;
    switch (weight->format) {
      case GRD_WEIGHT_Q8: INT8_CASES(GRD_WEIGHT_Q8) break;
      case GRD_WEIGHT_Q4: INT8_CASES(GRD_WEIGHT_Q4) break;
      default: INT8_CASES(GRD_WEIGHT_Q4M) break;
    }
  }
}
