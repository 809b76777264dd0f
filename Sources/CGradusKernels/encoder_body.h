// The encoder's build for one level: a file sets ENCODER_LEVEL, ENCODER_BUILD and the target, and includes this.
#include "dispatch.h"
#include "encoder.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if ENCODER_LEVEL > 0
// Attributes of a region, because a build's functions differ in nothing but their target.
#if defined(__aarch64__)
#include <arm_neon.h>
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)
#else
#include <immintrin.h>
#if ENCODER_LEVEL == 1
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2"))), apply_to = function)
#elif ENCODER_LEVEL == 2
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,bmi2"))), apply_to = function)
#elif ENCODER_LEVEL == 3
#pragma clang attribute push(__attribute__((target(   \
        "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,bmi2"))), \
                             apply_to = function)
#else
#pragma clang attribute push(__attribute__((target(   \
        "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,avx2,fma,bmi2"))), \
                             apply_to = function)
#endif
#endif
#endif

// After the attributes, so that the vector functions are functions of this target, too.
#include "normalize_row.h"
#include "encoder_tiles.h"
#include "encoder_rows.h"
#include "encoder_linear.h"
#include "encoder_attend.h"
#include "encoder_product.h"
#include "encoder_rotate.h"

/// A block of rows as the inputs of a product, at the precision's element type.
typedef struct {
  const void *rows;
  size_t stride;
  const float *scales;  ///< int8: of each row.
} linear_inputs;

static void linear(grd_encoder_precision precision, size_t rows, linear_inputs inputs, const grd_encoder_matrix *matrix,
                   linear_end end, void *out, size_t stride, const float *residual) {
  const linear_target target = {end, out, stride, residual};
  switch (precision) {
    case GRD_ENCODER_FP32: linear_fp32(rows, inputs.rows, inputs.stride, matrix, &target); break;
    case GRD_ENCODER_BF16: linear_bf16(rows, inputs.rows, inputs.stride, matrix, &target); break;
    case GRD_ENCODER_INT8: linear_int8(rows, inputs.rows, inputs.stride, inputs.scales, matrix, &target); break;
  }
}

/// Rows of fp32 as inputs: themselves, or rounded into `copy`. stride: of both, a multiple of 16.
GRD_INLINE linear_inputs rounded_inputs(grd_encoder_precision precision, const float *rows, size_t count, size_t stride,
                                        void *copy, float *scales) {
  switch (precision) {
    case GRD_ENCODER_FP32: return (linear_inputs){rows, stride, NULL};
    case GRD_ENCODER_BF16:
      for (size_t at = 0; at < count * stride; at += LANES) vstore_left(copy, at, vload(rows + at));
      return (linear_inputs){copy, stride, NULL};
    case GRD_ENCODER_INT8:
      for (size_t row = 0; row < count; row++) {
        const float *x = rows + row * stride;
        scales[row] = quantize_row(x, stride, (uint8_t *)copy + row * stride, largest_of_row(x, stride));
      }
      return (linear_inputs){copy, stride, scales};
  }
  return (linear_inputs){NULL, 0, NULL};
}

/// The same for contexts, which are rounded to bf16 already where the precision is not fp32.
GRD_INLINE linear_inputs context_inputs(const grd_encoder_plan *plan, size_t first, size_t count,
                                        const grd_encoder_scratch *scratch) {
  const size_t stride = plan->sizes.context_stride;
  const char *rows = (const char *)plan->context + first * stride * plan->sizes.element;
  if (plan->model->shape.precision == GRD_ENCODER_BF16 && GRD_WIDENS(ENCODER_LEVEL)) {
    float *wide = scratch->contexts;
    for (size_t at = 0; at < count * stride; at += LANES) vstore(wide + at, vload_bf16((const uint16_t *)rows + at));
    return (linear_inputs){wide, stride, NULL};
  }
  if (plan->model->shape.precision != GRD_ENCODER_INT8) return (linear_inputs){rows, stride, NULL};
  for (size_t row = 0; row < count; row++) {
    const uint16_t *x = (const uint16_t *)rows + row * stride;
    // Widened in place of a second pass over bf16; `inner` is free here.
    float *wide = scratch->inner;
    vfloat largest = vset(0);
    for (size_t j = 0; j < stride; j += LANES) {
      const vfloat v = vload_bf16(x + j);
      vstore(wide + j, v);
      largest = vmax(largest, vabs(v));
    }
    scratch->input_scales[row] = quantize_row(wide, stride, (uint8_t *)scratch->contexts + row * stride, largest);
  }
  return (linear_inputs){scratch->contexts, stride, scratch->input_scales};
}

/// The first layer's inputs: as they were given, or the sum of a token's three embeddings, normalised.
GRD_INLINE void embed(const grd_encoder_plan *plan, size_t first, size_t rows, size_t block) {
  const grd_encoder_model *model = plan->model;
  const grd_encoder_batch *batch = plan->batch;
  const size_t hidden = model->shape.hidden, stride = plan->sizes.hidden_stride;
  if (batch->embedded) {
    for (size_t token = first; token < first + rows; token++) {
      float *out = plan->hidden + token * stride;
      memcpy(out, batch->embedded + token * hidden, hidden * sizeof(float));
      for (size_t j = hidden; j < stride; j++) out[j] = 0;
    }
    return;
  }
  size_t sequence = (size_t)plan->sequence_of[block];
  for (size_t token = first; token < first + rows; token++) {
    while ((size_t)batch->offsets[sequence + 1] <= token) sequence++;
    const float *word = model->words + (size_t)batch->ids[token] * hidden;
    const size_t start = batch->first_positions ? (size_t)batch->first_positions[sequence] : 0;
    const size_t position = start + token - (size_t)batch->offsets[sequence];
    const float *place = model->positions ? model->positions + position * hidden : NULL;
    const float *segment = model->segments ? model->segments + (size_t)batch->segments[token] * hidden : NULL;
    float *out = plan->hidden + token * stride;
    for (size_t j = 0; j < hidden; j += LANES) {
      const size_t left = hidden - j;
      vfloat sum = vload_part(word + j, left, 0);
      if (place) sum += vload_part(place + j, left, 0);
      if (segment) sum += vload_part(segment + j, left, 0);
      vstore_part(out + j, sum, left);
    }
    for (size_t j = hidden; j < stride; j++) out[j] = 0;
    normalize_row(out, model->gamma, model->beta, model->shape.epsilon, hidden);
  }
}

/// hidden = layer norm of the sums of a product and its residual; columns beyond the width stay zero.
GRD_INLINE void normalize(const grd_encoder_plan *plan, const float *sums, const float *gamma, const float *beta, size_t first,
                          size_t rows) {
  const size_t width = plan->model->shape.hidden, stride = plan->sizes.hidden_stride;
  for (size_t row = 0; row < rows; row++) {
    float *out = plan->hidden + (first + row) * stride;
    memcpy(out, sums + row * stride, width * sizeof(float));
    normalize_row(out, gamma, beta, plan->model->shape.epsilon, width);
  }
}

/// The inputs of a product from the normalised hidden states, which stay as they are; from these themselves where gamma is NULL.
GRD_INLINE linear_inputs normalized_inputs(const grd_encoder_plan *plan, const float *gamma, const float *beta, size_t first,
                                           size_t rows, grd_encoder_scratch *scratch) {
  const size_t width = plan->model->shape.hidden, stride = plan->sizes.hidden_stride;
  const float *from = plan->hidden + first * stride;
  if (gamma) {
    // Whole rows: columns beyond the width are zero.
    memcpy(scratch->sums, from, rows * stride * sizeof(float));
    for (size_t row = 0; row < rows; row++)
      normalize_row(scratch->sums + row * stride, gamma, beta, plan->model->shape.epsilon, width);
    from = scratch->sums;
  }
  return rounded_inputs(plan->model->shape.precision, from, rows, stride, scratch->inputs, scratch->input_scales);
}

/// A stage of the form with norms before the parts.
static void stage_pre_norm(const grd_encoder_plan *plan, size_t number, size_t first, size_t rows, grd_encoder_scratch *scratch) {
  const grd_encoder_model *model = plan->model;
  const grd_encoder_precision precision = model->shape.precision;
  const grd_encoder_sizes *sizes = &plan->sizes;
  const size_t stride = sizes->hidden_stride, wide = sizes->wide_stride;
  float *hidden = plan->hidden + first * stride;
  if (number == 0) {
    embed(plan, first, rows, first / plan->block_rows);
  } else {
    const grd_encoder_layer *layer = model->layers[number - 1];
    // Each element is read before it is replaced.
    linear(precision, rows, context_inputs(plan, first, rows, scratch), &layer->output, ADD_RESIDUAL, hidden, stride, hidden);
    linear(precision, rows, normalized_inputs(plan, layer->output_gamma, layer->output_beta, first, rows, scratch), &layer->up,
           STORE, scratch->wide, wide, NULL);
    gate(precision, scratch->wide, wide, rows, sizes->inner_stride, scratch->inner);
    linear_inputs down = {scratch->inner, sizes->inner_stride, NULL};
    if (precision == GRD_ENCODER_INT8)
      down = rounded_inputs(precision, scratch->inner, rows, sizes->inner_stride, scratch->inner_bytes, scratch->inner_scales);
    linear(precision, rows, down, &layer->down, ADD_RESIDUAL, hidden, stride, hidden);
  }
  if (number == model->shape.layers) {
    const float *gamma = model->final_gamma, *beta = model->final_beta;
    for (size_t row = 0; gamma && row < rows; row++)
      normalize_row(hidden + row * stride, gamma, beta, model->shape.epsilon, model->shape.hidden);
    return;
  }
  const grd_encoder_layer *next = model->layers[number];
  linear(precision, rows, normalized_inputs(plan, next->attention_gamma, next->attention_beta, first, rows, scratch), &next->qkv,
         STORE, scratch->wide, wide, NULL);
  for (size_t row = 0; row < rows; row++) {
    float *from = scratch->wide + row * wide;
    rotate_row(from, model->rotations[number], (size_t)plan->batch->positions[first + row], model->shape.heads,
               model->shape.hidden / model->shape.heads, sizes->head_width);
    char *to = (char *)plan->qkv + (first + row) * sizes->qkv_stride * sizes->element;
    if (sizes->element == 4) {
      memcpy(to, from, sizes->qkv_stride * sizeof(float));
    } else {
      for (size_t j = 0; j < sizes->qkv_stride; j += LANES) vstore_bf16((uint16_t *)to + j, vload(from + j));
    }
  }
}

static void stage(const grd_encoder_plan *plan, size_t number, size_t first, size_t rows, grd_encoder_scratch *scratch) {
  const grd_encoder_shape *shape = &plan->model->shape;
  if (shape->form == GRD_ENCODER_PRE_NORM_GATED) return stage_pre_norm(plan, number, first, rows, scratch);
  const grd_encoder_precision precision = shape->precision;
  const grd_encoder_sizes *sizes = &plan->sizes;
  const size_t stride = sizes->hidden_stride;
  float *hidden = plan->hidden + first * stride;
  if (number == 0) {
    embed(plan, first, rows, first / plan->block_rows);
  } else {
    const grd_encoder_layer *layer = plan->model->layers[number - 1];
    linear(precision, rows, context_inputs(plan, first, rows, scratch), &layer->output, ADD_RESIDUAL, scratch->sums, stride,
           hidden);
    normalize(plan, scratch->sums, layer->attention_gamma, layer->attention_beta, first, rows);
    const linear_inputs up = rounded_inputs(precision, hidden, rows, stride, scratch->inputs, scratch->input_scales);
    const linear_end gelu =
        precision == GRD_ENCODER_FP32 ? GELU_FULL : precision == GRD_ENCODER_BF16 ? GELU_SHORT_BF16 : GELU_SHORT;
    linear(precision, rows, up, &layer->up, gelu, scratch->inner, sizes->inner_stride, NULL);
    linear_inputs down = {scratch->inner, sizes->inner_stride, NULL};
    if (precision == GRD_ENCODER_INT8)
      down = rounded_inputs(precision, scratch->inner, rows, sizes->inner_stride, scratch->inner_bytes, scratch->inner_scales);
    linear(precision, rows, down, &layer->down, ADD_RESIDUAL, scratch->sums, stride, hidden);
    normalize(plan, scratch->sums, layer->output_gamma, layer->output_beta, first, rows);
  }
  if (number == shape->layers) return;
  const grd_encoder_layer *next = plan->model->layers[number];
  linear(precision, rows, rounded_inputs(precision, hidden, rows, stride, scratch->inputs, scratch->input_scales), &next->qkv,
         precision == GRD_ENCODER_FP32 ? STORE : STORE_BF16,
         (char *)plan->qkv + first * sizes->qkv_stride * sizes->element, sizes->qkv_stride, NULL);
}

static void attend(const grd_encoder_plan *plan, size_t layer, size_t sequence, size_t first, size_t count,
                   grd_encoder_scratch *scratch) {
  const grd_encoder_sizes *sizes = &plan->sizes;
  const size_t start = (size_t)plan->batch->offsets[sequence], tokens = (size_t)plan->batch->offsets[sequence + 1] - start;
  const size_t length = plan->batch->attended ? (size_t)plan->batch->attended[sequence] : tokens;
  const size_t element = sizes->element, part = sizes->context_stride * element;
  for (size_t head = first; head < first + count; head++) {
    const size_t column = head * sizes->head_width * element;
    const char *rows = (const char *)plan->qkv + start * sizes->qkv_stride * element + column;
    const attention_head h = {
        .rows = tokens, .length = length, .padded = round_up(length, PANEL), .width = sizes->head_width,
        .words = sizes->head_width * element / 4, .queries = rows, .keys = rows + part, .values = rows + 2 * part,
        .stride = sizes->qkv_stride, .context = (char *)plan->context + start * part + column,
        .context_stride = sizes->context_stride, .scratch = scratch,
        .reach = plan->model->reaches ? plan->model->reaches[layer] : SIZE_MAX,
        .bias = plan->model->bias ? plan->model->bias + head * plan->model->bias_stride + plan->model->bias_reach : NULL};
    switch (plan->model->shape.precision) {
      case GRD_ENCODER_FP32: attend_fp32(&h); break;
      case GRD_ENCODER_BF16: attend_bf16(&h); break;
      case GRD_ENCODER_INT8: attend_int8(&h); break;
    }
  }
}

static void multiply(grd_encoder_precision precision, const void *inputs, size_t stride, const float *scales, size_t rows,
                     const grd_encoder_matrix *matrix, int gelu, float *out) {
  const linear_end end = !gelu ? STORE : precision == GRD_ENCODER_FP32 ? GELU_FULL : GELU_SHORT;
  linear(precision, rows, (linear_inputs){inputs, stride, scales}, matrix, end, out, matrix->panels * PANEL, NULL);
}

static void round_inputs(grd_encoder_precision precision, const float *x, size_t rows, size_t stride, void *out, float *scales) {
  (void)rounded_inputs(precision, x, rows, stride, out, scales);
}

static void gelu_of(const float *x, size_t count, float *y) {
  for (size_t at = 0; at < count; at += LANES)
    vstore_part(y + at, vgelu_short(vload_part(x + at, count - at, 0)), count - at);
}

static void exp2_of(grd_encoder_precision precision, const float *x, size_t count, float *y) {
  for (size_t at = 0; at < count; at += LANES) {
    const vfloat v = vload_part(x + at, count - at, 0);
    const vfloat power = precision == GRD_ENCODER_INT8 ? vexp2_bytes(v) : vexp2_negative(precision == GRD_ENCODER_BF16, v);
    vstore_part(y + at, power, count - at);
  }
}

#if ENCODER_LEVEL > 0
#pragma clang attribute pop
#endif

const grd_encoder_build ENCODER_BUILD = {stage,   attend,     multiply,     round_inputs, gelu_of,
                                         exp2_of, round_rows, round_panels, widen_all_pairs, multiply_panels};
