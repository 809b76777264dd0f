"""Sets the figures of `gradus bench kernels --json` against the peaks of peaks.c: a table for people. Called by roofline.sh."""

import json
import sys

# What holds a kernel back, by the beginning of its name; the longest that fits.
REASONS = {
    "encoder fp32 product": "Multiply-adds fill both vector units but for the loads and stores at a tile's ends.",
    "encoder fp32 product: up, GELU": "The exact GELU of the sums takes a quarter as long as the product.",
    "encoder bf16 product": "Widening takes turns with the multiply-adds on the same two units (see above).",
    "encoder bf16 product: up, GELU": "As the others, and the GELU of each sum.",
    "encoder int8 product":
        "Four products an instruction: loads of weights and the conversion of the sums weigh more than in fp32.",
    "encoder int8 product: up, GELU": "The GELU of the sums takes a sixth as long as the product.",
    "encoder fp32 attention": "Heads are 32 wide, so products are short, and softmax with its powers of two stands between them.",
    "encoder bf16 attention": "As in fp32; probabilities are rounded, keys, values and probabilities widened again on the way.",
    "encoder int8 attention": "Softmax, in fp32, takes longer than both products; tokens of queries, keys and values become bytes first.",
    "encoder rounding": "Reads, scales and packs; the largest value of a row must be known first, so a row is read twice.",
    "GELU, short": "Each multiply-add waits for the one before; minimum and maximum take the same units and do not count.",
    "GELU": "Division and exponential: a division takes as long as eight multiply-adds.",
    "decoder bf16 product of a token": "Weights are read once: the memory decides.",
    "decoder Q8_0 product of a token": "Weights are read once: the memory decides.",
    "decoder Q4_1 product of a token": "Weights are read once: the memory decides, also with nibbles to unpack.",
    "decoder bf16 product of a prompt": "Widening, as in the encoder.",
    "decoder Q8_0 product of a prompt": "Each panel is widened to bfloat16 first, for 96 rows; then as bf16.",
    "decoder Q4_1 product of a prompt": "Each panel is unpacked to bfloat16 first, for 96 rows; then as bf16.",
    "training fp32 product": "oneDNN's kernels; operands are copied into panels on each call.",
    "training bf16 product": "Both operands are rounded and packed on each call, beside the widening.",
    "training layer norm: forward":
        "Three passes over a row that lies in L1, with sums across the lanes between them; keeps the sum for the way back.",
    "training layer norm: backward":
        "Four passes over a row that lies in L1; the gradients of gain and bias are read and written for every row.",
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
            key = name, int(threads)
            found[key] = max(float(rate), found.get(key, 0))
    return found


def rate(kernel, name):
    """A rate at the kernel's best time, as the peaks are the best of theirs; JSON has it at the median."""
    value = kernel.get(name)
    return value and value * kernel["seconds"]["median"] / kernel["seconds"]["best"]


def share(kernel, peak, threads):
    """The larger share, and what it is of."""
    candidates = []
    arithmetic = kernel.get("arithmetic")
    operations = rate(kernel, "giga_operations_per_second")
    if arithmetic and operations:
        # Where bfloat16 products are multiply-adds of fp32 anyway, their peak is fp32's.
        if arithmetic == "bf16" and peak.get(("bf16", threads), 0) < peak["fp32", threads]:
            arithmetic = "fp32"
        if (arithmetic, threads) in peak:
            candidates.append((operations / peak[arithmetic, threads], arithmetic))
    size = kernel["gigabytes_per_second"] * kernel["seconds"]["median"] / threads * 1e9
    level = "32MB" if size > 1.5e6 else "L2"
    candidates.append((rate(kernel, "gigabytes_per_second") / peak[level, threads], level))
    return max(candidates)


def main(folder):
    peak = peaks(f"{folder}/peaks.txt")
    one = json.load(open(f"{folder}/one.json"))
    every = json.load(open(f"{folder}/all.json"))
    threads = every["threads"]
    print("# Kernels and the machine's peaks\n")
    print(open(f"{folder}/machine.txt").read().strip() + f". Kernels: {one['instruction_set']}. Best of 7 repeats of at least "
          "20 ms; peaks are the best of 5.\n")
    print(f"| peak | 1 thread | {threads} threads |\n|---|--:|--:|")
    for name, unit in [("fp32", "Gop/s"), ("bf16", "Gop/s"), ("int8", "Gop/s"), ("L1", "GB/s"), ("L2", "GB/s"),
                       ("32MB", "GB/s"), ("memory", "GB/s")]:
        if (name, 1) in peak:
            many = f"{peak[name, threads]:.0f}" if (name, threads) in peak else "not measured"
            print(f"| {name}, {unit} | {peak[name, 1]:.0f} | {many} |")
    if ("bf16", 1) in peak and peak["bf16", 1] < peak["fp32", 1]:
        print("\n**bf16.** This processor's bfloat16 products (`vdpbf16ps`) do fewer operations a second than its fp32 "
              "multiply-adds. The kernels find that out and widen to fp32 instead, with the same bits; shares in bf16 are "
              "therefore of fp32's peak.")
    print(f"\n| kernel | shape | µs | Gop/s | GB/s | share of its peak, 1 thread | {threads} threads: times as fast "
          "| what holds it back |")
    print("|---|---|--:|--:|--:|--:|--:|---|")
    both = {(k["kernel"], k["shape"]): k for k in every["kernels"]}
    for kernel in one["kernels"]:
        part, of = share(kernel, peak, 1)
        other = both[kernel["kernel"], kernel["shape"]]
        faster = rate(other, "gigabytes_per_second") / rate(kernel, "gigabytes_per_second")
        operations = rate(kernel, "giga_operations_per_second")
        print(f"| {kernel['kernel']} | {kernel['shape']} | {1e6 * kernel['seconds']['best']:.2f} | "
              f"{f'{operations:.0f}' if operations else ''} | {rate(kernel, 'gigabytes_per_second'):.1f} | {part:.0%} of {of} | "
              f"{faster:.2f} | {reason(kernel['kernel'])} |")


main(sys.argv[1])
