// RBF kernel pooling of term-similarity rows.
#include "gradus_kernel_pooling.h"
#include "simd.h"

#include <math.h>

GRD_INLINE void grd_kernel_pooling_forward_body(const grd_isa isa, const float *similarity, const int32_t *lengths, size_t rows,
                                                size_t width, const float *mu, const float *sigma, size_t kernels,
                                                float *sums) {
  (void)isa;
  for (size_t row = 0; row < rows; row++, similarity += width, sums += kernels) {
    const size_t length = (size_t)lengths[row];
    for (size_t k = 0; k < kernels; k++) {
      const vfloat centre = vset(mu[k]), slope = vset(-0.5f / (sigma[k] * sigma[k]));
      vfloat total = vset(0);
      // Lanes beyond the row hold infinity, whose bell is 0.
      for (size_t j = 0; j < length; j += LANES) {
        const vfloat d = vload_part(similarity + j, length - j, INFINITY) - centre;
        total += vexp(d * d * slope);
      }
      sums[k] = vsum(total);
    }
  }
}
GRD_KERNEL(void, grd_kernel_pooling_forward,
           (const float *similarity, const int32_t *lengths, size_t rows, size_t width, const float *mu, const float *sigma,
            size_t kernels, float *sums),
           similarity, lengths, rows, width, mu, sigma, kernels, sums)

GRD_INLINE void grd_kernel_pooling_backward_body(const grd_isa isa, const float *similarity, const int32_t *lengths,
                                                 const float *dsums, size_t rows, size_t width, const float *mu,
                                                 const float *sigma, size_t kernels, float *dsimilarity) {
  (void)isa;
  for (size_t row = 0; row < rows; row++, similarity += width, dsimilarity += width, dsums += kernels) {
    const size_t length = (size_t)lengths[row];
    for (size_t j = 0; j < length; j += LANES) {
      const vfloat s = vload_part(similarity + j, length - j, 0);
      vfloat total = vset(0);
      for (size_t k = 0; k < kernels; k++) {
        const float precision = 1.0f / (sigma[k] * sigma[k]);
        const vfloat d = s - vset(mu[k]);
        total = vfma(vexp(d * d * vset(-0.5f * precision)), d * vset(-dsums[k] * precision), total);
      }
      vstore_part(dsimilarity + j, total, length - j);
    }
    for (size_t j = length; j < width; j++) dsimilarity[j] = 0;
  }
}
GRD_KERNEL(void, grd_kernel_pooling_backward,
           (const float *similarity, const int32_t *lengths, const float *dsums, size_t rows, size_t width, const float *mu,
            const float *sigma, size_t kernels, float *dsimilarity),
           similarity, lengths, dsums, rows, width, mu, sigma, kernels, dsimilarity)
