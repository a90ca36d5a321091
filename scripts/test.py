#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""All tests.  The last line is "N passed, N failed, N skipped"."""

import argparse
import difflib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import coverage
import kcsan
import ktap
from guest import BUILD, OUT_OF_MEMORY, ROOT, STOPS, GuestError, Step, Topology, run
from ktap import Test
from machines import (ALONE, COMMAND_LINE, FULL, FULL_SHAPES, MODE, ONLY_IN, PROFILE_SHAPES,
                      SHAPES, SLOW, enabled_at_boot, mode_of, runs_there)

# Cases that are marked slow take minutes under KASAN: it sees smaller ones.
KUNIT = {"debug": " kunit.filter=speed>slow kunit.filter_action=skip"}

# Host seconds for a section on two cores, from an empty compiler cache: only for the estimate.
EXPECTED = {"lab": 420, "check": 180, "runner": 65, "off": 300, "extended": 400, "series": 120,
            "kunit": 60, "overhead": 130, "observer": 90, "growth": 110, "knumadctl": 120,
            "others": 250,
            "lab/1-node": 15, "lab/2-nodes": 720, "lab/1-cpu": 75, "lab/2-cpu": 150, "lab/plug": 10,
            "lab/movable": 240, "lab/wide": 60,
            "debug": 420, "debug/kunit": 120, "debug/planted": 140, "debug/plug": 60,
            "debug/isolated": 60, "gcov": 300,
            "gcov/kunit": 60, "kcsan": 420, "kcsan/planted": 60, "preempt": 360, "coverage": 5}
EXPECTED_SHAPE = {"lab": 220, "debug": 1020, "gcov": 300, "kcsan": 1200, "preempt": 400}

# Sections with one guest at a time whose CPUs take turns.
ONE_CPU = {"kunit", "overhead", "growth", "knumadctl", "others"}

# Selftests that make the kernel complain: how it begins and how it ends.
WARNING_END = r"---\[ end trace"
EXPECTED_REPORTS = {"failsafe": ((r"WARNING: .* at \S*mm/knumad/check\.c", WARNING_END),),
                    "storm": (OUT_OF_MEMORY,)}

LISTED = BUILD / "initramfs/selftests/kselftest-list.txt"
SETTINGS = ROOT / "tools/testing/selftests/knumad/settings"


class Report:
    """What is tested, passed, failed; prints as it goes."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tests = []
        self.slow = []

    def add(self, tests, seconds=None):
        """Tests of one program or step, which took so long altogether."""
        with self.lock:
            self._add(tests, seconds)

    def _add(self, tests, seconds):
        self.tests += tests
        count = {outcome: sum(test.outcome == outcome for test in tests)
                 for outcome in ("ok", "fail", "skip")}
        subject = tests[0].name if len(tests) == 1 else tests[0].name.split(": ")[0]
        words = [f"{number} {word}" for number, word in
                 ((count["ok"], "passed"), (count["fail"], "FAILED"), (count["skip"], "skipped"))
                 if number]
        took = f" ({seconds:.1f} s)" if seconds is not None else ""
        print(f"   {subject}: {', '.join(words)}{took}", flush=True)
        skipped = {}
        for test in tests:
            if test.outcome == "fail":
                self.show_failed(test)
            elif test.outcome == "skip":
                skipped[test.detail] = skipped.get(test.detail, 0) + 1
        for reason, number in skipped.items():
            print(f"     {number} skipped: {reason}")
        sys.stdout.flush()
        if seconds is not None:
            self.slow.append((seconds, subject))

    @staticmethod
    def show_failed(test):
        print(f"     FAILED {test.name}")
        for line in test.detail.splitlines():
            print(f"       {line}")

    def summary(self):
        """Whether all is well; what is not is said once more, where nobody must look for it."""
        print("== slowest steps")
        for seconds, name in sorted(self.slow, reverse=True)[:10]:
            print(f"   {seconds:7.1f} s  {name}")
        count = {outcome: sum(test.outcome == outcome for test in self.tests)
                 for outcome in ("ok", "fail", "skip")}
        if count["fail"]:
            print("== failed")
        for test in self.tests:
            if test.outcome == "fail":
                self.show_failed(test)
        line = f"{count['ok']} passed, {count['fail']} failed"
        if count["skip"]:
            line += f", {count['skip']} skipped"
        print(line)
        return count["fail"] == 0 and count["ok"] > 0


def host(*command):
    """Run a command; its output, what it says on stderr shown at once, and its status.

    It ends when we do: its guests would keep both CPUs busy for half an hour.
    """
    result = subprocess.run(["setpriv", "--pdeathsig", "TERM", *command], cwd=ROOT,
                            stdout=subprocess.PIPE, text=True, check=False)
    return result.stdout, result.returncode


def host_tap(report, subject, *command):
    start = time.monotonic()
    output, status = host(*command)
    lines = output.splitlines()
    tests = ktap.parse(lines, subject)
    ktap.ended(tests, subject, status, lines)
    report.add(tests, time.monotonic() - start)


def build(report, name, *command):
    """Build something, showing how far it is; whether it succeeded."""
    start = time.monotonic()
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    report.add([Test(f"build: {name}", "fail" if status else "ok", f"exit status {status}")],
               time.monotonic() - start)
    return status == 0


def build_kernel(report, profile):
    return build(report, f"kernel {profile}", "scripts/kernel.sh", "build", profile)


def build_lab(report):
    """What all guests need: without it there is no point in going on.

    The initramfs twice: if it differed, interrupted benchmarks would begin anew.
    """
    archives = []
    for name in ("initramfs", "initramfs again"):
        if not (archives or build_kernel(report, "lab")) or \
           not build(report, name, "scripts/initramfs.sh"):
            report.summary()
            sys.exit(1)
        archives.append((BUILD / "initramfs.cpio").read_bytes())
    same = archives[0] == archives[1]
    report.add([Test("build: initramfs is the same again", "ok" if same else "fail",
                     "the archives differ: see pack() in scripts/initramfs.sh")])


def test_knumadctl(report):
    """Its unit tests, all of its commands in a guest, and top as its user sees it."""
    host_tap(report, "knumadctl host", "make", "-s", "-C", "tools/knumad", "STATIC=1",
             f"OUTPUT={BUILD}/knumadctl", "check")
    test_program(report, "knumadctl guest", SHAPES["2-nodes"],
                 Step("sh /usr/share/knumadctl/tests/knumadctl.sh 2>&1", "knumadctl", 600),
                 log=BUILD / "log/test-knumadctl.log")
    host_tap(report, "knumadctl tmux", "tools/knumad/tests/tmux.sh", "scripts/guest.py", "--shell")


def build_off(report):
    if not build_kernel(report, "off"):
        return
    symbols = [line for line in (BUILD / "off/System.map").read_text().splitlines()
               if "knumad" in line.lower()]
    report.add([Test("build: no symbol of knumad in kernel off", "fail" if symbols else "ok",
                     "\n".join(symbols))])


def test_runner(report):
    """Does the runner notice what it is there to notice?"""
    log = BUILD / "log/test-runner.log"
    topology = Topology(nodes=1, cpus_per_node="1", node_mb="256")
    start = time.monotonic()
    tests = []

    def expect(name, steps, pattern):
        try:
            results = run(topology, steps, log=log)
            said = f"no error; {[(one.name, one.status, one.lines) for one in results]}"
        except GuestError as error:
            said = str(error).split("\n", maxsplit=1)[0]
        good = re.search(pattern, said)
        tests.append(Test(f"runner: {name}", "ok" if good else "fail", said))

    expect("status and output of each step",
           [Step("echo one; exit 3", "first"), Step("printf two", "second")],
           r"^no error; \[\('first', 3, \['one'\]\), \('second', 0, \['two'\]\)\]$")
    expect("a panic fails the run", [Step("echo c >/proc/sysrq-trigger", "crash")],
           r"reported, at step 'crash': .*(BUG|Oops|panic)")
    expect("a report on the console fails the run",
           [Step("echo '<4>WARNING: not really' >/dev/kmsg; sleep 30", "warn")],
           r"reported, at step 'warn': .*WARNING: not really")
    trace = ["WARNING: CPU: 0 PID: 1 at some/file.c", "Call Trace:", "---[ end trace 0 ]---"]
    say = "; ".join(f"echo '<4>{line}' >/dev/kmsg" for line in trace)
    expect("an expected warning does not fail the run",
           [Step(say, "warn", expected=((r"at some/file\.c", WARNING_END),))],
           r"^no error; \[\('warn', 0, ")
    expect("but any other one does", [Step(f"{say}; echo '<4>{trace[0]}' >/dev/kmsg; sleep 30",
                                           "warn", expected=((r"at other/file\.c", WARNING_END),))],
           r"reported, at step 'warn': .*WARNING: ")
    expect("also after an expected one",
           [Step(f"{say}; echo '<4>WARNING: at file' >/dev/kmsg; sleep 30", "warn",
                 expected=((r"at some/file\.c", WARNING_END),))],
           r"reported, at step 'warn': .*WARNING: at file")
    expect("a hang is named", [Step("true"), Step("sleep 100", "dawdle", timeout=3)],
           r"^step 'dawdle' did not end within 3 s")
    expect("an early end is noticed", [Step("poweroff -f; sleep 30", "leave")],
           r"ended early, at step 'leave'")
    report.add(tests, time.monotonic() - start)


RACE = """BUG: KCSAN: data-race in {0} / {1}
write to 0xffff888007a6d3f0 of 8 bytes by task 91 on cpu 1:
 {0}+0x3e/0x120
 outer+0x5a/0x90
 entry_SYSCALL_64_after_hwframe+0x76/0x7e
read to 0xffff888007a6d3f0 of 8 bytes by task 88 on cpu 0:
 {1}+0x1c/0x40
 {2}+0x22/0x30
 kthread+0x1a4/0x1f0
=================================================================="""


def test_kcsan(report):
    """Does the reader of data races know whose they are?"""
    cases = {
        "of knumad": (("knumad_a", "schedule", "outer"), 1),
        "of a function inside": (("schedule", "knumad_b.isra.0", "outer"), 1),
        "of what knumad called": (("schedule", "memcpy", "knumad_a"), 1),
        "of others": (("schedule", "memcpy", "outer"), 0),
    }
    tests = []
    for name, (functions, wanted) in cases.items():
        lines = ["something", *RACE.format(*functions).splitlines(), "else"]
        console = [f"[   12.345678] {line}" for line in lines]
        found = kcsan.reports(console)
        own = sum(kcsan.is_own(one, {"knumad_a", "knumad_b"}) for one in found)
        tests.append(Test(f"kcsan: {name}", "ok" if (len(found), own) == (1, wanted) else "fail",
                          f"{len(found)} reports, {own} of them ours"))
    report.add(tests)


def test_ktap(report):
    """Does the KTAP reader notice what is wrong?"""
    cases = {
        "good": (["TAP version 13", "1..2", "ok 1 a", "ok 2 b # SKIP no reason"], ["ok", "skip"]),
        "failure": (["TAP version 13", "1..1", "not ok 1 a"], ["fail"]),
        "too few": (["TAP version 13", "1..2", "ok 1 a"], ["ok", "fail"]),
        "too many": (["TAP version 13", "1..1", "ok 1 a", "ok 2 b"], ["ok", "ok", "fail"]),
        "no plan": (["TAP version 13", "ok 1 a"], ["ok", "fail"]),
        "wrong number": (["TAP version 13", "1..1", "ok 2 a"], ["fail"]),
        "nothing": (["hello"], ["fail"]),
        "bail out": (["TAP version 13", "1..1", "ok 1 a", "Bail out! x"], ["ok", "fail"]),
        "nested": (["KTAP version 1", "1..1", "    KTAP version 1", "    # Subtest: s",
                    "    1..2", "    ok 1 a", "    not ok 2 b", "not ok 1 s"], ["ok", "fail"]),
        "nested, too few": (["KTAP version 1", "1..1", "    KTAP version 1", "    # Subtest: s",
                             "    1..2", "    ok 1 a", "ok 1 s"], ["ok", "fail"]),
    }
    tests = []
    for name, (lines, expected) in cases.items():
        found = [test.outcome for test in ktap.parse(lines, "x")]
        tests.append(Test(f"ktap: {name}", "ok" if found == expected else "fail",
                          f"{found}, not {expected}"))
    report.add(tests)


def test_names(report):
    """Are there all selftests of which machines.py says where they run?"""
    listed = {line.split(":", 1)[1] for line in LISTED.read_text().split()}
    named = {*ONLY_IN, *sum(SLOW.values(), []), *sum(ALONE.values(), [])}
    report.add([Test("machines: all selftests named there exist",
                     "ok" if named <= listed else "fail", ", ".join(sorted(named - listed)))])


def test_hardware(report):
    """Does the benchmark for real machines refuse one that is of no use, and run on others?"""
    cases = {
        "refuses one node": (["0-3"], r"status 1: .*has 1 NUMA node with CPUs"),
        "refuses one with CPUs beside memory": (["0-3", ""], r"status 1: .*has 1 NUMA node"),
        "knows what to run on two": (["0-3", "4-7"], r"status 0: [^\0]*sweep --processes 2 "
                                     r"--threads 4 --mb 4096 --loops 40 --bind\n"),
        "binds none that cannot be": (["0", "1"], r"status 0: (?![^\0]*braid.*--bind)"
                                      r"[^\0]*braid --threads 2 "),
    }
    tests = []
    for name, (nodes, pattern) in cases.items():
        with tempfile.TemporaryDirectory() as directory:
            for number, cpus in enumerate(nodes):
                (Path(directory) / f"node{number}").mkdir()
                (Path(directory) / f"node{number}/cpulist").write_text(cpus + "\n")
            result = subprocess.run([ROOT / "benchmarks/hardware/hardware.py", "--dry-run",
                                     "--nodes-dir", directory], stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True, check=False)
        said = f"status {result.returncode}: {result.stdout or result.stderr}"
        tests.append(Test(f"hardware: {name}", "ok" if re.match(pattern, said) else "fail", said))
    report.add(tests)


def test_report(report):
    """Does RESULTS.md say what the results say, and does its program see what they say?

    Of what is committed: an interrupted benchmark may have left others.
    """
    start = time.monotonic()
    committed = subprocess.run(["git", "archive", "HEAD", "benchmarks/results",
                                "benchmarks/RESULTS.md"], cwd=ROOT, stdout=subprocess.PIPE,
                               check=False).stdout
    tests = []

    def made(change):
        """(what report.py says, what it makes, what was committed)"""
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run(["tar", "x", "-C", directory], input=committed, check=True)
            bench = Path(directory) / "benchmarks"
            before = (bench / "RESULTS.md").read_text()
            change(bench / "results")
            result = subprocess.run([ROOT / "benchmarks/lab/report.py", "--results",
                                     bench / "results", "--output", bench / "RESULTS.md"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                    check=False)
            return result.stderr, (bench / "RESULTS.md").read_text(), before

    def expect(name, good, detail):
        tests.append(Test(f"report: {name}", "ok" if good else "fail", detail))

    def worse(directory):
        """One hinting fault where there has to be none, with every seed."""
        for path in directory.glob("sweep-thp-2x2-knumad-*.json"):
            run = json.loads(path.read_text())
            run["counters"]["hint_faults"] += 1
            path.write_text(json.dumps(run))

    try:
        said, now, before = made(lambda _: None)
        expect("RESULTS.md is up to date, else run benchmarks/lab/report.py", now == before,
               said + "\n".join(difflib.unified_diff(before.splitlines(), now.splitlines(),
                                                     lineterm="", n=0)))
        goal = "| sweep, thp, 2x2 | hinting faults | at most 0 | "
        said, now, _ = made(worse)
        expect("a goal that is missed is marked",
               goal + "1 / 1 | 5 | **NOT reached** |" in now, said + now)
        said, now, _ = made(lambda results: (results / "sweep-thp-2x2-knumad-1.json").write_text(
            '{"schema": 1'))
        expect("what is no result is named and left out, and four seeds are not five",
               "left out sweep-thp-2x2-knumad-1.json: " in said
               and goal + "- | 4 | not measured |" in now, said + now)
    except (OSError, subprocess.CalledProcessError) as error:
        expect("what is committed can be read: git archive HEAD benchmarks/results", False,
               str(error))
    report.add(tests, time.monotonic() - start)


def needs_one_cpu(name, full):
    """Are the guests of this section content with one host CPU, so that others can run beside?"""
    profile, _, guest = name.partition("/")
    if guest:
        return MODE[profile] == "single"
    return name in ONE_CPU and not (full and name == "others")      # all its machines at once


def guest_failure(subject, error):
    return Test(f"{subject}: guest", "fail", str(error))


def test_kunit(report, profile):
    """KUnit runs during boot and reports on the console."""
    subject = f"kunit {profile}"
    console = []
    steps = [coverage.DUMP if profile == "gcov" else Step("true")]
    start = time.monotonic()
    try:
        result, = run(SHAPES["2-nodes"], steps, profile,
            "kunit.enable=1 kunit.filter_glob=knumad*" + KUNIT.get(profile, ""),
            log=BUILD / f"log/test-kunit-{profile}.log", mode=MODE[profile],
            on_console=console.append, boot_timeout=600)
        tests = ktap.parse(console, subject)
        if all(test.outcome == "skip" for test in tests):
            tests.append(Test(f"{subject}: suites", "fail", "none ran"))
        if profile == "gcov":
            wrong = coverage.collect(result.lines)
            report.add([Test(f"{subject}: counters", "fail" if wrong else "ok", wrong)])
    except GuestError as error:
        tests = [guest_failure(subject, error)]
    report.add(tests, time.monotonic() - start)


# Who must find what is planted by mm/knumad/tests/planted_kunit.c: the leak at boot, a race
# once KCSAN is on
FINDERS = {
    "debug": Step("cd /selftests/knumad && ./leaks 2>&1", "leaks"),
    "kcsan": Step("echo on >/sys/kernel/debug/kcsan; cd /sys/kernel/debug/kunit/knumad_planted; "
                  "echo run >run; cat results; echo off >/sys/kernel/debug/kcsan", "race",
                  expected=((kcsan.BEGIN, kcsan.END),)),
}


def test_planted(report, profile):
    """A leak or a race on purpose: is it found by what looks for those of knumad?"""
    name = PROFILE_SHAPES[profile][0]
    subject = f"{profile}/planted"
    console = []
    start = time.monotonic()
    try:
        result, = run(SHAPES[name], [FINDERS[profile]], profile, "planted_kunit.plant=1 "
                      "kunit.enable=1 kunit.filter_glob=knumad_planted", mode=MODE[profile],
                      on_console=console.append, log=BUILD / f"log/test-{profile}-planted.log",
                      boot_timeout=600)
        if profile == "kcsan":
            found = any("knumad_planted_" in line for lines in kcsan.own(console)[0]
                        for line in lines)
        else:
            found = result.status and "knumad_planted_leak" in result.output
        test = Test(f"{subject}: found", "ok" if found else "fail", result.output)
    except GuestError as error:
        test = guest_failure(subject, error)
    report.add([test], time.monotonic() - start)


SHAPE_SCRIPT = r"""
cd /sys/devices/system/node
for node in $(ls -d node[0-9]* | sort -V); do
	set -- $(grep MemTotal $node/meminfo)
	echo "$node $4 cpus=$(cat $node/cpulist) $(cat $node/distance)"
done
"""


# Then off, as it is on other machines
ENABLED_SCRIPT = """
cat /sys/kernel/mm/knumad/enabled
echo never >/sys/kernel/mm/knumad/enabled
"""


def cpulist(text):
    cpus = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus


def check_shape(topology, lines):
    """Is the guest the machine that was asked for?  What differs, or nothing."""
    wrong = []
    if len(lines) != len(topology.there):
        return f"{len(lines)} nodes: {lines}"
    for node, line in zip(topology.there, lines):
        name, kilobytes, cpus, *distances = line.split()
        share = int(kilobytes) / 1024 / topology.mb[node]      # the kernel keeps some
        if name != f"node{node}" or not 0.6 < share <= 1 \
                or cpulist(cpus.removeprefix("cpus=")) != topology.cpus[node] \
                or [int(word) for word in distances] != \
                [topology.distances[node][other] for other in topology.there]:
            wrong.append(line)
    return "\n".join(wrong)


def program_tests(subject, result, limit):
    """The tests of a program that has ended."""
    tests = ktap.parse(result.lines, subject)
    if result.status == 143:
        tests.append(Test(f"{subject}: time", "fail", f"ended after {limit} s"))
    elif result.status != 4:
        ktap.ended(tests, subject, result.status, result.lines)
    return tests


def test_program(report, subject, topology, step, **how):
    """One program that reports TAP, in a guest of its own; how: see run()."""
    try:
        result, = run(topology, [step], **how)
        report.add(program_tests(subject, result, step.timeout), result.seconds)
    except GuestError as error:
        report.add([guest_failure(subject, error)])


def test_shape(report, profile, name, full):
    """All selftests on one machine.  A program that takes the guest down costs only itself."""
    topology = SHAPES[name]
    limit = int(re.search(r"timeout=(\d+)", SETTINGS.read_text()).group(1))
    programs = [line.split(":", 1)[1] for line in LISTED.read_text().split()]
    programs = [program for program in programs if runs_there(program, profile, name, full)]
    report.add([Test(f"{profile}/{name}: some selftest runs here", "ok" if programs else "fail",
                     "see ONLY_IN and ALONE in machines.py")])
    steps = [Step(SHAPE_SCRIPT, "shape", 60)]
    # One that is ended leaves knumad on, which is not the next one's fault
    steps += [Step(f"cd /selftests/knumad && timeout -k 10 {limit} ./{program} 2>&1 || "
                   "{ status=$?; echo never >/sys/kernel/mm/knumad/enabled; exit $status; }",
                   program, limit + 60, EXPECTED_REPORTS.get(program, ()),
                   {r"please plug": topology.plug, **STOPS})
              for program in programs]
    if profile == "gcov":
        steps.append(coverage.DUMP)
    console, first = [], [Step(ENABLED_SCRIPT, "enabled", 60)]
    if profile == "kcsan":
        # Off again before no step is there to expect reports
        first += [Step("echo on >/sys/kernel/debug/kcsan", "kcsan on")]
        steps.append(Step("echo off >/sys/kernel/debug/kcsan", "kcsan off"))
        for step in first + steps:
            step.expected += ((kcsan.BEGIN, kcsan.END),)

    def on_result(result):
        step = prelude.pop(0) if prelude else steps.pop(0)
        subject = f"{profile}/{name} {step.name}"
        if step.name == "shape":
            wrong = check_shape(topology, result.lines)
            report.add([Test(f"{subject}: as asked for", "fail" if wrong else "ok", wrong)])
        elif step.name == "enabled":
            good = f"[{enabled_at_boot(name)}]" in result.output
            report.add([Test(f"{subject}: at boot", "ok" if good else "fail", result.output)])
        elif step is coverage.DUMP:
            wrong = coverage.collect(result.lines)
            report.add([Test(f"{subject}: counters", "fail" if wrong else "ok", wrong)])
        elif step.name.startswith("kcsan "):
            report.add([Test(subject, "fail" if result.status else "ok", result.output)])
        else:
            report.add(program_tests(subject, result, limit), result.seconds)

    boots = 0
    while steps:
        boots += 1
        prelude = list(first)
        try:
            run(topology, first + steps, profile, COMMAND_LINE.get(name, ""),
                on_result=on_result, on_console=console.append, mode=mode_of(profile, name),
                log=BUILD / f"log/test-{profile}-{name}-{boots}.log")
        except GuestError as error:
            culprit = steps.pop(0).name if steps else "power off"
            report.add([guest_failure(f"{profile}/{name} {culprit}", error)])
    if profile == "kcsan":
        ours, others = kcsan.own(console)
        print(f"   {profile}/{name}: {others} reports about the rest of the kernel", flush=True)
        report.add([Test(f"{profile}/{name}: no data race of knumad", "fail" if ours else "ok",
                         "\n".join(line for lines in ours for line in [*lines, ""])),
                    Test(f"{profile}/{name}: KCSAN has seen something",
                         "ok" if ours or others else "fail", "no report at all: does it work?")])


def test_coverage(report):
    """Is enough of mm/knumad run by the tests before?"""
    enough, what = coverage.judge()
    print(f"   {what}", flush=True)
    report.add([Test(f"coverage: at least {coverage.LEAST} % of the lines",
                     "ok" if enough else "fail", what)])


def test_stress(report, profile, seconds):
    """Storms for so many seconds, and no word from the kernel."""
    name = PROFILE_SHAPES[profile][0]
    subject = f"{profile}/{name} stress"
    test_program(report, subject, SHAPES[name],
                 Step(f"/selftests/knumad/stress.sh {seconds} 2>&1", "stress", seconds + 1800,
                      EXPECTED_REPORTS["storm"]),
                 profile=profile, mode=mode_of(profile, name),
                 log=BUILD / f"log/test-{profile}-stress.log",
                 on_line=lambda _, line: print(f"   {subject}: {line}", flush=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="REGEX",
                        help="only the sections whose name matches (see --list), and their kernels")
    parser.add_argument("--full", action="store_true",
                        help="and what takes long: all tests of others, further kernels")
    parser.add_argument("--stress", type=int, metavar="SECONDS",
                        help="and storms at the highest rate on the debug kernel for so long")
    parser.add_argument("--list", action="store_true", help="name the sections")
    args = parser.parse_args()
    # At once, whatever threads are at; the guests are killed with them (see guest.py).
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    os.chdir(ROOT)
    report = Report()

    sections = {
        "check": lambda: host_tap(report, "check", "scripts/check.sh"),
        "lab": lambda: build_lab(report),
        "off": lambda: build_off(report),
        "extended": lambda: build_kernel(report, "extended"),
        "series": lambda: host_tap(report, "series", "scripts/kernel.sh", "series"),
        "runner": lambda: (test_ktap(report), test_kcsan(report), test_names(report),
                           test_hardware(report), test_report(report), test_runner(report)),
        "observer": lambda: host_tap(report, "observer", "benchmarks/lab/controls.py"),
        "knumadctl": lambda: test_knumadctl(report),
        "others": lambda: host_tap(report, "others", "scripts/others.py",
                                   *(["--all"] if args.full else ["--shape", "2-nodes"])),
        "growth": lambda: host_tap(report, "growth", "benchmarks/lab/growth.py"),
        "overhead": lambda: host_tap(report, "overhead", "scripts/overhead.py"),
        "kunit": lambda: test_kunit(report, "lab"),
    }
    for profile, shapes in PROFILE_SHAPES.items():
        if profile in FULL and not args.full:
            continue
        if profile != "lab":
            sections[profile] = lambda profile=profile: build_kernel(report, profile)
        if profile in ("debug", "gcov"):
            sections[f"{profile}/kunit"] = lambda profile=profile: test_kunit(report, profile)
        if profile in FINDERS:
            sections[f"{profile}/planted"] = lambda profile=profile: test_planted(report, profile)
        for name in shapes + (FULL_SHAPES.get(profile, []) if args.full else []):
            sections[f"{profile}/{name}"] = lambda profile=profile, name=name: \
                test_shape(report, profile, name, args.full)
        if profile == "gcov":
            sections["coverage"] = lambda: test_coverage(report)
    if args.stress:
        sections["debug/stress"] = lambda: test_stress(report, "debug", args.stress)
    if args.list:
        print("\n".join(sections))
        return 0

    def section(name):
        """What nobody foresaw fails one section, not the report of the others."""
        try:
            sections[name]()
        except Exception:
            report.add([Test(f"{name}: section", "fail", traceback.format_exc())])

    def expected(name):
        if name == "debug/stress":
            return args.stress
        if name in EXPECTED:
            return EXPECTED[name]
        return EXPECTED_SHAPE[name.split("/", maxsplit=1)[0]]

    wanted = [name for name in sections if re.search(args.only, name)]
    if not wanted:
        parser.error("no section matches: see --list (some need --full, or --stress)")
    kernels = {name.split("/", maxsplit=1)[0] for name in wanted} | {"lab"}
    chosen = [name for name in sections if name in wanted or name in kernels]
    brought = any(name.startswith("gcov/") for name in chosen)
    if "coverage" in chosen and not brought:
        parser.error("coverage judges what sections gcov/... bring: choose one, too")
    if brought:
        coverage.begin()
    while chosen:
        left = sum(expected(name) / (2 if needs_one_cpu(name, args.full) else 1)
                   for name in chosen)
        now = list(itertools.takewhile(lambda name: needs_one_cpu(name, args.full), chosen)) \
            or chosen[:1]
        now.sort(key=expected, reverse=True)            # so that none is left alone at the end
        print(f"== {', '.join(now)} ({len(chosen)} sections and at most about "
              f"{left // 60 + 1:.0f} minutes left)", flush=True)
        with ThreadPoolExecutor(min(len(now), os.cpu_count())) as pool:
            for future in [pool.submit(section, name) for name in now]:
                future.result()
        del chosen[:len(now)]
    return 0 if report.summary() else 1


if __name__ == "__main__":
    sys.exit(main())
