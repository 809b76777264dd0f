"""Index and search a BEIR folder with `gradus index` and `gradus bench search`, and with bm25s on its numba backend.

Both sides: title, one space, text; tokens of two or more word characters; Lucene's 33 stop words; Snowball English; BM25 as
Lucene scores it with k1 0.9 and b 0.4. Indexing goes from the collection's file to an index on the disk; for the rival, the
time from texts in memory to an index in memory is reported, too. A search takes the query from its text to the names of the
documents, all queries in one call. Passes that are not measured come first (numba compiles in them).
"""

import json
import os
import resource
import statistics
import sys
import time

from collection import corpus, lines
from pairs import Report, alternate, call, gradus

REPEATS = 7
INDEX_REPEATS = 5
DEPTHS = (10, 1000)
THREADS = (1, 2)
TOLERANCE = 0.001
STOP_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with"
).split()


def median_time(work, repeats):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(folder, split, scratch):
    """All of the rival's figures, and its run in `scratch`."""
    import bm25s
    import numba
    import Stemmer

    with open(os.path.join(folder, "qrels", split + ".tsv"), encoding="utf-8") as file:
        judged = {line.split("\t")[0] for line in list(file)[1:]}
    rows = (json.loads(line) for line in lines(os.path.join(folder, "queries.jsonl")))
    qids, queries = zip(*((row["_id"], row["text"]) for row in rows if row["_id"] in judged), strict=True)
    stemmer = Stemmer.Stemmer("english")

    def analyse(batch, **options):
        return bm25s.tokenize(
            batch, stopwords=STOP_WORDS, stemmer=stemmer, token_pattern=r"(?u)\b\w\w+\b", show_progress=False, **options
        )

    def index(texts):
        model = bm25s.BM25(method="lucene", k1=0.9, b=0.4, backend="numba")
        model.index(analyse(texts), show_progress=False)
        return model

    def index_files():
        index(corpus(folder)[1]).save(os.path.join(scratch, "bm25s-index"), show_progress=False)

    names, texts = corpus(folder)
    model = index(texts)
    report = {
        "versions": f"bm25s {bm25s.__version__}, numba {numba.__version__}, Snowball {Stemmer.version()}",
        "memory_documents_per_second": len(texts) / median_time(lambda: index(texts), INDEX_REPEATS),
        "documents_per_second": len(texts) / median_time(index_files, INDEX_REPEATS),
        "queries": len(queries),
        "queries_per_second": {},
    }
    for k in DEPTHS:
        for threads in THREADS:

            def batch():
                tokens = analyse(queries, return_ids=False)
                return model.retrieve(
                    tokens, corpus=names, k=min(k, len(names)), n_threads=threads, show_progress=False
                )

            found, scores = batch()
            report["queries_per_second"][f"{k}/{threads}"] = len(queries) / median_time(batch, REPEATS)
    with open(os.path.join(scratch, "bm25s.run"), "w", encoding="utf-8") as file:
        for qid, documents, values in zip(qids, found, scores, strict=True):
            for rank, (document, score) in enumerate(zip(documents, values, strict=True), 1):
                # Documents without a term of the query fill the list up; they were not found.
                if score > 0:
                    file.write(f"{qid} Q0 {document} {rank} {score:.9g} bm25s\n")
    report["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    json.dump(report, sys.stdout)


def measure_gradus(folder, split, scratch):
    report = {"documents_per_second": {}, "queries_per_second": {}}
    index = os.path.join(scratch, "gradus-index")
    for threads in THREADS:
        rates = [
            gradus("index", folder, "--out", index, "--threads", threads)["documents_per_second"]
            for _ in range(INDEX_REPEATS)
        ]
        report["documents_per_second"][str(threads)] = statistics.median(rates)
    for k in DEPTHS:
        for threads in THREADS:
            found = gradus(
                "bench", "search", index, "--topics", folder, "--split", split, "-k", k, "--threads", threads, "--repeats",
                REPEATS,
            )
            report["queries_per_second"][f"{k}/{threads}"] = found["queries_per_second"]
            report["queries"] = found["queries"]
            report["peak_mb"] = found["peak_mb"]
    return report


def ndcg(folder, split, run):
    judgements = os.path.join(folder, "qrels", split + ".tsv")
    return gradus("evaluate", judgements, run, "-m", "nDCG@10")["runs"][0]["measures"]["nDCG@10"]["mean"]


def compare(folder, split, scratch, path):
    results = alternate(
        {
            "gradus": lambda: measure_gradus(folder, split, scratch),
            "bm25s": lambda: call([sys.executable, __file__, "measure", folder, split, scratch]),
        }
    )
    ours, theirs = results["gradus"], results["bm25s"]
    report = Report(f"BM25 on {os.path.basename(os.path.normpath(folder))}", [])
    for threads in THREADS:
        report.compare(
            f"index, {threads} thread{'s' if threads > 1 else ''}", "documents/s",
            [result["documents_per_second"][str(threads)] for result in ours],
            {
                "bm25s, 1 thread": [result["documents_per_second"] for result in theirs],
                "bm25s, in memory, 1 thread": [result["memory_documents_per_second"] for result in theirs],
            },
            higher_is_better=True,
        )
    for k in DEPTHS:
        for threads in THREADS:
            key = f"{k}/{threads}"
            report.compare(
                f"search, k {k}, {threads} thread{'s' if threads > 1 else ''}", "queries/s",
                [result["queries_per_second"][key] for result in ours],
                {"bm25s": [result["queries_per_second"][key] for result in theirs]},
                higher_is_better=True,
                peak_mb={name: [result["peak_mb"] for result in of_side] for name, of_side in results.items()},
            )
    if ours[0]["queries"] != theirs[0]["queries"]:
        raise SystemExit(f"{ours[0]['queries']} queries on our side, {theirs[0]['queries']} on theirs")
    run = os.path.join(scratch, "gradus.run")
    topics = ["--topics", folder, "--split", split, "--out", run]
    gradus("search", os.path.join(scratch, "gradus-index"), *topics)
    mine, other = ndcg(folder, split, run), ndcg(folder, split, os.path.join(scratch, "bm25s.run"))
    report.agreement(f"nDCG@10: gradus {mine:.4f}, bm25s {other:.4f}", abs(mine - other), TOLERANCE)
    report.notes = [
        f"{theirs[0]['versions']}. {ours[0]['queries']} queries. Each value is the median over the rounds of the median of "
        f"{INDEX_REPEATS} indexing runs or {REPEATS} passes over all queries.",
        "Indexing goes from the collection's file to an index on the disk; \"in memory\" leaves reading and writing out.",
    ]
    report.write(path)


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    match mode:
        case "compare":
            compare(*arguments)
        case "measure":
            measure(*arguments)
        case _:
            raise SystemExit(f"unknown mode '{mode}'")
