// Entry points of the vector kernels, and what needs no vector instructions.
#include "vector_table.h"

#include <math.h>

static const grd_vector_table *table(void) {
#if defined(__x86_64__)
  static const uint32_t both = GRD_CPU_AVX512_BF16 | GRD_CPU_AVX512_VNNI;
  static _Thread_local int has_both = -1;
  switch (grd_isa_in_use()) {
    case GRD_ISA_AVX512:
      if (has_both < 0) has_both = (grd_cpu_features() & both) == both;
      return has_both ? &grd_vector_vnni : &grd_vector_avx512;
    case GRD_ISA_AVX2: return &grd_vector_avx2;
    case GRD_ISA_PORTABLE: break;
  }
#endif
  return &grd_vector_portable;
}

static size_t bytes_of(grd_vector_encoding encoding) {
  return encoding == GRD_VECTOR_FLOAT32 ? 4 : encoding == GRD_VECTOR_BFLOAT16 ? 2 : 1;
}

size_t grd_vector_stride(grd_vector_encoding encoding, size_t dimension) {
  return (dimension * bytes_of(encoding) + 63) / 64 * 64;
}

size_t grd_vector_elements(grd_vector_encoding encoding, size_t stride) { return stride / bytes_of(encoding); }

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint16_t rounded_bf16(float value) {
  if (fabsf(value) < 0x1p-50f) return 0;
  const uint32_t bits = bits_of(value);
  // What would round up to infinity stays the largest number.
  const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return (uint16_t)((rounded & 0x7fffu) == 0x7f80u ? rounded - 1 : rounded);
}

/// The scale that brings the largest magnitude to 127; 0 for a row of zeros.
static float int8_scale(const float *x, size_t dimension) {
  float largest = 0;
  for (size_t i = 0; i < dimension; i++) largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
  return largest / 127;
}

static int32_t int8_of(float x, float scale) {
  if (scale == 0) return 0;
  const float value = rintf(x / scale);
  return (int32_t)(value > 127 ? 127 : value < -127 ? -127 : value);
}

void grd_vector_encode(grd_vector_encoding encoding, const float *x, size_t dimension, uint8_t *code, size_t stride, float *scale,
                       float *norm) {
  memset(code, encoding == GRD_VECTOR_INT8 ? 128 : 0, stride);
  *scale = 1;
  double squares = 0;
  switch (encoding) {
    case GRD_VECTOR_FLOAT32:
      memcpy(code, x, dimension * sizeof(float));
      for (size_t i = 0; i < dimension; i++) squares += (double)x[i] * x[i];
      break;
    case GRD_VECTOR_BFLOAT16:
      for (size_t i = 0; i < dimension; i++) {
        const uint16_t rounded = rounded_bf16(x[i]);
        memcpy(code + 2 * i, &rounded, sizeof rounded);
        const double value = float_of((uint32_t)rounded << 16);
        squares += value * value;
      }
      break;
    case GRD_VECTOR_INT8:
      *scale = int8_scale(x, dimension);
      for (size_t i = 0; i < dimension; i++) {
        const int32_t value = int8_of(x[i], *scale);
        code[i] = (uint8_t)(value + 128);
        squares += (double)(value * value);
      }
      squares *= (double)*scale * *scale;
      break;
  }
  *norm = (float)squares;
}

void grd_vector_decode(grd_vector_encoding encoding, const uint8_t *code, float scale, size_t dimension, float *x) {
  switch (encoding) {
    case GRD_VECTOR_FLOAT32: memcpy(x, code, dimension * sizeof(float)); break;
    case GRD_VECTOR_BFLOAT16:
      for (size_t i = 0; i < dimension; i++) {
        uint16_t half;
        memcpy(&half, code + 2 * i, sizeof half);
        x[i] = float_of((uint32_t)half << 16);
      }
      break;
    case GRD_VECTOR_INT8:
      for (size_t i = 0; i < dimension; i++) x[i] = (float)((int32_t)code[i] - 128) * scale;
      break;
  }
}

grd_vector_query grd_vector_prepare(const grd_vector_rows *rows, const float *query, void *space) {
  const size_t elements = grd_vector_elements(rows->encoding, rows->stride);
  grd_vector_query result = {query, 1, 0, 0};
  if (rows->encoding == GRD_VECTOR_FLOAT32) return result;
  grd_vector_encode(rows->encoding, query, elements, space, rows->stride, &result.scale, &result.norm);
  result.values = space;
  if (rows->encoding == GRD_VECTOR_INT8) {
    uint8_t *values = space;
    int32_t sum = 0;
    for (size_t i = 0; i < elements; i++) {
      sum += (int32_t)values[i] - 128;
      values[i] ^= 128;
    }
    result.offset = 128 * sum;
  }
  return result;
}

grd_vector_query grd_vector_prepare_row(const grd_vector_rows *rows, size_t row, void *space) {
  const uint8_t *code = rows->codes + row * rows->stride;
  grd_vector_query result = {code, 1, 0, 0};
  if (rows->measure == GRD_VECTOR_L2 && rows->encoding != GRD_VECTOR_FLOAT32) result.norm = rows->norms[row];
  if (rows->encoding == GRD_VECTOR_INT8) {
    uint8_t *values = space;
    int32_t sum = 0;
    for (size_t i = 0; i < rows->stride; i++) {
      sum += (int32_t)code[i] - 128;
      values[i] = code[i] ^ 128;
    }
    result.values = space;
    result.scale = rows->scales[row];
    result.offset = 128 * sum;
  }
  return result;
}

void grd_vector_scores(const grd_vector_rows *rows, const float *query, const uint32_t *numbers, size_t first, size_t count,
                       float *out) {
  table()->scores(rows, query, numbers, first, count, out);
}

void grd_vector_quick_scores(const grd_vector_rows *rows, const grd_vector_query *query, const uint32_t *numbers, size_t first,
                             size_t count, float *out) {
  table()->quick_scores(rows, query, numbers, first, count, out);
}

void grd_vector_offer(const float *scores, const uint32_t *rows, size_t first, size_t count, const uint32_t *ranks, size_t k,
                      uint64_t *heap, uint32_t *numbers, size_t *held) {
  size_t size = *held;
  for (size_t i = 0; i < count; i++) {
    const uint32_t row = rows ? rows[i] : (uint32_t)(first + i);
    const uint64_t key = grd_vector_key(scores[i], ranks[row]);
    size_t place;
    if (size < k) {
      for (place = size++; place > 0 && heap[(place - 1) / 2] > key; place = (place - 1) / 2) {
        heap[place] = heap[(place - 1) / 2];
        numbers[place] = numbers[(place - 1) / 2];
      }
    } else {
      if (k == 0 || key < heap[0]) continue;
      place = 0;
      for (size_t child = 1; child < size; child = 2 * place + 1) {
        if (child + 1 < size && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= key) break;
        heap[place] = heap[child];
        numbers[place] = numbers[child];
        place = child;
      }
    }
    heap[place] = key;
    numbers[place] = row;
  }
  *held = size;
}

grd_graph_status grd_graph_search(const grd_graph *graph, const grd_vector_query *query, uint32_t level, size_t ef,
                                  grd_graph_scratch *scratch, size_t *found, size_t *seen) {
  return table()->search(graph, query, level, ef, 0, scratch, found, seen);
}

grd_graph_status grd_graph_continue(const grd_graph *graph, const grd_vector_query *query, uint32_t level, size_t ef,
                                    grd_graph_scratch *scratch, size_t *found) {
  return table()->search(graph, query, level, ef, 1, scratch, found, NULL);
}

size_t grd_graph_select(const grd_vector_rows *rows, const uint64_t *candidates, size_t count, size_t limit, void *space,
                        uint32_t *selected, float *scores) {
  return table()->select(rows, candidates, count, limit, space, selected, scores);
}

void grd_maxsim_pack(const float *vectors, size_t tokens, size_t dimension, float *panels) {
  for (size_t first = 0; first < tokens; first += GRD_MAXSIM_PANEL)
    for (size_t at = 0; at < dimension; at++)
      for (size_t lane = 0; lane < GRD_MAXSIM_PANEL; lane++)
        *panels++ = first + lane < tokens ? vectors[(first + lane) * dimension + at] : 0;
}

void grd_maxsim(const grd_maxsim_query *query, const float *vectors, const uint32_t *ends, size_t documents, float *out) {
  table()->maxsim(query, vectors, ends, documents, out);
}

void grd_maxsim_products(const float *panel, size_t dimension, const float *rows, size_t count, float *out) {
  table()->products(panel, dimension, rows, count, out);
}
