"""Holds the runs of other precisions against fp32's: nDCG@10 and the order of the best documents."""

import json
import os
import sys

MEASURES = ["nDCG@10", "RR@10", "R@100"]
ALLOWED_LOSS = 0.003


def rankings(path):
    """qid -> docno -> rank."""
    result = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            qid, _, docno, rank, _, _ = line.split()
            result.setdefault(qid, {})[docno] = int(rank)
    return result


def tau(reference, other):
    """Kendall's tau of the reference's ten best; a document that the other run lacks comes after all that it has."""
    best = sorted(reference, key=reference.get)[:10]
    last = len(other) + 1
    pairs = [(a, b) for i, a in enumerate(best) for b in best[i + 1:]]
    # Two documents that both lack say nothing.
    signs = [(other.get(a, last) < other.get(b, last)) - (other.get(a, last) > other.get(b, last)) for a, b in pairs]
    return sum(signs) / len(pairs)


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def main(work, path, *collections):
    first = read(work, collections[0], "fp32.json")
    table = [
        "# Quality of an encoder at each precision (test queries)", "",
        f"Dense retrieval with {os.path.basename(first['model'])}.", "",
        f"| collection | documents | queries | precision | {' | '.join(MEASURES)} | nDCG@10 lost "
        "| Kendall's tau of fp32's ten best |",
        "|---" * (len(MEASURES) + 6) + "|",
    ]
    failures = []
    for collection in collections:
        folder = os.path.join(work, collection)
        size = read(folder, "fp32.json")
        evaluated = read(folder, "evaluation.json")["runs"]
        means = {os.path.basename(run["name"]).split(".")[0]: run["measures"] for run in evaluated}
        runs = {name: rankings(os.path.join(folder, name + ".run")) for name in means}
        for name in means:
            values = {measure: means[name][measure]["mean"] for measure in MEASURES}
            loss = 1 - values["nDCG@10"] / means["fp32"]["nDCG@10"]["mean"]
            order = [tau(ranking, runs[name][qid]) for qid, ranking in runs["fp32"].items()]
            mean_tau = sum(order) / len(order)
            if loss > ALLOWED_LOSS:
                failures.append(f"{collection}, {name}: {100 * loss:.2f} %")
            print(json.dumps({"collection": collection, "precision": name, **values, "loss": loss, "tau": mean_tau}))
            figures = " | ".join(f"{value:.4f}" for value in values.values())
            table.append(
                f"| {collection} | {size['documents']:,} | {size['queries']} | {name} | {figures} | {100 * loss:.2f} % "
                f"| {mean_tau:.4f} |"
            )
    table += ["", f"Allowed loss of nDCG@10: {100 * ALLOWED_LOSS:.1f} %."]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(table) + "\n")
    if failures:
        raise SystemExit("more of fp32's nDCG@10 is lost than allowed: " + "; ".join(failures))


if __name__ == "__main__":
    main(*sys.argv[1:])
