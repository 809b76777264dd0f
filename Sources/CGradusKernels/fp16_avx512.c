// Products in half precision for AVX512-FP16.
#if defined(__x86_64__)
#define FP16_LEVEL 1
#define FP16_BUILD grd_fp16_build_avx512
#include "fp16_body.h"
#endif
