/// Late interaction: the sum over a query's tokens of the largest inner product with any token of a document (ColBERT).
#ifndef GRADUS_MAXSIM_H
#define GRADUS_MAXSIM_H

#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GRD_MAXSIM_PANEL = 32 };  ///< Query tokens that are compared together.

/// A query's token vectors, cut into panels of 32 tokens: [panels][dimension][32], zeros for tokens beyond the last.
typedef struct {
  size_t tokens;
  size_t dimension;
  const float *panels;
} grd_maxsim_query;

/// Packs token vectors, [tokens][dimension], into panels of panels * dimension * 32 floats.
void grd_maxsim_pack(const float *vectors, size_t tokens, size_t dimension, float *panels);

/// out[i] = MaxSim of document i, whose token vectors are the rows ends[i] ..< ends[i + 1] of `vectors`, [rows][dimension].
/// A document without tokens scores 0. No result depends on what else is in the call.
void grd_maxsim(const grd_maxsim_query *query, const float *vectors, const uint32_t *ends, size_t documents, float *out);

/// out[i * 32 + lane] = inner product of row i of `rows`, [count][dimension], with token `lane` of one panel: what centroids are
/// compared with. A product's bits depend on its row and its token alone.
void grd_maxsim_products(const float *panel, size_t dimension, const float *rows, size_t count, float *out);

#ifdef __cplusplus
}
#endif
#endif
