# SPDX-License-Identifier: GPL-2.0
"""KTAP (Documentation/dev-tools/ktap.rst): a strict reader of what kselftests and KUnit write,
and what our own programs write."""

import re
from dataclasses import dataclass

INDENT = 4
VERSION = re.compile(r"(?:KTAP version 1|TAP version 13)$")
PLAN = re.compile(r"1\.\.(\d+)(?:\s*#\s*SKIP\b\s*(.*))?$")
RESULT = re.compile(r"(not )?ok (\d+)(?: -)?(?: ([^#]*?))?(?:\s*#\s*(\w+)\b:?\s*(.*))?$")
TIMESTAMP = re.compile(r"^\[ *\d+\.\d+\] ?")


@dataclass
class Test:
    name: str
    outcome: str        # "ok", "fail" or "skip"
    detail: str = ""    # why it was skipped, or the diagnostics before it


class _Level:
    def __init__(self, first):
        self.first = first      # index of the first test below it
        self.name = ""
        self.plan = None
        self.seen = 0


def parse(lines, subject, need_plan_below=2):
    """The tests that lines report: leaves only, named SUBJECT: [SUITE.]TEST.

    What is wrong with the report itself becomes a failed test: a plan that is
    missing (levels from need_plan_below on may do without: KUnit's
    parameterised tests), or that promises more or fewer tests than there are;
    numbers out of order; nothing at all.
    """
    tests, levels, notes = [], [], []

    def fail(level, why):
        tests.append(Test(f"{subject}: {level.name or 'report'}", "fail", why))

    def close(level, depth):
        if level.plan is None:
            if depth < need_plan_below:
                fail(level, "no plan")
        elif level.plan != level.seen:
            fail(level, f"the plan says {level.plan} tests, there are {level.seen}")

    for raw in lines:
        line = TIMESTAMP.sub("", raw.rstrip())
        text = line.lstrip(" ")
        depth = (len(line) - len(text)) // INDENT
        if VERSION.match(text):
            # Level depth begins; its name comes with a "# Subtest:" line.
            if depth > len(levels):
                continue
            while len(levels) > depth:
                close(levels[-1], len(levels) - 1)
                levels.pop()
            levels.append(_Level(len(tests)))
            continue
        if not levels:
            continue
        if text.startswith("Bail out!"):
            fail(levels[-1], text)
            continue
        plan, result = PLAN.match(text), RESULT.match(text)
        if text.startswith("# Subtest: ") and depth < len(levels):
            levels[depth].name = text[len("# Subtest: "):]
        elif plan and depth == len(levels) - 1 and levels[-1].plan is None:
            levels[-1].plan = int(plan.group(1))
            if levels[-1].plan == 0:
                tests.append(Test(f"{subject}", "skip", plan.group(2) or "no tests"))
        elif result and depth < len(levels):
            children = len(levels) > depth + 1
            first = levels[depth + 1].first if children else len(tests)
            while len(levels) > depth + 1:
                close(levels[-1], len(levels) - 1)
                levels.pop()
            level = levels[depth]
            level.seen += 1
            failed, number, name, directive, reason = result.groups()
            prefix = ".".join(outer.name for outer in levels if outer.name)
            label = f"{subject}: " + ".".join(part for part in (prefix, (name or number).strip())
                                              if part)
            if int(number) != level.seen:
                tests.append(Test(label, "fail", f"number {number} where {level.seen} is due"))
            elif (directive or "").upper() == "SKIP" and not failed:
                tests.append(Test(label, "skip", reason or "no reason given"))
            elif failed:
                # A suite that failed because of its tests is not one more test.
                if not any(test.outcome == "fail" for test in tests[first:]):
                    tests.append(Test(label, "fail", "\n".join(notes)))
            elif not children:
                tests.append(Test(label, "ok"))
            notes = []
        elif text:
            notes.append(text)
    while levels:
        close(levels[-1], len(levels) - 1)
        levels.pop()
    if not tests:
        tests.append(Test(f"{subject}: report", "fail", "no tests in the output"))
    return tests


def ended(tests, subject, status, lines):
    """That a program failed, if none of its tests says so."""
    if status and all(test.outcome != "fail" for test in tests):
        tests.append(Test(f"{subject}: exit status", "fail",
                          "\n".join([str(status), *lines[-20:]])))


def begin(tests):
    """Begin a report of so many tests."""
    print(f"TAP version 13\n1..{tests}", flush=True)


def tell(number, test):
    """Report one test, its detail before it, or why it was skipped."""
    skipped = f" # SKIP {test.detail}" if test.outcome == "skip" else ""
    if not skipped:
        for line in test.detail.splitlines():
            print(f"# {line}")
    print(f"{'not ' if test.outcome == 'fail' else ''}ok {number} {test.name}{skipped}", flush=True)
