// Sixteen floats as one vector on every instruction set, and the arithmetic that all kernels share.
//
// The functions carry no target attribute: they are inlined into the per-instruction-set builds and take their target.
#ifndef GRD_SIMD_H
#define GRD_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dispatch.h"

// Contraction would fuse on one instruction set and not on another; every fusion below is spelt out.
#pragma STDC FP_CONTRACT OFF
// Vectors wider than the baseline's registers pass only between inlined functions.
#pragma clang diagnostic ignored "-Wpsabi"

#define GRD_INLINE static inline __attribute__((always_inline, unused))
#define GRD_UNROLL _Pragma("clang loop unroll(full)")

enum { LANES = 16 };

typedef float vfloat __attribute__((vector_size(64)));
typedef int32_t vint __attribute__((vector_size(64)));
typedef uint32_t vuint __attribute__((vector_size(64)));
typedef float vfloat_unaligned __attribute__((vector_size(64), aligned(4), may_alias));

GRD_INLINE vfloat vload(const float *p) { return *(const vfloat_unaligned *)p; }
GRD_INLINE void vstore(float *p, vfloat v) { *(vfloat_unaligned *)p = v; }
GRD_INLINE vfloat vset(float x) { return (vfloat){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
GRD_INLINE vint vset_int(int32_t x) { return (vint){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
GRD_INLINE vint vlane_numbers(void) { return (vint){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}; }

/// The first `count` (< 16) floats; `fill` in the other lanes.
GRD_INLINE vfloat vload_first(const float *p, size_t count, float fill) {
  vfloat v = vset(fill);
  memcpy(&v, p, count * sizeof(float));
  return v;
}
GRD_INLINE void vstore_first(float *p, vfloat v, size_t count) { memcpy(p, &v, count * sizeof(float)); }

/// Up to sixteen floats of the `left` that remain; `fill` in lanes beyond them.
GRD_INLINE vfloat vload_part(const float *p, size_t left, float fill) {
  return left >= LANES ? vload(p) : vload_first(p, left, fill);
}
GRD_INLINE void vstore_part(float *p, vfloat v, size_t left) {
  if (left >= LANES) vstore(p, v);
  else vstore_first(p, v, left);
}

GRD_INLINE vfloat vfma(vfloat a, vfloat b, vfloat c) { return __builtin_elementwise_fma(a, b, c); }
/// c - a * b
GRD_INLINE vfloat vfnma(vfloat a, vfloat b, vfloat c) { return __builtin_elementwise_fma(-a, b, c); }
GRD_INLINE vfloat vsqrt(vfloat v) { return __builtin_elementwise_sqrt(v); }

GRD_INLINE vfloat vselect(vint mask, vfloat yes, vfloat no) {
  return (vfloat)((mask & (vint)yes) | (~mask & (vint)no));
}
/// The larger; `b` where either is NaN.
GRD_INLINE vfloat vmax(vfloat a, vfloat b) { return vselect(a > b, a, b); }
/// The smaller; `b` where either is NaN.
GRD_INLINE vfloat vmin(vfloat a, vfloat b) { return vselect(a < b, a, b); }
GRD_INLINE vfloat vabs(vfloat v) { return (vfloat)((vint)v & vset_int(0x7fffffff)); }
/// The magnitude of `magnitude` with the sign of `sign`.
GRD_INLINE vfloat vcopysign(vfloat magnitude, vfloat sign) {
  const vint bit = vset_int(INT32_MIN);
  return (vfloat)(((vint)magnitude & ~bit) | ((vint)sign & bit));
}

// Lane i of the result is lane i + distance of `v`; only the first lanes matter to a reduction by halves.
#define GRD_SHIFT_DOWN(v, distance)                                                                                     \
  __builtin_shufflevector(v, v, (0 + (distance)) & 15, (1 + (distance)) & 15, (2 + (distance)) & 15,                   \
                          (3 + (distance)) & 15, (4 + (distance)) & 15, (5 + (distance)) & 15, (6 + (distance)) & 15,  \
                          (7 + (distance)) & 15, (8 + (distance)) & 15, (9 + (distance)) & 15, (10 + (distance)) & 15, \
                          (11 + (distance)) & 15, (12 + (distance)) & 15, (13 + (distance)) & 15,                      \
                          (14 + (distance)) & 15, (15 + (distance)) & 15)

/// The sum over the lanes, by halves: the one order of addition that every row sum ends with.
GRD_INLINE float vsum(vfloat v) {
  v = v + GRD_SHIFT_DOWN(v, 8);
  v = v + GRD_SHIFT_DOWN(v, 4);
  v = v + GRD_SHIFT_DOWN(v, 2);
  v = v + GRD_SHIFT_DOWN(v, 1);
  return v[0];
}

GRD_INLINE float vlargest(vfloat v) {
  v = vmax(v, GRD_SHIFT_DOWN(v, 8));
  v = vmax(v, GRD_SHIFT_DOWN(v, 4));
  v = vmax(v, GRD_SHIFT_DOWN(v, 2));
  v = vmax(v, GRD_SHIFT_DOWN(v, 1));
  return v[0];
}

// Two rows of a transposition: lanes whose number has the bit `width` change places between them.
#define GRD_EXCHANGE(a, b, width)                                                                                          \
  do {                                                                                                                     \
    const vfloat upper = __builtin_shufflevector(                                                                          \
        a, b, GRD_UPPER(0, width), GRD_UPPER(1, width), GRD_UPPER(2, width), GRD_UPPER(3, width), GRD_UPPER(4, width),     \
        GRD_UPPER(5, width), GRD_UPPER(6, width), GRD_UPPER(7, width), GRD_UPPER(8, width), GRD_UPPER(9, width),           \
        GRD_UPPER(10, width), GRD_UPPER(11, width), GRD_UPPER(12, width), GRD_UPPER(13, width), GRD_UPPER(14, width),      \
        GRD_UPPER(15, width));                                                                                             \
    b = __builtin_shufflevector(                                                                                           \
        a, b, GRD_LOWER(0, width), GRD_LOWER(1, width), GRD_LOWER(2, width), GRD_LOWER(3, width), GRD_LOWER(4, width),     \
        GRD_LOWER(5, width), GRD_LOWER(6, width), GRD_LOWER(7, width), GRD_LOWER(8, width), GRD_LOWER(9, width),           \
        GRD_LOWER(10, width), GRD_LOWER(11, width), GRD_LOWER(12, width), GRD_LOWER(13, width), GRD_LOWER(14, width),      \
        GRD_LOWER(15, width));                                                                                             \
    a = upper;                                                                                                             \
  } while (0)
#define GRD_UPPER(lane, width) (((lane) & (width)) ? 16 + (lane) - (width) : (lane))
#define GRD_LOWER(lane, width) (((lane) & (width)) ? 16 + (lane) : (lane) + (width))

/// Transposes sixteen vectors in place, by exchanging ever larger square blocks.
GRD_INLINE void vtranspose(vfloat rows[LANES]) {
  GRD_UNROLL for (int i = 0; i < LANES; i++)
    if (!(i & 8)) GRD_EXCHANGE(rows[i], rows[i + 8], 8);
  GRD_UNROLL for (int i = 0; i < LANES; i++)
    if (!(i & 4)) GRD_EXCHANGE(rows[i], rows[i + 4], 4);
  GRD_UNROLL for (int i = 0; i < LANES; i++)
    if (!(i & 2)) GRD_EXCHANGE(rows[i], rows[i + 2], 2);
  GRD_UNROLL for (int i = 0; i < LANES; i++)
    if (!(i & 1)) GRD_EXCHANGE(rows[i], rows[i + 1], 1);
}

/// exp(x) within 1 ulp; 0 below -86.98 (where the result is under 1.7e-38), infinity above 88.72, NaN for NaN.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2; exp(r) = 1 + r + r^2 P(r), a minimax P of degree 4, relative error 3.1e-9. The scale
/// is applied as 2 * 2^(n-1), so that n = 128 still has an exponent and n = -126 has the exponent field of zero.
GRD_INLINE vfloat vexp(vfloat x) {
  const vfloat lowest = vset(-87.6f), highest = vset(89.0f), round = vset(12582912.0f);  // 1.5 * 2^23
  x = vmin(highest, vmax(lowest, x));
  const vfloat shifted = vfma(x, vset(1.44269504f), round);
  const vfloat n = shifted - round;
  vfloat r = vfnma(n, vset(0.693359375f), x);
  r = vfnma(n, vset(-2.12194440e-4f), r);
  vfloat p = vset(0.001381444f);
  p = vfma(p, r, vset(0.0083687985f));
  p = vfma(p, r, vset(0.041668396f));
  p = vfma(p, r, vset(0.1666652f));
  p = vfma(p, r, vset(0.49999994f));
  p = vfma(p, r * r, r);
  p = (p + vset(1.0f)) * vset(2.0f);
  const vuint exponent = (vuint)shifted - (vuint)round + 126u;
  return p * (vfloat)(exponent << 23);
}

/// The standard normal distribution: `*cdf` = P(N <= x) and `*density`, both within 4e-7 relative to their value.
///
/// Upper tail = exp(-a^2/2) t P(t) with a = |x|, t = 1 / (1 + 0.34 a): a minimax P of degree 8 on a <= 13.2, relative error
/// 2.5e-8; beyond 13.2 exp gives 0. The rounding of a^2/2 is carried into the exponential, so the far tail stays accurate.
GRD_INLINE void vnormal(vfloat x, vfloat *cdf, vfloat *density) {
  const vfloat a = vmin(vset(14.0f), vabs(x)), half = a * vset(0.5f);
  const vfloat square = half * a;
  const vfloat lost = vfma(half, a, -square);
  const vfloat e = vexp(-square);
  const vfloat bell = vfnma(e, lost, e);
  const vfloat t = vset(1.0f) / vfma(a, vset(0.34f), vset(1.0f));
  vfloat p = vset(-0.02652289f);
  p = vfma(p, t, vset(0.14139014f));
  p = vfma(p, t, vset(-0.27689263f));
  p = vfma(p, t, vset(0.2063036f));
  p = vfma(p, t, vset(-0.047432315f));
  p = vfma(p, t, vset(0.11645525f));
  p = vfma(p, t, vset(0.114933334f));
  p = vfma(p, t, vset(0.1361469f));
  p = vfma(p, t, vset(0.13561861f));
  const vfloat tail = bell * t * p;
  *cdf = vselect(x > vset(0.0f), vset(1.0f) - tail, tail);
  *density = bell * vset(0.39894228f);
}

GRD_INLINE size_t round_up(size_t count, size_t multiple) { return (count + multiple - 1) / multiple * multiple; }
GRD_INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

#endif
