// Packs weights once, at load: panels of 32 outputs, in the order in which the tiles read them.
#include "encoder.h"

#include <math.h>
#include <string.h>

grd_encoder_sizes grd_encoder_sizes_of(const grd_encoder_shape *shape) {
  grd_encoder_sizes sizes;
  sizes.hidden_stride = grd_rounded(shape->hidden, PANEL);
  sizes.head_width = grd_rounded(shape->hidden / shape->heads, 16);
  sizes.context_stride = shape->heads * sizes.head_width;
  sizes.qkv_stride = grd_rounded(3 * sizes.context_stride, PANEL);
  sizes.inner_stride = grd_rounded(shape->intermediate, PANEL);
  sizes.wide_stride = sizes.qkv_stride > 2 * sizes.inner_stride ? sizes.qkv_stride : 2 * sizes.inner_stride;
  if (shape->form == GRD_ENCODER_POST_NORM) sizes.wide_stride = 0;
  sizes.element = shape->precision == GRD_ENCODER_FP32 ? 4 : 2;
  return sizes;
}

static size_t group_of(grd_encoder_precision precision) { return (size_t)1 << precision; }

static size_t depth_of(grd_encoder_precision precision, size_t inputs) { return grd_rounded(inputs, group_of(precision)); }

size_t grd_encoder_matrix_bytes(grd_encoder_precision precision, size_t outputs, size_t inputs) {
  const size_t padded = grd_rounded(outputs, PANEL);
  const size_t weights = padded * depth_of(precision, inputs) * (4 / group_of(precision));
  return grd_rounded(weights, ALIGNMENT) + 3 * padded * sizeof(float);
}

static void *take(char **memory, size_t bytes) {
  void *result = *memory;
  *memory += grd_rounded(bytes, ALIGNMENT);
  return result;
}

static size_t moved(size_t index, size_t head, size_t padded) { return head ? index / head * padded + index % head : index; }

grd_encoder_matrix grd_encoder_pack_matrix(grd_encoder_precision precision, const float *w, const float *bias,
                                           size_t source_outputs, size_t source_inputs, const grd_encoder_layout *layout,
                                           char **memory) {
  const size_t padded = grd_rounded(layout->outputs, PANEL), depth = depth_of(precision, layout->inputs);
  const size_t group = group_of(precision), bytes = padded * depth * (4 / group);
  char *data = take(memory, bytes);
  float *packed_bias = take(memory, padded * sizeof(float)), *scale = take(memory, padded * sizeof(float));
  int32_t *correction = take(memory, padded * sizeof(int32_t));
  memset(data, 0, bytes);
  memset(packed_bias, 0, padded * sizeof(float));
  memset(scale, 0, padded * sizeof(float));
  memset(correction, 0, padded * sizeof(int32_t));
  for (size_t o = 0; o < source_outputs; o++) {
    const size_t output = moved(o, layout->output_head, layout->output_padded);
    const float factor = o < layout->factor_outputs ? layout->factor : 1.0f;
    const float *row = w + o * source_inputs;
    packed_bias[output] = bias ? bias[o] * factor : 0;
    float largest = 0;
    for (size_t i = 0; i < source_inputs; i++) largest = fmaxf(largest, fabsf(row[i]));
    const float inverse = largest > 1e-30f ? 127.0f / largest : 0;
    scale[output] = largest / 127.0f * factor;
    int32_t sum = 0;
    for (size_t i = 0; i < source_inputs; i++) {
      const size_t input = moved(i, layout->input_head, layout->input_padded);
      const size_t block = output / PANEL * (depth / group) + input / group;
      const size_t at = block * PANEL * group + output % PANEL * group + input % group;
      switch (precision) {
        case GRD_ENCODER_FP32: ((float *)data)[at] = row[i] * factor; break;
        case GRD_ENCODER_BF16: ((uint16_t *)data)[at] = grd_bf16_of(row[i] * factor); break;
        case GRD_ENCODER_INT8: {
          const int8_t value = (int8_t)lrintf(row[i] * inverse);
          ((int8_t *)data)[at] = value;
          sum += value;
        }
      }
    }
    correction[output] = -128 * sum;
  }
  return (grd_encoder_matrix){padded / PANEL, depth, data, packed_bias, scale, correction};
}

/// Outputs and inputs of a layer's four matrices after padding.
static void layer_matrices(const grd_encoder_shape *shape, size_t sizes[4][2]) {
  const grd_encoder_sizes s = grd_encoder_sizes_of(shape);
  const size_t up = shape->form == GRD_ENCODER_PRE_NORM_GATED ? 2 * s.inner_stride : shape->intermediate;
  const size_t table[4][2] = {{3 * s.context_stride, shape->hidden}, {shape->hidden, s.context_stride},
                              {up, shape->hidden}, {shape->hidden, shape->intermediate}};
  memcpy(sizes, table, sizeof table);
}

static size_t header_bytes(void) { return grd_rounded(sizeof(grd_encoder_layer), ALIGNMENT); }

size_t grd_encoder_layer_bytes(const grd_encoder_shape *shape) {
  size_t sizes[4][2], bytes = header_bytes() + 4 * grd_rounded(shape->hidden * sizeof(float), ALIGNMENT);
  layer_matrices(shape, sizes);
  for (int i = 0; i < 4; i++) bytes += grd_encoder_matrix_bytes(shape->precision, sizes[i][0], sizes[i][1]);
  return bytes;
}

/// Zeros of NULL.
static const float *copied(const float *values, size_t count, char **memory) {
  float *copy = take(memory, count * sizeof(float));
  for (size_t i = 0; i < count; i++) copy[i] = values ? values[i] : 0;
  return copy;
}

grd_status grd_encoder_pack_layer(const grd_encoder_shape *shape, const grd_encoder_layer_weights *weights, void *packed) {
  if (!shape->hidden || !shape->intermediate || !shape->heads || shape->hidden % shape->heads || (uintptr_t)packed % ALIGNMENT)
    return GRD_INVALID_ARGUMENT;
  if (shape->form == GRD_ENCODER_PRE_NORM_GATED && shape->hidden / shape->heads % 2) return GRD_INVALID_ARGUMENT;
  const grd_encoder_sizes s = grd_encoder_sizes_of(shape);
  const size_t hidden = shape->hidden, inner = shape->intermediate, head = hidden / shape->heads;
  char *memory = (char *)packed + header_bytes();
  grd_encoder_layer *layer = packed;
  // Softmax is computed to base 2.
  const float factor = (float)(1.4426950408889634 / sqrt((double)head));
  const grd_encoder_layout qkv = {3 * s.context_stride, hidden, head, s.head_width, 0, 0, hidden, factor};
  const grd_encoder_layout output = {hidden, s.context_stride, 0, 0, head, s.head_width, 0, 1};
  const int gated = shape->form == GRD_ENCODER_PRE_NORM_GATED;
  // Activations and gates each begin at a panel.
  const grd_encoder_layout up = {gated ? 2 * s.inner_stride : inner, hidden, gated ? inner : 0, s.inner_stride, 0, 0, 0, 1};
  const grd_encoder_layout down = {hidden, inner, 0, 0, 0, 0, 0, 1};
  const grd_encoder_precision p = shape->precision;
  layer->qkv = grd_encoder_pack_matrix(p, weights->qkv, weights->qkv_bias, 3 * hidden, hidden, &qkv, &memory);
  layer->output = grd_encoder_pack_matrix(p, weights->output, weights->output_bias, hidden, hidden, &output, &memory);
  layer->up = grd_encoder_pack_matrix(p, weights->up, weights->up_bias, gated ? 2 * inner : inner, hidden, &up, &memory);
  layer->down = grd_encoder_pack_matrix(p, weights->down, weights->down_bias, hidden, inner, &down, &memory);
  layer->attention_gamma = copied(weights->attention_gamma, hidden, &memory);
  if (gated && !weights->attention_gamma) layer->attention_gamma = NULL;
  layer->attention_beta = copied(weights->attention_beta, hidden, &memory);
  layer->output_gamma = copied(weights->output_gamma, hidden, &memory);
  layer->output_beta = copied(weights->output_beta, hidden, &memory);
  return GRD_OK;
}
