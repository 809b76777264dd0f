// Optimizer steps.
#include "gradus_optimizer.h"
#include "simd.h"

#include <math.h>

GRD_INLINE void grd_adam_update_body(const grd_isa isa, const grd_adam *o, size_t count, const float *gradient,
                                     float *parameter, float *m, float *v) {
  (void)isa;
  const double step = (double)o->step;
  const double correction1 = 1.0 - pow((double)o->beta1, step), correction2 = 1.0 - pow((double)o->beta2, step);
  const vfloat rate = vset((float)(o->learning_rate / correction1)), root = vset((float)(1.0 / sqrt(correction2)));
  const vfloat beta1 = vset(o->beta1), rest1 = vset(1.0f - o->beta1), beta2 = vset(o->beta2), rest2 = vset(1.0f - o->beta2);
  const vfloat epsilon = vset(o->epsilon), scale = vset(o->gradient_scale);
  const vfloat decay = vset(o->decoupled ? 0 : o->weight_decay);
  const vfloat keep = vset(o->decoupled ? 1.0f - o->learning_rate * o->weight_decay : 1.0f);
  for (size_t at = 0; at < count; at += LANES) {
    const size_t left = count - at;
    const vfloat p = vload_part(parameter + at, left, 0);
    const vfloat g = vfma(decay, p, vload_part(gradient + at, left, 0) * scale);
    const vfloat first = vfma(beta1, vload_part(m + at, left, 0), rest1 * g);
    const vfloat second = vfma(beta2, vload_part(v + at, left, 0), rest2 * g * g);
    vstore_part(m + at, first, left);
    vstore_part(v + at, second, left);
    const vfloat stride = first / vfma(vsqrt(second), root, epsilon);
    vstore_part(parameter + at, vfnma(rate, stride, p * keep), left);
  }
}
GRD_KERNEL(void, grd_adam_update,
           (const grd_adam *options, size_t count, const float *gradient, float *parameter, float *m, float *v), options, count,
           gradient, parameter, m, v)

GRD_INLINE void grd_sgd_update_body(const grd_isa isa, const grd_sgd *o, size_t count, const float *gradient,
                                    float *parameter, float *velocity) {
  (void)isa;
  const vfloat rate = vset(o->learning_rate), momentum = vset(o->momentum), decay = vset(o->weight_decay);
  const vfloat scale = vset(o->gradient_scale);
  for (size_t at = 0; at < count; at += LANES) {
    const size_t left = count - at;
    const vfloat p = vload_part(parameter + at, left, 0);
    const vfloat g = vfma(decay, p, vload_part(gradient + at, left, 0) * scale);
    vfloat direction = g;
    if (velocity) {
      const vfloat now = vfma(momentum, vload_part(velocity + at, left, 0), g);
      vstore_part(velocity + at, now, left);
      direction = o->nesterov ? vfma(momentum, now, g) : now;
    }
    vstore_part(parameter + at, vfnma(rate, direction, p), left);
  }
}
GRD_KERNEL(void, grd_sgd_update,
           (const grd_sgd *options, size_t count, const float *gradient, float *parameter, float *velocity), options, count,
           gradient, parameter, velocity)

GRD_INLINE void grd_sum_of_squares_body(const grd_isa isa, const float *x, size_t count, double *partials) {
  (void)isa;
  typedef double vdouble __attribute__((vector_size(64)));
  for (size_t start = 0; start < count; start += GRD_SQUARES_BLOCK) {
    const size_t here = smaller(GRD_SQUARES_BLOCK, count - start);
    vdouble low = {0}, high = {0};
    for (size_t at = 0; at < here; at += LANES) {
      const vfloat v = vload_part(x + start + at, here - at, 0);
      const vdouble a = __builtin_convertvector(__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7), vdouble);
      const vdouble b = __builtin_convertvector(__builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15), vdouble);
      low += a * a;
      high += b * b;
    }
    const vdouble both = low + high;
    partials[start / GRD_SQUARES_BLOCK] =
        ((both[0] + both[4]) + (both[2] + both[6])) + ((both[1] + both[5]) + (both[3] + both[7]));
  }
}
GRD_KERNEL(void, grd_sum_of_squares, (const float *x, size_t count, double *partials), x, count, partials)
