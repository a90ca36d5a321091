#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The benchmark programs on a real machine of several nodes, in seconds.

    hardware.py                    all workloads, five rounds, memory and threads by the machine
    hardware.py --only slices      some of them
    hardware.py --dry-run          what would be run, without running it

Every round runs each workload under each balancer in turn (off, mainline, knumad,
hard-bound), so that what changes on the machine meanwhile hits all of them. Needs root to
switch balancers, and puts the switches back when it ends. Medians and spread are printed, all
times are kept as JSON.
"""

import argparse
import json
import os
import platform
import re
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
NODES = Path("/sys/devices/system/node")
MAINLINE = Path("/proc/sys/kernel/numa_balancing")
KNUMAD = Path("/sys/kernel/mm/knumad/enabled")

# What is written to (mainline's switch, knumad's), and what is added to the command.
BALANCERS = {
    "off": ("0", "never", ""),
    "mainline": ("1", "never", ""),
    "knumad": ("0", "always", ""),
    "bound": ("0", "never", " --bind"),
}
# {nodes}, {lanes}: threads of a node, {all} threads, {mb} of a process or of all threads
# together, {even}: as many for each of them.
WORKLOADS = {
    "sweep": "sweep --processes {nodes} --threads {lanes} --mb {mb} --loops {loops}",
    "slices": "slices --threads {all} --mb {mb} --loops {loops}",
    "pairs": "pairs --mb {mb} --loops {loops}",
    "shared": "shared --threads {lanes} --mb {mb} --loops {loops}",
    "rotate": "rotate --threads {all} --mb {mb} --loops {loops}",
    "braid": "braid --threads {all} --mb {even} --loops {loops}",
    "quit": "quit --mb {mb} --loops {loops}",
    "idle": "idle --idle-mb {mb} --threads {lanes} --mb {mb} --loops {loops}",
    "shortlived": "shortlived --processes 1000 --parallel {lanes}",
}
# What these threads use lies too close together to be bound
UNBOUND = ("braid",)


def machine(nodes):
    """CPUs of each node that has some, or an error message that says what to do."""
    cpus = {}
    for directory in sorted(nodes.glob("node[0-9]*")):
        listed = (directory / "cpulist").read_text().strip()
        if listed:
            cpus[int(directory.name[4:])] = listed
    if len(cpus) < 2:
        sys.exit(f"hardware.py: this machine has {len(cpus)} NUMA node with CPUs, and there is "
                 "nothing to balance on it; run it on one with two or more, or run "
                 "'make bench', which emulates one")
    return cpus


def count(cpulist):
    total = 0
    for part in cpulist.split(","):
        first, _, last = part.partition("-")
        total += int(last or first) - int(first) + 1
    return total


def commands(cpus, mb, loops):
    per_node = min(count(listed) for listed in cpus.values())
    values = {"nodes": len(cpus), "lanes": min(per_node, 8), "mb": mb, "loops": loops,
              "all": min(per_node * len(cpus), 64)}
    values["even"] = max(mb - mb % values["all"], values["all"])
    return {name: command.format(**values) for name, command in WORKLOADS.items()}


class Switches:
    """The balancers' switches, put back at the end."""

    def __enter__(self):
        self.before = [(path, path.read_text()) for path in (MAINLINE, KNUMAD) if path.exists()]
        return self

    def __exit__(self, *_):
        for path, text in self.before:
            chosen = re.search(r"\[(.*)\]", text)       # "always opt-in [never]"
            path.write_text(chosen.group(1) if chosen else text)

    def set(self, mainline, knumad):
        """Off first: while knumad is on, mainline stands still."""
        for path, value in ((KNUMAD, "never"), (MAINLINE, mainline), (KNUMAD, knumad)):
            if path.exists():
                path.write_text(value)


def present():
    """The balancers that this kernel has; says which ones it has not."""
    missing = {name: path for name, path in (("mainline", MAINLINE), ("knumad", KNUMAD))
               if not path.exists()}
    for name, path in missing.items():
        print(f"hardware.py: no {path}: this kernel cannot run {name}, going on without",
              file=sys.stderr)
    return [name for name in BALANCERS if name not in missing]


def balancers_of(workload, balancers):
    return [name for name in balancers if name != "bound" or workload not in UNBOUND]


def timed(command, programs):
    start = time.monotonic()
    status = subprocess.run(shlex.split(str(programs / command)), stdout=subprocess.DEVNULL,
                            check=False).returncode
    if status:
        sys.exit(f"hardware.py: {command}: exit status {status}; a smaller --mb may help, and "
                 "--only leaves it out")
    return time.monotonic() - start


def report(times):
    print(f"{'workload':12}" + "".join(f"{name:>26}" for name in BALANCERS))
    for workload, by_balancer in times.items():
        row = f"{workload:12}"
        base = statistics.median(by_balancer["off"]) if by_balancer.get("off") else None
        for balancer in BALANCERS:
            seconds = by_balancer.get(balancer)
            if not seconds:
                row += f"{'-':>26}"
                continue
            middle = statistics.median(seconds)
            spread = (max(seconds) - min(seconds)) / middle
            factor = f"{middle / base:.2f} x off" if base else ""
            row += f"{f'{middle:.2f} s ±{spread / 2:.0%}, {factor}':>26}"
        print(row)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5, help="runs of each (default 5)")
    parser.add_argument("--mb", type=int, default=4096, help="MiB of a process (default 4096)")
    parser.add_argument("--loops", type=int, default=40, help="loops of a thread (default 40)")
    parser.add_argument("--only", default="", metavar="REGEX", help="workloads that match")
    parser.add_argument("--output", type=Path, default=Path("hardware.json"), help="all times")
    parser.add_argument("--nodes-dir", type=Path, default=NODES,
                        help=f"where the kernel says what nodes there are (default {NODES})")
    parser.add_argument("--dry-run", action="store_true", help="print the commands only")
    args = parser.parse_args()

    cpus = machine(args.nodes_dir)
    todo = {name: command for name, command in commands(cpus, args.mb, args.loops).items()
            if re.search(args.only, name)}
    if not todo:
        parser.error(f"no workload matches: there are {', '.join(WORKLOADS)}")
    balancers = present()
    if args.dry_run:
        print("\n".join(command + BALANCERS[name][2] for workload, command in todo.items()
                        for name in balancers_of(workload, balancers)))
        return 0
    if os.geteuid():
        sys.exit("hardware.py: not root: switching balancers needs it; try sudo")

    # By way of the end of Switches
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    times = {workload: {name: [] for name in balancers} for workload in todo}
    with tempfile.TemporaryDirectory() as directory, Switches() as switches:
        programs = Path(directory)
        subprocess.run(["make", "-s", "-C", HERE.parent / "programs", f"OUT={programs}"],
                       check=True)
        for number in range(args.rounds):
            for workload, command in todo.items():
                for name in balancers_of(workload, balancers):
                    mainline, knumad, extra = BALANCERS[name]
                    switches.set(mainline, knumad)
                    seconds = timed(command + extra, programs)
                    times[workload][name].append(seconds)
                    print(f"   round {number + 1} of {args.rounds}: {workload}, {name}: "
                          f"{seconds:.2f} s", flush=True)
            # Each round: whatever ends it does not take the times with it
            args.output.write_text(json.dumps(
                {"kernel": platform.release(), "nodes": cpus, "commands": todo,
                 "seconds": times}, indent=1) + "\n")
    report(times)
    return 0


if __name__ == "__main__":
    sys.exit(main())
