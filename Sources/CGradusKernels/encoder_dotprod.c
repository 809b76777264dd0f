// The encoder for arm64 with the dot products of bytes.
#if defined(__aarch64__)
#define ENCODER_LEVEL 1
#define ENCODER_BUILD grd_encoder_build_dotprod
#include "encoder_body.h"
#endif
