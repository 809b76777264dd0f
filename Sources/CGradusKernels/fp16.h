// What the files of products in half precision share.
#ifndef GRD_FP16_H
#define GRD_FP16_H

#include "gradus_fp16_product.h"

/// The kernels of one level; arguments begin at the rows or the panel that they work on, and are checked.
typedef struct {
  void (*pack_rows)(const float *from, size_t stride, size_t rows, size_t depth, uint32_t *out, float *inverse);
  /// At most GRD_FP16_GROUP panels.
  void (*pack_row_panels)(const float *from, size_t stride, size_t depth, size_t rows, uint32_t *out, float *inverse);
  void (*pack_panel)(const float *from, size_t stride, bool is_transposed, size_t depth, size_t width, uint16_t *out,
                     float *inverse);
  void (*multiply)(const grd_fp16_product *product, size_t first_row, size_t rows, size_t first_panel, size_t panels);
} grd_fp16_build;

extern const grd_fp16_build grd_fp16_build_portable;
#if defined(__x86_64__)
extern const grd_fp16_build grd_fp16_build_avx512;
#endif

#endif
