// Included once per element type T (suffix S).

// Sixteen running sums, added in a fixed tree: the same bits whatever the vector width.
#define GRD_LANES 16
#define GRD_BLOCK 1024
#define GRD_ROWS 128

GRD_INLINE double TYPED(grd_join_lanes)(const T *lanes) {
  double total = 0;
  for (int lane = 0; lane < GRD_LANES; lane++) total += (double)lanes[lane];
  return total;
}

#define GRD_SUM_BODY(TERM)                                              \
  double total = 0;                                                     \
  for (size_t start = 0; start < count; start += GRD_BLOCK) {           \
    size_t stop = start + GRD_BLOCK < count ? start + GRD_BLOCK : count; \
    T lanes[GRD_LANES] = {0};                                           \
    size_t i = start;                                                   \
    for (; i + GRD_LANES <= stop; i += GRD_LANES)                       \
      for (int lane = 0; lane < GRD_LANES; lane++) {                    \
        T x = in[i + lane];                                             \
        lanes[lane] += (TERM);                                          \
      }                                                                 \
    for (int lane = 0; i < stop; i++, lane++) {                         \
      T x = in[i];                                                      \
      lanes[lane] += (TERM);                                            \
    }                                                                   \
    total += TYPED(grd_join_lanes)(lanes);                              \
  }                                                                     \
  return total;

GRD_CLONES double TYPED(grd_tensor_sum)(const T *in, size_t count) { GRD_SUM_BODY(x) }

GRD_CLONES double TYPED(grd_tensor_sum_squares)(const T *in, size_t count) { GRD_SUM_BODY(x * x) }

GRD_CLONES void TYPED(grd_tensor_reduce)(grd_reduce_op op, const T *in, T *out, size_t begin, size_t end, size_t reduced,
                                         size_t inner, size_t column, size_t width) {
  for (size_t row = begin; row < end; row++) {
    const T *source = in + row * reduced * inner;
    T *target = out + row * inner;
    if (inner == 1) {
      if (op == GRD_SUM) {
        target[0] = (T)TYPED(grd_tensor_sum)(source, reduced);
      } else {
        T best = source[0];
        if (op == GRD_MAX) {
          for (size_t i = 1; i < reduced; i++) best = source[i] > best || source[i] != source[i] ? source[i] : best;
        } else {
          for (size_t i = 1; i < reduced; i++) best = source[i] < best || source[i] != source[i] ? source[i] : best;
        }
        target[0] = best;
      }
      continue;
    }
    // Panels of columns; blocks of rows add up in T and join in double.
    for (size_t start = column; start < column + width; start += 64) {
      size_t panel = column + width - start < 64 ? column + width - start : 64;
      if (op == GRD_SUM) {
        double total[64] = {0};
        for (size_t block = 0; block < reduced; block += GRD_ROWS) {
          size_t stop = block + GRD_ROWS < reduced ? block + GRD_ROWS : reduced;
          T part[64] = {0};
          if (panel == 64) {
            for (size_t i = block; i < stop; i++)
              for (size_t c = 0; c < 64; c++) part[c] += source[i * inner + start + c];
          } else {
            for (size_t i = block; i < stop; i++)
              for (size_t c = 0; c < panel; c++) part[c] += source[i * inner + start + c];
          }
          for (size_t c = 0; c < panel; c++) total[c] += (double)part[c];
        }
        for (size_t c = 0; c < panel; c++) target[start + c] = (T)total[c];
      } else {
        T best[64];
        for (size_t c = 0; c < panel; c++) best[c] = source[start + c];
        for (size_t i = 1; i < reduced; i++)
          for (size_t c = 0; c < panel; c++) {
            T x = source[i * inner + start + c];
            int better = op == GRD_MAX ? x > best[c] : x < best[c];
            best[c] = better || x != x ? x : best[c];
          }
        for (size_t c = 0; c < panel; c++) target[start + c] = best[c];
      }
    }
  }
}

GRD_CLONES void TYPED(grd_tensor_softmax)(const T *in, T *out, size_t rows, size_t width, int logarithm) {
  for (size_t row = 0; row < rows; row++) {
    const T *x = in + row * width;
    T *y = out + row * width;
    T peak = -(T)INFINITY;
    for (size_t i = 0; i < width; i++) peak = x[i] > peak || x[i] != x[i] ? x[i] : peak;
    if (peak == -(T)INFINITY) {
      for (size_t i = 0; i < width; i++) y[i] = logarithm ? peak : (T)0;
      continue;
    }
    if (logarithm) {
      double total = 0;
      for (size_t start = 0; start < width; start += 64) {
        size_t panel = width - start < 64 ? width - start : 64;
        T terms[64];
        for (size_t i = 0; i < panel; i++) terms[i] = TYPED(grd_exp)(x[start + i] - peak);
        total += TYPED(grd_tensor_sum)(terms, panel);
      }
      T shift = peak + (T)log(total);
      for (size_t i = 0; i < width; i++) y[i] = x[i] - shift;
    } else {
      for (size_t i = 0; i < width; i++) y[i] = TYPED(grd_exp)(x[i] - peak);
      T scale = (T)(1 / TYPED(grd_tensor_sum)(y, width));
      for (size_t i = 0; i < width; i++) y[i] *= scale;
    }
  }
}

GRD_INLINE double TYPED(grd_dot_lanes)(const T *a, const T *b, size_t count) {
  T lanes[GRD_LANES] = {0};
  size_t i = 0;
  for (; i + GRD_LANES <= count; i += GRD_LANES)
    for (int lane = 0; lane < GRD_LANES; lane++) lanes[lane] += a[i + lane] * b[i + lane];
  for (int lane = 0; i < count; i++, lane++) lanes[lane] += a[i] * b[i];
  return TYPED(grd_join_lanes)(lanes);
}

GRD_CLONES void TYPED(grd_tensor_softmax_gradient)(const T *y, const T *g, T *din, size_t rows, size_t width, int logarithm) {
  for (size_t row = 0; row < rows; row++) {
    const T *value = y + row * width, *upstream = g + row * width;
    T *target = din + row * width;
    if (logarithm) {
      T total = (T)TYPED(grd_tensor_sum)(upstream, width);
      for (size_t i = 0; i < width; i++) target[i] = upstream[i] - TYPED(grd_exp)(value[i]) * total;
    } else {
      T dot = (T)TYPED(grd_dot_lanes)(value, upstream, width);
      for (size_t i = 0; i < width; i++) target[i] = value[i] * (upstream[i] - dot);
    }
  }
}

GRD_CLONES void TYPED(grd_tensor_layer_norm)(const T *x, const T *residual, const T *gain, const T *bias, T *sum, T *y,
                                             T *mean, T *rstd, size_t rows, size_t width, double epsilon,
                                             const grd_dropout *dropout) {
  const uint32_t threshold = dropout ? grd_dropout_threshold(dropout->rate) : 0;
  const T factor = dropout ? (T)(1 / (1 - dropout->rate)) : 1;
  for (size_t row = 0; row < rows; row++) {
    const T *source = x + row * width;
    T *target = y + row * width;
    if (residual) {
      T *kept = sum + row * width;
      const T *other = residual + row * width;
      if (dropout) {
        const uint64_t seed = dropout->seed, first = dropout->offset + row * width;
        for (size_t i = 0; i < width; i++)
          kept[i] = (grd_counter_hash(seed, first + i) >= threshold ? source[i] * factor : (T)0) + other[i];
      } else {
        for (size_t i = 0; i < width; i++) kept[i] = source[i] + other[i];
      }
      source = kept;
    }
    T center = (T)(TYPED(grd_tensor_sum)(source, width) / (double)width);
    for (size_t i = 0; i < width; i++) target[i] = source[i] - center;
    T scale = (T)(1 / sqrt(TYPED(grd_tensor_sum_squares)(target, width) / (double)width + epsilon));
    mean[row] = center;
    rstd[row] = scale;
    if (gain && bias) {
      for (size_t i = 0; i < width; i++) target[i] = target[i] * scale * gain[i] + bias[i];
    } else {
      for (size_t i = 0; i < width; i++) target[i] *= scale;
    }
  }
}

GRD_CLONES void TYPED(grd_tensor_layer_norm_gradient)(const T *x, const T *mean, const T *rstd, const T *gain, const T *g,
                                                      T *dx, T *dgain, T *dbias, size_t rows, size_t width,
                                                      const grd_dropout *dropout, T *ddropped) {
  const uint32_t threshold = dropout ? grd_dropout_threshold(dropout->rate) : 0;
  const T factor = dropout ? (T)(1 / (1 - dropout->rate)) : 1;
  if (dgain) for (size_t i = 0; i < width; i++) dgain[i] = 0;
  if (dbias) for (size_t i = 0; i < width; i++) dbias[i] = 0;
  for (size_t row = 0; row < rows; row++) {
    const T *source = x + row * width, *upstream = g + row * width;
    T *target = dx + row * width;
    T center = mean[row], scale = rstd[row];
    T plain[GRD_LANES] = {0}, weighted[GRD_LANES] = {0};
    size_t i = 0;
    for (; i + GRD_LANES <= width; i += GRD_LANES)
      for (int lane = 0; lane < GRD_LANES; lane++) {
        T d = upstream[i + lane] * (gain ? gain[i + lane] : 1);
        plain[lane] += d;
        weighted[lane] += d * ((source[i + lane] - center) * scale);
      }
    for (int lane = 0; i < width; i++, lane++) {
      T d = upstream[i] * (gain ? gain[i] : 1);
      plain[lane] += d;
      weighted[lane] += d * ((source[i] - center) * scale);
    }
    T average = (T)(TYPED(grd_join_lanes)(plain) / (double)width);
    T slope = (T)(TYPED(grd_join_lanes)(weighted) / (double)width);
    if (dgain) for (i = 0; i < width; i++) dgain[i] += upstream[i] * ((source[i] - center) * scale);
    if (dbias) for (i = 0; i < width; i++) dbias[i] += upstream[i];
    for (i = 0; i < width; i++) {
      T normal = (source[i] - center) * scale;
      target[i] = scale * (upstream[i] * (gain ? gain[i] : 1) - average - normal * slope);
    }
    if (dropout) {
      const uint64_t seed = dropout->seed, first = dropout->offset + row * width;
      T *dropped = ddropped + row * width;
      for (i = 0; i < width; i++) dropped[i] = grd_counter_hash(seed, first + i) >= threshold ? target[i] * factor : (T)0;
    }
  }
}

GRD_CLONES void TYPED(grd_tensor_cumulative_sum)(const T *in, T *out, size_t outer, size_t length, size_t inner, int reverse) {
  for (size_t o = 0; o < outer; o++) {
    const T *source = in + o * length * inner;
    T *target = out + o * length * inner;
    for (size_t step = 0; step < length; step++) {
      size_t i = reverse ? length - 1 - step : step;
      for (size_t c = 0; c < inner; c++) {
        T before = step == 0 ? (T)0 : target[(reverse ? i + 1 : i - 1) * inner + c];
        target[i * inner + c] = before + source[i * inner + c];
      }
    }
  }
}
