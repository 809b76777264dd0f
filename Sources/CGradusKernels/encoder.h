// What the files of the encoder share: packed matrices, the plan of a forward pass, the builds' entry points.
#ifndef GRD_ENCODER_INTERNAL_H
#define GRD_ENCODER_INTERNAL_H

#include "gradus_bf16_product.h"
#include "gradus_encoder.h"

#include <stdatomic.h>

enum {
  PANEL = 32,        ///< Outputs that a tile computes together.
  BLOCK_ROWS = 96,   ///< Tokens that go through a layer together; a multiple of every tile height.
  ALIGNMENT = 64,
};

/// A matrix [outputs][depth] cut into panels of 32 outputs: [panels][depth / group][32][group], zeros beyond the edges, with
/// group 1, 2 or 4 so that a lane's group fills 32 bits.
typedef struct {
  size_t panels;
  size_t depth;
  const void *data;
  const float *bias;          ///< [panels * 32]
  const float *scale;         ///< int8: [panels * 32]
  const int32_t *correction;  ///< int8: -128 times the sum of each output's weights, [panels * 32].
} grd_encoder_matrix;

typedef struct {
  grd_encoder_matrix qkv, output, up, down;
  const float *attention_gamma, *attention_beta, *output_gamma, *output_beta;
} grd_encoder_layer;

/// Sizes derived from a shape, all in elements.
typedef struct {
  size_t hidden_stride;     ///< Of hidden states.
  size_t head_width;        ///< A head's size, rounded up to 16.
  size_t context_stride;    ///< heads * head_width.
  size_t qkv_stride;        ///< 3 * context_stride, rounded up.
  size_t inner_stride;      ///< Of feed-forward activations.
  size_t wide_stride;       ///< Of a projection that is rotated or gated afterwards; 0 in forms without.
  size_t element;           ///< Bytes of an element of queries, keys, values and contexts: 4 or 2.
} grd_encoder_sizes;

/// Private memory of a running task.
typedef struct {
  float *sums;              ///< [BLOCK_ROWS][hidden_stride]
  void *inputs;             ///< [BLOCK_ROWS][hidden_stride] of the inputs' elements.
  float *wide;              ///< [BLOCK_ROWS][wide_stride]: of the form that rotates and gates, before it does.
  float *input_scales;      ///< [BLOCK_ROWS]
  void *contexts;           ///< [BLOCK_ROWS][context_stride] of the inputs' elements.
  void *inner;              ///< [BLOCK_ROWS][inner_stride]: the inputs' elements in bf16, else fp32.
  uint8_t *inner_bytes;     ///< [BLOCK_ROWS][inner_stride]
  float *inner_scales;      ///< [BLOCK_ROWS]
  // Of attention; they share the memory of the above.
  void *keys, *values, *scores, *shares, *queries;
  float *key_scales, *value_scales;  ///< int8: of a token's key, of a head's column of values.
  int32_t *key_corrections;          ///< int8: -128 times the sum of a key's bytes.
} grd_encoder_scratch;

/// Whether a level multiplies numbers in bfloat16 as floats, to which their left sides are widened once for many products: those
/// without the instruction.
#define GRD_WIDENS(level) ((level) < 4)

typedef struct {
  const grd_encoder_model *model;
  const grd_encoder_batch *batch;
  grd_encoder_sizes sizes;
  size_t tokens, block_rows, blocks, units, lanes, longest;
  float *hidden;            ///< [tokens][hidden_stride]
  void *qkv;                ///< [tokens][qkv_stride]
  void *context;            ///< [tokens][context_stride]
  int32_t *sequence_of;     ///< [blocks]: the sequence of each block's first token.
  int32_t *first_unit;      ///< [sequences + 1]: attention units before each sequence.
  int32_t *unit_sequence;   ///< [units]
  atomic_int *blocks_done;  ///< [blocks]: stages finished.
  atomic_int *units_done;   ///< [sequences]: attention units finished.
  atomic_int *lane_taken;   ///< [lanes]
  grd_encoder_scratch *scratch;  ///< [lanes]
} grd_encoder_plan;

/// The builds of one level.
typedef struct {
  /// Tokens first ..< first + rows: the rest of layer stage - 1 (or the embeddings), then the projection of layer `stage`.
  void (*stage)(const grd_encoder_plan *plan, size_t stage, size_t first, size_t rows, grd_encoder_scratch *scratch);
  /// Heads first ..< first + count of a sequence in layer `layer`.
  void (*attend)(const grd_encoder_plan *plan, size_t layer, size_t sequence, size_t first, size_t count,
                 grd_encoder_scratch *scratch);
  void (*multiply)(grd_encoder_precision precision, const void *inputs, size_t stride, const float *scales, size_t rows,
                   const grd_encoder_matrix *matrix, int gelu, float *out);
  void (*round_inputs)(grd_encoder_precision precision, const float *x, size_t rows, size_t stride, void *out, float *scales);
  void (*gelu)(const float *x, size_t count, float *y);
  void (*exp2)(grd_encoder_precision precision, const float *x, size_t count, float *y);
  /// As in gradus_bf16_product.h.
  void (*round_rows)(const float *from, size_t stride, size_t rows, size_t depth, uint16_t *out);
  void (*round_panels)(const float *from, size_t stride, int is_transposed, size_t depth, size_t width, uint16_t *out);
  void (*widen_pairs)(const uint16_t *pairs, size_t count, float *out);
  void (*multiply_panels)(const grd_bf16_product *product, size_t first_row, size_t rows, size_t first_panel, size_t panels);
} grd_encoder_build;

extern const grd_encoder_build grd_encoder_build_portable;
#if defined(__x86_64__)
extern const grd_encoder_build grd_encoder_build_avx2;
extern const grd_encoder_build grd_encoder_build_avx512;
extern const grd_encoder_build grd_encoder_build_vnni;
extern const grd_encoder_build grd_encoder_build_bf16;
#elif defined(__aarch64__)
extern const grd_encoder_build grd_encoder_build_dotprod;
#endif

/// Rounds to nearest, ties to even; subnormal numbers become zero, as the processor's conversion has it.
static inline uint16_t grd_bf16_of(float value) {
  union { float f; uint32_t u; } bits = {value};
  if ((bits.u & 0x7f800000u) == 0) return (uint16_t)(bits.u >> 16 & 0x8000u);
  return (uint16_t)((bits.u + 0x7fffu + (bits.u >> 16 & 1u)) >> 16);
}

/// The kernels of a level; NULL where the processor lacks it.
const grd_encoder_build *grd_encoder_build_of(grd_encoder_level level);

static inline size_t grd_rounded(size_t count, size_t multiple) { return (count + multiple - 1) / multiple * multiple; }

grd_encoder_sizes grd_encoder_sizes_of(const grd_encoder_shape *shape);
size_t grd_encoder_matrix_bytes(grd_encoder_precision precision, size_t outputs, size_t inputs);

/// Where output `o` and input `i` of a checkpoint's matrix stand in the packed one (heads are padded), and what multiplies them.
typedef struct {
  size_t outputs, inputs;              ///< Of the packed matrix, before rounding to panels.
  size_t output_head, output_padded;   ///< Head size and padded head size where outputs are heads, else 0.
  size_t input_head, input_padded;
  size_t factor_outputs;               ///< The first so many outputs of the checkpoint are multiplied by `factor`.
  float factor;
} grd_encoder_layout;

/// Packs [source_outputs][source_inputs] into memory, which is advanced.
grd_encoder_matrix grd_encoder_pack_matrix(grd_encoder_precision precision, const float *w, const float *bias,
                                           size_t source_outputs, size_t source_inputs, const grd_encoder_layout *layout,
                                           char **memory);

#endif
