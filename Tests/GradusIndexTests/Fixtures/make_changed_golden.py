"""Writes impacts-v5/, an impact index of two segments with a deleted document, by the description of the format alone.

Run in this folder with any Python 3, after make_packed_golden.py:  python3 make_changed_golden.py

The first segment is that of impacts-v4/, without d2. The second has d5: heat 4 (cut to 3, the greatest weight of the first), new
0.75, plate 1.5.
"""
import json
import os
import shutil
import struct

from make_fields_golden import crc32c, section_file
from make_packed_golden import dictionary

FOLDER = "impacts-v5"
SCALE = 0.011764706


def write(name, data):
    with open(f"{FOLDER}/{name}", "wb") as file:
        file.write(data)
    return {"bytes": len(data), "name": name}


def documents(text):
    """A file of one stored document without title and metadata."""
    record = struct.pack("<III", 0, len(text), 0) + text
    return section_file(2, [(11, record), (10, struct.pack("<QQ", 0, len(record)))])


def impacts(docno, terms):
    """A file of one document's terms: each has a posting in the dictionary alone."""
    return section_file(
        20,
        dictionary([(term, [(0, impact)]) for term, impact in terms], [])
        + [
            (80, bytes(impact for _, impact in terms)),
            (5, struct.pack("<I", len(terms))),
            (6, struct.pack("<QQ", 0, len(docno))),
            (7, docno),
            (8, struct.pack("<I", 0)),
            (9, struct.pack("<I", 0)),
        ],
    )


def deletions():
    """d2 is row 1 of the first segment, and held air, flow and plate: of these, d4's impacts are left."""
    return section_file(
        18,
        [
            (36, struct.pack("<Q", 1 << 1)),
            (21, struct.pack("<III", 0, 1, 4)),
            (22, struct.pack("<III", 1, 1, 1)),
            (80, bytes([85, 43, 85])),
        ],
    )


def statistics(documents, postings, terms):
    return {"documents": documents, "postings": postings, "scale": SCALE, "terms": terms}


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    for kind in ("documents", "impacts"):
        shutil.copy(f"impacts-v4/segment-1.{kind}", FOLDER)
    sizes = {kind: os.path.getsize(f"{FOLDER}/segment-1.{kind}") for kind in ("documents", "impacts")}
    manifest = {
        "configuration": {"method": "imported", "quantization": "nearest"},
        "generation": 3,
        "segments": [
            {kind: {"bytes": size, "name": f"segment-1.{kind}"} for kind, size in sizes.items()}
            | {"coding": "packed", "deleted": 1, "deletions": write("segment-3.deletions", deletions())}
            | {"statistics": statistics(4, 11, 7)},
            {
                "coding": "packed",
                "documents": write("segment-2.documents", documents(b"Hot plates, new.")),
                "impacts": write("segment-2.impacts", impacts(b"d5", [(b"heat", 255), (b"new", 64), (b"plate", 128)])),
                "statistics": statistics(1, 3, 3),
            },
        ],
        "statistics": statistics(4, 11, 8),
    }
    body = json.dumps(manifest, indent=2, separators=(",", " : "), sort_keys=True, ensure_ascii=False).encode() + b"\n"
    write("manifest", f"gradus-impacts 5 {crc32c(body):x} {len(body)}\n".encode() + body)
