#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Boot the guest kernel on a made-up NUMA machine and run commands in it.

    scripts/guest.py --nodes 4 --distances 10/20 --run 'numactl -H'

As a module: Topology(...), Step(...), run(topology, steps, ...).

The machine is QEMU with software emulation, whatever the host offers, so that
everybody gets the same.  The kernel's console is the first serial port; what
the commands print comes over the second one, so that neither garbles the
other.  Both go to a log file.  A run fails if the kernel reports anything that
KILL_WORDS lists, if a step takes too long, or if the guest ends early.
"""

import argparse
import hashlib
import math
import os
import re
import secrets
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
OBSERVER = BUILD / "observer.so"
EXTRAS = BUILD / "extras.cpio"

KILL_WORDS = re.compile(
    r"Kernel panic|BUG:|BUG at|WARNING:|Oops|KASAN:|UBSAN:|KCSAN:|Call Trace:"
    r"|general protection fault|soft lockup|blocked for more than|INFO: possible"
    r"|possible circular locking|suspicious RCU|rcu: INFO|unreferenced object"
    r"|Out of memory and no killable|stack guard page|bad page|Bad page")

# What the kernel says when a group has used up its memory, as some tests want it to
OUT_OF_MEMORY = (r"invoked oom-killer:", r"oom-kill:|no killable processes")

# What any guest may ask for: all its clocks jump
STOPS = {r"please stop the machine": 8}

BOOT_TIMEOUT = 180
OFF_TIMEOUT = 60
LAST_LINES = 30


class GuestError(Exception):
    """The guest itself failed; .results has the steps that had ended by then."""

    def __init__(self, message, results=()):
        super().__init__(message)
        self.results = list(results)


@dataclass
class Step:
    """A shell command to run in the guest."""
    command: str
    name: str = ""
    timeout: float = 300
    expected: tuple = ()        # reports that the step is there to cause: of each kind, how
                                # it begins and how it ends, regexes
    answers: dict = field(default_factory=dict)     # output that asks for something, a regex:
                                                    # what to tell QEMU's monitor then, or for
                                                    # how many seconds to stop QEMU

    def __post_init__(self):
        self.name = self.name or self.command.splitlines()[0]


@dataclass
class Result:
    name: str
    status: int = None
    lines: list = field(default_factory=list)
    seconds: float = 0

    @property
    def output(self):
        return "\n".join(self.lines)


def numbers(text, count, what):
    """"512" or "512,256" as a list of count numbers."""
    values = [int(word) for word in str(text).split(",")]
    if len(values) == 1:
        values *= count
    if len(values) != count or min(values) < 0:
        raise ValueError(f"{what} {text!r}: one number, or {count} separated by commas")
    return values


class Topology:
    """Nodes, their memory, CPUs and distances, and how QEMU is told about them.

    nodes          how many
    cpus_per_node  "2", or one number per node; 0: a node without CPUs
    node_mb        "512", or one number per node; 0: a node without memory
    distances      "10/20", or the matrix, rows separated by ";": "10,20;30,10"
    cpus           CPU numbers of each node, "1,3/0,2", instead of cpus_per_node
    smt            hardware threads per core
    plug_mb        memory that can be plugged into the last node while it runs, by .plug
    """

    def __init__(self, nodes=2, cpus_per_node="2", node_mb="512", distances="", cpus="", smt=1,
                 plug_mb=0):
        self.nodes = int(nodes)
        self.smt = int(smt)
        self.plug_mb = int(plug_mb)
        self.mb = numbers(node_mb, self.nodes, "node memory")
        if cpus:
            self.cpus = [[int(cpu) for cpu in part.split(",") if cpu] for part in cpus.split("/")]
            if len(self.cpus) != self.nodes:
                raise ValueError(f"CPUs {cpus!r}: {self.nodes} lists separated by '/'")
        else:
            counts = iter(numbers(cpus_per_node, self.nodes, "CPUs per node"))
            self.cpus, first = [], 0
            for count in counts:
                self.cpus.append(list(range(first, first + count)))
                first += count
        order = sorted(cpu for node in self.cpus for cpu in node)
        if not order or order != list(range(len(order))):
            raise ValueError("CPU numbers must run from 0 without a gap")
        self.node_of = {cpu: node for node, mine in enumerate(self.cpus) for cpu in mine}
        self.distances = self._distances(distances or "10/20")

        # The kernel warns about a package that spans nodes: take the largest
        # package size such that every package lies within one node.
        total = len(order)
        self.package = max(size for size in range(1, total + 1)
                           if total % size == 0 and size % self.smt in (0, size)
                           and all(len({self.node_of[cpu] for cpu in range(at, at + size)}) == 1
                                   for at in range(0, total, size)))
        if self.package % self.smt:
            raise ValueError(f"{self.smt} threads per core do not fit these CPU numbers")
        self.srat = self._srat()

    def _distances(self, text):
        if "/" in text:
            local, remote = (int(word) for word in text.split("/"))
            rows = [[local if i == j else remote for j in range(self.nodes)]
                    for i in range(self.nodes)]
        else:
            rows = [[int(word) for word in row.split(",")] for row in text.split(";")]
        if len(rows) != self.nodes or any(len(row) != self.nodes for row in rows):
            raise ValueError(f"distances {text!r}: not a matrix of {self.nodes} rows")
        return rows

    def __str__(self):
        mine = " ".join(f"node{i}={mb}M/cpus:{','.join(map(str, cpus)) or '-'}"
                        for i, (mb, cpus) in enumerate(zip(self.mb, self.cpus)))
        return mine + " distances=" + ";".join(",".join(map(str, row)) for row in self.distances)

    @property
    def there(self):
        """The nodes that are there from the start: they have memory or CPUs."""
        return [node for node in range(self.nodes) if self.mb[node] or self.cpus[node]]

    @property
    def plug(self):
        """What plugs the memory, for a monitor."""
        return f"device_add pc-dimm,memdev=plug,node={self.nodes - 1}"

    def qemu_args(self):
        total = len(self.node_of)
        memory = f"{sum(self.mb)}M"
        args = []
        if self.plug_mb:
            memory += f",slots=1,maxmem={sum(self.mb) + self.plug_mb}M"
            args += ["-object", f"memory-backend-ram,id=plug,size={self.plug_mb}M"]
        args += ["-m", memory,
                "-smp", f"{total},sockets={total // self.package},"
                        f"cores={self.package // self.smt},threads={self.smt}"]
        for node, megabytes in enumerate(self.mb):
            memory = ""
            if megabytes:
                args += ["-object", f"memory-backend-ram,id=mem{node},size={megabytes}M"]
                memory = f",memdev=mem{node}"
            args += ["-numa", f"node,nodeid={node}{memory}"]
        for package in range(total // self.package):
            args += ["-numa", f"cpu,node-id={self.node_of[package * self.package]},"
                              f"socket-id={package}"]
        if self.nodes > 1:
            for i, row in enumerate(self.distances):
                for j, distance in enumerate(row):
                    args += ["-numa", f"dist,src={i},dst={j},val={distance}"]
        return args

    def _apic_id(self, cpu):
        def bits(count):
            return (count - 1).bit_length()
        thread = cpu % self.smt
        core = cpu % self.package // self.smt
        core_shift = bits(self.smt)
        return (cpu // self.package << core_shift + bits(self.package // self.smt)
                | core << core_shift | thread)

    def _srat(self):
        """An ACPI SRAT for the kernel to take in place of QEMU's, or None.

        Linux numbers nodes in the order in which the SRAT mentions them, CPUs
        first, and QEMU lists CPUs by number.  Where that would number the
        nodes differently from what was asked for, this table lists the CPUs
        by node.
        """
        with_cpus = [node for node in range(self.nodes) if self.cpus[node]]
        seen = list(dict.fromkeys(self.node_of[cpu] for cpu in sorted(self.node_of)))
        seen += [node for node in range(self.nodes) if node not in seen]
        if seen == list(range(self.nodes)):
            return None
        body = struct.pack("<IQ", 1, 0)
        # A CPU-less node below one with CPUs: an entry that is not enabled does
        # not count, so such a node cannot be mentioned first.
        if with_cpus != list(range(len(with_cpus))):
            raise ValueError("nodes without CPUs must come after those with CPUs")
        for node, mine in enumerate(self.cpus):
            for cpu in mine:
                body += struct.pack("<BBBBIB3sI", 0, 16, node & 0xff, self._apic_id(cpu),
                                    1, 0, b"\0\0\0", 0)
        # Where the pc machine puts memory: below 4 GB up to low, the rest above.
        total, low, at = sum(self.mb) << 20, 0xe0000000, 0
        if total >= low:
            low = 0xc0000000
        for node, megabytes in enumerate(self.mb):
            end = at + (megabytes << 20)
            for start, stop, shift in ((at, min(end, low), 0),
                                       (max(at, low), end, (4 << 30) - low)):
                if start < stop:
                    body += struct.pack("<BBIHQQIIQ", 1, 40, node, 0, start + shift,
                                        stop - start, 0, 1, 0)
            at = end
        table = struct.pack("<4sIBB6s8sI4sI", b"SRAT", 36 + len(body), 3, 0, b"BOCHS ",
                            b"BXPC    ", 2, b"BXPC", 1) + body
        return table[:9] + bytes([-sum(table) & 0xff]) + table[10:]


def commit():
    """What guests are made of, as git names it; "-dirty" if that has changed since."""
    def said(*command):
        return subprocess.run(["git", *command], cwd=ROOT, stdout=subprocess.PIPE, text=True,
                              check=True).stdout.strip()

    changed = said("status", "--porcelain", "--", ".", ":!Documentation", ":!benchmarks/results",
                   ":!*.md")
    return said("describe", "--always") + ("-dirty" if changed else "")


def cpio(files):
    """A newc archive of {path: (mode, contents)}, directories included."""
    entries = {}
    for path, (mode, contents) in files.items():
        for parent in reversed(Path(path).parents):
            if str(parent) != ".":
                entries.setdefault(str(parent), (0o040755, b""))
        entries[path] = (0o100000 | mode, contents)
    entries["TRAILER!!!"] = (0, b"")
    out = bytearray()
    for inode, (path, (mode, contents)) in enumerate(entries.items(), 1):
        name = path.encode() + b"\0"
        fields = (inode, mode, 0, 0, 1, 0, len(contents), 0, 0, 0, 0, len(name), 0)
        out += b"070701" + b"".join(b"%08X" % number for number in fields) + name
        out += bytes(-len(out) % 4) + contents
        out += bytes(-len(out) % 4)
    return bytes(out + bytes(-len(out) % 512))


def initrd(topology, files, extras):
    """Archives one after the other, in a file without a name: nothing to clean up."""
    parts = []
    if topology.srat:
        parts.append(cpio({"kernel/firmware/acpi/SRAT.aml": (0o644, topology.srat)}))
    for archive in [BUILD / "initramfs.cpio"] + ([EXTRAS] if extras else []):
        if not archive.exists():
            raise GuestError(f"no {archive}: make initramfs")
        parts.append(archive.read_bytes())
    parts.append(cpio(files))
    image = os.fdopen(os.memfd_create("initrd"), "wb")
    image.write(b"".join(parts))
    image.flush()
    return image


# How QEMU runs the virtual CPUs:
#   single         one after the other on one host thread; time is the host's
#   deterministic  the same, but time is the number of instructions executed (16 ns
#                  each): two runs are identical, and waiting takes no time. A plugin
#                  sees to that, benchmarks/lab/observer.c
#   multi          a host thread each.  QEMU 7.2 may then run code that has just been
#                  patched: a kernel with static keys oopses (int3) in 1 of 10 boots
MODES = ("single", "deterministic", "multi")


# Instructions that a CPU may execute before the others get their turn.
TURN = 20000


def build_observer():
    """The plugin for the mode deterministic."""
    source = ROOT / "benchmarks/lab/observer.c"
    if not OBSERVER.exists() or OBSERVER.stat().st_mtime < source.stat().st_mtime:
        new = OBSERVER.with_suffix(f".{os.getpid()}")
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
                        "-o", new, source], check=True)
        new.rename(OBSERVER)


def observer_args(topology, **settings):
    """How QEMU is told about the plugin; out=FILE makes it count."""
    build_observer()
    settings = {"cpus": ":".join(str(topology.node_of[cpu]) for cpu in sorted(topology.node_of)),
                "mb": ":".join(map(str, topology.mb)), "turn": TURN, **settings}
    return ["-plugin", ",".join([str(OBSERVER)] + [f"{key}={value}"
                                                   for key, value in settings.items()])]


def qemu_command(topology, profile, image, append, mode, observe):
    """The whole command line but for the serial ports."""
    cpu, cmdline = "max", ["console=ttyS0", "panic=-1", "oops=panic", "tsc=reliable",
                           "rcupdate.rcu_cpu_stall_timeout=60"]
    # Of KCSAN's reports most are about others
    if profile != "kcsan":
        cmdline.append("panic_on_warn=1")
    if profile == "debug":
        cmdline += ["hung_task_panic=1", "softlockup_panic=1"]
    command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"]
    if mode == "deterministic":
        command += ["-accel", "tcg,thread=single", "-icount", "shift=4,sleep=off",
                    "-rtc", "clock=vm,base=2026-01-01", "-seed", "1",
                    *observer_args(topology, **(observe or {}))]
        cpu += ",-rdrand,-rdseed,-erms,-fsrm"
        cmdline += ["nokaslr", "norandmaps"]
    else:
        command += ["-accel", f"tcg,thread={mode}"]
        cmdline += ["lpj=10000000"]     # calibrating goes wrong when the host is busy
    kernel = BUILD / profile / "arch/x86/boot/bzImage"
    if not kernel.exists():
        raise GuestError(f"no kernel at {kernel}: make kernel PROFILE={profile}")
    return command + ["-machine", "pc", "-cpu", cpu, *topology.qemu_args(),
                      "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                      "-kernel", str(kernel), "-initrd", f"/proc/self/fd/{image.fileno()}",
                      "-append", " ".join(cmdline + [append])]


def job(steps, nonce, mode):
    """The files that make /init run the steps."""
    script = ["cd /"]
    if mode != "deterministic":
        script.append("export KNUMAD_GUEST=1")      # a test may stop it, see STOPS
    files = {}
    for number, step in enumerate(steps):
        files[f"job/step-{number}"] = (0o755, (step.command + "\n").encode())
        script += [f"echo '@@{nonce} begin {number}'", f"sh /job/step-{number}",
                   f"echo \"@@{nonce} end {number} $?\""]
    script.append(f"echo '@@{nonce} done'")
    files["job/run"] = (0o755, "\n".join(script + [""]).encode())
    return files


class _Run:
    """One guest from power on to power off."""

    def __init__(self, steps, nonce, log, on_line, on_console, on_result, answer, boot_timeout):
        self.steps = steps
        self.boot_timeout = boot_timeout
        self.answer = answer
        self.marker = re.compile(rf"@@{nonce} (begin|end|done)(?: (\d+))?(?: (\d+))?$")
        self.log = log
        self.on_line = on_line
        self.on_console = on_console
        self.on_result = on_result
        self.results = []
        self.console = []
        self.current = None         # the Step that runs now
        self.done = False
        self.started = self.since = time.monotonic()
        self.excused = None         # within a report that was expected: how it ends
        self.killed_by = None       # the line of the console that fails the run
        self.hang = None            # what hung
        self.partial = {"console": b"", "job": b""}

    def feed(self, port, data):
        *lines, self.partial[port] = (self.partial[port] + data).split(b"\n")
        for line in lines:
            text = line.decode(errors="replace").rstrip("\r")
            mark = "#" if port == "console" else "|"
            self.log.write(f"{time.monotonic() - self.started:9.3f} {mark} {text}\n")
            (self.console_line if port == "console" else self.job_line)(text)
        self.log.flush()

    def console_line(self, text):
        self.console.append(text)
        if self.on_console:
            self.on_console(text)
        if not self.excused and self.current:
            self.excused = next((end for begin, end in self.current.expected
                                 if re.search(begin, text)), None)
        if not (self.killed_by or self.hang or self.excused) and KILL_WORDS.search(text):
            self.killed_by = text
        if self.excused and re.search(self.excused, text):
            self.excused = None

    def job_line(self, text):
        match = self.marker.search(text)
        if not match:
            self.output(text)
            return
        if match.start():
            self.output(text[:match.start()])
        kind, number, status = match.groups()
        now = time.monotonic()
        if kind == "begin":
            self.current = self.steps[int(number)]
            self.excused = None
            self.results.append(Result(self.current.name))
        elif kind == "end":
            self.results[-1].status = int(status)
            self.results[-1].seconds = now - self.since
            self.current = None
            if self.on_result:
                self.on_result(self.results[-1])
        else:
            self.done = True
        self.since = now

    def output(self, text):
        if self.current:
            self.results[-1].lines.append(text)
            for question, answer in self.current.answers.items():
                if re.search(question, text):
                    self.answer(answer)
            if self.on_line:
                self.on_line(self.current.name, text)

    def stage(self):
        """What the guest is at, and for how long it may be."""
        if self.current:
            return f"step {self.current.name!r}", self.current.timeout
        if self.done:
            return "power off", OFF_TIMEOUT
        if self.results:
            return "between steps", OFF_TIMEOUT
        return "boot", self.boot_timeout

    def fail(self, message, log_name):
        tail = "\n".join(f"   {line}" for line in self.console[-LAST_LINES:])
        if self.current and self.results[-1].lines:
            message += "\n   last output:" + "".join(
                f"\n   | {line}" for line in self.results[-1].lines[-10:])
        finished = [result for result in self.results if result.status is not None]
        raise GuestError(f"{message}\n   last lines of the console ({log_name}):\n{tail}",
                         finished)


class _Sockets:
    """Serial ports that can be written to, for the keys of sysrq."""

    def __init__(self, names):
        self.ours, self.theirs = {}, []
        for name in (*names, "monitor"):
            self.ours[name], other = socket.socketpair()
            self.theirs.append(other)
        self.selector = selectors.DefaultSelector()
        for name in names:
            self.selector.register(self.ours[name], selectors.EVENT_READ, name)

    def qemu_args(self):
        args = []
        for name, other in zip(self.ours, self.theirs):
            args += ["-chardev", f"socket,id={name},fd={other.fileno()}"]
        return args + ["-mon", "chardev=monitor"]

    def started(self, _):
        for other in self.theirs:
            other.close()

    def read(self, seconds):
        """Pieces of output by port, or None when QEMU has closed them all."""
        if not self.selector.get_map():
            return None
        pieces = []
        for key, _ in self.selector.select(seconds):
            data = key.fileobj.recv(65536)
            if data:
                pieces.append((key.data, data))
            else:
                self.selector.unregister(key.fileobj)
        return pieces

    def tell(self, command):
        """Have QEMU's monitor do something."""
        self.ours["monitor"].sendall(command.encode() + b"\n")

    def sysrq(self, keys):
        for key in keys:
            self.tell("chardev-send-break console")
            time.sleep(0.5)
            self.ours["console"].sendall(bytes([key]))


class _Files:
    """Serial ports that never make QEMU wait, so that the host cannot be felt in the guest."""

    def __init__(self, names):
        self.files = {name: tempfile.TemporaryFile() for name in names}
        self.process = None

    @property
    def theirs(self):
        return list(self.files.values())

    def qemu_args(self):
        args = []
        for name, file in self.files.items():
            args += ["-chardev", f"file,id={name},path=/proc/self/fd/{file.fileno()}"]
        return args + ["-monitor", "none"]

    def started(self, process):
        self.process = process

    def read(self, seconds):
        """Pieces of output by port, or None when QEMU has ended and all is read."""
        ended = self.process.poll() is not None
        pieces = [(name, data) for name, file in self.files.items() if (data := file.read())]
        if not pieces and not ended:
            time.sleep(min(seconds, 0.05))
        return None if ended and not pieces else pieces

    def tell(self, command):
        raise GuestError(f"no monitor in mode deterministic, for {command!r}")

    def sysrq(self, keys):
        """Nothing can be typed here."""


def _stop_for(process, seconds):
    """Stop a process; the clocks of its guest go on, unless they count instructions."""
    process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        process.send_signal(signal.SIGCONT)


def _follow(run, process, ports, log_name):
    """Feed run from the serial ports until QEMU has ended."""
    grace = None        # after a report or a hang: time for the rest of what the kernel says
    while True:
        stage, limit = run.stage()
        now = time.monotonic()
        if run.killed_by and grace is None:
            grace = now + 10
        if grace is None and now - run.since > limit:
            run.hang = f"{stage} did not end within {limit:.0f} s"
            grace = now + 10
            ports.sysrq(b"wl")      # where are the blocked tasks, and the CPUs?
        if grace and now > grace:
            break
        until = grace or run.since + limit
        pieces = ports.read(max(0.1, min(until - now, 5)))
        if pieces is None:
            break
        for port, data in pieces:
            run.feed(port, data)
    if run.hang:
        run.fail(run.hang, log_name)
    if run.killed_by:
        run.fail(f"the kernel reported, at {run.stage()[0]}: {run.killed_by}", log_name)
    process.wait(timeout=10)
    if not run.done:
        run.fail(f"the guest ended early, at {run.stage()[0]} "
                 f"(QEMU's exit status {process.returncode})", log_name)


def run(topology, steps, profile="lab", append="", files=None, log=None, mode="single",
        extras=False, on_line=None, on_console=None, on_result=None, observe=None,
        boot_timeout=BOOT_TIMEOUT):
    """Boot, run the steps one after the other, power off; return their Results.

    files       {path in the guest: host path}, put into the guest, executable
    log         where the log goes (default: build/log/guest-*.log)
    extras      have stress-ng and redis in the guest
    on_line     called with (step name, line) for each line of a step's output
    on_console  called with each line of the kernel's console
    on_result   called with the Result of each step that ended
    observe     settings of the observer, in mode deterministic
    boot_timeout  seconds until the first step begins: more where the kernel tests itself

    A step that exits with a status other than 0 does not fail the run: look at
    the Results.  GuestError: the kernel reported trouble, or hung, or died.
    """
    # The guest's files are the same for the same steps, where all else is
    if mode == "deterministic":
        nonce = hashlib.sha256("\0".join(step.command for step in steps).encode()).hexdigest()[:12]
    else:
        nonce = secrets.token_hex(6)
    contents = {path.lstrip("/"): (0o755, Path(host).read_bytes())
                for path, host in (files or {}).items()}
    contents.update(job(steps, nonce, mode))
    if log is None:
        log = BUILD / "log" / f"guest-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    Path(log).parent.mkdir(parents=True, exist_ok=True)

    with initrd(topology, contents, extras) as image, \
            open(log, "w", encoding="utf-8") as log_file:
        command = qemu_command(topology, profile, image, append, mode, observe)
        ports = (_Files if mode == "deterministic" else _Sockets)(("console", "job"))
        command += [*ports.qemu_args(), "-serial", "chardev:console", "-serial", "chardev:job"]
        print(f"# {topology}\n# {' '.join(command)}", file=log_file, flush=True)
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log_file,
                              pass_fds=[port.fileno() for port in [image, *ports.theirs]]) \
                as process:
            def answer(what):
                if isinstance(what, str):
                    ports.tell(what)
                else:
                    _stop_for(process, what)

            state = _Run(steps, nonce, log_file, on_line, on_console, on_result, answer,
                         boot_timeout)
            try:
                ports.started(process)
                _follow(state, process, ports, log)
            finally:
                process.kill()
    return state.results


def shell(topology, profile="lab", append="", files=None, mode="single",
          extras=False):
    """An interactive guest on this terminal."""
    size = shutil.get_terminal_size()
    append += f" TERM={os.environ.get('TERM', 'linux')} ROWS={size.lines} COLUMNS={size.columns}"
    contents = {path.lstrip("/"): (0o755, Path(host).read_bytes())
                for path, host in (files or {}).items()}
    with initrd(topology, contents, extras) as image:
        command = qemu_command(topology, profile, image, append, mode, None)
        return subprocess.run(command + ["-serial", "mon:stdio"], pass_fds=[image.fileno()],
                              check=False).returncode


def add_topology_arguments(parser):
    parser.add_argument("--nodes", default="2", help="number of NUMA nodes (default 2)")
    parser.add_argument("--cpus-per-node", default="2", help="2, or one number per node: 2,2,0")
    parser.add_argument("--node-mb", default="512", help="512, or one number per node: 512,256")
    parser.add_argument("--distances", default="", help="10/20, or the matrix: '10,20;30,10'")
    parser.add_argument("--cpus", default="", help="CPU numbers of each node: 1,3/0,2")
    parser.add_argument("--smt", default="1", help="hardware threads per core (default 1)")


def topology_from(args):
    return Topology(args.nodes, args.cpus_per_node, args.node_mb, args.distances, args.cpus,
                    args.smt)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    add_topology_arguments(parser)
    parser.add_argument("--profile", default="lab",
                        help="lab, extended, debug, gcov, kcsan, preempt or off (default lab)")
    parser.add_argument("--append", default="", help="more kernel command line")
    parser.add_argument("--file", action="append", default=[], metavar="GUEST=HOST",
                        help="put the file HOST into the guest as GUEST")
    parser.add_argument("--extras", action="store_true",
                        help="have stress-ng and redis in the guest")
    parser.add_argument("--mode", choices=MODES, default=MODES[0],
                        help="how QEMU runs the CPUs (default single)")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for each command")
    parser.add_argument("--log", help="log file (default: build/log/guest-*.log)")
    parser.add_argument("--console", action="store_true", help="show the kernel's console, too")
    parser.add_argument("--run", action="append", default=[], metavar="COMMAND",
                        help="run this in the guest; may be given more than once")
    parser.add_argument("--shell", action="store_true", help="an interactive guest")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    try:
        topology = topology_from(args)
    except ValueError as error:
        parser.error(str(error))
    files = dict(pair.split("=", 1) for pair in args.file)
    if args.shell and args.mode == "deterministic":
        parser.error("nothing can be typed in mode deterministic: take --run")
    if not (args.run or args.shell):
        parser.error("nothing to do: --run COMMAND or --shell")
    steps = [Step(command, timeout=args.timeout, answers=STOPS) for command in args.run]
    try:
        if args.shell:
            return shell(topology, args.profile, args.append, files, args.mode, args.extras)
        results = run(topology, steps, args.profile, args.append, files, args.log,
                      args.mode, args.extras,
                      on_line=lambda _, line: print(line, flush=True),
                      on_console=(lambda line: print(line, file=sys.stderr, flush=True))
                      if args.console else None)
    except GuestError as error:
        print(f"guest.py: {error}", file=sys.stderr)
        return 125
    except KeyboardInterrupt:
        return 130
    return max(result.status for result in results)


if __name__ == "__main__":
    sys.exit(main())
