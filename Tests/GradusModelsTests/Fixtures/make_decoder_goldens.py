"""Tiny random models of each architecture: weights in bfloat16-exact float32, logits by transformers in float32."""
import json
import os

import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config,
    Qwen3ForCausalLM)

OUT = os.path.dirname(os.path.abspath(__file__)) + "/decoders"

base = dict(
    vocab_size=61, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=256, rms_norm_eps=1e-5, attn_implementation="eager")
plain = dict(rope_theta=10000.0, rope_type="default")
scaled = dict(
    rope_theta=10000.0, rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
    original_max_position_embeddings=32)
linear = dict(rope_theta=10000.0, rope_type="linear", factor=2.0)
models = {
    "llama": (LlamaConfig(**base, tie_word_embeddings=True, rope_parameters=plain), LlamaForCausalLM),
    "llama-scaled": (LlamaConfig(**base, tie_word_embeddings=False, rope_parameters=scaled), LlamaForCausalLM),
    "llama-linear": (LlamaConfig(**base, tie_word_embeddings=True, rope_parameters=linear), LlamaForCausalLM),
    "mistral": (
        MistralConfig(**base, tie_word_embeddings=False, sliding_window=9, rope_parameters=plain), MistralForCausalLM),
    "qwen2": (Qwen2Config(**base, tie_word_embeddings=True, rope_parameters=plain), Qwen2ForCausalLM),
    "qwen3": (Qwen3Config(**base, head_dim=12, tie_word_embeddings=True, rope_parameters=plain), Qwen3ForCausalLM),
}


def rounded(values, digits=4):
    return [round(value, digits) for value in values.tolist()]


results = {}
for name, (config, architecture) in models.items():
    torch.manual_seed(7)
    model = architecture(config).eval()
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator) * (0.3 if parameter.dim() == 2 else 0.2)
            if "norm" in key:
                values = values + 1
            parameter.copy_(values.to(torch.bfloat16).float())
    folder = f"{OUT}/{name}"
    os.makedirs(folder, exist_ok=True)
    weights = {
        key: value.to(torch.bfloat16).contiguous() for key, value in model.state_dict().items()
        if not (config.tie_word_embeddings and key == "lm_head.weight")
    }
    save_file(weights, folder + "/model.safetensors")
    with open(folder + "/config.json", "w") as file:
        json.dump(config.to_dict(), file, indent=1, sort_keys=True)
    ids = torch.randint(0, 61, (1, 40), generator=generator)
    with torch.no_grad():
        output = model(ids, output_attentions=True, output_hidden_states=True)
    attention = sum(layer[0].sum(0) for layer in output.attentions)
    results[name] = dict(
        tokens=ids[0].tolist(), logits={str(place): rounded(output.logits[0, place]) for place in (0, 17, 39)},
        hidden=rounded(output.hidden_states[-1][0, 39]), attention=rounded(attention[39], 5))
    print(name, output.logits.std().item(), os.path.getsize(folder + "/model.safetensors"))
versions = dict(torch=torch.__version__, transformers=transformers.__version__)
with open(OUT + "/expected.json", "w") as file:
    json.dump(dict(versions=versions, models=results), file, separators=(",", ":"))
