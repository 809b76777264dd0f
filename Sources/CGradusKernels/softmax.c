// Softmax and log-softmax over rows.
#include "gradus_softmax.h"
#include "simd.h"

#include <math.h>

GRD_INLINE size_t row_length(const int32_t *lengths, size_t row, size_t width) {
  return lengths ? (size_t)lengths[row] : width;
}

GRD_INLINE float largest_of(const float *x, size_t length) {
  vfloat top = vset(-INFINITY);
  for (size_t j = 0; j < length; j += LANES) top = vmax(vload_part(x + j, length - j, -INFINITY), top);
  return vlargest(top);
}

GRD_INLINE void fill(float *x, size_t from, size_t to, float value) {
  for (size_t j = from; j < to; j++) x[j] = value;
}

GRD_INLINE void grd_softmax_forward_body(const grd_isa isa, const float *x, const int32_t *lengths, size_t rows, size_t width,
                                         float *y) {
  (void)isa;
  for (size_t row = 0; row < rows; row++, x += width, y += width) {
    const size_t length = row_length(lengths, row, width);
    const vfloat shift = vset(largest_of(x, length));
    vfloat total = vset(0);
    for (size_t j = 0; j < length; j += LANES) {
      const vfloat e = vexp(vload_part(x + j, length - j, -INFINITY) - shift);
      total += e;
      vstore_part(y + j, e, length - j);
    }
    const vfloat inverse = vset(1.0f / vsum(total));
    for (size_t j = 0; j < length; j += LANES) vstore_part(y + j, vload_part(y + j, length - j, 0) * inverse, length - j);
    fill(y, length, width, 0);
  }
}
GRD_KERNEL(void, grd_softmax_forward, (const float *x, const int32_t *lengths, size_t rows, size_t width, float *y), x, lengths,
           rows, width, y)

GRD_INLINE void grd_softmax_backward_body(const grd_isa isa, const float *y, const float *dy, const int32_t *lengths,
                                          size_t rows, size_t width, float *dx) {
  (void)isa;
  for (size_t row = 0; row < rows; row++, y += width, dy += width, dx += width) {
    const size_t length = row_length(lengths, row, width);
    vfloat total = vset(0);
    for (size_t j = 0; j < length; j += LANES)
      total = vfma(vload_part(y + j, length - j, 0), vload_part(dy + j, length - j, 0), total);
    const vfloat centre = vset(vsum(total));
    for (size_t j = 0; j < length; j += LANES) {
      const size_t left = length - j;
      vstore_part(dx + j, vload_part(y + j, left, 0) * (vload_part(dy + j, left, 0) - centre), left);
    }
    fill(dx, length, width, 0);
  }
}
GRD_KERNEL(void, grd_softmax_backward,
           (const float *y, const float *dy, const int32_t *lengths, size_t rows, size_t width, float *dx), y, dy, lengths, rows,
           width, dx)

GRD_INLINE void grd_log_softmax_forward_body(const grd_isa isa, const float *x, const int32_t *lengths, size_t rows,
                                             size_t width, float *y) {
  (void)isa;
  for (size_t row = 0; row < rows; row++, x += width, y += width) {
    const size_t length = row_length(lengths, row, width);
    const float largest = largest_of(x, length);
    vfloat total = vset(0);
    for (size_t j = 0; j < length; j += LANES) total += vexp(vload_part(x + j, length - j, -INFINITY) - vset(largest));
    const vfloat top = vset(largest), rest = vset(logf(vsum(total)));
    for (size_t j = 0; j < length; j += LANES)
      vstore_part(y + j, (vload_part(x + j, length - j, 0) - top) - rest, length - j);
    fill(y, length, width, -INFINITY);
  }
}
GRD_KERNEL(void, grd_log_softmax_forward, (const float *x, const int32_t *lengths, size_t rows, size_t width, float *y), x,
           lengths, rows, width, y)

GRD_INLINE void grd_log_softmax_backward_body(const grd_isa isa, const float *y, const float *dy, const int32_t *lengths,
                                              size_t rows, size_t width, float *dx) {
  (void)isa;
  for (size_t row = 0; row < rows; row++, y += width, dy += width, dx += width) {
    const size_t length = row_length(lengths, row, width);
    vfloat total = vset(0);
    for (size_t j = 0; j < length; j += LANES) total += vload_part(dy + j, length - j, 0);
    const vfloat sum = vset(vsum(total));
    for (size_t j = 0; j < length; j += LANES) {
      const size_t left = length - j;
      vstore_part(dx + j, vfnma(vexp(vload_part(y + j, left, 0)), sum, vload_part(dy + j, left, 0)), left);
    }
    fill(dx, length, width, 0);
  }
}
GRD_KERNEL(void, grd_log_softmax_backward,
           (const float *y, const float *dy, const int32_t *lengths, size_t rows, size_t width, float *dx), y, dy, lengths, rows,
           width, dx)
