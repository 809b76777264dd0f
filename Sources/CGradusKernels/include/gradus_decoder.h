/// Kernels of a Llama-like decoder: weight products in bfloat16 and int8, normalisation, rotation, attention over a key-value
/// cache.
///
/// Every kernel is compiled for AVX-512 with BF16 and VNNI, plain AVX-512, AVX2 and the portable baseline. All of them add in
/// one fixed order, and a row's result depends on that row alone, so that neither the number of rows of a call nor the split
/// into calls changes a bit. Builds agree to the bit, except where a value or a sum is subnormal in single precision
/// (under 1.2e-38): the bfloat16 instructions flush those to zero.
///
/// Widths: inputs and outputs of a weight, rows of activations and heads are padded to GRD_PANEL with zeros.
#ifndef GRADUS_DECODER_H
#define GRADUS_DECODER_H

#include "gradus_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  GRD_PANEL = 32,              ///< Outputs that are stored side by side, weights that share a scale, tokens of a cache page.
  GRD_ATTENTION_SEGMENT = 512, ///< Keys whose sums are kept apart before they are merged, in order.
};

/// How weights are stored. Every format is cut into panels of 32 outputs; a panel is one stream of memory.
typedef enum {
  GRD_WEIGHT_BF16 = 0,  ///< [inputs / 2][32 outputs][2 inputs].
  GRD_WEIGHT_Q8 = 1,    ///< Per 32 inputs: bytes [8][32 outputs][4 inputs] + 128, then 32 half-precision scales.
  GRD_WEIGHT_Q4 = 2,    ///< Per 32 inputs: nibbles [4][32][4], low ones inputs 0-15, high ones 16-31, + 8; 32 scales.
  GRD_WEIGHT_Q4M = 3,   ///< The same without offset; after the scales 32 half-precision minima, added to scale x nibble.
} grd_weight_format;

typedef struct {
  grd_weight_format format;
  size_t outputs;     ///< A multiple of GRD_PANEL.
  size_t inputs;      ///< A multiple of GRD_PANEL.
  const void *data;   ///< outputs / 32 panels of grd_weight_panel_bytes() bytes.
  const float *bias;  ///< [outputs] or NULL.
} grd_weight;

/// What becomes of the sums of a product.
typedef enum {
  GRD_OUTPUT_STORE = 0,        ///< float out[row][output] = sum.
  GRD_OUTPUT_ADD = 1,          ///< float out[row][output] += sum.
  GRD_OUTPUT_SWIGLU_BF16 = 2,  ///< Panels hold 16 gates g, then 16 values u: bfloat16 out[row][16 panel + i] = silu(g_i) u_i.
  GRD_OUTPUT_SWIGLU_F32 = 3,   ///< The same in float.
} grd_output;

/// Bytes of one panel of 32 outputs; 0 for an unknown format.
size_t grd_weight_panel_bytes(grd_weight_format format, size_t inputs);

/// Puts one row into its place of a panel, rounded to bfloat16. row: [count], count <= inputs; the rest becomes 0.
/// lane: which output of the panel, 0..31.
void grd_pack_row_bf16(void *panel, size_t lane, const float *row, size_t count, size_t inputs);

/// The same for GRD_WEIGHT_Q8, quantised to scale = largest magnitude / 127 per 32 inputs.
void grd_pack_row_q8(void *panel, size_t lane, const float *row, size_t count, size_t inputs);

/// The same from a row of GGUF blocks: Q8_0 (34 bytes each) into GRD_WEIGHT_Q8, Q4_0 (18) into GRD_WEIGHT_Q4, Q4_1 (20) into
/// GRD_WEIGHT_Q4M. Exact: the same numbers in another order.
void grd_pack_row_blocks(grd_weight_format format, void *panel, size_t lane, const uint8_t *blocks, size_t inputs);

/// One row back as floats: out[inputs].
void grd_unpack_row(grd_weight_format format, const void *panel, size_t lane, size_t inputs, float *out);

/// Products of bfloat16 rows with panels first_panel ..< first_panel + panels; quantised weights are widened to bfloat16 once
/// per panel. Sums are float, one chain over the inputs.
/// a: [rows][a_stride] bfloat16, the first `inputs` of each used. out: element (row, output) as `output` says, rows
/// out_stride elements apart. scratch: GRD_PANEL x inputs bfloat16, unused where the weights are bfloat16.
void grd_product_bf16(const grd_weight *weight, size_t first_panel, size_t panels, const uint16_t *a, size_t a_stride,
                      size_t rows, grd_output output, void *out, size_t out_stride, uint16_t *scratch);

/// Products of int8 rows with quantised weights (not GRD_WEIGHT_BF16): exact in int32 within 32 inputs, scaled and added in
/// float. a, scales, sums: as grd_quantize_rows() makes them, [rows][inputs], [rows][inputs / 32].
grd_status grd_product_int8(const grd_weight *weight, size_t first_panel, size_t panels, const int8_t *a, const float *scales,
                            const int32_t *sums, size_t rows, grd_output output, void *out, size_t out_stride);

/// Per 32 values: scale = largest magnitude / 127, q = round(x / scale), sum = sum of q. x: [rows][x_stride]; width: a
/// multiple of 32.
void grd_quantize_rows(const float *x, size_t x_stride, size_t rows, size_t width, int8_t *q, float *scales, int32_t *sums);

/// x / sqrt(mean(x^2) + epsilon) x weight. out_f32 and out_bf16: [rows][stride], either may be NULL.
void grd_rms_norm(const float *x, size_t x_stride, size_t rows, size_t width, const float *weight, float epsilon,
                  float *out_f32, size_t f32_stride, uint16_t *out_bf16, size_t bf16_stride);

/// bfloat16 rounded to nearest even. Finite values only.
void grd_round_bf16(const float *x, size_t count, uint16_t *out);

/// log(sum(exp(x))), within 1e-6. count > 0; finite values, one at least.
double grd_log_sum_exp(const float *x, size_t count);

/// Where queries, keys and values of a stretch of tokens go.
typedef struct {
  size_t heads, kv_heads;    ///< heads is a multiple of kv_heads.
  size_t head_dim;           ///< Even; at most 256.
  size_t padded_dim;         ///< head_dim rounded up to GRD_PANEL.
  const float *query_norm;   ///< [head_dim] weights of a normalisation per head, or NULL.
  const float *key_norm;
  float epsilon;
  size_t rotary_dim;         ///< The first so many dimensions of a head turn: i with i + rotary_dim / 2. Even.
  const float *cosines;      ///< [tokens][rotary_dim / 2]
  const float *sines;
  uint16_t *const *pages;    ///< Cache pages of the sequence; page p holds positions 32 p ..< 32 p + 32.
  size_t page_offset;        ///< Elements from a page's start to this layer's first key block.
} grd_heads;

/// Elements of one head's keys and values of a page: keys [padded_dim / 2][32 tokens][2], then values [16][padded_dim][2 tokens].
size_t grd_page_head_elements(size_t padded_dim);

/// Normalises and turns queries and keys; writes keys and values into the cache.
/// qkv: [tokens][stride]: heads x head_dim queries, then keys, then values. queries: [kv_heads][token_capacity x group]
/// [padded_dim] bfloat16, rows from `first_row` tokens on. position: of the first token.
void grd_split_heads(const grd_heads *heads, const float *qkv, size_t stride, size_t tokens, size_t position,
                     uint16_t *queries, size_t token_capacity, size_t first_row);

typedef struct {
  size_t padded_dim;
  size_t group;                   ///< Query heads of one key-value head.
  const uint16_t *const *pages;
  size_t page_offset;             ///< To the keys of this layer and head.
  size_t window;                  ///< Newest positions that a query sees, its own included; 0: all.
  float scale;                    ///< Of the scores.
  const uint16_t *queries;        ///< [positions x group][padded_dim]
  size_t position;                ///< Of the first query.
  size_t positions;               ///< Queries (times group: rows).
} grd_decoder_attention;

/// Floats of scratch for the two kernels below.
size_t grd_decoder_attention_scratch(size_t padded_dim);

/// Causal attention of rows first_row ..< first_row + rows over all the keys they see.
/// out: bfloat16, row r = (token t, head h of the group) at out + t * token_stride + h * head_dim.
void grd_decoder_attention_rows(const grd_decoder_attention *attention, size_t first_row, size_t rows, uint16_t *out,
                                size_t token_stride, size_t head_dim, float *scratch);

/// One segment of keys, segment x 512 ..< + 512, for all the rows: sums[rows][padded_dim] not yet divided, maxima[rows],
/// weights[rows]. Merging the segments in order gives the bits of the kernel above.
void grd_decoder_attention_segment(const grd_decoder_attention *attention, size_t segment, float *sums, float *maxima,
                                   float *weights, float *scratch);

/// Merges `segments` results of the kernel above, [segments][rows]..., into float out, laid out as above.
void grd_decoder_attention_merge(const grd_decoder_attention *attention, size_t segments, const float *sums,
                                 const float *maxima, const float *weights, float *out, size_t token_stride, size_t head_dim);

/// Adds the attention weights of queries to rows: weights[(t - first)][key] += sum over the heads h of the group with
/// selected[h] != 0 of the softmax of query t. first, count: query tokens, relative to `attention->position`; row_stride:
/// floats between two rows of weights; scratch: 12 x (keys rounded up to 32) floats.
void grd_decoder_attention_weights(const grd_decoder_attention *attention, size_t first, size_t count,
                                   const uint8_t *selected, float *weights, size_t row_stride, float *scratch);

#ifdef __cplusplus
}
#endif
#endif
