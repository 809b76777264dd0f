"""Sets the figures of `gradus bench kernels --json` against the peaks of peaks.c: a table for people. Called by roofline.sh."""

import json
import sys

# What holds a kernel back, by the beginning of its name; the longest that fits.
REASONS = {
    "encoder fp32 product": "Products fill both vector units; what is left are the loads and stores at a tile's ends.",
    "encoder fp32 product: up, GELU": "The exact GELU of each sum takes a third as long as the sum itself.",
    "encoder bf16 product": "Widening takes turns with the multiply-adds on the same two units (see the note on bf16).",
    "encoder bf16 product: up, GELU": "As the others, and the GELU of each sum.",
    "encoder int8 product": "A sum of four products an instruction: loads of weights and the conversion of sums weigh more than in fp32.",
    "encoder int8 product: up, GELU": "The product is so fast that the GELU of its sums takes as long as the product.",
    "encoder fp32 attention": "Heads are 32 wide: tiles are short, and softmax, with its powers of two, comes between the two products.",
    "encoder bf16 attention": "As in fp32; keys and values are half the size, and are widened.",
    "encoder rounding": "Reads, scales and packs; the largest value of a row must be known first, so a row is read twice.",
    "layer norm": "Two passes over a row that lies in L1, with sums across the lanes between them; writes two results.",
    "GELU, short": "Eleven dependent multiply-adds a vector; several vectors are under way at a time, but not enough to hide all.",
    "GELU": "Division and exponential: a division takes as long as eight multiply-adds.",
    "decoder bf16 product of a token": "Weights are read once: the memory decides.",
    "decoder Q8_0 product of a token": "Weights are read once: the memory decides.",
    "decoder Q4_1 product of a token": "Unpacking nibbles costs as much as the products, and the scales of each block must be applied.",
    "decoder bf16 product of a prompt": "Widening, as in the encoder.",
    "decoder Q8_0 product of a prompt": "Each panel is widened to bfloat16 first, for 96 rows; then as bf16.",
    "decoder Q4_1 product of a prompt": "Each panel is unpacked to bfloat16 first, for 96 rows; then as bf16.",
    "training fp32 product": "oneDNN's kernels; operands are copied into panels on each call.",
    "training bf16 product": "Both operands are rounded and packed on each call, beside the widening.",
    "postings: decode": "A chain of additions from gap to gap, by prefix sums in a register; the bytes hardly matter.",
    "postings: BM25": "A division in double precision for each posting, and a gathered length.",
    "top-k": "Most scores fail the comparison with the k-th best; a selection among those that pass ends it.",
}


def reason(name):
    fitting = [key for key in REASONS if name.startswith(key)]
    return REASONS[max(fitting, key=len)] if fitting else ""


def peaks(path):
    found = {}
    with open(path) as lines:
        for line in lines:
            name, threads, rate = line.split()
            found[name, int(threads)] = float(rate)
    return found


def share(kernel, peak, threads):
    """The larger share, and what it is of."""
    candidates = []
    arithmetic = kernel.get("arithmetic")
    operations = kernel.get("giga_operations_per_second")
    if arithmetic and operations:
        # Where bfloat16 products are multiply-adds of fp32 anyway, their peak is fp32's.
        best = max(peak.get((arithmetic, threads), 0), peak["fp32", threads] if arithmetic == "bf16" else 0)
        if best:
            candidates.append((operations / best, arithmetic))
    size = kernel["gigabytes_per_second"] * kernel["seconds"]["median"] / threads * 1e9
    level = "32MB" if size > 1.5e6 else "L2"
    candidates.append((kernel["gigabytes_per_second"] / peak[level, threads], level))
    return max(candidates)


def main(folder):
    peak = peaks(f"{folder}/peaks.txt")
    one = json.load(open(f"{folder}/one.json"))
    every = json.load(open(f"{folder}/all.json"))
    threads = every["threads"]
    print("# Kernels and the machine's peaks\n")
    print(open(f"{folder}/machine.txt").read().strip() + f". Kernels: {one['instruction_set']}. Median of 7 repeats of at least "
          "20 ms; peaks are the best of 5.\n")
    print(f"| peak | 1 thread | {threads} threads |\n|---|--:|--:|")
    for name, unit in [("fp32", "Gop/s"), ("bf16", "Gop/s"), ("int8", "Gop/s"), ("L1", "GB/s"), ("L2", "GB/s"),
                       ("32MB", "GB/s"), ("memory", "GB/s")]:
        if (name, 1) in peak:
            print(f"| {name}, {unit} | {peak[name, 1]:.0f} | {peak.get((name, threads), float('nan')):.0f} |")
    if ("bf16", 1) in peak and peak["bf16", 1] < peak["fp32", 1]:
        print("\n**bf16.** This processor's bfloat16 products (`vdpbf16ps`) do fewer operations a second than its fp32 "
              "multiply-adds. The kernels find that out and widen to fp32 instead, with the same bits; shares in bf16 are "
              "therefore of fp32's peak.")
    print(f"\n| kernel | shape | µs | Gop/s | GB/s | share of | 1 thread | {threads} threads | what holds it back |")
    print("|---|---|--:|--:|--:|---|--:|--:|---|")
    both = {(k["kernel"], k["shape"]): k for k in every["kernels"]}
    for kernel in one["kernels"]:
        part, of = share(kernel, peak, 1)
        other, _ = share(both[kernel["kernel"], kernel["shape"]], peak, threads)
        operations = kernel.get("giga_operations_per_second")
        print(f"| {kernel['kernel']} | {kernel['shape']} | {1e6 * kernel['seconds']['median']:.2f} | "
              f"{f'{operations:.0f}' if operations else ''} | {kernel['gigabytes_per_second']:.1f} | {of} | {part:.0%} | "
              f"{other:.0%} | {reason(kernel['kernel'])} |")


main(sys.argv[1])
