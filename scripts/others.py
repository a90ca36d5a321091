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
from guest import BUILD, OUT_OF_MEMORY, GuestError, Step, Topology, run
from machines import SHAPES

MACHINES = ("2-nodes", "4-nodes")
# The same with more memory, for tests that need it
LARGE = {"2-nodes": Topology(nodes=2, node_mb="896"), "4-nodes": Topology(nodes=4, node_mb="512")}
# Disks in memory, which take no more of it than what is written there (KiB)
DISKS = "brd.rd_size=524288"
OUT = BUILD / "others"
SELFTESTS = BUILD / "linux/tools/testing/selftests"
LIMIT = 240

# Exit statuses: of kselftests and stress-ng that lack something, of a shell without it
NOT_HERE = (3, 4, 126, 127)

# Where a test takes no account of pages that are on their way, whoever moves them:
# what marks it, in what it told otherwise or else in what it said
ON_THEIR_WAY = {
    # KSM does not merge such a page, and the test gives it two rounds
    "mm/ksm_functional_tests": r"not ok 2 'ksm_zero_pages' updated after merging",
    # It moves a range again that it has moved already, if its thread comes back before that is
    # done: migrate_pages(2) in a loop does it, too
    "mm/uffd-unit-tests": r"move-pmd-split on anon.*UFFDIO_MOVE error: -2 ",
    # What is on its way is not reclaimed: limits, and what is used, are a bit off. So it is with
    # migrate_pages(2) in a loop, more often
    "cgroup/test_memcontrol on disk": r"not ok \d+ test_memcg_",
    # move_pages(2) cannot isolate such a page, nor one that another CPU has in hand just then:
    # without knumad, too, but not in each of its cases
    "mm/migration": r"Didn't migrate 1 pages",
    # Nor is such a page collapsed, with migrate_pages(2) in a loop neither
    "mm/khugepaged": r"Collapse .*\x1b\[31mFail",
    "mm/khugepaged -s 2": r"Collapse .*\x1b\[31mFail",
}

# What a test says that has run nothing
NOTHING = re.compile(r"# Totals: pass:0 fail:0 xfail:0 xpass:0|has pkeys: 0"
                     r"|could not open hmm dmirror driver \(/dev/hmm_dmirror0\)")

# Tests that last, and use what they map: while they run, memory must be moved
MUST_MOVE = ("mm/uffd-stress anon 20 16", "stress-ng/vm", "stress-ng/vm-rw",
             "stress-ng/all at once")

# Programs of the kernel's selftests, and what there is in stress-ng, that do not run here, and
# what they need
NOT_RUN = {
    "mm/hugetlb-read-hwpoison": "that MADV_HWPOISON does not kill who calls it",
    "mm/hugetlb-soft-offline": "CONFIG_MEMORY_FAILURE, by which stress-ng would kill itself",
    "mm/write_to_hugetlbfs": "charge_reserved_hugetlb.sh, and that CONFIG_CGROUP_HUGETLB",
    "cgroup/test_freezer": "luck: it looks ten times, without a pause, for what takes time",
    "cgroup/wait_inotify": "test_cpuset_prs.sh, and that bash",
    "rseq/basic_percpu_ops_test": "time: 200 threads, 5,000 times each",
    "rseq/basic_percpu_ops_mm_cid_test": "time: 200 threads, 5,000 times each",
    "memfd/memfd_test hugetlbfs": "F_SEAL_EXEC, which hugetlbfs does not heed",
}


@dataclass(frozen=True)
class Test:
    """What it is called, how it is started, whether it is among the quick ones, how many huge
    pages are there for it, whether it is sent from node to node, and needs more memory.
    """
    name: str
    command: str
    quick: bool = False
    huge_pages: int = 8
    chased: bool = True
    large: bool = False

    def __str__(self):
        return self.name


def kernel(directory, *programs, quick=(), **fields):
    return [Test(f"{directory}/{program}", f"cd /others/{directory} && ./{program}",
                 program in quick, **fields) for program in programs]


def rseq(program):
    """As run_param_test.sh, but less often: each mode, also while threads are held up in their
    sequences, by loops, or by a yield, a signal or a sleep at every second time.
    """
    delays = ["", *(f"-{place} 1000" for place in range(1, 10)),
              *(f"-{place} -1 -m 2 {how}" for place in (7, 8, 9) for how in ("-y", "-k", "-s 1"))]
    return Test(f"rseq/{program}", "cd /others/rseq && "
                'for mode in s l b "b -M" m "m -M" i r; do '
                f"for delay in {' '.join(f'{chr(34)}{delay}{chr(34)}' for delay in delays)}; do "
                f"./{program} -T $mode -r 20 -t 8 $delay || exit 1; done; done",
                # By CPU, it has memory for those only that it may run on at first
                chased="mm_cid" in program)


def stress_ng(workers):
    """A command that runs some of STRESSORS to their ends: (name, ops, options, how many)."""
    each = " ".join(f"--{name} {number} --{name}-ops {ops} {options}".rstrip()
                    for name, ops, options, number in workers)
    # mlock makes a list of as many pages as it may lock
    return f"ulimit -l 16384; stress-ng {each} --verify --oomable --quiet"


def perf(command):
    return Test(f"perf/{command}", f"perf {command}")


# What stress-ng has for memory, how often each is done, and how
STRESSORS = (
    ("vm", 2000, "--vm-bytes 32M"),
    ("vm-rw", 200, "--vm-rw-bytes 16M"),
    ("vm-addr", 20, ""),
    ("vm-segv", 1000, ""),
    ("vm-splice", 2000, ""),
    ("mmap", 20, "--mmap-bytes 8M"),
    ("mmapaddr", 6000, ""),
    ("mmapfixed", 500, ""),
    ("mmapfork", 8, ""),
    ("mmaphuge", 100, ""),
    ("mmapmany", 60, ""),
    ("madvise", 20, ""),
    ("mincore", 600, ""),
    ("mlock", 200, ""),
    ("mremap", 100, "--mremap-bytes 8M"),
    ("mprotect", 2000, ""),
    ("msync", 200, ""),
    ("fork", 400, ""),
    ("vfork", 2000, ""),
    ("clone", 200, ""),
    ("numa", 10, ""),
    ("userfaultfd", 4000, "--userfaultfd-bytes 8M"),
    ("memfd", 20, "--memfd-bytes 16M"),
    ("shm", 20, "--shm-bytes 8M"),
    ("shm-sysv", 40, ""),
    ("brk", 20000, ""),
    ("bigheap", 1200, ""),
    ("stack", 10, ""),
    ("stackmmap", 20, ""),
    ("sigsegv", 20000, ""),
    ("ptrace", 10000, ""),
    ("physpage", 200, ""),
    ("malloc", 20000, "--malloc-bytes 1M"),
    ("memthrash", 10, ""),
    ("memrate", 10, "--memrate-bytes 16M"),
    ("remap", 20, ""),
    ("resources", 10, ""),
    ("cpu-online", 10, "--pathological"),
)
QUICK_STRESSORS = ("vm", "mremap", "fork", "numa", "userfaultfd", "madvise")

# All of them at once: of each, a part of what it does alone
MIXED_SHARE = 4

# What GUEST takes back afterwards, also if a test had to be ended
HUGETLB_MEMCG = "mount -o remount,memory_hugetlb_accounting /sys/fs/cgroup; " \
                "echo +memory >/sys/fs/cgroup/cgroup.subtree_control; cd /others/cgroup; " \
                "./test_hugetlb_memcg"
SWAP_ON = "mkswap /dev/ram1 >/dev/null && swapon /dev/ram1 && "
ZSWAP_ON = "echo 1 >/sys/module/zswap/parameters/enabled && "
ON_DISK = "mke2fs -F /dev/ram2 >/dev/null && mount -t ext2 /dev/ram2 /disk && cd /disk && "
FUSE = "cd /others/memfd && ./fuse_mnt mnt && "

# Memory that the kernel itself takes hold of, in all the ways of run_vmtests.sh
GUP_MATRIX = "cd /others/mm && for huge in -t -T -H; do for how in -u -U -a -b -L; do " \
             'for write in -w -W; do for share in -S ""; do for pages in 1 512 123; do ' \
             "./gup_test $huge -m 8 $how $write $share -n $pages || exit 1; " \
             "done; done; done; done; done; ./gup_test -ct -F 0x1 0 19 0x1000"

# Those of others than the kernel's selftests: what they need is in the guest
IN_GUEST = ("stress-ng", "perf")

# What some of the kernel's need besides
WITH_THEM = {"memfd/fuse_mnt", "rseq/librseq.so"}

TESTS = kernel("mm", "compaction_test", "droppable", "gup_longterm", "hmm-tests", "hugepage-mremap",
               "hugepage-vmemmap", "hugetlb_dio", "ksm_functional_tests", "ksm_tests -M -p 10",
               "ksm_tests -Z -p 10 -z 0", "ksm_tests -N -m 1", "ksm_tests -U", "madv_populate",
               "map_fixed_noreplace", "map_populate", "mdwe_test", "memfd_secret", "migration",
               "mkdirty", "mlock-random-test", "mlock2-tests", "mrelease_test",
               "mremap_dontunmap", "mremap_test", "mseal_test", "pkey_sighandler_tests_64",
               "protection_keys_64", "seal_elf", "soft-dirty", "split_huge_page_test",
               "thuge-gen", "transhuge-stress -d 10", "uffd-stress anon 20 16",
               "va_high_addr_switch --run-hugetlb",
               quick=("gup_longterm", "hmm-tests", "madv_populate", "mremap_test", "mkdirty",
                      "mseal_test", "soft-dirty"))
TESTS += [Test("mm/cow", SWAP_ON + "/others/mm/cow", True),
          Test("mm/gup_test", GUP_MATRIX, True),
          Test("mm/on-fault-limit", "ulimit -l 64; su nobody -c /others/mm/on-fault-limit")]
# They allocate 512 huge pages, to map one page of each, and page tables of 128 TiB
TESTS += [Test(f"mm/{how}", SWAP_ON + f"/others/mm/{how}", large=True)
          for how in ("khugepaged", "khugepaged -s 2")]
TESTS += kernel("mm", "virtual_address_range", large=True)
# 256 MiB of huge pages, or exactly one
TESTS += kernel("mm", "hugepage-mmap", "hugepage-shm", "map_hugetlb", "hugetlb-madvise",
                "pagemap_ioctl", "uffd-unit-tests", huge_pages=128)
TESTS += kernel("mm", "hugetlb_fault_after_madv", "hugetlb_madv_vs_map", huge_pages=1)
TESTS += kernel("cgroup", "test_core", "test_cpu", "test_cpuset", "test_kill", "test_kmem",
                "test_memcontrol", "test_pids", quick=("test_memcontrol",))
TESTS += [Test("cgroup/test_hugetlb_memcg", HUGETLB_MEMCG),
          Test("cgroup/test_memcontrol on disk",
               SWAP_ON + ON_DISK + "/others/cgroup/test_memcontrol"),
          Test("cgroup/test_zswap", SWAP_ON + ZSWAP_ON + "/others/cgroup/test_zswap"),
          Test("mincore/mincore_selftest", ON_DISK + "/others/mincore/mincore_selftest", True)]
TESTS += kernel("memfd", "memfd_test", quick=("memfd_test",))
TESTS += [Test(f"memfd/{how}", FUSE + f"./{how}")
          for how in ("fuse_test mnt/memfd", "fuse_test mnt/memfd hugetlbfs")]
TESTS += kernel("membarrier", "membarrier_test_single_thread", "membarrier_test_multi_thread",
                quick=("membarrier_test_multi_thread",))
TESTS += kernel("rseq", "basic_test", quick=("basic_test",))
TESTS += [rseq(f"param_test{variant}") for variant in
          ("", "_benchmark", "_compare_twice", "_mm_cid", "_mm_cid_benchmark",
           "_mm_cid_compare_twice")]
TESTS += [Test(f"stress-ng/{name}", stress_ng([(name, ops, options, 2)]), name in QUICK_STRESSORS)
          for name, ops, options in STRESSORS]
TESTS.append(Test("stress-ng/swap", ON_DISK + stress_ng([("swap", 40, "--temp-path /disk", 2)])))
TESTS.append(Test("stress-ng/all at once",
                  stress_ng([(name, max(1, ops // MIXED_SHARE), options, 1)
                             for name, ops, options in STRESSORS])))
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

DIRECTORIES = sorted({test.name.split("/")[0] for test in TESTS} - {*IN_GUEST})

GUEST = r"""
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
mkdir -p /disk /others/memfd/mnt
echo 1 >/proc/sys/vm/overcommit_memory
# Some map fixed addresses, where there may be something by chance
echo 0 >/proc/sys/kernel/randomize_va_space
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
set_to migrate_mb_per_s 1048576
counter() {
	sed -n "s/^$1 //p" /sys/kernel/debug/knumad/stats
}
members() {
	ps -o pid,sid,stat | awk -v sid="$1" '$2 == sid && $3 !~ /^Z/ { print $1 }'
}
# End all processes of a session; some put back what they changed
end_all() {
	for signal in TERM KILL; do
		for tenth in 1 2 3 4 5 6 7 8 9 10; do
			left=$(members "$1")
			[ -n "$left" ] || return
			kill -$signal $left 2>/dev/null
			sleep 0.1
		done
	done
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
	echo HUGE_PAGES >/proc/sys/vm/nr_hugepages
	set_to enabled $mode
	before=$(counter pages_migrated)
	start=$(cut -d. -f1 /proc/uptime)
	setsid timeout -k 10 LIMIT sh -c 'COMMAND' >/tmp/said 2>&1 &
	test=$!
	CHASE $test &
	chase=$!
	wait $test
	status=$?
	took=$(($(cut -d. -f1 /proc/uptime) - start))
	{ kill $chase; wait $chase; } 2>/dev/null
	end_all $test
	{
		echo 0 >/sys/module/zswap/parameters/enabled
		swapoff /dev/ram1
		umount /disk
		umount /others/memfd/mnt
		mount -o remount /sys/fs/cgroup
	} 2>/dev/null
	echo "@@ $mode $status $took $(($(counter pages_migrated) - before))"
	cat /tmp/said
	echo
done
set_to enabled never
echo "@@ end $(counter bytes) $(counter self_disabled)"
"""


def make(directory, *arguments, check, **how):
    """Run make in a directory of selftests; how: see subprocess.run()."""
    return subprocess.run(["make", "-C", SELFTESTS / directory, f"OUTPUT={OUT / directory}",
                           f"KHDR_INCLUDES=-isystem {BUILD}/lab/usr/include",
                           f"top_srcdir={BUILD}/linux", "CC=ccache gcc", "LDFLAGS=-static -s",
                           # khugepaged does not include what has it
                           "CAN_BUILD_I386=0", "EXTRA_CFLAGS=-DKSFT_SKIP=4", *arguments],
                          check=check, **how)


def build():
    """The kernel for all tests, and its own, static, since the guest has few libraries."""
    subprocess.run([BUILD.parent / "scripts/kernel.sh", "build", "extended"], check=True,
                   stdout=sys.stderr)
    # What another source made is not tested for what no longer builds
    stamp, source = OUT / "stamp", (BUILD / "linux/.knumad-stamp").read_text()
    if not stamp.exists() or stamp.read_text() != source:
        shutil.rmtree(OUT, ignore_errors=True)
        OUT.mkdir(parents=True)
        stamp.write_text(source)
    for directory in DIRECTORIES:
        (OUT / directory).mkdir(parents=True, exist_ok=True)
        with open(BUILD / f"log/others-{directory}.log", "w", encoding="utf-8") as log:
            # Those that lack a library are left out; make goes on without them
            make(directory, "-k", "-j", str(os.cpu_count()), stdout=log,
                 stderr=subprocess.STDOUT, check=False)


def unnamed():
    """What the Makefiles build, and who wrote TESTS and NOT_RUN did not know of."""
    names = ".PHONY: names\nnames: ; @echo $(notdir $(TEST_GEN_PROGS) $(TEST_GEN_FILES))"
    built = {f"{directory}/{program}" for directory in DIRECTORIES
             for program in make(directory, "-s", "--eval", names, "names", text=True,
                                 stdout=subprocess.PIPE, check=True).stdout.split()}
    return sorted(built - {*map(program_of, TESTS), *NOT_RUN} - WITH_THEM)


def program_of(test):
    """The file that a test of the kernel needs, None for others."""
    directory, _, program = test.name.partition("/")
    return None if directory in IN_GUEST else f"{directory}/{program.split()[0]}"


# A result in TAP, of perf test, of va_high_addr_switch, of uffd-unit-tests, or in colours, of
# khugepaged, and of which of its tests
TOLD = re.compile(r"\s*(not ok|ok)\b.*|\s*[\d.]+: .*: (Ok|Skip|FAILED!)|mmap\(.* - (OK|FAILED)"
                  r"|Testing .*\.\.\. (done|skipped|failed)|Run test: .*|.*\x1b\[3\dm\w+")


def outcomes(lines, status):
    """What a run told: of each test its outcome, without what differs from run to run."""
    told = [re.sub(r"0x[0-9a-f]+|\d+\.\d+|\d{4,}|\.{3,}|Extra pages \d.*", "N",
                   match.group().split("\r")[-1])
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
    """(outcome, detail) of one test, by the output of its runs: ok, differs, fail."""
    runs, ends = split(lines)
    if not ends or any(end != ["0", "0"] for end in ends):
        return "fail", "\n".join([f"not brought to its end, or knumad left something: {ends}",
                                  *lines[-20:]])
    if runs[0].seconds >= LIMIT:
        return "fail", f"it takes more than {LIMIT} s without knumad: is it one of NOT_RUN?"
    off = [run.told for run in runs if run.mode == "never"]
    on = [run for run in runs if run.mode == "always"]
    # What is told each time is a matter of chance for more than one result of some tests
    known, sizes = set().union(*off), {len(told) for told in off}
    odd = [run for run in on if not known.issuperset(run.told) or len(run.told) not in sizes]
    excuse = ON_THEIR_WAY.get(test.name)
    # Not if it is always so
    if odd and (not excuse or len(odd) == len(on) or
                not all(re.search(excuse, "\n".join([difference(off[0], run.told), "", *run.lines]))
                        for run in odd)):
        return "differs", difference(off[0], odd[0].told)
    first, moved = runs[0], sum(run.moved for run in on)
    if first.status in NOT_HERE:
        return "fail", f"it does not run here (is it one of NOT_RUN?): exit status {first.status}"
    results = first.told[1:]
    if any(map(NOTHING.search, first.lines)) or \
            results and all("# SKIP" in result for result in results):
        return "fail", "\n".join(["it does not run here, it has skipped all:", *first.lines[-10:]])
    # Also of a shell, or of what was killed
    if (first.status in (1, 2) or first.status > 125) and not results:
        return "fail", "\n".join(["wrong usage, or it says nothing:", *first.lines[-10:]])
    took = max(run.seconds for run in on)
    if not moved and (test.name in MUST_MOVE or test.name.startswith("perf/bench numa")):
        return "differs", f"nothing was moved in {took} s"
    return "ok", f"exit status {first.status}, {len(results) or 'no'} results, " \
                 f"{moved} pages moved in {took} s"


def step_of(test, modes):
    command = test.command.replace("'", "'\\''")
    return Step(GUEST.replace("MODES", modes).replace("LIMIT", str(LIMIT))
                .replace("HUGE_PAGES", str(test.huge_pages))
                .replace("CHASE", "chase" if test.chased else "true")
                .replace("COMMAND", command), test.name,
                (LIMIT + 60) * len(modes.split()), (OUT_OF_MEMORY,))


def run_tests(shape, tests):
    """Judge each test; one that takes the guest down costs only itself."""
    names = WITH_THEM.union(filter(None, map(program_of, tests)))
    files = {f"/others/{name}": OUT / name for name in names if (OUT / name).exists()}
    verdicts, left = {}, sorted(tests, key=lambda test: test.large)

    def boot(tests, modes, name, on_result=None):
        """Boot a machine for tests that all need more memory, or none of which does."""
        return run((LARGE if tests[0].large else SHAPES)[shape],
                   [step_of(test, modes) for test in tests], "extended", DISKS, files,
                   BUILD / f"log/others-{shape}-{name}.log", extras=True, on_result=on_result)

    def again(test, lines):
        """Where they differ, or nothing is moved: is it so by itself, or by chance?"""
        try:
            result, = boot([test], "never never always never always",
                           re.sub(r"\W+", "-", test.name))
        except GuestError as error:
            return "fail", str(error)
        return judge(test, lines + result.lines)

    moved = 0
    while left:
        done, died = [], None
        alike = [test for test in left if test.large == left[0].large]
        try:
            boot(alike, "never always", len(left), done.append)
        except GuestError as error:
            died = str(error)
        for test, result in zip(left, done):
            moved += sum(now.moved for now in split(result.lines)[0])
            verdicts[test] = judge(test, result.lines)
            if verdicts[test][0] == "differs":
                verdicts[test] = again(test, result.lines)
        left = left[len(done):]
        if died:
            culprit = left.pop(0) if len(done) < len(alike) else alike[-1]
            verdicts[culprit] = ("fail", died)
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
    left_out = [program for program in NOT_RUN if args.all and re.search(args.only, program)]
    with ThreadPoolExecutor(min(len(shapes), os.cpu_count())) as pool:
        verdicts = list(pool.map(lambda shape: run_tests(shape, there), shapes))
    unknown = unnamed()
    results = [ktap.Test("all selftests are run, or named", "fail" if unknown else "ok",
                         "\n".join(unknown))]
    results += [ktap.Test(program, "skip", NOT_RUN[program]) for program in left_out]
    not_built = ("fail", "it was not built: build/log/others-*.log says why")
    for shape, verdict in zip(shapes, verdicts):
        for test in [*tests, "pages were moved"]:
            outcome, detail = verdict.get(test, not_built)
            results.append(ktap.Test(f"{shape} {test}", "fail" if outcome == "differs" else outcome,
                                     detail))
    ktap.begin(len(results))
    for number, result in enumerate(results, 1):
        ktap.tell(number, result)
    return 1 if any(result.outcome == "fail" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
