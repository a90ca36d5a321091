#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Control experiments for the observer, as TAP: cases whose counts are known beforehand."""

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor

from lab import BUILD, GuestError, Topology, both, build, local, observe

import ktap    # beside guest.py, where lab.py looks for modules

TWO = Topology(nodes=2)
FOUR = Topology(nodes=4, node_mb="256")
UNEQUAL = Topology(nodes=2, node_mb="768,384")
LOOPS, MB, THREADS = 12, 32, 2
# Touched by each thread itself, so that numactl alone says where.
SWEEP = f"slices --threads {THREADS} --mb {MB} --loops {LOOPS} --first-node"
# For two minutes all CPUs are idle but for moments
IDLE = "settled --home --mb 16 --settle 60 --loops 60 --seed 7"


def watch(name, topology, command):
    """What a command said, and what was observed."""
    raw = BUILD / f"control-{name.replace(' ', '-')}.raw"
    result, observed = observe(topology, command, raw, raw.with_suffix(".log"), 300)
    if not observed:
        raise RuntimeError(f"{command!r} failed, see {raw.with_suffix('.log')}")
    return result, observed


def counts(name, topology, command):
    """What was observed of a command."""
    return watch(name, topology, command)[1]


def share_is(low, high, topology, command):
    def check(name):
        share = local(both(counts(name, topology, command)["phases"][0]["user"]))
        return low <= share <= high, f"{share:.3%} local"
    return check


def stores_are_exact(name):
    """One store per word and loop, and next to none besides."""
    observed = counts(name, TWO, f"{SWEEP} 0")
    stores = sum(map(sum, observed["phases"][0]["user"]["stores"]))
    expected = MB * 2**20 // 8 * LOOPS
    return 0 <= stores / expected - 1 < 0.001, f"{stores} stores, {expected} expected"


def the_same_again(switch_on, program):
    """Also with a balancer that takes faults, and moves threads and memory from a node.

    Three times, for chance may have it that two are the same.
    """
    def check(name):
        command = f"{switch_on}mark 0 {program}"
        runs = {json.dumps(counts(f"{name} {number}", TWO, command)) for number in range(3)}
        return len(runs) == 1, "the results differ" if len(runs) > 1 else "to the last count"
    return check


def no_marker_is_void(name):
    try:
        counts(name, TWO, "true")
    except RuntimeError as error:
        return "marker" in str(error), str(error)
    return False, "a run without markers was accepted"


# Threads with slices of their own on one node, and all that tells what becomes of them
TOLD = """
mount -t tracefs nodev /sys/kernel/tracing
echo 8192 >/sys/kernel/tracing/buffer_size_kb
echo 1 >/sys/kernel/tracing/events/knumad/enable
echo always >/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled
echo always >/sys/kernel/mm/knumad/enabled
mark 1 slices --threads 4 --mb 32 --loops 80 && mark 15
echo never >/sys/kernel/mm/knumad/enabled
sed -n 's/^knumad_pages_migrated/vmstat_pages/p; s/^knumad_hint_faults /vmstat_faults /p' /proc/vmstat
sed -n 's/^numa_pages_migrated/numa_pages/p; s/^numa_hint_faults /numa_faults /p' /proc/vmstat
sed -n 's/^pages_migrated/stats_pages/p; s/^hint_faults /stats_faults /p' /sys/kernel/debug/knumad/stats
sed -n 's/^knumad_pages_migrated/group_pages/p' /sys/fs/cgroup/memory.stat
awk '/ knumad_migrate:/ { sub(/.*moved=/, ""); sum += $1 } END { print "event_pages", sum }' \
	/sys/kernel/tracing/trace
"""


def all_say_the_same(name):
    """Events, counters and the observer: of pages to the last one, of faults no fewer seen."""
    result, observed = watch(name, TWO, TOLD)
    said = {key: int(value) for key, value in
            (line.split() for line in result.lines if re.fullmatch(r"\w+_(pages|faults) \d+", line))}
    said["observer_pages"] = observed["moves"]["pages"]
    pages = {value for key, value in said.items() if key.endswith("_pages")}
    faults = {value for key, value in said.items() if key.endswith("_faults")}
    good = len(said) == 9 and len(pages) == 1 and min(pages) >= MB * 256 // 2 * 0.9 \
        and len(faults) == 1 and 0 < min(faults) <= observed["stalls"]["calls"]
    return good, f"{said}, {observed['stalls']['calls']} calls of NUMA work, " \
                 f"{observed['stalls']['count']} stretches"


CONTROLS = {
    "bound local": share_is(0.995, 1, TWO, f"numactl -N 0 -m 0 {SWEEP} -1"),
    "bound remote": share_is(0, 0.005, TWO, f"numactl -N 0 -m 1 {SWEEP} -1"),
    "bound local to the smaller node": share_is(0.995, 1, UNEQUAL, f"numactl -N 1 -m 1 {SWEEP} -1"),
    "interleaved over two nodes": share_is(0.49, 0.51, TWO, f"numactl -N 1 -i all {SWEEP} -1"),
    "interleaved over four nodes": share_is(0.24, 0.26, FOUR, f"numactl -N 2 -i all {SWEEP} -1"),
    "threads moved away": share_is(0, 0.005, TWO, f"taskset c {SWEEP} 0"),
    "stores are exact": stores_are_exact,
    "the same again": the_same_again("", f"--seed 7 {SWEEP} -1"),
    "the same again with mainline":
        the_same_again("echo 1 >/proc/sys/kernel/numa_balancing; ", f"--seed 7 {SWEEP} 0"),
    "the same again with knumad":
        the_same_again("echo always >/sys/kernel/mm/knumad/enabled; ", f"--seed 7 {SWEEP} 0"),
    "the same again when idle": the_same_again("", IDLE),
    "the same again when idle with knumad":
        the_same_again("echo always >/sys/kernel/mm/knumad/enabled; ", IDLE),
    "no marker is void": no_marker_is_void,
    "all say the same": all_say_the_same,
}


def main():
    build()
    ktap.begin(len(CONTROLS))
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        futures = {name: pool.submit(check, name) for name, check in CONTROLS.items()}
        for number, (name, future) in enumerate(futures.items(), 1):
            try:
                good, said = future.result()
            except (GuestError, RuntimeError) as error:
                good, said = False, str(error)
            failed += not good
            ktap.tell(number, ktap.Test(name, "ok" if good else "fail", said))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
