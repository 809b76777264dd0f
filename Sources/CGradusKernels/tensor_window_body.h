// Included once per element type T (suffix S).

GRD_CLONES void TYPED(grd_tensor_unfold)(const T *planes, T *columns, const grd_window *window, size_t begin, size_t end,
                                         double pad) {
  size_t height = window->plane[0], width = window->plane[1], taps = window->kernel[0] * window->kernel[1];
  size_t windows = window->output[0] * window->output[1];
  for (size_t p = begin; p < end; p++)
    for (size_t tap = 0; tap < taps; tap++) {
      size_t i = tap / window->kernel[1], j = tap % window->kernel[1];
      T *target = columns + (p * taps + tap) * windows;
      for (size_t oy = 0; oy < window->output[0]; oy++) {
        // Unsigned wrap-around makes positions before the plane larger than any extent.
        size_t y = oy * window->stride[0] + i * window->dilation[0] - window->padding[0];
        const T *source = planes + (p * height + (y < height ? y : 0)) * width;
        for (size_t ox = 0; ox < window->output[1]; ox++) {
          size_t x = ox * window->stride[1] + j * window->dilation[1] - window->padding[1];
          target[oy * window->output[1] + ox] = y < height && x < width ? source[x] : (T)pad;
        }
      }
    }
}

GRD_CLONES void TYPED(grd_tensor_fold)(const T *columns, T *planes, const grd_window *window, size_t begin, size_t end) {
  size_t height = window->plane[0], width = window->plane[1], taps = window->kernel[0] * window->kernel[1];
  size_t windows = window->output[0] * window->output[1];
  for (size_t p = begin; p < end; p++) {
    T *plane = planes + p * height * width;
    for (size_t i = 0; i < height * width; i++) plane[i] = 0;
    for (size_t tap = 0; tap < taps; tap++) {
      size_t i = tap / window->kernel[1], j = tap % window->kernel[1];
      const T *source = columns + (p * taps + tap) * windows;
      for (size_t oy = 0; oy < window->output[0]; oy++) {
        size_t y = oy * window->stride[0] + i * window->dilation[0] - window->padding[0];
        if (y >= height) continue;
        for (size_t ox = 0; ox < window->output[1]; ox++) {
          size_t x = ox * window->stride[1] + j * window->dilation[1] - window->padding[1];
          if (x < width) plane[y * width + x] += source[oy * window->output[1] + ox];
        }
      }
    }
  }
}
