// Included once per element type T (suffix S).

GRD_CLONES void TYPED(grd_tensor_adam)(T *restrict value, const T *restrict gradient, T *restrict first, T *restrict second,
                                       size_t count, double rate, double beta1, double beta2, double epsilon,
                                       double correction1, double correction2, double decoupled_decay, double coupled_decay,
                                       double gradient_scale) {
  T shrink = (T)(1 - rate * decoupled_decay), pull = (T)coupled_decay, tiny = (T)epsilon;
  T keep1 = (T)beta1, new1 = (T)(1 - beta1), keep2 = (T)beta2, new2 = (T)(1 - beta2);
  T step = (T)(rate / correction1), scale = (T)(1 / sqrt(correction2)), factor = (T)gradient_scale;
  for (size_t i = 0; i < count; i++) {
    // A statement of its own, so that it is rounded as a scaled gradient in memory would be.
    T scaled = gradient[i] * factor;
    T g = scaled + pull * value[i];
    T m = keep1 * first[i] + new1 * g;
    T v = keep2 * second[i] + new2 * g * g;
    first[i] = m;
    second[i] = v;
    value[i] = value[i] * shrink - step * m / (TYPED(grd_sqrt)(v) * scale + tiny);
  }
}

GRD_CLONES void TYPED(grd_tensor_sgd)(T *restrict value, const T *restrict gradient, T *restrict velocity, size_t count,
                                      double rate, double momentum, double dampening, double decay, int nesterov,
                                      int is_first) {
  T step = (T)rate, keep = (T)momentum, fresh = (T)(1 - dampening), pull = (T)decay;
  for (size_t i = 0; i < count; i++) {
    T g = gradient[i] + pull * value[i];
    if (velocity) {
      T v = is_first ? g : keep * velocity[i] + fresh * g;
      velocity[i] = v;
      g = nesterov ? g + keep * v : v;
    }
    value[i] -= step * g;
  }
}
