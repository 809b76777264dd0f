// bfloat16 and half precision for the vectors of simd.h.
#include "simd.h"

typedef uint16_t vhalf __attribute__((vector_size(32)));
typedef uint32_t vuint_unaligned __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t vhalf_unaligned __attribute__((vector_size(32), aligned(2), may_alias));

GRD_INLINE vuint vload_uint(const void *p) { return *(const vuint_unaligned *)p; }
GRD_INLINE void vstore_uint(void *p, vuint v) { *(vuint_unaligned *)p = v; }
GRD_INLINE vuint vset_uint(uint32_t x) { return (vuint)vset_int((int32_t)x); }
GRD_INLINE vuint vload_half(const void *p) { return __builtin_convertvector(*(const vhalf_unaligned *)p, vuint); }
GRD_INLINE void vstore_half(void *p, vuint v) { *(vhalf_unaligned *)p = __builtin_convertvector(v, vhalf); }

/// Bits of the nearest bfloat16, ties to even, in the low half of each lane.
GRD_INLINE vuint vround_bf16(vfloat v) {
  const vuint bits = (vuint)v;
  return (bits + vset_uint(0x7fff) + ((bits >> 16) & 1)) >> 16;
}

/// Two of them in each lane: `low` in the low half.
GRD_INLINE vuint vround_pairs(vfloat low, vfloat high) {
#if LEVEL == LEVEL_AVX512_BF16
  const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(high, low);
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20,
                                         4, 19, 3, 18, 2, 17, 1, 16, 0);
  return (vuint)_mm512_permutexvar_epi16(order, both);
#else
  return vround_bf16(low) | (vround_bf16(high) << 16);
#endif
}

/// Sixteen half-precision numbers, finite ones exactly.
GRD_INLINE vfloat vwiden_half(vuint half) {
  const vfloat magnitude = (vfloat)((half & 0x7fff) << 13) * vset(0x1p112f);
  return (vfloat)((vuint)magnitude | ((half & 0x8000) << 16));
}

GRD_INLINE uint16_t round_bf16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

