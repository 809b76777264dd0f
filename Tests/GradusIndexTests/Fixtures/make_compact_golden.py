"""Writes index-v5/: an index with compact blocks of postings and of frequencies by field, by the description of the format alone.

Run in this folder with any Python 3:  python3 make_compact_golden.py

The analyzer's settings are read from the manifest of index-v1/. `CommittedIndexTests` has the same documents.
"""
import json
import os
import struct

from make_fields_golden import SLACK, crc32c, pack, section_file

DOCUMENTS = 200
BLOCK, GROUP, EXCEPTIONS = 128, 16, 8
# What exceptions must save in bytes, and widths of groups in comparison with the best single width.
PATCHING_GAIN, GROUPING_GAIN = 2, 4


def document(number):
    """Title and text."""
    words = ["air"] * (6 if number % 41 == 0 else 1)
    if number // 20 % 2 == 0:
        words.append("heat")
    if number % 3 == 0 and number // 25 != 2 or number > 150:
        words.append("plate")
    if number in (3, 4, 5, 190):
        words.append("wing")
    if number == 7:
        words.append("jet")
    return "heat" if number % 60 == 0 else "", " ".join(words)


def exception_bytes(count, bits):
    return 1 + count + (count * bits + 7) // 8 if count else 0


def forms(values):
    """Bytes, whether grouped, and the width of each group, of all forms that an encoder looks at, in its order."""
    groups = [values[start : start + GROUP] for start in range(0, len(values), GROUP)]
    tops = [max(group).bit_length() for group in groups]
    wider = lambda group, width: sum(value.bit_length() > width for value in group)
    best = plain = (len(values) * max(tops) + 7) // 8
    yield plain, False, [max(tops)] * len(groups)
    for width in range(max(tops) - 1, -1, -1):
        exceptions = wider(values, width)
        size = (len(values) * width + 7) // 8 + exception_bytes(exceptions, max(tops) - width)
        if exceptions <= EXCEPTIONS and size + PATCHING_GAIN <= plain:
            best = min(best, size)
            yield size, False, [width] * len(groups)
    if len(groups) == 1:
        return
    for upper in range(max(tops) + 1):
        widths = []
        for group, top in zip(groups, tops):
            # From the widest down, what costs least where an exception takes a byte for its place and its upper bits.
            possible = [w for w in range(top, max(-1, top - upper - 1), -1) if wider(group, w) <= EXCEPTIONS]
            widths.append(min(possible, key=lambda w: w * len(group) + wider(group, w) * (8 + upper)))
        widths = [max(width, max(widths) - 15) for width in widths]
        exceptions = sum(map(wider, groups, widths))
        upper = max([top - width for top, width in zip(tops, widths)] + [0])
        if exceptions <= EXCEPTIONS:
            bits = sum(width * len(group) for width, group in zip(widths, groups))
            size = (len(groups) + 1) // 2 + (bits + 7) // 8 + exception_bytes(exceptions, upper)
            if size + GROUPING_GAIN <= best:
                yield size, True, widths


def encode(values):
    """The head of some numbers, and the numbers in the first of the shortest forms."""
    _, is_grouped, widths = min(forms(values), key=lambda form: form[0])
    least, data = min(widths), b""
    if is_grouped:
        halves = [width - least for width in widths] + [0] * (len(widths) % 2)
        data += bytes(low | high << 4 for low, high in zip(halves[::2], halves[1::2]))
        for number, width in enumerate(widths):
            data += pack([value & (1 << width) - 1 for value in values[GROUP * number :][:GROUP]], width)
    else:
        data += pack([value & (1 << least) - 1 for value in values], least)
    upper = [value >> widths[place // GROUP] for place, value in enumerate(values)]
    places = [place for place, part in enumerate(upper) if part]
    if places:
        bits = max(upper).bit_length()
        data += bytes([len(places) - 1 | bits - 1 << 3] + places) + pack([upper[place] for place in places], bits)
    return least | (128 if is_grouped else 0) | (64 if places else 0), data


def impacts(postings, lengths):
    """Up to four pairs of a tf that none exceeds and a length that none falls short of."""
    pairs = {(tf, lengths[doc]) for doc, tf in postings}
    front = [p for p in pairs if not any(q != p and q[0] >= p[0] and q[1] <= p[1] for q in pairs)]
    front.sort(reverse=True)
    count = min(4, len(front))
    joined = []
    for number in range(count):
        part = front[number * len(front) // count : (number + 1) * len(front) // count]
        joined += [part[0][0], part[-1][1]]
    return joined + [0] * (8 - len(joined))


def postings_list(postings, lengths):
    skips, blocks, previous = b"", b"", -1
    for start in range(0, len(postings), BLOCK):
        block = postings[start : start + BLOCK]
        skips += struct.pack("<II8H", block[-1][0], len(blocks), *impacts(block, lengths))
        gaps = []
        for doc, _ in block:
            gaps.append(doc - previous - 1)
            previous = doc
        (gap_head, gap_data), (tf_head, tf_data) = encode(gaps), encode([tf - 1 for _, tf in block])
        blocks += bytes([gap_head, tf_head]) + gap_data + tf_data
    return skips + blocks + bytes(-len(blocks) % 4)


def fields_list(frequencies):
    offsets, blocks = [], b""
    for start in range(0, len(frequencies), BLOCK):
        if start:
            offsets.append(len(blocks))
        head, data = encode(frequencies[start : start + BLOCK])
        blocks += bytes([head]) + data
    return struct.pack(f"<{len(offsets)}I", *offsets) + blocks


def term_hash(term):
    mask, multiplier = (1 << 64) - 1, 0x9E3779B97F4A7C15
    value = len(term) * multiplier & mask
    for start in range(0, len(term), 8):
        value = (value ^ int.from_bytes(term[start : start + 8], "little")) * multiplier & mask
        value ^= value >> 32
    return value


def slots(terms):
    table = [0] * 16
    while len(table) < 2 * len(terms):
        table += [0] * len(table)
    for number, term in enumerate(terms):
        slot = term_hash(term) % len(table)
        while table[slot]:
            slot = (slot + 1) % len(table)
        table[slot] = number + 1
    return table


def numbers(letter, values):
    return struct.pack(f"<{len(values)}{letter}", *values)


def dictionary(terms, lengths):
    """The sections of postings and terms; `terms` are words in byte order, each with its postings."""
    text, entries, postings = b"", b"", b""
    for term, found in terms:
        place = found[0][0] | found[0][1] << 32 if len(found) == 1 else len(postings)
        occurrences = sum(tf for _, tf in found)
        entries += struct.pack("<QIIQQ", len(text), len(term), len(found), occurrences, place)
        text += term
        if len(found) > 1:
            postings += postings_list(found, lengths)
    table = numbers("I", slots([term for term, _ in terms]))
    return [(4, postings + bytes(SLACK)), (1, entries), (2, text), (3, table)]


def write_index(folder, version=5, coding="compact", document=document, dictionary=dictionary):
    documents = [document(number) for number in range(DOCUMENTS)]
    words = [(title.split(), text.split()) for title, text in documents]
    lengths = [len(title) + len(text) for title, text in words]
    names = [f"d{number}".encode() for number in range(DOCUMENTS)]
    terms = sorted({word for title, text in words for word in title + text})
    lists, starts, frequencies = [], [], b""
    for term in terms:
        found = [(doc, (title + body).count(term), title.count(term)) for doc, (title, body) in enumerate(words)]
        found = [posting for posting in found if posting[1]]
        lists.append((term.encode(), [(doc, tf) for doc, tf, _ in found]))
        starts.append(len(frequencies))
        frequencies += fields_list([in_title for _, _, in_title in found])
    starts.append(len(frequencies))
    order = sorted(range(DOCUMENTS), key=lambda number: names[number])
    ranks = [0] * DOCUMENTS
    for rank, number in enumerate(order):
        ranks[number] = rank
    ends = [0]
    for name in names:
        ends.append(ends[-1] + len(name))
    records, places = b"", [0]
    for title, body in documents:
        records += struct.pack("<III", len(title), len(body), 0) + title.encode() + body.encode()
        places.append(len(records))
    columns, directory = b"", []
    for name, column in [("title", [len(t) for t, _ in words]), ("text", [len(t) for _, t in words])]:
        width = 1 if max(column) < 256 else 2
        directory.append({"name": name, "offset": len(columns), "tokens": sum(column), "width": width})
        columns += numbers("B" if width == 1 else "H", column) + bytes(-len(column) * width % 8)
    files = {
        "postings": section_file(
            1,
            dictionary(lists, lengths)
            + [
                (5, numbers("I", lengths)),
                (6, numbers("Q", ends)),
                (7, b"".join(names)),
                (8, numbers("I", ranks)),
                (9, numbers("I", order)),
            ],
        ),
        "documents": section_file(2, [(11, records), (10, numbers("Q", places))]),
        "fields": section_file(
            6,
            [
                (24, frequencies + bytes(SLACK)),
                (25, numbers("Q", starts)),
                (26, columns),
                (27, json.dumps(directory, separators=(",", ":"), sort_keys=True).encode()),
            ],
        ),
    }
    with open("index-v1/manifest", "rb") as file:
        manifest = json.loads(file.read().split(b"\n", 1)[1])
    statistics = {"documents": DOCUMENTS, "postings": sum(len(found) for _, found in lists), "terms": len(terms), "tokens": sum(lengths)}
    manifest["statistics"] = statistics
    manifest["segments"] = [{"coding": coding, "statistics": statistics}]
    os.makedirs(folder, exist_ok=True)
    for kind, data in files.items():
        manifest["segments"][0][kind] = {"bytes": len(data), "name": f"segment-1.{kind}"}
        with open(f"{folder}/segment-1.{kind}", "wb") as file:
            file.write(data)
    body = json.dumps(manifest, indent=2, separators=(",", " : "), sort_keys=True, ensure_ascii=False).encode() + b"\n"
    with open(f"{folder}/manifest", "wb") as file:
        file.write(f"gradus-index {version} {crc32c(body):x} {len(body)}\n".encode() + body)


if __name__ == "__main__":
    write_index("index-v5")
