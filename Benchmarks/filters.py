"""Speed of BM25 and HNSW, and recall of HNSW, where a filter allows a part of the documents."""

import datetime
import json
import os
import random
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Peers"))
from collection import lines
from pairs import gradus, machine

SHARES = (0.001, 0.01, 0.1, 0.5)
# Documents are spread evenly over so many days, in an order that has nothing to do with their texts.
DAYS, FIRST = 10_000, datetime.date(1990, 1, 1)


def day(number):
    return (FIRST + datetime.timedelta(days=number)).isoformat()


def dated(folder, path):
    """The collection's documents with dates."""
    documents = [json.loads(line) for line in lines(os.path.join(folder, "corpus.jsonl"))]
    places = list(range(len(documents)))
    random.Random(1).shuffle(places)
    with open(path, "w", encoding="utf-8") as file:
        for place, document in zip(places, documents, strict=True):
            document["metadata"] = {"date": day(place * DAYS // len(documents))}
            file.write(json.dumps(document) + "\n")


def lexical(folder, scratch):
    corpus, index = os.path.join(scratch, "corpus.jsonl"), os.path.join(scratch, "index")
    dated(folder, corpus)
    gradus("index", corpus, "--out", index, "--columns", "date:date", "--threads", os.environ["THREADS"])
    for share in (None, *SHARES):
        filters = ["--filter", f"date<{day(round(share * DAYS))}"] if share else []
        row = {"what": "BM25", "allowed": share}
        for k in (10, 1000):
            found = [
                gradus(
                    "bench", "search", index, "--topics", folder, "--split", "test", "-k", k, "--threads", 1, *filters)
                for _ in range(int(os.environ["ROUNDS"]))
            ]
            names = ["queries_per_second", "p50_ms", "p99_ms"] + (["filter_documents", "filter_ms"] if share else [])
            row[f"k {k}"] = {name: statistics.median(each[name] for each in found) for name in names}
        print(json.dumps(row), flush=True)
        yield row


def vectors(base, queries):
    found = gradus(
        "bench", "vectors", base, "--queries", queries, "--metric", "dot", "--efSearch", os.environ.get("EF", "64"), "--allowed",
        ",".join(map(str, SHARES)), "--threads", 1)
    for point in found["points"]:
        print(json.dumps({"what": "HNSW", **point}), flush=True)
    return found


def percent(share):
    return f"{100 * share:g} %" if share else "all"


def main(folder, base, queries, scratch, path):
    table = [
        "# Searches under a filter", "", machine(), "",
        f"BM25 on {os.path.basename(os.path.normpath(folder))}, test queries, one thread, the median of {os.environ['ROUNDS']} "
        "rounds; documents have random dates in a column, and the filter is a range of dates. Finding what it allows is a pass "
        "over the column, once for all queries.", "",
        "| allowed | documents | filter ms | queries/s, k 10 | p50 ms | p99 ms | queries/s, k 1000 | p50 ms | p99 ms |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in lexical(folder, scratch):
        few, many = row["k 10"], row["k 1000"]
        counted = f"{few['filter_documents']:,.0f} | {few['filter_ms']:.3f}" if row["allowed"] else " | "
        table.append(
            f"| {percent(row['allowed'])} | {counted} | {few['queries_per_second']:,.0f} | {few['p50_ms']:.3f} "
            f"| {few['p99_ms']:.3f} | {many['queries_per_second']:,.0f} | {many['p50_ms']:.3f} | {many['p99_ms']:.3f} |")
    found = vectors(base, queries)
    table += [
        "", f"HNSW on {found['vectors']:,} vectors of {found['dimension']} numbers, {found['queries']:,} queries, M {found['M']}, "
        f"efConstruction {found['ef_construction']}, efSearch {found['points'][0]['ef_search']}, one thread. With a filter the "
        "search chooses between a longer walk of the graph and comparing with all that is allowed.", "",
        f"| allowed | recall@{found['k']} | queries/s | vectors scored a query | queries answered exactly |",
        "|---|--:|--:|--:|--:|",
    ]
    for point in found["points"]:
        table.append(
            f"| {percent(point.get('allowed'))} | {point['recall']:.4f} | {point['queries_per_second']:,.0f} "
            f"| {point['scored_vectors']:,.0f} | {100 * point['exact_share']:.0f} % |")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(table) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
