// Row arithmetic of the encoder: rounding to bf16 and bytes, GELU, powers of two. Compiled once for each level.

typedef uint16_t vhalf __attribute__((vector_size(32)));
typedef uint8_t vbytes __attribute__((vector_size(16)));
typedef vhalf vhalf_unaligned_ __attribute__((aligned(2), may_alias));
typedef vbytes vbytes_unaligned_ __attribute__((aligned(1), may_alias));

#if ENCODER_LEVEL < 4
/// Numbers rounded to bf16 as grd_bf16_of has it, as floats; a NaN stays one.
GRD_INLINE vfloat vround_bf16(vfloat v) {
  const vuint bits = (vuint)v, high = (vuint)vset_int((int32_t)0xffff0000);
  const vuint sign = bits & (vuint)vset_int(INT32_MIN);
  const vint is_small = (vint)((bits & (vuint)vset_int(0x7f800000)) == 0u);
  const vint is_nan = (vint)(v != v);
  vuint rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) & high;
  rounded = (vuint)vselect(is_nan, (vfloat)((bits & high) | 0x400000u), (vfloat)rounded);
  return vselect(is_small, (vfloat)sign, (vfloat)rounded);
}
#endif

GRD_INLINE void vstore_bf16(uint16_t *p, vfloat v) {
#if ENCODER_LEVEL >= 4
  *(vhalf_unaligned_ *)p = (vhalf)_mm512_cvtneps_pbh((__m512)v);
#else
  *(vhalf_unaligned_ *)p = __builtin_convertvector((vuint)vround_bf16(v) >> 16, vhalf);
#endif
}

/// Sixteen numbers rounded to bf16 as the left side of a product: element `at` of `p`.
GRD_INLINE void vstore_left(void *p, size_t at, vfloat v) {
#if GRD_WIDENS(ENCODER_LEVEL)
  vstore((float *)p + at, vround_bf16(v));
#else
  vstore_bf16((uint16_t *)p + at, v);
#endif
}
GRD_INLINE vfloat vload_bf16(const uint16_t *p) {
  return (vfloat)(__builtin_convertvector(*(const vhalf_unaligned_ *)p, vuint) << 16);
}

/// x P(N <= x) = x (1/2 + c P(c^2)) with c = x held within +-4.5: a minimax P of degree 8 with c P(c^2) = +-1/2 at the ends.
/// |error| <= 5e-5, plus 3e-7 |x| beyond the ends.
GRD_INLINE vfloat vgelu_short(vfloat x) {
  const vfloat c = vmin(vset(4.5f), vmax(vset(-4.5f), x)), u = c * c;
  vfloat p = vset(3.000007534059712e-11f);
  p = vfma(p, u, vset(-3.283912919371801e-09f));
  p = vfma(p, u, vset(1.580257418254405e-07f));
  p = vfma(p, u, vset(-4.431684828887228e-06f));
  p = vfma(p, u, vset(8.120971324387938e-05f));
  p = vfma(p, u, vset(-0.0010362532921135426f));
  p = vfma(p, u, vset(0.00958065316081047f));
  p = vfma(p, u, vset(-0.06597726792097092f));
  p = vfma(p, u, vset(0.3987085819244385f));
  return x * vfma(c, p, vset(0.5f));
}

/// The form that fp32 uses, and training: activations.c's.
GRD_INLINE vfloat vgelu_full(vfloat x) {
  vfloat cdf, density;
  vnormal(x, &cdf, &density);
  return x * cdf;
}

/// 2^x for x <= 0: x = n + f with |f| <= 1/2, 2^f a minimax polynomial of degree 6 (relative error 1.9e-9 before rounding) or
/// 4 (2.6e-6). Below -126 the result is that of -126; NaN for the NaN that arithmetic makes, whose low bits are 0.
GRD_INLINE vfloat vexp2_negative(const int is_short, vfloat x) {
  const vfloat round = vset(12582912.0f);  // 1.5 * 2^23
  x = vmax(vset(-126.0f), x);
  const vfloat shifted = x + round;
  const vfloat f = x - (shifted - round);
  vfloat p;
  if (is_short) {
    p = vset(0.009570102207362652f);
    p = vfma(p, f, vset(0.05591786280274391f));
    p = vfma(p, f, vset(0.240247443318367f));
    p = vfma(p, f, vset(0.6931217908859253f));
    p = vfma(p, f, vset(0.9999992847442627f));
  } else {
    p = vset(0.0001534581242594868f);
    p = vfma(p, f, vset(0.0013399930903688073f));
    p = vfma(p, f, vset(0.009618489071726799f));
    p = vfma(p, f, vset(0.05550328642129898f));
    p = vfma(p, f, vset(0.24022646248340607f));
    p = vfma(p, f, vset(0.6931471824645996f));
    p = vfma(p, f, vset(1.0f));
  }
  return (vfloat)((vuint)p + (((vuint)shifted) << 23));
}

/// 254 * 2^x for x <= 0, relative error 7.5e-05: what becomes a whole number. The polynomial is that of vexp2_negative,
/// of degree 3; below -30 the result is that of -30, less than any that is rounded up.
GRD_INLINE vfloat vexp2_bytes(vfloat x) {
  const vfloat round = vset(12582912.0f);
  x = vmax(vset(-30.0f), x);
  const vfloat shifted = x + round;
  const vfloat f = x - (shifted - round);
  vfloat p = vset(14.013604164123535f);
  p = vfma(p, f, vset(61.623226165771484f));
  p = vfma(p, f, vset(176.08828735351562f));
  p = vfma(p, f, vset(253.9817352294922f));
  return (vfloat)((vuint)p + (((vuint)shifted) << 23));
}

/// bytes = 128 + round(127 x / largest |x|) for a row whose length is a multiple of 4; returns largest / 127. `stride`: where a
/// whole vector may be read and written, a multiple of 16.
GRD_INLINE float quantize_row(const float *x, size_t stride, uint8_t *bytes, vfloat largest) {
  const float top = vlargest(largest);
  const vfloat inverse = vset(top > 1e-30f ? 127.0f / top : 0), round = vset(12582912.0f);
  for (size_t j = 0; j < stride; j += LANES) {
    const vint q = (vint)vfma(vload(x + j), inverse, round) - ((vint)round - 128);
    *(vbytes_unaligned_ *)(bytes + j) = __builtin_convertvector(q, vbytes);
  }
  return top * (1.0f / 127.0f);
}

GRD_INLINE vfloat largest_of_row(const float *x, size_t stride) {
  vfloat largest = vset(0);
  for (size_t j = 0; j < stride; j += LANES) largest = vmax(largest, vabs(vload(x + j)));
  return largest;
}
