/// Matrix products on oneDNN, whose 2.x and 3.x interfaces only gradus_onednn.c knows.
///
/// Every calling thread runs its own product: oneDNN's OpenMP team is set to one thread, callers split rows over their pool.
/// A row of the result has the same bits however rows are split over calls and whatever its neighbours hold. Processors
/// without AVX-512 pay for that with calls of 48 rows, all with fewer than 16 rows in a call with padding.
#ifndef GRADUS_ONEDNN_H
#define GRADUS_ONEDNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  GRD_GEMM_OK = 0,
  GRD_GEMM_INVALID_ARGUMENT = 1,  ///< A leading dimension is shorter than a row.
  GRD_GEMM_OUT_OF_MEMORY = 2,
  GRD_GEMM_UNSUPPORTED = 3,       ///< oneDNN has no implementation on this processor.
  GRD_GEMM_FAILED = 4,
} grd_gemm_status;

/// c = alpha op(a) op(b) + beta c in float32, row-major; op transposes where asked.
///
/// op(a): [m][k], op(b): [k][n], c: [m][n]; ld is the distance between stored rows, so lda >= m where a is transposed, else
/// >= k. With beta = 0, c may hold anything, NaN included. c overlaps neither a nor b. Zero sizes are fine.
grd_gemm_status grd_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha, const float *a,
                          size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);

/// major * 10000 + minor * 100 + patch of the oneDNN in use.
uint32_t grd_onednn_version(void);

#ifdef __cplusplus
}
#endif
#endif
