// Embedding look-up with layer normalisation, and its gradient.
#include "gradus_embedding.h"
#include "normalize_row.h"

GRD_INLINE grd_status grd_embedding_layernorm_forward_body(const grd_isa isa, const grd_embedding *embeddings, size_t tables,
                                                           const float *gamma, const float *beta, float epsilon, size_t rows,
                                                           size_t width, float *normalized, float *scale, float *y) {
  (void)isa;
  if (tables == 0) return GRD_INVALID_ARGUMENT;
  for (size_t t = 0; t < tables; t++)
    for (size_t row = 0; row < rows; row++) {
      const int32_t index = embeddings[t].indices[row];
      if (index < 0 || (size_t)index >= embeddings[t].entries) return GRD_INVALID_ARGUMENT;
    }
  for (size_t row = 0; row < rows; row++) {
    float *target = y + row * width;
    for (size_t j = 0; j < width; j += LANES) {
      const size_t left = width - j;
      vfloat v = vset(0);
      for (size_t t = 0; t < tables; t++)
        v += vload_part(embeddings[t].table + (size_t)embeddings[t].indices[row] * width + j, left, 0);
      vstore_part(target + j, v, left);
    }
    const float inverse = normalize_row(target, gamma, beta, epsilon, width, normalized ? normalized + row * width : NULL);
    if (scale) scale[row] = inverse;
  }
  return GRD_OK;
}
GRD_KERNEL(grd_status, grd_embedding_layernorm_forward,
           (const grd_embedding *embeddings, size_t tables, const float *gamma, const float *beta, float epsilon, size_t rows,
            size_t width, float *normalized, float *scale, float *y),
           embeddings, tables, gamma, beta, epsilon, rows, width, normalized, scale, y)

GRD_INLINE void grd_embedding_backward_body(const grd_isa isa, const int32_t *indices, const float *dy, size_t rows,
                                            size_t width, size_t first_entry, size_t entries, float *dtable) {
  (void)isa;
  for (size_t row = 0; row < rows; row++) {
    const int64_t place = (int64_t)indices[row] - (int64_t)first_entry;
    if (place < 0 || place >= (int64_t)entries) continue;
    float *target = dtable + (size_t)indices[row] * width;
    for (size_t j = 0; j < width; j += LANES) {
      const size_t left = width - j;
      vstore_part(target + j, vload_part(target + j, left, 0) + vload_part(dy + row * width + j, left, 0), left);
    }
  }
}
GRD_KERNEL(void, grd_embedding_backward,
           (const int32_t *indices, const float *dy, size_t rows, size_t width, size_t first_entry, size_t entries,
            float *dtable),
           indices, dy, rows, width, first_entry, entries, dtable)
