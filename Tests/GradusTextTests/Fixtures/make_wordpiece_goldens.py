"""Makes the WordPiece goldens beside this file with Hugging Face tokenizers (0.23.3)."""
import gzip
import json
import random
import sys

import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__

SENTENCES = """The quick brown fox jumps over the lazy dog while the orchestra tunes its instruments.
A retriever finds candidates; a reranker puts the best of them first.
Training with a curriculum begins with easy pairs and ends with hard ones.
Water boils at 100 °C at sea level, but at 71 °C on the summit of Mount Everest (8,849 m).
Don't forget the café's façade: naïve visitors expect crème brûlée, jalapeños and smörgåsbord.
Die Straße nach Zürich führt über Köln, Düsseldorf und München-Süd.
In 1998 researchers measured 3.14159 units, i.e. roughly 22/7 of the reference value.
E-mail someone@example.org or visit https://example.org/path?query=value&page=2#top today!
Why would anyone shorten antidisestablishmentarianism, or floccinaucinihilipilification?
The enzyme's Km was 0.5 mM; Vmax rose by 20% (p < 0.001), as the authors reported.
Быстрая лиса перепрыгивает через ленивую собаку каждое утро.
Η γρήγορη αλεπού πηδάει πάνω από το τεμπέλικο σκυλί της ΟΔΟΥ ΣΙΣΥΦΟΣ.
السماء صافية اليوم والبحر هادئ جداً.
השמש זורחת מעל ההרים הגבוהים.
东京是日本的首都，人口超过一千三百万。
すばやい茶色の狐がのろまな犬を飛び越える。カタカナも混ぜる。
빠른 갈색 여우가 게으른 개를 뛰어넘는다.
तेज़ भूरी लोमड़ी आलसी कुत्ते के ऊपर कूदती है।
สุนัขจิ้งจอกกระโดดข้ามสุนัขขี้เกียจ
Con cáo nâu nhanh nhẹn nhảy qua con chó lười biếng.
İstanbul'da ILIK rüzgâr eser; DİYARBAKIR ısınır.
Score: 4½ of 5 ★★★★☆ — "simply the best", said O’Neill… №7, ®, ™, €20, £3, ¥500.
We present neural ranking models for passage retrieval, question answering and fact verification.
unaffable unbelievable uncharacteristically re-ranking tokenization embeddings hyperparameters""".split("\n")

HAND_MADE = [
    "", " ", "\t\n\r", "a", "A", "!", "[CLS]", "[MASK]", "x[SEP]y", "[UNK] [PAD]", "[cls]", "[ MASK ]", "[MASK", "[[MASK]]",
    "e\u0301", "\u00e9", "A\u030a\u00c5\u212b", "\u1e9b\u0323", "\ufb01ne", "\u0130stanbul", "STRA\u00dfE", "\u1e9e",
    "\u03a3\u03a3\u03a3", "\u01c5", "\uac00\uac01", "\u1100\u1161", "\u4e2d\u6587", "a\u4e2db", "\uf900\u2f800",
    "\U0002a6df\U0002b820\U0002b920", "\u3042\u30a2", "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "x\u200by", "x\u200dy", "x\ufeffy", "\ufeffx", "x\u00ady", "x\u0000y",
    "x\u0007y", "x\u007fy", "x\u0085y", "x\u00a0y", "x\u2028y\u2029z", "x\u3000y", "x\u1680y", "\ufffd", "x\ufffdy", "\ue000",
    "\U000f0000", "\U0010ffff", "\u0378", "\u0890", "\u08e2", "\U00013430", "\u166d", "\u1734", "\U000111c9", "\u061d",
    "\u2e52", "\u2e43", "\U0001e94a", "\u1ab0", "\u1ac0", "\u1df6", "\u037e", "\u1fef", "\u2000", "\u2126", "\u00bd", "\u00b2",
    "$+<=>^`|~", "_a_b_", "don't", "U.S.A.", "3.14", "1,000,000", "a-b--c", "\u2018q\u2019", "\u201cq\u201d", "a\u2014b",
    "a" * 99, "a" * 100, "a" * 101, "\u4e2d" * 120, "\u00e9" * 100, "e\u0301" * 100, "e\u0301" * 101, "z" * 5000,
    "\u0301", "\u0301\u0302a", "a\u0301\u0302\u0303b", "\u0e01\u0e33", "\u0928\u093f", "\u0bcb", "\u09cb", "\ud7a3",
    "\U00011938", "\U0001d15e", "\u0344", "\u0340", "\u2adc", "\u1c89", "\ua7cb", "\u10a0\u13a0\uab70", "\U00010400",
    "a\u0300\u0301[MASK]\u0301", "[MASK]\u0301", "\t[SEP]\n[CLS] ", "\u00a1Hola!\u00bf", "\u060c\u061b\u061f", "\u0964",
]


def passages():
    texts = list(HAND_MADE)
    generator = random.Random(20240607)
    while len(texts) < 700:
        words = " ".join(generator.choice(SENTENCES) for _ in range(generator.randint(1, 6)))
        kind = generator.randrange(4)
        if kind == 1:
            words = words.upper()
        elif kind == 2:
            words = "".join(c + generator.choice(["", "", "", "", "\u0301", "\u200d", " ", "-", "\u00ad"]) for c in words)
        elif kind == 3:
            start = generator.randrange(len(words))
            words = words[start:start + generator.randint(1, 400)]
        texts.append(words)
    ranges = [(0, 0x250), (0x250, 0x800), (0x800, 0x3000), (0x3000, 0xA000), (0xA000, 0xD800), (0xE000, 0x10000),
              (0x10000, 0x20000), (0x20000, 0x30000), (0xE0000, 0x110000)]
    while len(texts) < 1000:
        low, high = generator.choice(ranges)
        text = []
        for _ in range(generator.randint(1, 40)):
            if generator.random() < 0.2:
                text.append(generator.choice(" aeiou.,-'"))
            else:
                text.append(chr(generator.randrange(low, high)))
        texts.append("".join(text))
    return texts


def write_gzip(path, text):
    with open(path, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        packed.write(text.encode("utf-8"))


def small_tokenizer():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=900, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def main():
    small = small_tokenizer()
    small.save("small-tokenizer.json", pretty=False)
    texts = passages()
    with open("small-ids.jsonl", "w") as file:
        rows = [{"text": t, "ids": small.encode(t, add_special_tokens=False).ids} for t in HAND_MADE + SENTENCES]
        file.write("\n".join(json.dumps(row) for row in rows) + "\n")
    full = Tokenizer.from_file(sys.argv[1])
    full.no_truncation()
    full.no_padding()
    write_gzip("passages.jsonl.gz", "".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(texts)))
    lines = [" ".join(map(str, full.encode(t, add_special_tokens=False).ids)) for t in texts]
    write_gzip("bert-uncased-ids.txt.gz", "\n".join(lines) + "\n")


main()
