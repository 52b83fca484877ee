# SPDX-License-Identifier: MIT
"""Where the guest instructions of one row of tests/bench go, function by function.

    python3 tools/instruction_profile.py fork_exit_wait
    python3 tools/instruction_profile.py --per 1000 --depth 12 --least 0.2 getppid

QEMU runs the row one instruction at a time and writes down each program counter. Calls and returns
are followed by the kernel's disassembly, so the report is a tree: what a function cost in all, and
in itself. Of the row's repetitions the cheapest one is shown, as the bench does. Children, the idle
thread and interrupts that came meanwhile are in it, by the way they entered the kernel.
"""

import argparse
import bisect
import collections
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading

import machine
import quire
import session

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRACE = re.compile(rb"Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/([0-9a-f]+)/")
KERNEL_BASE = 0xFFFFFFFF80000000
SWITCH = "context_switch"


class Image:
    """Names and kinds of instructions of an ELF file."""

    def __init__(self, path):
        self.path = path
        self.addresses, self.names = [], []
        for line in _lines("nm", "-n", path):
            words = line.split()
            if len(words) == 3 and words[1] in "tTwW" and not words[2].startswith((".", "__start")):
                if not self.addresses or self.addresses[-1] != int(words[0], 16):
                    self.addresses.append(int(words[0], 16))
                    self.names.append(words[2])

    def name_at(self, pc):
        index = bisect.bisect_right(self.addresses, pc) - 1
        name = self.names[index] if index >= 0 else "?"
        if name == "trap_stubs":
            return f"trap {(pc - self.addresses[index]) // 16}"
        return re.sub(r"\.(constprop|isra|part|cold|lto_priv)\b.*", "", name)

    def address_of(self, *names):
        """Of the first of the names that is there."""
        for name in names:
            if name in self.names:
                return self.addresses[self.names.index(name)]
        raise SystemExit(f"instruction_profile.py: {self.path} has none of {', '.join(names)}")

    def flow(self):
        """{pc: (kind, next pc)} of calls, returns and the like."""
        kinds = {"call": "call", "ret": "ret", "iretq": "iret", "iret": "iret"}
        flow, pending = {}, None
        for line in _lines("objdump", "-d", "--no-show-raw-insn", self.path):
            match = re.match(r"\s*([0-9a-f]+):\s+(?:notrack |bnd )?(\S+)", line)
            if not match:
                continue
            pc = int(match.group(1), 16)
            if pending:
                flow[pending[0]] = (pending[1], pc)
                pending = None
            if match.group(2) in kinds:
                pending = (pc, kinds[match.group(2)])
        return flow


def _lines(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


class Node:
    """One function as called along one way from user code."""

    def __init__(self):
        self.own = 0
        self.children = collections.defaultdict(Node)

    def total(self):
        return self.own + sum(child.total() for child in self.children.values())


class Frame:
    def __init__(self, node, name, parent, returns_to):
        self.node, self.name, self.parent, self.returns_to = node, name, parent, returns_to


class Tracer:
    """Follows the program counters; `repetitions` are finished trees of nodes."""

    def __init__(self, kernel, starts_at):
        self.kernel = kernel
        self.flow = kernel.flow()
        self.names = {}
        self.starts_at = starts_at
        self.repetitions = []
        self.root = None
        self.stack, self.asleep = [], []
        self.kind, self.next_pc = None, 0

    def feed(self, lines):
        for line in lines:
            match = TRACE.match(line)
            if match:
                self.step(int(match.group(1), 16), int(match.group(2), 16) & 3)

    def step(self, pc, privilege):
        if privilege == 3 or pc < KERNEL_BASE:
            self.user(pc)
            return
        if self.root is None:
            return
        name = self.names.get(pc)
        if name is None:
            name = self.names[pc] = self.kernel.name_at(pc)
        self.enter(pc, name)
        self.stack[-1].node.own += 1
        self.kind, self.next_pc = self.flow.get(pc, (None, 0))

    def user(self, pc):
        if pc == self.starts_at:
            if self.root:
                self.repetitions.append(self.root)
            self.root = Node()
        if self.root:
            self.root.children["user code"].own += 1
        self.stack, self.kind = [], None

    def enter(self, pc, name):
        """Makes the top of the stack the function that pc is in."""
        stack = self.stack
        if not stack:
            self.push(name, self.root, None)
        elif self.kind == "call" or name.startswith("trap ") and stack[-1].name != name:
            self.push(name, stack[-1].node, self.next_pc if self.kind == "call" else None)
        elif self.kind == "iret":
            while stack and not stack[-1].name.startswith("trap"):
                stack.pop()
            if stack:
                stack.pop()
            self.settle(name)
        elif self.kind == "ret":
            self.returned(pc, name)
        elif stack[-1].name != name:  # a tail call, or a jump between entry points
            frame = stack.pop()
            self.push(name, frame.parent, frame.returns_to)

    def settle(self, name):
        if not self.stack:
            self.push(name, self.root, None)

    def push(self, name, parent, returns_to):
        self.stack.append(Frame(parent.children[name], name, parent, returns_to))

    def returned(self, pc, name):
        if self.stack[-1].name == SWITCH:
            self.asleep.append(self.stack)
            self.stack = []
        if not self.unwind(self.stack, pc):
            for other in reversed(self.asleep[:-1]):
                if self.unwind(other, pc):
                    self.asleep.remove(other)
                    self.stack = other
                    break
        self.settle(name)
        del self.asleep[:-64]

    @staticmethod
    def unwind(stack, pc):
        for index in range(len(stack) - 1, -1, -1):
            if stack[index].returns_to == pc:
                del stack[index:]
                return True
        return False


def show(node, name, options, scale, depth=0):
    total = node.total() / scale
    if depth > options.depth or total < options.least:
        return
    own = f"{node.own / scale:9.1f}" if node.children else " " * 9
    print(f"{total:10.1f} {own}  {'  ' * depth}{name}")
    for child in sorted(node.children, key=lambda key: -node.children[key].total()):
        show(node.children[child], child, options, scale, depth + 1)


def flatten(node, name, sums):
    sums[name] += node.own
    for child, below in node.children.items():
        flatten(below, child, sums)
    return sums


def show_flat(root, options, scale):
    print("\nEach function in itself:")
    for name, own in flatten(root, "", collections.Counter()).most_common(options.flat):
        print(f"{own / scale:10.1f}  {name}")


class Run:
    """A guest that says when it is ready, waits, and then runs the row while QEMU writes."""

    def __init__(self, options, tracer):
        self.tracer = tracer
        self.folder = tempfile.mkdtemp(prefix="quire-profile-")
        self.trace, self.monitor = f"{self.folder}/trace", f"{self.folder}/monitor"
        os.mkfifo(self.trace)
        go_read, self.go = os.pipe()
        self.output = b""
        guest = quire.parse([
            "run", "--icount", "--mem", options.mem, "--kernel", options.kernel,
            "--archive", options.archive, "--", "/bin/sh", "-c",
            f"echo ready; read go; /tests/bench {options.row}"])
        spec = session.run_specification("run", guest[1], False)
        config = session.machine_config(guest[1], spec, guest[2])
        config.more_arguments = ["-singlestep", "-monitor", f"unix:{self.monitor},server=on,wait=off"]
        self.machine = machine.Machine(config, machine.Ports(
            output=self.printed, error=session.writer_to(2), stdin_fd=go_read))

    def printed(self, data):
        self.output += data
        if b"ready\n" in self.output and self.go is not None:
            threading.Thread(target=self.read_trace, daemon=True).start()
            with socket.socket(socket.AF_UNIX) as monitor:
                monitor.connect(self.monitor)
                monitor.sendall(f"logfile {self.trace}\nlog exec,nochain\n".encode())
                answer = b""
                while answer.count(b"(qemu)") < 3:
                    answer += monitor.recv(4096)
            os.write(self.go, b"\n")
            os.close(self.go)
            self.go = None

    def read_trace(self):
        with open(self.trace, "rb", buffering=1 << 20) as trace:
            self.tracer.feed(trace)
        self.done.set()

    def run(self):
        self.done = threading.Event()
        outcome = self.machine.run()
        if self.go is None:
            self.done.wait()
        os.unlink(self.trace)
        if os.path.exists(self.monitor):
            os.unlink(self.monitor)
        os.rmdir(self.folder)
        return outcome


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="instruction_profile.py", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    build = os.environ.get("QUIRE_BUILD", os.path.join(ROOT, "build"))
    add = parser.add_argument
    add("row", help="a row of tests/bench")
    add("--function", metavar="NAME", help="the function that measures it once (ROW or ROW_call)")
    add("--kernel", default=f"{build}/release/quire.elf", metavar="FILE")
    add("--archive", default=f"{build}/tests.cpio", metavar="FILE", help="it has /tests/bench")
    add("--program", default=f"{build}/user/tests/bench", metavar="FILE",
        help="the same program on the host, for its symbols")
    add("--mem", default="512M", metavar="SIZE", help="memory of the machine (512M)")
    add("--per", type=float, default=1, metavar="N", help="operations in one repetition (1)")
    add("--depth", type=int, default=8, metavar="N", help="how deep the tree goes (8)")
    add("--least", type=float, default=100, metavar="N",
        help="leave out what costs less an operation (100)")
    add("--flat", type=int, default=40, metavar="N", help="lines of the flat list (40)")
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    program = Image(options.program)
    names = [options.function] if options.function else [options.row, f"{options.row}_call"]
    tracer = Tracer(Image(options.kernel), program.address_of(*names))
    outcome = Run(options, tracer).run()
    if outcome.kind != "exit" or outcome.status != 0 or not tracer.repetitions:
        sys.stderr.write(f"instruction_profile.py: the row did not run twice: {outcome}\n")
        return 1
    cheapest = min(tracer.repetitions, key=Node.total)
    print("  in all     own      instructions per operation")
    show(cheapest, options.row, options, options.per)
    show_flat(cheapest, options, options.per)
    return 0


if __name__ == "__main__":
    sys.exit(main())
