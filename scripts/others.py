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
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from guest import BUILD, GuestError, Step, Topology, run

SHAPES = {"2-nodes": Topology(nodes=2), "4-nodes": Topology(nodes=4, node_mb="384")}
OUT = BUILD / "others"
SELFTESTS = BUILD / "linux/tools/testing/selftests"
LIMIT = 240

# Exit statuses: of kselftests and stress-ng that lack something, of a shell without it
NOT_HERE = (3, 4, 126, 127)
TOO_LONG = (124, 137, 143)

# What the kernel says when a group has used up its memory, as some tests want it to
OUT_OF_MEMORY = (r"invoked oom-killer:", r"oom-kill:")


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
                f"--timeout {LIMIT} --oomable --quiet", quick)


TESTS = kernel("mm", "cow", "droppable", "gup_longterm", "gup_test -u", "gup_test -L",
               "gup_test -ct -F 0x1 0 19 0x1000", "hugetlb-madvise", "khugepaged all:anon",
               "ksm_functional_tests", "ksm_tests -M -p 10", "ksm_tests -Z -p 10 -z 0",
               "ksm_tests -N -m 1", "ksm_tests -U", "madv_populate", "map_fixed_noreplace",
               "map_populate", "mdwe_test", "memfd_secret", "migration", "mkdirty",
               "mlock-random-test", "mlock2-tests", "mrelease_test", "mremap_dontunmap",
               "mremap_test", "mseal_test", "on-fault-limit", "pagemap_ioctl",
               "protection_keys_64", "soft-dirty", "split_huge_page_test", "thuge-gen",
               "transhuge-stress -d 10", "uffd-stress anon 20 16", "uffd-unit-tests",
               "virtual_address_range",
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
    stress("mlockmany", 10),
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
    stress("brk", 2000, "--brk-bytes 32M"),
    stress("bigheap", 400, "--bigheap-bytes 64M"),
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
    stress("cpu-online", 10),
    Test("stress-ng/all at once",
         "stress-ng --verify --quiet --oomable --timeout 300 "
         "--vm 1 --vm-ops 200 --vm-bytes 16M --mremap 1 --mremap-ops 40 --mremap-bytes 4M "
         "--madvise 1 --madvise-ops 10 --fork 1 --fork-ops 200 --clone 1 --clone-ops 100 "
         "--userfaultfd 1 --userfaultfd-ops 200 --userfaultfd-bytes 4M --numa 1 --numa-ops 4 "
         "--brk 1 --brk-ops 1000 --brk-bytes 16M --memfd 1 --memfd-ops 10 --memfd-bytes 8M "
         "--mprotect 1 --mprotect-ops 100 --shm 1 --shm-ops 10 --shm-bytes 4M"),
]

GUEST = r"""
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
[ -e /swap ] || { dd if=/dev/zero of=/swap bs=1M count=32 2>/dev/null; chmod 600 /swap; }
echo 1 >/proc/sys/vm/overcommit_memory
echo 8 >/proc/sys/vm/nr_hugepages
knumad=/sys/kernel/mm/knumad
full_speed() {
	echo 100 >$knumad/scan_interval_ms
	echo 100 >$knumad/scan_max_interval_ms
	echo 100 >$knumad/cpu_percent
	echo 1 >$knumad/min_resident_mb
	echo 0 >$knumad/min_cpu_ms
	echo 100000 >$knumad/samples_per_s
}
# All processes of a session, from node to node
chase() {
	while sleep 0.3; do
		for cpus in $(cat /sys/devices/system/node/node*/cpulist); do
			for pid in $(ps -o pid,sid | awk -v sid="$1" '$2 == sid { print $1 }'); do
				taskset -acp "$cpus" "$pid"
			done
			sleep 0.3
		done
	done >/dev/null 2>&1
}
full_speed
for mode in MODES; do
	echo $mode >$knumad/enabled || exit 99
	before=$(sed -n 's/^pages_migrated //p' /sys/kernel/debug/knumad/stats)
	setsid timeout -k 10 LIMIT sh -c 'COMMAND' >/tmp/said 2>&1 &
	test=$!
	chase $test &
	chase=$!
	wait $test
	status=$?
	kill $chase; wait $chase 2>/dev/null
	after=$(sed -n 's/^pages_migrated //p' /sys/kernel/debug/knumad/stats)
	echo "@@ $mode $status $((after - before))"
	cat /tmp/said
	echo
done
echo never >$knumad/enabled
echo "@@ end $(sed -n 's/^bytes //p; s/^self_disabled //p' /sys/kernel/debug/knumad/stats | tr '\n' ' ')"
"""


def build():
    """The kernel's tests, static, since the guest has few libraries."""
    subprocess.run([BUILD.parent / "scripts/kernel.sh", "source"], check=True)
    headers = BUILD / "lab/usr/include"
    for directory in sorted({test.name.split("/")[0] for test in TESTS} - {"stress-ng"}):
        out = OUT / directory
        out.mkdir(parents=True, exist_ok=True)
        with open(BUILD / f"log/others-{directory}.log", "w", encoding="utf-8") as log:
            # Those that lack a library are left out; make goes on without them
            subprocess.run(["make", "-k", "-j", str(os.cpu_count()), "-C", SELFTESTS / directory,
                            f"OUTPUT={out}", f"KHDR_INCLUDES=-isystem {headers}",
                            f"top_srcdir={BUILD}/linux", "CC=ccache gcc", "LDFLAGS=-static -s"],
                           stdout=log, stderr=subprocess.STDOUT, check=False)


def program_of(test):
    """The file that a test of the kernel needs, None for stress-ng."""
    directory, _, program = test.name.partition("/")
    return None if directory == "stress-ng" else f"{directory}/{program.split()[0]}"


def outcomes(lines, status):
    """What a run told: of each test its outcome, without what differs from run to run."""
    told = [re.sub(r"0x[0-9a-f]+|\d+\.\d+|\d{4,}", "N", match.group())
            for line in lines if (match := re.match(r"\s*(not ok|ok)\b.*", line))]
    return (status, *told)


def split(lines):
    """The runs of a step: [(mode, status, pages moved, lines)], and what the end says."""
    runs, end = [], None
    for line in lines:
        match = re.match(r"@@ (never|always) (\d+) (\d+)$", line)
        if match:
            runs.append((match[1], int(match[2]), int(match[3]), []))
        elif line.startswith("@@ end"):
            end = line.split()[2:]
        elif runs:
            runs[-1][3].append(line)
    return runs, end


def difference(first, second):
    lines = [f"  off: {line}" for line in first if line not in second]
    return "\n".join(lines + [f"  on:  {line}" for line in second if line not in first][:20])


def judge(lines):
    """(outcome, detail) of one test, by the output of its runs."""
    runs, end = split(lines)
    if not end or end != ["0", "0"] or len(runs) < 2:
        return "fail", "\n".join(["not brought to its end"] + lines[-20:])
    told = [(mode, outcomes(output, status)) for mode, status, _, output in runs]
    off = {what for mode, what in told if mode == "never"}
    on = [what for mode, what in told if mode == "always"]
    moved = sum(pages for _, _, pages, _ in runs)
    if not set(on) <= off:
        return "fail", difference(next(iter(off)), on[0])
    if on[0][0] in NOT_HERE:
        return "skip", f"it does not run here: exit status {on[0][0]}"
    if on[0][0] in TOO_LONG:
        return "skip", f"it takes more than {LIMIT} s, with and without"
    number = len(on[0]) - 1
    return "ok", f"exit status {on[0][0]}, {number or 'no'} results, {moved} pages moved meanwhile"


def step_of(test, modes):
    command = test.command.replace("'", "'\\''")
    return Step(GUEST.replace("MODES", modes).replace("LIMIT", str(LIMIT))
                .replace("COMMAND", command), test.name, 3 * (LIMIT + 60), OUT_OF_MEMORY)


def run_tests(shape, tests):
    """Judge each test; one that takes the guest down costs only itself."""
    names = {*filter(None, map(program_of, tests)), "rseq/librseq.so"}
    files = {f"/others/{name}": OUT / name for name in names if (OUT / name).exists()}
    verdicts, left = {}, list(tests)

    def again(test, lines):
        """Where they differ: does it differ by itself?"""
        result, = run(SHAPES[shape], [step_of(test, "never never always never always")],
                      files=files, extras=True, log=BUILD / f"log/others-{shape}-again.log")
        return judge(lines + result.lines)

    while left:
        log = BUILD / f"log/others-{shape}-{len(left)}.log"
        done = []
        try:
            run(SHAPES[shape], [step_of(test, "never always") for test in left], files=files,
                extras=True, log=log, on_result=done.append)
            died = None
        except GuestError as error:
            died = str(error)
        for test, result in zip(left, done):
            verdicts[test] = judge(result.lines)
            if verdicts[test][0] == "fail":
                verdicts[test] = again(test, result.lines)
        left = left[len(done):]
        if died:
            verdicts[left.pop(0)] = ("fail", died)
    return verdicts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--all", action="store_true", help="not only the quick ones")
    parser.add_argument("--only", default="", metavar="REGEX", help="of these, the ones that match")
    parser.add_argument("--shape", choices=SHAPES, action="append", help="machine (default: all)")
    parser.add_argument("--list", action="store_true", help="name the tests")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    tests = [test for test in TESTS if (args.all or test.quick) and re.search(args.only, test.name)]
    if args.list:
        print("\n".join(map(str, tests)))
        return 0
    build()
    shapes = args.shape or list(SHAPES)
    missing = [test for test in tests if program_of(test)
               and not (OUT / program_of(test)).exists()]
    there = [test for test in tests if test not in missing]
    with ThreadPoolExecutor(min(len(shapes), os.cpu_count())) as pool:
        results = list(pool.map(lambda shape: run_tests(shape, there), shapes))
    print(f"TAP version 13\n1..{len(tests) * len(shapes)}")
    number, failed = 0, 0
    for shape, verdicts in zip(shapes, results):
        for test in tests:
            number += 1
            outcome, detail = verdicts.get(test, ("skip", "it needs a library to be built"))
            failed += outcome == "fail"
            line = f"{'not ' if outcome == 'fail' else ''}ok {number} {shape} {test.name}"
            print(line + (f" # SKIP {detail}" if outcome == "skip" else ""))
            if outcome != "skip":
                print("\n".join(f"# {text}" for text in detail.splitlines()), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
