"""Indexes and searches a BEIR folder with bm25s and prints medians as JSON.

The work is that of `gradus index` and `gradus bench search`: title, one space, text; tokens of two or more word
characters; Lucene's 33 stop words; Snowball English; BM25 as Lucene scores it with k1 0.9 and b 0.4. A search takes the
query from its text to the names of the documents. One pass that is not measured comes first (numba compiles in it).
"""

import gzip
import json
import os
import statistics
import sys
import time

import bm25s
import numba
import Stemmer

REPEATS = 7
STOP_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with"
).split()


def lines(path):
    for name, opener in ((path, open), (path + ".gz", gzip.open)):
        if os.path.exists(name):
            with opener(name, "rt", encoding="utf-8") as file:
                yield from file
            return
    raise SystemExit(f"{path}: no such file, packed or not")


def median_time(work):
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main(folder, qrels):
    documents = [json.loads(line) for line in lines(os.path.join(folder, "corpus.jsonl"))]
    names = [document["_id"] for document in documents]
    texts = [(d["title"] + " " + d["text"]) if d.get("title") else d["text"] for d in documents]
    with open(qrels, encoding="utf-8") as file:
        judged = {line.split("\t")[0] for line in list(file)[1:]}
    rows = (json.loads(line) for line in lines(os.path.join(folder, "queries.jsonl")))
    queries = [row["text"] for row in rows if row["_id"] in judged]
    stemmer = Stemmer.Stemmer("english")

    def analyse(batch, **options):
        return bm25s.tokenize(
            batch, stopwords=STOP_WORDS, stemmer=stemmer, token_pattern=r"(?u)\b\w\w+\b", show_progress=False, **options
        )

    def index(backend):
        model = bm25s.BM25(method="lucene", k1=0.9, b=0.4, backend=backend)
        model.index(analyse(texts), show_progress=False)
        return model

    report = {
        "versions": {"bm25s": bm25s.__version__, "numba": numba.__version__, "snowball": Stemmer.version()},
        "documents": len(documents),
        "queries": len(queries),
        "repeats": REPEATS,
        "documents_per_second": {},
        "search": [],
    }
    for backend in ("numba", "numpy"):
        model = index(backend)
        report["documents_per_second"][backend] = round(len(documents) / median_time(lambda: index(backend)))
        for k in (10, 1000):
            for threads in (1, 2):
                depth = min(k, len(documents))

                def batch():
                    tokens = analyse(queries, return_ids=False)
                    model.retrieve(tokens, corpus=names, k=depth, n_threads=threads, show_progress=False)

                def single():
                    for query in queries:
                        tokens = analyse([query], return_ids=False)
                        model.retrieve(tokens, corpus=names, k=depth, show_progress=False)

                batch()
                entry = {"backend": backend, "k": k, "threads": threads}
                entry["queries_per_second"] = round(len(queries) / median_time(batch))
                if threads == 1:
                    single()
                    entry["one_by_one_queries_per_second"] = round(len(queries) / median_time(single))
                report["search"].append(entry)
    json.dump(report, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
