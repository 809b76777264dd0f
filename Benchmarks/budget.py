"""nDCG@10 of the development queries and time a query: budgets of time, of one model and of a cascade, and early exits."""

import json
import os
import sys
from subprocess import PIPE, run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Peers"))
from pairs import machine

BUDGETS = [10, 25, 50, 100, 200, None]
TRAINING = [
    "--loss", "pairwise-cross-entropy", "--epochs", 3, "--samples-per-epoch", 192, "--dev-queries", 40, "--dev-depth", 10,
    "--maximum-tokens", 192, "--seed", 1,
]
SMALL_LAYERS, PASSED_ON = 2, 25
# Candidates that an exit gives a lower probability of being relevant are read no further; None reads all to the end.
EXITS, PROBABILITIES = "2,4", [None, 0.05, 0.1, 0.2]


def gradus(*arguments, runner=()):
    command = [*runner, os.environ["GRADUS"], *map(str, arguments)]
    finished = run(command, stdout=PIPE, text=True)
    if finished.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit code {finished.returncode}")
    return finished.stdout


def ndcg(qrels, path):
    measured = json.loads(gradus("evaluate", qrels, path, "-m", "nDCG@10", "--json"))
    return measured["runs"][0]["measures"]["nDCG@10"]["mean"]


def job(collection, run_path, work):
    """The run and the judgements of QUERIES development queries, taken evenly, as files."""
    with open(run_path, encoding="utf-8") as file:
        lines = [line.split() for line in file]
    qids = list(dict.fromkeys(line[0] for line in lines))
    count = min(len(qids), int(os.environ.get("QUERIES") or len(qids)))
    chosen = {qids[number * len(qids) // count] for number in range(count)}
    folder = collection if os.path.isdir(collection) else json.loads(gradus("data", "show", collection, "--json"))["folder"]
    run_file, qrels = os.path.join(work, "job.run"), os.path.join(work, "job.qrels")
    with open(run_file, "w", encoding="utf-8") as file:
        file.writelines(" ".join(line) + "\n" for line in lines if line[0] in chosen)
    with open(os.path.join(folder, "qrels", "dev.tsv"), encoding="utf-8") as file, open(qrels, "w", encoding="utf-8") as out:
        for line in list(file)[1:]:
            qid, docno, grade = line.split()
            if qid in chosen:
                out.write(f"{qid} 0 {docno} {grade}\n")
    return run_file, qrels


def main(collection, work, path):
    os.makedirs(work, exist_ok=True)
    threads, runner = os.environ["THREADS"], os.environ.get("RUNNER", "").split()
    precision = os.environ.get("PRECISION", "bf16")
    index, first, full, small, exiting, out = (
        os.path.join(work, name) for name in ("index", "first.run", "full", "small", "exiting", "out.run"))
    if not os.path.exists(first):
        gradus("index", collection, "--out", index, "--threads", threads)
        gradus("search", index, "--topics", collection, "--split", "dev", "-k", 100, "--threads", threads, "--out", first)
    for folder, more in ((full, []), (small, ["--encoder-layers", SMALL_LAYERS]), (exiting, ["--exits", EXITS])):
        gradus(
            "train", "--model", "minilm-l6", "--data", collection, *TRAINING, *more, "--threads", threads, "--out", folder,
            "--json")
    first, qrels = job(collection, first, work)
    rows = []
    common = [
        "rerank", first, "--topics", collection, "--split", "dev", "--index", index, "--top", 100, "--precision", precision,
        "--threads", threads, "--out", out, "--json",
    ]

    def measured(stages, model, budget, *options):
        limit = ["--budget-ms", budget] if budget else ["--budget-tokens", 10**9]
        report = json.loads(gradus(*common, "--model", model, *limit, *options, runner=runner))
        queries = report["per_query"]
        row = {
            "stages": stages, "budget_ms": budget, "nDCG@10": ndcg(qrels, out), **report["time"],
            "rescored": [
                sum(query["stages"][number]["rescored"] for query in queries) / len(queries)
                for number in range(len(queries[0]["stages"]))
            ],
            "ended_by_budget": sum(query["end"] != "complete" for query in queries), "queries": len(queries),
            "exits": [
                {"layer": exit["layer"], "candidates": exit["candidates"] / len(queries)}
                for exit in report.get("early_exits", [])
            ],
        }
        print(json.dumps(row), flush=True)
        return row

    rows = [
        measured("2 layers, then 6" if cascade else "6 layers", full, budget, *cascade)
        for cascade in ([], ["--cascade", f"{small}:{PASSED_ON}"]) for budget in BUDGETS
    ]
    exits = [
        {"probability": probability} | measured(
            f"6 layers, exits {EXITS}", exiting, None, *(["--early-exit", probability] if probability else []))
        for probability in PROBABILITIES
    ]
    lines = [
        f"# Re-ranking under a time budget: {os.path.basename(os.path.normpath(collection))}, dev", "", machine(), "",
        f"{rows[0]['queries']} queries, BM25's best 100 at their real lengths (192 tokens at most), {precision}. nDCG@10 of BM25 "
        f"alone: {ndcg(qrels, first):.4f}. Three models, each trained for some minutes ({' '.join(map(str, TRAINING))}): "
        f"MiniLM's six layers, its first {SMALL_LAYERS}, which pass {PASSED_ON} candidates on, and six layers with exits. The "
        "development queries chose the models' epochs: compare rows with each other, not with other tables.", "",
        "| stages | budget ms | nDCG@10 | p50 ms | p99 ms | longest ms | candidates scored by each | ended by the budget |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['stages']} | {row['budget_ms'] or 'none'} | {row['nDCG@10']:.4f} | {row['p50_ms']:.1f} "
            f"| {row['p99_ms']:.1f} | {row['longest_ms']:.1f} | {', '.join(f'{mean:.1f}' for mean in row['rescored'])} "
            f"| {row['ended_by_budget']} |"
        )
    lines += [
        "", "## Early exits", "",
        f"The six layers with heads after layers {EXITS}: a candidate whose probability of being relevant is below the limit is "
        "read no further.", "",
        "| probability | nDCG@10 | p50 ms | p99 ms | candidates that left, a query |", "|---|---|---|---|---|",
    ]
    for row in exits:
        left = ", ".join(f"{exit['candidates']:.1f} after layer {exit['layer']}" for exit in row["exits"])
        lines.append(
            f"| {row['probability'] or 'none'} | {row['nDCG@10']:.4f} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} "
            f"| {left or 'none'} |"
        )
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
