// Plans a forward pass as tasks and runs them: blocks of tokens and attention units, each waiting for what it reads.
#include "encoder.h"
#include "simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <sched.h>

grd_encoder_level grd_encoder_strongest_level(void) {
  const uint32_t features = grd_cpu_features();
#if defined(__aarch64__)
  return features & GRD_CPU_NEON_DOT ? GRD_ENCODER_NEON_DOT : GRD_ENCODER_PORTABLE;
#endif
  switch (grd_isa_in_use()) {
    case GRD_ISA_PORTABLE: return GRD_ENCODER_PORTABLE;
    case GRD_ISA_AVX2: return GRD_ENCODER_AVX2;
    case GRD_ISA_AVX512: break;
  }
  if (!(features & GRD_CPU_AVX512_VNNI)) return GRD_ENCODER_AVX512;
  return features & GRD_CPU_AVX512_BF16 ? GRD_ENCODER_AVX512_BF16 : GRD_ENCODER_AVX512_VNNI;
}

grd_encoder_level grd_encoder_fastest_level(void) {
  const grd_encoder_level level = grd_encoder_strongest_level();
  return level == GRD_ENCODER_AVX512_BF16 && !grd_bf16_is_fast() ? GRD_ENCODER_AVX512_VNNI : level;
}

const grd_encoder_build *grd_encoder_build_of(grd_encoder_level level) {
  if (level < GRD_ENCODER_PORTABLE || level > grd_encoder_strongest_level()) return NULL;
#if defined(__x86_64__)
  switch (level) {
    case GRD_ENCODER_PORTABLE: break;
    case GRD_ENCODER_AVX2: return &grd_encoder_build_avx2;
    case GRD_ENCODER_AVX512: return &grd_encoder_build_avx512;
    case GRD_ENCODER_AVX512_VNNI: return &grd_encoder_build_vnni;
    case GRD_ENCODER_AVX512_BF16: return &grd_encoder_build_bf16;
  }
#elif defined(__aarch64__)
  if (level == GRD_ENCODER_NEON_DOT) return &grd_encoder_build_dotprod;
#endif
  return &grd_encoder_build_portable;
}

size_t grd_encoder_input_bytes(grd_encoder_level level, grd_encoder_precision precision) {
  switch (precision) {
    case GRD_ENCODER_FP32: return sizeof(float);
    case GRD_ENCODER_BF16: return GRD_WIDENS(level) ? sizeof(float) : sizeof(uint16_t);
    case GRD_ENCODER_INT8: return 1;
  }
  return 0;
}

/// Heads of a sequence that one task takes: all of a short one, one of a long one.
static size_t heads_per_unit(size_t heads, size_t length) {
  const size_t count = length >= 96 ? 1 : length >= 48 ? 2 : length >= 24 ? 4 : heads;
  return count < heads ? count : heads;
}

/// Tokens of a block: many, for few passes over the weights, and as many to each lane where there is little work.
static size_t rows_per_block(size_t tokens, size_t lanes) {
  const size_t turns = (tokens + lanes * BLOCK_ROWS - 1) / (lanes * BLOCK_ROWS);
  if (turns > 2) return BLOCK_ROWS;
  const size_t parts = turns ? lanes * turns : 1, rows = grd_rounded((tokens + parts - 1) / parts, 4);
  return rows < 12 ? 12 : rows;
}

/// Lays the parts of a workspace out from `memory` on, which may be NULL; returns the bytes that they take.
static size_t lay_out(grd_encoder_plan *plan, char *memory) {
  const grd_encoder_shape *shape = &plan->model->shape;
  const grd_encoder_sizes *sizes = &plan->sizes;
  size_t used = grd_rounded(sizeof *plan, ALIGNMENT);
#define TAKE(field, count, bytes) (field = (void *)(memory + used), used += grd_rounded((count) * (bytes), ALIGNMENT))
  TAKE(plan->hidden, plan->tokens * sizes->hidden_stride, sizeof(float));
  TAKE(plan->qkv, plan->tokens * sizes->qkv_stride, sizes->element);
  TAKE(plan->context, plan->tokens * sizes->context_stride, sizes->element);
  TAKE(plan->sequence_of, plan->blocks + 1, sizeof(int32_t));
  TAKE(plan->first_unit, plan->batch->sequences + 1, sizeof(int32_t));
  TAKE(plan->unit_sequence, plan->units + 1, sizeof(int32_t));
  TAKE(plan->blocks_done, plan->blocks, sizeof(atomic_int));
  TAKE(plan->units_done, plan->batch->sequences, sizeof(atomic_int));
  TAKE(plan->lane_taken, plan->lanes, sizeof(atomic_int));
  TAKE(plan->scratch, plan->lanes, sizeof(grd_encoder_scratch));
  const size_t padded = grd_rounded(plan->longest, PANEL), rows = plan->block_rows;
  const size_t widest = sizes->inner_stride > sizes->context_stride ? sizes->inner_stride : sizes->context_stride;
  const size_t input = grd_encoder_input_bytes(plan->model->level, shape->precision);
  for (size_t lane = 0; lane < plan->lanes; lane++) {
    grd_encoder_scratch *scratch = memory ? plan->scratch + lane : &(grd_encoder_scratch){0};
    const size_t start = used;
    TAKE(scratch->sums, rows * sizes->hidden_stride, sizeof(float));
    TAKE(scratch->inputs, rows * sizes->hidden_stride, input);
    TAKE(scratch->wide, rows * sizes->wide_stride, sizeof(float));
    TAKE(scratch->input_scales, rows, sizeof(float));
    TAKE(scratch->contexts, rows * sizes->context_stride, input);
    TAKE(scratch->inner, rows * widest, shape->precision == GRD_ENCODER_BF16 ? input : sizeof(float));
    TAKE(scratch->inner_bytes, rows * sizes->inner_stride, 1);
    TAKE(scratch->inner_scales, rows, sizeof(float));
    const size_t end = used;
    used = start;
    TAKE(scratch->keys, padded * sizes->head_width, sizes->element);
    TAKE(scratch->values, padded * grd_rounded(sizes->head_width, PANEL), sizes->element);
    TAKE(scratch->scores, 12 * padded, sizeof(float));
    TAKE(scratch->shares, 12 * padded, GRD_WIDENS(plan->model->level) ? sizeof(float) : sizes->element);
    TAKE(scratch->queries, 12 * sizes->head_width, sizeof(float));
    TAKE(scratch->key_scales, padded, sizeof(float));
    TAKE(scratch->key_corrections, padded, sizeof(int32_t));
    TAKE(scratch->value_scales, grd_rounded(sizes->head_width, PANEL), sizeof(float));
    // A lane's memory begins on a page of its own.
    used = grd_rounded(used > end ? used : end, 4096);
  }
#undef TAKE
  return used;
}

/// Whether all tokens of a sequence have a key to attend to in every layer.
static int has_keys(const grd_encoder_model *model, size_t length, int32_t attended) {
  if (attended < 0 || (size_t)attended > length || (length && !attended)) return 0;
  for (size_t layer = 0; model->reaches && layer < model->shape.layers; layer++)
    if (length - (size_t)attended > model->reaches[layer]) return 0;
  return 1;
}

/// Counts what a batch needs; false where a size contradicts another.
static int measure(grd_encoder_plan *plan, const grd_encoder_model *model, const grd_encoder_batch *batch, size_t lanes) {
  const grd_encoder_shape *shape = &model->shape;
  if (!lanes || !shape->hidden || !shape->intermediate || !shape->heads || shape->hidden % shape->heads || batch->offsets[0] != 0)
    return 0;
  const int has_positions = batch->positions || batch->offsets[batch->sequences] == 0;
  if (shape->form == GRD_ENCODER_PRE_NORM_GATED && ((shape->layers && !model->rotations) || !has_positions)) return 0;
  *plan = (grd_encoder_plan){.model = model, .batch = batch, .lanes = lanes, .sizes = grd_encoder_sizes_of(shape)};
  for (size_t s = 0; s < batch->sequences; s++) {
    if (batch->offsets[s + 1] < batch->offsets[s]) return 0;
    const size_t length = (size_t)(batch->offsets[s + 1] - batch->offsets[s]);
    if (batch->attended && !has_keys(model, length, batch->attended[s])) return 0;
    const size_t heads = heads_per_unit(shape->heads, length);
    if (length) plan->units += (shape->heads + heads - 1) / heads;
    if (length > plan->longest) plan->longest = length;
  }
  plan->tokens = (size_t)batch->offsets[batch->sequences];
  plan->block_rows = rows_per_block(plan->tokens, lanes);
  plan->blocks = (plan->tokens + plan->block_rows - 1) / plan->block_rows;
  return 1;
}

size_t grd_encoder_workspace_bytes(const grd_encoder_model *model, const grd_encoder_batch *batch, size_t lanes) {
  grd_encoder_plan plan;
  return measure(&plan, model, batch, lanes) ? lay_out(&plan, NULL) : 0;
}

grd_status grd_encoder_prepare(const grd_encoder_model *model, const grd_encoder_batch *batch, size_t lanes, void *workspace,
                               size_t bytes, size_t *tasks) {
  grd_encoder_plan *plan = workspace;
  if ((uintptr_t)workspace % ALIGNMENT || bytes < sizeof *plan) return GRD_INVALID_ARGUMENT;
  if (!measure(plan, model, batch, lanes)) return GRD_INVALID_ARGUMENT;
  if (!grd_encoder_build_of(model->level)) return GRD_UNSUPPORTED;
  if (bytes < grd_encoder_workspace_bytes(model, batch, lanes)) return GRD_SCRATCH_TOO_SMALL;
  lay_out(plan, workspace);
  size_t unit = 0;
  for (size_t s = 0; s < batch->sequences; s++) {
    plan->first_unit[s] = (int32_t)unit;
    atomic_init(&plan->units_done[s], 0);
    const size_t length = (size_t)(batch->offsets[s + 1] - batch->offsets[s]);
    if (!length) continue;
    const size_t heads = heads_per_unit(model->shape.heads, length);
    for (size_t head = 0; head < model->shape.heads; head += heads) plan->unit_sequence[unit++] = (int32_t)s;
  }
  plan->first_unit[batch->sequences] = (int32_t)unit;
  size_t sequence = 0;
  for (size_t block = 0; block < plan->blocks; block++) {
    while ((size_t)batch->offsets[sequence + 1] <= block * plan->block_rows) sequence++;
    plan->sequence_of[block] = (int32_t)sequence;
    atomic_init(&plan->blocks_done[block], 0);
  }
  for (size_t lane = 0; lane < lanes; lane++) atomic_init(&plan->lane_taken[lane], 0);
  *tasks = plan->blocks + model->shape.layers * (plan->units + plan->blocks);
  return GRD_OK;
}

static inline void pause_briefly(unsigned *spins) {
  if (++*spins > 2000) {
    sched_yield();
    return;
  }
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

static void wait_for(atomic_int *counter, int value) {
  unsigned spins = 0;
  while (atomic_load_explicit(counter, memory_order_acquire) < value) pause_briefly(&spins);
}

static size_t take_lane(grd_encoder_plan *plan) {
  for (unsigned spins = 0;; pause_briefly(&spins))
    for (size_t lane = 0; lane < plan->lanes; lane++) {
      int is_free = 0;
      if (atomic_compare_exchange_strong_explicit(&plan->lane_taken[lane], &is_free, 1, memory_order_acquire,
                                                  memory_order_relaxed))
        return lane;
    }
}

/// A block of tokens at stage `number`, once attention of the layer below is done for all sequences that it holds tokens of.
static void run_block(grd_encoder_plan *plan, const grd_encoder_build *build, size_t number, size_t block) {
  const size_t first = block * plan->block_rows;
  const size_t rows = smaller(plan->block_rows, plan->tokens - first);
  if (number)
    for (size_t s = (size_t)plan->sequence_of[block]; (size_t)plan->batch->offsets[s] < first + rows; s++)
      wait_for(&plan->units_done[s], (int)number * (plan->first_unit[s + 1] - plan->first_unit[s]));
  const size_t lane = take_lane(plan);
  build->stage(plan, number, first, rows, &plan->scratch[lane]);
  atomic_store_explicit(&plan->lane_taken[lane], 0, memory_order_release);
  atomic_fetch_add_explicit(&plan->blocks_done[block], 1, memory_order_release);
}

/// An attention unit of layer `layer`, once all blocks that hold tokens of its sequence have their projections.
static void run_unit(grd_encoder_plan *plan, const grd_encoder_build *build, size_t layer, size_t unit) {
  const size_t s = (size_t)plan->unit_sequence[unit], heads = plan->model->shape.heads;
  const size_t start = (size_t)plan->batch->offsets[s], end = (size_t)plan->batch->offsets[s + 1];
  for (size_t block = start / plan->block_rows; block * plan->block_rows < end; block++)
    wait_for(&plan->blocks_done[block], (int)layer + 1);
  const size_t each = heads_per_unit(heads, end - start), first = (unit - (size_t)plan->first_unit[s]) * each;
  const size_t lane = take_lane(plan);
  build->attend(plan, layer, s, first, smaller(each, heads - first), &plan->scratch[lane]);
  atomic_store_explicit(&plan->lane_taken[lane], 0, memory_order_release);
  atomic_fetch_add_explicit(&plan->units_done[s], 1, memory_order_release);
}

void grd_encoder_task(void *workspace, size_t task) {
  grd_encoder_plan *plan = workspace;
  const grd_encoder_build *build = grd_encoder_build_of(plan->model->level);
  if (task < plan->blocks) return run_block(plan, build, 0, task);
  task -= plan->blocks;
  const size_t each = plan->units + plan->blocks, layer = task / each;
  task %= each;
  if (task < plan->units) run_unit(plan, build, layer, task);
  else run_block(plan, build, layer + 1, task - plan->units);
}

const float *grd_encoder_hidden(const void *workspace, size_t *stride) {
  const grd_encoder_plan *plan = workspace;
  *stride = plan->sizes.hidden_stride;
  return plan->hidden;
}

void grd_encoder_mean(const float *rows, size_t stride, size_t count, size_t width, float *out) {
  for (size_t j = 0; j < width; j += LANES) {
    const size_t left = width - j;
    vfloat sum = vset(0);
    for (size_t row = 0; row < count; row++) sum += vload_part(rows + row * stride + j, left, 0);
    vstore_part(out + j, count ? sum / vset((float)count) : sum, left);
  }
}

void grd_encoder_largest(const float *rows, size_t stride, size_t count, size_t width, float *out) {
  for (size_t j = 0; j < width; j += LANES) {
    const size_t left = width - j;
    vfloat largest = count ? vload_part(rows + j, left, 0) : vset(0);
    for (size_t row = 1; row < count; row++) largest = vmax(largest, vload_part(rows + row * stride + j, left, 0));
    vstore_part(out + j, largest, left);
  }
}

static size_t linear_stride(size_t inputs) { return grd_rounded(inputs, 16); }

size_t grd_encoder_linear_bytes(grd_encoder_precision precision, size_t rows, size_t inputs, size_t outputs) {
  return grd_encoder_packed_bytes(precision, inputs, outputs)
         + (2 * rows * linear_stride(inputs) + rows + rows * grd_rounded(outputs, PANEL) + 64) * sizeof(float);
}

grd_status grd_encoder_linear(grd_encoder_level level, grd_encoder_precision precision, const float *x, size_t rows,
                              size_t inputs, const float *w, const float *bias, size_t outputs, int gelu, float *out,
                              void *scratch) {
  const grd_encoder_build *build = grd_encoder_build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  if (!inputs || !outputs || (uintptr_t)scratch % ALIGNMENT) return GRD_INVALID_ARGUMENT;
  const size_t stride = linear_stride(inputs), padded = grd_rounded(outputs, PANEL);
  char *memory = scratch;
  const void *packed = memory;
  grd_encoder_pack_linear(precision, w, bias, inputs, outputs, memory);
  memory += grd_encoder_packed_bytes(precision, inputs, outputs);
  float *wide = (float *)memory, *rows_of_x = wide + rows * padded, *scales = rows_of_x + rows * stride;
  for (size_t row = 0; row < rows; row++)
    for (size_t j = 0; j < stride; j++) rows_of_x[row * stride + j] = j < inputs ? x[row * inputs + j] : 0;
  const void *rounded = rows_of_x;
  if (precision != GRD_ENCODER_FP32) {
    rounded = scales + rows;
    build->round_inputs(precision, rows_of_x, rows, stride, scales + rows, scales);
  }
  grd_encoder_multiply(level, precision, rounded, stride, scales, rows, packed, gelu, wide);
  for (size_t row = 0; row < rows; row++) memcpy(out + row * outputs, wide + row * padded, outputs * sizeof(float));
  return GRD_OK;
}

/// A packed matrix of its own begins with its description.
static size_t description_bytes(void) { return grd_rounded(sizeof(grd_encoder_matrix), ALIGNMENT); }

size_t grd_encoder_packed_bytes(grd_encoder_precision precision, size_t inputs, size_t outputs) {
  return description_bytes() + grd_rounded(grd_encoder_matrix_bytes(precision, outputs, inputs), ALIGNMENT);
}

grd_status grd_encoder_pack_linear(grd_encoder_precision precision, const float *w, const float *bias, size_t inputs,
                                   size_t outputs, void *packed) {
  if (!inputs || !outputs || (uintptr_t)packed % ALIGNMENT) return GRD_INVALID_ARGUMENT;
  const grd_encoder_layout layout = {outputs, inputs, 0, 0, 0, 0, 0, 1};
  char *memory = (char *)packed + description_bytes();
  *(grd_encoder_matrix *)packed = grd_encoder_pack_matrix(precision, w, bias, outputs, inputs, &layout, &memory);
  return GRD_OK;
}

grd_status grd_encoder_multiply(grd_encoder_level level, grd_encoder_precision precision, const void *inputs, size_t stride,
                                const float *scales, size_t rows, const void *packed, int gelu, float *out) {
  const grd_encoder_build *build = grd_encoder_build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  if (stride % LANES) return GRD_INVALID_ARGUMENT;
  build->multiply(precision, inputs, stride, scales, rows, packed, gelu, out);
  return GRD_OK;
}

grd_status grd_encoder_round_inputs(grd_encoder_level level, grd_encoder_precision precision, const float *x, size_t rows,
                                    size_t stride, void *out, float *scales) {
  const grd_encoder_build *build = grd_encoder_build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  if (stride % LANES || precision == GRD_ENCODER_FP32) return GRD_INVALID_ARGUMENT;
  build->round_inputs(precision, x, rows, stride, out, scales);
  return GRD_OK;
}

grd_status grd_encoder_gelu(grd_encoder_level level, const float *x, size_t count, float *y) {
  const grd_encoder_build *build = grd_encoder_build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  build->gelu(x, count, y);
  return GRD_OK;
}

grd_status grd_encoder_exp2(grd_encoder_level level, grd_encoder_precision precision, const float *x, size_t count, float *y) {
  const grd_encoder_build *build = grd_encoder_build_of(level);
  if (!build) return GRD_UNSUPPORTED;
  build->exp2(precision, x, count, y);
  return GRD_OK;
}
