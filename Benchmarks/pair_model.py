"""Makes a cross-encoder of a sentence encoder and a linear head of fixed random weights: the speed of one that was trained.

    python3 pair_model.py ENCODER_FOLDER OUT [MAXIMUM_TOKENS [MAXIMUM_QUERY_TOKENS [JOIN_LAYER]]]

The head multiplies the vector of [CLS]. Whoever reads the folder, on whichever side of a comparison, gets the same weights.
"""

import array
import json
import os
import random
import shutil
import struct
import sys

NAMES = ("classifier.weight", "classifier.bias")


def write(encoder, out, maximum_tokens=256, maximum_query_tokens=64, join_layer=0):
    os.makedirs(out, exist_ok=True)
    for name in ("config.json", "tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"):
        if os.path.exists(os.path.join(encoder, name)):
            shutil.copyfile(os.path.join(encoder, name), os.path.join(out, name))
    with open(os.path.join(encoder, "model.safetensors"), "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        data = file.read()
    with open(os.path.join(encoder, "config.json"), encoding="utf-8") as file:
        width = json.load(file)["hidden_size"]
    generator = random.Random(1)
    head = array.array("f", [generator.gauss(0, 0.05) for _ in range(width)])
    header[NAMES[0]] = {"dtype": "F32", "shape": [1, width], "data_offsets": [len(data), len(data) + 4 * width]}
    end = len(data) + 4 * width
    header[NAMES[1]] = {"dtype": "F32", "shape": [1], "data_offsets": [end, end + 4]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(out, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data + head.tobytes() + struct.pack("<f", 0))
    manifest = {
        "format": 1, "architecture": "cross-encoder", "base": os.path.basename(encoder), "baseDigest": "", "recipe": {},
        "seed": 1, "dataDigests": {}, "codeVersion": "benchmark", "head": "cls", "maximumTokens": maximum_tokens,
        "maximumQueryTokens": maximum_query_tokens, "truncation": "truncate",
    }
    if join_layer:
        manifest["joinLayer"] = join_layer
    with open(os.path.join(out, "gradus.json"), "w", encoding="utf-8") as file:
        json.dump(manifest, file)


if __name__ == "__main__":
    write(*sys.argv[1:3], *map(int, sys.argv[3:]))
