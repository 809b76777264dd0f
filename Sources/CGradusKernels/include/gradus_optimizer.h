/// Optimizer steps over a range of parameters, and the sum of squares that gradient clipping needs.
#ifndef GRADUS_OPTIMIZER_H
#define GRADUS_OPTIMIZER_H
#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Adam (Kingma and Ba, ICLR 2015) and AdamW (Loshchilov and Hutter, ICLR 2019).
typedef struct {
  float learning_rate, beta1, beta2, epsilon, weight_decay;
  float gradient_scale;  ///< Multiplies every gradient first: clipping, loss scaling; else 1.
  int64_t step;          ///< Of this update, from 1: for the correction of the moments' bias.
  int decoupled;         ///< Not 0: AdamW, decay applied to the parameter; 0: Adam, decay added to the gradient.
} grd_adam;

/// One step for `count` parameters. All arrays: [count]; m and v start at 0. Any split into ranges gives the same bits.
void grd_adam_update(const grd_adam *options, size_t count, const float *gradient, float *parameter, float *m, float *v);

/// Stochastic gradient descent: velocity = momentum velocity + g with g = gradient_scale gradient + weight_decay parameter.
typedef struct {
  float learning_rate, momentum, weight_decay, gradient_scale;
  int nesterov;  ///< Not 0: steps along g + momentum velocity.
} grd_sgd;

/// One step for `count` parameters. velocity: [count], 0 at the start; NULL where momentum is 0.
void grd_sgd_update(const grd_sgd *options, size_t count, const float *gradient, float *parameter, float *velocity);

enum {
  /// Elements that share one partial of grd_sum_of_squares().
  GRD_SQUARES_BLOCK = 4096,
};

/// partials[b] = sum of x[i]^2 over block b, in double. x: [count], from a block's start; partials: ceil(count / block).
void grd_sum_of_squares(const float *x, size_t count, double *partials);

#ifdef __cplusplus
}
#endif
#endif
