// The decoder's kernels for the baseline of the architecture.
#include "decoder_table.h"

#define LEVEL LEVEL_PORTABLE
#define TABLE grd_decoder_portable
#include "decoder_build.h"
