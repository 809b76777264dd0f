// The encoder for AVX-512 with VNNI.
#if defined(__x86_64__)
#define ENCODER_LEVEL 3
#define ENCODER_BUILD grd_encoder_build_vnni
#include "encoder_body.h"
#endif
