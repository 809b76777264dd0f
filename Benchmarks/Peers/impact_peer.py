"""Search the same quantised vectors with `gradus bench search` and with PISA (pyterrier-pisa).

Vectors are made once by `gradus sparse --vectors`. Documents' weights become impacts from 1 to 255, queries' weights are
multiplied by 100 and rounded, so that all scores are whole numbers and equal scores are equal on both sides. PISA gets them as
pre-tokenized documents and queries without scaling, with its quantized scorer and its block_simdbp lists. The time of a side is
from weighted terms to documents, all queries one after the other on one thread; of PISA's query algorithms each is measured, and
what its Python wrapper does beside the search is left out.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time

from collection import corpus, lines
from pairs import Report, alternate, call, figures_output, gradus

REPEATS = 7
DEPTHS = (10, 1000)
ALGORITHMS = ("maxscore", "block_max_maxscore", "wand", "block_max_wand")


def records(path):
    return [json.loads(line) for line in lines(path)]


def prepare(folder, split, model, scratch):
    """Writes `documents.jsonl` and `queries.jsonl` with whole weights, unless they are there, and gives the number of queries."""
    with open(os.path.join(folder, "qrels", split + ".tsv"), encoding="utf-8") as file:
        judged = {line.split("\t")[0] for line in list(file)[1:]}
    topics = os.path.join(scratch, "topics.jsonl")
    with open(topics, "w", encoding="utf-8") as file:
        for row in records(os.path.join(folder, "queries.jsonl")):
            if row["_id"] in judged:
                file.write(json.dumps({"_id": row["_id"], "text": row["text"]}) + "\n")
    for source, name in ((folder, "documents"), (topics, "queries")):
        whole_path = os.path.join(scratch, name + ".jsonl")
        if os.path.exists(whole_path):
            continue
        raw = os.path.join(scratch, name + ".raw.jsonl")
        unused = os.path.join(scratch, "unused")
        gradus("sparse", source, "--model", model, "--vectors", raw, "--out", unused)
        shutil.rmtree(unused)
        rows = records(raw)
        greatest = max(max(row["vector"].values(), default=0) for row in rows)
        scale = 255 / greatest if name == "documents" else 100
        with open(whole_path + ".new", "w", encoding="utf-8") as file:
            for row in rows:
                whole = {term: round(weight * scale) for term, weight in row["vector"].items()}
                vector = {term: weight for term, weight in whole.items() if weight > 0}
                file.write(json.dumps({"id": row["id"], "vector": vector}) + "\n")
        os.replace(whole_path + ".new", whole_path)
    return len(records(os.path.join(scratch, "queries.jsonl")))


class Pisa:
    def __init__(self, scratch):
        import numpy
        import pyterrier_pisa

        self.numpy = numpy
        self.core = pyterrier_pisa._pisathon
        path = os.path.join(scratch, "pisa-index")
        self.index = pyterrier_pisa.PisaIndex(path, stemmer="none", stops="none", overwrite=True)
        if not self.index.built():
            documents = (
                {"docno": row["id"], "toks": row["vector"]} for row in records(os.path.join(scratch, "documents.jsonl"))
            )
            self.index.toks_indexer(mode="overwrite", scale=1.0).index(documents)
        self.context = self.index.quantized(toks_scale=1.0)._ctxt
        self.queries = records(os.path.join(scratch, "queries.jsonl"))
        self.input = [
            (number, {term: float(weight) for term, weight in row["vector"].items()})
            for number, row in enumerate(self.queries)
        ]

    def search(self, algorithm, k):
        """Seconds, and per query the scores in order."""
        size = len(self.input) * k
        places = self.numpy.empty(size, dtype=self.numpy.int32)
        names = self.numpy.empty(size, dtype=object)
        ranks = self.numpy.empty(size, dtype=self.numpy.int32)
        scores = self.numpy.empty(size, dtype=self.numpy.float32)
        start = time.perf_counter()
        found = self.core.retrieve(
            self.context, algorithm, self.input, k=k, threads=1, query_weighted=1, pretokenised=True, result_qidxs=places,
            result_docnos=names, result_ranks=ranks, result_scores=scores,
        )
        seconds = time.perf_counter() - start
        lists = [[] for _ in self.input]
        for place, score in zip(places[:found], scores[:found], strict=True):
            lists[place].append(float(score))
        return seconds, [sorted(own, reverse=True) for own in lists]


def measure(scratch):
    output = figures_output()
    pisa = Pisa(scratch)
    report = {"queries_per_second": {}, "scores": {}}
    for k in DEPTHS:
        for algorithm in ALGORITHMS:
            _, lists = pisa.search(algorithm, k)
            times = [pisa.search(algorithm, k)[0] for _ in range(REPEATS)]
            report["queries_per_second"][f"{k}/{algorithm}"] = len(pisa.input) / statistics.median(times)
            report["scores"][f"{k}/{algorithm}"] = {
                row["id"]: own for row, own in zip(pisa.queries, lists, strict=True)
            }
    with output:
        json.dump(report, output)


def measure_gradus(scratch):
    topics = os.path.join(scratch, "queries.jsonl")
    index = os.path.join(scratch, "gradus-index")
    report = {"queries_per_second": {}}
    for k in DEPTHS:
        found = gradus(
            "bench", "search", index, "--topics", topics, "--query-encoder", "vectors", "-k", k, "--threads", 1, "--repeats",
            REPEATS,
        )
        report["queries_per_second"][str(k)] = found["queries_per_second"]
    return report


def scores(scratch, k):
    run = os.path.join(scratch, "gradus.run")
    subprocess.run(
        [os.environ["GRADUS"], "search", os.path.join(scratch, "gradus-index"), "--topics",
         os.path.join(scratch, "queries.jsonl"), "--query-encoder", "vectors", "-k", str(k), "--out", run],
        check=True,
    )
    lists = {}
    with open(run, encoding="utf-8") as file:
        for line in file:
            qid, _, _, _, score, _ = line.split()
            lists.setdefault(qid, []).append(float(score))
    return lists


def compare(folder, split, model, scratch, path):
    queries = prepare(folder, split, model, scratch)
    for kept in ("gradus-index", "pisa-index"):
        shutil.rmtree(os.path.join(scratch, kept), ignore_errors=True)
    built = gradus(
        "sparse", "--import", os.path.join(scratch, "documents.jsonl"), "--out", os.path.join(scratch, "gradus-index")
    )
    # Before any time is taken: the k best have the same scores. Documents of equal scores may be ordered otherwise.
    theirs = call([sys.executable, __file__, "measure", scratch])
    report = Report(f"Learned sparse vectors on {os.path.basename(os.path.normpath(folder))}", [])
    for k in DEPTHS:
        ours = scores(scratch, k)
        for algorithm in ALGORITHMS:
            differing = 0
            for qid, own in theirs["scores"][f"{k}/{algorithm}"].items():
                mine = [score / built["scale"] for score in ours.get(qid, [])]
                positive = [score for score in own if score > 0]
                same = len(mine) == len(positive) and all(
                    abs(a - b) <= 0.01 for a, b in zip(mine, positive, strict=True)
                )
                differing += not same
            report.agreement(f"queries whose best {k} have other scores in PISA's {algorithm}", differing, 0)
    results = alternate(
        {
            "gradus": lambda: measure_gradus(scratch),
            "pisa": lambda: call([sys.executable, __file__, "measure", scratch]),
        }
    )
    for k in DEPTHS:
        report.compare(
            f"search, k {k}", "queries/s", [result["queries_per_second"][str(k)] for result in results["gradus"]],
            {
                f"PISA {algorithm}": [result["queries_per_second"][f"{k}/{algorithm}"] for result in results["pisa"]]
                for algorithm in ALGORITHMS
            },
            higher_is_better=True,
        )
    report.notes = [
        f"{queries} queries and {len(corpus(folder)[0])} documents by {model}, {built['terms_per_document']:.0f} terms a "
        f"document; one thread; each value is the median over the rounds of the median of {REPEATS} passes over all queries.",
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
