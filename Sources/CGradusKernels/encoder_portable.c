// The encoder in plain vector code: the twin that the others are tested against, and the build for the oldest arm64.
#define ENCODER_LEVEL 0
#define ENCODER_BUILD grd_encoder_build_portable
#include "encoder_body.h"
