# Tiny random models of each architecture: weights in bfloat16-exact float32, logits by transformers in float32.
import json, os
import torch, transformers
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM
OUT = os.path.dirname(os.path.abspath(__file__)) + '/decoders'
from safetensors.torch import save_file
base = dict(vocab_size=61, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=256, rms_norm_eps=1e-5, attn_implementation='eager')
R = dict(rope_theta=10000.0, rope_type='default')
models = {
 'llama': (LlamaConfig(**base, tie_word_embeddings=True, rope_parameters=R), LlamaForCausalLM),
 'llama-scaled': (LlamaConfig(**base, tie_word_embeddings=False, rope_parameters=dict(rope_theta=10000.0, rope_type='llama3', factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)), LlamaForCausalLM),
 'llama-linear': (LlamaConfig(**base, tie_word_embeddings=True, rope_parameters=dict(rope_theta=10000.0, rope_type='linear', factor=2.0)), LlamaForCausalLM),
 'mistral': (MistralConfig(**base, tie_word_embeddings=False, sliding_window=9, rope_parameters=R), MistralForCausalLM),
 'qwen2': (Qwen2Config(**base, tie_word_embeddings=True, rope_parameters=R), Qwen2ForCausalLM),
 'qwen3': (Qwen3Config(**base, head_dim=12, tie_word_embeddings=True, rope_parameters=R), Qwen3ForCausalLM),
}
res = {}
for name, (cfg, cls) in models.items():
    torch.manual_seed(7)
    m = cls(cfg).eval()
    g = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for k, p in m.named_parameters():
            s = 0.3 if p.dim() == 2 else 0.2
            v = torch.randn(p.shape, generator=g) * s
            if 'norm' in k: v = v + 1
            p.copy_(v.to(torch.bfloat16).float())
    folder = f'{OUT}/{name}'; os.makedirs(folder, exist_ok=True)
    sd = {k: v.to(torch.bfloat16).contiguous() for k, v in m.state_dict().items() if not (cfg.tie_word_embeddings and k == 'lm_head.weight')}
    save_file(sd, folder + '/model.safetensors')
    c = cfg.to_dict(); json.dump(c, open(folder + '/config.json', 'w'), indent=1, sort_keys=True)
    ids = torch.randint(0, 61, (1, 40), generator=g)
    with torch.no_grad(): o = m(ids, output_attentions=True, output_hidden_states=True)
    at = sum(a[0].sum(0) for a in o.attentions)
    res[name] = dict(tokens=ids[0].tolist(), logits={str(i): [round(x, 4) for x in o.logits[0, i].tolist()] for i in (0, 17, 39)},
                     hidden=[round(x, 4) for x in o.hidden_states[-1][0, 39].tolist()],
                     attention=[round(x, 5) for x in at[39].tolist()])
    print(name, o.logits.std().item(), os.path.getsize(folder + '/model.safetensors'))
json.dump(dict(versions=dict(torch=torch.__version__, transformers=transformers.__version__), models=res), open(OUT + '/expected.json', 'w'), separators=(',', ':'))
