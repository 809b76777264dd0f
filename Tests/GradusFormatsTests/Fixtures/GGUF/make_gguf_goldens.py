"""Writes reference.gguf with the gguf package: metadata of every type, and for every supported tensor type random
blocks (`blocks.q4_0`) beside the values that the package reads from them (`values.q4_0`); for the types that we write,
also the numbers (`source`) and the blocks that the package makes of them (`quantized.q4_0`). Scales at the ends of what a
half can hold stand in `extremes.q4_0`, with what they mean in `extreme-values.q4_0`.

    python make_gguf_goldens.py     (gguf 0.19.0, numpy 2.4)
"""
import pathlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

random = np.random.default_rng(20)
path = pathlib.Path(__file__).with_name("reference.gguf")
writer = gguf.GGUFWriter(path, "test")
writer.add_uint8("a.uint8", 200)
writer.add_int8("a.int8", -100)
writer.add_uint16("a.uint16", 60000)
writer.add_int16("a.int16", -30000)
writer.add_uint32("a.uint32", 4_000_000_000)
writer.add_int32("a.int32", -2_000_000_000)
writer.add_uint64("a.uint64", 2**64 - 1)
writer.add_int64("a.int64", -(2**63))
writer.add_float32("a.float32", 0.1)
writer.add_float64("a.float64", 0.1)
writer.add_bool("a.bool", True)
writer.add_string("a.string", "Grüße, 世界 👋🏽")
writer.add_array("a.strings", ["", "one", "Ġtwo", "三"])
writer.add_array("a.integers", [1, -2, 3])
writer.add_array("a.floats", [0.5, -0.25])
writer.add_array("a.bools", [True, False])

scales = {T.Q8_0: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
for kind in [T.F16, T.BF16, *scales]:
    size, width = gguf.GGML_QUANT_SIZES[kind]
    rows, columns = 3, 256
    blocks = random.integers(0, 256, (rows, columns // size, width), dtype=np.uint8)
    if kind not in scales:  # finite halves and bfloats: no exponent of ones
        blocks[..., 1] &= 0xBB if kind == T.F16 else 0xBF
    for offset in scales.get(kind, []):
        value = random.normal(0, 0.1, blocks.shape[:2]).astype(np.float16)
        value[0, 0] = np.float16(3e-7)  # a subnormal half
        blocks[..., offset : offset + 2] = value.view(np.uint8).reshape(*blocks.shape[:2], 2)
    blocks = blocks.reshape(rows, -1)
    values = gguf.dequantize(blocks, kind)
    assert np.isfinite(values).all()
    writer.add_tensor(f"blocks.{kind.name}", blocks, raw_dtype=kind)
    writer.add_tensor(f"values.{kind.name}", values.astype(np.float32))

source = random.normal(0, 1, (4, 64)).astype(np.float32)
source[0, :32] = 0
source[1, :32] = -3.5
source[2] *= 1e-6
source[3] *= 3000
writer.add_tensor("source", source)
for kind in [T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1]:
    writer.add_tensor(f"quantized.{kind.name}", gguf.quantize(source, kind), raw_dtype=kind)

# Smallest and largest subnormal, smallest normal, largest, zeros; bytes of ones and of zeros among the random ones.
random = np.random.default_rng(21)
ends = np.array([2**-24, 2**-14 - 2**-24, 2**-14, 65504, -65504, 0, -0.0, -(2**-24)], np.float16)
for kind, offsets in scales.items():
    size, width = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (len(ends), 256 // size, width), dtype=np.uint8)
    # Where a row is a single block, the largest scale must meet more than zeros.
    blocks[::2, 0] = 255
    blocks[7, -1] = 0
    for place, offset in enumerate(offsets):
        # The second scale takes the ends in another order, so that they meet.
        value = np.repeat(np.roll(ends, 3 * place)[:, None], 256 // size, axis=1)
        blocks[..., offset : offset + 2] = value.view(np.uint8).reshape(*blocks.shape[:2], 2)
    blocks = blocks.reshape(len(ends), -1)
    values = gguf.dequantize(blocks, kind)
    assert np.isfinite(values).all()
    writer.add_tensor(f"extremes.{kind.name}", blocks, raw_dtype=kind)
    writer.add_tensor(f"extreme-values.{kind.name}", values.astype(np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
