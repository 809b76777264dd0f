"""Runs the sides of a comparison in turn, and reports medians and ratios."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time

# Of the last minute before anything was measured.
LOAD_AT_START = os.getloadavg()[0]
STARTED = time.monotonic()


def call(arguments):
    """The JSON object that a command prints; its errors go to the terminal and end the script."""
    finished = subprocess.run([str(word) for word in arguments], stdout=subprocess.PIPE, text=True)
    if finished.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))}: exit code {finished.returncode}")
    return json.loads(finished.stdout)


def figures_output():
    """A file for the figures alone: what an engine prints on standard output, its progress say, goes to standard error."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return output


def gradus(*arguments):
    return call([os.environ["GRADUS"], *arguments, "--json"])


def threads():
    return int(os.environ["THREADS"])


def alternate(sides, label="", rounds=None):
    """Calls every side once a round, A B A B ..., and gives each one's list of results.

    sides: name -> function without arguments. Each call is a process of its own, so that neither side's memory, threads or
    warm caches reach the other. With RESUME, a file, results are kept there, and what it has is not measured again; with
    STOP_AFTER, no measurement begins later than that after the start, and the script ends with code 75 to be called again.
    """
    results = {name: [] for name in sides}
    for number in range(rounds or int(os.environ["ROUNDS"])):
        for name, measure in sides.items():
            results[name].append(kept(f"{label}, round {number + 1}: {name}", measure))
    return results


def kept(key, measure):
    """A result from the file RESUME, or else measured now and kept there."""
    path = os.environ.get("RESUME")
    known = {}
    if path and os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
    if key not in known:
        if time.monotonic() - STARTED > float(os.environ.get("STOP_AFTER", "inf")):
            raise SystemExit(75)
        print(key, file=sys.stderr)
        known[key] = measure()
        if path:
            with open(path + ".new", "w", encoding="utf-8") as file:
                json.dump(known, file)
            os.replace(path + ".new", path)
    return known[key]


class Report:
    """JSON lines on standard output, and the same figures as a table in a file."""

    def __init__(self, title, notes):
        self.title = title
        self.notes = notes
        self.rows = []
        self.sections = []

    def compare(self, what, unit, ours, peers, higher_is_better, peak_mb=None):
        """One line: medians over the rounds, and for each rival the median of the rounds' ratios; above 1, we are better.

        ours: a value a round. peers: name -> a value a round. peak_mb: name -> a value a round, 'gradus' being ours.
        """
        row = {"what": what, "unit": unit, "rounds": len(ours), "gradus": statistics.median(ours), "peers": {}}
        for name, values in peers.items():
            ratios = [our / peer if higher_is_better else peer / our for our, peer in zip(ours, values, strict=True)]
            row["peers"][name] = {
                "median": statistics.median(values),
                "ratio": round(statistics.median(ratios), 3),
                "ratios": [round(ratio, 3) for ratio in ratios],
            }
        if peak_mb:
            row["peak_mb"] = {name: round(statistics.median(values)) for name, values in peak_mb.items()}
        self.rows.append(row)
        print(json.dumps(row), flush=True)

    def agreement(self, what, difference, tolerance):
        """A difference that must not exceed the tolerance; the script fails at the end where it does."""
        row = {"what": what, "difference": difference, "tolerance": tolerance, "agrees": difference <= tolerance}
        self.rows.append(row)
        print(json.dumps(row), flush=True)

    def write(self, path):
        lines = [f"# {self.title}", "", machine(), "", *self.notes, ""]
        timed = [row for row in self.rows if "peers" in row]
        if timed:
            lines += [
                "| | unit | gradus | rival | rival's | ratio (of each round) | peak MB, gradus / rival |",
                "|---|---|---|---|---|---|---|",
            ]
        for row in timed:
            for name, peer in row["peers"].items():
                peaks = row.get("peak_mb", {})
                memory = f"{peaks['gradus']} / {peaks[name]}" if name in peaks else ""
                each = ", ".join(f"{ratio:.2f}" for ratio in peer["ratios"])
                lines.append(
                    f"| {row['what']} | {row['unit']} | {figure(row['gradus'])} | {name} | {figure(peer['median'])} "
                    f"| **{peer['ratio']:.2f}** ({each}) | {memory} |"
                )
        if timed:
            lines += ["", "A ratio above 1 means that gradus is better; it is the median of the rounds' ratios."]
        checks = [row for row in self.rows if "agrees" in row]
        for row in checks:
            verdict = "agree" if row["agrees"] else "DO NOT AGREE"
            lines += ["", f"{row['what']}: {verdict}; difference {row['difference']:.2g}, allowed {row['tolerance']:g}."]
        for section in self.sections:
            lines += ["", *section]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        if not all(row["agrees"] for row in checks):
            raise SystemExit("the sides do not agree: their speeds cannot be compared")


def figure(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def machine():
    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), name)
    version = subprocess.run([os.environ["GRADUS"], "--version"], stdout=subprocess.PIPE, text=True, check=True)
    return (
        f"{name}, {os.cpu_count()} processors, {platform.system()} {platform.machine()}; {version.stdout.strip()}; "
        f"{threads()} threads a side unless said otherwise; "
        f"load average {LOAD_AT_START:.2f} before, {os.getloadavg()[0]:.2f} after."
    )
