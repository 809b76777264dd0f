"""nDCG@10 of a re-ranker at each precision, and how far the order of the candidates changes. See precision_quality.sh."""

import json
import os
import sys
from subprocess import PIPE, run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Peers"))
from pairs import machine

PRECISIONS = ["fp32", "bf16", "int8"]
TRAINING = [
    "--loss", "pairwise-cross-entropy", "--epochs", 3, "--samples-per-epoch", 128, "--dev-queries", 40, "--dev-depth", 10,
    "--maximum-tokens", 128, "--seed", 1,
]
QUICK = ["--epochs", 1, "--samples-per-epoch", 16, "--dev-queries", 5]


def gradus(*arguments):
    command = [os.environ["GRADUS"], *map(str, arguments)]
    finished = run(command, stdout=PIPE, text=True)
    if finished.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit code {finished.returncode}")
    return finished.stdout


def made(path, *arguments):
    """A file that the command writes with --out; a finished one is kept, and nothing else has its name."""
    if not os.path.exists(path):
        gradus(*arguments, "--out", path + ".part")
        os.rename(path + ".part", path)
    return path


def scores(path):
    """qid -> docno -> score."""
    result = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            qid, _, docno, _, score, _ = line.split()
            result.setdefault(qid, {})[docno] = float(score)
    return result


def tau(reference, other, count):
    """Kendall's tau-a of the reference's `count` best documents in the other scores of the same documents; 1 for one alone."""
    best = sorted(reference, key=reference.get, reverse=True)[:count]
    pairs = [(a, b) for i, a in enumerate(best) for b in best[i + 1:] if reference[a] != reference[b]]
    if not pairs:
        return 1.0
    return sum((other[a] > other[b]) - (other[a] < other[b]) for a, b in pairs) / len(pairs)


def chosen(collection, first, work):
    """The run and the judgements of QUERIES test queries, taken evenly, as files."""
    with open(first, encoding="utf-8") as file:
        lines = [line.split() for line in file]
    qids = list(dict.fromkeys(line[0] for line in lines))
    count = min(len(qids), int(os.environ.get("QUERIES") or 150) or len(qids))
    kept = {qids[number * len(qids) // count] for number in range(count)}
    folder = collection if os.path.isdir(collection) else json.loads(gradus("data", "show", collection, "--json"))["folder"]
    run_file, qrels = (os.path.join(work, f"{count}.{kind}") for kind in ("run", "qrels"))
    with open(run_file, "w", encoding="utf-8") as file:
        file.writelines(" ".join(line) + "\n" for line in lines if line[0] in kept)
    with open(os.path.join(folder, "qrels", "test.tsv"), encoding="utf-8") as file, open(qrels, "w", encoding="utf-8") as out:
        for line in list(file)[1:]:
            qid, docno, grade = line.split()
            if qid in kept:
                out.write(f"{qid} 0 {docno} {grade}\n")
    return run_file, qrels, count


def ndcg(qrels, *runs):
    measured = json.loads(gradus("evaluate", qrels, *runs, "-m", "nDCG@10", "--json"))["runs"]
    return [entry["measures"]["nDCG@10"]["mean"] for entry in measured]


def compare(argument, work):
    """The rows of one collection."""
    collection, _, model = argument.partition("=")
    threads, name = os.environ["THREADS"], os.path.basename(os.path.normpath(collection))
    work = os.path.join(work, name)
    os.makedirs(work, exist_ok=True)
    index = os.path.join(work, "index")
    if not os.path.exists(os.path.join(work, "first.run")):
        gradus("index", collection, "--out", index, "--threads", threads)
    first = made(
        os.path.join(work, "first.run"),
        "search", index, "--topics", collection, "--split", "test", "-k", 100, "--threads", threads)
    layers = os.environ.get("LAYERS", "2")
    if not model:
        model = os.path.join(work, "model")
        # A training that was stopped goes on; a finished one is left alone.
        quick = QUICK if os.environ.get("QUICK") == "1" else []
        gradus(
            "train", "--model", "minilm-l6", "--data", collection, "--encoder-layers", layers, *TRAINING, *quick,
            "--threads", threads, "--out", model, "--json")
        label = f"MiniLM's first {layers} layers"
    else:
        label = os.path.basename(os.path.normpath(model))
    run_file, qrels, count = chosen(collection, first, work)
    runs = {
        precision: made(
            os.path.join(work, f"{count}.{os.path.basename(os.path.normpath(model))}.{precision}.run"),
            "rerank", run_file, "--topics", collection, "--split", "test", "--index", index, "--model", model, "--top", 100,
            "--first-stage-weight", 0, "--precision", precision, "--threads", threads)
        for precision in PRECISIONS
    }
    values = ndcg(qrels, run_file, *runs.values())
    orders = {precision: scores(path) for precision, path in runs.items()}
    rows = []
    for precision, value in zip(PRECISIONS, values[1:]):
        taus = {
            depth: sum(tau(own, orders[precision][qid], depth) for qid, own in orders["fp32"].items()) / len(orders["fp32"])
            for depth in (100, 10)
        }
        rows.append({
            "collection": name, "model": label, "queries": count, "bm25": values[0], "precision": precision, "nDCG@10": value,
            "loss": 1 - value / values[1], "tau": taus[100], "tau_ten_best": taus[10],
        })
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def main(work, path, *arguments):
    lines = [
        "# Quality of re-ranking at each precision", "", machine(), "",
        "BM25's best 100 of the test queries, re-ranked by the model alone (128 tokens at most where it was trained here). "
        "Kendall's tau is between a query's order in fp32 and at the precision, mean over the queries: of all candidates, and of "
        "fp32's ten best. The models are trained for two minutes: compare rows of one collection with each other.", "",
        "| collection | model | queries | BM25 | precision | nDCG@10 | lost | tau | tau of the ten best |",
        "|---|---|--:|--:|---|--:|--:|--:|--:|",
    ]
    for argument in arguments:
        for row in compare(argument, work):
            lines.append(
                f"| {row['collection']} | {row['model']} | {row['queries']} | {row['bm25']:.4f} | {row['precision']} "
                f"| {row['nDCG@10']:.4f} | {100 * row['loss']:.2f} % | {row['tau']:.4f} | {row['tau_ten_best']:.4f} |")
    text = "\n".join(lines) + "\n"
    print(text, end="")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
