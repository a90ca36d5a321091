#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Other people's tests, with knumad off and with knumad at full speed: the same results?

The kernel's own selftests of memory management, and stress-ng where it verifies memory.
Each runs twice in a guest: while knumad is off, and while it looks, arms and moves as
fast as it can. All the time its processes are sent from node to node, so that there is
something to move. Prints TAP: a test is passed if both runs tell the same.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import ktap
from guest import BUILD, OUT_OF_MEMORY, GuestError, Step, run
from machines import SHAPES

MACHINES = ("2-nodes", "4-nodes")
OUT = BUILD / "others"
SELFTESTS = BUILD / "linux/tools/testing/selftests"
LIMIT = 240

# Exit statuses: of kselftests and stress-ng that lack something, of a shell without it
NOT_HERE = (3, 4, 126, 127)

# Where a test takes no account of pages that are on their way, whoever moves them:
# what marks it, in what it told otherwise or else in what it said
ON_THEIR_WAY = {
    # /proc/PID/pagemap has such a page as swapped out, which the guest never does
    "mm/cow": r"\A(  off: ok \d+ # SKIP MADV_PAGEOUT did not work.*\n|  on:  ok \d+ .*\n)+\n",
    # KSM does not merge such a page, and the test gives it two rounds
    "mm/ksm_functional_tests": r"not ok 2 'ksm_zero_pages' updated after merging",
    # It moves a range again that it has moved already, if its thread comes back before that is
    # done: migrate_pages(2) in a loop does it, too
    "mm/uffd-unit-tests": r"move-pmd-split on anon.*UFFDIO_MOVE error: -2 ",
}

# What cannot be built with what Debian and this kernel have
CANNOT_BE_BUILT = ("mm/khugepaged",)


@dataclass(frozen=True)
class Test:
    """What it is called, how it is started, whether it is among the quick ones."""
    name: str
    command: str
    quick: bool = False

    def __str__(self):
        return self.name


def kernel(directory, *programs, quick=()):
    return [Test(f"{directory}/{program}", f"cd /others/{directory} && ./{program}",
                 program in quick) for program in programs]


def stress(name, ops, options=""):
    quick = name in ("vm", "mremap", "fork", "numa", "userfaultfd", "madvise")
    return Test(f"stress-ng/{name}", f"stress-ng --{name} 2 --{name}-ops {ops} {options} --verify "
                f"--timeout {LIMIT - 40} --oomable --quiet", quick)


def perf(command):
    return Test(f"perf/{command}", f"perf {command}")


# Those of others than the kernel's selftests: what they need is in the guest
IN_GUEST = ("stress-ng", "perf")

TESTS = kernel("mm", "cow", "droppable", "gup_longterm", "gup_test -u", "gup_test -L",
               "gup_test -ct -F 0x1 0 19 0x1000", "hugetlb-madvise", "khugepaged all:anon",
               "ksm_functional_tests", "ksm_tests -M -p 10", "ksm_tests -Z -p 10 -z 0",
               "ksm_tests -N -m 1", "ksm_tests -U", "madv_populate", "map_fixed_noreplace",
               "map_populate", "mdwe_test", "memfd_secret", "migration", "mkdirty",
               "mlock-random-test", "mlock2-tests", "mrelease_test", "mremap_dontunmap",
               "mremap_test", "mseal_test", "on-fault-limit", "pagemap_ioctl",
               "protection_keys_64", "soft-dirty", "split_huge_page_test", "thuge-gen",
               "transhuge-stress -d 10", "uffd-stress anon 20 16", "uffd-unit-tests",
               quick=("cow", "gup_longterm", "madv_populate", "mremap_test", "mseal_test",
                      "soft-dirty", "mkdirty"))
TESTS += kernel("cgroup", "test_memcontrol", "test_core", quick=("test_memcontrol",))
TESTS += kernel("mincore", "mincore_selftest", quick=("mincore_selftest",))
TESTS += kernel("memfd", "memfd_test", quick=("memfd_test",))
TESTS += kernel("membarrier", "membarrier_test_single_thread", "membarrier_test_multi_thread",
                quick=("membarrier_test_multi_thread",))
TESTS += kernel("rseq", "basic_test", "basic_percpu_ops_test", quick=("basic_test",))
TESTS += [
    stress("vm", 400, "--vm-bytes 32M"),
    stress("vm-rw", 200, "--vm-rw-bytes 16M"),
    stress("vm-addr", 20),
    stress("vm-segv", 100),
    stress("vm-splice", 2000),
    stress("mmap", 20, "--mmap-bytes 8M"),
    stress("mmapaddr", 2000),
    stress("mmapfixed", 500),
    stress("mmapfork", 8),
    stress("mmaphuge", 20),
    stress("mmapmany", 20),
    stress("madvise", 20),
    stress("mincore", 200),
    stress("mlock", 200),
    stress("mremap", 100, "--mremap-bytes 8M"),
    stress("mprotect", 200),
    stress("msync", 20),
    stress("fork", 400),
    stress("vfork", 400),
    stress("clone", 200),
    stress("numa", 10),
    stress("userfaultfd", 400, "--userfaultfd-bytes 8M"),
    stress("memfd", 20, "--memfd-bytes 16M"),
    stress("shm", 20, "--shm-bytes 8M"),
    stress("shm-sysv", 10),
    stress("swap", 20),
    stress("brk", 2000),
    stress("bigheap", 400),
    stress("stack", 10),
    stress("stackmmap", 20),
    stress("sigsegv", 2000),
    stress("ptrace", 2000),
    stress("physpage", 50),
    stress("malloc", 20000, "--malloc-bytes 1M"),
    stress("memthrash", 10),
    stress("memrate", 10, "--memrate-bytes 16M"),
    stress("remap", 20),
    stress("resources", 10),
    stress("cpu-online", 10, "--pathological"),
    Test("stress-ng/all at once",
         f"stress-ng --verify --quiet --oomable --timeout {LIMIT - 40} "
         "--vm 1 --vm-ops 200 --vm-bytes 16M --mremap 1 --mremap-ops 40 --mremap-bytes 4M "
         "--madvise 1 --madvise-ops 10 --fork 1 --fork-ops 200 --clone 1 --clone-ops 100 "
         "--userfaultfd 1 --userfaultfd-ops 200 --userfaultfd-bytes 4M --numa 1 --numa-ops 4 "
         "--brk 1 --brk-ops 1000 --memfd 1 --memfd-ops 10 --memfd-bytes 8M "
         "--mprotect 1 --mprotect-ops 100 --shm 1 --shm-ops 10 --shm-bytes 4M"),
]
# Signals, threads, CPU and memory maps; and the suite, as far as it is about memory and threads
TESTS += map(perf, [
    "test 13 14 15 16 17 19 20 23 30 31 34 46 59 60",
    "bench sched messaging -g 4 -l 50",
    "bench sched messaging -t -g 4 -l 50",
    "bench sched pipe -l 5000",
    "bench syscall fork -l 200",
    "bench syscall execve -l 200",
    "bench mem memcpy -s 4MB -l 5",
    "bench mem memset -s 4MB -l 5",
    "bench futex hash -t 4 -r 2",
    "bench futex wake -t 16",
    "bench futex wake-parallel -t 16",
    "bench futex requeue -t 16",
    "bench futex lock-pi -t 4 -r 2",
    "bench epoll wait -t 4 -r 2",
    "bench epoll ctl -t 4 -r 2",
    "bench numa mem -p 2 -t 2 -P 16 -l 20 -s 20 -z -Z -0 -c -q",
    "bench numa mem -p 1 -t 4 -P 16 -T 8 -l 20 -s 20 -z -Z -0 -c -q",
    "bench numa mem -p 2 -t 2 -P 16 -l 20 -s 20 -z -Z -0 -c -q --thp 1",
])

GUEST = r"""
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
echo 1 >/proc/sys/vm/overcommit_memory
echo 8 >/proc/sys/vm/nr_hugepages
knumad=/sys/kernel/mm/knumad
set_to() {
	echo "$2" >$knumad/$1 || exit 98
}
set_to scan_interval_ms 100
set_to scan_max_interval_ms 100
set_to cpu_percent 100
set_to min_resident_mb 1
set_to min_cpu_ms 0
set_to samples_per_s 100000
counter() {
	sed -n "s/^$1 //p" /sys/kernel/debug/knumad/stats
}
members() {
	ps -o pid,sid | awk -v sid="$1" '$2 == sid { print $1 }'
}
# All processes of a session, from node to node
chase() {
	while sleep 0.3; do
		for cpus in $(cat /sys/devices/system/node/node*/cpulist); do
			for pid in $(members "$1"); do
				taskset -acp "$cpus" "$pid"
			done
			sleep 0.3
		done
	done >/dev/null 2>&1
}
for mode in MODES; do
	set_to enabled $mode
	before=$(counter pages_migrated)
	start=$(cut -d. -f1 /proc/uptime)
	setsid timeout -k 10 LIMIT sh -c 'COMMAND' >/tmp/said 2>&1 &
	test=$!
	chase $test &
	chase=$!
	wait $test
	status=$?
	took=$(($(cut -d. -f1 /proc/uptime) - start))
	kill $chase; wait $chase 2>/dev/null
	kill -KILL $(members $test) 2>/dev/null
	echo "@@ $mode $status $took $(($(counter pages_migrated) - before))"
	cat /tmp/said
	echo
done
set_to enabled never
echo "@@ end $(counter bytes) $(counter self_disabled)"
"""


def build():
    """The kernel's tests, static, since the guest has few libraries."""
    subprocess.run([BUILD.parent / "scripts/kernel.sh", "source"], check=True)
    headers = BUILD / "lab/usr/include"
    # What another source made is not tested for what no longer builds
    stamp, source = OUT / "stamp", (BUILD / "linux/.knumad-stamp").read_text()
    if not stamp.exists() or stamp.read_text() != source:
        shutil.rmtree(OUT, ignore_errors=True)
        OUT.mkdir(parents=True)
        stamp.write_text(source)
    for directory in sorted({test.name.split("/")[0] for test in TESTS} - {*IN_GUEST}):
        out = OUT / directory
        out.mkdir(parents=True, exist_ok=True)
        with open(BUILD / f"log/others-{directory}.log", "w", encoding="utf-8") as log:
            # Those that lack a library are left out; make goes on without them
            subprocess.run(["make", "-k", "-j", str(os.cpu_count()), "-C", SELFTESTS / directory,
                            f"OUTPUT={out}", f"KHDR_INCLUDES=-isystem {headers}",
                            f"top_srcdir={BUILD}/linux", "CC=ccache gcc", "LDFLAGS=-static -s"],
                           stdout=log, stderr=subprocess.STDOUT, check=False)


def program_of(test):
    """The file that a test of the kernel needs, None for others."""
    directory, _, program = test.name.partition("/")
    return None if directory in IN_GUEST else f"{directory}/{program.split()[0]}"


# A result in TAP, or of perf test
TOLD = re.compile(r"\s*(not ok|ok)\b.*|\s*[\d.]+: .*: (Ok|Skip|FAILED!)")


def outcomes(lines, status):
    """What a run told: of each test its outcome, without what differs from run to run."""
    told = [re.sub(r"0x[0-9a-f]+|\d+\.\d+|\d{4,}", "N", match.group())
            for line in lines if (match := TOLD.match(line))]
    return (status, *told)


@dataclass(frozen=True)
class Run:
    """One of the runs of a step: with knumad never or always."""
    mode: str
    status: int
    seconds: int
    moved: int
    lines: tuple

    @property
    def told(self):
        return outcomes(self.lines, self.status)


def split(lines):
    """The runs of a step, and what each end says of knumad: what it has left is none."""
    runs, ends, said = [], [], []
    for line in lines:
        match = re.match(r"@@ (never|always) (\d+) (\d+) (\d+)$", line)
        if match:
            said = []
            runs.append((match[1], *map(int, match.groups()[1:]), said))
        elif line.startswith("@@ end"):
            ends.append(line.split()[2:])
        else:
            said.append(line)
    return [Run(*run[:4], tuple(run[4])) for run in runs], ends


def difference(off, on):
    lines = [f"  off: {line}" for line in off if line not in on]
    lines += [f"  on:  {line}" for line in on if line not in off]
    return "\n".join(lines[:30]) or "  in their order"


def judge(test, lines):
    """(outcome, detail) of one test, by the output of its runs: ok, skip, differs, fail."""
    runs, ends = split(lines)
    if not ends or any(end != ["0", "0"] for end in ends):
        return "fail", "\n".join([f"not brought to its end, or knumad left something: {ends}",
                                  *lines[-20:]])
    if runs[0].seconds >= LIMIT:
        return "skip", f"it takes more than {LIMIT} s without knumad"
    off = [run.told for run in runs if run.mode == "never"]
    on = [run for run in runs if run.mode == "always"]
    odd = [run for run in on if run.told not in off]
    excuse = ON_THEIR_WAY.get(test.name)
    # Not if it is always so
    if odd and (not excuse or len(odd) == len(on) or
                not all(re.search(excuse, "\n".join([difference(off[0], run.told), "", *run.lines]))
                        for run in odd)):
        return "differs", difference(off[0], odd[0].told)
    first, moved = runs[0], sum(run.moved for run in runs)
    if first.status in NOT_HERE:
        return "skip", f"it does not run here: exit status {first.status}"
    # Also of a shell, or of what was killed
    if (first.status in (1, 2) or first.status > 125) and not first.told[1:]:
        return "fail", "\n".join(["wrong usage, or it says nothing:", *first.lines[-10:]])
    return "ok", f"exit status {first.status}, {len(first.told) - 1 or 'no'} results, " \
                 f"{moved} pages moved meanwhile"


def step_of(test, modes):
    command = test.command.replace("'", "'\\''")
    return Step(GUEST.replace("MODES", modes).replace("LIMIT", str(LIMIT))
                .replace("COMMAND", command), test.name,
                (LIMIT + 60) * len(modes.split()), (OUT_OF_MEMORY,))


def run_tests(shape, tests):
    """Judge each test; one that takes the guest down costs only itself."""
    names = {*filter(None, map(program_of, tests)), "rseq/librseq.so"}
    files = {f"/others/{name}": OUT / name for name in names if (OUT / name).exists()}
    verdicts, left = {}, list(tests)

    def boot(steps, name, on_result=None):
        return run(SHAPES[shape], steps, files=files, extras=True, on_result=on_result,
                   log=BUILD / f"log/others-{shape}-{name}.log")

    def again(test, lines):
        """Where they differ: does it differ by itself?"""
        try:
            result, = boot([step_of(test, "never never always never always")],
                           re.sub(r"\W+", "-", test.name))
        except GuestError as error:
            return "fail", str(error)
        return judge(test, lines + result.lines)

    moved = 0
    while left:
        done, died = [], None
        try:
            boot([step_of(test, "never always") for test in left], len(left), done.append)
        except GuestError as error:
            died = str(error)
        for test, result in zip(left, done):
            moved += sum(now.moved for now in split(result.lines)[0])
            verdicts[test] = judge(test, result.lines)
            if verdicts[test][0] == "differs":
                verdicts[test] = again(test, result.lines)
        left = left[len(done):]
        if died and left:
            verdicts[left.pop(0)] = ("fail", died)
    # Many tests are over before anything could be moved, but not all
    verdicts["pages were moved"] = ("ok" if moved else "fail", f"{moved} pages")
    return verdicts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--all", action="store_true", help="not only the quick ones")
    parser.add_argument("--only", default="", metavar="REGEX", help="of these, the ones that match")
    parser.add_argument("--shape", choices=MACHINES, action="append", help="machine (default: all)")
    parser.add_argument("--list", action="store_true", help="name the tests")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    tests = [test for test in TESTS if (args.all or test.quick) and re.search(args.only, test.name)]
    if args.list:
        print("\n".join(map(str, tests)))
        return 0
    build()
    shapes = args.shape or MACHINES
    missing = [test for test in tests if program_of(test)
               and not (OUT / program_of(test)).exists()]
    there = [test for test in tests if test not in missing]
    with ThreadPoolExecutor(min(len(shapes), os.cpu_count())) as pool:
        results = list(pool.map(lambda shape: run_tests(shape, there), shapes))
    ktap.begin((len(tests) + 1) * len(shapes))
    number, failed = 0, 0
    for shape, verdicts in zip(shapes, results):
        for test in [*tests, "pages were moved"]:
            number += 1
            outcome, detail = verdicts.get(test, ("skip", "it cannot be built here"))
            if test in missing and program_of(test) not in CANNOT_BE_BUILT:
                outcome, detail = "fail", "it was not built: build/log/others-*.log says why"
            if outcome == "differs":
                outcome = "fail"
            failed += outcome == "fail"
            ktap.tell(number, ktap.Test(f"{shape} {test}", outcome, detail))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
