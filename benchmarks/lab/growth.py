#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What knumad costs as a machine grows, in instructions, as TAP and as a picture.

The guest's clock counts the instructions of its one CPU, 16 ns each.  The selftest "growth"
says what a look costs with many processes, threads and pages, the KUnit suite of the same
name what the policy costs with many processes, threads and nodes.
"""

import argparse
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import ktap                                         # noqa: E402
from guest import BUILD, Step, run                  # noqa: E402
from machines import SHAPES, mode_of                # noqa: E402

LAB = Path(__file__).resolve().parent
PICTURE = LAB.parent / "results/growth"
MACHINE = "1-cpu"
NS = 16                 # of an instruction

# What is measured: title, axis, and the instructions that it may take at its largest
LOOKS = {
    "processes": ("a look at all processes", "processes", 300_000_000),
    "threads": ("a look at one process", "threads", 15_000_000),
    "memory": ("a walk of one process", "MB in pages of 4 KiB", 1_500_000),
}
POLICY = {
    "processes": ("a placement of all processes", "processes", 250_000_000),
    "threads": ("homes for the threads of one process", "threads", 5_000_000_000),
}


def measure(command, append=""):
    """What a guest with one CPU says on the console, and the result of the command."""
    console = []
    result, = run(SHAPES[MACHINE], [Step(command, "growth", 1800)], append=append,
                  mode=mode_of("lab", MACHINE), on_console=console.append, boot_timeout=600,
                  log=BUILD / f"log/growth{'-kunit' if append else ''}.log")
    return console, result


def find(lines):
    """{what: {nodes: [(size, instructions)]}} of all lines that tell it; nodes 0: whatever."""
    found = defaultdict(lambda: defaultdict(list))
    for line in lines:
        match = re.search(r"growth: (\w+) (\d+) (.*)", line)
        if match:
            words = match[3].split()
            values = dict(zip(words[::2], map(int, words[1::2])))
            ns = values.get("ns", values.get("scan_ns" if match[1] == "memory" else "look_ns"))
            found[match[1]][values.get("nodes", 0)].append((int(match[2]), ns // NS))
    return found


def judge(kind, what, bound, series):
    """Does it keep below its bound at its largest?"""
    name = f"growth {kind}: {what}"
    if not series:
        return ktap.Test(name, "fail", "not measured")
    size, most = max(series[max(series)])
    text = f"{size}{f' on {max(series)} nodes' if max(series) else ''}: {most:,} instructions, " \
           f"at most {bound:,}"
    return ktap.Test(name, "ok" if most <= bound else "fail", text)


def draw(panels):
    """Panels: (title, axis, {nodes: points})."""
    script = ""
    for i, (title, axis, series) in enumerate(panels, 1):
        blocks = ["".join(f"{x} {y}\n" for x, y in sorted(points))
                  for _, points in sorted(series.items())]
        script += f"$data{i} << END\n" + "\n\n".join(blocks) + "END\n"
        script += f"title{i} = '{title}'\naxis{i} = '{axis}'\nlines{i} = {len(blocks)}\n"
        script += f"array names{i}[{len(blocks)}]\n" + "".join(
            f"names{i}[{j}] = '{f'{nodes} nodes' if nodes else ''}'\n"
            for j, nodes in enumerate(sorted(series), 1))
    for suffix in ("svg", "png"):
        script += (f"format = '{suffix}'\nset output '{PICTURE}.{suffix}'\n"
                   f"load 'growth.gp'\nunset output\n")
    subprocess.run(["gnuplot", "-"], input=script, text=True, cwd=LAB, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--draw", action="store_true",
                        help=f"draw {PICTURE.relative_to(LAB.parents[1])}.svg and .png, too")
    args = parser.parse_args()
    _, looked = measure("cd /selftests/knumad && ./growth 2>&1")
    console, _ = measure("true", "kunit.enable=1 kunit.filter_glob=knumad_growth")
    tests = ktap.parse(looked.lines, "growth")
    ktap.ended(tests, "growth", looked.status, looked.lines)
    tests += ktap.parse(console, "growth kunit")
    looks, policy = find(looked.lines), find(console)
    for kind, table, found in (("look", LOOKS, looks), ("policy", POLICY, policy)):
        for what, (_, _, bound) in table.items():
            tests.append(judge(kind, what, bound, found[what]))
    if args.draw:
        draw([(title, axis, found[what]) for table, found in ((LOOKS, looks), (POLICY, policy))
              for what, (title, axis, _) in table.items()])
    ktap.begin(len(tests))
    for number, test in enumerate(tests, 1):
        ktap.tell(number, test)
    return int(any(test.outcome == "fail" for test in tests))


if __name__ == "__main__":
    sys.exit(main())
