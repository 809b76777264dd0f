"""Milliseconds a query of re-scoring stored documents: TILDEv2's weights of 1,000 candidates, MaxSim of 100."""

import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Peers"))
from pairs import gradus, machine

# Tokens that are read of a passage, so that some 64 of them have a vector: punctuation has none.
READ, TOKENS = 70, 64
DEPTHS = {"tildev2": 1000, "maxsim": 100}
SEARCHED = ("recall", "queries_per_second", "p50_ms", "p99_ms", "scored_documents")
LIMITS = {"tildev2": 10.0, "maxsim": 5.0}


def made(path, *arguments):
    """Runs what makes `path`, unless it is there; the command's report is kept beside it."""
    report = path + ".json"
    if not os.path.exists(report):
        found = gradus(*arguments, "--threads", os.environ["THREADS"])
        with open(report + ".new", "w", encoding="utf-8") as file:
            json.dump(found, file)
        os.replace(report + ".new", report)
    with open(report, encoding="utf-8") as file:
        return json.load(file)


def ndcg(collection, run):
    qrels = os.path.join(collection, "qrels", "test.tsv") if os.path.isdir(collection) else collection
    return gradus("evaluate", qrels, run, "-m", "nDCG@10")["runs"][0]["measures"]["nDCG@10"]["mean"]


def rounds(measure):
    """The median over the rounds of each figure."""
    found = [measure() for _ in range(int(os.environ["ROUNDS"]))]
    return {name: statistics.median(each[name] for each in found) for name in ("p50_ms", "p99_ms")}


def main(collection, work, path):
    os.makedirs(work, exist_ok=True)
    index, bm25, model, weights, tokens, out = (
        os.path.join(work, name) for name in ("index", "bm25.run", "model", "weights", "tokens", "out.run"))
    made(index, "index", collection, "--out", index)
    made(bm25, "search", index, "--topics", collection, "--split", "test", "-k", max(DEPTHS.values()), "--out", bm25)
    made(
        model, "sparse", "train", collection, "--model", "splade-tiny", "--epochs", os.environ.get("EPOCHS", 5), "--out", model)
    made(weights, "sparse", "index", collection, "--model", model, "--out", weights)
    encoded = made(
        tokens, "dense", collection, "--late-interaction", "--index", tokens, "--model", "minilm-l6", "--maximum-tokens", READ)
    rows = []

    def measured(name, stored, scorer, *options):
        """A whole re-ranking from the query's text to the new order: a budget that nothing reaches has every query timed."""
        command = (
            "rerank", bm25, "--topics", collection, "--split", "test", "--index", stored, "--model", scorer, "--top",
            DEPTHS[name], "--threads", 1, "--budget-tokens", 10**9, "--out", out, *options)
        candidates = 0

        def once():
            nonlocal candidates
            report = gradus(*command)
            if report["unscored_queries"] or any(query["end"] != "complete" for query in report["per_query"]):
                raise SystemExit(f"{name}: a query was not re-ranked to its end")
            candidates = report["candidates"] / report["queries"]
            return report["time"]

        return {**rounds(once), "candidates": candidates, "nDCG@10": ndcg(collection, out)}

    tilde = measured("tildev2", weights, f"tildev2:{weights}")
    rows.append({"what": "TILDEv2, stored weights, query's encoding included", **tilde, "limit_ms": LIMITS["tildev2"]})
    precision = os.environ.get("PRECISION", "fp32")
    maxsim = measured("maxsim", tokens, "maxsim:minilm-l6", "--precision", precision)
    per_passage = encoded["tokens"] / encoded["documents"]
    rows.append({"what": f"MaxSim, query's encoding included ({precision})", **maxsim, "limit_ms": None})
    for dimension in (encoded["dimension"], 128):
        def compared(dimension=dimension):
            return gradus(
                "bench", "maxsim", "--candidates", DEPTHS["maxsim"], "--tokens", TOKENS, "--query-tokens", 32, "--dimension",
                dimension)

        for place, text in (("index", "stored in 2 bits a number"), ("memory", "in memory")):
            rows.append({
                "what": f"MaxSim alone, vectors of {dimension} numbers {text}", **rounds(lambda: compared()[place]),
                "candidates": DEPTHS["maxsim"], "nDCG@10": None, "limit_ms": LIMITS["maxsim"]})
    searches = []
    for probes in (1, 2, 4, 8):
        found = gradus(
            "bench", "search", tokens, "--topics", collection, "--split", "test", "-k", 10, "--threads", 1, "--nprobe", probes)
        searches.append({"nprobe": probes, **{key: found[key] for key in SEARCHED}})
    failures = []
    name = os.path.basename(os.path.normpath(collection))
    lines = [
        f"# Re-scoring stored documents ({name}, test queries)", "", machine(), "",
        f"One thread; medians over {os.environ['ROUNDS']} rounds. BM25's nDCG@10: {ndcg(collection, bm25):.4f}. TILDEv2 is "
        "splade-tiny, trained on the collection's own training queries. MaxSim's passages are cut to "
        f"{READ} tokens, of which {per_passage:.0f} on average have a vector of {encoded['dimension']} numbers. MaxSim alone "
        f"compares {TOKENS} random vectors a passage with 32 of a query, packing and decompression included. A limit is about "
        "the median.", "",
        "| | candidates | p50 ms | p99 ms | limit ms | nDCG@10 |", "|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        print(json.dumps(row), flush=True)
        limit = ""
        if row["limit_ms"]:
            is_met = row["p50_ms"] < row["limit_ms"]
            limit = f"{row['limit_ms']:g}: {'met' if is_met else 'NOT MET'}"
            if not is_met:
                failures.append(row["what"])
        quality = f"{row['nDCG@10']:.4f}" if row["nDCG@10"] else ""
        lines.append(
            f"| {row['what']} | {row['candidates']:,.0f} | {row['p50_ms']:.2f} | {row['p99_ms']:.2f} | {limit} | {quality} |")
    lines += [
        "", "## Searching by token vectors", "",
        "The same index searched for the best 10, queries encoded before; recall is against comparing with every passage.", "",
        "| nprobe | recall@10 | queries/s | p50 ms | p99 ms | passages scored exactly |", "|--:|--:|--:|--:|--:|--:|",
    ]
    for row in searches:
        print(json.dumps({"what": "search by token vectors", **row}), flush=True)
        lines.append(
            f"| {row['nprobe']} | {row['recall']:.4f} | {row['queries_per_second']:,.0f} | {row['p50_ms']:.2f} "
            f"| {row['p99_ms']:.2f} | {row['scored_documents']:,.0f} |")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    if failures:
        raise SystemExit("limits that are not met: " + "; ".join(failures))


if __name__ == "__main__":
    main(*sys.argv[1:])
