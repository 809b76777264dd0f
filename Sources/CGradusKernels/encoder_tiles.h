// Products of a few rows with a panel of 32 outputs, in registers. Compiled once for each level (ENCODER_LEVEL).
//
// Every sum is one chain over the inner dimension in ascending order (bf16: of each pair the odd element first, as vdpbf16ps
// has it), whatever the number of rows, so a row's bits do not depend on the tile that it falls in.

// 32 registers of 16 floats hold 12 x 2 sums; 16 registers of 8 floats hold 6 x 1 (two registers each).
#if ENCODER_LEVEL >= 2
enum { TILE_ROWS = 12, TILE_VECTORS = 2 };
#else
enum { TILE_ROWS = 6, TILE_VECTORS = 1 };
#endif

/// Calls `tile(rows, first)` with constant numbers of rows until `count` rows are done.
#define FOR_ROW_TILES(count, tile)                                         \
  do {                                                                     \
    size_t first_ = 0, left_ = (count);                                    \
    for (; left_ >= TILE_ROWS; first_ += TILE_ROWS, left_ -= TILE_ROWS) {  \
      tile(TILE_ROWS, first_);                                             \
    }                                                                      \
    if (TILE_ROWS > 8 && left_ >= 8) {                                     \
      tile(8, first_);                                                     \
      first_ += 8, left_ -= 8;                                             \
    }                                                                      \
    if (left_ >= 4) {                                                      \
      tile(4, first_);                                                     \
      first_ += 4, left_ -= 4;                                             \
    }                                                                      \
    if (left_ >= 2) {                                                      \
      tile(2, first_);                                                     \
      first_ += 2, left_ -= 2;                                             \
    }                                                                      \
    if (left_) tile(1, first_);                                            \
  } while (0)

typedef vint vint_unaligned_ __attribute__((aligned(4), may_alias));
GRD_INLINE vint vload_int(const void *p) { return *(const vint_unaligned_ *)p; }
GRD_INLINE void vstore_int(void *p, vint v) { *(vint_unaligned_ *)p = v; }
GRD_INLINE vint vset_bits(const void *p) {
  int32_t bits;
  memcpy(&bits, p, sizeof bits);
  return vset_int(bits);
}

/// sums[R][V] = a[R][depth] panel[depth][32], columns from 16 * half.
GRD_INLINE void tile_fp32(const int R, const float *a, size_t lda, const float *panel, size_t depth,
                          vfloat sums[TILE_ROWS][TILE_VECTORS]) {
  GRD_UNROLL for (int i = 0; i < R; i++)
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) sums[i][v] = vset(0);
  for (size_t k = 0; k < depth; k++, panel += PANEL) {
    vfloat b[TILE_VECTORS];
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) b[v] = vload(panel + v * LANES);
    GRD_UNROLL for (int i = 0; i < R; i++) {
      const vfloat left = vset(a[(size_t)i * lda + k]);
      GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) sums[i][v] = vfma(left, b[v], sums[i][v]);
    }
  }
}

#if ENCODER_LEVEL < 4
/// Pairs that are widened at a time: of all rows of a tile they stay in the L1 cache beside as much of the panel.
enum { WIDE_PAIRS = 64 };
typedef int32_t vint_half __attribute__((vector_size(32)));
typedef vint_half vint_half_unaligned_ __attribute__((aligned(4), may_alias));

/// The two numbers of each pair as floats, once for all columns: pair k of row i at [i * WIDE_PAIRS + k] where a row's pairs are
/// neighbours, else (then the rows' are) at [k * 16 + i]. Reads whole groups of eight pairs of a row, which its stride has.
GRD_INLINE void widen_pairs(const int R, const uint16_t *a, size_t lda, const size_t step, size_t pairs, float *even,
                            float *odd) {
  if (step == 2) {
    GRD_UNROLL for (int i = 0; i < R; i++)
      for (size_t k = 0; k < pairs; k += 8) {
        const vint_half both = *(const vint_half_unaligned_ *)(a + (size_t)i * lda + 2 * k);
        *(vint_half_unaligned_ *)(even + i * WIDE_PAIRS + k) = both << 16;
        *(vint_half_unaligned_ *)(odd + i * WIDE_PAIRS + k) = both & (int32_t)0xffff0000;
      }
    return;
  }
  for (size_t k = 0; k < pairs; k++) {
    vint both = vset_int(0);
    memcpy(&both, a + k * step, (size_t)R * sizeof(int32_t));
    vstore_int(even + k * LANES, both << 16);
    vstore_int(odd + k * LANES, both & vset_int((int32_t)0xffff0000));
  }
}
#endif

/// The same in bf16, added to sums; pairs: depth / 2. Pair k of row i lies at a + i * lda + k * step; step or lda is 2.
GRD_INLINE void tile_bf16_add(const int R, const uint16_t *a, size_t lda, const size_t step, const uint16_t *panel,
                              size_t pairs, vfloat sums[TILE_ROWS][TILE_VECTORS]) {
#if ENCODER_LEVEL >= 4
  for (size_t k = 0; k < pairs; k++, panel += 2 * PANEL) {
    vint b[TILE_VECTORS];
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) b[v] = vload_int(panel + v * 2 * LANES);
    GRD_UNROLL for (int i = 0; i < R; i++) {
      const __m512bh left = (__m512bh)vset_bits(a + (size_t)i * lda + step * k);
      GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++)
        sums[i][v] = (vfloat)_mm512_dpbf16_ps((__m512)sums[i][v], left, (__m512bh)b[v]);
    }
  }
#else
  // Both sides widened to floats: the left one once for all columns, because widening and multiply-adds share units.
  float even[WIDE_PAIRS * LANES], odd[WIDE_PAIRS * LANES];
  const vint high = vset_int((int32_t)0xffff0000);
  const size_t row = step == 2 ? WIDE_PAIRS : 1, pair = step == 2 ? 1 : LANES;
  for (size_t first = 0; first < pairs; first += WIDE_PAIRS) {
    const size_t count = smaller(WIDE_PAIRS, pairs - first);
    widen_pairs(R, a + step * first, lda, step, count, even, odd);
    for (size_t k = 0; k < count; k++, panel += 2 * PANEL) {
      vfloat right_odd[TILE_VECTORS], right_even[TILE_VECTORS];
      GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
        const vint b = vload_int(panel + v * 2 * LANES);
        right_odd[v] = (vfloat)(b & high), right_even[v] = (vfloat)(b << 16);
      }
      GRD_UNROLL for (int i = 0; i < R; i++) {
        const vfloat left_odd = vset(odd[(size_t)i * row + k * pair]), left_even = vset(even[(size_t)i * row + k * pair]);
        GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++)
          sums[i][v] = vfma(left_even, right_even[v], vfma(left_odd, right_odd[v], sums[i][v]));
      }
    }
  }
#endif
}

/// The same with the left side as floats: the odd element of pair k of row i lies at a + i * lda + k * step + odd_at, the even
/// one beside it. The same bits, without bf16 instructions and without taking pairs of the left side apart.
GRD_INLINE void tile_bf16_wide_add(const int R, const int odd_at, const float *a, size_t lda, const size_t step,
                                   const uint16_t *panel, size_t pairs, vfloat sums[TILE_ROWS][TILE_VECTORS]) {
  // Three rows share a pointer, and the compiler must not see that the pointers are related: else it steps from row to row by
  // additions, loads the left sides of all rows before the first product, and the sums no longer fit into the registers.
  enum { SHARE = 3 };
  const float *shared[(TILE_ROWS + SHARE - 1) / SHARE];
  GRD_UNROLL for (int i = 0; i < R; i += SHARE) {
    shared[i / SHARE] = a + (size_t)i * lda;
    __asm__("" : "+r"(shared[i / SHARE]));
  }
  const vint high = vset_int((int32_t)0xffff0000);
  for (size_t k = 0; k < pairs; k++, panel += 2 * PANEL) {
    vfloat odd[TILE_VECTORS], even[TILE_VECTORS];
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
      const vint b = vload_int(panel + v * 2 * LANES);
      odd[v] = (vfloat)(b & high);
      even[v] = (vfloat)(b << 16);
    }
    GRD_UNROLL for (int i = 0; i < R; i++) {
      const vfloat left = vset(shared[i / SHARE][(size_t)(i % SHARE) * lda + k * step + odd_at]);
      GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) sums[i][v] = vfma(left, odd[v], sums[i][v]);
    }
    GRD_UNROLL for (int i = 0; i < R; i++) {
      const vfloat left = vset(shared[i / SHARE][(size_t)(i % SHARE) * lda + k * step + 1 - odd_at]);
      GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) sums[i][v] = vfma(left, even[v], sums[i][v]);
    }
  }
}

/// The same from zero, for rows of the left side's elements (vstore_left) in their order.
GRD_INLINE void tile_bf16(const int R, const void *a, size_t lda, const uint16_t *panel, size_t pairs,
                          vfloat sums[TILE_ROWS][TILE_VECTORS]) {
  GRD_UNROLL for (int i = 0; i < R; i++)
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) sums[i][v] = vset(0);
#if GRD_WIDENS(ENCODER_LEVEL)
  tile_bf16_wide_add(R, 1, a, lda, 2, panel, pairs, sums);
#else
  tile_bf16_add(R, a, lda, 2, panel, pairs, sums);
#endif
}

/// sums = correction + a panel for bytes a (unsigned) and panel (signed), exact; quads: depth / 4. is_offset: the bytes of a are
/// signed numbers plus 128, which the correction takes back; else they are at most 254.
GRD_INLINE void tile_int8(const int R, const int is_offset, const uint8_t *a, size_t lda, const int8_t *panel, size_t quads,
                          const int32_t *correction, vint sums[TILE_ROWS][TILE_VECTORS]) {
  (void)is_offset;
  GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
#if ENCODER_LEVEL == 1 && defined(__aarch64__)
    // Products of signed bytes need no correction.
    const vint start = is_offset ? vset_int(0) : vload_int(correction + v * LANES);
#else
    const vint start = vload_int(correction + v * LANES);
#endif
    GRD_UNROLL for (int i = 0; i < R; i++) sums[i][v] = start;
  }
  for (size_t k = 0; k < quads; k++, panel += 4 * PANEL) {
    vint b[TILE_VECTORS];
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) b[v] = vload_int(panel + v * 4 * LANES);
#if ENCODER_LEVEL >= 3
    GRD_UNROLL for (int i = 0; i < R; i++) {
      const __m512i left = (__m512i)vset_bits(a + (size_t)i * lda + 4 * k);
      GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++)
        sums[i][v] = (vint)_mm512_dpbusd_epi32((__m512i)sums[i][v], left, (__m512i)b[v]);
    }
#elif ENCODER_LEVEL == 2
    // Sums of two 16-bit products are exact; those of vpmaddubsw saturate.
    const __m512i low = _mm512_set1_epi16(0x00ff);
    __m512i even[TILE_VECTORS], odd[TILE_VECTORS];
    GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++) {
      even[v] = _mm512_srai_epi16(_mm512_slli_epi16((__m512i)b[v], 8), 8);
      odd[v] = _mm512_srai_epi16((__m512i)b[v], 8);
    }
    GRD_UNROLL for (int i = 0; i < R; i++) {
      const __m512i left = (__m512i)vset_bits(a + (size_t)i * lda + 4 * k);
      const __m512i left_even = _mm512_and_si512(left, low), left_odd = _mm512_srli_epi16(left, 8);
      GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++)
        sums[i][v] += (vint)_mm512_madd_epi16(left_even, even[v]) + (vint)_mm512_madd_epi16(left_odd, odd[v]);
    }
#elif ENCODER_LEVEL == 1 && defined(__aarch64__)
    typedef struct { int32x4_t quarter[4]; } quarters;
    quarters weights;
    memcpy(&weights, &b[0], sizeof weights);
    GRD_UNROLL for (int i = 0; i < R; i++) {
      int32_t bits;
      memcpy(&bits, a + (size_t)i * lda + 4 * k, sizeof bits);
      // Bytes without their offset of 128, or two halves that are signed bytes each.
      const uint8x16_t bytes = vreinterpretq_u8_s32(vdupq_n_s32(bits));
      const uint8x16_t half = vshrq_n_u8(bytes, 1);
      const int8x16_t left = vreinterpretq_s8_u8(is_offset ? veorq_u8(bytes, vdupq_n_u8(0x80)) : half);
      const int8x16_t rest = vreinterpretq_s8_u8(vsubq_u8(bytes, half));
      quarters total;
      memcpy(&total, &sums[i][0], sizeof total);
      GRD_UNROLL for (int q = 0; q < 4; q++)
        total.quarter[q] = vdotq_s32(total.quarter[q], vreinterpretq_s8_s32(weights.quarter[q]), left);
      GRD_UNROLL for (int q = 0; !is_offset && q < 4; q++)
        total.quarter[q] = vdotq_s32(total.quarter[q], vreinterpretq_s8_s32(weights.quarter[q]), rest);
      memcpy(&sums[i][0], &total, sizeof total);
    }
#elif ENCODER_LEVEL == 1
    typedef struct { __m256i half[2]; } halves;
    const __m256i low = _mm256_set1_epi16(0x00ff);
    halves even, odd;
    memcpy(&even, &b[0], sizeof even);
    GRD_UNROLL for (int h = 0; h < 2; h++) {
      odd.half[h] = _mm256_srai_epi16(even.half[h], 8);
      even.half[h] = _mm256_srai_epi16(_mm256_slli_epi16(even.half[h], 8), 8);
    }
    GRD_UNROLL for (int i = 0; i < R; i++) {
      int32_t bits;
      memcpy(&bits, a + (size_t)i * lda + 4 * k, sizeof bits);
      const __m256i left = _mm256_set1_epi32(bits);
      const __m256i left_even = _mm256_and_si256(left, low), left_odd = _mm256_srli_epi16(left, 8);
      halves add;
      GRD_UNROLL for (int h = 0; h < 2; h++)
        add.half[h] =
            _mm256_add_epi32(_mm256_madd_epi16(left_even, even.half[h]), _mm256_madd_epi16(left_odd, odd.half[h]));
      vint products;
      memcpy(&products, &add, sizeof products);
      sums[i][0] += products;
    }
#else
    GRD_UNROLL for (int i = 0; i < R; i++) {
      const uint8_t *left = a + (size_t)i * lda + 4 * k;
      GRD_UNROLL for (int v = 0; v < TILE_VECTORS; v++)
        sums[i][v] += ((b[v] << 24) >> 24) * (int32_t)left[0] + ((b[v] << 16) >> 24) * (int32_t)left[1]
                      + ((b[v] << 8) >> 24) * (int32_t)left[2] + (b[v] >> 24) * (int32_t)left[3];
    }
#endif
  }
}
