// Vectors of half-precision numbers for products: with AVX512-FP16, or number by number in software. Compiled per level.

/// The larger magnitudes, lane by lane.
GRD_INLINE vfloat largest_magnitudes(vfloat top, vfloat v) {
  const vfloat magnitude = vabs(v);
  return vmax(top, magnitude);
}

#if FP16_LEVEL == 1
enum { HALF_LANES = 32 };
typedef __m512h half_sums;

GRD_INLINE half_sums half_zero(void) { return _mm512_setzero_ph(); }
GRD_INLINE half_sums load_halves(const uint16_t *p) { return _mm512_loadu_ph(p); }
GRD_INLINE half_sums broadcast_half(uint32_t twice) { return (half_sums)_mm512_set1_epi32((int32_t)twice); }
GRD_INLINE half_sums half_multiply_add(half_sums a, half_sums b, half_sums c) { return _mm512_fmadd_ph(a, b, c); }

/// Lanes 16 * part ..< 16 * part + 16.
GRD_INLINE vfloat widen(half_sums v, int part) {
  const __m512i bits = (__m512i)v;
  return (vfloat)_mm512_cvtxph_ps((__m256h)(part ? _mm512_extracti64x4_epi64(bits, 1) : _mm512_castsi512_si256(bits)));
}

GRD_INLINE __m256i halves_of(vfloat v) { return (__m256i)_mm512_cvtxps_ph((__m512)v); }
GRD_INLINE void store_half(uint16_t *out, vfloat v) { _mm256_storeu_si256((__m256i *)out, halves_of(v)); }
GRD_INLINE void store_twice(uint32_t *out, vfloat v) {
  const __m512i words = _mm512_cvtepu16_epi32(halves_of(v));
  _mm512_storeu_si512(out, _mm512_or_si512(words, _mm512_slli_epi32(words, 16)));
}
#else
enum { HALF_LANES = 16 };
/// Half-precision numbers, each exactly in a float.
typedef vfloat half_sums;

/// The nearest half-precision number, ties to even; above 65504, infinity.
static double nearest_half(double x) {
  if (!(x - x == 0)) return x;
  // The distance between neighbours: 2^(e - 10), with e the exponent, but at least that of the smallest normal number.
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  int64_t exponent = (int64_t)(bits >> 52 & 0x7ff) - 1023;
  if (exponent < -14) exponent = -14;
  // Adding and subtracting 1.5 * 2^52 steps rounds to whole steps.
  const uint64_t magic_bits = (uint64_t)(1023 + exponent - 10 + 52) << 52 | (uint64_t)1 << 51;
  double magic;
  memcpy(&magic, &magic_bits, sizeof magic);
  const double rounded = (x + magic) - magic;
  if (rounded == 0) return x < 0 || (x == 0 && bits >> 63) ? -0.0 : 0.0;
  return rounded > 65504 ? __builtin_inf() : rounded < -65504 ? -__builtin_inf() : rounded;
}

static uint16_t half_bits(float value) {
  const float x = (float)nearest_half(value);
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
  if (magnitude == 0x7f800000u) return (uint16_t)(sign | 0x7c00u);
  if (magnitude >= 0x38800000u) return (uint16_t)(sign | (magnitude - 0x38000000u) >> 13);
  float steps = x < 0 ? -x : x;
  steps *= 16777216.0f;  // subnormal: so many times 2^-24
  return (uint16_t)(sign | (uint32_t)steps);
}

static float half_value(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  uint32_t bits;
  float value;
  if (exponent == 0) {
    value = (float)fraction * 5.9604644775390625e-8f;
    memcpy(&bits, &value, sizeof bits);
    bits |= sign;
  } else {
    bits = sign | (exponent == 0x1f ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
  }
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// a * b + c, rounded once. The product is exact in double; the sum is rounded to odd there, so that rounding it again to
/// eleven bits is as rounding the exact sum.
static float half_fma(float a, float b, float c) {
  const double product = (double)a * (double)b, addend = c;
  const double sum = product + addend;
  if (!(sum - sum == 0)) return (float)sum;
  const double shadow = sum - product;
  const double error = (product - (sum - shadow)) + (addend - shadow);
  uint64_t bits;
  memcpy(&bits, &sum, sizeof bits);
  double odd = sum;
  if (error != 0 && (bits & 1) == 0) {
    bits += (error > 0) == (sum > 0) ? 1 : (uint64_t)-1;
    memcpy(&odd, &bits, sizeof odd);
  }
  return (float)nearest_half(odd);
}

GRD_INLINE half_sums half_zero(void) { return vset(0); }
GRD_INLINE half_sums load_halves(const uint16_t *p) {
  half_sums v;
  for (int i = 0; i < LANES; i++) v[i] = half_value(p[i]);
  return v;
}
GRD_INLINE half_sums broadcast_half(uint32_t twice) { return vset(half_value((uint16_t)twice)); }
GRD_INLINE half_sums half_multiply_add(half_sums a, half_sums b, half_sums c) {
  half_sums v;
  for (int i = 0; i < LANES; i++) v[i] = half_fma(a[i], b[i], c[i]);
  return v;
}
GRD_INLINE vfloat widen(half_sums v, int part) {
  (void)part;
  return v;
}
GRD_INLINE void store_half(uint16_t *out, vfloat v) {
  for (int i = 0; i < LANES; i++) out[i] = half_bits(v[i]);
}
GRD_INLINE void store_twice(uint32_t *out, vfloat v) {
  for (int i = 0; i < LANES; i++) out[i] = half_bits(v[i]) * 0x10001u;
}
#endif
