// Products in half precision without instructions for it: the twin that others are tested against.
#define FP16_LEVEL 0
#define FP16_BUILD grd_fp16_build_portable
#include "fp16_body.h"
