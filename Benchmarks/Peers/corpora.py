"""Collections for the lexical benchmark: texts that are terms already, so that every engine indexes the same words.

    corpora.py analyse FOLDER OUT [SPLIT]      a collection in BEIR's layout: words of two or more characters, stopped, stemmed
    corpora.py packages OUT                    the short and long descriptions of the packages that this Debian knows
    corpora.py generate DOCUMENTS OUT          documents drawn at random, as described at `generate`

OUT gets corpus.jsonl and queries.jsonl. Terms are parted by single spaces.
"""

import json
import os
import random
import re
import subprocess
import sys

from collection import lines

QUERIES = 1000
STOP_WORDS = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with".split()
)
WORD = re.compile(r"[a-z0-9]+")


def write(folder, documents, queries):
    os.makedirs(folder, exist_ok=True)
    for name, rows in (("corpus.jsonl", documents), ("queries.jsonl", queries)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            for key, text in rows:
                file.write(json.dumps({"_id": key, "text": text}) + "\n")


def analyser():
    import Stemmer

    stemmer = Stemmer.Stemmer("english")

    def analyse(text):
        words = (word for word in WORD.findall(text.lower()) if len(word) > 1 and word not in STOP_WORDS)
        return " ".join(stemmer.stemWords(list(words)))

    return analyse


def analyse(folder, out, split="test"):
    with open(os.path.join(folder, "qrels", split + ".tsv"), encoding="utf-8") as file:
        judged = {line.split("\t")[0] for line in list(file)[1:]}
    terms = analyser()
    documents = (json.loads(line) for line in lines(os.path.join(folder, "corpus.jsonl")))
    queries = (json.loads(line) for line in lines(os.path.join(folder, "queries.jsonl")))
    write(
        out,
        ((row["_id"], terms(row.get("title", "") + " " + row["text"])) for row in documents),
        ((row["_id"], terms(row["text"])) for row in queries if row["_id"] in judged),
    )


def packages(out):
    """A query is the short description of a package, a document its long one."""
    dump = subprocess.run(["apt-cache", "dumpavail"], stdout=subprocess.PIPE, text=True, check=True).stdout
    terms = analyser()
    documents, short = {}, {}
    for paragraph in dump.split("\n\n"):
        name = re.search(r"^Package: (\S+)", paragraph, re.M)
        description = re.search(r"^Description(?:-en)?: (.*(?:\n .*)*)", paragraph, re.M)
        if name and description:
            first, _, rest = description[1].partition("\n")
            documents[name[1]] = terms(rest or first)
            short[name[1]] = terms(first)
    drawn = random.Random(1).sample(sorted(name for name in short if short[name]), QUERIES)
    write(out, sorted(documents.items()), ((name, short[name]) for name in drawn))


def generate(count, out):
    """Terms are drawn one by one from a Zipf-Mandelbrot distribution, P(r) ~ 1 / (r + 2.7), over 300,000 ranks; lengths are
    log-normal with a median of 30 terms (sigma .5), as MS MARCO's passages have without stop words. A query is 2 to 8
    different terms of one document; the 50 most frequent ranks, which people rarely type, are left out where others are there.
    """
    import numpy

    ranks, batch = 300_000, 20_000
    source = numpy.random.default_rng(1)
    cumulative = numpy.cumsum(1.0 / (numpy.arange(1, ranks + 1) + 2.7))
    cumulative /= cumulative[-1]
    names = [f"t{rank}" for rank in range(ranks)]
    asked = set(source.choice(count, size=min(QUERIES, count), replace=False).tolist())
    queries = []

    def documents():
        for first in range(0, count, batch):
            lengths = numpy.exp(source.normal(numpy.log(30), 0.5, min(batch, count - first))).astype(int).clip(1, 400)
            drawn = numpy.searchsorted(cumulative, source.random(lengths.sum()))
            ends = numpy.cumsum(lengths)
            for offset, (end, length) in enumerate(zip(ends, lengths, strict=True)):
                terms = drawn[end - length : end].tolist()
                number = first + offset
                if number in asked:
                    rare = sorted({term for term in terms if term >= 50} or set(terms))
                    size = min(len(rare), int(source.integers(2, 9)))
                    queries.append((f"q{number}", " ".join(names[t] for t in source.choice(rare, size, replace=False))))
                yield f"d{number}", " ".join(names[term] for term in terms)

    write(out, documents(), queries)


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    match mode:
        case "analyse":
            analyse(*arguments)
        case "packages":
            packages(*arguments)
        case "generate":
            generate(int(arguments[0]), arguments[1])
        case _:
            raise SystemExit(f"unknown mode '{mode}'")
