#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Show how far a kernel build is: filter the output of make.

Usage: make ... 2>&1 | progress.py LOG EXPECTED LABEL

Everything goes to LOG.  Steps ("  CC  mm/memory.o") are counted against
EXPECTED (0: not known); on a terminal one line is kept up to date, elsewhere there is a line
every 15 seconds.  Warnings and errors are shown as they come.
"""

import re
import sys
import time

STEP = re.compile(r"^  [A-Z][A-Z0-9_ ]*\S* +\S")
QUIET = re.compile(r"^make(\[\d+\])?: (Entering|Leaving) |^Kernel: .* is ready|^#|^$")


def duration(seconds):
    seconds = int(seconds)
    return f"{seconds // 60}:{seconds % 60:02d}"


def main():
    log_name, expected, label = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    tty = sys.stdout.isatty()
    period = 0.5 if tty else 15
    start = last = time.monotonic()
    done = 0

    def show():
        elapsed = time.monotonic() - start
        total = f" of about {max(expected, done)}" if expected else ""
        line = f"   {label}: {done}{total} steps, {duration(elapsed)}"
        if done > 20 and done < expected:
            line += f", about {duration(elapsed * (expected - done) / done)} left"
        if tty:
            print(f"\r{line}\033[K", end="", flush=True)
        else:
            print(line, flush=True)

    with open(log_name, "w", encoding="utf-8") as log:
        for line in sys.stdin:
            log.write(line)
            if STEP.match(line):
                done += 1
            elif not QUIET.match(line):
                print(("\r\033[K" if tty else "") + line, end="", flush=True)
            if time.monotonic() - last >= period:
                last = time.monotonic()
                show()
    show()
    if tty:
        print()


if __name__ == "__main__":
    main()
