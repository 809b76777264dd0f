// Weights into and out of their panels. Runs once for each weight; plain C on every instruction set.
#include "decoder_table.h"

enum { ROW_BLOCK = 32 };

size_t grd_weight_panel_bytes(grd_weight_format format, size_t inputs) { return inputs / GRD_PANEL * block_bytes(format); }

static uint16_t nearest_bf16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static uint16_t narrow_half(float x) {
  // Round to nearest even by hand: the half type is not there on every target.
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  const uint32_t sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x47800000) return (uint16_t)(sign | 0x7c00);
  if (magnitude < 0x38800000) {  // subnormal: the fraction in units of 2^-24
    const float scaled = fabsf(x) * 0x1p24f;
    return (uint16_t)(sign | (uint32_t)nearbyintf(scaled));
  }
  const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return (uint16_t)(sign | ((rounded - 0x38000000) >> 13));
}

static float widen_half(uint16_t half) {
  const uint32_t bits = (uint32_t)(half & 0x7fff) << 13;
  float magnitude;
  memcpy(&magnitude, &bits, sizeof magnitude);
  magnitude *= 0x1p112f;
  return half & 0x8000 ? -magnitude : magnitude;
}

void grd_pack_row_bf16(void *panel, size_t lane, const float *row, size_t count, size_t inputs) {
  uint16_t *to = panel;
  for (size_t k = 0; k < inputs; k++)
    to[(k / 2 * GRD_PANEL + lane) * 2 + k % 2] = k < count ? nearest_bf16(row[k]) : 0;
}

void grd_pack_row_q8(void *panel, size_t lane, const float *row, size_t count, size_t inputs) {
  uint8_t *block = panel;
  for (size_t k = 0; k < inputs; k += ROW_BLOCK, block += Q8_BYTES + 64) {
    const size_t left = k < count ? count - k : 0, there = left < ROW_BLOCK ? left : ROW_BLOCK;
    float largest = 0;
    for (size_t i = 0; i < there; i++) largest = fmaxf(largest, fabsf(row[k + i]));
    const uint16_t half = narrow_half(largest / 127);
    const float scale = widen_half(half);
    const float inverse = scale > 0 ? 1 / scale : 0;
    for (size_t i = 0; i < ROW_BLOCK; i++) {
      const float value = i < there ? fmaxf(-127, fminf(127, nearbyintf(row[k + i] * inverse))) : 0;
      block[(i / 4 * GRD_PANEL + lane) * 4 + i % 4] = (uint8_t)((int)value + 128);
    }
    memcpy(block + Q8_BYTES + 2 * lane, &half, sizeof half);
  }
}

void grd_pack_row_blocks(grd_weight_format format, void *panel, size_t lane, const uint8_t *blocks, size_t inputs) {
  uint8_t *to = panel;
  const int is_q8 = format == GRD_WEIGHT_Q8, has_minimum = format == GRD_WEIGHT_Q4M;
  const size_t words = is_q8 ? 8 : 4, weight_bytes = is_q8 ? Q8_BYTES : Q4_BYTES;
  const size_t head = has_minimum ? 4 : 2;
  for (size_t k = 0; k < inputs; k += ROW_BLOCK) {
    for (size_t i = 0; i < words; i++) {
      uint32_t word;
      memcpy(&word, blocks + head + 4 * i, sizeof word);
      if (is_q8) word ^= 0x80808080u;
      memcpy(to + (i * GRD_PANEL + lane) * 4, &word, sizeof word);
    }
    memcpy(to + weight_bytes + 2 * lane, blocks, 2);
    if (has_minimum) memcpy(to + weight_bytes + 64 + 2 * lane, blocks + 2, 2);
    blocks += head + 4 * words;
    to += weight_bytes + (has_minimum ? 128 : 64);
  }
}

void grd_unpack_row(grd_weight_format format, const void *panel, size_t lane, size_t inputs, float *out) {
  const uint8_t *block = panel;
  if (format == GRD_WEIGHT_BF16) {
    const uint16_t *from = panel;
    for (size_t k = 0; k < inputs; k++) {
      const uint32_t bits = (uint32_t)from[(k / 2 * GRD_PANEL + lane) * 2 + k % 2] << 16;
      memcpy(out + k, &bits, sizeof bits);
    }
    return;
  }
  const int is_q8 = format == GRD_WEIGHT_Q8, has_minimum = format == GRD_WEIGHT_Q4M;
  const size_t weight_bytes = is_q8 ? Q8_BYTES : Q4_BYTES;
  for (size_t k = 0; k < inputs; k += ROW_BLOCK, block += weight_bytes + (has_minimum ? 128 : 64)) {
    uint16_t half, minimum_half = 0;
    memcpy(&half, block + weight_bytes + 2 * lane, sizeof half);
    if (has_minimum) memcpy(&minimum_half, block + weight_bytes + 64 + 2 * lane, sizeof minimum_half);
    const float scale = widen_half(half), minimum = has_minimum ? widen_half(minimum_half) : scale * (is_q8 ? -128 : -8);
    for (size_t i = 0; i < ROW_BLOCK; i++) {
      const size_t word = is_q8 ? i / 4 : i % 16 / 4;
      const uint8_t byte = block[(word * GRD_PANEL + lane) * 4 + i % 4];
      const int level = is_q8 ? byte : i < 16 ? byte & 15 : byte >> 4;
      out[k + i] = fmaf((float)level, scale, minimum);
    }
  }
}
