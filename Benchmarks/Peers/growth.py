"""A table and a drawing of how figures of lexical_peer.py grow with the number of documents."""

import json
import math
import os
import sys
from xml.sax.saxutils import escape

from pairs import figure, machine

# What lexical_peer.py calls a figure; its name here; its unit; how it becomes a cost.
COSTS = (
    ("search, k 10, 1 thread", "a query, k 10", "ms", lambda rate: 1000 / rate),
    ("search, k 1000, 1 thread", "a query, k 1000", "ms", lambda rate: 1000 / rate),
    ("one query, k 10, p99", "99th percentile, k 10", "ms", lambda time: time),
    ("index, 1 thread", "indexing 1,000 documents", "ms", lambda rate: 1e6 / rate),
    ("size of the index", "size of the index", "MB", lambda size: size),
)
COLOURS = {"gradus": "#c0392b", "pisa": "#2471a3", "tantivy": "#148f77", "lucene": "#7d3c98", "bm25s": "#b9770e"}
# A panel of the drawing, and the room around its frame.
WIDTH, HEIGHT, COLUMNS = 360, 270, 2
LEFT, RIGHT, TOP, BOTTOM = 62, 72, 34, 34


def read(path):
    """Figure -> engine -> value, of one size."""
    found = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if "peers" in row:
                found[row["what"]] = {"gradus": row["gradus"], **{name: peer["median"] for name, peer in row["peers"].items()}}
    return found


def costs(figures, sizes):
    """For each cost, engine -> [(documents, cost)]."""
    for what, name, unit, cost in COSTS:
        engines = {}
        for documents in sizes:
            for engine, value in figures[documents].get(what, {}).items():
                engines.setdefault(engine, []).append((documents, cost(value)))
        yield name, unit, engines


def exponent(points):
    """Of the power of the number of documents that the cost grows with, between the first and the last size."""
    (first, low), (last, high) = points[0], points[-1]
    return math.log(high / low) / math.log(last / first) if last > first else math.nan


def table(rows, sizes):
    lines = [
        f"| | engine | {' | '.join(f'{documents:,}' for documents in sizes)} | grows with |",
        "|---|---|" + "--:|" * (len(sizes) + 1),
    ]
    for name, unit, engines in rows:
        for engine, points in engines.items():
            known = dict(points)
            values = " | ".join(figure(known[documents]) if documents in known else "" for documents in sizes)
            growth = f"n^{exponent(points):.2f}" if len(points) > 1 else ""
            lines.append(f"| {name}, {unit} | {engine} | {values} | {growth} |")
    return lines


class Scale:
    """Logarithms of a range of values, on a stretch of the drawing."""

    def __init__(self, values, start, end):
        self.low, self.high = math.log10(min(values)), math.log10(max(values))
        if self.high - self.low < 0.5:
            self.low, self.high = self.low - 0.25, self.high + 0.25
        self.start, self.end = start, end

    def place(self, value):
        return self.start + (self.end - self.start) * (math.log10(value) - self.low) / (self.high - self.low)

    def ticks(self):
        """1, 2 and 5 times powers of ten; powers alone where these are many."""
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        steps = (1,) if self.high - self.low > 2.5 else (1, 2, 5)
        ticks = [step * 10.0**power for power in powers for step in steps]
        return [tick for tick in ticks if self.low - 1e-9 <= math.log10(tick) <= self.high + 1e-9]


def text(x, y, content, anchor="middle", colour="#333", size=11, weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" '
        f'font-weight="{weight}">{escape(content)}</text>'
    )


def short(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:.3g}"


def panel(name, unit, engines, sizes, x0, y0):
    x = Scale(sizes, x0 + LEFT, x0 + WIDTH - RIGHT)
    y = Scale([cost for points in engines.values() for _, cost in points], y0 + HEIGHT - BOTTOM, y0 + TOP)
    yield text(x0 + LEFT, y0 + TOP - 12, f"{name}, {unit}", anchor="start", size=12, weight="bold")
    for tick in y.ticks():
        at = y.place(tick)
        yield f'<line x1="{x.start}" y1="{at:.1f}" x2="{x.end}" y2="{at:.1f}" stroke="#ddd"/>'
        yield text(x.start - 6, at + 4, short(tick), anchor="end")
    for documents in sizes:
        at = x.place(documents)
        yield f'<line x1="{at:.1f}" y1="{y.start}" x2="{at:.1f}" y2="{y.end}" stroke="#ddd"/>'
        yield text(at, y.start + 16, short(documents))
    labels = []
    # Ours last, so that it lies above the others.
    for engine, points in sorted(engines.items(), key=lambda item: item[0] == "gradus"):
        colour, width = COLOURS.get(engine, "#555"), 2.5 if engine == "gradus" else 1.5
        places = [(x.place(documents), y.place(cost)) for documents, cost in points]
        path = " ".join(f"{left:.1f},{top:.1f}" for left, top in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        for left, top in places:
            yield f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3" fill="{colour}"/>'
        labels.append((places[-1][1], places[-1][0], engine, colour))
    # Names beside the lines' ends, moved down where they would cover each other.
    lowest = -math.inf
    for top, left, engine, colour in sorted(labels):
        lowest = max(top + 4, lowest + 13)
        yield text(left + 8, lowest, engine, anchor="start", colour=colour, weight="bold" if engine == "gradus" else "normal")


def drawing(rows, sizes):
    rows = [row for row in rows if row[2]]
    height = HEIGHT * math.ceil(len(rows) / COLUMNS)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * COLUMNS}" height="{height}" '
        f'viewBox="0 0 {WIDTH * COLUMNS} {height}" font-family="sans-serif">'
    )
    yield '<rect width="100%" height="100%" fill="white"/>'
    for number, (name, unit, engines) in enumerate(rows):
        yield from panel(name, unit, engines, sizes, WIDTH * (number % COLUMNS), HEIGHT * (number // COLUMNS))
    yield "</svg>"


def main(work, results, *sizes):
    sizes = sorted(int(size) for size in sizes)
    figures = {documents: read(os.path.join(work, f"growth-{documents}.jsonl")) for documents in sizes}
    rows = list(costs(figures, sizes))
    lines = [
        "# How the cost of BM25 grows", "", machine(), "",
        "Generated documents (corpora.py: Zipf-Mandelbrot vocabulary, log-normal lengths, queries drawn from documents), one "
        "thread; times a query are of all queries together, but for the percentile. The last column is the power of the number "
        "of documents that joins the first size to the last. Who is charged with what: the tables of each size, "
        + ", ".join(f"[{documents:,}](lexical-generated-{documents}.md)" for documents in sizes) + ".", "",
        "![cost over documents, both logarithmic](growth.svg)", "",
        *table(rows, sizes),
    ]
    with open(os.path.join(results, "growth.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    with open(os.path.join(results, "growth.svg"), "w", encoding="utf-8") as file:
        file.write("\n".join(drawing(rows, sizes)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
