/// Inference of encoders of BERT's kind, fused: packed (ragged) tokens in, hidden states out, in fp32, bf16 or int8.
///
/// A block of tokens goes through output projection, residual, layer norm, feed-forward, residual, layer norm and the next
/// layer's projection while it lies in the second-level cache; attention runs per sequence and head, without padding and with
/// memory linear in the length. The pieces of a forward pass are tasks in an order that any number of threads may take.
///
/// A token's result does not depend on its batch mates, on the number of threads or on the level below: every element is one
/// chain of fused multiply-adds in ascending order of the inner dimension, whichever row of a tile it falls in, and the
/// chains of all levels round alike. int8 sums are exact integers.
#ifndef GRADUS_ENCODER_H
#define GRADUS_ENCODER_H
#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  GRD_ENCODER_FP32 = 0,
  /// Weights and the inputs of all products rounded to bfloat16, sums in fp32; layer norms, residuals and softmax in fp32.
  GRD_ENCODER_BF16 = 1,
  /// Products in int8: weights symmetric with a scale for each output, activations with a scale for each token, taken from the
  /// token's own largest value, so that an outlier coarsens its own token. In attention, queries and keys have a scale for each
  /// token and head, values one for each column of a head, and probabilities are 254ths of a query's largest.
  GRD_ENCODER_INT8 = 2,
} grd_encoder_precision;

/// Instruction sets with a build of the encoder, weakest first; all give the same bits. The numbers from 1 belong to one
/// architecture each.
typedef enum {
  GRD_ENCODER_PORTABLE = 0,
  GRD_ENCODER_AVX2 = 1,         ///< x86-64
  GRD_ENCODER_NEON_DOT = 1,     ///< arm64: products of four bytes in one instruction.
  GRD_ENCODER_AVX512 = 2,
  GRD_ENCODER_AVX512_VNNI = 3,  ///< int8 products in one instruction.
  GRD_ENCODER_AVX512_BF16 = 4,  ///< and bfloat16 products.
} grd_encoder_level;

/// The strongest level that the processor has and grd_set_isa() allows.
grd_encoder_level grd_encoder_strongest_level(void);

/// The level to compute on: the strongest but one where the processor's bfloat16 products are slow (grd_bf16_is_fast).
grd_encoder_level grd_encoder_fastest_level(void);

/// How a layer is built.
typedef enum {
  /// BERT's: attention, residual, norm, feed-forward, residual, norm.
  GRD_ENCODER_POST_NORM = 0,
  /// ModernBERT's: norm, attention with rotated queries and keys, residual, norm, gated feed-forward, residual.
  GRD_ENCODER_PRE_NORM_GATED = 1,
} grd_encoder_form;

/// Sizes of an encoder; any positive sizes work, heads * head size = hidden. Multiples of 32 (heads: of 16) waste nothing.
/// Rotated heads have an even size.
typedef struct {
  size_t hidden, intermediate, heads, layers;
  float epsilon;  ///< Of the layer norms.
  grd_encoder_precision precision;
  grd_encoder_form form;
} grd_encoder_shape;

/// Weights of a layer as a checkpoint has them: [outputs][inputs] and [outputs]. qkv: queries, keys, values one below the other.
/// A bias or beta of NULL is zero. The attention norm stands after attention, or before it in the form with norms before;
/// there a gamma of NULL leaves it out, up has the activations and below them the gates, [2 * intermediate][hidden], and the
/// output norm stands before the feed-forward.
typedef struct {
  const float *qkv, *qkv_bias;                      ///< [3 * hidden][hidden]
  const float *output, *output_bias;                ///< [hidden][hidden]
  const float *attention_gamma, *attention_beta;    ///< [hidden]
  const float *up, *up_bias;                        ///< [intermediate][hidden]
  const float *down, *down_bias;                    ///< [hidden][intermediate]
  const float *output_gamma, *output_beta;          ///< [hidden]
} grd_encoder_layer_weights;

/// Bytes that a packed layer takes.
size_t grd_encoder_layer_bytes(const grd_encoder_shape *shape);

/// Packs a layer's weights into `packed` (64-byte aligned, grd_encoder_layer_bytes), which must not move afterwards.
/// The factor log2(e) / sqrt(head size) goes into the query projection. All weights must be finite.
grd_status grd_encoder_pack_layer(const grd_encoder_shape *shape, const grd_encoder_layer_weights *weights, void *packed);

/// A model: the embedding tables as they are in the checkpoint, and packed layers.
typedef struct {
  grd_encoder_shape shape;
  grd_encoder_level level;
  const float *words, *positions, *segments;  ///< Embedding tables, [rows][hidden]; NULL for positions or segments without.
  const float *gamma, *beta;                  ///< Layer norm of the embeddings, [hidden].
  const void *const *layers;                  ///< [shape.layers], from grd_encoder_pack_layer with the same shape.
  /// NULL, or what all layers add to the scores of attention, times log2(e): for head h and a key d tokens after the query
  /// bias[h * bias_stride + bias_reach + d], with |d| <= bias_reach for all d in a batch. Sixteen floats more can be read.
  const float *bias;
  size_t bias_stride, bias_reach;
  /// Rotated form: for each layer the cosines and then the sines of a position's angles, [positions][2][head size / 2]. The first
  /// half of a head's columns pairs with the second.
  const float *const *rotations;
  /// NULL, or for each layer the most tokens that a key may be away from its query; SIZE_MAX for any.
  const size_t *reaches;
  const float *final_gamma, *final_beta;  ///< NULL, or a norm after the last layer, [hidden].
} grd_encoder_model;

/// Packed sequences: sequence s is tokens offsets[s] ..< offsets[s + 1]; may be empty. All ids, segments and lengths must lie
/// within the embedding tables.
typedef struct {
  const int32_t *ids, *segments;  ///< [tokens]
  const int32_t *offsets;         ///< [sequences + 1], ascending from 0.
  size_t sequences;
  /// NULL, or the position of each sequence's first token, [sequences]; 0 for all where it is NULL.
  const int32_t *first_positions;
  /// NULL for the sum of the three embeddings, normalised; or the first layer's inputs, [tokens][hidden]: then ids, segments and
  /// the embedding tables are not read.
  const float *embedded;
  const int32_t *positions;  ///< Rotated form: of each token, [tokens].
  /// NULL, or how many of each sequence's first tokens all of its tokens attend to, [sequences]: at least one of a sequence that
  /// is not empty, and within reach of its last token.
  const int32_t *attended;
} grd_encoder_batch;

/// Bytes of workspace for a forward pass in which at most `lanes` tasks run at a time.
size_t grd_encoder_workspace_bytes(const grd_encoder_model *model, const grd_encoder_batch *batch, size_t lanes);

/// Plans a forward pass in `workspace` (64-byte aligned); `*tasks` becomes the number of tasks. Model and batch must live until
/// all tasks are done.
grd_status grd_encoder_prepare(const grd_encoder_model *model, const grd_encoder_batch *batch, size_t lanes, void *workspace,
                               size_t bytes, size_t *tasks);

/// Runs a task. Tasks must be begun in ascending order, each once, by any threads: a task waits, spinning, for the earlier ones
/// that it needs, which is deadlock-free because those have begun.
void grd_encoder_task(void *workspace, size_t task);

/// The hidden states after all tasks: row t begins at t * *stride floats.
const float *grd_encoder_hidden(const void *workspace, size_t *stride);

/// out[width] = mean (or largest value) of `count` rows; 0 where count is 0.
void grd_encoder_mean(const float *rows, size_t stride, size_t count, size_t width, float *out);
void grd_encoder_largest(const float *rows, size_t stride, size_t count, size_t width, float *out);

/// Single kernels at a chosen level, for tests and measurements.
///
/// out[rows][outputs] = x w^T + bias, through GELU where `gelu`, at the precision's arithmetic.
/// x: [rows][inputs], w: [outputs][inputs]. scratch: grd_encoder_linear_bytes, 64-byte aligned. Packs w first.
size_t grd_encoder_linear_bytes(grd_encoder_precision precision, size_t rows, size_t inputs, size_t outputs);
grd_status grd_encoder_linear(grd_encoder_level level, grd_encoder_precision precision, const float *x, size_t rows,
                              size_t inputs, const float *w, const float *bias, size_t outputs, int gelu, float *out,
                              void *scratch);

/// A matrix w [outputs][inputs] with its bias, packed into `packed` (64-byte aligned, grd_encoder_packed_bytes), which must not
/// move afterwards.
size_t grd_encoder_packed_bytes(grd_encoder_precision precision, size_t inputs, size_t outputs);
grd_status grd_encoder_pack_linear(grd_encoder_precision precision, const float *w, const float *bias, size_t inputs,
                                   size_t outputs, void *packed);

/// The product alone: out[rows][outputs rounded up to 32] for inputs that grd_encoder_round_inputs made (fp32: the rows
/// themselves). stride: of the inputs, a multiple of 16.
grd_status grd_encoder_multiply(grd_encoder_level level, grd_encoder_precision precision, const void *inputs, size_t stride,
                                const float *scales, size_t rows, const void *packed, int gelu, float *out);

/// Bytes of an element of a product's inputs: 4 in fp32, 1 in int8, and in bf16 2 where the level has products of them, else 4,
/// for rounded numbers that stay floats.
size_t grd_encoder_input_bytes(grd_encoder_level level, grd_encoder_precision precision);

/// Rows of floats, [rows][stride], as the inputs of a product (grd_encoder_input_bytes): numbers rounded to bfloat16, or bytes
/// with a scale for each row. fp32 has nothing to round.
grd_status grd_encoder_round_inputs(grd_encoder_level level, grd_encoder_precision precision, const float *x, size_t rows,
                                    size_t stride, void *out, float *scales);

/// GELU as bf16 and int8 use it: |error| <= 5e-5 + 3e-7 |x| against x P(N <= x), for every float. fp32 uses grd_gelu_forward's.
grd_status grd_encoder_gelu(grd_encoder_level level, const float *x, size_t count, float *y);

/// 2^x for x <= 0, as softmax uses it: relative error <= 2e-7 (fp32) or 3e-6 (bf16); 2^-126 below -126; NaN for the NaN that
/// arithmetic makes. In int8 254 * 2^x, relative error <= 7.6e-5; that of -30 below -30.
grd_status grd_encoder_exp2(grd_encoder_level level, grd_encoder_precision precision, const float *x, size_t count, float *y);

#ifdef __cplusplus
}
#endif
#endif
