"""Holds the figures of `gradus evaluate` against what is expected of them, and writes the table."""

import json
import os
import sys

# Run, lowest and highest nDCG@10 on SciFact. A figure of BM25 above 0.70 would mean that something else was measured.
EXPECTED = {
    "bm25.run": (0.675, 0.700), "dense.run": (0.642, 0.648), "dense-512.run": (0.651, 0.657), "splade.run": (0.642, 0.648),
}
TITLES = {
    "bm25.run": "BM25 (k1 .9, b .4)", "dense.run": "MiniLM-L6, exact, as its folder says (256 tokens)",
    "dense-512.run": "MiniLM-L6, exact, 512 tokens", "splade.run": "SPLADE (splade-tiny), impact index",
}
MEASURES = ["nDCG@10", "RR@10", "P@1", "R@100"]


def main(work, path, *collections):
    table = [
        "# First-stage quality (test queries)", "",
        f"| collection | run | {' | '.join(MEASURES)} | nDCG@10 expected |", "|---" * (len(MEASURES) + 3) + "|",
    ]
    failures = []
    for position, collection in enumerate(collections):
        with open(os.path.join(work, collection, "evaluation.json"), encoding="utf-8") as file:
            runs = {os.path.basename(run["name"]): run["measures"] for run in json.load(file)["runs"]}
        expected = EXPECTED if position == 0 else {}
        missing = set(expected) - set(runs)
        if missing:
            raise SystemExit(f"{collection}: no figures of {sorted(missing)}")
        for name, measures in runs.items():
            means = {measure: measures[measure]["mean"] for measure in MEASURES}
            met = ""
            if name in expected:
                lowest, highest = expected[name]
                is_met = lowest <= means["nDCG@10"] <= highest
                met = f"{lowest} to {highest}: {'met' if is_met else 'NOT MET'}"
                if not is_met:
                    failures.append(f"{collection} {name}: {means['nDCG@10']:.4f}")
            print(json.dumps({"collection": collection, "run": name, **means, "expected": expected.get(name)}))
            values = " | ".join(f"{means[measure]:.4f}" for measure in MEASURES)
            table.append(f"| {collection} | {TITLES.get(name, name)} | {values} | {met} |")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(table) + "\n")
    if failures:
        raise SystemExit("nDCG@10 is not as expected: " + "; ".join(failures))


if __name__ == "__main__":
    main(*sys.argv[1:])
