// The builds of the vector kernels: one file each, with one table of entry points.
#ifndef GRD_VECTOR_TABLE_H
#define GRD_VECTOR_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "dispatch.h"
#include "gradus_maxsim.h"
#include "gradus_vectors.h"

#define VECTOR_PORTABLE 0
#define VECTOR_AVX2 1
#define VECTOR_AVX512 2
#define VECTOR_AVX512_VNNI 3  // and BF16

typedef struct {
  void (*scores)(const grd_vector_rows *, const float *, const uint32_t *, size_t, size_t, float *);
  void (*quick_scores)(const grd_vector_rows *, const grd_vector_query *, const uint32_t *, size_t, size_t, float *);
  grd_graph_status (*search)(const grd_graph *, const grd_vector_query *, uint32_t, size_t, int, grd_graph_scratch *, size_t *,
                             size_t *);
  size_t (*select)(const grd_vector_rows *, const uint64_t *, size_t, size_t, void *, uint32_t *, float *);
  void (*maxsim)(const grd_maxsim_query *, const float *, const uint32_t *, size_t, float *);
  void (*products)(const float *, size_t, const float *, size_t, float *);
} grd_vector_table;

extern const grd_vector_table grd_vector_portable;
#if defined(__x86_64__)
extern const grd_vector_table grd_vector_avx2, grd_vector_avx512, grd_vector_vnni;
#endif

#endif
