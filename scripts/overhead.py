#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What knumad costs processes that it does not watch, in instructions, as TAP.

The guest's clock counts the instructions of all its CPUs, 16 ns each.  The same work is
timed with knumad off and on, in turn; the medians may differ by half a percent.
"""

import statistics
import sys

from guest import BUILD, Step, Topology, run

LIMIT = 0.005
ROUNDS = 6
MODES = ("never", "always")

SCRIPT = r"""
for round in $(seq %d); do
	order="never always"
	[ $((round %% 2)) = 0 ] || order="always never"
	for mode in $order; do
		echo $mode >/sys/kernel/mm/knumad/enabled
		# All on one CPU: where threads wake up is chance, and costs more than we measure
		set -- $(taskset 1 /selftests/knumad/forkloop 600)
		echo "$mode fork+exit $2"
		echo "$mode fork+exec+exit $4"
		set -- $(taskset 1 perf bench -f simple sched pipe -l 6000)
		echo "$mode pipe $1"
		set -- $(taskset 1 perf bench -f simple sched messaging -g 1 -l 200)
		echo "$mode messaging $1"
	done
done
""" % ROUNDS


def main():
    result, = run(Topology(nodes=2), [Step(SCRIPT, "overhead", 300)], mode="deterministic",
                  log=BUILD / "log/test-overhead.log")
    times = {}
    for line in result.lines:
        mode, work, value = line.split()
        times.setdefault(work, {}).setdefault(mode, []).append(float(value))
    print("TAP version 13")
    print(f"1..{len(times)}")
    failed = 0
    for number, (work, by_mode) in enumerate(times.items(), 1):
        off, on = (statistics.median(by_mode[mode]) for mode in MODES)
        spread = max(max(v) / min(v) - 1 for v in by_mode.values())
        bad = len(by_mode["always"]) != ROUNDS or on / off - 1 > LIMIT
        failed += bad
        print(f"# {work}: always/never {on / off - 1:+.3%}, spread of single runs {spread:.3%}")
        print(f"{'not ok' if bad else 'ok'} {number} {work}")
    return 1 if failed or result.status or len(times) != 4 else 0


if __name__ == "__main__":
    sys.exit(main())
