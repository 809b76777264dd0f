"""Tokens per second: `gradus bench generate` against llama.cpp (through llama-cpp-python) and torch (through transformers).

The prompt is random tokens. Generation is greedy, token by token, after 16 tokens. llama.cpp makes the files of the other
types from the model's own, with its own rules for what to leave in a wider type; both sides read the same files. Q4_K_M
keeps to Q5_0 and the like where rows are no multiple of 256. torch computes in bfloat16 with the weights that transformers
reads from the BF16 file.

That both compute the same is checked in two ways: the greedy tokens after 20 prompts, where llama.cpp must find the first
choice that differs nearly as good as its own, and the perplexity of a page of text, all logits of llama.cpp read out.
"""

import ctypes
import json
import os
import random
import resource
import statistics
import sys
import time
from subprocess import run

from collection import corpus
from pairs import Report, alternate, call, gradus, threads

REPEATS = 5
SHORT = 16
SHARED_PROMPTS = 4
TYPES = os.environ.get("TYPES", "Q4_0 Q8_0 BF16 Q4_K_M").split()
ANSWER_TOKENS = 24
PAGE_CHARACTERS = 6000
# Of a perplexity; of a difference between two logits, whose deviation is some 3.
PERPLEXITY_TOLERANCE, LOGIT_TOLERANCE = 0.02, 1.0
RAW = [
    "The capital of France is", "Water boils at a temperature of", "def fibonacci(n):\n",
    "Once upon a time, in a small village,", "The three primary colours are", "To sort a list in Python,",
    "The mitochondria is the", "A ranking model is trained to", "In 1969, the first humans", "The quick brown fox jumps over",
]
CHAT = [
    "What is the boiling point of water?", "Name three fruits.", "Translate 'good morning' to Spanish.", "What is 7 times 8?",
    "Write one sentence about the sea.", "Who wrote Romeo and Juliet?", "What is a search engine?",
    "List the planets of the solar system.", "How do I reverse a string in Python?", "Is the earth flat?",
]


def prompts():
    system = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    return RAW + [f"{system}<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n" for text in CHAT]


def sizes():
    return int(os.environ["PROMPT"]), int(os.environ["GENERATE"])


def quantize(source, scratch):
    """Files of the other types: by way of bfloat16, which holds any number of 4 or 8 bits with its scale to 8 bits."""
    import llama_cpp

    base = os.path.join(scratch, "BF16.gguf")
    for name in sorted(TYPES, key=lambda name: name != "BF16"):
        parameters = llama_cpp.llama_model_quantize_default_params()
        parameters.ftype = getattr(llama_cpp, "LLAMA_FTYPE_MOSTLY_" + name)
        parameters.nthread = threads()
        parameters.allow_requantize = name == "BF16"
        origin, target = source if name == "BF16" else base, os.path.join(scratch, name + ".gguf")
        if llama_cpp.llama_model_quantize(origin.encode(), target.encode(), ctypes.byref(parameters)) != 0:
            raise SystemExit(f"{target}: llama.cpp cannot make it")


def llama(file, **options):
    """llama.cpp as its own benchmark sets it: batches of 2,048 tokens in pieces of 512."""
    import llama_cpp

    return llama_cpp.Llama(
        file, n_ctx=2048, n_batch=2048, n_ubatch=512, n_threads=threads(), n_threads_batch=threads(), verbose=False, **options
    )


def last_logits(model):
    import numpy

    return numpy.ctypeslib.as_array(model._ctx.get_logits_ith(-1), shape=(model.n_vocab(),))


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class LlamaSide:
    def __init__(self, file, flash):
        import llama_cpp

        self.model = llama(file, flash_attn=flash == "flash")
        self.versions = f"llama-cpp-python {llama_cpp.__version__}"
        self.vocabulary = self.model.n_vocab()

    def read(self, tokens, kept=0):
        """Reads a prompt of which the first `kept` tokens have been read."""
        self.model.n_tokens = kept
        self.model.eval(tokens[kept:])
        return last_logits(self.model).argmax()

    def generate(self, token, count):
        for _ in range(count):
            self.model.eval([int(token)])
            token = last_logits(self.model).argmax()


class TorchSide:
    def __init__(self, file):
        import torch
        import transformers

        torch.set_num_threads(threads())
        self.torch = torch
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            os.path.dirname(file), gguf_file=os.path.basename(file), dtype=torch.bfloat16
        ).eval()
        self.versions = f"torch {torch.__version__}, transformers {transformers.__version__}"
        self.vocabulary = self.model.config.vocab_size

    def read(self, tokens):
        with self.torch.inference_mode():
            output = self.model(self.torch.tensor([tokens]), use_cache=True, logits_to_keep=1)
        self.cache = output.past_key_values
        return output.logits[0, -1].argmax()

    def generate(self, token, count):
        with self.torch.inference_mode():
            for _ in range(count):
                output = self.model(token.reshape(1, 1), past_key_values=self.cache, use_cache=True)
                token = output.logits[0, -1].argmax()


def measure(kind, file, share="0"):
    side = TorchSide(file) if kind == "torch" else LlamaSide(file, kind)
    prompt, generate = sizes()
    choose = random.Random(1)

    def tokens(count):
        return [choose.randrange(side.vocabulary) for _ in range(count)]

    long, short = tokens(prompt), tokens(SHORT)
    side.read(long)
    reading = [len(long) / seconds(lambda: side.read(long)) for _ in range(REPEATS)]
    generating = []
    for number in range(REPEATS + 1):
        first = side.read(short)
        generating.append(generate / seconds(lambda first=first: side.generate(first, generate)))
    result = {"prompt": statistics.median(reading), "generate": statistics.median(generating[1:]), "versions": side.versions}
    if int(share) > 0:
        # As many as `gradus bench generate --share` takes.
        common = tokens(prompt * 2 // 3)
        texts = [common + tokens(prompt // 30) for _ in range(int(share))]

        def together():
            for number, text in enumerate(texts):
                side.read(text, kept=len(common) if number > 0 else 0)

        for name, work in (("apart", lambda: [side.read(text) for text in texts]), ("together", together)):
            result[name] = statistics.median([seconds(work) for _ in range(REPEATS)])
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    json.dump(result, sys.stdout)


def ours(file, share=0):
    prompt, generate = sizes()
    common = ("bench", "generate", "--model", file, "--threads", threads(), "--repeats", REPEATS)
    reading = gradus(*common, "--prompt", prompt, "--generate", 1, "--share", share)
    generating = gradus(*common, "--prompt", SHORT, "--generate", generate)
    result = {
        "prompt": reading["prompt_tokens_per_second"]["median"], "peak_mb": reading["peak_mb"],
        "generate": generating["generate_tokens_per_second"]["median"],
    }
    if share:
        result |= {name: reading["sharing"][name + "_seconds"]["median"] for name in ("apart", "together")}
    return result


def answers(file, page):
    """Greedy tokens of every prompt with the best logits of each step, and the perplexity of the page."""
    import numpy

    model = llama(file)
    found = []
    for text in prompts():
        ids = model.tokenize(text.encode(), add_bos=False, special=True)
        model.reset()
        model.eval(ids)
        tokens, logits = [], []
        for _ in range(ANSWER_TOKENS):
            scores = last_logits(model).copy()
            best = numpy.argsort(-scores, kind="stable")[:50]
            tokens.append(int(best[0]))
            logits.append({str(token): float(scores[token]) for token in best})
            if tokens[-1] == model.token_eos():
                break
            model.eval([tokens[-1]])
        found.append({"prompt_tokens": len(ids), "tokens": tokens, "logits": logits})
    end = model.token_eos()
    model = llama(file, logits_all=True)
    with open(page, encoding="utf-8") as opened:
        ids = model.tokenize(opened.read().encode(), add_bos=False, special=True)
    model.eval(ids)
    scores = numpy.array(model.scores[: len(ids) - 1], dtype=numpy.float64)
    scores -= scores.max(axis=1, keepdims=True)
    chosen = scores[numpy.arange(len(ids) - 1), ids[1:]] - numpy.log(numpy.exp(scores).sum(axis=1))
    json.dump({"answers": found, "end": end, "tokens": len(ids), "perplexity": float(numpy.exp(-chosen.mean()))}, sys.stdout)


def agreement(file, page, name, report):
    """One row of the table of agreement."""
    theirs = call([sys.executable, __file__, "answers", file, page])
    end, equal, tokens, largest = theirs["end"], 0, 0, 0.0
    for text, answer in zip(prompts(), theirs["answers"], strict=True):
        mine = gradus(
            "generate", "--model", file, "--raw", "--prompt", text, "--max-tokens", ANSWER_TOKENS, "--threads", threads()
        )
        if mine["prompt_tokens"] != answer["prompt_tokens"]:
            raise SystemExit(f"'{text}': {mine['prompt_tokens']} tokens, llama.cpp finds {answer['prompt_tokens']}")
        # gradus leaves out the token that ends an answer.
        chosen = mine["tokens"] if mine["ending"] == "length" else [*mine["tokens"], end]
        pairs = list(zip(chosen, answer["tokens"]))
        same = next((place for place, (left, right) in enumerate(pairs) if left != right), len(pairs))
        tokens += same
        if same == len(pairs):
            equal += 1
        else:
            logits = answer["logits"][same]
            largest = max(largest, logits[str(pairs[same][1])] - logits.get(str(pairs[same][0]), float("-inf")))
    report.agreement(f"{name}: logit of llama.cpp's token above that of the first other token", largest, LOGIT_TOLERANCE)
    perplexities = {}
    for arithmetic in ("int8", "bfloat16"):
        mine = gradus(
            "bench", "generate", "--model", file, "--prompt", 8, "--generate", 1, "--text", page, "--arithmetic", arithmetic,
            "--threads", threads(),
        )["perplexity"]
        if mine["tokens"] != theirs["tokens"]:
            raise SystemExit(f"{page}: {mine['tokens']} tokens, llama.cpp finds {theirs['tokens']}")
        perplexities[arithmetic] = mine["value"]
        report.agreement(
            f"{name}: perplexity with {arithmetic}, relative to llama.cpp's", abs(mine["value"] / theirs["perplexity"] - 1),
            PERPLEXITY_TOLERANCE,
        )
    row = {
        "file": name, "mb": os.path.getsize(file) / 1e6, "answers": len(prompts()), "equal_answers": equal,
        "equal_tokens": tokens, "page_tokens": theirs["tokens"], "perplexity": perplexities | {"llama.cpp": theirs["perplexity"]},
    }
    print(json.dumps(row), flush=True)
    return row


def compare(model, folder, scratch, path):
    report = Report("Reading a prompt and generating", [])
    page = os.path.join(scratch, "page.txt")
    with open(page, "w", encoding="utf-8") as opened:
        opened.write("\n".join(corpus(folder)[1])[:PAGE_CHARACTERS].strip())
    with open(os.path.join(scratch, "quantize.log"), "wb") as log:
        run([sys.executable, __file__, "quantize", model, scratch], stdout=log, stderr=log, check=True)
    stored = os.path.basename(model).removesuffix(".gguf").rsplit(".", 1)[-1]
    files = {stored: model} | {name: os.path.join(scratch, name + ".gguf") for name in TYPES}
    rows = [agreement(file, page, name, report) for name, file in files.items()]
    prompt, generate = sizes()
    versions = {}
    for name, file in files.items():
        share = SHARED_PROMPTS if file == model else 0

        def peer(*arguments):
            return call([sys.executable, __file__, "measure", *arguments])

        sides = {
            "gradus": lambda: ours(file, share),
            "llama.cpp": lambda: peer("llama", file, share),
            "llama.cpp, flash attention": lambda: peer("flash", file, share),
        }
        if name == "BF16":
            sides["torch bf16"] = lambda: peer("torch", file)
        results = alternate(sides, label=name)
        versions.update({result["versions"]: None for side in results.values() for result in side if "versions" in result})
        peaks = {side: [result["peak_mb"] for result in results[side]] for side in sides}
        lines = [
            (f"{name}: reading {prompt} tokens", "tokens/s", "prompt"),
            (f"{name}: generating {generate}", "tokens/s", "generate"),
        ]
        if share:
            what = f"{name}: {share} prompts, {prompt * 2 // 3} common + {prompt // 30} own tokens"
            lines += [(what + ", each read whole", "s", "apart"), (what + ", the common part once", "s", "together")]
        for what, unit, key in lines:
            values = {side: [result[key] for result in results[side]] for side in sides}
            report.compare(what, unit, values.pop("gradus"), values, higher_is_better=unit != "s", peak_mb=peaks)
    report.notes = [
        f"{', '.join(versions)}. Each value is the median over the rounds of the median of {REPEATS} repeats after warm-up. "
        f"The prompt is random tokens; generation follows {SHORT} tokens. gradus generates with int8 activations.",
        "",
        f"Greedy answers of at most {ANSWER_TOKENS} tokens to {len(prompts())} prompts that are llama.cpp's, token for token, "
        f"and the perplexity of {rows[0]['page_tokens']} tokens of text:",
        "",
        "| file | MB | equal answers | equal tokens before the first other | gradus int8 | gradus bfloat16 | llama.cpp |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {row['file']} | {row['mb']:.0f} | {row['equal_answers']} of {row['answers']} | {row['equal_tokens']} "
            f"| {row['perplexity']['int8']:.3f} | {row['perplexity']['bfloat16']:.3f} | {row['perplexity']['llama.cpp']:.3f} |"
            for row in rows
        ),
    ]
    report.write(path)


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    modes = {"compare": compare, "quantize": quantize, "measure": measure, "answers": answers}
    if mode not in modes:
        raise SystemExit(f"unknown mode '{mode}'")
    modes[mode](*arguments)
