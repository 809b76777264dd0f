"""Passages per second of `gradus rerank` with and without a join layer and with precomputed documents."""

import json
import os
import sys

import pair_model
from budget import gradus

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Peers"))
from pairs import machine

JOIN_LAYERS = [0, 2, 4, 5]
TOKENS, QUERY_TOKENS = 192, 32


def main(collection, encoder, work, path):
    os.makedirs(work, exist_ok=True)
    threads, runner = os.environ["THREADS"], os.environ.get("RUNNER", "").split()
    count = int(os.environ.get("QUERIES", "20"))
    index, first, job, out = (os.path.join(work, name) for name in ("index", "first.run", "sharing.run", "sharing.out"))
    if not os.path.exists(first):
        gradus("index", collection, "--out", index, "--threads", threads)
        gradus("search", index, "--topics", collection, "--split", "test", "-k", 100, "--threads", threads, "--out", first)
    kept = {}
    with open(first, encoding="utf-8") as file, open(job, "w", encoding="utf-8") as chosen:
        for line in file:
            kept.setdefault(line.split()[0], len(kept))
            if kept[line.split()[0]] < count:
                chosen.write(line)
    rows = []
    for precision in ("bf16", "int8"):
        for layer in JOIN_LAYERS:
            model = os.path.join(work, f"model-{layer}")
            pair_model.write(encoder, model, TOKENS, QUERY_TOKENS, layer)
            states = os.path.join(work, f"{precision}-{layer}.states")
            for known in [None, "fp32", "bf16"] if layer else [None]:
                command = [
                    "rerank", job, "--topics", collection, "--split", "test", "--index", index, "--model", model, "--top", 100,
                    "--precision", precision, "--threads", threads, "--budget-tokens", 10**9, "--out", out, "--json",
                ]
                if known:
                    if os.path.exists(states):
                        os.remove(states)
                    command += ["--document-states", states, "--state-storage", known]
                    # The first call writes the file.
                    gradus(*command)
                report = json.loads(gradus(*command, runner=runner))
                seconds = sum(query["ms"] for query in report["per_query"]) / 1000
                rows.append({
                    "precision": precision, "join_layer": layer, "documents": known or "computed",
                    "passages_per_second": report["candidates"] / seconds, "p50_ms": report["time"]["p50_ms"],
                    "file_mb": os.path.getsize(states) / 1e6 if known else 0,
                    "tokens": sum(stage["tokens"] for query in report["per_query"] for stage in query["stages"]),
                    "candidates": report["candidates"],
                })
                print(json.dumps(rows[-1]), flush=True)
            if os.path.exists(states):
                os.remove(states)
    lines = [
        f"# What a join layer saves: {os.path.basename(os.path.normpath(collection))}, test", "", machine(), "",
        f"{count} queries, BM25's best 100 ({rows[0]['tokens'] / rows[0]['candidates']:.0f} tokens a pair on average, {TOKENS} "
        f"at most, of which {QUERY_TOKENS} are the query's), MiniLM with a head of random weights, six layers; from texts to "
        "lists. "
        "With a join layer a query's lower layers run once for its hundred documents.", "",
        "| precision | join layer | documents' states | passages/s | against join layer 0 | a query p50 ms | file MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        plain = next(one for one in rows if one["precision"] == row["precision"] and one["join_layer"] == 0)
        ratio = row["passages_per_second"] / plain["passages_per_second"]
        lines.append(
            f"| {row['precision']} | {row['join_layer']} | {row['documents']} | {row['passages_per_second']:.1f} | {ratio:.2f} "
            f"| {row['p50_ms']:.0f} | {row['file_mb']:.0f} |"
        )
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
