// Scores of a query against encoded rows. Compiled once for each level (LEVEL).

typedef uint16_t vhalf __attribute__((vector_size(32)));
typedef uint16_t vhalf_unaligned __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint8_t vbyte __attribute__((vector_size(16)));
typedef uint8_t vbyte_unaligned __attribute__((vector_size(16), aligned(1), may_alias));
typedef vuint vuint_unaligned __attribute__((aligned(2), may_alias));

GRD_INLINE vuint vload_uint(const void *p) { return *(const vuint_unaligned *)p; }
/// Sixteen bfloat16 numbers.
GRD_INLINE vfloat vload_bf16(const uint16_t *p) {
  return (vfloat)(__builtin_convertvector(*(const vhalf_unaligned *)p, vuint) << 16);
}
/// Sixteen int8 numbers, their offset of 128 taken off.
GRD_INLINE vfloat vload_int8(const uint8_t *p) {
  return __builtin_convertvector(__builtin_convertvector(*(const vbyte_unaligned *)p, vint) - vset_int(128), vfloat);
}

/// Sixteen numbers of a row, in full precision.
GRD_INLINE vfloat vload_code(const grd_vector_encoding encoding, const uint8_t *code, size_t at, vfloat scale) {
  if (encoding == GRD_VECTOR_FLOAT32) return vload((const float *)(const void *)code + at);
  if (encoding == GRD_VECTOR_BFLOAT16) return vload_bf16((const uint16_t *)(const void *)code + at);
  return vload_int8(code + at) * scale;
}

/// A chain goes on by sixteen numbers.
GRD_INLINE vfloat added(
    const grd_vector_encoding encoding, const grd_vector_measure measure, vfloat sum, const float *query, const uint8_t *code,
    size_t at, vfloat scale) {
  const vfloat x = vload(query + at), y = vload_code(encoding, code, at, scale);
  if (measure == GRD_VECTOR_DOT) return vfma(x, y, sum);
  const vfloat difference = x - y;
  return vfma(difference, difference, sum);
}

/// Four chains over blocks of 64 numbers, then one chain each for the 16s that are left; their sum is a fixed tree.
GRD_INLINE float full_score(
    const grd_vector_encoding encoding, const grd_vector_measure measure, const float *query, const uint8_t *code,
    float row_scale, size_t elements) {
  vfloat sums[4] = {vset(0), vset(0), vset(0), vset(0)};
  const vfloat scale = vset(row_scale);
  size_t at = 0;
  for (; at + 64 <= elements; at += 64) {
    GRD_UNROLL for (int chain = 0; chain < 4; chain++)
      sums[chain] = added(encoding, measure, sums[chain], query, code, at + 16 * (size_t)chain, scale);
  }
  if (at + 16 <= elements) sums[0] = added(encoding, measure, sums[0], query, code, at, scale);
  if (at + 32 <= elements) sums[1] = added(encoding, measure, sums[1], query, code, at + 16, scale);
  if (at + 48 <= elements) sums[2] = added(encoding, measure, sums[2], query, code, at + 32, scale);
  const float sum = vsum((sums[0] + sums[1]) + (sums[2] + sums[3]));
  return measure == GRD_VECTOR_L2 ? -sum : sum;
}

/// Adds the products of 32 pairs of bfloat16 numbers, of each pair the odd one first, as vdpbf16ps has it.
GRD_INLINE vfloat vdot_bf16(vfloat sum, vuint x, vuint y) {
#if LEVEL == VECTOR_AVX512_VNNI
  return (vfloat)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)y);
#else
  const vuint odd = (vuint)vset_int((int32_t)0xffff0000u);
  sum = vfma((vfloat)(x & odd), (vfloat)(y & odd), sum);
  return vfma((vfloat)(x << 16), (vfloat)(y << 16), sum);
#endif
}

GRD_INLINE float quick_dot_bf16(const uint16_t *query, const uint16_t *code, size_t elements) {
  vfloat sums[2] = {vset(0), vset(0)};
  size_t at = 0;
  for (; at + 64 <= elements; at += 64) {
    sums[0] = vdot_bf16(sums[0], vload_uint(query + at), vload_uint(code + at));
    sums[1] = vdot_bf16(sums[1], vload_uint(query + at + 32), vload_uint(code + at + 32));
  }
  if (at < elements) sums[0] = vdot_bf16(sums[0], vload_uint(query + at), vload_uint(code + at));
  return vsum(sums[0] + sums[1]);
}

/// Exact: elements is a multiple of 64, and the sum of 255 * 127 * elements fits.
GRD_INLINE int32_t quick_dot_int8(const int8_t *query, const uint8_t *code, size_t elements) {
#if LEVEL == VECTOR_AVX512_VNNI
  __m512i first = _mm512_setzero_si512(), second = _mm512_setzero_si512();
  size_t at = 0;
  for (; at + 128 <= elements; at += 128) {
    first = _mm512_dpbusd_epi32(first, _mm512_loadu_si512(code + at), _mm512_loadu_si512(query + at));
    second = _mm512_dpbusd_epi32(second, _mm512_loadu_si512(code + at + 64), _mm512_loadu_si512(query + at + 64));
  }
  if (at < elements) first = _mm512_dpbusd_epi32(first, _mm512_loadu_si512(code + at), _mm512_loadu_si512(query + at));
  return _mm512_reduce_add_epi32(_mm512_add_epi32(first, second));
#elif LEVEL == VECTOR_AVX512
  __m512i sum = _mm512_setzero_si512();
  for (size_t at = 0; at < elements; at += 32) {
    const __m512i x = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(query + at)));
    const __m512i y = _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)(code + at)));
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(x, y));
  }
  return _mm512_reduce_add_epi32(sum);
#elif LEVEL == VECTOR_AVX2
  __m256i sum = _mm256_setzero_si256();
  for (size_t at = 0; at < elements; at += 16) {
    const __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(query + at)));
    const __m256i y = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(code + at)));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(x, y));
  }
  const __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  const __m128i quarter = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(quarter, _mm_shuffle_epi32(quarter, 0xb1)));
#else
  int32_t sum = 0;
  for (size_t at = 0; at < elements; at++) sum += (int32_t)query[at] * (int32_t)code[at];
  return sum;
#endif
}

GRD_INLINE size_t elements_of(const grd_vector_encoding encoding, size_t stride) {
  return encoding == GRD_VECTOR_FLOAT32 ? stride / 4 : encoding == GRD_VECTOR_BFLOAT16 ? stride / 2 : stride;
}

/// `encoding` and `measure` are known at compile time; those of `rows` agree with them.
GRD_INLINE float quick_score(
    const grd_vector_encoding encoding, const grd_vector_measure measure, const grd_vector_rows *rows,
    const grd_vector_query *query, size_t row) {
  const uint8_t *code = rows->codes + row * rows->stride;
  const size_t elements = elements_of(encoding, rows->stride);
  if (encoding == GRD_VECTOR_FLOAT32) return full_score(encoding, measure, query->values, code, 1, elements);
  float dot;
  if (encoding == GRD_VECTOR_BFLOAT16) {
    dot = quick_dot_bf16(query->values, (const uint16_t *)(const void *)code, elements);
  } else {
    const int32_t exact = quick_dot_int8(query->values, code, elements) - query->offset;
    dot = (float)exact * (query->scale * rows->scales[row]);
  }
  return measure == GRD_VECTOR_L2 ? (dot - query->norm) + (dot - rows->norms[row]) : dot;
}

/// Calls `body(encoding, measure)` with constants that are those of `rows`.
#define FOR_ROWS(rows, body)                                                                                    \
  do {                                                                                                          \
    if ((rows)->measure == GRD_VECTOR_L2) {                                                                     \
      if ((rows)->encoding == GRD_VECTOR_FLOAT32) body(GRD_VECTOR_FLOAT32, GRD_VECTOR_L2)                       \
      else if ((rows)->encoding == GRD_VECTOR_BFLOAT16) body(GRD_VECTOR_BFLOAT16, GRD_VECTOR_L2)                \
      else body(GRD_VECTOR_INT8, GRD_VECTOR_L2)                                                                 \
    } else {                                                                                                    \
      if ((rows)->encoding == GRD_VECTOR_FLOAT32) body(GRD_VECTOR_FLOAT32, GRD_VECTOR_DOT)                      \
      else if ((rows)->encoding == GRD_VECTOR_BFLOAT16) body(GRD_VECTOR_BFLOAT16, GRD_VECTOR_DOT)               \
      else body(GRD_VECTOR_INT8, GRD_VECTOR_DOT)                                                                \
    }                                                                                                           \
  } while (0)

/// The first lines of a row; the processor's own prefetching goes on from there.
GRD_INLINE void prefetch_row(const grd_vector_rows *rows, size_t row, size_t lines) {
  const uint8_t *code = rows->codes + row * rows->stride;
  for (size_t line = 0; line < lines; line++) __builtin_prefetch(code + 64 * line);
}

static void scores_of_rows(const grd_vector_rows *rows, const float *query, const uint32_t *numbers, size_t first, size_t count,
                           float *out) {
  const size_t lines = smaller(rows->stride / 64, 8);
#define SCORES(encoding, measure)                                                                              \
  {                                                                                                            \
    for (size_t i = 0; i < count; i++) {                                                                       \
      const size_t row = numbers ? numbers[i] : first + i;                                                     \
      if (numbers && i + 4 < count) prefetch_row(rows, numbers[i + 4], lines);                                 \
      out[i] = full_score(encoding, measure, query, rows->codes + row * rows->stride,                          \
                          encoding == GRD_VECTOR_INT8 ? rows->scales[row] : 1, elements_of(encoding, rows->stride)); \
    }                                                                                                          \
  }
  FOR_ROWS(rows, SCORES);
#undef SCORES
}

static void quick_scores_of_rows(const grd_vector_rows *rows, const grd_vector_query *query, const uint32_t *numbers,
                                 size_t first, size_t count, float *out) {
#define SCORES(encoding, measure) \
  { \
    for (size_t i = 0; i < count; i++) out[i] = quick_score(encoding, measure, rows, query, numbers ? numbers[i] : first + i); \
  }
  FOR_ROWS(rows, SCORES);
#undef SCORES
}
