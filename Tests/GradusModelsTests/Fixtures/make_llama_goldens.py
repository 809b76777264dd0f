"""Greedy continuations by llama.cpp: make_llama_goldens.py MODEL.gguf > decoders/smollm2-greedy.json"""
import json
import sys

import numpy
from llama_cpp import Llama

RAW = [
    "The capital of France is", "Water boils at a temperature of", "def fibonacci(n):\n",
    "Once upon a time, in a small village,", "The three primary colours are", "To sort a list in Python,",
    "The mitochondria is the", "A ranking model is trained to", "In 1969, the first humans", "The quick brown fox jumps over",
]
CHAT = [
    "What is the boiling point of water?", "Name three fruits.", "Translate 'good morning' to Spanish.", "What is 7 times 8?",
    "Write one sentence about the sea.", "Who wrote Romeo and Juliet?", "What is a search engine?",
    "List the planets of the solar system.", "How do I reverse a string in Python?", "Is the earth flat?",
]
SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

model = Llama(sys.argv[1], n_ctx=1024, n_threads=2, n_threads_batch=2, verbose=False, logits_all=False)
prompts = RAW + [
    f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n" for text in CHAT
]
results = []
for prompt in prompts:
    ids = model.tokenize(prompt.encode(), add_bos=False, special=True)
    model.reset()
    model.eval(ids)
    first, tokens, margins = None, [], []
    for _ in range(24):
        logits = numpy.ctypeslib.as_array(model._ctx.get_logits_ith(-1), shape=(49152,)).copy()
        order = numpy.argsort(-logits, kind="stable")
        if first is None:
            first = [[int(token), round(float(logits[token]), 4)] for token in [*order[:4], 1000, 20000, 40000]]
        tokens.append(int(order[0]))
        margins.append(round(float(logits[order[0]] - logits[order[1]]), 3))
        model.eval([tokens[-1]])
    results.append(dict(prompt=ids, tokens=tokens, margins=margins, logits=first))
json.dump(results, sys.stdout, separators=(",", ":"))
