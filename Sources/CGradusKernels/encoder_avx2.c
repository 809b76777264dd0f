// The encoder for AVX2 and FMA.
#if defined(__x86_64__)
#define ENCODER_LEVEL 1
#define ENCODER_BUILD grd_encoder_build_avx2
#include "encoder_body.h"
#endif
