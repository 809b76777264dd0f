// Prints a checksum of what each kernel gives for fixed inputs: the same text on every architecture and instruction set.
//
// Usage: kernels [ISA [LEVEL]]: instruction set (grd_isa) and level of the encoder (grd_encoder_level), each the strongest
// without an argument; status 3 where the processor lacks it. scripts/check-portability.sh compares.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gradus_activations.h"
#include "gradus_bf16_product.h"
#include "gradus_decoder.h"
#include "gradus_encoder.h"
#include "gradus_postings.h"

static uint64_t state;

static void seed(uint64_t value) { state = value * 0x9e3779b97f4a7c15u + 1; }

/// Uniform in [-1, 1), a multiple of 2^-23.
static float uniform(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (float)((int32_t)(state >> 40) - (1 << 23)) / (float)(1 << 23);
}

static float *floats(size_t count, float scale) {
  float *values = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
  if (!values) exit(1);
  for (size_t i = 0; i < count; i++) values[i] = scale * uniform();
  return values;
}

static void *zeroed(size_t bytes) {
  void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (!memory) exit(1);
  return memset(memory, 0, (bytes + 63) / 64 * 64);
}

static void report(const char *name, const void *data, size_t bytes) {
  printf("%-28s %08x\n", name, (unsigned)grd_crc32c_scalar(0, data, bytes));
}

static void report_status(const char *name, grd_status status) {
  if (status == GRD_OK) return;
  printf("%s: status %d\n", name, (int)status);
  exit(1);
}

static void encoder(grd_encoder_level level) {
  static const size_t sizes[][3] = {{1, 1, 1}, {7, 17, 33}, {13, 31, 31}, {25, 100, 65}, {30, 384, 96}};
  static const char *const names[] = {"encoder fp32", "encoder bf16", "encoder int8"};
  for (int precision = GRD_ENCODER_FP32; precision <= GRD_ENCODER_INT8; precision++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      for (int gelu = 0; gelu < 2; gelu++) {
        const size_t rows = sizes[s][0], inputs = sizes[s][1], outputs = sizes[s][2];
        seed(s + 1);
        float *x = floats(rows * inputs, 2), *w = floats(outputs * inputs, 1), *bias = floats(outputs, 1);
        float *out = zeroed(rows * outputs * sizeof *out);
        void *scratch = zeroed(grd_encoder_linear_bytes((grd_encoder_precision)precision, rows, inputs, outputs));
        report_status(names[precision], grd_encoder_linear(level, (grd_encoder_precision)precision, x, rows, inputs, w, bias,
                                                           outputs, gelu, out, scratch));
        report(names[precision], out, rows * outputs * sizeof *out);
        free(x), free(w), free(bias), free(out), free(scratch);
      }
  seed(9);
  float *x = floats(4001, 40), *y = zeroed(4001 * sizeof *y);
  report_status("encoder gelu", grd_encoder_gelu(level, x, 4001, y));
  report("encoder gelu", y, 4001 * sizeof *y);
  for (size_t i = 0; i < 4001; i++) x[i] = -3.2f * fabsf(x[i]);
  for (int precision = GRD_ENCODER_FP32; precision <= GRD_ENCODER_INT8; precision++) {
    report_status("encoder exp2", grd_encoder_exp2(level, (grd_encoder_precision)precision, x, 4001, y));
    report("encoder exp2", y, 4001 * sizeof *y);
  }
  free(x), free(y);
}

/// A layer over sequences of several lengths: attention to all keys, and to those near by.
static void encoder_layer(grd_encoder_level level) {
  static const char *const names[] = {"layer fp32", "layer bf16", "layer int8"};
  static const int32_t offsets[] = {0, 1, 38, 38, 141};
  enum { HIDDEN = 72, INNER = 40, HEADS = 2, SEQUENCES = 4 };
  for (int precision = GRD_ENCODER_FP32; precision <= GRD_ENCODER_INT8; precision++)
    for (int is_local = 0; is_local < 2; is_local++) {
      seed(11);
      const grd_encoder_shape shape = {HIDDEN, INNER, HEADS, 1, 1e-6f, (grd_encoder_precision)precision, GRD_ENCODER_POST_NORM};
      float *qkv = floats(3 * HIDDEN * HIDDEN, 0.6f), *output = floats(HIDDEN * HIDDEN, 0.4f), *norm = floats(3 * HIDDEN, 1);
      float *up = floats(INNER * HIDDEN, 0.4f), *down = floats(HIDDEN * INNER, 0.4f);
      const grd_encoder_layer_weights weights = {qkv, norm, output, norm, norm, norm, up, norm, down, norm, norm, norm};
      void *layer = zeroed(grd_encoder_layer_bytes(&shape));
      report_status("layer", grd_encoder_pack_layer(&shape, &weights, layer));
      const void *layers[] = {layer};
      const size_t reaches[] = {9};
      float *embedded = floats((size_t)offsets[SEQUENCES] * HIDDEN, 1);
      const grd_encoder_model model = {.shape = shape, .level = level, .layers = layers, .reaches = is_local ? reaches : NULL};
      const grd_encoder_batch batch = {.offsets = offsets, .sequences = SEQUENCES, .embedded = embedded};
      const size_t bytes = grd_encoder_workspace_bytes(&model, &batch, 1);
      void *workspace = zeroed(bytes);
      size_t tasks;
      report_status("layer", grd_encoder_prepare(&model, &batch, 1, workspace, bytes, &tasks));
      for (size_t task = 0; task < tasks; task++) grd_encoder_task(workspace, task);
      size_t stride;
      const float *hidden = grd_encoder_hidden(workspace, &stride);
      report(names[precision], hidden, (size_t)offsets[SEQUENCES] * stride * sizeof *hidden);
      free(qkv), free(output), free(norm), free(up), free(down), free(layer), free(embedded), free(workspace);
    }
}

static void bf16_product(grd_encoder_level level) {
  const size_t m = 37, n = 70, k = 51, depth = grd_bf16_depth(k);
  seed(21);
  float *a = floats(m * k, 1), *b = floats(n * k, 1), *c = zeroed(m * n * sizeof *c);
  uint16_t *left = zeroed(m * depth * 2), *right = zeroed((n + 31) / 32 * 32 * depth * 2);
  report_status("bf16 rows", grd_bf16_pack_rows(level, a, k, m, k, left));
  report_status("bf16 panels", grd_bf16_pack_panels(level, b, k, true, k, n, 0, (n + 31) / 32, right));
  const grd_bf16_product product = {left, NULL, false, right, k, n, c, n};
  report_status("bf16 product", grd_bf16_multiply(level, &product, 0, m, 0, (n + 31) / 32));
  report("bf16 product", c, m * n * sizeof *c);
  free(a), free(b), free(c), free(left), free(right);
}

static void decoder(void) {
  static const grd_weight_format formats[] = {GRD_WEIGHT_BF16, GRD_WEIGHT_Q8, GRD_WEIGHT_Q4, GRD_WEIGHT_Q4M};
  const size_t outputs = 96, inputs = 128, rows = 13, blocks = inputs / 32;
  for (size_t f = 0; f < 4; f++) {
    const grd_weight_format format = formats[f];
    seed(31 + f);
    float *w = floats(outputs * inputs, 1), *x = floats(rows * inputs, 3), *bias = floats(outputs, 1);
    const size_t panel = grd_weight_panel_bytes(format, inputs);
    uint8_t *data = zeroed(panel * outputs / 32);
    for (size_t o = 0; o < outputs; o++) {
      void *to = data + o / 32 * panel;
      const float *row = w + o * inputs;
      if (format == GRD_WEIGHT_BF16) {
        grd_pack_row_bf16(to, o % 32, row, inputs, inputs);
      } else if (format == GRD_WEIGHT_Q8) {
        grd_pack_row_q8(to, o % 32, row, inputs, inputs);
      } else {
        // Q4_0 or Q4_1 blocks: scale 1/8, minimum -1.
        uint8_t bytes[4 * 20], *end = bytes;
        for (size_t b = 0; b < blocks; b++) {
          *end++ = 0x00, *end++ = 0x30;
          if (format == GRD_WEIGHT_Q4M) *end++ = 0x00, *end++ = 0xBC;
          for (size_t i = 0; i < 16; i++)
            *end++ = (uint8_t)((int)(row[32 * b + i] * 8 + 8) | (int)(row[32 * b + i + 16] * 8 + 8) << 4);
        }
        grd_pack_row_blocks(format, to, o % 32, bytes, inputs);
      }
    }
    const grd_weight weight = {format, outputs, inputs, data, bias};
    float *out = zeroed(rows * outputs * sizeof *out);
    uint16_t *a = zeroed(rows * inputs * 2), *scratch = zeroed(32 * inputs * 2);
    grd_round_bf16(x, rows * inputs, a);
    grd_product_bf16(&weight, 0, outputs / 32, a, inputs, rows, GRD_OUTPUT_STORE, out, outputs, scratch);
    report("decoder bf16", out, rows * outputs * sizeof *out);
    if (format != GRD_WEIGHT_BF16) {
      int8_t *q = zeroed(rows * inputs);
      float *scales = zeroed(rows * blocks * sizeof *scales);
      int32_t *sums = zeroed(rows * blocks * sizeof *sums);
      grd_quantize_rows(x, inputs, rows, inputs, q, scales, sums);
      report("decoder quantised rows", q, rows * inputs);
      report_status("decoder int8", grd_product_int8(&weight, 0, outputs / 32, q, scales, sums, rows, GRD_OUTPUT_SWIGLU_F32,
                                                     out, outputs / 2));
      report("decoder int8", out, rows * outputs / 2 * sizeof *out);
      free(q), free(scales), free(sums);
    }
    free(w), free(x), free(bias), free(data), free(out), free(a), free(scratch);
  }
}

static void rows(void) {
  const size_t count = 33, width = 100, size = count * width;
  seed(41);
  float *x = floats(size, 5), *y = zeroed(size * sizeof *y), *gamma = floats(width, 1);
#define EACH(name, call)             \
  call;                              \
  report(name, y, size * sizeof *y);
  EACH("exp", grd_exp(x, size, y))
  EACH("tanh", grd_tanh(x, size, y))
  EACH("erf", grd_erf(x, size, y))
  EACH("sigmoid", grd_sigmoid(x, size, y))
  EACH("gelu", grd_gelu_forward(x, size, y))
  EACH("rms norm", grd_rms_norm(x, width, count, width, gamma, 1e-5f, y, width, NULL, 0))
#undef EACH
  const double sum = grd_log_sum_exp(x, size);
  report("log sum exp", &sum, sizeof sum);
  free(x), free(y), free(gamma);
}

static void postings(void) {
  enum { COUNT = 128 };
  uint32_t docs[COUNT], tfs[COUNT], values[COUNT];
  uint8_t bytes[COUNT * 16];
  memset(bytes, 0, sizeof bytes);
  seed(51);
  uint32_t doc = 0;
  for (size_t i = 0; i < COUNT; i++) {
    doc += 1 + (uint32_t)(fabsf(uniform()) * 1000);
    docs[i] = doc;
    tfs[i] = 1 + (uint32_t)(fabsf(uniform()) * 9);
  }
  const size_t used = grd_encode_block(docs, tfs, COUNT, 0, bytes);
  report("postings block", bytes, used);
  // Runs of small gaps between large ones, and a few large frequencies.
  doc = 0;
  for (size_t i = 0; i < COUNT; i++) {
    doc += 1 + (uint32_t)(fabsf(uniform()) * (i / 16 % 2 ? 900 : 3)) + (i % 50 == 7 ? 40000 : 0);
    docs[i] = doc;
    tfs[i] = 1 + (i % 40 == 3 ? 300 : 0);
  }
  const size_t compact = grd_encode_block(docs, tfs, COUNT, 0, bytes);
  report("compact postings block", bytes, compact);
  uint32_t docs_back[COUNT], tfs_back[COUNT];
  if (grd_decode_block(bytes, sizeof bytes, COUNT, 0, doc, docs_back, tfs_back) != compact ||
      memcmp(docs_back, docs, sizeof docs) || memcmp(tfs_back, tfs, sizeof tfs))
    printf("compact postings block: decoded numbers differ\n");
  for (uint32_t bits = 1; bits <= 32; bits++) {
    for (size_t i = 0; i < COUNT; i++) values[i] = (uint32_t)(state = state * 6364136223846793005u + 1) >> (32 - bits);
    memset(bytes, 0, sizeof bytes);
    const size_t packed = grd_pack_u32(values, COUNT, bits, bytes);
    uint32_t back[COUNT];
    grd_unpack_u32(bytes, COUNT, bits, back);
    if (memcmp(back, values, sizeof values)) printf("%u bits: unpacked numbers differ\n", bits);
    report("packed numbers", bytes, packed);
  }
  report("crc", values, grd_crc32c(7, values, sizeof values) == grd_crc32c_scalar(7, values, sizeof values) ? sizeof values : 0);
}

int main(int count, char **arguments) {
  if (count > 1 && grd_set_isa((grd_isa)atoi(arguments[1])) != GRD_OK) return 3;
  const grd_encoder_level strongest = grd_encoder_strongest_level();
  const grd_encoder_level level = count > 2 ? (grd_encoder_level)atoi(arguments[2]) : strongest;
  if (level > strongest) return 3;
  fprintf(stderr, "instruction set %d, encoder level %d of %d, features %#x\n", (int)grd_isa_in_use(), (int)level,
          (int)strongest, (unsigned)grd_cpu_features());
  encoder(level);
  encoder_layer(level);
  bf16_product(level);
  decoder();
  rows();
  postings();
  return 0;
}
