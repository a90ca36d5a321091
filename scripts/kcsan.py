# SPDX-License-Identifier: GPL-2.0
"""Which data races that KCSAN reports are knumad's?

    BUG: KCSAN: data-race in knumad_hint_fault+0x10/0x80 / knumad_fault_drain+0x20/0x90

The rest of the kernel has races that are known and harmless; a report counts if one of the
two accesses is in a function of mm/knumad, or in one that it called.
"""

import re
import subprocess

from guest import BUILD

BEGIN = r"BUG: KCSAN: "
END = r"={60}"
FRAME = re.compile(r"\] {1,2}([a-zA-Z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+")


def own_functions():
    """All functions of mm/knumad, also static ones, as long as they are not inlined."""
    objects = sorted((BUILD / "kcsan/mm/knumad").rglob("*.o"))
    listing = subprocess.run(["nm", "--defined-only", *objects], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    return {words[2].split(".")[0] for line in listing.splitlines()
            if len(words := line.split()) == 3 and words[1] in "tT"}


def reports(console):
    """The reports, each as its lines."""
    found, now = [], None
    for line in console:
        if re.search(BEGIN, line):
            now = [line]
        elif now is not None:
            if re.search(END, line):
                found.append(now)
                now = None
            else:
                now.append(line)
    return found


def is_own(report, functions):
    """Is one of the two accesses ours: are we among its two innermost functions?"""
    depth = 0
    for line in report[1:]:
        frame = FRAME.search(line)
        if not frame:
            depth = 0
            continue
        depth += 1
        if depth <= 2 and frame[1].split(".")[0] in functions:
            return True
    return False


def own(console):
    """The reports that are ours, and how many others there were."""
    functions = own_functions()
    every = reports(console)
    ours = [report for report in every if is_own(report, functions)]
    return ours, len(every) - len(ours)
