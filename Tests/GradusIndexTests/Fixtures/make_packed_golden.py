"""Writes index-v6/ and impacts-v4/, whose dictionaries and skip data are packed, by the description of the format alone.

Run in this folder with any Python 3:  python3 make_packed_golden.py

Blocks of postings, fields and the rest of index-v6/ are those of version 5: see make_compact_golden.py. `CommittedIndexTests` has
the same documents. impacts-v4/ has the documents of impacts-v1/.
"""
import json
import os
import shutil
import struct

import make_compact_golden as compact
from make_compact_golden import BLOCK, encode, impacts, slots
from make_fields_golden import SLACK, crc32c, section_file, sections, unpack

# After records that are read a word at a time.
RECORD_SLACK = 8


def document(number):
    """Those of version 5, some of them longer, and one that says a word very often."""
    title, text = compact.document(number)
    if number % 9 == 4:
        text += " pad" * (number * number % 97)
    if number == 130:
        text += " air" * 300
    return title, text


def width(number):
    """Bytes of a number, at least 1."""
    return max(1, (number.bit_length() + 7) // 8)


def length_code(length):
    """The last code whose length is no greater."""
    lengths = [code if code < 16 else 16 + code % 16 << code // 16 - 1 for code in range(256)]
    return max(code for code in range(256) if lengths[code] <= length)


def block(postings, previous):
    gaps = []
    for doc, _ in postings:
        gaps.append(doc - previous - 1)
        previous = doc
    (gap_head, gap_data), (tf_head, tf_data) = encode(gaps), encode([tf - 1 for _, tf in postings])
    return bytes([gap_head, tf_head]) + gap_data + tf_data


def postings_list(postings, lengths):
    if len(postings) <= BLOCK:
        return block(postings, -1)
    blocks, records, previous = b"", [], -1
    for start in range(0, len(postings), BLOCK):
        part = postings[start : start + BLOCK]
        pairs = impacts(part, lengths)
        codes = [min(255, tf) if at % 2 == 0 else length_code(tf) for at, tf in enumerate(pairs)]
        records.append((part[-1][0], len(blocks), bytes(codes)))
        blocks += block(part, previous)
        previous = part[-1][0]
    doc_bytes, offset_bytes = width(records[-1][0]), width(records[-1][1])
    skips = bytes([doc_bytes - 1 | offset_bytes - 1 << 2])
    for last, offset, codes in records:
        skips += last.to_bytes(doc_bytes, "little") + offset.to_bytes(offset_bytes, "little") + codes
    return skips + blocks


def dictionary(terms, lengths):
    text, postings, records = b"", b"", []
    for term, found in terms:
        place = found[0][0] if len(found) == 1 else len(postings)
        records.append((len(text), len(found), sum(tf for _, tf in found), place))
        text += term
        if len(found) > 1:
            postings += postings_list(found, lengths)
    records.append((len(text), 0, 0, 0))
    widths = [width(max(column)) for column in zip(*records)]
    entries = bytes(widths) + b"".join(
        number.to_bytes(size, "little") for record in records for number, size in zip(record, widths)
    )
    slot_bytes = width(len(terms))
    table = bytes([slot_bytes]) + b"".join(
        slot.to_bytes(slot_bytes, "little") for slot in slots([term for term, _ in terms])
    )
    return [
        (98, postings + bytes(SLACK)), (96, entries + bytes(RECORD_SLACK)), (2, text), (97, table + bytes(RECORD_SLACK)),
    ]


def impact_terms(parts):
    """Terms of an impact index of version 1 with their postings; all of its lists have one block."""
    for start in range(0, len(parts[1]), 32):
        offset, length, df, _, place = struct.unpack_from("<QIIQQ", parts[1], start)
        term = parts[2][offset : offset + length]
        if df == 1:
            yield term, [(place & 0xFFFFFFFF, place >> 32)]
            continue
        data = parts[4][place + 24 :]
        gap_bits, tf_bits = data[0], data[1]
        document, documents = -1, []
        for gap in unpack(data[2:], df, gap_bits):
            document += gap + 1
            documents.append(document)
        impacts = unpack(data[2 + (df * gap_bits + 7) // 8 :], df, tf_bits)
        yield term, [(document, impact + 1) for document, impact in zip(documents, impacts)]


def write_impacts(folder):
    with open("impacts-v1/segment-1.impacts", "rb") as file:
        parts = dict(sections(file.read()))
    rest = [(tag, part) for tag, part in parts.items() if tag > 4]
    data = section_file(20, dictionary(list(impact_terms(parts)), []) + rest)
    with open("impacts-v1/manifest", "rb") as file:
        manifest = json.loads(file.read().split(b"\n", 1)[1])
    manifest["coding"] = "packed"
    manifest["impacts"]["bytes"] = len(data)
    os.makedirs(folder, exist_ok=True)
    shutil.copy("impacts-v1/segment-1.documents", folder)
    with open(folder + "/segment-1.impacts", "wb") as file:
        file.write(data)
    body = json.dumps(manifest, indent=2, separators=(",", " : "), sort_keys=True, ensure_ascii=False).encode() + b"\n"
    with open(folder + "/manifest", "wb") as file:
        file.write(f"gradus-impacts 4 {crc32c(body):x} {len(body)}\n".encode() + body)


if __name__ == "__main__":
    compact.write_index("index-v6", version=6, coding="packed", document=document, dictionary=dictionary)
    write_impacts("impacts-v4")
