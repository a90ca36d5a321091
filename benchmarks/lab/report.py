#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Turn the results of lab.py into RESULTS.md and pictures.

    report.py                     benchmarks/results/*.json -> benchmarks/RESULTS.md
    report.py --print             say how the goals were met, too

The pictures need gnuplot; without it there are only tables.  A figure that the results
lack is printed as "-".
"""

import argparse
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

LAB = Path(__file__).resolve().parent
RESULTS = LAB.parent / "results"
OUTPUT = LAB.parent / "RESULTS.md"

# What knumad is meant to reach: (workload, pages, topology, limits).  Shares are in percent.
GOALS = [
    ("sweep", "thp", "2x2", {"local": 97, "last_third": 99.5, "hint_faults": 0}),
    ("sweep", "4k", "2x2", {"local": 96, "last_third": 99.5, "hint_faults": 0,
                            "system_vs_off": 1.3}),
    ("numa-multi", "thp", "4x2", {"local": 92, "last_third": 99, "hint_faults": 0}),
    ("numa-multi", "4k", "4x2", {"local": 92, "hint_faults": 0, "system_vs_off": 1.3}),
]
WORST_BELOW = 3         # points that the worst seed may lie below the limit of a share
LOSES_POINTS = 0.5      # of a share
LOSES_SYSTEM = 1.10     # times the system time
REACHED = 0.95          # of the local share of hard-bound ...
STAYS = 1.0             # ... in every so many seconds

BALANCERS = {"off": "balancing off", "mainline": "mainline", "knumad": "knumad",
             "bound": "hard-bound"}
PAGES = ("thp", "4k", "mthp")
LOSES = " **loses**"
GOAL_NAMES = {
    "local": ("local share, whole run", "at least {} %"),
    "last_third": ("local share, last third", "at least {} %"),
    "hint_faults": ("hinting faults, any seed", "at most {}"),
    "system_vs_off": ("system time, times that of off", "at most {}"),
}

LEGEND = f"""\
## What the figures mean

Everything is counted in an emulated machine (QEMU without acceleration). Every load and store
of user space is counted by the node of the CPU and the node of the memory. Seconds are guest
time: 16 ns for each instruction, of all CPUs together, and the time in which all of them idle.

- **Limits.** There is no latency, no cache and no bandwidth in it: all memory is equally near.
  The figures say who accesses what and what the balancing costs in instructions, not how much
  faster a program gets. Guest seconds are good for comparing rows, not for predicting hardware.
- A figure is the **median of the seeds, with the worst seed after the slash**, or the only one
  if there is one seed: only mainline and knumad run with several.
- **local**: the share of all accesses that went to the node of the CPU; **last third**: the
  same for the last third of the time, when balancing should be over.
- **distance**: the mean distance of an access, 1 is local.
- **settled**: guest seconds after which the local share was {REACHED:.0%} of that of hard-bound in
  every stretch of {STAYS:g} s but the last, in which programs end; "never" if there was no such
  time.
- **faults**: NUMA hinting faults; **moved**: pages of 4 KiB moved; **splits**: huge pages split.
- **system**: time in kernel code of the whole guest, balancing threads included, and how many
  times that of balancing off; **balancer**: CPU time of balancing threads by the guest's clock,
  which goes on for all CPUs while one executes: with four busy CPUs it is four times what they
  add to system (mainline has no threads: it works in the time of the application).
- **stall**: the time an application thread spent in one go inside NUMA work (hinting fault,
  scan, waiting for a page that is being moved): the longest of all seeds, and the median of
  the 99.9th percentiles of the seeds that had any.
- **Pictures** of one workload show the first seed; line and bar pictures of all, the median.
- **hard-bound**: bound by hand to the nodes where it should be, without a balancer.
- **loses**: knumad is worse than mainline: median or worst local share more than
  {LOSES_POINTS} points lower, or median system time more than {LOSES_SYSTEM - 1:.0%} higher.
"""


# --- Figures of one run ---

def number(value):
    """value if it is a finite number, otherwise None."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return value if good else None


def dig(run, *names):
    """run[name][name]..., None where there is none."""
    for name in names:
        run = run.get(name) if isinstance(run, dict) else None
    return run


def matrix(value):
    """value if it is a square matrix of numbers that are not all zero, otherwise None."""
    if not isinstance(value, list) or not all(
            isinstance(row, list) and len(row) == len(value)
            and all(number(cell) is not None for cell in row) for row in value):
        return None
    return value if sum(map(sum, value)) > 0 else None


def accesses(run):
    """Loads and stores of user space, added."""
    kinds = [dig(run, "user", kind) for kind in ("loads", "stores")]
    try:
        return matrix([[sum(cells) for cells in zip(*rows, strict=True)]
                       for rows in zip(*kinds, strict=True)])
    except (TypeError, ValueError):
        return None


def share(counts):
    """The local percentage."""
    counts = matrix(counts)
    return counts and 100 * sum(row[i] for i, row in enumerate(counts)) / sum(map(sum, counts))


def distance(run):
    counts, table = accesses(run), matrix(dig(run, "topology", "distances"))
    if not counts or not table or len(counts) != len(table):
        return None
    weighted = sum(count * far for row, distances in zip(counts, table)
                   for count, far in zip(row, distances))
    return weighted / 10 / sum(map(sum, counts))


def course(run):
    """[(seconds, local percentage or None)], a pair per interval, with its begin; its length."""
    length, counts = (dig(run, "intervals", name) for name in ("seconds", "accesses"))
    if not number(length) or length < 0 or not isinstance(counts, list):
        return [], None
    return [(i * length, share(interval)) for i, interval in enumerate(counts)], length


def settled(run, target):
    """From when on the local share of each second reached target; inf: never; None: not known.

    An interval without any access neither helps nor harms.
    """
    points, length = course(run)
    known = [point for point in points if point[1] is not None]
    if target is None or not known or not length:
        return None
    window = min(round(STAYS / length), len(known)) or 1
    known = known[:-window] or known    # the programs end
    good = math.inf
    for i in range(len(known) - window, -1, -1):
        if statistics.mean(value for _, value in known[i:i + window]) < target:
            break
        good = known[i][0]
    return good


def stall(run, name):
    """max_ns or p999_ns in us; None if no thread stalled."""
    value = number(dig(run, "stalls", name))
    return value / 1000 if value is not None and dig(run, "stalls", "count") else None


def seed(run):
    """What to sort by: those without a seed last."""
    value = number(run.get("seed"))
    return math.inf if value is None else value


FIGURES = {
    "local": lambda run: share(accesses(run)),
    "last_third": lambda run: share(dig(run, "last_third")),
    "distance": distance,
    **{name: lambda run, name=name: number(dig(run, "counters", name))
       for name in ("hint_faults", "pages_moved", "thp_splits")},
    **{name: lambda run, name=name: number(dig(run, "cpu", name))
       for name in ("system_s", "balancer_s")},
    "stall_max": lambda run: stall(run, "max_ns"),
    "stall_p999": lambda run: stall(run, "p999_ns"),
}


# --- Figures of the seeds of a workload under a balancer ---

class Case:
    """A workload with its pages and topology: the runs under each balancer, by seed."""

    def __init__(self, key):
        self.workload, self.pages, self.topology = key
        self.key, self.runs = key, {}
        self.target = None

    def add(self, run):
        self.runs.setdefault(run["balancer"], []).append(run)

    def finish(self):
        self.runs = {balancer: sorted(self.runs[balancer], key=seed)
                     for balancer in BALANCERS if balancer in self.runs}
        best = self.median("bound", "local")
        self.target = best and best * REACHED

    @property
    def name(self):
        return f"{self.workload}, {self.pages}, {self.topology}"

    @property
    def title(self):
        titles = (run.get("title") for runs in self.runs.values() for run in runs)
        return next((str(title) for title in titles if title), "")

    @property
    def file(self):
        return re.sub(r"[^\w.-]", "_", "-".join(self.key))

    def heading(self, what):
        """Of a picture of the first seed of each balancer."""
        seeds_shown = sorted({str(runs[0].get("seed", "-")) for runs in self.runs.values()})
        return f"{self.name}: {what} (seed {', '.join(seeds_shown)})\n{self.title}"

    def values(self, balancer, figure):
        if figure == "settled":
            values = [settled(run, self.target) for run in self.runs.get(balancer, [])]
        elif figure == "system_vs_off":
            off = self.median("off", "system_s")
            values = [value / off for value in self.values(balancer, "system_s")] if off else []
        else:
            values = [FIGURES[figure](run) for run in self.runs.get(balancer, [])]
        return [value for value in values if value is not None]

    def median(self, balancer, figure):
        values = self.values(balancer, figure)
        return statistics.median(values) if values else None

    def loses(self, figure, pick=statistics.median):
        """Whether knumad is worse than mainline, by pick (median, min) of the seeds."""
        ours, theirs = self.values("knumad", figure), self.values("mainline", figure)
        if not ours or not theirs:
            return False
        if figure == "system_s":
            return pick(ours) > pick(theirs) * LOSES_SYSTEM
        return pick(ours) < pick(theirs) - LOSES_POINTS

    def loses_any(self):
        return self.loses("system_s") or any(
            self.loses(figure, pick) for figure in ("local", "last_third")
            for pick in (statistics.median, min))


def load(directory):
    """(cases, runs, what could not be read)"""
    cases, runs, bad = {}, [], []
    for path in sorted(directory.glob("*.json")):
        try:
            run = json.loads(path.read_text())
            if dig(run, "schema") != 1:
                raise ValueError("not of schema 1")
            if run.get("balancer") not in list(BALANCERS):
                raise ValueError(f"unknown balancer {run.get('balancer')}")
            key = (run["workload"], run["pages"], dig(run, "topology", "name"))
            if not all(isinstance(word, str) for word in key):
                raise ValueError("no workload, pages or topology")
        except (OSError, ValueError, KeyError) as error:
            bad.append(f"{path.name}: {error or 'no ' + str(error)}")
            continue
        runs.append(run)
        cases.setdefault(key, Case(key)).add(run)
    for case in cases.values():
        case.finish()
    goals = [goal[:3] for goal in GOALS]

    def order(key):
        workload, pages, topology = key
        return (goals.index(key) if key in goals else len(goals), topology, workload,
                PAGES.index(pages) if pages in PAGES else len(PAGES), pages)

    return [cases[key] for key in sorted(cases, key=order)], runs, bad


# --- Tables ---

def text(value, digits=0):
    if value is None:
        return "-"
    return "never" if value == math.inf else f"{value:,.{digits}f}"


def seeds(values, digits, worst=max, marks=("", "")):
    """"median / worst", or the only value."""
    if not values:
        return "-"
    cell = text(statistics.median(values), digits) + marks[0]
    return cell if len(values) == 1 else f"{cell} / {text(worst(values), digits)}{marks[1]}"


def table(head, *rows):
    """Markdown; the first column to the left, the others to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
                     for row in lines) + "\n"


def headline_cell(case, balancer):
    values = case.values(balancer, "local")
    if not values:
        return "-"
    loses = balancer == "knumad" and (case.loses("local") or case.loses("local", min))
    worst = f" ({text(min(values), 1)})" if len(values) > 1 else ""
    return text(statistics.median(values), 1) + worst + (LOSES if loses else "")


def headline(cases):
    return [["workload", *BALANCERS.values()]] + [
        [case.name, *(headline_cell(case, balancer) for balancer in BALANCERS)] for case in cases]


def judge(case, figure, limit):
    """(the figure as text, whether it reaches limit; None if a seed lacks it)"""
    values = case.values("knumad", figure) if case else []
    if not values or len(values) < len(case.runs["knumad"]):
        return "-", None
    middle = statistics.median(values)
    if figure in ("local", "last_third"):
        good = middle >= limit and min(values) >= limit - WORST_BELOW
        return seeds(values, 2, min) + " %", good
    if figure == "hint_faults":
        return text(max(values)), max(values) <= limit
    return seeds(values, 2), middle <= limit


def goals(cases):
    by_key = {case.key: case for case in cases}
    rows = [["workload", "goal of knumad", "limit", "median / worst", "seeds", "result"]]
    for *key, limits in GOALS:
        case = by_key.get(tuple(key))
        for figure, limit in limits.items():
            what, bound = GOAL_NAMES[figure]
            value, good = judge(case, figure, limit)
            result = {True: "reached", False: "**NOT reached**", None: "not measured"}[good]
            count = str(len(case.runs.get("knumad", []))) if case else "-"
            rows.append([", ".join(key), what, bound.format(limit), value, count, result])
    return rows


def details(case):
    """The table of a case, a row per balancer."""
    rows = []
    for balancer, runs in case.runs.items():
        def values(figure, balancer=balancer):
            return case.values(balancer, figure)

        def shares(figure, balancer=balancer):
            marks = ["", ""]
            if balancer == "knumad":
                marks = [LOSES if case.loses(figure, pick) else ""
                         for pick in (statistics.median, min)]
            return seeds(case.values(balancer, figure), 2, min, marks)

        system = text(case.median(balancer, "system_s"), 2)
        ratio = case.median(balancer, "system_vs_off")
        if ratio is not None:
            system += f" (x {ratio:.2f})"
        if balancer == "knumad" and case.loses("system_s"):
            system += LOSES
        longest = values("stall_max")
        rows.append([
            BALANCERS[balancer] + (LOSES if balancer == "knumad" and case.loses_any() else ""),
            str(len(runs)), shares("local"), shares("last_third"),
            text(case.median(balancer, "distance"), 3), seeds(values("settled"), 2),
            text(case.median(balancer, "hint_faults")), text(case.median(balancer, "pages_moved")),
            text(case.median(balancer, "thp_splits")), system,
            text(case.median(balancer, "balancer_s"), 2),
            text(max(longest) if longest else None),
            text(case.median(balancer, "stall_p999"))])
    return table(["balancer", "seeds", "local %", "last third %", "distance", "settled s", "faults",
                  "moved", "splits", "system s (vs off)", "balancer s", "longest stall µs",
                  "99.9 % stall µs"], *rows)


def summary(cases):
    """One sentence on who wins."""
    both = [case for case in cases if {"mainline", "knumad"} <= case.runs.keys()]
    losing = [case.name for case in both if case.loses_any()]
    if not both:
        return "Nothing has been measured under both mainline and knumad."
    if not losing:
        return (f"knumad is not worse than mainline, in local share or system time, in any of "
                f"{len(both)} workloads.")
    return (f"knumad **loses** to mainline, in one figure or another, in {len(losing)} of "
            f"{len(both)} workloads: {'; '.join(losing)}.")


def made_with(runs):
    """A table of the versions; each value with its number of runs if there are several."""
    rows = []
    for name, title in (("kernel", "kernel"), ("qemu", "QEMU"), ("commit", "knumad, commit"),
                        ("made_by", "command")):
        found = Counter(str(run.get(name) or "-") for run in runs)
        rows.append([title, ", ".join(
            f"`{value}`" + (f" ({count} of {len(runs)})" if len(found) > 1 else "")
            for value, count in found.most_common()) or "-"])
    return table([f"{len(runs)} runs made with", ""], *rows).replace("---:", "---")


def document(cases, runs, bad, made, link):
    """RESULTS.md; made: {name of a picture: its SVG}."""
    def picture(name, alt):
        return [f"![{alt}]({link}/{made[name].name})\n"] if name in made else []

    parts = ["<!-- Made by benchmarks/lab/report.py: do not edit. -->\n# Results\n",
             "Local share of all accesses of user space, percent: median of the seeds, "
             "the worst in brackets.\n",
             table(*headline(cases)),
             summary(cases) + "\n", *picture("headline", "local share of all workloads"),
             "## Goals\n", "The worst seed may lie at most "
             f"{WORST_BELOW} points below the limit of a share.\n",
             table(*goals(cases)),
             "## How it was made\n", made_with(runs)]
    if bad:
        parts.append("Left out:\n\n" + "\n".join(f"- {line}" for line in bad) + "\n")
    parts += [LEGEND, "## Workloads\n", *picture("bars", "hinting faults and pages moved")]
    for case in cases:
        parts += [f"### {case.name}\n", case.title + "\n", details(case),
                  *picture(f"{case.file}-local", f"{case.name}: local share over time"),
                  *picture(f"{case.file}-matrices", f"{case.name}: nodes before and after"),
                  *picture(f"{case.file}-stalls", f"{case.name}: stalls")]
    return "\n".join(parts)


# --- Pictures ---

def quoted(value):
    """A string of gnuplot; lines are joined outside of the quotes, where \\n means something."""
    lines = ("'" + line.replace("'", "''") + "'" for line in str(value).split("\n"))
    return ' . "\\n" . '.join(lines)


def array(name, values):
    """Declares it."""
    values = list(values)
    lines = [f"array {name}[{len(values)}]"]
    for i, value in enumerate(values, 1):
        lines.append(f"{name}[{i}] = {quoted(value) if isinstance(value, str) else value}")
    return "\n".join(lines) + "\n"


def blocks(series):
    """$data of a list of lists of tuples; an empty block gets a point nobody sees."""
    return "$data << END\n" + "\n\n".join(
        "".join(" ".join("NaN" if x is None else f"{x:.9g}" for x in point) + "\n"
                for point in points or [(math.nan,) * 4]) for points in series) + "END\n"


class Pictures:
    """Draws with gnuplot into a directory; .made is what there is."""

    def __init__(self, directory):
        self.directory, self.made = directory, {}
        self.gnuplot = shutil.which("gnuplot")

    def forget(self, name):
        """Nothing to draw: an older picture would be misleading."""
        for suffix in ("svg", "png"):
            (self.directory / f"{name}.{suffix}").unlink(missing_ok=True)

    def draw(self, name, template, kinds, size, series, heading, **settings):
        kind = list(BALANCERS)
        script = blocks(series)
        script += f"N = {len(kinds)}\nwidth = {size[0]:.1f}\nheight = {size[1]:.1f}\n"
        script += f"heading = {quoted(heading)}\n"
        script += array("name", [BALANCERS[word] for word in kinds])
        script += array("kind", [kind.index(word) + 1 for word in kinds])
        for key, value in settings.items():
            script += array(key, value) if isinstance(value, list) else f"{key} = {value}\n"
        for suffix in ("svg", "png"):
            script += (f"format = '{suffix}'\nload 'style.gp'\n"
                       f"set output {quoted(self.directory / f'{name}.{suffix}')}\n"
                       f"load '{template}.gp'\nunset output\n")
        done = subprocess.run([self.gnuplot, "-"], input=script, text=True, cwd=LAB,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            self.forget(name)
            print(f"report.py: no picture {name}: {done.stdout.strip()}", file=sys.stderr)
        else:
            self.made[name] = self.directory / f"{name}.svg"

    def local(self, case):
        """The first seed of each balancer."""
        points = {balancer: course(runs[0])[0] for balancer, runs in case.runs.items()}
        points = {balancer: line for balancer, line in points.items()
                  if any(value is not None for _, value in line)}
        name = f"{case.file}-local"
        if not points:
            return self.forget(name)
        return self.draw(name, "local", points, (860, 470), points.values(),
                         case.heading("local share"),
                         gap=max(map(len, points.values())) // 9)

    def matrices(self, case):
        name, series, kinds = f"{case.file}-matrices", [], []
        first = {balancer: [matrix(runs[0].get(when)) for when in ("before", "after")]
                 for balancer, runs in case.runs.items()}
        first = {balancer: pair for balancer, pair in first.items() if any(pair)}
        kinds, pairs = list(first), list(first.values())
        sizes = {len(counts) for pair in pairs for counts in pair if counts}
        if len(sizes) != 1:
            return self.forget(name)
        nodes = sizes.pop()
        for counts in [pair[when] for when in (0, 1) for pair in pairs]:
            whole = sum(map(sum, counts)) if counts else None
            series.append([(x, y, 100 * counts[y][x] / whole if counts else -1)
                           for y in range(nodes) for x in range(nodes)])
        panel = 170 if nodes < 4 else 60 * nodes
        needed = (panel + 36) * len(kinds) + 74
        width = max(needed, 640)
        around = {"left": 95.0, "right": width - needed + 15.0, "top": 80.0, "bottom": 55.0,
                  "gap": 36.0}
        return self.draw(
            name, "matrices", kinds, (width, 2 * panel + 171), series,
            case.heading("share of all accesses by node"), nodes=nodes,
            most=max(point[2] for points in series for point in points),
            when=["before: first second", "after: last second"], letters=11 if nodes < 4 else 10,
            **around)

    def stalls(self, case):
        """The first seed of each balancer: others ran less often, and would look better."""
        series = {}
        for balancer, runs in case.runs.items():
            bins = dig(runs[0], "stalls", "log2_ns")
            points = sorted((int(key), count)
                            for key, count in (bins if isinstance(bins, dict) else {}).items()
                            if key.isdigit() and int(key) < 64 and number(count))
            if points:
                series[balancer] = points
        name = f"{case.file}-stalls"
        if not series:
            return self.forget(name)
        bins = [key for points in series.values() for key, _ in points]
        first, last = min(bins), max(bins) + 1
        edges = [2 ** exponent / 1000 for exponent in range(first, last + 1)]
        return self.draw(name, "stalls", series, (max(640, 66 * len(edges)), 450), series.values(),
                         case.heading("stalls"), first=first, last=last,
                         edges=[f"{edge:.3g}" if edge < 1000 else f"{edge:.0f}" for edge in edges])

    @staticmethod
    def groups(cases):
        return [f"{case.workload}\n{case.pages}\n{case.topology}" for case in cases]

    def bars(self, cases):
        kinds = [word for word in BALANCERS if any(word in case.runs for case in cases)]
        series = [[(i, case.median(balancer, figure)) for i, case in enumerate(cases, 1)
                   if case.values(balancer, figure)]
                  for figure in ("hint_faults", "pages_moved") for balancer in kinds]
        if not any(series[:len(kinds)]) or not any(series[len(kinds):]):
            return self.forget("bars")
        return self.draw(
            "bars", "bars", kinds, (max(780, 84 * len(cases) + 130), 640), series,
            "Hinting faults and pages moved: median of the seeds", groups=self.groups(cases),
            most=max([10] + [value for points in series for _, value in points]),
            what=["hinting faults (count)", "pages moved (4 KiB)"])

    def headline(self, cases):
        kinds = [word for word in BALANCERS
                 if any(case.values(word, "local") for case in cases)]
        series = [[(i, statistics.median(values), min(values), max(values))
                   for i, case in enumerate(cases, 1)
                   if (values := case.values(balancer, "local"))] for balancer in kinds]
        bars = sum(word != "bound" for word in kinds)
        if not bars:
            return self.forget("headline")
        return self.draw(
            "headline", "headline", kinds, (max(780, 84 * len(cases) + 110), 500), series,
            "Local share of all accesses: median, whiskers from worst to best seed",
            groups=self.groups(cases), bars=bars)

    def all(self, cases):
        if not self.gnuplot:
            print("report.py: no pictures without gnuplot: apt-get install gnuplot-nox",
                  file=sys.stderr)
            return
        self.headline(cases)
        self.bars(cases)
        for case in cases:
            self.local(case)
            self.matrices(case)
            self.stalls(case)


def aligned(rows):
    """Rows for the terminal."""
    rows = [[cell.replace("**", "") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                     for row in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--results", type=Path, default=RESULTS, help="directory of the results")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the report (Markdown)")
    parser.add_argument("--print", action="store_true", help="print goals and headline, too")
    args = parser.parse_args()

    directory = args.results.resolve()
    cases, runs, bad = load(directory)
    for line in bad:
        print(f"report.py: left out {line}", file=sys.stderr)
    if not cases:
        parser.exit(1, f"report.py: no results in {args.results}: make bench\n")
    pictures = Pictures(directory)
    pictures.all(cases)
    link = os.path.relpath(directory, args.output.resolve().parent)
    args.output.write_text(document(cases, runs, bad, pictures.made, link))
    if args.print:
        print(aligned(goals(cases)), aligned(headline(cases)), summary(cases).replace("**", ""),
              sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
