/// Embedding look-up with layer normalisation, and its gradient.
#ifndef GRADUS_EMBEDDING_H
#define GRADUS_EMBEDDING_H
#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// One summand of an embedding: row indices[i] of table for token i.
typedef struct {
  const float *table;      ///< [entries][width]
  size_t entries;
  const int32_t *indices;  ///< [rows]
} grd_embedding;

/// y = layernorm(sum of the tables' rows), token by token: words, positions and types of BERT are three tables.
///
/// gamma, beta: [width]; normalized, y: [rows][width]; scale: [rows]; normalized and scale as in grd_layernorm_forward().
/// GRD_INVALID_ARGUMENT, and nothing written, where an index is not in 0 ..< entries or `tables` is 0.
grd_status grd_embedding_layernorm_forward(const grd_embedding *embeddings, size_t tables, const float *gamma,
                                           const float *beta, float epsilon, size_t rows, size_t width, float *normalized,
                                           float *scale, float *y);

/// dtable[indices[i]] += dy[i] in the order of i, for those indices in first_entry ..< first_entry + entries alone: threads
/// that take ranges of table rows each read all indices and share no row.
/// dy: [rows][width]; dtable: the whole table's gradient, [...][width].
void grd_embedding_backward(const int32_t *indices, const float *dy, size_t rows, size_t width, size_t first_entry,
                            size_t entries, float *dtable);

#ifdef __cplusplus
}
#endif
#endif
