"""Reads a collection in BEIR's layout, packed or not."""

import gzip
import json
import os


def lines(path):
    for name, opener in ((path, open), (path + ".gz", gzip.open)):
        if os.path.exists(name):
            with opener(name, "rt", encoding="utf-8") as file:
                yield from file
            return
    raise SystemExit(f"{path}: no such file, packed or not")


def corpus(folder):
    """Names, and texts: title, one space, text."""
    documents = [json.loads(line) for line in lines(os.path.join(folder, "corpus.jsonl"))]
    names = [document["_id"] for document in documents]
    return names, [(d["title"] + " " + d["text"]) if d.get("title") else d["text"] for d in documents]
