// The encoder for AVX-512 with VNNI and BF16.
#if defined(__x86_64__)
#define ENCODER_LEVEL 4
#define ENCODER_BUILD grd_encoder_build_bf16
#include "encoder_body.h"
#endif
