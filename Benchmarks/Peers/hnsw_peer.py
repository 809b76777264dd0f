"""HNSW of `gradus bench vectors` beside hnswlib, usearch and faiss on the same vectors.

Vectors have unit length and are compared by inner product. Every side builds with M 16 (32 links on the lowest level) and
efConstruction 200, then answers all queries in one call for each efSearch of one list; the figure at a recall is the fastest
measured point that reaches it. Recall@10 is against the exact answers over float32. Times are medians of passes after one that is
not measured. A side is a process of its own.
"""

import json
import os
import shlex
import statistics
import subprocess
import sys
import time

import numpy as np

from pairs import kept, machine

M, EF_CONSTRUCTION, K, REPEATS = 16, 200, 10, 5
EF_SEARCH = (10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 256, 320, 400, 512)
RECALLS = (0.90, 0.95, 0.99)
THREADS = (1, 2)
OURS = {"gradus": "int8", "gradus, walks in float32": "float32"}
RIVALS = ("hnswlib", "usearch", "usearch i8", "faiss", "faiss SQ8")


def generate(base, queries, count=100_000, asked=1_000, dimension=128, clusters=1_000, seed=7):
    """Points around 1,000 centres on the sphere: a centre plus noise of .8 of its length in all, brought to unit length."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((clusters, dimension))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    for path, rows in ((base, count), (queries, asked)):
        points = centres[random.integers(clusters, size=rows)]
        points = points + random.standard_normal((rows, dimension)) * (0.8 / np.sqrt(dimension))
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        np.save(path, points.astype(np.float32))


class Hnswlib:
    def __init__(self, base, threads):
        import hnswlib

        self.threads = threads
        self.index = hnswlib.Index(space="ip", dim=base.shape[1])
        self.index.init_index(max_elements=len(base), M=M, ef_construction=EF_CONSTRUCTION, random_seed=1)
        self.index.add_items(base, num_threads=threads)

    def search(self, queries, ef):
        self.index.set_ef(ef)
        return self.index.knn_query(queries, k=K, num_threads=self.threads)[0]


class Usearch:
    def __init__(self, base, threads, dtype):
        from usearch.index import Index

        self.threads = threads
        self.index = Index(
            ndim=base.shape[1], metric="cos", dtype=dtype, connectivity=M, expansion_add=EF_CONSTRUCTION
        )
        self.index.add(np.arange(len(base)), base, threads=threads)

    def search(self, queries, ef):
        self.index.expansion_search = ef
        return self.index.search(queries, K, threads=self.threads).keys


class Faiss:
    def __init__(self, base, threads, is_quantized):
        import faiss

        faiss.omp_set_num_threads(threads)
        inner = faiss.METRIC_INNER_PRODUCT
        if is_quantized:
            self.index = faiss.IndexHNSWSQ(base.shape[1], faiss.ScalarQuantizer.QT_8bit, M, inner)
            self.index.train(base)
        else:
            self.index = faiss.IndexHNSWFlat(base.shape[1], M, inner)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION
        self.index.add(base)

    def search(self, queries, ef):
        self.index.hnsw.efSearch = ef
        return self.index.search(queries, K)[1]


def exact(base, queries):
    """Row numbers of the exact answers, equal scores by the greater name as text, as the command has it."""
    scores = queries @ base.T
    found = np.argpartition(-scores, K - 1, axis=1)[:, :K]
    return [set(row.tolist()) for row in found], np.sort(-np.partition(-scores, K - 1, axis=1)[:, :K], axis=1)


def measure(side, base_path, queries_path, threads):
    base, queries, threads = np.load(base_path), np.load(queries_path), int(threads)
    start = time.perf_counter()
    match side:
        case "hnswlib":
            index = Hnswlib(base, threads)
        case "usearch":
            index = Usearch(base, threads, "f32")
        case "usearch i8":
            index = Usearch(base, threads, "i8")
        case _:
            index = Faiss(base, threads, side.endswith("SQ8"))
    report = {"build_seconds": time.perf_counter() - start, "points": []}
    wanted, _ = exact(base, queries)
    for ef in EF_SEARCH:
        found = index.search(queries, ef)
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            index.search(queries, ef)
            times.append(time.perf_counter() - start)
        hits = sum(len(rows.intersection(row.tolist())) for rows, row in zip(wanted, found, strict=True))
        report["points"].append(
            {
                "ef_search": ef,
                "recall": hits / (K * len(queries)),
                "queries_per_second": len(queries) / statistics.median(times),
            }
        )
    json.dump(report, sys.stdout)


def run(words):
    words = shlex.split(os.environ.get("QUIET", "")) + [str(word) for word in words]
    result = subprocess.run(words, stdout=subprocess.PIPE, check=True)
    return json.loads(result.stdout)


def run_gradus(base, queries, threads, widths, *options):
    return run(
        [os.environ["GRADUS"], "bench", "vectors", base, "--queries", queries, "--M", M, "--efConstruction", EF_CONSTRUCTION]
        + ["--efSearch", ",".join(map(str, widths)), "-k", K, "--repeats", REPEATS, "--threads", threads, "--json", *options]
    )


def run_side(side, base, queries, threads):
    if side in OURS:
        return run_gradus(base, queries, threads, EF_SEARCH, "--traversal", OURS[side])
    return run([sys.executable, __file__, "measure", side, base, queries, threads])


def check_exact(base_path, queries_path, path):
    """Both sides' exact answers are the same rows, but for scores that rounding cannot tell apart; gives the number of queries."""
    run_gradus(base_path, queries_path, max(THREADS), EF_SEARCH[:1], "--exact-out", path)
    base, queries = np.load(base_path), np.load(queries_path)
    wanted, scores = exact(base, queries)
    with open(path, encoding="utf-8") as file:
        for query, line in enumerate(file):
            ours = {int(word) for word in line.split()}
            for row in ours.symmetric_difference(wanted[query]):
                if abs(float(queries[query] @ base[row]) - scores[query][0]) > 1e-6:
                    raise SystemExit(f"query {query}: row {row} is in one side's exact answer and not in the other's")
    return len(queries)


def speed_at(points, recall):
    reached = [point for point in points if point["recall"] >= recall]
    return max(reached, key=lambda point: point["queries_per_second"]) if reached else None


def table(name, base, queries, scratch):
    exact_path = os.path.join(scratch, "exact.txt")
    sides = list(OURS) + list(RIVALS)
    rows, dimension = np.load(base, mmap_mode="r").shape
    out = [f"## {name}: {rows:,} vectors of {dimension} numbers, {len(np.load(queries, mmap_mode='r')):,} queries", ""]
    for threads in THREADS:
        results = {side: [] for side in sides}
        for number in range(int(os.environ.get("ROUNDS", "3"))):
            for side in sides:
                key = f"{name}, {threads} threads, round {number + 1}: {side}"
                results[side].append(kept(key, lambda: run_side(side, base, queries, threads)))
        if threads == THREADS[0]:
            asked = kept(f"{name}: exact answers", lambda: check_exact(base, queries, exact_path))
            out += [f"Exact answers of both sides agree on all {asked} queries.", ""]
        heads = [f"q/s at {recall:.2f} (efSearch)" for recall in RECALLS]
        out += [f"| {threads} thread{'s' if threads > 1 else ''} | build, s | {' | '.join(heads)} |"]
        out += ["|---|--:|" + "--:|" * len(RECALLS)]
        for side in sides:
            build = statistics.median(result["build_seconds"] for result in results[side])
            cells = []
            for recall in RECALLS:
                points = [speed_at(result["points"], recall) for result in results[side]]
                if any(point is None for point in points):
                    best = max(point["recall"] for result in results[side] for point in result["points"])
                    cells.append(f"not reached ({best:.3f})")
                    continue
                speed = statistics.median(point["queries_per_second"] for point in points)
                cells.append(f"{speed:,.0f} ({points[0]['ef_search']})")
                line = {"data": name, "side": side, "threads": threads, "recall": recall}
                print(json.dumps(line | {"queries_per_second": speed, "build_seconds": build}), flush=True)
            out.append(f"| {side} | {build:.1f} | {' | '.join(cells)} |")
        out.append("")
    return out


def versions():
    import faiss
    import hnswlib
    import usearch

    known = getattr(hnswlib, "__version__", "")
    if not known:
        from importlib.metadata import version

        known = version("hnswlib")
    return f"hnswlib {known}, usearch {usearch.__version__}, faiss {faiss.__version__}, numpy {np.__version__}"


def compare(scratch, path, *data):
    out = ["# HNSW", ""]
    body = []
    for name, base, queries in zip(data[0::3], data[1::3], data[2::3], strict=True):
        body += table(name, base, queries, scratch)
    out += [machine(), "", versions() + f". M {M}, efConstruction {EF_CONSTRUCTION}, k {K}; median of {REPEATS} passes, "
            f"and over {os.environ.get('ROUNDS', '3')} rounds. A figure at a recall is the fastest point of one list of efSearch "
            "that reaches it.", ""]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out + body).rstrip() + "\n")


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    match mode:
        case "generate":
            generate(*arguments)
        case "measure":
            measure(*arguments)
        case "compare":
            compare(*arguments)
        case _:
            raise SystemExit(f"unknown mode '{mode}'")
