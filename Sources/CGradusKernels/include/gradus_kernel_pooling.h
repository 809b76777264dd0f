/// RBF kernel pooling of term-similarity rows (K-NRM, Xiong et al., SIGIR 2017; Conv-KNRM, Dai et al., WSDM 2018).
#ifndef GRADUS_KERNEL_POOLING_H
#define GRADUS_KERNEL_POOLING_H
#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// sums[r][k] = sum over j < lengths[r] of exp(-(similarity[r][j] - mu[k])^2 / (2 sigma[k]^2)).
///
/// similarity: [rows][width], a row per query term (of one or of many pairs); lengths: [rows], the true document length of
/// each row's pair, 0 ... width; mu, sigma: [kernels], sigma > 0; sums: [rows][kernels].
void grd_kernel_pooling_forward(const float *similarity, const int32_t *lengths, size_t rows, size_t width, const float *mu,
                                const float *sigma, size_t kernels, float *sums);

/// Gradient with respect to similarity; 0 beyond a row's length. dsums: [rows][kernels]; dsimilarity: [rows][width].
void grd_kernel_pooling_backward(const float *similarity, const int32_t *lengths, const float *dsums, size_t rows, size_t width,
                                 const float *mu, const float *sigma, size_t kernels, float *dsimilarity);

#ifdef __cplusplus
}
#endif
#endif
