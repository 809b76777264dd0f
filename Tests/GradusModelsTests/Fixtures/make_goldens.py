"""Makes the golden files beside this script: a tiny random BERT with the outputs that Hugging Face's code gives for it,
and a tiny Conv-KNRM with scores computed with PyTorch's own convolutions. README.md names the versions."""

import json
import os
import string

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import BertConfig, BertModel, BertTokenizerFast

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(here, "tiny-bert")
os.makedirs(folder, exist_ok=True)
torch.manual_seed(20)

words = ["the", "cat", "sat", "rank", "##ing", "how", "."]
vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.ascii_lowercase]
vocabulary += ["##" + letter for letter in string.ascii_lowercase] + words
with open(os.path.join(folder, "vocab.txt"), "w") as file:
    file.write("\n".join(vocabulary) + "\n")

config = BertConfig(
    vocab_size=len(vocabulary), hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=48,
    max_position_embeddings=40, type_vocab_size=2, initializer_range=0.2, attn_implementation="eager")
bert = BertModel(config, add_pooling_layer=False).eval()
with torch.no_grad():
    for name, parameter in bert.named_parameters():
        if name.endswith("bias"):
            parameter.normal_(0, 0.2)
        elif "LayerNorm" in name:
            parameter.normal_(1, 0.2)
        else:
            parameter.normal_(0, 0.2)  # no zero row for [PAD]
head = {
    "classifier.weight": torch.randn(1, 24) * 0.3, "classifier.bias": torch.randn(1) * 0.3,
    "similarity.scale": torch.tensor([7.5]),
}
weights = {name: value.contiguous() for name, value in bert.state_dict().items() if "position_ids" not in name}
save_file({**weights, **head}, os.path.join(folder, "model.safetensors"))
keys = [
    "model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_dropout_prob", "attention_probs_dropout_prob",
    "initializer_range", "hidden_act"]
with open(os.path.join(folder, "config.json"), "w") as file:
    json.dump({key: getattr(config, key) for key in keys}, file, indent=1)

tokenizer = BertTokenizerFast(vocab=os.path.join(folder, "vocab.txt"), do_lower_case=True)
assert tokenizer("the").input_ids == [2, vocabulary.index("the"), 3], tokenizer("the").input_ids


def rounded(tensor):
    return [[float(f"{x:.8g}") for x in row] for row in tensor.tolist()]


# Hidden states of packed sequences, two segments.
generator = torch.Generator().manual_seed(3)
sequences = []
with torch.no_grad():
    for length, cut in [(1, 1), (7, 3), (40, 11), (18, 18)]:
        ids = torch.randint(0, 64, (1, length), generator=generator)
        segments = (torch.arange(length) >= cut).long()[None]
        hidden = bert(input_ids=ids, token_type_ids=segments).last_hidden_state[0]
        sequences.append({"ids": ids[0].tolist(), "segments": segments[0].tolist(), "hidden": rounded(hidden)})

texts = ["How the cat sat.", "", "ranking ranking zebra cat"]
pooled = {"mean": [], "cls": [], "max": []}
with torch.no_grad():
    for text in texts:
        hidden = bert(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        pooled["mean"].append(hidden.mean(0))
        pooled["cls"].append(hidden[0])
        pooled["max"].append(hidden.max(0).values)
    unit = rounded(F.normalize(torch.stack(pooled["mean"]), dim=1))
    pooled = {name: rounded(torch.stack(rows)) for name, rows in pooled.items()}

pairs = [
    ("how cat", "The cat sat."), ("ranking", "the zebra is ranking the cat"), ("", "the cat"), ("cat", ""), ("", ""),
    ("cat sat", "cat sat cat sat the the the how"),
]
cross = {"cls": [], "similarity": []}
with torch.no_grad():
    for query, document in pairs:
        encoded = tokenizer([query], [document], return_tensors="pt")  # a list: an empty document stays a document
        hidden = bert(**encoded).last_hidden_state[0]
        segment = encoded["token_type_ids"][0]
        linear = hidden[0] @ head["classifier.weight"][0] + head["classifier.bias"][0]
        cosine = F.cosine_similarity(hidden[segment == 0].mean(0), hidden[segment == 1].mean(0), dim=0)
        cross["cls"].append(float(linear))
        cross["similarity"].append(float(cosine * head["similarity.scale"][0] + linear))

# Conv-KNRM over the same embedding table.
filters, grams, query_tokens, document_tokens = 5, 3, 4, 9
mu = torch.tensor([-0.9, -0.7, -0.5, -0.3, -0.1, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
sigma = torch.tensor([0.1] * 10 + [0.001])
convolutions = [torch.nn.Conv1d(24, filters, gram + 1) for gram in range(grams)]
combine = torch.nn.Linear(grams * grams * len(mu), 1)
table = weights["embeddings.word_embeddings.weight"]
neural = {"embeddings.weight": table.clone(), "kernels.mu": mu, "kernels.sigma": sigma}
for gram, convolution in enumerate(convolutions):
    neural[f"convolution.{gram + 1}.weight"] = convolution.weight.detach().permute(0, 2, 1).reshape(filters, -1).contiguous()
    neural[f"convolution.{gram + 1}.bias"] = convolution.bias.detach()
neural["combine.weight"], neural["combine.bias"] = combine.weight.detach(), combine.bias.detach()
save_file(neural, os.path.join(here, "tiny-conv-knrm.safetensors"))


def unit_grams(text, limit):
    ids = tokenizer(text, add_special_tokens=False).input_ids[:limit]
    vectors = table[ids].T[None]
    rows = []
    for gram, convolution in enumerate(convolutions):
        if ids:
            rows.append(F.normalize(convolution(F.pad(vectors, (0, gram)))[0].T, dim=1))
        else:
            rows.append(torch.zeros(0, filters))
    return rows


scores = []
with torch.no_grad():
    for query, document in pairs:
        features = []
        for q in unit_grams(query, query_tokens):
            for d in unit_grams(document, document_tokens):
                bells = torch.exp(-((q @ d.T)[:, :, None] - mu) ** 2 / (2 * sigma**2))
                features.append(torch.log(bells.sum(1) + 1e-6).sum(0))
        scores.append(float(combine(torch.cat(features))))

with open(os.path.join(here, "goldens.json"), "w") as file:
    json.dump(
        {"sequences": sequences, "texts": texts, "pooled": pooled, "unitMean": unit,
         "pairs": [list(pair) for pair in pairs], "cross": cross, "convKNRM": scores}, file)
    file.write("\n")
for root, _, files in os.walk(here):
    for name in files:
        os.chmod(os.path.join(root, name), 0o644)
