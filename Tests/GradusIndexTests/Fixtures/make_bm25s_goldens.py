"""Writes bm25s.json: scores of bm25s for the BM25 formulas, with k1 1.2 and b 0.6.

Run with bm25s 0.3.9 or newer and numpy:  python make_bm25s_goldens.py > bm25s.json

bm25s gives a document the `delta` part of BM25L and BM25+ for query terms that it does not hold as well; that constant is
taken off here, as the papers sum over the terms that a document holds. It also sets Robertson's idf to at least 0: the words
here are in fewer than half of the documents.
"""
import json
import random

import bm25s
import numpy as np

random.seed(7)
words = [f"w{i}" for i in range(30)]
weights = [1 / (i + 3) for i in range(30)]
documents = [random.choices(words, weights, k=random.randint(1, 14)) for _ in range(40)]
common = {w for w in words if sum(w in d for d in documents) * 2 >= len(documents)}
documents = [[w for w in d if w not in common] or ["w29"] for d in documents]
queries = [random.sample([w for w in words if w not in common], 4) for _ in range(8)]
queries[0] = queries[0] + queries[0][:1]

result = {"version": bm25s.__version__, "documents": documents, "queries": queries, "scores": {}}
for method, delta in [("lucene", 0), ("robertson", 0), ("atire", 0), ("bm25l", 0.5), ("bm25+", 1.0)]:
    model = bm25s.BM25(method=method, k1=1.2, b=0.6, delta=delta, dtype="float64")
    model.index(documents, show_progress=False)
    rows = []
    for query in queries:
        scores = np.asarray(model.get_scores(query), dtype=float)
        for place, document in enumerate(documents):
            if method in ("bm25l", "bm25+"):
                for word in query:
                    if word not in document and word in model.vocab_dict:
                        scores[place] -= model.nonoccurrence_array[model.vocab_dict[word]]
        rows.append([round(float(s), 12) for s in scores])
    result["scores"][method] = rows
print(json.dumps(result))
