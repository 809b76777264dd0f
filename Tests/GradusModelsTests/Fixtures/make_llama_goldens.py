# Greedy continuations by llama.cpp: make_llama_goldens.py MODEL.gguf > decoders/smollm2-greedy.json
import json, sys
import numpy as np
from llama_cpp import Llama
m = Llama(sys.argv[1], n_ctx=1024, n_threads=2, n_threads_batch=2, verbose=False, logits_all=False)
raw = ["The capital of France is", "Water boils at a temperature of", "def fibonacci(n):\n", "Once upon a time, in a small village,",
 "The three primary colours are", "To sort a list in Python,", "The mitochondria is the", "A ranking model is trained to",
 "In 1969, the first humans", "The quick brown fox jumps over"]
chat = ["What is the boiling point of water?", "Name three fruits.", "Translate 'good morning' to Spanish.", "What is 7 times 8?",
 "Write one sentence about the sea.", "Who wrote Romeo and Juliet?", "What is a search engine?", "List the planets of the solar system.",
 "How do I reverse a string in Python?", "Is the earth flat?"]
out = []
for kind, text in [("raw", t) for t in raw] + [("chat", t) for t in chat]:
    if kind == "chat":
        text = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n<|im_start|>user\n" + text + "<|im_end|>\n<|im_start|>assistant\n"
    ids = m.tokenize(text.encode(), add_bos=False, special=True)
    m.reset(); m.eval(ids)
    logits = lambda: np.ctypeslib.as_array(m._ctx.get_logits_ith(-1), shape=(49152,)).copy()
    first = None; toks = []; margins = []
    for step in range(24):
        l = logits()
        o = np.argsort(-l, kind='stable')
        if first is None: first = [[int(i), round(float(l[i]), 4)] for i in list(o[:4]) + [1000, 20000, 40000]]
        toks.append(int(o[0])); margins.append(round(float(l[o[0]] - l[o[1]]), 3))
        m.eval([toks[-1]])
    out.append(dict(prompt=ids, tokens=toks, margins=margins, logits=first))
json.dump(out, sys.stdout, separators=(',', ':'))
