// The one file that knows oneDNN.
#define _GNU_SOURCE  // RTLD_DEFAULT
#include "gradus_onednn.h"

#include <dlfcn.h>
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

// oneDNN picks kernels by the number of rows, and they sum in different orders. A row's bits must not depend on how many rows
// share its call, so calls keep to the numbers that KernelTests shows to be safe; what is left over is padded with zero rows.
enum {
  // With AVX-512: any number from here on. Fewer take a matrix-vector product, or a kernel that does not copy its left side.
  FEWEST_ROWS_AVX512 = 16,
  // Otherwise: this number alone, twice the AVX2 kernel's 24 rows. Its remainders, and where it cuts long calls, vary.
  ROWS_OF_EVERY_CALL = 48,
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

static bool uses_avx512(void) {
  const dnnl_cpu_isa_t avx512 = dnnl_cpu_isa_avx512_core;
  return (dnnl_get_effective_cpu_isa() & avx512) == avx512;
}

/// The arguments of a product; `a` and `c` are at the first row of the call.
typedef struct {
  bool transpose_a, transpose_b;
  size_t m, n, k;
  float alpha;
  const float *a;
  size_t lda;
  const float *b;
  size_t ldb;
  float beta;
  float *c;
  size_t ldc;
} product;

static grd_gemm_status multiply(const product *p) {
  return status_from(dnnl_sgemm(p->transpose_a ? 'T' : 'N', p->transpose_b ? 'T' : 'N', (dnnl_dim_t)p->m, (dnnl_dim_t)p->n,
                                (dnnl_dim_t)p->k, p->alpha, p->a, (dnnl_dim_t)p->lda, p->b, (dnnl_dim_t)p->ldb, p->beta, p->c,
                                (dnnl_dim_t)p->ldc));
}

/// The product as one of `rows` > m rows: zero rows fill up a copy of the left side, and a copy of c takes the result.
static grd_gemm_status multiply_padded(const product *p, size_t rows) {
  float *left = calloc(rows * (p->k + p->n), sizeof(float));
  if (!left) return GRD_GEMM_OUT_OF_MEMORY;
  product padded = *p;
  padded.m = rows;
  padded.a = left;
  padded.lda = p->transpose_a ? rows : p->k;
  padded.c = left + rows * p->k;
  padded.ldc = p->n;
  copy_block(p->a, p->lda, left, padded.lda, p->transpose_a ? p->k : p->m, p->transpose_a ? p->m : p->k);
  if (p->beta != 0) copy_block(p->c, p->ldc, padded.c, p->n, p->m, p->n);
  const grd_gemm_status status = multiply(&padded);
  if (status == GRD_GEMM_OK) copy_block(padded.c, p->n, p->c, p->ldc, p->m, p->n);
  free(left);
  return status;
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
  const bool any_number = uses_avx512();
  const size_t fewest = any_number ? FEWEST_ROWS_AVX512 : ROWS_OF_EVERY_CALL, most = any_number ? m : ROWS_OF_EVERY_CALL;
  for (size_t first = 0; first < m; first += most) {
    const size_t rows = m - first < most ? m - first : most;
    const product part = {transpose_a, transpose_b, rows, n, k, alpha, a + (transpose_a ? first : first * lda), lda, b, ldb,
                          beta, c + first * ldc, ldc};
    const grd_gemm_status status = rows < fewest ? multiply_padded(&part, fewest) : multiply(&part);
    if (status != GRD_GEMM_OK) return status;
  }
  return GRD_GEMM_OK;
}

uint32_t grd_onednn_version(void) {
  const dnnl_version_t *version = dnnl_version();
  return (uint32_t)(version->major * 10000 + version->minor * 100 + version->patch);
}
