#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Who gathers a misplaced program: nobody, mainline, or knumad?

Boots a guest of 2 nodes with 2 CPUs each and runs the same programs, misplaced
in the same way, in three rounds: balancing off, kernel.numa_balancing=1, and
knumad. Draws where their memory and their threads were, second by second, and
says what it cost. Exit code 0 if and only if knumad gathered everything.
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "scripts"))

ROUNDS = {"off": "balancing off", "mainline": "mainline", "knumad": "knumad"}
PHASES = {"perf": "perf {}", "thp": "{}, THP"}
GATHERED = 0.99         # of the memory on the node of the threads
TOGETHER = 2 / 3        # of the threads on one node: the rest is an accident of a moment
WINDOW = 5              # samples that say where the threads are
PROCESSES = 3
TICKS = 100             # USER_HZ

# What a verdict of knumad means for this demonstration, and what to look at.
VERDICTS = {
    "none": "knumad has not judged it yet: it came too late, see scan_interval_ms and min_cpu_ms",
    "pending": "knumad waits for a second pass: see scan_interval_ms",
    "moving": "knumad was still moving it: see migrate_mb_per_s, scan_pages and the stats file",
    "idle": "it seems idle to knumad: did its threads get CPU time?",
    "no_room": "no node has the memory: see the nodes file, usable_pages and reserve_percent",
    "no_cpus": "no node has the cores for its threads: see the nodes file, busy_mcpu",
    "not_worth": "knumad finds that the move costs more than it gains",
    "home": "knumad believes it is at home: the stats file counts pages it may not move, verdict_*",
}


# --- What the guest said ---

def parse(lines):
    """The lines of sampler as {round: {phase: ...}}."""
    rounds = {}
    for line in lines:
        event = as_event(line)
        if not event:
            continue
        phase = rounds.setdefault(event["round"], {}).setdefault(
            event["phase"],
            {"system": [], "processes": {}, "knumad": [], "started": False, "how": None})
        if event["type"] == "system":
            phase["system"].append(event)
        elif event["type"] == "start":
            phase["started"] = True
        elif event["type"] == "process":
            phase["processes"].setdefault(event["comm"], []).append(event)
        elif event["type"] == "knumad":
            if event["line"].startswith("#"):
                phase["knumad"] = []
            phase["knumad"].append(event["line"])
        elif event["type"] == "end":
            phase["how"] = event["how"]
    return rounds


def as_event(line):
    if not line.startswith('{"type":'):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None


def shares(counts):
    total = sum(counts)
    return [n / total for n in counts] if total else [0.0] * len(counts)


class Process:
    """One process in one phase of one round."""

    def __init__(self, phase, comm, samples):
        self.comm = comm
        self.name = PHASES[phase].format(comm)
        self.phase = phase
        self.pid = samples[0]["pid"]
        # One column per second; of a second without a sample nothing is known.
        self.columns = [None] * (samples[-1]["second"] + 1)
        for sample in samples:
            self.columns[sample["second"]] = sample
        self.samples = samples
        self.system_s = samples[-1]["stime"] / TICKS

    @staticmethod
    def local(sample):
        """Share of the memory on the node of the threads, averaged over the threads."""
        pages = shares(sample["pages"])
        return sum(t * p for t, p in zip(shares(sample["threads"]), pages))

    def place(self, until):
        """(node of its threads in the last samples, None if split; share of its memory there)."""
        last = self.samples[max(0, until - WINDOW):until]
        threads = [sum(n) for n in zip(*(s["threads"] for s in last))]
        memory = shares(last[-1]["pages"])
        for node, count in enumerate(threads):
            if count and count >= TOGETHER * sum(threads):
                return node, memory[node]
        return None, sum(t * m for t, m in zip(shares(threads), memory))

    def final(self):
        return self.place(len(self.samples))

    def gathered_after(self):
        """Seconds until it was all in one place, to stay; None for never."""
        after = None
        for until, sample in enumerate(self.samples, 1):
            node, share = self.place(until)
            if node is None or share < GATHERED:
                after = None
            elif after is None:
                after = sample["second"]
        return after


class Round:
    def __init__(self, name, phases):
        self.name = name
        self.title = ROUNDS[name]
        self.phases = phases
        self.processes = [
            Process(phase, comm, samples)
            for phase, data in phases.items() if data["started"]
            for comm, samples in sorted(data["processes"].items())]

    def delta(self, counter):
        return sum(p["system"][-1].get(counter, 0) - p["system"][0].get(counter, 0)
                   for p in self.phases.values() if p["system"])

    def system_s(self):
        """System time of the whole guest; the sampler's is in it, the same in each round."""
        return self.delta("system_ticks") / TICKS

    def seconds(self):
        return max((len(p.columns) for p in self.processes), default=0)


# --- The picture ---

class Pen:
    """Block characters or ASCII, colour or none."""

    NODE = ["36", "33", "35", "34"]

    def __init__(self, stream, ascii_only=False):
        encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
        self.unicode = encoding == "utf8" and not ascii_only
        self.colour = stream.isatty() and "NO_COLOR" not in os.environ and \
            os.environ.get("TERM", "dumb") != "dumb"
        # The last one is for GATHERED and nothing less.
        self.ramp = "▁▂▃▄▅▆▇█" if self.unicode else "_.:-=+*#"
        self.mixed = "·" if self.unicode else "."
        self.rule = "─" if self.unicode else "-"

    def paint(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self.colour and code else text

    def share(self, value):
        if value >= GATHERED:
            return self.paint(self.ramp[-1], "32")
        level = min(int(value / GATHERED * (len(self.ramp) - 1)), len(self.ramp) - 2)
        return self.paint(self.ramp[level], "31" if value < 0.5 else "33")

    def node(self, counts):
        """The node that has all of it, or the mark for "on several"."""
        for node, part in enumerate(shares(counts)):
            if part >= GATHERED:
                return self.paint(str(node), self.NODE[node % len(self.NODE)])
        return self.mixed if sum(counts) else " "


def axis(width):
    """Seconds: every column one, from 0 on, a number every five."""
    text = [" "] * width
    for second in range(0, width, 5):
        label = str(second)
        if second + len(label) <= width:
            text[second:second + len(label)] = label
    return "".join(text)


def stripes(process, pen, width):
    rows = [[], [], []]
    for sample in process.columns if process else []:
        if sample is None:
            cells = "   "
        else:
            cells = (pen.share(process.local(sample)), pen.node(sample["pages"]),
                     pen.node(sample["threads"]))
        for row, cell in zip(rows, cells):
            row.append(cell)
    return ["".join(row) + " " * (width - len(row)) for row in rows]


def picture(rounds, pen, columns):
    """All rounds side by side, or below each other where the terminal is narrow."""
    width = max(15, *(r.seconds() for r in rounds))
    label, gap = 23, 2
    beside = max(1, (columns - label + gap) // (width + gap))
    lines = []
    for first in range(0, len(rounds), beside):
        group = rounds[first:first + beside]
        join = " " * gap
        lines.append((" " * label + join.join(pen.paint(f"{r.title:<{width}}", "1")
                                              for r in group)).rstrip())
        lines.append((f"{'second':>{label - 1}} " + join.join(axis(width) for r in group)).rstrip())
        names = list(dict.fromkeys(p.name for r in group for p in r.processes))
        for name in names:
            parts = [stripes(next((p for p in r.processes if p.name == name), None), pen, width)
                     for r in group]
            for what, *cells in zip(("local", "memory", "threads"), *parts):
                left = f"{name if what == 'local' else '':<14} {what:>7} "
                lines.append((left + join.join(cells)).rstrip())
        lines.append("")
    ramp = pen.ramp
    lines += [
        f"local:   share of its memory that is on the node of its threads, {ramp[0]} none ... "
        f"{ramp[-1]} all ({GATHERED:.0%})",
        f"memory:  the node it is on, {pen.mixed} = on several;  "
        f"threads: the node they run on, {pen.mixed} = on several",
    ]
    return "\n".join(lines)


def table(rounds, pen):
    label, width = 34, 16
    rows = []

    def row(title, cells=()):
        rows.append((f"{title:<{label}}" + "".join(f"{c:>{width}}" for c in cells)).rstrip())

    row("", [r.title for r in rounds])
    rows.append(pen.rule * (label + width * len(rounds)))
    names = list(dict.fromkeys(p.name for r in rounds for p in r.processes))

    def per_process(title, cell):
        row(title)
        for name in names:
            found = [next((p for p in r.processes if p.name == name), None) for r in rounds]
            row("  " + name, [cell(p) if p else "?" for p in found])

    def residency(process):
        node, share = process.final()
        # 99.97 % is not 100 %
        percent = int(share * 1000) / 10
        return f"{percent:.1f} %, " + ("split" if node is None else f"node {node}")

    def after(process):
        seconds = process.gathered_after()
        return "never" if seconds is None else f"{seconds} s"

    per_process("memory on the threads' node, at the end", residency)
    per_process("gathered after", after)
    row("pages moved (4 KiB)", [f"{r.delta('numa_pages_migrated'):,}" for r in rounds])
    row("hinting faults", [f"{r.delta('numa_hint_faults'):,}" for r in rounds])
    row("huge pages split", [f"{r.delta('thp_split_page'):,}" for r in rounds])
    row("huge pages moved whole", [f"{r.delta('thp_migration_success'):,}" for r in rounds])
    row("system time, whole guest", [f"{r.system_s():.1f} s" for r in rounds])
    return "\n".join(rows)


# --- The verdict ---

def judge(rounds):
    """What is wrong, as sentences; nothing if all is as it has to be."""
    wrong = []
    for r in rounds:
        for name, phase in r.phases.items():
            if phase["how"] is None:
                wrong.append(f"{r.title}: phase {name} did not come to its end.")
            elif phase["how"] != "ok":
                wrong.append(f"{r.title}: the program of phase {name} ended too early, with "
                             f"{phase['how']}.")
        if len(r.processes) != PROCESSES:
            wrong.append(f"{r.title}: saw {len(r.processes)} processes instead of {PROCESSES}.")
    for r in rounds:
        if r.name == "knumad":
            wrong += judge_knumad(r)
        elif r.name == "off":
            # The control: without a balancer nothing moves, else the picture means nothing.
            if r.delta("numa_pages_migrated"):
                wrong.append("balancing off: pages were moved; by whom? See numa_balancing.")
            for p in r.processes:
                if p.phase == "perf" and shares(p.samples[0]["pages"])[0] < GATHERED:
                    wrong.append(f"balancing off: the memory of {p.name} was not on node 0 at the "
                                 "start.")
    if not any(r.name == "knumad" for r in rounds):
        wrong.append("There was no round knumad.")
    return wrong


def judge_knumad(r):
    wrong = []
    for p in r.processes:
        node, share = p.final()
        if node is None:
            wrong.append(f"knumad: the threads of {p.name} ended on several nodes; "
                         f"{hint(r, p)}.")
        elif share < GATHERED:
            wrong.append(f"knumad: only {share:.1%} of the memory of {p.name} is on node {node}, "
                         f"where its threads are; {hint(r, p)}.")
    if r.delta("numa_hint_faults"):
        wrong.append(f"knumad: {r.delta('numa_hint_faults')} hinting faults instead of none: "
                     "is mainline's scanner standing still (numa_pte_updates "
                     f"+{r.delta('numa_pte_updates')})?")
    if r.delta("thp_split_page"):
        wrong.append(f"knumad: {r.delta('thp_split_page')} huge pages were split instead of "
                     "moved whole.")
    return wrong


def hint(r, process):
    for line in r.phases[process.phase]["knumad"]:
        fields = line.split()
        if fields and fields[0] == str(process.pid):
            verdict = fields[-1]
            return f"its verdict is {verdict}: " + VERDICTS.get(
                verdict, "see Documentation/admin-guide/mm/knumad.rst")
    return ("knumad does not watch it: see min_resident_mb, min_cpu_ms and mms_enrolled in the "
            "stats file")


def debug_output(r):
    lines = []
    for name, phase in r.phases.items():
        lines.append(f"/sys/kernel/debug/knumad/processes, last seen in phase {name}:")
        lines += ["  " + line for line in phase["knumad"] or ["(nothing)"]]
    return "\n".join(lines)


def summary(rounds, wrong):
    """For the JSON file: what the table says, in numbers."""
    result = {"gathered": not wrong, "wrong": wrong, "rounds": {}}
    for r in rounds:
        processes = {}
        for p in r.processes:
            node, share = p.final()
            processes[p.name] = {
                "threads_node": node, "resident_share": share,
                "gathered_after_s": p.gathered_after(),
                "system_s": p.system_s,
                "samples": [{k: s[k] for k in ("second", "pages", "threads", "utime", "stime")}
                            for s in p.samples]}
        counters = ("numa_pages_migrated", "numa_hint_faults", "numa_pte_updates",
                    "thp_split_page", "thp_split_pmd", "thp_migration_success", "pgmigrate_fail")
        result["rounds"][r.name] = {
            "processes": processes, "system_s": r.system_s(),
            **{c: r.delta(c) for c in counters}}
    return result


# --- The run ---

class Progress:
    """One line that says how far it is; on a terminal always the same line."""

    def __init__(self, stream, expected):
        self.stream = stream
        self.tty = stream.isatty()
        self.expected = expected
        self.start = time.monotonic()

    def show(self, what, last=False):
        seconds = time.monotonic() - self.start
        text = f"   {what}, {seconds:.0f} of about {self.expected:.0f} s"
        if self.tty:
            print(f"\r{text}\033[K", end="", file=self.stream, flush=True)
        elif last:
            print(text, file=self.stream, flush=True)

    def clear(self):
        if self.tty:
            print("\r\033[K", end="", file=self.stream, flush=True)


def boot(args, lines):
    """Run the rounds in a guest; their output goes to lines. False if the guest failed."""
    import guest

    steps = [guest.Step(f"round.sh {r} {args.perf_seconds} {args.thp_seconds} {args.mb}",
                        name=r, timeout=2 * (args.perf_seconds + args.thp_seconds) + 60)
             for r in args.rounds]
    # Counting instructions, the guest's seconds are shorter than the host's.
    speed = 0.35 if args.mode == "deterministic" else 1.1
    expected = round(3 + len(steps) * (args.perf_seconds + args.thp_seconds) * speed)
    progress = Progress(sys.stdout, expected)
    at = {"round": "", "phase": ""}

    def on_line(step, line):
        lines.append(line)
        event = as_event(line)
        if not event:
            # Only the programs' complaints are not the sampler's.
            progress.clear()
            print(f"   {ROUNDS[step]}: {line}", flush=True)
            return
        number = args.rounds.index(step) + 1
        what = {"perf": "perf bench numa mem", "thp": "misplaced (THP)"}[event["phase"]]
        at.update(event)
        progress.show(f"round {number} of {len(steps)}, {ROUNDS[step]}: {what}",
                      last=event["type"] == "end")

    print(f"== booting a guest of 2 nodes x 2 CPUs for {len(steps)} rounds, about {expected} s")
    progress.show("booting")
    try:
        results = guest.run(guest.Topology(nodes=2, cpus_per_node="2", node_mb="512"), steps,
                            files={"usr/bin/round.sh": HERE / "round.sh"},
                            profile=args.profile, log=args.output / "guest.log",
                            mode=args.mode, on_line=on_line)
    except guest.GuestError as error:
        progress.clear()
        print(f"the guest failed: {error}", file=sys.stderr)
        return False
    progress.clear()
    for result in results:
        if result.status:
            print(f"round.sh {result.name} failed with status {result.status}", file=sys.stderr)
    return not any(result.status for result in results)


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", default="off,mainline,knumad",
                        help="which, in this order (default: off,mainline,knumad)")
    parser.add_argument("--perf-seconds", type=int, default=15, metavar="S",
                        help="how long perf bench numa mem runs in each round (default 15)")
    parser.add_argument("--thp-seconds", type=int, default=8, metavar="S",
                        help="how long the THP program runs in each round (default 8)")
    parser.add_argument("--mb", type=int, default=32, help="memory of each process (default 32)")
    parser.add_argument("--profile", default="lab", help="kernel: lab (default) or debug")
    parser.add_argument("--mode", default="single", choices=("single", "deterministic"),
                        help="the guest's clock: the host's (default), or instructions executed, "
                        "so that a busy host makes no difference; QEMU 7.2 may starve a CPU then, "
                        "for as long as another one waits for it")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters only")
    parser.add_argument("--width", type=int, metavar="COLUMNS", help="of the picture")
    parser.add_argument("--output", type=pathlib.Path, default=TOP / "build/run",
                        help="where samples, picture and numbers go (default build/run)")
    parser.add_argument("--redraw", action="store_true",
                        help="no guest: show the last run again from its samples")
    args = parser.parse_args()
    args.rounds = args.rounds.split(",")
    if not set(args.rounds) <= set(ROUNDS) or len(set(args.rounds)) != len(args.rounds):
        parser.error(f"rounds are: {', '.join(ROUNDS)}")
    return args


def report(rounds, wrong, pen, columns):
    parts = [picture(rounds, pen, columns), "", table(rounds, pen), ""]
    if wrong:
        parts += [pen.paint("Not as it should be:", "31")] + ["  " + line for line in wrong]
        parts += [debug_output(r) for r in rounds if r.name == "knumad"]
    else:
        parts.append(pen.paint("knumad gathered every process: all of it on the node of its "
                               "threads, no hinting fault, no huge page split.", "32"))
    return "\n".join(parts)


class Plain:
    """A file is no terminal, and takes everything."""

    encoding = "utf-8"

    @staticmethod
    def isatty():
        return False


def main():
    args = parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    samples = args.output / "samples.jsonl"
    start = time.monotonic()
    if args.redraw:
        if not samples.exists():
            print(f"no samples in {args.output}: without --redraw it makes them", file=sys.stderr)
            return 1
        lines, alive = samples.read_text(encoding="utf-8").splitlines(), True
    else:
        lines = []
        alive = boot(args, lines)
        samples.write_text("".join(line + "\n" for line in lines if as_event(line)),
                           encoding="utf-8")
    parsed = parse(lines)
    rounds = [Round(name, parsed[name]) for name in ROUNDS if name in parsed]
    if not rounds:
        print("no samples", file=sys.stderr)
        return 1
    wrong = judge(rounds)
    if not args.redraw:
        wrong += [f"There was no round {name}." for name in args.rounds
                  if name not in parsed and name != "knumad"]
    if not alive:
        wrong.append(f"The guest failed; its console is in {args.output / 'guest.log'}.")

    columns = args.width or min(120, shutil.get_terminal_size((100, 24)).columns)
    if not args.redraw:
        text = report(rounds, wrong, Pen(Plain), 100)
        (args.output / "report.txt").write_text(text + "\n", encoding="utf-8")
        (args.output / "report.json").write_text(
            json.dumps(summary(rounds, wrong), indent=1) + "\n", encoding="utf-8")
    print()
    print(report(rounds, wrong, Pen(sys.stdout, args.ascii), columns))
    if not args.redraw:
        shown = os.path.relpath(args.output)
        print(f"== {time.monotonic() - start:.0f} s; saved in {shown}/: report.txt, report.json, "
              "samples.jsonl, guest.log")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
