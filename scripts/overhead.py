#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What knumad costs processes that it does not watch, in instructions, as TAP.

The guest's clock counts the instructions of all its CPUs, 16 ns each.  The same work is
timed with knumad off and on, in turn; knumad's own thread is added as its share of the
time.  The sum may be half a percent, give or take what the samples leave open.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

import ktap
from guest import BUILD, GuestError, Step, Topology, commit, run

LIMIT = 0.005
# With a larger standard error the limit must lie two of them away.
PRECISION = 0.0025

# All on one CPU: where threads wake up is chance, and costs more than we measure.
FORKLOOP = "taskset 1 /selftests/knumad/forkloop"
MESSAGING = r"""
for round in $(seq 28); do
	order="never always"
	[ $((round % 2)) = 0 ] || order="always never"
	for mode in $order; do
		echo $mode >/sys/kernel/mm/knumad/enabled || exit 98
		set -- $(taskset 1 perf bench -f simple sched messaging -g 1 -l 200)
		echo "$mode messaging $1 0 1"
	done
done
"""
WORKS = 4


def judge(modes):
    """The extra cost of always over never, its standard error, and the background's share.

    Neighbours are compared: the cost of a fork drifts by more than what is measured.
    """
    ratios = [on[0] / off[0] - 1 for off, on in zip(modes["never"], modes["always"], strict=True)]
    background = sum(ns for _, ns, _ in modes["always"]) / sum(ns for _, _, ns in modes["always"])
    error = statistics.stdev(ratios) / len(ratios) ** 0.5
    return statistics.mean(ratios) + background, error, background


def fail(results, why):
    """What an older kernel did is not the result of this one."""
    if results:
        results.unlink(missing_ok=True)
    sys.exit(f"overhead.py: {why} (build/log/test-overhead.log)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--results", type=Path, metavar="FILE", help="write the figures here, too")
    args = parser.parse_args()
    cases = []
    try:
        results = run(Topology(nodes=2), [Step(FORKLOOP, "forkloop", 300),
                                          Step(MESSAGING, "messaging", 300)],
                      mode="deterministic", log=BUILD / "log/test-overhead.log")
    except GuestError as error:
        fail(args.results, error)
    if any(result.status for result in results):
        fail(args.results, "the programs failed: " + "; ".join(results[-1].lines[-3:]))
    works = {}
    for line in [line for result in results for line in result.lines]:
        mode, work, *values = line.split()
        works.setdefault(work, {}).setdefault(mode, []).append([float(value) for value in values])
    ktap.begin(WORKS)
    failed = len(works) != WORKS
    for number, (work, modes) in enumerate(works.items(), 1):
        extra, error, background = judge(modes)
        bad = extra > LIMIT or (error > PRECISION and extra + 2 * error > LIMIT)
        cases.append({"name": work, "percent": 100 * extra, "error": 100 * error,
                      "reached": not bad})
        failed |= bad
        ktap.tell(number, ktap.Test(
            work, "fail" if bad else "ok",
            f"{work}: always over never {extra:+.3%} (of that knumad's thread {background:.3%}), "
            f"standard error {error:.3%} of {len(modes['always'])} pairs"))
    if args.results:
        args.results.write_text(json.dumps({"limit": 100 * LIMIT, "commit": commit(),
                                            "cases": cases}) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
