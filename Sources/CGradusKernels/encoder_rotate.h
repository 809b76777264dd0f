// What the form with rotated queries and keys and a gated feed-forward does between its products. Compiled once for each level.

/// Turns the queries and keys of a token: column j of a head's first half with column j of its second, by the position's angle j.
/// row: queries, keys, values of `heads` heads of `width` columns, of which `size` are used; table: [positions][2][size / 2].
GRD_INLINE void rotate_row(float *row, const float *table, size_t position, size_t heads, size_t size, size_t width) {
  const size_t half = size / 2;
  const float *cosines = table + position * size, *sines = cosines + half;
  for (size_t head = 0; head < 2 * heads; head++) {
    float *first = row + head * width, *second = first + half;
    for (size_t j = 0; j < half; j += LANES) {
      const size_t left = half - j;
      const vfloat c = vload_part(cosines + j, left, 0), s = vload_part(sines + j, left, 0);
      const vfloat x = vload_part(first + j, left, 0), y = vload_part(second + j, left, 0);
      vstore_part(first + j, vfma(x, c, -(y * s)), left);
      vstore_part(second + j, vfma(y, c, x * s), left);
    }
  }
}

/// out = GELU(activations) * gates, as inputs of a product in bf16, else as floats. rows: of `wide`, activations and behind
/// `count` columns the gates.
GRD_INLINE void gate(grd_encoder_precision precision, const float *wide, size_t stride, size_t rows, size_t count, void *out) {
  for (size_t row = 0; row < rows; row++)
    for (size_t j = 0; j < count; j += LANES) {
      const vfloat x = vload(wide + row * stride + j), by = vload(wide + row * stride + count + j);
      const vfloat y = (precision == GRD_ENCODER_FP32 ? vgelu_full(x) : vgelu_short(x)) * by;
      if (precision == GRD_ENCODER_BF16) vstore_left(out, row * count + j, y);
      else vstore((float *)out + row * count + j, y);
    }
}
