"""Holds the figures of `gradus evaluate` against what is expected of them."""

import json
import os
import sys

# Run, lowest and highest nDCG@10. A figure of BM25 above 0.70 would mean that something else was measured.
EXPECTED = {"bm25.run": (0.675, 0.700), "dense.run": (0.642, 0.648), "dense-512.run": (0.651, 0.657)}
MEASURES = ["nDCG@10", "RR@10", "R@100", "AP"]


def main(scratch, path):
    def read(name):
        with open(os.path.join(scratch, name), encoding="utf-8") as file:
            return json.load(file)

    runs = {os.path.basename(run["name"]): run["measures"] for run in read("evaluation.json")["runs"]}
    if set(runs) != set(EXPECTED):
        raise SystemExit(f"runs {sorted(runs)} were evaluated where {sorted(EXPECTED)} were expected")
    dense = read("dense.json")
    table = [
        "# Retrieval quality on SciFact (test)", "",
        f"{dense['documents']:,} documents, {dense['queries']} queries; dense: {os.path.basename(dense['model'])}, documents "
        f"encoded in {dense['encoding_seconds']:.0f} s with {dense['threads']} threads.", "",
        f"| run | {' | '.join(MEASURES)} | nDCG@10 expected |", "|---" * (len(MEASURES) + 2) + "|",
    ]
    passed = True
    for name, (lowest, highest) in EXPECTED.items():
        means = {measure: runs[name][measure]["mean"] for measure in MEASURES}
        is_met = lowest <= means["nDCG@10"] <= highest
        passed = passed and is_met
        print(json.dumps({"run": name, **means, "expected": [lowest, highest], "met": is_met}))
        values = " | ".join(f"{means[measure]:.4f}" for measure in MEASURES)
        table.append(f"| {name} | {values} | {lowest} to {highest}: {'met' if is_met else 'NOT MET'} |")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(table) + "\n")
    if not passed:
        raise SystemExit("nDCG@10 is not as expected")


if __name__ == "__main__":
    main(*sys.argv[1:])
