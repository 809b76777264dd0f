// Included once per element type T (suffix S).

GRD_CLONES void TYPED(grd_tensor_index_select)(const T *table, const int32_t *indices, T *out, size_t outer, size_t extent,
                                               size_t count, size_t inner, size_t column, size_t width) {
  for (size_t o = 0; o < outer; o++)
    for (size_t i = 0; i < count; i++)
      memcpy(out + (o * count + i) * inner + column, table + (o * extent + (size_t)indices[i]) * inner + column,
             width * sizeof(T));
}

GRD_CLONES void TYPED(grd_tensor_index_add)(const T *in, const int32_t *indices, T *out, size_t outer, size_t extent,
                                            size_t count, size_t inner, size_t column, size_t width) {
  for (size_t o = 0; o < outer; o++)
    for (size_t i = 0; i < count; i++) {
      const T *source = in + (o * count + i) * inner + column;
      T *target = out + (o * extent + (size_t)indices[i]) * inner + column;
      for (size_t c = 0; c < width; c++) target[c] += source[c];
    }
}

GRD_CLONES void TYPED(grd_tensor_gather)(const T *in, const int32_t *indices, T *out, size_t outer, size_t extent,
                                         size_t count, size_t inner) {
  for (size_t o = 0; o < outer; o++)
    for (size_t i = 0; i < count; i++)
      for (size_t c = 0; c < inner; c++) {
        size_t at = (o * count + i) * inner + c;
        out[at] = in[(o * extent + (size_t)indices[at]) * inner + c];
      }
}

GRD_CLONES void TYPED(grd_tensor_scatter_add)(const T *in, const int32_t *indices, T *out, size_t outer, size_t extent,
                                              size_t count, size_t inner) {
  for (size_t o = 0; o < outer; o++)
    for (size_t i = 0; i < count; i++)
      for (size_t c = 0; c < inner; c++) {
        size_t at = (o * count + i) * inner + c;
        out[(o * extent + (size_t)indices[at]) * inner + c] += in[at];
      }
}
