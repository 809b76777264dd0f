// Everything that depends on the instruction set; included once by each decoder_LEVEL.c.
#include "decoder_simd.h"
#include "decoder_tile.h"
// The order matters: the files below use what stands above them.
#include "decoder_product.h"
#include "decoder_rows.h"
#include "decoder_attention.h"

const grd_decoder_table TABLE = {
    product_bf16,   product_int8,      quantize_rows,   rms_norm,          round_rows_bf16, log_sum_exp,
    split_heads,  attention_rows, attention_segment, attention_merge, attention_weights,
};
