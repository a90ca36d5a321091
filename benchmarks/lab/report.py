#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Turn the results of lab.py into RESULTS.md and pictures.

    report.py                     benchmarks/results/*.json -> benchmarks/RESULTS.md
    report.py --print             say how the goals were met, too

What scripts/overhead.py measured is taken from overhead.json among the results, if it is
there.  The pictures need gnuplot; without it there are only tables.  A figure that the results
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

INSN = 16e-9            # seconds that an instruction takes the guest

# What knumad is meant to reach: (workload, pages, topology, limits).  Shares are in percent.
GOALS = [
    ("sweep", "thp", "2x2", {"local": 97, "last_third": 99.5, "hint_faults": 0}),
    ("sweep", "4k", "2x2", {"local": 96, "last_third": 99.5, "hint_faults": 0,
                            "application_vs_off": 1.3, "system_vs_off": 1.3}),
    ("numa-multi", "thp", "4x2", {"local": 92, "last_third": 99, "hint_faults": 0}),
    ("numa-multi", "4k", "4x2", {"local": 92, "hint_faults": 0, "application_vs_off": 1.3,
                                 "system_vs_off": 1.3}),
    ("settled", "thp", "2x2big", {"balancer_share": 0.05, "hint_faults": 0,
                                   "observed_moves": 0}),
    # Half of 128 MiB is misplaced: 16,384 pages.
    ("slices", "thp", "2x2", {"local": 98, "last_third": 99.5, "hint_faults": 400,
                              "pages_moved": 18022}),
    ("slices", "4k", "2x2", {"local": 97, "last_third": 99, "faults_vs_mainline": 0.031,
                             "system_vs_off": 1.2}),
    ("slices-2", "thp", "2x2", {"local": 98, "hint_faults": 0}),
    ("pairs", "thp", "2x2", {"local": 97, "pages_moved": 19661}),
    ("slices-8", "thp", "uneven", {"last_third": 98, "distance_vs_bound": 1.02}),
    # No more than one move per page and phase: half of it is misplaced at first, and all of it
    # may be so in the next two phases.
    ("rotate", "thp", "2x2", {"local_over_mainline": 0, "pages_moved": 81920}),
    ("shared", "thp", "2x2", {"most_on_node": 55}),
    ("slices-1g", "4k", "2x2big", {"stall_vs_mainline": 0.05}),
    ("slices-settled", "thp", "2x2big", {"work_per_second": 1}),
    ("numa-span", "thp", "4x2", {"local_over_mainline": 10, "faults_vs_mainline": 0.062}),
    ("numa-span", "4k", "4x2", {"local_over_mainline": 10, "faults_vs_mainline": 0.062}),
]
# What overhead.py measures, which has a limit of its own
OVERHEAD = ["fork+exit", "fork+exec+exit", "pipe", "messaging"]
GOAL_SEEDS = 5          # of knumad; with fewer a goal is not measured
WORST_BELOW = 3         # points that the worst seed may lie below the limit of a share
LOSES_POINTS = 0.5      # of a share
LOSES_SYSTEM = 1.10     # times the system time
LOSES_SECONDS = 1.03    # times the duration
REACHED = 0.95          # of the local share of hard-bound ...
STAYS = 1.0             # ... in every so many seconds

BALANCERS = {"off": "balancing off", "mainline": "mainline", "knumad": "knumad",
             "bound": "hard-bound"}
PAGES = ("thp", "4k", "mthp")
LOSES = " **loses**"
SHARES = ("local", "last_third")
GOAL_NAMES = {
    "local": ("local share, whole run", "at least {} %"),
    "last_third": ("local share, last third", "at least {} %"),
    "hint_faults": ("hinting faults", "at most {}"),
    "pages_moved": ("pages moved", "at most {}"),
    "observed_moves": ("pages moved since the marker", "at most {}"),
    "local_over_mainline": ("local share, points over mainline's", "at least {}"),
    "most_on_node": ("accesses to the node that has most, median of the last third",
                     "at most {} %"),
    "faults_vs_mainline": ("hinting faults, times those of mainline", "at most {}"),
    "distance_vs_bound": ("mean distance, times that of hard-bound", "at most {}"),
    "stall_vs_mainline": ("longest stall, times that of mainline", "at most {}"),
    "work_per_second": ("hinting faults and waits for pages on their way, per second",
                        "at most {}"),
    "application_vs_off": ("system time of the application, times that of off", "at most {}"),
    "system_vs_off": ("system time, balancing threads included, times that of off",
                      "at most {}"),
    "balancer_share": ("time of balancing threads, of one CPU", "at most {} %"),
}

# Why a goal is not reached; what is in braces is in facts().
MOVING = ("balancing threads execute {per_page:,.0f} instructions for each page of 4 KiB that they "
          "move, scanning included, and {misplaced:,.0f} pages are misplaced: that makes "
          "{balancer:.1f} s, and all of the system time of off is {off:.1f} s")
SHARED = ("hard-bound is {bound:+.1f} points over mainline: a quarter of what all threads share "
          "is the most that can be local")
WHY = {
    ("numa-multi", "thp", "last_third"):
        "hard-bound reaches {bound:.2f} % there: perf's processes share data",
    ("sweep", "4k", "system_vs_off"): MOVING,
    ("numa-multi", "4k", "system_vs_off"): MOVING,
    ("slices", "4k", "system_vs_off"): MOVING,
    ("numa-span", "4k", "local_over_mainline"): SHARED,
    ("numa-span", "thp", "local_over_mainline"): SHARED,
    ("numa-span", "thp", "faults_vs_mainline"):
        "of 73 huge pages each takes two samples or more until it is known where it belongs, and "
        "mainline takes few faults where pages are huge",
    ("slices-1g", "4k", "stall_vs_mainline"):
        "who touches a page of a batch that moves waits for all of it, and the CPUs of the guest "
        "share one clock: of four that are busy each has a quarter of it",
    ("numa-multi", "4k", "local"):
        "{lost:.1f} points are lost in the first {until:.1f} s, before and while memory moves",
}


class Section:
    """Workloads under one heading."""

    def __init__(self, title, about, *workloads, timed=(), only_timed=False, brief=False):
        self.title, self.about, self.workloads = title, about, workloads
        self.timed = workloads if only_timed else timed     # where the duration says more
        self.only_timed = only_timed                        # than the local share, or all
        self.brief = brief      # of a workload, only the picture of the local share


PROGRAMS = ("messaging", "pipe", "redis", "stress-vm", "stress-numa", "stress-fork",
            "stress-malloc")
SECTIONS = {
    "affinity": Section(
        "Process affinity (the goals)", "Processes whose memory fits a node.",
        "sweep", "numa-multi", "slices-2", "quit", "idle", "shortlived", timed=("shortlived",)),
    "convergence": Section(
        "Convergence, as perf measures it",
        "The program ends when all threads of each process are on one node, or after 60 s: **seconds** "
        "count from its start, first touch included, which takes two of them, and it looks once in "
        "a second. Only they are compared, the other figures are those of that time.",
        "numa-converge", only_timed=True, brief=True),
    "threads": Section(
        "Threads", "Processes that span nodes: what one thread uses has to be near it.",
        "slices", "slices-8", "slices-1g", "slices-settled", "braid", "pairs", "shared", "rotate",
        "numa-span"),
    "programs": Section(
        "Programs of others",
        "Many of them live too short, sleep too much or use too little memory for a local share "
        "to say much: **seconds** and system time count. They do the same amount of work "
        "in every run.", *PROGRAMS, timed=PROGRAMS, brief=True),
    "settled": Section(
        "A settled machine",
        "All memory is where it is used already. What counts: faults, pages moved, and the share "
        "of a CPU that balancing threads take; hard-bound is not measured.",
        "settled", timed=("settled",), brief=True),
    "others": Section("Others", "", brief=True),
}

LEGEND = f"""\
## What the figures mean

Everything is counted in an emulated machine (QEMU without acceleration). Every load and store
of user space is counted by the node of the CPU and the node of the memory. Seconds are guest
time: 16 ns for each instruction, of all CPUs together, and the time in which all of them idle.

- **Limits.** There is no latency, no cache and no bandwidth in it: all memory is equally near.
  The figures say who accesses what and what the balancing costs in instructions, not how much
  faster a program gets. Guest seconds are good for comparing rows, not for predicting hardware.
- **Repeated**, a run of a seed gives the same counts to the last one
  (benchmarks/lab/controls.py), whether CPUs are busy or idle.
- A figure is the **median of the seeds, with the worst seed after the slash**, or the only one
  if there is one seed: only mainline and knumad run with several.
- **seconds**: from the first marker, which is after first touch where a program sets it, to the
  end. A program does the same amount of work in every run, unless it reaches a time limit of
  its own (perf bench numa mem) or ends when its threads have met (numa-converge).
- **local**: the share of all accesses that went to the node of the CPU; **last third**: the
  same for the last third of the time, when balancing should be over.
- **distance**: the mean distance of an access, 1 is local.
- **settled**: guest seconds after which the local share was {REACHED:.0%} of that of hard-bound in
  every stretch of {STAYS:g} s but the last, in which programs end; "never" if there was no such
  time, "-" if there is no hard-bound.
- **faults**: NUMA hinting faults; **armed**: page table entries made to cause one; **moved**:
  pages of 4 KiB moved; **moved again**: moves of pages of 4 KiB that had been moved before;
  **splits**: huge pages split. The kernel counts them from the start of the program, but for
  moved again, which is seen from outside.
- **system**: time in kernel code of the whole guest from the start of the program to its end,
  first touch included, and how many times that of balancing off; **application's**: the same
  without balancing threads.
- **balancer**: the time of balancing threads in instructions, from the start of the program
  (mainline has no threads: it works in the time of the application); **of one CPU**: the same
  from the first marker, as a share of seconds.
- **own memory**: the most that knumad's own structures took at once, of all seeds; what
  mainline's take is not counted.
- **kernel's local**: the share of loads and stores in kernel code, for whomever and wherever,
  that went to the node of the CPU: page copies, which read on one node and write on another,
  included, and the kernel's own data, which lives where it was allocated.
- **stall**: the time an application thread spent in one go inside NUMA work (hinting fault,
  scan, waiting for a page that is being moved), asleep or not: their number, the longest of all
  seeds, and the median of the 99.9th percentiles of the seeds that had any: of a few stalls
  that is the longest one. Who waits for a CPU that a balancing thread has is not in it.
- **Pictures** of one workload show the first seed; those of several workloads, the median. The
  local share over time is that of every quarter of a second, or of every second for programs of
  others and the settled machine; lines go straight over what has no accesses.
- **hard-bound**: bound by hand to the nodes where it should be, without a balancer.
- **loses**: knumad is worse than mainline: median or worst local share more than
  {LOSES_POINTS} points lower, or median system time more than {LOSES_SYSTEM - 1:.0%} higher; and
  where duration says more than the local share (programs of others, shortlived, settled,
  convergence): median duration more than {LOSES_SECONDS - 1:.0%} longer than with mainline, or
  with balancing off.
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


def added(matrices):
    """The sum of matrices, None if it is not one."""
    try:
        return matrix([[sum(cells) for cells in zip(*rows, strict=True)]
                       for rows in zip(*matrices, strict=True)])
    except (TypeError, ValueError):
        return None


def accesses(run, whose="user"):
    """Loads and stores of user space, or in kernel_mode."""
    return added([dig(run, whose, kind) for kind in ("loads", "stores")])


def share(counts):
    """The local percentage."""
    counts = matrix(counts)
    return counts and 100 * sum(row[i] for i, row in enumerate(counts)) / sum(map(sum, counts))


def most_on_node(run):
    """The percentage of accesses to the memory of one node, the busiest.

    The median of the intervals of the last third: in the end threads leave one by one, and the
    last one needs no more than a node, where its memory goes.
    """
    intervals = list(filter(None, map(matrix, dig(run, "intervals", "accesses") or [])))
    shares = [100 * max(map(sum, zip(*counts))) / sum(map(sum, counts))
              for counts in intervals[2 * len(intervals) // 3:]]
    return statistics.median(shares) if shares else None


def distance(run):
    counts, table = accesses(run), matrix(dig(run, "topology", "distances"))
    if not counts or not table or len(counts) != len(table):
        return None
    weighted = sum(count * far for row, distances in zip(counts, table)
                   for count, far in zip(row, distances))
    return weighted / 10 / sum(map(sum, counts))


def course(run, joined=0):
    """[(seconds, local percentage or None)], a pair per interval, with its begin; its length.

    Joined: intervals are put together to ones of so many seconds.
    """
    length, counts = (dig(run, "intervals", name) for name in ("seconds", "accesses"))
    if not number(length) or length < 0 or not isinstance(counts, list):
        return [], None
    if joined > length:
        step = round(joined / length)
        counts = [added(counts[i:i + step]) for i in range(0, len(counts), step)]
        length *= step
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


def cpu(run, name):
    """Not of results of another meaning: from the first marker, and by the clock."""
    known = dig(run, "cpu", "counted_system_s") is not None
    return number(dig(run, "cpu", name)) if known else None


def balancer_share(run):
    """Of one CPU, in percent, once the program has begun its work."""
    count, seconds = (number(value) for value in
                      (dig(run, "instructions", "balancer"), dig(run, "seconds")))
    return 100 * count * INSN / seconds if count is not None and seconds else None


def balancer_kib(run):
    """Knumad counts what it allocates; what others take is not known."""
    if run.get("balancer") != "knumad":
        return None
    size = number(dig(run, "counters", "balancer_bytes"))
    return None if size is None else size / 1024


def work_rate(run):
    """Counted by the observer, so without what was before the marker."""
    times, seconds = number(dig(run, "stalls", "count")), number(run.get("seconds"))
    return None if times is None or not seconds else times / seconds


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
    "most_on_node": most_on_node,
    **{name: lambda run, name=name: number(dig(run, "counters", name))
       for name in ("hint_faults", "pages_armed", "pages_moved", "observed_moves", "pages_again",
                    "thp_splits")},
    **{name: lambda run, name=name: cpu(run, name)
       for name in ("system_s", "application_s", "balancer_s")},
    "seconds": lambda run: number(run.get("seconds")),
    "work_per_second": work_rate,
    "balancer_share": balancer_share,
    "balancer_kib": balancer_kib,
    "kernel_local": lambda run: share(accesses(run, "kernel_mode")),
    "stalls": lambda run: number(dig(run, "stalls", "count")),
    "stall_max": lambda run: stall(run, "max_ns"),
    "stall_p999": lambda run: stall(run, "p999_ns"),
}


# By how much knumad may be off mainline: what it is called, unit, digits
LOST = {
    "local": ("local share", "%", 1),
    "last_third": ("local share, last third", "%", 1),
    "system_s": ("system time", "s", 2),
    "seconds": ("duration", "s", 2),
}
# What is compared with the median of another balancer: that balancer and its figure
TIMES = {"system_vs_off": ("off", "system_s"), "application_vs_off": ("off", "application_s"),
         "faults_vs_mainline": ("mainline", "hint_faults"),
         "distance_vs_bound": ("bound", "distance"),
         "stall_vs_mainline": ("mainline", "stall_max")}
OVER = {"local_over_mainline": ("mainline", "local")}


# --- Figures of the seeds of a workload under a balancer ---

class Case:
    """A workload with its pages and topology: the runs under each balancer, by seed."""

    def __init__(self, key):
        self.workload, self.pages, self.topology = key
        self.key, self.runs = key, {}
        self.section = next((name for name, section in SECTIONS.items()
                             if self.workload in section.workloads), "others")
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
        elif figure in TIMES:
            rival, what = TIMES[figure]
            base = self.median(rival, what)
            values = [value / base for value in self.values(balancer, what)] if base else []
        elif figure in OVER:
            rival, what = OVER[figure]
            base = self.median(rival, what)
            values = [] if base is None else [value - base
                                              for value in self.values(balancer, what)]
        else:
            values = [FIGURES[figure](run) for run in self.runs.get(balancer, [])]
        return [value for value in values if value is not None]

    def median(self, balancer, figure):
        values = self.values(balancer, figure)
        return statistics.median(values) if values else None

    def loses(self, figure, pick=statistics.median, rival="mainline"):
        """(knumad's figure, the rival's) by pick (median, min) of the seeds if ours is worse."""
        ours, theirs = self.values("knumad", figure), self.values(rival, figure)
        if not ours or not theirs or \
           figure != "seconds" and SECTIONS[self.section].only_timed:
            return None
        # The worst of one is the row of the median again
        if pick is min and max(len(ours), len(theirs)) == 1:
            return None
        ours, theirs = pick(ours), pick(theirs)
        if figure in SHARES:
            return (ours, theirs) if ours < theirs - LOSES_POINTS else None
        times = LOSES_SYSTEM if figure == "system_s" else LOSES_SECONDS
        return (ours, theirs) if ours > theirs * times else None

    @property
    def timed(self):
        """Whether its duration counts."""
        return self.workload in SECTIONS[self.section].timed

    def losses(self):
        """[(figure, pick, rival, knumad's, the rival's)]"""
        tried = [(figure, pick, "mainline") for figure in SHARES
                 for pick in (statistics.median, min)]
        tried.append(("system_s", statistics.median, "mainline"))
        if self.timed:
            tried += [("seconds", statistics.median, rival) for rival in ("mainline", "off")]
        return [(*what, *pair) for what in tried if (pair := self.loses(*what))]


def load(directory):
    """(cases, runs, what could not be read)"""
    cases, runs, bad = {}, [], []
    for path in sorted(set(directory.glob("*.json")) - {directory / "overhead.json"}):
        try:
            run = json.loads(path.read_text())
            if dig(run, "schema") != 1:
                raise ValueError("not of schema 1")
            if run.get("balancer") not in list(BALANCERS):
                raise ValueError(f"unknown balancer {run.get('balancer')}")
            key = (run["workload"], run["pages"], dig(run, "topology", "name"))
            if not all(isinstance(word, str) for word in key):
                raise ValueError("no workload, pages or topology")
        except KeyError as error:
            bad.append(f"{path.name}: no {error}")
            continue
        except (OSError, ValueError) as error:
            bad.append(f"{path.name}: {error}")
            continue
        runs.append(run)
        cases.setdefault(key, Case(key)).add(run)
    for case in cases.values():
        case.finish()
    goals = [goal[:3] for goal in GOALS]

    def order(key):
        workload, pages, topology = key
        section = cases[key].section
        names = SECTIONS[section].workloads
        return (list(SECTIONS).index(section),
                goals.index(key) if key in goals else len(goals),
                names.index(workload) if workload in names else len(names), workload, topology,
                PAGES.index(pages) if pages in PAGES else len(PAGES), pages)

    return [cases[key] for key in sorted(cases, key=order)], runs, bad


def load_overhead(path):
    """(limit, commit, {name: (percent, standard error, reached)}) of overhead.py, if it has run."""
    try:
        stored = json.loads(path.read_text())
        limit, commit = number(stored["limit"]), str(stored["commit"])
        cases = {case["name"]: (number(case["percent"]), number(case["error"]), case["reached"])
                 for case in stored["cases"]}
        if limit is None or any(None in case for case in cases.values()):
            raise ValueError("no numbers")
    except FileNotFoundError:
        return None, None, {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"report.py: left out {path.name}: {error!r}", file=sys.stderr)
        return None, None, {}
    return limit, commit, cases


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
        [case.name, *(headline_cell(case, balancer) for balancer in BALANCERS)]
        for case in of_goals(cases)]


def of_goals(cases):
    """Those of which knumad is meant to reach a local share."""
    keys = [goal[:3] for goal in GOALS if "local" in goal[3]]
    return [case for case in cases if case.key in keys]


def judge(case, figure, limit):
    """(the figure as text, how it reaches limit: a key of VERDICTS)"""
    values = case.values("knumad", figure) if case else []
    if len(values) < GOAL_SEEDS or len(values) < len(case.runs["knumad"]):
        return "-", None
    middle = statistics.median(values)
    if figure in SHARES:
        good = middle >= limit and min(values) >= limit - WORST_BELOW
        return seeds(values, 2, min) + " %", good
    if figure in OVER:
        return seeds(values, 2, min), middle >= limit and (min(values) >= limit or "median")
    # None at all means of any seed
    good = (middle if limit else max(values)) <= limit and (max(values) <= limit or "median")
    if figure in ("hint_faults", "pages_moved", "observed_moves"):
        return seeds(values, 0), good
    if figure == "balancer_share":
        return seeds(values, 4) + " %", good
    return seeds(values, 3 if figure in TIMES else 2), good


def judge_all(cases):
    """[(key, case or None, figure, limit, value, key of VERDICTS)]"""
    by_key = {case.key: case for case in cases}
    return [(tuple(key), by_key.get(tuple(key)), figure, limit,
             *judge(by_key.get(tuple(key)), figure, limit))
            for *key, limits in GOALS for figure, limit in limits.items()]


VERDICTS = {True: "reached", "median": "reached by the median", False: "**NOT reached**",
            None: "not measured"}


def overhead_goals(overhead):
    """Rows as those of goals()."""
    limit, _, cases = overhead
    rows = []
    for name in OVERHEAD:
        bound, value, good = "-", "-", None
        if name in cases:
            percent, error, good = cases[name]
            bound, value = f"at most {limit:g} %", f"{percent:+.2f} ± {error:.2f} %"
        rows.append([name, "instructions, more than off", bound, value, "-", VERDICTS[good]])
    return rows


def goals(cases, overhead):
    rows = [["workload", "goal of knumad", "limit", "median / worst", "seeds", "result"]]
    for key, case, figure, limit, value, good in judge_all(cases):
        what, bound = GOAL_NAMES[figure]
        count = str(len(case.runs.get("knumad", []))) if case else "-"
        rows.append([", ".join(key), what, bound.format(limit), value, count, VERDICTS[good]])
    return rows + overhead_goals(overhead)


def lost(run, target, best):
    """(seconds until target was reached, points of the whole run's share lost to best by then)"""
    until, counts = settled(run, target), dig(run, "intervals", "accesses")
    if until in (None, math.inf):
        return None
    missing = whole = 0
    for (begin, value), interval in zip(course(run)[0], counts):
        if value is not None:
            weight = sum(map(sum, interval))
            whole += weight
            missing += weight * (best - value) if begin < until else 0
    return until, missing / whole


def facts(case, figure):
    """What the sentences in WHY may name; without what is not known."""
    moved = case.median("knumad", "pages_moved")
    spent = case.median("knumad", "balancer_s")
    again = case.median("knumad", "pages_again")
    best = case.median("bound", "local")
    losing = [lost(run, case.target, best) for run in case.runs.get("knumad", [])]
    found = {"bound": case.median("bound", figure), "balancer": spent,
             "off": case.median("off", "system_s"),
             "per_page": spent / INSN / moved if spent is not None and moved else None,
             "misplaced": None if None in (moved, again) else moved - again}
    if losing and None not in losing:
        found |= {"until": statistics.median(until for until, _ in losing),
                  "lost": statistics.median(points for _, points in losing)}
    return {name: value for name, value in found.items() if value is not None}


def why(cases):
    """A line for each goal that is not reached, where the reason is known."""
    lines = []
    for key, case, figure, _, _, good in judge_all(cases):
        sentence = WHY.get((key[0], key[1], figure))
        if good is False and sentence:
            try:
                sentence = sentence.format(**facts(case, figure))
            except KeyError:
                continue
            lines.append(f"- {', '.join(key)}, {GOAL_NAMES[figure][0]}: {sentence}.")
    return lines


def with_ratio(case, balancer, figure, ratio):
    """Seconds, and how many times those of off."""
    cell, times = text(case.median(balancer, figure), 2), case.median(balancer, ratio)
    return cell if times is None else f"{cell} (x {times:.2f})"


def marked(case, balancer, figure, rivals=("mainline",), pick=statistics.median):
    """The mark of a figure in which knumad loses."""
    return LOSES if balancer == "knumad" and any(
        case.loses(figure, pick, rival) for rival in rivals) else ""


def placement(case):
    """Where accesses went, and what was done for that: a row per balancer."""
    rows = []
    for balancer, runs in case.runs.items():
        def shares(figure, balancer=balancer):
            marks = [marked(case, balancer, figure, pick=pick)
                     for pick in (statistics.median, min)]
            return seeds(case.values(balancer, figure), 2, min, marks)

        rivals = ("mainline", "off") if case.timed else ()
        loses = LOSES if balancer == "knumad" and case.losses() else ""
        rows.append([
            BALANCERS[balancer] + loses, str(len(runs)),
            text(case.median(balancer, "seconds"), 2) + marked(case, balancer, "seconds", rivals),
            shares("local"), shares("last_third"), text(case.median(balancer, "distance"), 3),
            seeds(case.values(balancer, "settled"), 2),
            *(text(case.median(balancer, figure)) for figure in (
                "hint_faults", "pages_armed", "pages_moved", "pages_again", "thp_splits"))])
    return table(["balancer", "seeds", "seconds", "local %", "last third %", "distance",
                  "settled s", "faults", "armed", "moved", "moved again", "splits"], *rows)


def costs(case):
    """What it took: a row per balancer."""
    def most(balancer, figure):
        return text(max(case.values(balancer, figure), default=None))

    return table(
        ["balancer", "system s (vs off)", "application's system s (vs off)", "balancer s",
         "of one CPU %", "own memory KiB", "kernel's local %", "stalls", "longest stall µs",
         "99.9 % stall µs"],
        *([BALANCERS[balancer],
           with_ratio(case, balancer, "system_s", "system_vs_off")
           + marked(case, balancer, "system_s"),
           with_ratio(case, balancer, "application_s", "application_vs_off"),
           text(case.median(balancer, "balancer_s"), 2),
           text(case.median(balancer, "balancer_share"), 3), most(balancer, "balancer_kib"),
           text(case.median(balancer, "kernel_local"), 1),
           text(case.median(balancer, "stalls")), most(balancer, "stall_max"),
           text(case.median(balancer, "stall_p999"))]
          for balancer in case.runs))


def losses(cases):
    """Rows of a table: everything in which knumad is worse."""
    rows = [["workload", "what is worse", "by how much"]]
    for case in cases:
        for figure, pick, rival, ours, theirs in case.losses():
            what, unit, digits = LOST[figure]
            if pick is min:
                what += ", worst seed"
            much = f"{theirs - ours:.1f} points" if figure in SHARES else (
                f"{100 * (ours / theirs - 1):.1f} %")
            rows.append([case.name, what, f"{much} ({ours:.{digits}f} instead of "
                         f"{theirs:.{digits}f} {unit} of {BALANCERS[rival]})"])
    return rows


def summary(cases):
    """One sentence on who wins."""
    both = [case for case in cases if {"mainline", "knumad"} <= case.runs.keys()
            or case.timed and {"off", "knumad"} <= case.runs.keys()]
    losing = [case for case in both if case.losses()]
    if not both:
        return "Nothing has been measured under both mainline and knumad."
    unknown = sum(case.median("knumad", "system_s") is None for case in both)
    but = f" (system time is not known of {unknown} of them)" if unknown else ""
    if not losing:
        return ("knumad is not worse than mainline, in local share, system time or, where it "
                f"counts, duration, in any of {len(both)} workloads{but}.")
    return (f"knumad **loses** to mainline, or in duration to balancing off, in {len(losing)} of "
            f"{len(both)} workloads{but}:")


def made_by(case):
    """Of which commits the kernels were that a case compares."""
    found = {}
    for balancer, runs in case.runs.items():
        for run in runs:
            found.setdefault(str(run.get("commit") or "-"), Counter())[balancer] += 1
    if len(found) == 1:
        return f"Measured by `{next(iter(found))}`.\n"
    return "Measured by " + "; ".join(
        f"`{commit}`: " + ", ".join(f"{BALANCERS[balancer]} ({count})"
                                   for balancer, count in counts.items())
        for commit, counts in found.items()) + ".\n"


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


def document(cases, runs, bad, overhead, made, link):
    """RESULTS.md; made: {name of a picture: its SVG}."""
    def picture(name, alt):
        return [f"![{alt}]({link}/{made[name].name})\n"] if name in made else []

    def section(name):
        heading, mine = SECTIONS[name], [case for case in cases if case.section == name]
        if not mine:
            return []
        found = [f"## {heading.title}\n", *([heading.about + "\n"] if heading.about else []),
                 *picture(f"shares-{name}", f"{heading.title}: local share"),
                 *picture(f"bars-{name}", f"{heading.title}: hinting faults and pages moved")]
        for case in mine:
            found += [f"### {case.name}\n", case.title + "\n", placement(case), costs(case),
                      made_by(case),
                      *picture(f"{case.file}-local", f"{case.name}: local share over time"),
                      *picture(f"{case.file}-matrices", f"{case.name}: nodes before and after"),
                      *picture(f"{case.file}-stalls", f"{case.name}: stalls")]
        return found

    losing, reasons = losses(cases), why(cases)
    parts = ["<!-- Made by benchmarks/lab/report.py: do not edit. -->\n# Results\n",
             "Local share of all accesses of user space, percent: median of the seeds, "
             "the worst in brackets.\n",
             table(*headline(cases)),
             summary(cases) + "\n", *([table(*losing)] if len(losing) > 1 else []),
             *picture("headline", "local share of the workloads with goals"),
             "## Goals\n", f"Of the median of {GOAL_SEEDS} seeds. The worst one may lie at most "
             f"{WORST_BELOW} points below the limit of a share; of other figures it may be above "
             "the limit, then the goal is reached by the median; a limit of 0 is that of each "
             "seed. System time counts from the start of the program. What processes cost that "
             "knumad does not watch is measured by scripts/overhead.py, in pairs (± standard "
             f"error){f', by `{overhead[1]}`' if overhead[1] else ''}.\n",
             table(*goals(cases, overhead)),
             *(["Why a goal is not reached:\n\n" + "\n".join(reasons) + "\n"] if reasons else []),
             "## How it was made\n", made_with(runs)]
    if bad:
        parts.append("Left out:\n\n" + "\n".join(f"- {line}" for line in bad) + "\n")
    return "\n".join(parts + [LEGEND] + [part for name in SECTIONS for part in section(name)])


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


def duration(ns):
    """In the unit that leaves at most three digits before the point."""
    unit, scale = next(((unit, scale) for unit, scale in (("s", 1e9), ("ms", 1e6), ("µs", 1e3))
                        if ns >= scale), ("ns", 1))
    value = ns / scale
    return f"{value:.2g} {unit}" if value < 10 else f"{value:.0f} {unit}"


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
        joined = 1 if SECTIONS[case.section].brief else 0
        points = {balancer: [point for point in course(runs[0], joined)[0] if point[1] is not None]
                  for balancer, runs in case.runs.items()}
        points = {balancer: line for balancer, line in points.items() if line}
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
        edges = [duration(2 ** exponent) for exponent in range(first, last + 1)]
        return self.draw(name, "stalls", series, (max(640, 58 * len(edges)), 450), series.values(),
                         case.heading("stalls"), first=first, last=last, edges=edges)

    @staticmethod
    def groups(cases):
        return [f"{case.workload}\n{case.pages}\n{case.topology}" for case in cases]

    def bars(self, name, cases):
        """Of one section: in a picture of all, a bar would be a line."""
        kinds = [word for word in BALANCERS if any(word in case.runs for case in cases)]
        series = [[(i, case.median(balancer, figure)) for i, case in enumerate(cases, 1)
                   if case.values(balancer, figure)]
                  for figure in ("hint_faults", "pages_moved") for balancer in kinds]
        if not any(series[:len(kinds)]) or not any(series[len(kinds):]):
            return self.forget(name)
        return self.draw(
            name, "bars", kinds, (max(780, 100 * len(cases) + 130), 640), series,
            "Hinting faults and pages moved: median of the seeds", groups=self.groups(cases),
            most=max([10] + [value for points in series for _, value in points]),
            what=["hinting faults (count)", "pages moved (4 KiB)"])

    def shares(self, name, cases):
        kinds = [word for word in BALANCERS
                 if any(case.values(word, "local") for case in cases)]
        series = [[(i, statistics.median(values), min(values), max(values))
                   for i, case in enumerate(cases, 1)
                   if (values := case.values(balancer, "local"))] for balancer in kinds]
        bars = sum(word != "bound" for word in kinds)
        if not bars:
            return self.forget(name)
        return self.draw(
            name, "headline", kinds, (max(780, 100 * len(cases) + 110), 500), series,
            "Local share of all accesses: median, whiskers from worst to best seed",
            groups=self.groups(cases), bars=bars)

    def all(self, cases):
        if not self.gnuplot:
            print("report.py: no pictures without gnuplot: apt-get install gnuplot-nox",
                  file=sys.stderr)
            return
        self.shares("headline", of_goals(cases))
        for name, section in SECTIONS.items():
            mine = [case for case in cases if case.section == name]
            self.bars(f"bars-{name}", mine)
            self.shares(f"shares-{name}", [] if section.brief else mine)
        for case in cases:
            self.local(case)
            if SECTIONS[case.section].brief:
                self.forget(f"{case.file}-matrices")
                self.forget(f"{case.file}-stalls")
            else:
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
    overhead = load_overhead(directory / "overhead.json")
    pictures = Pictures(directory)
    pictures.all(cases)
    link = os.path.relpath(directory, args.output.resolve().parent)
    args.output.write_text(document(cases, runs, bad, overhead, pictures.made, link))
    if args.print:
        losing, reasons = losses(cases), why(cases)
        print(aligned(goals(cases, overhead)), *(["\n".join(reasons)] if reasons else []),
              aligned(headline(cases)), summary(cases).replace("**", ""),
              *([aligned(losing)] if len(losing) > 1 else []), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
