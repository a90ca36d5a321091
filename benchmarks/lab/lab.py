#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Run workloads in the emulated machine under each balancer and count their accesses.

    lab.py --set quick            what make bench runs
    lab.py --only 'sweep.*thp'    some runs of the chosen set
    lab.py --list                 what there is

Each run boots a guest of its own, in which time is the number of instructions executed:
the same run gives the same counts, to the last one.  A run that has its result already,
from the same kernel, programs and settings, is not repeated.
"""

import argparse
import bisect
import functools
import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

LAB = Path(__file__).resolve().parent
sys.path.insert(0, str(LAB.parent.parent / "scripts"))
from guest import (BUILD, EXTRAS, OBSERVER, ROOT, GuestError, Step, Topology,  # noqa: E402
                   build_observer, commit, qemu_command, run)

RESULTS = LAB.parent / "results"
PROGRAMS = BUILD / "programs"

BALANCERS = ("off", "mainline", "knumad", "bound")
NODES = {
    "2x2": Topology(nodes=2),
    "2x2big": Topology(nodes=2, node_mb="2560"),
    "4x2": Topology(nodes=4),
    # Two pairs of near nodes, as in machines of two boards.
    "uneven": Topology(nodes=4, distances="10,16,28,28;16,10,28,28;28,28,10,16;28,28,16,10"),
}
GUEST_MB = 200          # that QEMU takes besides the guest's memory
INTERVAL = 0.25

INSN = 16e-9            # seconds
SCHEMA = 1              # of results, also of what their figures mean: see summarize()

# The kernel functions that the observer is told about.
WATCHED = {
    "switch": ("__switch_to_asm",),
    "forget": ("ret_from_fork_asm",),
    # Where a thread enters NUMA work: hinting faults, the scan that arms them, the wait
    # for a page that is being moved
    "work": ("numa_migrate_check", "do_huge_pmd_numa_page", "task_numa_work",
             "migration_entry_wait", "pmd_migration_entry_wait"),
    # What only threads that balance run, soon after they have been woken up
    "balancer": ("knumad_loop", "knumad_registry_sweep", "knumad_migrate_all", "move_some"),
}
# These with their sizes
WATCHED_WHOLE = {
    "copy": ("copy_page", "copy_page_regs", "memcpy_orig"),
    "move": ("folio_mc_copy",),
    "clear": ("clear_page_rep", "clear_page_orig", "clear_page_erms"),
}


@dataclass(frozen=True)
class Workload:
    """A program, as it runs by itself and as somebody would bind it by hand."""
    title: str
    command: str            # {seed} is replaced
    bound: str | None = ""  # default: the command with --bind; None: nothing to bind
    marks: bool = True      # it marks begin and end of its work itself
    extras: bool = False    # it is in the archive of big programs


# -0: all memory is first touched on node 0.
PERF_MULTI = "perf bench numa mem -p 4 -t 2 -P 48 {touch}-l 60 -s 60 -z -Z -c -q"
PERF_SPAN = "perf bench numa mem -p 1 -t 8 -P 16 -T 16 {touch}-l 120 -s 300 -z -Z -c -q"
# Until all threads of each process are on one node, or for a minute
PERF_CONVERGE = "perf bench numa mem -p 4 -t 2 -P 48 -0 -l 100000 -s 60 -z -Z -m -q"
PERF_BOUND = "-C 0,1,2,3,4,5,6,7 -M 0,0,1,1,2,2,3,3 "


def stress(title, arguments):
    """stress-ng, for so many operations; a timeout of 0 is none."""
    return Workload(f"stress-ng: {title}",
                    f"stress-ng --seed {{seed}} --timeout 0 --verify {arguments}",
                    bound=None, marks=False, extras=True)


WORKLOADS = {
    "sweep": Workload("two processes x 2 threads sweep all their memory (128 MiB each)",
                      "sweep --loops 60 --seed {seed}"),
    "numa-multi": Workload("perf bench numa mem: four processes x 2 threads (48 MiB each)",
                           PERF_MULTI.format(touch="-0 "),
                           PERF_MULTI.format(touch=PERF_BOUND),
                           False),
    "numa-span": Workload("perf bench numa mem: one process x 8 threads (16 MiB shared, "
                          "16 MiB of each)",
                          PERF_SPAN.format(touch="-0 "), PERF_SPAN.format(touch=PERF_BOUND),
                          False),
    "numa-converge": Workload("the four processes of perf bench numa mem, until it says that each "
                              "one has all of its threads on one node (60 s at most)",
                              PERF_CONVERGE, None, False),
    "slices": Workload("one process x 4 threads, a slice each (128 MiB)",
                       "slices --loops 250 --seed {seed}"),
    "slices-8": Workload("one process x 8 threads, a slice each (128 MiB)",
                         "slices --threads 8 --loops 250 --seed {seed}"),
    "slices-1g": Workload("one process x 4 threads, a slice each (1 GiB)",
                          "slices --mb 1024 --loops 25 --seed {seed}"),
    "slices-settled": Workload("the same, for a minute, after it had a minute to settle",
                               "slices --mb 1024 --settle 25 --loops 25 --seed {seed}"),
    "braid": Workload("one process x 4 threads that own blocks of 64 KiB in turn (128 MiB)",
                      "braid --loops 250 --seed {seed}", None),
    "slices-2": Workload("two processes x 2 threads, a slice each (128 MiB each)",
                         "slices --processes 2 --threads 2 --loops 120 --seed {seed}"),
    "pairs": Workload("4 threads, two working sets shared by pairs (64 MiB each)",
                      "pairs --loops 120 --seed {seed}"),
    "shared": Workload("4 threads that all sweep everything (128 MiB)",
                       "shared --loops 60 --seed {seed}"),
    "rotate": Workload("4 threads whose slices rotate twice (128 MiB)",
                       "rotate --loops 80 --seed {seed}"),
    "quit": Workload("three processes x 2 threads (96 MiB each), one quits",
                     "quit --loops 60 --seed {seed}"),
    "idle": Workload("a process that sweeps beside a bigger idle one",
                     "idle --loops 100 --seed {seed}"),
    "shortlived": Workload("400 processes of 1 MiB, four at a time",
                           "shortlived --seed {seed}"),
    "settled": Workload("two processes x 2 threads at home, all of it touched once a second "
                        "(2 GiB each)",
                        "settled --home --mb 2048 --settle 70 --loops 60 --seed {seed}", None),
    "messaging": Workload("perf bench sched messaging: 400 processes",
                          "perf bench sched messaging -g 10 -l 50", None, False),
    "pipe": Workload("perf bench sched pipe: two processes that wake each other",
                     "perf bench sched pipe -l 40000", None, False),
    "redis": Workload("redis-server (48 Ki values of 1 KiB) and redis-benchmark",
                      "redis", "numactl --cpunodebind=0 --membind=0 redis", extras=True),
    "stress-vm": stress("four processes that write and check memory (64 MiB each)",
                        "--vm 4 --vm-bytes 64M --vm-keep --vm-ops 3000"),
    "stress-numa": stress("the system calls for NUMA", "--numa 2 --numa-ops 24"),
    "stress-fork": stress("four processes that fork", "--fork 4 --fork-ops 1200"),
    "stress-malloc": stress("malloc, realloc and free in four processes",
                            "--malloc 4 --malloc-bytes 2M --malloc-max 64 --malloc-touch "
                            "--malloc-ops 10000"),
}


@dataclass(frozen=True)
class Run:
    workload: str
    pages: str
    nodes: str
    balancer: str
    seed: int

    def __str__(self):
        return f"{self.workload}-{self.pages}-{self.nodes}-{self.balancer}-{self.seed}"


GOALS = {"off": 1, "mainline": 3, "knumad": 5, "bound": 1}
LEAST = {**GOALS, "mainline": 2, "knumad": 3}
ONE = {"off": 1, "mainline": 1, "knumad": 1}
LONG = {**ONE, "knumad": 5}


def matrix(workloads, pages, nodes, seeds):
    """Balancers that depend on chance get several seeds."""
    return [Run(workload, size, nodes, balancer, seed)
            for workload in workloads for size in pages for balancer in BALANCERS
            if balancer != "bound" or WORKLOADS[workload].bound is not None
            for seed in range(1, seeds.get(balancer, 0) + 1)]


def goals(seeds):
    return (matrix(["sweep"], ["thp", "4k"], "2x2", seeds)
            + matrix(["numa-multi"], ["thp", "4k"], "4x2", seeds))


SETS = {
    # To be done in 20 minutes: mainline with one seed, and not what never differs
    "quick": goals({"off": 1, "mainline": 1, "knumad": 5})
    + matrix(["settled"], ["thp"], "2x2big", {"knumad": 5}),
    # First what has a goal
    "full": goals(GOALS)
    + matrix(["settled"], ["thp"], "2x2big", LONG)
    + matrix(["settled"], ["4k"], "2x2big", ONE)
    + matrix(["slices"], ["thp", "4k"], "2x2", GOALS)
    + matrix(["slices-2", "pairs"], ["thp"], "2x2", GOALS)
    + matrix(["shared", "rotate"], ["thp"], "2x2", GOALS)
    + matrix(["slices-8"], ["thp"], "uneven", GOALS)
    + matrix(["slices-1g"], ["4k"], "2x2big", LONG)
    + matrix(["slices-settled"], ["thp"], "2x2big", LONG)
    + matrix(["numa-span"], ["thp", "4k"], "4x2", GOALS)
    + matrix(["numa-converge"], ["thp"], "4x2", GOALS)
    + matrix(["braid"], ["4k"], "2x2", LEAST)
    + matrix(["pairs"], ["4k"], "2x2", ONE)
    + matrix(["sweep"], ["mthp"], "2x2", {"off": 1, "mainline": 1, "knumad": 3, "bound": 1})
    + matrix(["quit", "idle"], ["thp"], "2x2", LEAST)
    + matrix(["shortlived"], ["thp"], "2x2", ONE)
    + matrix(["numa-multi"], ["thp"], "uneven", ONE)
    + matrix(["redis", "stress-vm", "stress-fork", "stress-malloc"], ["thp"], "2x2", ONE)
    + matrix(["messaging", "pipe"], ["thp"], "2x2", ONE)
    # With huge pages each of its calls moves 2 MiB, and it takes hours.
    + matrix(["stress-numa"], ["4k"], "2x2", ONE),
}

MOMENTARY = ("bytes_max",)
GUEST = r"""
cd /tmp
thp=/sys/kernel/mm/transparent_hugepage
for size in $thp/hugepages-*; do echo never >$size/enabled; done
case {pages} in
thp) echo always >$thp/hugepages-2048kB/enabled ;;
mthp) echo always >$thp/hugepages-64kB/enabled ;;
esac || exit 98
echo 2 >/proc/sys/kernel/randomize_va_space
switch=/sys/kernel/mm/knumad/enabled
case {balancer} in
mainline) echo 1 >/proc/sys/kernel/numa_balancing ;;
knumad) echo always >$switch ;;
esac || exit 98
counters() {{
	grep -E '^(numa_(hint_faults|pte_updates|pages_migrated)|thp_split_page) ' /proc/vmstat |
		sed "s/^/$1 /"
	sed -n "s/^bytes_max /$1 bytes_max /p" /sys/kernel/debug/knumad/stats 2>/dev/null
}}
counters before
{command}
status=$?
counters after
mark 15
exit $status
"""


def guest_command(spec):
    workload = WORKLOADS[spec.workload]
    command = workload.command
    if spec.balancer == "bound":
        command = workload.bound or command + " --bind"
    command = command.format(seed=spec.seed)
    if workload.marks:
        return f"mark 0 --seed {spec.seed} {command}"
    return f"mark 1 --seed {spec.seed} {command} >/tmp/output; status=$?; mark 15; " \
           "tail -n 5 /tmp/output; (exit $status)"


def symbols():
    """The observer's settings for the functions that it watches."""
    table = []
    for line in (BUILD / "lab/System.map").read_text().splitlines():
        address, kind, name = line.split()
        if kind in "tTW":
            table.append((int(address, 16), name))
    start = {name: address for address, name in table}
    for name in sum((*WATCHED.values(), *WATCHED_WHOLE.values()), ()):
        if name not in start:
            raise RuntimeError(f"the kernel has no function {name}: look in lab.py where it is "
                               "used, and name what took its place")
    addresses = sorted({address for address, _ in table})

    def size(name):
        return addresses[bisect.bisect_right(addresses, start[name])] - start[name]

    settings = {key: [f"{start[name]:x}" for name in names] for key, names in WATCHED.items()}
    settings |= {key: [f"{start[name]:x}:{size(name):x}" for name in names]
                 for key, names in WATCHED_WHOLE.items()}
    return {key: ":".join(found) for key, found in settings.items()}


def total(matrices):
    """The sum of matrices."""
    return [[sum(cells) for cells in zip(*rows)] for rows in zip(*matrices)]


def both(counts):
    return total([counts["loads"], counts["stores"]])


def local(counts):
    everything = sum(map(sum, counts))
    return sum(counts[i][i] for i in range(len(counts))) / everything if everything else 0


def read_counters(lines):
    """By how much the counters have grown, and the last value of those of one moment."""
    found = {"before": {}, "after": {}}
    for line in lines:
        words = line.split()
        if len(words) == 3 and words[0] in found and words[2].isdigit():
            when, name, value = words
            found[when][name] = found[when].get(name, 0) + int(value)
    before, after = found["before"], found["after"]
    return {name: value if name in MOMENTARY else value - before.get(name, 0)
            for name, value in after.items()}


def summarize(spec, topology, observed, lines, meta):
    """The result of a run as it is stored."""
    counters = read_counters(lines)
    instructions, start = observed["instructions"], observed["start"]
    whole = {kind: (instructions[kind] + start["instructions"][kind]) * INSN
             for kind in instructions}
    intervals = observed["intervals"]
    accesses = intervals["accesses"]
    second = round(1 / intervals["seconds"])
    user = {kind: total([phase["user"][kind] for phase in observed["phases"]])
            for kind in ("loads", "stores")}
    kernel = {kind: total([phase["kernel_mode"][kind] for phase in observed["phases"]])
              for kind in ("loads", "stores")}
    third = accesses[len(accesses) * 2 // 3:]
    return {
        "schema": SCHEMA, **meta, "workload": spec.workload,
        "title": WORKLOADS[spec.workload].title, "command": guest_command(spec),
        "balancer": spec.balancer, "pages": spec.pages, "seed": spec.seed,
        "topology": {"name": spec.nodes, "cpus": topology.cpus, "mb": topology.mb,
                     "distances": topology.distances},
        "seconds": observed["seconds"], "instructions": instructions, "start": start,
        "moves": observed["moves"],
        "user": user, "kernel_mode": kernel, "phases": observed["phases"],
        "intervals": intervals,
        "before": total(accesses[:second]), "after": total(accesses[-second:]),
        "last_third": total(third),
        "counters": {
            "hint_faults": counters["numa_hint_faults"],
            "pages_armed": counters["numa_pte_updates"],
            "pages_moved": counters["numa_pages_migrated"],
            "thp_splits": counters["thp_split_page"],
            "observed_moves": observed["moves"]["pages"],
            "pages_again": observed["moves"]["again"],
            "balancer_bytes": counters.get("bytes_max"),
        },
        # Of the whole program, but for what is called counted
        "cpu": {
            "user_s": whole["user"],
            "system_s": whole["kernel"],
            "application_s": whole["kernel"] - whole["balancer"],
            "balancer_s": whole["balancer"],
            "counted_system_s": instructions["kernel"] * INSN,
        },
        "stalls": observed["stalls"],
    }


@functools.cache
def qemu_version():
    said = subprocess.run(["qemu-system-x86_64", "--version"], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    return re.search(r"version (\S+)", said).group(1)


def meta_data():
    release = (BUILD / "lab/include/config/kernel.release").read_text().strip()
    return {"kernel": release, "qemu": qemu_version(),
            "commit": commit()}


def machine(topology):
    """The command line of QEMU, but for the files of a run."""
    with tempfile.TemporaryFile() as image:
        command = qemu_command(topology, "lab", image, "", "deterministic", {"out": ""})
        return [word.replace(str(ROOT), "") for word in command
                if word != f"/proc/self/fd/{image.fileno()}"]


@functools.cache
def images(extras):
    """A digest of all files that a result depends on."""
    digest = hashlib.sha256()
    for path in (BUILD / "lab/arch/x86/boot/bzImage", BUILD / "initramfs.cpio", OBSERVER,
                 *sorted(PROGRAMS.iterdir()), *([EXTRAS] if extras else [])):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def fingerprint(spec):
    """Changes when anything does that a result depends on."""
    settings = (SCHEMA, images(WORKLOADS[spec.workload].extras), GUEST, spec, guest_command(spec),
                machine(NODES[spec.nodes]), qemu_version(), INTERVAL, WATCHED, WATCHED_WHOLE)
    return hashlib.sha256(repr(settings).encode()).hexdigest()[:16]


def observe(topology, script, raw, log, timeout=1800, extras=False):
    """Run a script in a guest under the observer: its result and what was observed.

    Observed is None if the script failed.  RuntimeError: the counts cannot be trusted.
    """
    settings = {"out": raw, "interval": int(INTERVAL * 1e9), **symbols()}
    files = {f"/usr/bin/{path.name}": path for path in PROGRAMS.iterdir()}
    result, = run(topology, [Step(script, raw.stem, timeout)], mode="deterministic", log=log,
                  files=files, extras=extras, observe=settings)
    if result.status:
        return result, None
    observed = json.loads(raw.read_text())
    raw.unlink()
    if observed["void"]:
        raise RuntimeError(f"void: {observed['void']}")
    return result, observed


def measure(spec, meta, directory):
    """One run: boots, runs, stores.  What it says on failure, or None."""
    error = try_to_measure(spec, meta, directory)
    if error:
        # What an older kernel did is not the result of this one
        (directory / f"{spec}.json").unlink(missing_ok=True)
    return error


def try_to_measure(spec, meta, directory):
    topology = NODES[spec.nodes]
    log = BUILD / "log" / f"lab-{spec}.log"
    script = GUEST.format(pages=spec.pages, balancer=spec.balancer, command=guest_command(spec))
    try:
        result, observed = observe(topology, script, directory / f"{spec}.raw", log,
                                   extras=WORKLOADS[spec.workload].extras)
        if not observed:
            return "\n".join([f"exit status {result.status} ({log})"] + result.lines[-10:])
        stored = summarize(spec, topology, observed, result.lines, meta)
        text = json.dumps(stored, separators=(",", ":"))
        # Whole or not at all: an interrupted run continues with what is there
        part = directory / f"{spec}.part"
        part.write_text(text + "\n")
        part.rename(directory / f"{spec}.json")
    except (GuestError, OSError, RuntimeError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error} ({log})"
    return None


def has_result(spec, directory):
    path = directory / f"{spec}.json"
    return path.exists() and json.loads(path.read_text()).get("fingerprint") == fingerprint(spec)


def build_guest():
    """The kernel and what it runs: a result names the commit that is there, not an older one."""
    subprocess.run(["scripts/kernel.sh", "build", "lab"], cwd=ROOT, check=True)
    subprocess.run(["scripts/initramfs.sh"], cwd=ROOT, check=True)


def build():
    """The observer and the programs."""
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    subprocess.run(["make", "-s", "-C", LAB.parent / "programs", f"OUT={PROGRAMS}"], check=True)
    build_observer()


def brief(path):
    stored = json.loads(path.read_text())
    return (f"{local(both(stored['user'])):7.2%} local, last third "
            f"{local(stored['last_third']):7.2%}, {stored['counters']['hint_faults']} faults, "
            f"{stored['counters']['pages_moved']} moved, "
            f"system {stored['cpu']['system_s']:.2f} s of {stored['seconds']:.0f}")


def memory_mb():
    """Of this machine, what is there for guests."""
    found = re.search(r"MemAvailable: +(\d+)", Path("/proc/meminfo").read_text())
    return int(found.group(1)) >> 10


def guests_that_fit(runs, most):
    """How many of the largest guests have room at a time, at least one."""
    largest = sorted((sum(NODES[spec.nodes].mb) + GUEST_MB for spec in runs), reverse=True)
    while most > 1 and sum(largest[:most]) > memory_mb():
        most -= 1
    return most


def run_all(runs, directory, jobs, made_by):
    """Two guests at a time; they share nothing but the host's time."""
    meta = {**meta_data(), "made_by": made_by}
    directory.mkdir(parents=True, exist_ok=True)
    todo = [spec for spec in runs if not has_result(spec, directory)]
    print(f"== {len(runs)} runs, {len(runs) - len(todo)} of them there already", flush=True)
    if jobs > (fit := guests_that_fit(todo, jobs)):
        print(f"   {fit} at a time: more have no room in {memory_mb()} MB of memory", flush=True)
        jobs = fit
    start, failed, done = time.monotonic(), 0, 0
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(measure, spec, {**meta, "fingerprint": fingerprint(spec)},
                               directory): spec for spec in todo}
        for future in as_completed(futures):
            spec, error = futures[future], future.result()
            done += 1
            left = (time.monotonic() - start) / done * (len(todo) - done)
            failed += bool(error)
            print(f"   {done} of {len(todo)}, about {left / 60:.0f} minutes left: {spec}: "
                  f"{'FAILED: ' + error if error else brief(directory / f'{spec}.json')}",
                  flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--set", choices=SETS, default="quick", help="which runs (default quick)")
    parser.add_argument("--only", default="", metavar="REGEX", help="of these, the ones that match")
    parser.add_argument("--list", action="store_true", help="name the runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="directory of the results")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count()),
                        help="guests at a time")
    parser.add_argument("--made-by", default=shlex.join(["lab.py", *sys.argv[1:]]),
                        help="command to name in the results")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))

    runs = [spec for spec in SETS[args.set] if re.search(args.only, str(spec))]
    if args.list:
        print("\n".join(map(str, runs)))
        return 0
    if not runs:
        parser.error("no run matches: see --list (more are in --set full)")
    try:
        build_guest()
        build()
    except subprocess.CalledProcessError as error:
        print(f"lab.py: {shlex.join(map(str, error.cmd))} failed, see above", file=sys.stderr)
        return 3
    return 1 if run_all(runs, args.results, args.jobs, args.made_by) else 0


if __name__ == "__main__":
    sys.exit(main())
