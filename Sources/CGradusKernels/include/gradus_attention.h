/// Multi-head self-attention over packed sequences, forward and backward, without padding and without a score matrix.
#ifndef GRADUS_ATTENTION_H
#define GRADUS_ATTENTION_H
#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What both passes share. With hidden = heads * head_dim, token t's query, key and value of head h begin at
/// qkv[t][h * head_dim], qkv[t][hidden + h * head_dim] and qkv[t][2 * hidden + h * head_dim].
typedef struct {
  size_t heads;
  size_t head_dim;         ///< 1 to 256; multiples of 16 are fastest.
  const int64_t *offsets;  ///< [sequences + 1], ascending: sequence s is tokens offsets[s] ..< offsets[s + 1]; may be empty.
  size_t sequences;
  float scale;             ///< Multiplies query . key; usually 1 / sqrt(head_dim).
  float dropout;           ///< Share of probabilities set to 0 in training, in [0, 1); the others are divided by 1 - dropout.
  uint64_t seed;           ///< Of the dropout mask, which is a function of seed, unit, query and key position alone.
} grd_attention;

/// Floats of scratch that a call of either pass needs, for sequences of at most `longest` tokens (< 2^15): linear in it.
size_t grd_attention_scratch(const grd_attention *attention, size_t longest, int backward);

/// context = softmax(scale * Q K^T) V for the units first_unit ..< first_unit + units. Unit u is head u % heads of sequence
/// u / heads; units are independent, so any split over threads gives the same bits.
///
/// qkv: [tokens][3 * hidden]; context: [tokens][hidden]; log_sums: [tokens][heads], the logarithm of each softmax sum, which
/// the backward pass needs, or NULL; scratch: [scratch_count], private to the call.
grd_status grd_attention_forward(const grd_attention *attention, const float *qkv, size_t first_unit, size_t units,
                                 float *context, float *log_sums, float *scratch, size_t scratch_count);

/// dqkv = gradient with respect to qkv; every entry of the units' tokens and heads is overwritten.
/// context and log_sums are those of the forward pass: probabilities are computed again rather than kept, which costs about
/// the time that writing and reading them would, and none of their memory.
grd_status grd_attention_backward(const grd_attention *attention, const float *qkv, const float *context,
                                  const float *log_sums, const float *dcontext, size_t first_unit, size_t units, float *dqkv,
                                  float *scratch, size_t scratch_count);

#ifdef __cplusplus
}
#endif
#endif
