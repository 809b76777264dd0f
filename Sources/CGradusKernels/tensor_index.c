#include "gradus_tensor_kernels.h"
#include "tensor_math.h"

#define T float
#define S f32
#include "tensor_index_body.h"
#undef T
#undef S
#define T double
#define S f64
#include "tensor_index_body.h"
#undef T
#undef S

#define COPY_ROW(TYPE)                                                                               \
  {                                                                                                  \
    const TYPE *from = (const TYPE *)source + from_offset;                                           \
    TYPE *to = (TYPE *)destination + to_offset;                                                      \
    for (int64_t i = 0; i < length; i++) to[i * to_step] = from[i * from_step];                      \
    break;                                                                                           \
  }

GRD_CLONES void grd_tensor_copy_strided(const void *source, void *destination, const grd_strides *plan, size_t begin,
                                        size_t end, size_t element_bytes) {
  int inner = plan->rank - 1;
  int64_t length = plan->dims[inner], from_step = plan->first[inner], to_step = plan->second[inner];
  for (size_t row = begin; row < end; row++) {
    int64_t from_offset = 0, to_offset = 0;
    size_t rest = row;
    for (int axis = inner - 1; axis >= 0; axis--) {
      int64_t index = (int64_t)(rest % (size_t)plan->dims[axis]);
      rest /= (size_t)plan->dims[axis];
      from_offset += index * plan->first[axis];
      to_offset += index * plan->second[axis];
    }
    if (from_step == 1 && to_step == 1) {
      memcpy((char *)destination + to_offset * (int64_t)element_bytes,
             (const char *)source + from_offset * (int64_t)element_bytes, (size_t)length * element_bytes);
      continue;
    }
    switch (element_bytes) {
      case 1: COPY_ROW(uint8_t)
      case 4: COPY_ROW(uint32_t)
      default: COPY_ROW(uint64_t)
    }
  }
}
