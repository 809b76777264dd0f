"""SPLADE weights of some texts by transformers, for `splade-tiny.json`.

    python make_splade_goldens.py MODEL_FOLDER > splade-tiny.json

All texts are read in one padded batch, so that the attention mask matters; one is longer than the 256 tokens that are read.
"""
import json
import sys

import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

TEXTS = [
    "how do I sort a hash by value",
    "Sort the keys with a comparison of their values, then print them in that order.",
    "Chronic inflammation raises the risk of coronary artery disease in adults over 50.",
    "",
    "The boundary layer separates where the pressure rises. " * 40,
]

folder = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForMaskedLM.from_pretrained(folder).eval()
inputs = tokenizer(TEXTS, max_length=256, padding=True, truncation=True, return_tensors="pt", return_token_type_ids=False)
with torch.no_grad():
    logits = model(**inputs).logits
weights = (torch.log1p(torch.relu(logits)) * inputs["attention_mask"].unsqueeze(-1)).max(dim=1).values
result = []
for text, row, mask in zip(TEXTS, weights, inputs["attention_mask"]):
    best = torch.topk(row, 12)
    result.append({
        "text": text,
        "tokens": int(mask.sum()),
        "count": int((row > 1e-4).sum()),
        "sum": float(row.double().sum()),
        "best": [[tokenizer.convert_ids_to_tokens(int(i)), round(float(w), 6)] for w, i in zip(best.values, best.indices)],
    })
json.dump(result, sys.stdout, indent=1, ensure_ascii=False)
print()
