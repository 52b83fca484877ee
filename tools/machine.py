# SPDX-License-Identifier: MIT
"""One virtual machine: QEMU's command line, the guest's serial ports, and how it ended.

The guest has four serial ports, each a socket of ours:
    COM1  console, or the program's standard output     COM3  the program's standard error
    COM2  control: `ready`, then `exit N` at the end    COM4  the program's standard input
and a debug console that only the kernel's log goes to. The trace, where it is asked for, goes by a
port of a virtio console (docs/trace.md). On COM4 a DLE byte (0x10) is sent twice,
and DLE E is the end of the input; nothing is sent before the guest said `ready`.
"""

import ctypes
import dataclasses
import os
import re
import select
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time

QEMU = "qemu-system-x86_64"
PANIC_EXIT = 85  # the kernel's panic writes 0x2a to isa-debug-exit: (0x2a << 1) | 1
DLE = b"\x10"
END_OF_INPUT = DLE + b"E"
POWER_OFF_SECONDS = 20.0
CHUNK = 65536
PR_SET_THP_DISABLE = 41
STAMP = re.compile(r"^\[ *\d+\.\d+\] ", re.MULTILINE)  # before each line of the log


@dataclasses.dataclass
class Config:
    """What a machine is made of. Times are seconds; None is no limit."""

    kernel: str
    archives: list  # paths of cpio archives, later ones laid over earlier ones
    extra_archive: bytes = b""
    append: str = ""
    memory: str = "512M"
    processors: int = 1
    icount: bool = False
    gdb_socket: str = ""
    boot_limit: float = None
    run_limit: float = None
    more_arguments: list = dataclasses.field(default_factory=list)  # for QEMU
    # Where the trace goes, as QEMU's -chardev has it, but for the id: `file,path=FILE`,
    # `socket,path=PATH,server=on,wait=off`, the same with host, port and websocket=on. Where
    # Ports.trace is given, it goes there instead. Neither: the guest does not trace.
    trace: str = ""


@dataclasses.dataclass
class Outcome:
    """How a machine ended. kind: exit, panic, no-boot, timeout, reset, hang, no-machine, stopped."""

    kind: str
    status: int = 0
    detail: str = ""


def hardware(memory, processors, icount):
    """QEMU and the words for the bare machine: what Quire and, beside it, Linux is measured on.

    With icount one guest instruction is one tick of its time, and idle time passes at once. Each
    turn of a `rep` instruction counts as one then, so that the processor does not offer the byte
    moves that real ones are quick at."""
    qemu = shutil.which(QEMU)
    if not qemu:
        raise FileNotFoundError(f"there is no {QEMU}: run `make setup`")
    words = [*_ends_with_us(), qemu, "-machine", "pc", "-accel", "tcg", "-nodefaults",
             "-no-user-config", "-display", "none", "-no-reboot", "-m", memory,
             "-smp", str(processors)]
    if icount:
        return words + ["-icount", "shift=0,sleep=off", "-cpu", "max,erms=off,fsrm=off"]
    return words + ["-cpu", "max"]


def command_line(config, folder, initrd, gdb_fd=-1):
    words = hardware(config.memory, config.processors, config.icount)
    append = f"{config.append} trace=virtio".strip() if config.trace else config.append
    words += ["-kernel", config.kernel, "-initrd", initrd, "-append", append,
              "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
    for name in ("com1", "com2", "com3", "com4", "log"):
        words += ["-chardev", f"socket,id={name},path={folder}/{name}"]
        if name != "log":
            words += ["-serial", f"chardev:{name}"]
    words += ["-device", "isa-debugcon,iobase=0xe9,chardev=log"]
    if config.trace:
        words += ["-device", "virtio-serial-pci,max_ports=4", "-chardev", config.trace + ",id=trace",
                  "-device", "virtserialport,chardev=trace,name=org.quire.trace"]
    if gdb_fd >= 0:
        words += ["-S", "-chardev", f"socket,id=gdb,fd={gdb_fd},server=on,wait=off",
                  "-gdb", "chardev:gdb"]
    return words + config.more_arguments


class Ports:
    """Where the guest's ports lead. The functions get bytes; the defaults drop them."""

    def __init__(self, output=None, error=None, log=None, stdin_fd=None, terminal_fd=None,
                 terminal_input=None, trace=None):
        self.output = output or (lambda data: None)
        self.error = error or (lambda data: None)
        self.log = log or (lambda data: None)
        self.trace = trace  # None: see Config.trace
        self.stdin_fd = stdin_fd  # framed to COM4
        self.terminal_fd = terminal_fd  # raw: terminal_input(data, machine) decides
        self.terminal_input = terminal_input or (lambda data, machine: machine.send_terminal(data))


def panic_text(log):
    """The kernel's last words: from the line that says panic, else the last lines of its log."""
    lines = [STAMP.sub("", line) for line in log.rstrip().split("\n")]
    for index, line in enumerate(lines):
        if line.startswith("panic: "):
            return "\n".join(lines[index:])
    return "\n".join(lines[-30:])


def _ends_with_us():
    """Words before a command that is to be killed when we are, however that happens."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def use_small_pages():
    """Keeps the host from giving a whole huge page for each first touch: the kernel's free lists
    touch one page in each 4 MiB, which cost half of the guest's memory, zeroed. Inherited."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
    except (OSError, AttributeError):
        pass  # only slower


def wait_writable(fd):
    """For output that somebody made non-blocking."""
    poller = select.poll()
    poller.register(fd, select.POLLOUT)
    poller.poll()


def _listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    return listener


class Machine:
    """run() boots the machine and returns an Outcome; stop() may be called from the functions
    of Ports. gdb's socket is there from the start: who connects waits for the machine."""

    def __init__(self, config, ports):
        self.config = config
        self.ports = ports
        self.log = bytearray()
        self.ready_after = None  # seconds from start to `ready`
        self._selector = selectors.PollSelector()  # poll takes regular files too
        self._sockets = {}
        self._outbox = {}  # name of port -> bytes the guest has yet to take
        self._control = b""
        self._exit_status = None
        self._exit_seen = None
        self._stopped = None
        self._process = None
        self._input_open = False
        self._gdb = _listen(config.gdb_socket) if config.gdb_socket else None

    def run(self):
        with tempfile.TemporaryDirectory(prefix="quire-") as folder:
            try:
                return self._run_in(folder)
            finally:
                self._close()

    def stop(self, outcome):
        """Ends the machine at the next turn of the loop, with this outcome."""
        self._stopped = outcome

    def send_terminal(self, data):
        self._send("com1", data)

    def send_control(self, line):
        self._send("com2", line.encode() + b"\n")

    # ---- starting and ending ----

    def _run_in(self, folder):
        initrd = os.path.join(folder, "initrd")
        with open(initrd, "wb") as output:
            for path in self.config.archives:
                with open(path, "rb") as archive:
                    shutil.copyfileobj(archive, output)
            output.write(self.config.extra_archive)
        names = ["com1", "com2", "com3", "com4", "log"] + ["trace"] * bool(self.ports.trace)
        listeners = {name: _listen(f"{folder}/{name}") for name in names}
        config = self.config
        if self.ports.trace:
            config = dataclasses.replace(config, trace=f"socket,path={folder}/trace")
        try:
            gdb = [self._gdb.fileno()] if self._gdb else []
            words = command_line(config, folder, initrd, *gdb)
            errors = open(os.path.join(folder, "errors"), "w+b")
            use_small_pages()
            self._start = time.monotonic()
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=errors,
                                             stderr=errors, start_new_session=True,
                                             pass_fds=gdb)
            if not self._accept(listeners):
                errors.seek(0)
                return Outcome("no-machine", detail=errors.read().decode(errors="replace").strip())
        except OSError as error:
            return Outcome("no-machine", detail=str(error))
        finally:
            for listener in [*listeners.values(), *([self._gdb] if self._gdb else [])]:
                listener.close()
        outcome = self._loop()
        errors.seek(0)
        if outcome.kind == "no-machine":
            outcome.detail = errors.read().decode(errors="replace").strip()
        errors.close()
        return outcome

    def _accept(self, listeners):
        """False if QEMU ended before it opened all its ports."""
        for name, listener in listeners.items():
            listener.settimeout(0.1)
            while True:
                try:
                    connection, _ = listener.accept()
                    break
                except socket.timeout:
                    if self._process.poll() is not None:
                        return False
            connection.setblocking(False)
            self._sockets[name] = connection
            self._outbox[name] = b""
            self._selector.register(connection, selectors.EVENT_READ, name)
        return True

    def _close(self):
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for connection in self._sockets.values():
            connection.close()
        self._selector.close()

    # ---- the loop ----

    def _loop(self):
        while True:
            for key, events in self._selector.select(self._wait_seconds()):
                self._handle(key.data, key.fileobj, events)
            if self._stopped:
                return self._stopped
            outcome = self._deadline_passed()
            if outcome:
                return outcome
            if self._process.poll() is not None:
                self._drain()
                return self._stopped or self._ended(self._process.returncode)

    def _wait_seconds(self):
        deadlines = [when for when, _, _ in self._deadlines()]
        soonest = min(deadlines, default=time.monotonic() + 0.25)
        return max(0.0, min(0.25, soonest - time.monotonic()))

    def _deadlines(self):
        """(when, kind of outcome, what to say) of each limit that still holds."""
        config = self.config
        if config.boot_limit is not None and self.ready_after is None:
            yield (self._start + config.boot_limit, "no-boot",
                   f"nothing runs after {config.boot_limit:g} s")
        if config.run_limit is not None and self._exit_seen is None:
            yield (self._start + config.run_limit, "timeout",
                   f"it ran longer than {config.run_limit:g} s")
        if self._exit_seen is not None:
            yield (self._exit_seen + POWER_OFF_SECONDS, "hang",
                   "the program ended, but the machine did not power off")

    def _last_words(self):
        lines = STAMP.sub("", self.log.decode(errors="replace")).strip().splitlines()
        return f"; the kernel's last words: {lines[-1]}" if lines else "; the kernel said nothing"

    def _deadline_passed(self):
        now = time.monotonic()
        for when, kind, detail in self._deadlines():
            if now >= when:
                return Outcome(kind, detail=detail + self._last_words() * (kind != "timeout"))
        return None

    def _drain(self):
        """Reads what QEMU left in the sockets when it ended."""
        for name, connection in self._sockets.items():
            while name in self._outbox and self._receive(name, connection):
                pass

    def _ended(self, code):
        if code == PANIC_EXIT:
            return Outcome("panic", detail=panic_text(self.log.decode(errors="replace")))
        if self._exit_status is not None:
            return Outcome("exit", status=self._exit_status)
        if code == 0:
            return Outcome("reset", detail="it stopped before the program had ended"
                           + self._last_words())
        if code < 0:
            return Outcome("stopped", status=128 - code,
                           detail=f"QEMU was killed by {signal.Signals(-code).name}")
        return Outcome("no-machine")

    # ---- bytes ----

    def _handle(self, name, fileobj, events):
        if name == "stdin":
            self._read_stdin(fileobj)
        elif name == "terminal":
            self._read_terminal(fileobj)
        else:
            if events & selectors.EVENT_WRITE:
                self._flush(name)
            if events & selectors.EVENT_READ:
                self._receive(name, fileobj)

    def _receive(self, name, connection):
        """False when there is nothing more to read now."""
        try:
            data = connection.recv(CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            if name in self._outbox:
                self._selector.unregister(connection)
                del self._outbox[name]
            return False
        if name == "com1":
            self.ports.output(data)
        elif name == "com3":
            self.ports.error(data)
        elif name == "com2":
            self._control_bytes(data)
        elif name == "trace":
            self.ports.trace(data)
        elif name == "log":
            self.log += data
            self.ports.log(data)
        return True

    def _control_bytes(self, data):
        *lines, self._control = (self._control + data).replace(b"\r", b"").split(b"\n")
        for line in lines:
            if line == b"ready" and self.ready_after is None:
                self.ready_after = time.monotonic() - self._start
                self._open_input()
            match = re.fullmatch(rb"exit (\d+)", line)
            if match:
                self._exit_status = int(match.group(1)) & 0xFF
                self._exit_seen = time.monotonic()

    def _open_input(self):
        if self.ports.terminal_fd is not None:
            self._selector.register(self.ports.terminal_fd, selectors.EVENT_READ, "terminal")
        elif self.ports.stdin_fd is None:
            self._send("com4", END_OF_INPUT)
        else:
            self._input_open = True
            self._watch_stdin()

    def _watch_stdin(self):
        self._selector.register(self.ports.stdin_fd, selectors.EVENT_READ, "stdin")

    def _read_stdin(self, fd):
        try:
            data = os.read(fd, CHUNK)
        except OSError:
            data = b""
        self._unwatch(fd)
        if data:
            self._send("com4", data.replace(DLE, DLE + DLE))
        else:
            self._input_open = False
            self._send("com4", END_OF_INPUT)

    def _read_terminal(self, fd):
        try:
            data = os.read(fd, CHUNK)
        except OSError:
            data = b""
        if data:
            self.ports.terminal_input(data, self)
        else:
            self._unwatch(fd)

    def _unwatch(self, fd):
        try:
            self._selector.unregister(fd)
        except KeyError:
            pass

    def _send(self, name, data):
        if name in self._outbox:
            self._outbox[name] += data
            self._flush(name)

    def _flush(self, name):
        connection = self._sockets[name]
        data = self._outbox[name]
        try:
            data = data[connection.send(data):] if data else b""
        except BlockingIOError:
            pass
        except OSError:
            data = b""
        self._outbox[name] = data
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if data else 0)
        self._selector.modify(connection, events, name)
        if name == "com4" and not data and self._input_open:
            self._watch_stdin()  # the guest took it all: the next piece may come
