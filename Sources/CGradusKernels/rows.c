// Arithmetic on arrays and rows.
#include "gradus_rows.h"
#include "simd.h"

GRD_INLINE void grd_add_body(const grd_isa isa, const float *a, const float *b, size_t count, float *y) {
  (void)isa;
  for (size_t at = 0; at < count; at += LANES)
    vstore_part(y + at, vload_part(a + at, count - at, 0) + vload_part(b + at, count - at, 0), count - at);
}
GRD_KERNEL(void, grd_add, (const float *a, const float *b, size_t count, float *y), a, b, count, y)

GRD_INLINE void grd_multiply_body(const grd_isa isa, const float *a, const float *b, size_t count, float *y) {
  (void)isa;
  for (size_t at = 0; at < count; at += LANES)
    vstore_part(y + at, vload_part(a + at, count - at, 0) * vload_part(b + at, count - at, 0), count - at);
}
GRD_KERNEL(void, grd_multiply, (const float *a, const float *b, size_t count, float *y), a, b, count, y)

GRD_INLINE void grd_scale_body(const grd_isa isa, const float *x, float factor, size_t count, float *y) {
  (void)isa;
  const vfloat f = vset(factor);
  for (size_t at = 0; at < count; at += LANES) vstore_part(y + at, vload_part(x + at, count - at, 0) * f, count - at);
}
GRD_KERNEL(void, grd_scale, (const float *x, float factor, size_t count, float *y), x, factor, count, y)

GRD_INLINE void grd_axpy_body(const grd_isa isa, const float *x, float factor, size_t count, float *y) {
  (void)isa;
  const vfloat f = vset(factor);
  for (size_t at = 0; at < count; at += LANES) {
    const size_t left = count - at;
    vstore_part(y + at, vfma(f, vload_part(x + at, left, 0), vload_part(y + at, left, 0)), left);
  }
}
GRD_KERNEL(void, grd_axpy, (const float *x, float factor, size_t count, float *y), x, factor, count, y)

GRD_INLINE void grd_add_bias_body(const grd_isa isa, const float *x, const float *bias, size_t rows, size_t width, float *y) {
  (void)isa;
  for (size_t row = 0; row < rows; row++, x += width, y += width)
    for (size_t j = 0; j < width; j += LANES)
      vstore_part(y + j, vload_part(x + j, width - j, 0) + vload_part(bias + j, width - j, 0), width - j);
}
GRD_KERNEL(void, grd_add_bias, (const float *x, const float *bias, size_t rows, size_t width, float *y), x, bias, rows, width, y)

GRD_INLINE void grd_column_sums_body(const grd_isa isa, const float *x, size_t rows, size_t width, float *partials) {
  (void)isa;
  for (size_t start = 0; start < rows; start += GRD_ROW_BLOCK, partials += width) {
    const size_t here = smaller(GRD_ROW_BLOCK, rows - start);
    for (size_t j = 0; j < width; j += LANES) {
      vfloat total = vset(0);
      for (size_t row = start; row < start + here; row++) total += vload_part(x + row * width + j, width - j, 0);
      vstore_part(partials + j, total, width - j);
    }
  }
}
GRD_KERNEL(void, grd_column_sums, (const float *x, size_t rows, size_t width, float *partials), x, rows, width, partials)

GRD_INLINE void grd_combine_partials_body(const grd_isa isa, const float *partials, size_t blocks, size_t width, float *sums) {
  (void)isa;
  for (size_t j = 0; j < width; j += LANES) {
    vfloat total = vset(0);
    for (size_t block = 0; block < blocks; block++) total += vload_part(partials + block * width + j, width - j, 0);
    vstore_part(sums + j, total, width - j);
  }
}
GRD_KERNEL(void, grd_combine_partials, (const float *partials, size_t blocks, size_t width, float *sums), partials, blocks,
           width, sums)

GRD_INLINE float dot(const float *a, const float *b, size_t count) {
  vfloat total = vset(0);
  for (size_t j = 0; j < count; j += LANES)
    total = vfma(vload_part(a + j, count - j, 0), vload_part(b + j, count - j, 0), total);
  return vsum(total);
}

GRD_INLINE void grd_dot_rows_body(const grd_isa isa, const float *a, const float *b, size_t rows, size_t width, float *dots) {
  (void)isa;
  for (size_t row = 0; row < rows; row++) dots[row] = dot(a + row * width, b + row * width, width);
}
GRD_KERNEL(void, grd_dot_rows, (const float *a, const float *b, size_t rows, size_t width, float *dots), a, b, rows, width, dots)

GRD_INLINE void grd_mean_pool_forward_body(const grd_isa isa, const float *x, const int64_t *offsets, size_t sequences,
                                           size_t width, float *y) {
  (void)isa;
  for (size_t s = 0; s < sequences; s++, y += width) {
    const size_t first = (size_t)offsets[s], length = (size_t)(offsets[s + 1] - offsets[s]);
    const vfloat share = vset(length > 0 ? 1.0f / (float)length : 0);
    for (size_t j = 0; j < width; j += LANES) {
      vfloat total = vset(0);
      for (size_t token = first; token < first + length; token++) total += vload_part(x + token * width + j, width - j, 0);
      vstore_part(y + j, total * share, width - j);
    }
  }
}
GRD_KERNEL(void, grd_mean_pool_forward, (const float *x, const int64_t *offsets, size_t sequences, size_t width, float *y), x,
           offsets, sequences, width, y)

GRD_INLINE void grd_mean_pool_backward_body(const grd_isa isa, const float *dy, const int64_t *offsets, size_t sequences,
                                            size_t width, float *dx) {
  (void)isa;
  for (size_t s = 0; s < sequences; s++, dy += width) {
    const size_t first = (size_t)offsets[s], length = (size_t)(offsets[s + 1] - offsets[s]);
    if (length == 0) continue;
    const vfloat share = vset(1.0f / (float)length);
    for (size_t token = first; token < first + length; token++)
      for (size_t j = 0; j < width; j += LANES)
        vstore_part(dx + token * width + j, vload_part(dy + j, width - j, 0) * share, width - j);
  }
}
GRD_KERNEL(void, grd_mean_pool_backward, (const float *dy, const int64_t *offsets, size_t sequences, size_t width, float *dx),
           dy, offsets, sequences, width, dx)

GRD_INLINE void grd_normalize_rows_forward_body(const grd_isa isa, const float *x, float epsilon, size_t rows, size_t width,
                                                float *norms, float *y) {
  (void)isa;
  for (size_t row = 0; row < rows; row++, x += width, y += width) {
    const float length = vsqrt(vset(dot(x, x, width)))[0];
    const float norm = length > epsilon ? length : epsilon;
    const vfloat inverse = vset(1.0f / norm);
    for (size_t j = 0; j < width; j += LANES) vstore_part(y + j, vload_part(x + j, width - j, 0) * inverse, width - j);
    if (norms) norms[row] = norm;
  }
}
GRD_KERNEL(void, grd_normalize_rows_forward,
           (const float *x, float epsilon, size_t rows, size_t width, float *norms, float *y), x, epsilon, rows, width, norms, y)

GRD_INLINE void grd_normalize_rows_backward_body(const grd_isa isa, const float *y, const float *norms, const float *dy,
                                                 float epsilon, size_t rows, size_t width, float *dx) {
  (void)isa;
  for (size_t row = 0; row < rows; row++, y += width, dy += width, dx += width) {
    const vfloat along = vset(norms[row] > epsilon ? dot(y, dy, width) : 0), inverse = vset(1.0f / norms[row]);
    for (size_t j = 0; j < width; j += LANES) {
      const size_t left = width - j;
      vstore_part(dx + j, vfnma(vload_part(y + j, left, 0), along, vload_part(dy + j, left, 0)) * inverse, left);
    }
  }
}
GRD_KERNEL(void, grd_normalize_rows_backward,
           (const float *y, const float *norms, const float *dy, float epsilon, size_t rows, size_t width, float *dx), y, norms,
           dy, epsilon, rows, width, dx)
