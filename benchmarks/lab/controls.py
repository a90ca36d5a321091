#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Control experiments for the observer, as TAP: cases whose counts are known beforehand."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from lab import BUILD, GuestError, Topology, both, build, local, observe

TWO = Topology(nodes=2)
FOUR = Topology(nodes=4, node_mb="256")
UNEQUAL = Topology(nodes=2, node_mb="768,384")
LOOPS, MB, THREADS = 12, 32, 2
# Touched by each thread itself, so that numactl alone says where.
SWEEP = f"slices --threads {THREADS} --mb {MB} --loops {LOOPS} --first-node"


def counts(name, topology, command):
    """User accesses by node of CPU and memory, and the whole result for comparison."""
    raw = BUILD / f"control-{name.replace(' ', '-')}.raw"
    _, observed = observe(topology, command, raw, raw.with_suffix(".log"), 300)
    if not observed:
        raise RuntimeError(f"{command!r} failed, see {raw.with_suffix('.log')}")
    return observed


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


def twice_the_same(name):
    first, second = (json.dumps(counts(f"{name} {number}", TWO, f"mark 0 --seed 7 {SWEEP} -1"))
                     for number in (1, 2))
    return first == second, "the results differ" if first != second else "to the last count"


def no_marker_is_void(name):
    try:
        counts(name, TWO, "true")
    except RuntimeError as error:
        return "marker" in str(error), str(error)
    return False, "a run without markers was accepted"


CONTROLS = {
    "bound local": share_is(0.995, 1, TWO, f"numactl -N 0 -m 0 {SWEEP} -1"),
    "bound remote": share_is(0, 0.005, TWO, f"numactl -N 0 -m 1 {SWEEP} -1"),
    "bound local to the smaller node": share_is(0.995, 1, UNEQUAL, f"numactl -N 1 -m 1 {SWEEP} -1"),
    "interleaved over two nodes": share_is(0.49, 0.51, TWO, f"numactl -N 1 -i all {SWEEP} -1"),
    "interleaved over four nodes": share_is(0.24, 0.26, FOUR, f"numactl -N 2 -i all {SWEEP} -1"),
    "threads moved away": share_is(0, 0.005, TWO, f"taskset c {SWEEP} 0"),
    "stores are exact": stores_are_exact,
    "twice the same": twice_the_same,
    "no marker is void": no_marker_is_void,
}


def main():
    build()
    print("TAP version 13")
    print(f"1..{len(CONTROLS)}")
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        futures = {name: pool.submit(check, name) for name, check in CONTROLS.items()}
        for number, (name, future) in enumerate(futures.items(), 1):
            try:
                good, said = future.result()
            except (GuestError, RuntimeError) as error:
                good, said = False, str(error).replace("\n", "\n# ")
            failed += not good
            print(f"# {said}")
            print(f"{'ok' if good else 'not ok'} {number} {name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
