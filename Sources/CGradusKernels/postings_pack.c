#include "postings_values.h"
#include <string.h>

size_t grd_pack_u32(const uint32_t *values, size_t count, uint32_t bits, uint8_t *out) {
  uint64_t pending = 0;
  uint32_t filled = 0;
  uint8_t *next = out;
  for (size_t i = 0; i < count; i++) {
    pending |= (uint64_t)values[i] << filled;
    filled += bits;
    if (filled >= 32) {
      uint32_t word = (uint32_t)pending;
      memcpy(next, &word, 4);
      next += 4;
      pending >>= 32;
      filled -= 32;
    }
  }
  memcpy(next, &pending, 8);
  return (count * bits + 7) / 8;
}

void grd_unpack_u32_scalar(const uint8_t *in, size_t count, uint32_t bits, uint32_t *out) {
  const uint64_t mask = (1ULL << bits) - 1;
  size_t position = 0;
  for (size_t i = 0; i < count; i++, position += bits) {
    uint64_t window;
    memcpy(&window, in + (position >> 3), 8);
    out[i] = (uint32_t)((window >> (position & 7)) & mask);
  }
}

static inline size_t group_size(size_t rest) { return rest < GRD_GROUP ? rest : GRD_GROUP; }

/// Adds the upper parts of exceptions. Returns the bits of the widest.
static uint32_t patch(const grd_compact_values *values, uint32_t *out) {
  const uint64_t mask = (1ULL << values->upper_bits) - 1;
  uint64_t all = 0;
  size_t position = 0;
  for (size_t i = 0; i < values->exceptions; i++, position += values->upper_bits) {
    const size_t place = values->places[i];
    uint64_t window;
    memcpy(&window, values->upper + position / 8, 8);
    const uint64_t part = (window >> position % 8 & mask) << values->widths[place / GRD_GROUP];
    out[place] |= (uint32_t)part;
    all |= part;
  }
  return 64 - (uint32_t)__builtin_clzll(all | 1);
}

static void unpack_groups_scalar(const grd_compact_values *values, uint32_t *out) {
  const uint8_t *in = values->packed;
  for (size_t i = 0; i < values->count; i += GRD_GROUP) {
    const uint32_t bits = values->widths[i / GRD_GROUP];
    grd_unpack_u32_scalar(in, group_size(values->count - i), bits, out + i);
    in += GRD_GROUP / 8 * bits;
  }
}

uint32_t grd_unpack_compact_scalar(const grd_compact_values *values, uint32_t *out) {
  unpack_groups_scalar(values, out);
  return values->exceptions == 0 ? 0 : patch(values, out);
}

void grd_gaps_to_docs_scalar(uint32_t *values, size_t count, uint32_t previous) {
  for (size_t i = 0; i < count; i++) values[i] = previous += values[i] + 1;
}

#if defined(__x86_64__)
#include <immintrin.h>

// Wider values than this do not fit, with their phase of up to 7 bits, into a 32-bit lane.
#define WIDEST 25

#define BYTE(b, i, j) (((i) * (b)) / 8 + (j))
#define LANE(b, i) BYTE(b, i, 0), BYTE(b, i, 1), BYTE(b, i, 2), BYTE(b, i, 3)
#define ALL_WIDTHS(ROW) \
  ROW(0) ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) ROW(8) ROW(9) ROW(10) ROW(11) ROW(12) ROW(13) ROW(14) ROW(15) \
  ROW(16) ROW(17) ROW(18) ROW(19) ROW(20) ROW(21) ROW(22) ROW(23) ROW(24) ROW(25)

/// For each width, the source byte of each byte of 16 lanes.
static const uint8_t wide_bytes[WIDEST + 1][64] = {
#define ROW(b) \
  {LANE(b, 0), LANE(b, 1), LANE(b, 2), LANE(b, 3), LANE(b, 4), LANE(b, 5), LANE(b, 6), LANE(b, 7), \
   LANE(b, 8), LANE(b, 9), LANE(b, 10), LANE(b, 11), LANE(b, 12), LANE(b, 13), LANE(b, 14), LANE(b, 15)},
  ALL_WIDTHS(ROW)
#undef ROW
};

/// For each width, the shift of each of 16 lanes.
static const uint32_t shifts[WIDEST + 1][16] = {
#define S(b, i) (((i) * (b)) & 7)
#define ROW(b) \
  {S(b, 0), S(b, 1), S(b, 2), S(b, 3), S(b, 4), S(b, 5), S(b, 6), S(b, 7), \
   S(b, 8), S(b, 9), S(b, 10), S(b, 11), S(b, 12), S(b, 13), S(b, 14), S(b, 15)},
  ALL_WIDTHS(ROW)
#undef ROW
};

/// For each width, the source byte of each byte of 8 lanes; those of lanes 4 to 7 count from byte (4 * width) / 8.
static const uint8_t narrow_bytes[WIDEST + 1][32] = {
#define UPPER_BYTE(b, i, j) (((i) * (b)) / 8 - (4 * (b)) / 8 + (j))
#define UPPER(b, i) UPPER_BYTE(b, i, 0), UPPER_BYTE(b, i, 1), UPPER_BYTE(b, i, 2), UPPER_BYTE(b, i, 3)
#define ROW(b) \
  {LANE(b, 0), LANE(b, 1), LANE(b, 2), LANE(b, 3), UPPER(b, 4), UPPER(b, 5), UPPER(b, 6), UPPER(b, 7)},
  ALL_WIDTHS(ROW)
#undef ROW
};

__attribute__((target("avx512f,avx512bw,avx512vbmi"))) static void unpack_avx512(
  const uint8_t *in, size_t count, uint32_t bits, uint32_t *out) {
  const __m512i bytes = _mm512_loadu_si512(wide_bytes[bits]);
  const __m512i shift = _mm512_loadu_si512(shifts[bits]);
  const __m512i mask = _mm512_set1_epi32((int)((1U << bits) - 1));
  for (size_t i = 0; i < count; i += 16, in += 2 * bits) {
    __m512i lanes = _mm512_permutexvar_epi8(bytes, _mm512_loadu_si512(in));
    _mm512_storeu_si512(out + i, _mm512_and_si512(_mm512_srlv_epi32(lanes, shift), mask));
  }
}

__attribute__((target("avx2"))) static void unpack_avx2(const uint8_t *in, size_t count, uint32_t bits, uint32_t *out) {
  const __m256i bytes = _mm256_loadu_si256((const __m256i *)narrow_bytes[bits]);
  const __m256i shift = _mm256_loadu_si256((const __m256i *)shifts[bits]);
  const __m256i mask = _mm256_set1_epi32((int)((1U << bits) - 1));
  const size_t upper = 4 * bits / 8;
  for (size_t i = 0; i < count; i += 8, in += bits) {
    __m256i window = _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)in)), _mm_loadu_si128((const __m128i *)(in + upper)), 1);
    __m256i lanes = _mm256_shuffle_epi8(window, bytes);
    _mm256_storeu_si256((__m256i *)(out + i), _mm256_and_si256(_mm256_srlv_epi32(lanes, shift), mask));
  }
}

/// Where no width is above WIDEST.
__attribute__((target("avx512f,avx512bw,avx512vbmi"))) static void unpack_groups_avx512(
  const grd_compact_values *values, uint32_t *out) {
  const uint8_t *in = values->packed;
  for (size_t i = 0; i < values->count; i += GRD_GROUP) {
    const uint32_t bits = values->widths[i / GRD_GROUP];
    unpack_avx512(in, GRD_GROUP, bits, out + i);
    in += GRD_GROUP / 8 * bits;
  }
}

/// Where no width is above WIDEST.
__attribute__((target("avx2"))) static void unpack_groups_avx2(const grd_compact_values *values, uint32_t *out) {
  const uint8_t *in = values->packed;
  for (size_t i = 0; i < values->count; i += GRD_GROUP) {
    const uint32_t bits = values->widths[i / GRD_GROUP];
    unpack_avx2(in, GRD_GROUP, bits, out + i);
    in += GRD_GROUP / 8 * bits;
  }
}

static void unpack_groups(const grd_compact_values *values, uint32_t *out) {
  uint64_t widths;
  memcpy(&widths, values->widths, sizeof widths);
  // Widths are at most 32: no byte carries.
  if (((widths + (127 - WIDEST) * 0x0101010101010101ULL) & 0x8080808080808080ULL) == 0) {
    if (__builtin_cpu_supports("avx512vbmi")) return unpack_groups_avx512(values, out);
    if (__builtin_cpu_supports("avx2")) return unpack_groups_avx2(values, out);
  }
  unpack_groups_scalar(values, out);
}

void grd_unpack_u32(const uint8_t *in, size_t count, uint32_t bits, uint32_t *out) {
  if (bits <= WIDEST) {
    if (__builtin_cpu_supports("avx512vbmi")) return unpack_avx512(in, count, bits, out);
    if (__builtin_cpu_supports("avx2")) return unpack_avx2(in, count, bits, out);
  }
  grd_unpack_u32_scalar(in, count, bits, out);
}

__attribute__((target("avx512f"))) static void gaps_to_docs_avx512(uint32_t *values, size_t count, uint32_t previous) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i one = _mm512_set1_epi32(1);
  const __m512i last = _mm512_set1_epi32(15);
  __m512i carry = _mm512_set1_epi32((int)previous);
  for (size_t i = 0; i < count; i += 16) {
    __m512i sum = _mm512_add_epi32(_mm512_loadu_si512(values + i), one);
    sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 15));
    sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 14));
    sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 12));
    sum = _mm512_add_epi32(sum, _mm512_alignr_epi32(sum, zero, 8));
    sum = _mm512_add_epi32(sum, carry);
    carry = _mm512_permutexvar_epi32(last, sum);
    _mm512_storeu_si512(values + i, sum);
  }
}

__attribute__((target("avx2"))) static void gaps_to_docs_avx2(uint32_t *values, size_t count, uint32_t previous) {
  const __m256i one = _mm256_set1_epi32(1);
  const __m256i last = _mm256_set1_epi32(7);
  const __m256i fourth = _mm256_set1_epi32(3);
  __m256i carry = _mm256_set1_epi32((int)previous);
  for (size_t i = 0; i < count; i += 8) {
    __m256i sum = _mm256_add_epi32(_mm256_loadu_si256((const __m256i *)(values + i)), one);
    sum = _mm256_add_epi32(sum, _mm256_slli_si256(sum, 4));
    sum = _mm256_add_epi32(sum, _mm256_slli_si256(sum, 8));
    __m256i low = _mm256_permutevar8x32_epi32(sum, fourth);
    sum = _mm256_add_epi32(sum, _mm256_blend_epi32(_mm256_setzero_si256(), low, 0xF0));
    sum = _mm256_add_epi32(sum, carry);
    carry = _mm256_permutevar8x32_epi32(sum, last);
    _mm256_storeu_si256((__m256i *)(values + i), sum);
  }
}

void grd_gaps_to_docs(uint32_t *values, size_t count, uint32_t previous) {
  if (__builtin_cpu_supports("avx512f")) return gaps_to_docs_avx512(values, count, previous);
  if (__builtin_cpu_supports("avx2")) return gaps_to_docs_avx2(values, count, previous);
  grd_gaps_to_docs_scalar(values, count, previous);
}

#else

static void unpack_groups(const grd_compact_values *values, uint32_t *out) { unpack_groups_scalar(values, out); }

void grd_unpack_u32(const uint8_t *in, size_t count, uint32_t bits, uint32_t *out) {
  grd_unpack_u32_scalar(in, count, bits, out);
}

void grd_gaps_to_docs(uint32_t *values, size_t count, uint32_t previous) {
  grd_gaps_to_docs_scalar(values, count, previous);
}

#endif

uint32_t grd_unpack_compact(const grd_compact_values *values, uint32_t *out) {
  if (values->is_grouped) {
    unpack_groups(values, out);
  } else {
    grd_unpack_u32(values->packed, values->count, values->widths[0], out);
  }
  return values->exceptions == 0 ? 0 : patch(values, out);
}
