# SPDX-License-Identifier: GPL-2.0
"""The machines of the tests, the kernels they boot, and which selftests run where."""

import re

from guest import Topology

# The machines that the selftests run on.
SHAPES = {
    "1-node": Topology(nodes=1, cpus_per_node="4"),
    "2-nodes": Topology(nodes=2),
    "4-nodes": Topology(nodes=4, node_mb="384", distances="10/20"),
    "odd-even": Topology(nodes=2, distances="10/40", cpus="1,3/0,2"),
    "asymmetric": Topology(nodes=3, distances="10,20,30;25,10,20;40,35,10"),
    "unequal": Topology(nodes=2, node_mb="768,384"),
    "cpu-less": Topology(nodes=3, cpus_per_node="2,2,0"),
    # Nodes with so many CPUs that the scheduler evens them out
    "wide": Topology(nodes=2, cpus_per_node="4"),
    # Its clock counts the instructions of one CPU: what takes how long
    "1-cpu": Topology(nodes=2, cpus_per_node="1,0", node_mb="2048"),
    # The same for who spans nodes: it counts the instructions of both
    "2-cpu": Topology(nodes=2, cpus_per_node="1", node_mb="2048"),
    # One node comes later
    "plug": Topology(nodes=3, cpus_per_node="2,2,0", node_mb="704,512,0", plug_mb=256),
    # One of its CPUs is isolated
    "isolated": Topology(nodes=2, node_mb="704,512"),
    # Half of each node is for what can move, and keeps a bit of the rest free for what cannot
    "movable": Topology(nodes=2),
    # As 2-nodes: node 0 has more, because that is where KASAN takes its shadow from; so it is
    # of the other two that the debug kernel runs on.
    "2-nodes+kasan": Topology(nodes=2, node_mb="704,512"),
}
# What else their kernel is told: words for knumad that are heard, that are of no use there, and
# that are none
COMMAND_LINE = {"isolated": "isolcpus=3", "movable": "movablecore=600M",
                "asymmetric": "knumad=opt-in", "cpu-less": "knumad=always",
                "1-node": "knumad=always", "4-nodes": "knumad=nonsense"}

PROFILE_SHAPES = {
    "lab": [name for name in SHAPES if name != "2-nodes+kasan"],
    "debug": ["2-nodes+kasan"],
    "gcov": ["1-node", "2-nodes", "4-nodes", "cpu-less"],
    "kcsan": ["2-nodes"],
    "preempt": ["2-nodes", "1-cpu"],
}

# Those that only the full set has
FULL_SHAPES = {"debug": ["plug", "isolated"]}

# And the profiles
FULL = ("gcov", "kcsan", "preempt")

# Lab, gcov: the CPUs take turns, which any kernel survives.  Debug, kcsan: they run in parallel,
# so that races can happen; these profiles have no JUMP_LABEL, see MODES in guest.py.
MODE = {"lab": "single", "debug": "multi", "gcov": "single", "kcsan": "multi",
        "preempt": "single"}
SHAPE_MODE = {"1-cpu": "deterministic", "2-cpu": "deterministic"}

# Selftests that take minutes, do not depend on the shape, or need what only one kernel has:
# the shapes where they run, or the profiles.
ONLY_IN = {
    "threads": ["2-nodes", "debug"], "armed": ["2-nodes", "debug"],
    "hotplug": ["2-nodes", "movable", "debug"],
    "bounds": ["1-cpu", "2-cpu"],
    "three": ["2-nodes", "debug"],
    "hotadd": ["plug"],
    "isolated": ["isolated"],
    "growth": [],                       # but in benchmarks/lab/growth.py
    "refused": ["2-nodes", "debug"],
    "fuzz": ["2-nodes", "debug"], "halts": ["2-nodes", "debug"],
    "calls": ["2-nodes", "debug"],
    # It looks at CPU time: not with KCSAN
    "threats": ["lab/2-nodes", "gcov/2-nodes", "preempt/2-nodes"],
    "leaks": ["debug"], "nomem": ["debug", "gcov/2-nodes"], "failsafe": ["debug", "gcov/2-nodes"],
}

# Only the full set has these: minutes on that kernel, and others run the same code there.
SLOW = {"debug": ["abi", "several", "three", "respect", "hop", "trace", "fuzz", "hotplug"]}

# Shapes for these selftests alone
ALONE = {"1-cpu": ["bounds"], "2-cpu": ["bounds"], "plug": ["hotadd"], "wide": ["gather"],
         "isolated": ["isolated"], "movable": ["abi", "respect", "hotplug"]}


def enabled_at_boot(shape):
    """What knumad is when this machine has booted: never, unless it is told and has two nodes."""
    told = re.search(r"knumad=(always|opt-in)", COMMAND_LINE.get(shape, ""))
    return told.group(1) if told and SHAPES[shape].nodes > 1 else "never"


def mode_of(profile, shape):
    """How the CPUs of this machine run when it boots the kernel of this profile."""
    return SHAPE_MODE.get(shape, MODE[profile])


def runs_there(program, profile, shape, full):
    """Does this selftest run on this machine, with the kernel of this profile?"""
    places = {profile, shape, f"{profile}/{shape}"}
    return program in ALONE.get(shape, [program]) and \
        bool(places & set(ONLY_IN.get(program, places))) and \
        (full or program not in SLOW.get(profile, []))
