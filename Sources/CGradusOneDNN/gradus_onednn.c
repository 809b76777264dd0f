// The one file that knows oneDNN.
#define _GNU_SOURCE  // RTLD_DEFAULT
#include "gradus_onednn.h"

#include <dlfcn.h>
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

enum {
  // Below this many rows oneDNN picks kernels (a matrix-vector product, one that does not copy its left side) that sum in
  // another order. Smaller products are padded, so that a row's bits do not depend on how many rows share its call.
  FEWEST_ROWS = 16,
};

/// Sets the calling thread's OpenMP team to one thread: the setting is per thread, and our own pool is the only pool.
/// Found at run time, because oneDNN may be built without OpenMP and a package cannot pass -fopenmp.
static void use_one_thread(void) {
  static _Thread_local bool done = false;
  if (done) return;
  void (*set_threads)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  if (set_threads) set_threads(1);
  done = true;
}

static grd_gemm_status status_from(dnnl_status_t status) {
  switch (status) {
    case dnnl_success: return GRD_GEMM_OK;
    case dnnl_out_of_memory: return GRD_GEMM_OUT_OF_MEMORY;
    case dnnl_invalid_arguments: return GRD_GEMM_INVALID_ARGUMENT;
    case dnnl_unimplemented: return GRD_GEMM_UNSUPPORTED;
    default: return GRD_GEMM_FAILED;
  }
}

static void copy_block(const float *from, size_t from_stride, float *to, size_t to_stride, size_t rows, size_t columns) {
  for (size_t row = 0; row < rows; row++) memcpy(to + row * to_stride, from + row * from_stride, columns * sizeof(float));
}

/// A product of fewer than FEWEST_ROWS rows: zero rows fill up a copy of the left side, and a copy of c takes the result.
static grd_gemm_status padded_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha,
                                    const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c,
                                    size_t ldc) {
  float *left = calloc(FEWEST_ROWS * (k + n), sizeof(float));
  if (!left) return GRD_GEMM_OUT_OF_MEMORY;
  float *result = left + FEWEST_ROWS * k;
  const size_t left_stride = transpose_a ? FEWEST_ROWS : k;
  if (transpose_a) copy_block(a, lda, left, left_stride, k, m);
  else copy_block(a, lda, left, left_stride, m, k);
  if (beta != 0) copy_block(c, ldc, result, n, m, n);
  const dnnl_status_t status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', FEWEST_ROWS, (dnnl_dim_t)n, (dnnl_dim_t)k, alpha, left,
                 (dnnl_dim_t)left_stride, b, (dnnl_dim_t)ldb, beta, result, (dnnl_dim_t)n);
  if (status == dnnl_success) copy_block(result, n, c, ldc, m, n);
  free(left);
  return status_from(status);
}

grd_gemm_status grd_sgemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, float alpha, const float *a,
                          size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc) {
  if (lda < (transpose_a ? m : k) || ldb < (transpose_b ? k : n) || ldc < n) return GRD_GEMM_INVALID_ARGUMENT;
  if (m == 0 || n == 0) return GRD_GEMM_OK;
  if (k == 0) {
    for (size_t row = 0; row < m; row++)
      for (size_t column = 0; column < n; column++) c[row * ldc + column] = beta == 0 ? 0 : beta * c[row * ldc + column];
    return GRD_GEMM_OK;
  }
  use_one_thread();
  if (m < FEWEST_ROWS) return padded_sgemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  return status_from(dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', (dnnl_dim_t)m, (dnnl_dim_t)n,
                                (dnnl_dim_t)k, alpha, a, (dnnl_dim_t)lda, b, (dnnl_dim_t)ldb, beta, c, (dnnl_dim_t)ldc));
}

uint32_t grd_onednn_version(void) {
  const dnnl_version_t *version = dnnl_version();
  return (uint32_t)(version->major * 10000 + version->minor * 100 + version->patch);
}
