#ifndef GRADUS_TENSOR_MATH_H
#define GRADUS_TENSOR_MATH_H
#include <math.h>
#include <stdint.h>
#include <string.h>

// One source, several instruction sets: the loader picks the widest that the processor has. Not under the thread sanitizer,
// which instruments the resolvers too, and those run before its own runtime has begun.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GRD_THREAD_SANITIZER 1
#endif
#endif
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(GRD_THREAD_SANITIZER)
#define GRD_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define GRD_CLONES
#endif
#define GRD_INLINE static inline __attribute__((always_inline))

// Single-precision functions without calls, so that loops over them vectorise. Errors: exp 2 ulp, tanh 3 ulp, erf 2e-7.

GRD_INLINE float grd_power_of_two(int32_t exponent) {
  int32_t bits = (exponent + 127) << 23;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

/// e^x by range reduction to [-ln 2 / 2, ln 2 / 2] and a polynomial of degree 6. NaN stays NaN.
GRD_INLINE float grd_exp_f32(float x) {
  x = x > 89.0f ? 89.0f : x;
  x = x < -105.0f ? -105.0f : x;
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it leaves the rounded integer in the low bits
  float shifted = x * 1.44269504f + magic;
  float n = shifted - magic;
  float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  int32_t bits;
  memcpy(&bits, &shifted, 4);
  int32_t exponent = bits - 0x4B400000;
  exponent = exponent > 140 ? 140 : exponent < -160 ? -160 : exponent;
  int32_t half = exponent >> 1;  // in two steps, so that subnormal results and infinity come out right
  return p * grd_power_of_two(half) * grd_power_of_two(exponent - half);
}

GRD_INLINE float grd_tanh_f32(float x) {
  float a = fabsf(x), z = x * x;
  float small = -5.70498872745e-3f;
  small = small * z + 2.06390887954e-2f;
  small = small * z - 5.37397155531e-2f;
  small = small * z + 1.33314422036e-1f;
  small = small * z - 3.33332819422e-1f;
  small = small * z * x + x;
  float large = copysignf(1.0f - 2.0f / (grd_exp_f32(2.0f * a) + 1.0f), x);
  return a < 0.625f ? small : (x != x ? x : large);
}

/// erf(x), given exp(-x^2): a Taylor-like polynomial below 1, Abramowitz and Stegun 7.1.26 above.
GRD_INLINE float grd_erf_with_exp_f32(float x, float exponential) {
  float z = x * x, a = fabsf(x);
  float small = 7.853861353153693e-5f;
  small = small * z - 8.010193625184903e-4f;
  small = small * z + 5.188327685732524e-3f;
  small = small * z - 2.685381193529856e-2f;
  small = small * z + 1.128358514861418e-1f;
  small = small * z - 3.761262582423300e-1f;
  small = small * z + 1.128379165726710f;
  float t = 1.0f / (1.0f + 0.3275911f * a);
  float tail = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
  float large = copysignf(1.0f - tail * exponential, x);
  return a < 1.0f ? small * x : large;
}

GRD_INLINE float grd_erf_f32(float x) { return grd_erf_with_exp_f32(x, grd_exp_f32(-x * x)); }
GRD_INLINE float grd_sigmoid_f32(float x) { return 1.0f / (1.0f + grd_exp_f32(-x)); }
GRD_INLINE float grd_gelu_f32(float x) { return 0.5f * x * (1.0f + grd_erf_f32(x * 0.70710678f)); }
GRD_INLINE float grd_gelu_slope_f32(float x) {
  float u = x * 0.70710678f, exponential = grd_exp_f32(-u * u);
  return 0.5f * (1.0f + grd_erf_with_exp_f32(u, exponential)) + x * 0.39894228f * exponential;
}
GRD_INLINE float grd_log_f32(float x) { return logf(x); }
GRD_INLINE float grd_log1p_f32(float x) { return log1pf(x); }
GRD_INLINE float grd_sqrt_f32(float x) { return sqrtf(x); }
GRD_INLINE float grd_sin_f32(float x) { return sinf(x); }
GRD_INLINE float grd_cos_f32(float x) { return cosf(x); }
GRD_INLINE float grd_pow_f32(float x, float y) { return powf(x, y); }
GRD_INLINE float grd_abs_f32(float x) { return fabsf(x); }

GRD_INLINE double grd_exp_f64(double x) { return exp(x); }
GRD_INLINE double grd_tanh_f64(double x) { return tanh(x); }
GRD_INLINE double grd_erf_f64(double x) { return erf(x); }
GRD_INLINE double grd_sigmoid_f64(double x) { return 1.0 / (1.0 + exp(-x)); }
GRD_INLINE double grd_gelu_f64(double x) { return 0.5 * x * (1.0 + erf(x * 0.70710678118654752440)); }
GRD_INLINE double grd_gelu_slope_f64(double x) {
  return 0.5 * (1.0 + erf(x * 0.70710678118654752440)) + x * 0.39894228040143267794 * exp(-0.5 * x * x);
}
GRD_INLINE double grd_log_f64(double x) { return log(x); }
GRD_INLINE double grd_log1p_f64(double x) { return log1p(x); }
GRD_INLINE double grd_sqrt_f64(double x) { return sqrt(x); }
GRD_INLINE double grd_sin_f64(double x) { return sin(x); }
GRD_INLINE double grd_cos_f64(double x) { return cos(x); }
GRD_INLINE double grd_pow_f64(double x, double y) { return pow(x, y); }
GRD_INLINE double grd_abs_f64(double x) { return fabs(x); }

/// 32 random bits from a seed and a counter: two rounds of the SplitMix64 finaliser.
GRD_INLINE uint32_t grd_counter_hash(uint64_t seed, uint64_t counter) {
  uint64_t z = seed + counter * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (uint32_t)(z >> 32);
}

/// Hashes below it are dropped.
GRD_INLINE uint32_t grd_dropout_threshold(double rate) { return (uint32_t)(rate * 4294967296.0); }

#define GRD_PASTE_(a, b) a##_##b
#define GRD_PASTE(a, b) GRD_PASTE_(a, b)
/// The name of a function for the element type that is being compiled (T, with its suffix S).
#define TYPED(name) GRD_PASTE(name, S)
#endif
