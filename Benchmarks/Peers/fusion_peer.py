"""Fuse the same run files with `gradus fuse` and with ranx.

Every query has a pool of twice as many documents as a run holds, so that half of a run's documents are in the next one, too.
Scores are all different within a list: ranx orders ties by the input. The rival's passes are measured in one process after
one that is not (numba compiles in it); ours are processes of their own, cold caches and page faults included.
"""

import json
import os
import random
import statistics
import sys
import time

from pairs import Report, alternate, call, gradus, threads

REPEATS = 5
TOLERANCE = 1e-9
# Ours and the rival's: method, normalisation.
METHODS = {
    "rrf(k=60)": (["--method", "rrf(k=60)"], {"norm": None, "method": "rrf", "params": {"k": 60}}),
    "combmnz, min-max": (["--method", "combmnz", "--norm", "min-max"], {"norm": "min-max", "method": "mnz"}),
}


def write_runs(runs, queries, documents, scratch):
    generator = random.Random(7)
    paths = [os.path.join(scratch, f"run{number}.trec") for number in range(runs)]
    files = [open(path, "w", encoding="utf-8") for path in paths]
    for query in range(queries):
        pool = generator.sample(range(8_800_000), 2 * documents)
        for number, file in enumerate(files):
            score = 30.0
            for rank, document in enumerate(generator.sample(pool, documents), 1):
                score -= generator.uniform(0.001, 0.02)
                file.write(f"q{query} Q0 {document} {rank} {score:.6f} run{number}\n")
    for file in files:
        file.close()
    return paths


def measure(scratch, count):
    """All of the rival's figures, and its fused scores of some queries in `scratch`."""
    from importlib.metadata import version

    import numba
    from ranx import Run, fuse

    numba.set_num_threads(min(threads(), numba.config.NUMBA_NUM_THREADS))
    paths = [os.path.join(scratch, f"run{number}.trec") for number in range(count)]
    start = time.perf_counter()
    runs = [Run.from_file(path, kind="trec") for path in paths]
    report = {"reading": time.perf_counter() - start, "seconds": {}}
    report["versions"] = f"ranx {version('ranx')}, numba {numba.__version__}"
    for name, (_, options) in METHODS.items():
        fused = fuse(runs, **options)
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            fuse(runs, **options)
            times.append(time.perf_counter() - start)
        report["seconds"][name] = statistics.median(times)
        with open(os.path.join(scratch, f"{name}.json"), "w", encoding="utf-8") as file:
            json.dump({qid: dict(fused.run[qid]) for qid in list(fused.run.keys())[:20]}, file)
    json.dump(report, sys.stdout)


def measure_gradus(scratch, count):
    paths = [os.path.join(scratch, f"run{number}.trec") for number in range(count)]
    report = {"seconds": {}, "total": {}}
    for name, (options, _) in METHODS.items():
        fusing, total = [], []
        for _ in range(REPEATS):
            start = time.perf_counter()
            out = os.path.join(scratch, "fused.run")
            result = gradus("fuse", *paths, *options, "--threads", threads(), "--out", out)
            total.append(time.perf_counter() - start)
            fusing.append(result["seconds"])
        report["seconds"][name] = statistics.median(fusing)
        report["total"][name] = statistics.median(total)
    return report


def difference(scratch, count, name, options):
    """The largest difference between the sides' scores, relative to the larger of 1 and the score."""
    paths = [os.path.join(scratch, f"run{number}.trec") for number in range(count)]
    out = os.path.join(scratch, "fused.run")
    gradus("fuse", *paths, *options, "--out", out)
    with open(os.path.join(scratch, f"{name}.json"), encoding="utf-8") as file:
        expected = json.load(file)
    worst, found = 0.0, 0
    with open(out, encoding="utf-8") as file:
        for line in file:
            qid, _, docno, _, score, _ = line.split()
            if qid in expected:
                other = expected[qid][docno]
                worst = max(worst, abs(float(score) - other) / max(1, abs(other)))
                found += 1
    if found != sum(len(scores) for scores in expected.values()):
        raise SystemExit(f"{name}: the sides have different documents")
    return worst


def compare(count, queries, documents, scratch, path):
    count, queries, documents = int(count), int(queries), int(documents)
    write_runs(count, queries, documents, scratch)
    results = alternate(
        {
            "gradus": lambda: measure_gradus(scratch, count),
            "ranx": lambda: call([sys.executable, __file__, "measure", scratch, count]),
        }
    )
    ours, theirs = results["gradus"], results["ranx"]
    report = Report(f"Fusion of {count} runs x {queries:,} queries x {documents:,} documents", [])
    for name, (options, _) in METHODS.items():
        report.compare(
            f"{name}, runs in memory", "seconds", [result["seconds"][name] for result in ours],
            {"ranx": [result["seconds"][name] for result in theirs]}, higher_is_better=False,
        )
        report.compare(
            f"{name}, from files to a file", "seconds", [result["total"][name] for result in ours],
            {"ranx, reading and fusing": [result["reading"] + result["seconds"][name] for result in theirs]},
            higher_is_better=False,
        )
        report.agreement(f"{name}: scores", difference(scratch, count, name, options), TOLERANCE)
    report.notes = [
        f"{theirs[0]['versions']}. Each value is the median over the rounds of the median of {REPEATS} passes.",
        "ranx's time to start Python and to compile is left out, as is its writing of the result.",
    ]
    report.write(path)


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    match mode:
        case "compare":
            compare(*arguments)
        case "measure":
            measure(*arguments[:1], int(arguments[1]))
        case _:
            raise SystemExit(f"unknown mode '{mode}'")
