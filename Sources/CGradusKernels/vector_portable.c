// The vector kernels in plain vector code: the twin that the others are tested against, and the build for arm64.
#include "vector_table.h"

#define LEVEL VECTOR_PORTABLE
#define TABLE grd_vector_portable
#include "vector_build.h"
