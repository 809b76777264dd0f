"""Writes the state dictionaries of this folder, and what is in them, with PyTorch: python make_pytorch.py (and any version from
1.6 on; with two arguments also the weights of a safetensors file as pytorch_model.bin: FROM TO; with a third in so many shards
with their index, in the folder TO)."""

import collections
import json
import os
import sys

import torch

folder = os.path.dirname(os.path.abspath(__file__))
base = torch.arange(6, dtype=torch.float64).reshape(2, 3) / 3
tensors = collections.OrderedDict(
    [
        ("layer.weight", torch.nn.Parameter(torch.arange(6, dtype=torch.float32).reshape(2, 3) - 2.5)),
        ("layer.bias", torch.tensor([1, 3.140625], dtype=torch.bfloat16)),
        ("scale", torch.tensor(-0.5, dtype=torch.float16)),
        ("double", base),
        ("turned", base.t()),
        ("column", base[:, 1]),
        ("empty", torch.zeros(0, 4)),
        ("ids", torch.tensor([[7, -1]])),
        ("größe", torch.tensor([2.0])),
    ]
)
torch.save(tensors, os.path.join(folder, "zip.bin"))
torch.save(tensors, os.path.join(folder, "legacy.pth"), _use_new_zipfile_serialization=False)
torch.save(
    {"epoch": 3, "lr": 1e-3, "notes": ["a", None, True, {"b": (1, 2)}], "state_dict": tensors},
    os.path.join(folder, "checkpoint.pth"))
# Stride 0: a million numbers in the storage of one.
torch.save({"wide": torch.zeros(1).expand(1_000_000)}, os.path.join(folder, "expanded.bin"))
module = torch.nn.Linear(1, 1)
torch.save(module, os.path.join(folder, "module.pth"))
with open(os.path.join(folder, "expected.json"), "w") as file:
    json.dump(
        {name: {"shape": list(t.shape), "values": t.detach().double().flatten().tolist()} for name, t in tensors.items()},
        file, ensure_ascii=False, indent=1)
    file.write("\n")
if len(sys.argv) > 2:
    import struct

    with open(sys.argv[1], "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    types = {"F32": torch.float32, "BF16": torch.bfloat16}
    state = collections.OrderedDict()
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        values = torch.frombuffer(bytearray(data[start:end]), dtype=types[entry["dtype"]])
        state[name] = values.reshape(entry["shape"]).clone()
    if len(sys.argv) == 3:
        torch.save(state, sys.argv[2])
    else:
        count = int(sys.argv[3])
        names = list(state)
        weight_map = {}
        for number in range(count):
            file = f"pytorch_model-{number + 1:05d}-of-{count:05d}.bin"
            part = names[len(names) * number // count : len(names) * (number + 1) // count]
            torch.save(collections.OrderedDict((name, state[name]) for name in part), os.path.join(sys.argv[2], file))
            weight_map |= {name: file for name in part}
        size = sum(tensor.nbytes for tensor in state.values())
        with open(os.path.join(sys.argv[2], "pytorch_model.bin.index.json"), "w") as file:
            json.dump({"metadata": {"total_size": size}, "weight_map": weight_map}, file, indent=1)
            file.write("\n")
print(torch.__version__)
