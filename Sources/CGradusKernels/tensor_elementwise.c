#include "gradus_tensor_kernels.h"
#include "tensor_math.h"

#define T float
#define S f32
#include "tensor_elementwise_body.h"
#undef T
#undef S
#define T double
#define S f64
#include "tensor_elementwise_body.h"
#undef T
#undef S

void grd_tensor_cast_f32_f64(const float *in, double *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = in[i];
}

void grd_tensor_cast_f64_f32(const double *in, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = (float)in[i];
}

void grd_tensor_cast_i32_f32(const int32_t *in, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = (float)in[i];
}

void grd_tensor_cast_i32_f64(const int32_t *in, double *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = in[i];
}

void grd_tensor_cast_u8_f32(const uint8_t *in, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = in[i];
}

void grd_tensor_cast_u8_f64(const uint8_t *in, double *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = in[i];
}
