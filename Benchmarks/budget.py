"""nDCG@10 of the development queries and time a query, for budgets of time, of one model and of a cascade."""

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
    index, first, full, small, out = (os.path.join(work, name) for name in ("index", "first.run", "full", "small", "out.run"))
    if not os.path.exists(first):
        gradus("index", collection, "--out", index, "--threads", threads)
        gradus("search", index, "--topics", collection, "--split", "dev", "-k", 100, "--threads", threads, "--out", first)
    for folder, more in ((full, []), (small, ["--encoder-layers", SMALL_LAYERS])):
        gradus(
            "train", "--model", "minilm-l6", "--data", collection, *TRAINING, *more, "--threads", threads, "--out", folder,
            "--json")
    first, qrels = job(collection, first, work)
    rows = []
    for cascade in ([], ["--cascade", f"{small}:{PASSED_ON}"]):
        for budget in BUDGETS:
            limit = ["--budget-ms", budget] if budget else ["--budget-tokens", 10**9]
            report = json.loads(gradus(
                "rerank", first, "--topics", collection, "--split", "dev", "--index", index, "--model", full, "--top", 100,
                "--precision", precision, "--threads", threads, *cascade, *limit, "--out", out, "--json", runner=runner))
            queries = report["per_query"]
            means = [
                sum(query["stages"][number]["rescored"] for query in queries) / len(queries)
                for number in range(len(queries[0]["stages"]))
            ]
            rows.append({
                "stages": "2 layers, then 6" if cascade else "6 layers", "budget_ms": budget, "nDCG@10": ndcg(qrels, out),
                "rescored": means, **report["time"],
                "ended_by_budget": sum(query["end"] != "complete" for query in queries), "queries": len(queries),
            })
            print(json.dumps(rows[-1]), flush=True)
    lines = [
        f"# Re-ranking under a time budget: {os.path.basename(os.path.normpath(collection))}, dev", "", machine(), "",
        f"{rows[0]['queries']} queries, BM25's best 100 at their real lengths (192 tokens at most), {precision}. nDCG@10 of BM25 "
        f"alone: {ndcg(qrels, first):.4f}. Two models, each trained for some minutes ({' '.join(map(str, TRAINING))}): "
        f"MiniLM's six layers, and its first {SMALL_LAYERS}, which pass {PASSED_ON} candidates on. The development queries chose "
        "the models' epochs: compare rows with each other, not with other tables.", "",
        "| stages | budget ms | nDCG@10 | p50 ms | p99 ms | longest ms | candidates scored by each | ended by the budget |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['stages']} | {row['budget_ms'] or 'none'} | {row['nDCG@10']:.4f} | {row['p50_ms']:.1f} "
            f"| {row['p99_ms']:.1f} | {row['longest_ms']:.1f} | {', '.join(f'{mean:.1f}' for mean in row['rescored'])} "
            f"| {row['ended_by_budget']} |"
        )
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
