"""Quality and speed of BM25F with parameters of the training queries, beside BM25 with its own."""

import itertools
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Peers"))
from pairs import gradus, machine

MEASURE = "nDCG@10"
KEPT = ("difference", "interval", "p", "corrected_p", "wins", "losses")
DEFAULT = "bm25(k1=0.9,b=0.4)"
# In this order: among equals the first counts, which is the simplest.
BM25 = [f"bm25(k1={k1},b={b})" for k1, b in itertools.product((0.9, 0.6, 1.2, 1.6, 2.0), (0.4, 0.2, 0.6, 0.8))]
# A title's weight scales what is saturated, so that greater ones want a greater k1.
BM25F = [
    f"bm25f(k1={k1},title={title},title.b={title_b},text.b={text_b})"
    for title, k1, title_b, text_b in itertools.product((1, 2, 3, 5), (0.9, 1.6, 2.5), (0.4, 0, 0.8), (0.4, 0.6, 0.8))
]


def judgements(collection, split):
    return os.path.join(collection, "qrels", split + ".tsv") if os.path.isdir(collection) else collection


class Collection:
    def __init__(self, collection, scratch):
        self.collection = collection
        self.name = os.path.basename(os.path.normpath(collection))
        self.folder = os.path.join(scratch, self.name)
        os.makedirs(self.folder, exist_ok=True)
        self.indexes = {}
        for name, options in (("bm25", []), ("bm25f", ["--fields", "title,text"])):
            self.indexes[name] = os.path.join(self.folder, name)
            gradus("index", collection, "--out", self.indexes[name], "--threads", os.environ["THREADS"], *options)

    def index(self, model):
        return self.indexes[model.partition("(")[0]]

    def search(self, model, split, name):
        run = os.path.join(self.folder, name + ".run")
        gradus(
            "search", self.index(model), "--topics", self.collection, "--split", split, "--model", model, "-k", 100, "--threads",
            os.environ["THREADS"], "--out", run)
        return run

    def evaluate(self, split, *runs):
        # A named collection's judgements are those of its split, a folder's are a file.
        where = [] if os.path.isdir(self.collection) else ["--split", split]
        return gradus("evaluate", judgements(self.collection, split), *runs, "-m", MEASURE, *where)

    def best(self, models, split):
        """The model with the best mean on a split, and that mean."""
        means = []
        for model in models:
            found = self.evaluate(split, self.search(model, split, "tuning"))
            means.append(found["runs"][0]["measures"][MEASURE]["mean"])
        best = max(range(len(models)), key=lambda number: (means[number], -number))
        return models[best], means[best]

    def speed(self, model, k):
        """Medians over the rounds, of one thread."""
        found = [
            gradus(
                "bench", "search", self.index(model), "--topics", self.collection, "--split", "test", "--model", model, "-k", k,
                "--threads", 1)
            for _ in range(int(os.environ["ROUNDS"]))
        ]
        return {name: statistics.median(each[name] for each in found) for name in ("queries_per_second", "p50_ms", "p99_ms")}


def measure(path, scratch):
    collection = Collection(path, scratch)
    split = os.environ.get("TUNING", "train")
    bm25, bm25_mean = collection.best(BM25, split)
    bm25f, bm25f_mean = collection.best(BM25F, split)
    models = {"BM25, tuned": (bm25, bm25_mean), "BM25, as it comes": (DEFAULT, None), "BM25F, tuned": (bm25f, bm25f_mean)}
    runs = {name: collection.search(model, "test", f"run-{place}") for place, (name, (model, _)) in enumerate(models.items())}
    # The first run is what the others are compared with.
    found = collection.evaluate("test", *runs.values())
    tests = {comparison["run"]: comparison for comparison in found["comparisons"]}
    for (name, (model, tuning)), run, evaluation in zip(models.items(), runs.values(), found["runs"], strict=True):
        test = tests.get(evaluation["name"]) or tests.get(run)
        yield {
            "collection": collection.name, "model": name, "parameters": model, f"{MEASURE} on {split}": tuning,
            MEASURE: evaluation["measures"][MEASURE]["mean"],
            "against BM25, tuned": test and {name: test[name] for name in KEPT},
            "speed": {k: collection.speed(model, k) for k in (10, 1000)},
        }


def main(scratch, path, *collections):
    split = os.environ.get("TUNING", "train")
    lines = [
        "# BM25F beside BM25 (titles and texts)", "", machine(), "",
        f"Parameters are the best of a grid on the {split} queries ({len(BM25)} of BM25, {len(BM25F)} of BM25F); tests are paired "
        "t-tests on the test queries against BM25 so tuned, p corrected for both comparisons (Holm). BM25 reads title and text as "
        f"one. Speed is of one thread, from the query's text to the documents' names, the median of {os.environ['ROUNDS']} "
        "rounds.", "",
        f"| collection | model | parameters | {MEASURE}, {split} | {MEASURE}, test | against BM25, tuned | p | queries/s, k 10 "
        "| p99 ms | queries/s, k 1000 | p99 ms |", "|---|---|---|--:|--:|---|--:|--:|--:|--:|--:|",
    ]
    for collection in collections:
        for row in measure(collection, scratch):
            print(json.dumps(row), flush=True)
            test = row["against BM25, tuned"]
            gain = f"{test['difference']:+.4f} [{test['interval'][0]:+.4f}, {test['interval'][1]:+.4f}]" if test else ""
            p = f"{test['corrected_p']:.4f}" if test else ""
            tuned = f"{row[f'{MEASURE} on {split}']:.4f}" if row[f"{MEASURE} on {split}"] else ""
            fast, deep = row["speed"][10], row["speed"][1000]
            lines.append(
                f"| {row['collection']} | {row['model']} | `{row['parameters']}` | {tuned} "
                f"| {row[MEASURE]:.4f} | {gain} | {p} "
                f"| {fast['queries_per_second']:,.0f} | {fast['p99_ms']:.3f} | {deep['queries_per_second']:,.0f} "
                f"| {deep['p99_ms']:.3f} |")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
