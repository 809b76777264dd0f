"""Writes index-v4/: index-v1/ with the fields title and text, by the description of the format alone.

Run in this folder with any Python 3:  python3 make_fields_golden.py

Terms and postings are read from index-v1; which of them stand in a title is listed below.
"""
import json
import os
import shutil
import struct

# Document: its title's terms with their frequencies, then the lengths of title and text.
TITLES = [{"boundari": 1, "layer": 1}, {}, {}, {"plate": 1}]
LENGTHS = {"title": [2, 0, 0, 1], "text": [5, 5, 0, 7]}
SLACK = 64


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sections(data):
    table, count = struct.unpack_from("<QI", data, len(data) - 24)
    for number in range(count):
        tag, _, offset, size = struct.unpack_from("<IIQQ", data, table + 24 * number)
        yield tag, data[offset : offset + size]


def pack(values, bits):
    stream = sum(value << (place * bits) for place, value in enumerate(values))
    return stream.to_bytes((len(values) * bits + 7) // 8, "little")


def unpack(data, count, bits):
    stream = int.from_bytes(data[: (count * bits + 7) // 8], "little")
    return [stream >> (place * bits) & ((1 << bits) - 1) for place in range(count)]


def terms():
    """Terms in byte order, each with the documents that hold it."""
    with open("index-v1/segment-1.postings", "rb") as file:
        parts = dict(sections(file.read()))
    for start in range(0, len(parts[1]), 32):
        offset, length, df, _, place = struct.unpack_from("<QIIQQ", parts[1], start)
        term = parts[2][offset : offset + length].decode()
        if df == 1:
            yield term, [place & 0xFFFFFFFF]
            continue
        block = place + 24  # One block, so one piece of skip data.
        gap_bits = parts[4][block]
        document, documents = -1, []
        for gap in unpack(parts[4][block + 2 :], df, gap_bits):
            document += gap + 1
            documents.append(document)
        yield term, documents


def section_file(kind, contents):
    header = b"GRDINDEX" + struct.pack("<II", 1, kind)
    data, table = header, b""
    for tag, content in contents:
        data += bytes(-len(data) % 64)
        table += struct.pack("<IIQQ", tag, crc32c(content), len(data), len(content))
        data += content
    table += struct.pack("<QI", len(data), len(contents))
    return data + table + struct.pack("<I", crc32c(table, crc32c(header))) + b"GRDTABLE"


def write_index():
    frequencies, starts = b"", []
    for term, documents in terms():
        starts.append(len(frequencies))
        values = [TITLES[document].get(term, 0) for document in documents]
        bits = max(values).bit_length()
        frequencies += bytes([bits]) + pack(values, bits)
    starts.append(len(frequencies))
    columns, directory = b"", []
    for name, lengths in LENGTHS.items():
        directory.append({"name": name, "offset": len(columns), "tokens": sum(lengths), "width": 1})
        columns += bytes(lengths)
        columns += bytes(-len(columns) % 8)
    fields = section_file(
        6,
        [
            (24, frequencies + bytes(SLACK)),
            (25, struct.pack(f"<{len(starts)}Q", *starts)),
            (26, columns),
            (27, json.dumps(directory, separators=(",", ":"), sort_keys=True).encode()),
        ],
    )
    os.makedirs("index-v4", exist_ok=True)
    for name in ["segment-1.documents", "segment-1.postings"]:
        shutil.copy("index-v1/" + name, "index-v4/" + name)
    with open("index-v4/segment-1.fields", "wb") as file:
        file.write(fields)
    with open("index-v1/manifest", "rb") as file:
        manifest = json.loads(file.read().split(b"\n", 1)[1])
    manifest["segments"][0]["fields"] = {"bytes": len(fields), "name": "segment-1.fields"}
    body = json.dumps(manifest, indent=2, separators=(",", " : "), sort_keys=True, ensure_ascii=False).encode() + b"\n"
    with open("index-v4/manifest", "wb") as file:
        file.write(f"gradus-index 4 {crc32c(body):x} {len(body)}\n".encode() + body)


if __name__ == "__main__":
    write_index()
