"""Logits of small Llamas whose weights are blocks of one type each: make_block_goldens.py > decoders/blocks.json

The files are not kept, the Swift test writes the same: bytes by SplitMix64, scales by `scales`. `exact` are the logits that
transformers computes in float32 with the numbers that the gguf package reads from the blocks; `llama` are those of llama.cpp,
which rounds activations to 8 bits.
"""
import json
import os
import sys
import tempfile

import gguf
import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as T
from llama_cpp import Llama

WIDTH, HEADS, KV_HEADS, VOCABULARY, LAYERS = 256, 4, 2, 64, 2
TOKENS = [(7 * i * i + 3 * i + 1) % VOCABULARY for i in range(24)]
POSITIONS = [0, 11, 23]
# Offsets of the scales in a block, and the half that is the smallest there: weights have a deviation of some 0.06.
# The Q6_K scales are subnormal.
SCALES = {
    T.Q8_0: [(0, 7e-4)], T.Q4_0: [(0, 0.0115)], T.Q4_1: [(0, 0.0115), (2, -0.09)], T.Q5_0: [(0, 0.0058)],
    T.Q5_1: [(0, 0.0058), (2, -0.093)], T.Q4_K: [(0, 2e-4), (2, 1.5e-3)], T.Q5_K: [(0, 1e-4), (2, 1.5e-3)], T.Q6_K: [(208, 4e-5)],
}
SHAPES = {"token_embd.weight": (VOCABULARY, WIDTH)}
for layer in range(LAYERS):
    for name, rows in [("attn_q", 256), ("attn_k", 128), ("attn_v", 128), ("attn_output", 256), ("ffn_gate", 256),
                       ("ffn_up", 256), ("ffn_down", 256)]:
        SHAPES[f"blk.{layer}.{name}.weight"] = (rows, WIDTH)
NORMS = ["output_norm.weight"] + [f"blk.{i}.{name}_norm.weight" for i in range(LAYERS) for name in ("attn", "ffn")]


def random_bytes(count, seed):
    with np.errstate(over="ignore"):
        state = np.uint64(seed) + np.arange(1, count // 8 + 2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (state ^ (state >> np.uint64(31))).astype("<u8").view(np.uint8)[:count].copy()


def half_bits(value):
    return int(np.float16(value).view(np.uint16))


def blocks(kind, number, shape):
    size, width = gguf.GGML_QUANT_SIZES[kind]
    count = shape[0] * shape[1] // size
    data = random_bytes(count * width, 1000 * number).reshape(count, width)
    for offset, smallest in SCALES[kind]:
        bits = (half_bits(smallest) + np.arange(count) * 37 % 256).astype("<u2")
        data[:, offset : offset + 2] = bits.view(np.uint8).reshape(count, 2)
    return data.reshape(shape[0], -1)


def write(path, kind):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(LAYERS)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_context_length(256)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("none")
    for number, (name, shape) in enumerate(SHAPES.items()):
        writer.add_tensor(name, blocks(kind, number, shape), raw_dtype=kind)
    for name in NORMS:
        writer.add_tensor(name, (0.75 + np.arange(WIDTH) * 7 % 16 / 32).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def exact(path):
    """transformers with the numbers in the blocks; GGUF keeps queries and keys with neighbouring pairs, (2i, 2i + 1)."""
    tensors = {t.name: gguf.dequantize(t.data, t.tensor_type) for t in gguf.GGUFReader(path).tensors}

    def halves(values, heads):
        return values.reshape(heads, -1, 2, WIDTH).swapaxes(1, 2).reshape(values.shape)

    configuration = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS, max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=True,
        rope_parameters=dict(rope_theta=10000.0, rope_type="default"),
    )
    model = transformers.LlamaForCausalLM(configuration).eval()
    names = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
             "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
             "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
    state = {"model.embed_tokens.weight": tensors["token_embd.weight"], "model.norm.weight": tensors["output_norm.weight"],
             "lm_head.weight": tensors["token_embd.weight"]}
    for layer in range(LAYERS):
        for name, module in names.items():
            values = tensors[f"blk.{layer}.{name}.weight"]
            if name in ("attn_q", "attn_k"):
                values = halves(values, HEADS if name == "attn_q" else KV_HEADS)
            state[f"model.layers.{layer}.{module}.weight"] = values
    model.load_state_dict({name: torch.from_numpy(np.array(v, np.float32)) for name, v in state.items()})
    with torch.no_grad():
        return model(torch.tensor([TOKENS])).logits[0].numpy()


def by_llama(path):
    model = Llama(path, n_ctx=256, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False)
    model.eval(TOKENS)
    return np.array(model.scores[: len(TOKENS)])


result = dict(tokens=TOKENS, positions=POSITIONS, models={})
with tempfile.TemporaryDirectory() as folder:
    for kind in SCALES:
        path = os.path.join(folder, kind.name + ".gguf")
        write(path, kind)
        ours, theirs = exact(path), by_llama(path)
        print(f"{kind.name}: deviation {ours.std():.3f}, llama.cpp off by {np.abs(ours - theirs).mean():.4f} "
              f"(at most {np.abs(ours - theirs).max():.4f})", file=sys.stderr)
        result["models"][kind.name] = dict(
            scales=[[offset, half_bits(smallest)] for offset, smallest in SCALES[kind]],
            **{name: [[round(float(x), 4) for x in logits[p]] for p in POSITIONS]
               for name, logits in (("exact", ours), ("llama", theirs))})
json.dump(result, sys.stdout, separators=(",", ":"))
