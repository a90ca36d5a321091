# SPDX-License-Identifier: GPL-2.0
"""Which lines and branches of mm/knumad did the tests run?  For a guest with the profile gcov."""

import base64
import io
import json
import shutil
import subprocess
import tarfile
import threading
from pathlib import Path

from guest import BUILD, ROOT, Step

OBJECTS = BUILD / "gcov/mm/knumad"
DATA = BUILD / "coverage"
REPORT = BUILD / "log/coverage.txt"
LEAST = 92      # percent of the lines

TAKEN = "another thread has taken the page table away in between"
NO_MEMORY = "no memory there; nomem has the same elsewhere, with a process as small as this one"
AT_BOOT = "no memory when the kernel boots"
MANY = "more than 16 threads that run, of which one moves: more than the machines have CPUs for"

NO_REASON = "no reason known: test it, or name one in coverage.py"

# Why lines of a function are not run by the tests
WHY = {
    ("arm.c", "look_at_part"): "memory given back or swapped out between pages in use: chance",
    ("arm.c", "look_at_parts"): "a part with no page in use beside one that has some: chance",
    ("arm.c", "look_at_chunk"): TAKEN,
    ("arm.c", "arm_all"): "another thread has unmapped or replaced what was chosen in between",
    ("arm.c", "find_armed"): TAKEN,
    ("chunk.c", "knumad_chunk_share"): "see learn_chunk()",
    ("registry.c", "enrol"): "the process was reaped in between, or: " + NO_MEMORY,
    ("sample.c", "count_compared"): "thousands of samples",
    ("sample.c", "learn_chunk"): "one thread leads, and yet most of what is known is shared",
    ("sample.c", "knumad_sampling_local"): "shared chunks, and more samples of their parts than "
                                           "a test waits for",
    ("sample.c", "begin_round"): "several late rounds, each of seconds, without a surprise",
    ("sample.c", "knumad_sampling_begin"): NO_MEMORY,
    ("scan.c", "sample_of"): "a process with more memory than the machines have",
    ("scan.c", "walk_pmd"): TAKEN,
    ("table.c", "knumad_chunk_get"): NO_MEMORY,
    ("table.c", "knumad_part_get"): NO_MEMORY,
    ("table.c", "mark_unused"): "mmap_lock is taken just then: chance",
    ("table.c", "forget_table"): "a shared chunk where most of the memory was given back",
    ("threads.c", "forget_users"): "a thread that has used a shared chunk last exits",
    ("threads.c", "knumad_threads_share"): "thousands of samples",
    ("threads.c", "rehome_parts"): MANY,
    ("threads.c", "rehome_chunks"): MANY,
    ("topology.c", "knumad_housekeeping_cpus"): "all CPUs are gone that are not isolated",
    ("topology.c", "knumad_topology_init"): AT_BOOT,
    ("tunables.c", "knumad_tunables_init"): AT_BOOT,
}

one_at_a_time = threading.Lock()

# The last step in a guest: the counters of the kernel, as text
DUMP = Step(r"""
mkdir -p /tmp/gcda && cd /tmp/gcda || exit 1
for file in $(find /sys/kernel/debug/gcov -path '*mm/knumad/*.gcda'); do
	cat "$file" >"$(basename "$file")"
done
tar c . | gzip | base64
""", "coverage", 120)


def begin():
    """Forget what was collected before."""
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(parents=True)


def collect(lines):
    """Add what DUMP printed in one guest to what there is of the others.  What went wrong, or ""."""
    with one_at_a_time:
        try:
            add(lines)
        except (ValueError, OSError, tarfile.TarError, subprocess.CalledProcessError) as error:
            return str(error)
    return ""


def add(lines):
    here = DATA / "here"
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode("".join(lines))), mode="r:gz") as tar:
        tar.extractall(here)
    everything = DATA / "all"
    if everything.exists():
        merged = DATA / "merged"
        subprocess.run(["gcov-tool", "merge", "-o", merged, here, everything], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(everything)
        shutil.rmtree(here)
        merged.rename(everything)
    else:
        here.rename(everything)


def files():
    """What gcov says of each file of mm/knumad: {name: [line, ...]}."""
    everything = DATA / "all"
    found = {}
    for notes in sorted(OBJECTS.glob("*.gcno")):
        shutil.copy(notes, everything)
        text = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities",
                               notes.name], cwd=everything, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        for file in json.loads(text)["files"]:
            name = Path(file["file"]).name
            if file["file"].endswith(f"mm/knumad/{name}") and name.endswith(".c"):
                found[name] = file["lines"]
    return found


def ranges(numbers):
    """[1, 2, 3, 7] as 1-3, 7."""
    parts = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def explained(name, functions, missed):
    """The lines of a file that were never run, by function, and why."""
    source = (ROOT / "mm/knumad" / name).read_text().splitlines()
    said = []
    for function in dict.fromkeys(functions[number] for number in missed):
        numbers = [number for number in missed if functions[number] == function]
        why = WHY.get((name, function), NO_REASON)
        said.append(f"{name} {function}(): {ranges(numbers)}: {why}")
        said += [f"    {number}: {source[number - 1].strip()}" for number in numbers]
    return said


def judge():
    """(whether it is enough, what to say): of all lines, and the ones that were never run."""
    if not (DATA / "all").is_dir():
        return False, "no guest has brought counters: run all sections of gcov"
    table, never = [], []
    sums = [0, 0, 0, 0]
    for name, lines in files().items():
        # A line stands once per function that it was compiled into
        ran, taken, functions = {}, {}, {}
        for line in lines:
            number = line["line_number"]
            ran[number] = ran.get(number, 0) + line["count"]
            functions[number] = line.get("function_name", "").split(".")[0]
            for at, branch in enumerate(line["branches"]):
                if not branch["throw"]:
                    taken[number, at] = taken.get((number, at), 0) + branch["count"]
        counts = [sum(map(bool, ran.values())), len(ran), sum(map(bool, taken.values())), len(taken)]
        sums = [a + b for a, b in zip(sums, counts)]
        table.append(f"{name:14} lines {counts[0]:4} of {counts[1]:4}, "
                     f"branches {counts[2]:4} of {counts[3]:4}")
        never += explained(name, functions,
                           sorted(number for number, count in ran.items() if not count))
    if not sums[1]:
        return False, "no counters of mm/knumad"
    percent = 100 * sums[0] / sums[1]
    summary = (f"{percent:.1f} % of {sums[1]} lines, "
               f"{100 * sums[2] / max(sums[3], 1):.1f} % of {sums[3]} branches")
    unexplained = sum(line.endswith(NO_REASON) for line in never)
    if unexplained:
        summary += f", {unexplained} functions with lines that nobody knows a reason for"
    REPORT.write_text("\n".join([summary, *table, "", "Never run, and why:", *never, ""]))
    return percent >= LEAST, f"{summary}; all of it in {REPORT.relative_to(ROOT)}"
