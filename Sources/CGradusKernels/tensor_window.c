#include "gradus_tensor_kernels.h"
#include "tensor_math.h"

#define T float
#define S f32
#include "tensor_window_body.h"
#undef T
#undef S
#define T double
#define S f64
#include "tensor_window_body.h"
