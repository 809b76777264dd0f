"""Writes protobuf.ciff with Python's protobuf (any version from 4), from the messages that Lin et al. describe."""
import struct

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

F = descriptor_pb2.FieldDescriptorProto
file = descriptor_pb2.FileDescriptorProto(name="ciff.proto", package="ciff", syntax="proto3")


def message(name, fields):
    kind = file.message_type.add(name=name)
    for number, (field, type_, repeated) in enumerate(fields, 1):
        added = kind.field.add(name=field, number=number, label=F.LABEL_REPEATED if repeated else F.LABEL_OPTIONAL)
        if isinstance(type_, str):
            added.type, added.type_name = F.TYPE_MESSAGE, type_
        else:
            added.type = type_


message("Posting", [("docid", F.TYPE_INT32, False), ("tf", F.TYPE_INT32, False)])
message(
    "PostingsList",
    [
        ("term", F.TYPE_STRING, False), ("df", F.TYPE_INT64, False), ("cf", F.TYPE_INT64, False),
        ("postings", ".ciff.Posting", True),
    ],
)
message(
    "DocRecord",
    [("docid", F.TYPE_INT32, False), ("collection_docid", F.TYPE_STRING, False), ("doclength", F.TYPE_INT32, False)],
)
message(
    "Header",
    [
        ("version", F.TYPE_INT32, False), ("num_postings_lists", F.TYPE_INT32, False), ("num_docs", F.TYPE_INT32, False),
        ("total_postings_lists", F.TYPE_INT32, False), ("total_docs", F.TYPE_INT32, False),
        ("total_terms_in_collection", F.TYPE_INT64, False), ("average_doclength", F.TYPE_DOUBLE, False),
        ("description", F.TYPE_STRING, False),
    ],
)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)


def new(name, **values):
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("ciff." + name))(**values)


def varint(value):
    out = b""
    while value >= 128:
        out += struct.pack("B", value & 127 | 128)
        value >>= 7
    return out + struct.pack("B", value)


posting = lambda docid, tf: new("Posting", docid=docid, tf=tf)
messages = [
    new(
        "Header", version=1, num_postings_lists=2, num_docs=2, total_postings_lists=9, total_docs=301,
        total_terms_in_collection=306, average_doclength=1.5, description="a test"),
    new("PostingsList", term="blue", df=1, cf=2, postings=[posting(1, 2)]),
    new("PostingsList", term="réd", df=3, cf=304, postings=[posting(0, 1), posting(1, 3), posting(299, 300)]),
    new("DocRecord", docid=0, collection_docid="a", doclength=1),
    new("DocRecord", docid=1, collection_docid="b", doclength=5),
]
with open("protobuf.ciff", "wb") as out:
    for each in messages:
        data = each.SerializeToString()
        out.write(varint(len(data)) + data)
