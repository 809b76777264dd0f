"""Peak resident memory of `gradus rerank` with 1,000 candidates of 256 tokens, and with a single short one."""

import json
import os
import platform
import subprocess
import sys

import pair_model

LIMIT_MB = 300
CANDIDATES = 1000
TOKENS = 256
# One token each in BERT's vocabulary.
WORDS = "heat transfer in laminar flow over a flat plate was measured and compared with the theory of the boundary layer".split()


def text(number):
    """More words than the model reads, no two texts alike."""
    return " ".join(WORDS[(number * 7 + step * (1 + number % 5)) % len(WORDS)] for step in range(TOKENS))


def peak(scratch, model, precision, candidates):
    corpus, topics, run, out = (os.path.join(scratch, name) for name in ("corpus.jsonl", "topics.jsonl", "in.run", "out.run"))
    with open(corpus, "w", encoding="utf-8") as file:
        for number in range(candidates):
            file.write(json.dumps({"_id": f"d{number}", "text": text(number) if candidates > 1 else "heat"}) + "\n")
    with open(topics, "w", encoding="utf-8") as file:
        file.write(json.dumps({"_id": "q", "text": "heat transfer in laminar flow"}) + "\n")
    with open(run, "w", encoding="utf-8") as file:
        for number in range(candidates):
            file.write(f"q Q0 d{number} {number + 1} {candidates - number} first\n")
    command = [
        os.environ["GRADUS"], "rerank", run, "--topics", topics, "--corpus", corpus, "--model", model, "--top", candidates,
        "--precision", precision, "--threads", os.environ["THREADS"], "--out", out, "--json",
    ]
    # A child of its own, so that the highest peak among the children is this one's.
    code = (
        "import json, resource, subprocess, sys; "
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True, text=True); "
        "print(json.dumps([resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, json.loads(done.stdout)]))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code, *map(str, command)], stdout=subprocess.PIPE, check=True, text=True)
    kilobytes, summary = json.loads(finished.stdout)
    if summary["candidates"] != candidates:
        raise SystemExit(f"{summary['candidates']} candidates were scored, {candidates} expected")
    return kilobytes * 1024 / 1e6


def main(encoder, scratch, path):
    model = os.path.join(scratch, "model")
    pair_model.write(encoder, model, TOKENS)
    rows = []
    for precision in ("int8", "bf16", "fp32"):
        loaded, working = peak(scratch, model, precision, 1), peak(scratch, model, precision, CANDIDATES)
        rows.append({"precision": precision, "loaded_mb": loaded, "peak_mb": working, "over_mb": working - loaded})
        print(json.dumps(rows[-1] | {"limit_mb": LIMIT_MB, "met": working - loaded < LIMIT_MB}), flush=True)
    version = subprocess.run([os.environ["GRADUS"], "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    lines = [
        "# Memory of re-ranking", "",
        f"{CANDIDATES:,} candidates of {TOKENS} tokens for one query, {os.path.basename(encoder)} as a cross-encoder, "
        f"{os.environ['THREADS']} threads; {platform.system()} {platform.machine()}, {version}. Peak resident memory in MB, "
        "beside that of the same command with one candidate of one word.", "",
        "| precision | weights loaded | peak | over the weights |", "|---|---|---|---|",
    ]
    lines += [f"| {r['precision']} | {r['loaded_mb']:.0f} | {r['peak_mb']:.0f} | **{r['over_mb']:.0f}** |" for r in rows]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    if any(row["over_mb"] >= LIMIT_MB for row in rows):
        raise SystemExit(f"re-ranking takes {LIMIT_MB} MB or more over its weights")


if __name__ == "__main__":
    main(*sys.argv[1:])
