// The encoder for AVX-512 F, BW, VL and DQ.
#if defined(__x86_64__)
#define ENCODER_LEVEL 2
#define ENCODER_BUILD grd_encoder_build_avx512
#include "encoder_body.h"
#endif
