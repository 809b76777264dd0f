#include "gradus_tensor_kernels.h"
#include "tensor_math.h"

#define T float
#define S f32
#include "tensor_reduce_body.h"
#undef T
#undef S
#undef GRD_SUM_BODY
#undef GRD_LANES
#undef GRD_BLOCK
#undef GRD_ROWS
#define T double
#define S f64
#include "tensor_reduce_body.h"
