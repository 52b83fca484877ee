# SPDX-License-Identifier: MIT
"""./quire itself: exit statuses, streams, added files, limits of time, terminals.

    runner_test.py BUILD [TEST...]

Each test is a function that returns None, or why it failed.
"""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QUIRE = os.path.join(ROOT, "quire")
BUILD = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(ROOT, "build")
SECONDS = 60
# For trying the tests themselves: another kernel, more words for it.
EXTRA = os.environ.get("QUIRE_TEST_OPTIONS", "").split(",") * bool(
    os.environ.get("QUIRE_TEST_OPTIONS"))
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def quire(*words, stdin=b"", command="run", environment=None):
    """Runs ./quire; returns (status, output, errors) as bytes."""
    line = [QUIRE, command, "--build", BUILD, *EXTRA, *words]
    result = subprocess.run(line, input=stdin, capture_output=True, timeout=SECONDS, check=False,
                            env=dict(os.environ, **(environment or {})))
    return result.returncode, result.stdout, result.stderr


def expect(found, status=0, output=None, errors=None):
    """Why (status, output, errors) are not as expected; patterns are of the re module."""
    if found[0] != status:
        return f"status {found[0]} instead of {status}: {found[2][-300:]!r}"
    for name, text, pattern in [("output", found[1], output), ("errors", found[2], errors)]:
        if pattern is not None and not re.fullmatch(pattern, text, re.DOTALL):
            return f"{name} {text[-300:]!r} is not {pattern!r}"
    return None


def scratch(name, text, mode=0o755):
    """A file of the host's, in a folder that main removes."""
    path = os.path.join(FOLDER, name)
    with open(path, "wb") as file:
        file.write(text.encode())
    os.chmod(path, mode)
    return path


# ---- streams and statuses ----

@test
def output_alone():
    return expect(quire("--", "echo", "one", "two words"), 0, rb"one two words\n", rb"")


@test
def output_and_errors_apart():
    return expect(quire("--", "sh", "-c", "echo out; echo err >&2"), 0, rb"out\n", rb"err\n")


@test
def order_is_kept_in_one_stream():
    script = "for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done"
    line = [QUIRE, "run", "--build", BUILD, *EXTRA, "--", "sh", "-c", script]
    result = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=SECONDS, check=False)
    wanted = b"".join(b"out %d\nerr %d\n" % (i, i) for i in range(1, 10))
    return None if result.stdout == wanted else f"{result.stdout!r}"


@test
def bytes_pass_unchanged():
    data = bytes(range(256)) * 300 + b"no newline at the end"
    status, output, _ = quire("--", "cat", stdin=data)
    return None if (status, output) == (0, data) else f"{status}, {len(output)} bytes came back"


@test
def input_from_a_file():
    path = scratch("input", "line\n" * 50000)
    with open(path, "rb") as file:
        result = subprocess.run([QUIRE, "run", "--build", BUILD, *EXTRA, "--", "wc", "-l"],
                                stdin=file, capture_output=True, timeout=SECONDS, check=False)
    return expect((result.returncode, result.stdout, result.stderr), 0, rb"50000\n", rb"")


@test
def empty_input_ends():
    return expect(quire("--", "wc", "-c"), 0, rb"0\n", rb"")


@test
def input_that_nobody_reads():
    return expect(quire("--", "true", stdin=b"x" * 1000000), 0, rb"", rb"")


@test
def much_output():
    status, output, _ = quire("--", "seq", "200000")
    wanted = b"".join(b"%d\n" % number for number in range(1, 200001))
    return None if (status, output) == (0, wanted) else f"status {status}, {len(output)} bytes"


@test
def streams_are_no_terminals():
    script = "for fd in 0 1 2; do test -t $fd && exit 1; done; exit 0"
    return expect(quire("--", "sh", "-c", script), 0)


@test
def exit_status_passes():
    for status in (1, 42, 255):
        why = expect(quire("--", "sh", "-c", f"exit {status}"), status)
        if why:
            return why
    return None


@test
def signal_is_128_more():
    return expect(quire("--", "sh", "-c", "kill -SEGV $$"), 128 + signal.SIGSEGV)


@test
def program_not_found():
    return expect(quire("--", "/nowhere"), 127, rb"", rb".*/nowhere.*")


@test
def program_not_executable():
    return expect(quire("--", "/etc/passwd"), 126, rb"", rb".*/etc/passwd.*")


@test
def environment_and_folder():
    script = "echo $GREETING; pwd"
    return expect(quire("--env", "GREETING=hello", "--cwd", "/tmp", "--", "sh", "-c", script), 0,
                  rb"hello\n/tmp\n")


@test
def reader_that_goes_away():
    line = f"{QUIRE} run --build {BUILD} {' '.join(map(repr, EXTRA))} -- yes | head -n 1"
    start = time.monotonic()
    result = subprocess.run(["sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True,
                            timeout=SECONDS, check=False)
    if result.stdout != b"y\n" or time.monotonic() - start > 30:
        return f"{result.stdout!r} after {time.monotonic() - start:.1f} s"
    return None


# ---- added files ----

@test
def added_program_by_its_host_name():
    path = scratch("hello", "#!/bin/sh\necho hello from $0, $1\nexit 5\n")
    return expect(quire("--add", path, "--", path, "you"), 5, rb"hello from /hello, you\n")


@test
def added_file_elsewhere_keeps_its_mode():
    path = scratch("data", "x" * 10000, 0o640)
    script = "stat -c '%a %s %u' /a/b/c"
    return expect(quire("--add", path + ":/a/b/c", "--", "sh", "-c", script), 0, rb"640 10000 0\n")


@test
def added_folder_with_all_in_it():
    folder = os.path.join(FOLDER, "folder")
    os.makedirs(folder + "/below/deep")
    os.chmod(folder + "/below", 0o750)
    with open(folder + "/below/deep/file", "w", encoding="ascii") as file:
        file.write("deep\n")
    os.link(folder + "/below/deep/file", folder + "/again")
    os.symlink("below/deep/file", folder + "/link")
    script = ("cat /f/link /f/again; stat -c '%a' /f/below; stat -c '%h' /f/again; "
              "readlink /f/link; test /f/again -ef /f/below/deep/file && echo same")
    return expect(quire("--add", folder + ":/f", "--", "sh", "-c", script), 0,
                  rb"deep\ndeep\n750\n2\nbelow/deep/file\nsame\n")


@test
def added_file_replaces_the_systems():
    path = scratch("motd", "mine\n", 0o644)
    return expect(quire("--add", path + ":/etc/hostname", "--", "cat", "/etc/hostname"), 0,
                  rb"mine\n")


@test
def added_file_with_two_names_given_twice():
    path = scratch("twice", "once\n")
    os.link(path, path + ".other")
    words = ["--add", path + ":/t/a", "--add", path + ":/t/a", "--add", path + ".other:/t/b"]
    return expect(quire(*words, "--", "sh", "-c", "cat /t/a /t/b"), 0, rb"once\nonce\n")


@test
def added_file_leaves_modes_of_folders():
    path = scratch("t", "")
    return expect(quire("--add", path + ":/tmp/", "--", "stat", "-c", "%a", "/tmp", "/tmp/t"), 0,
                  rb"1777\n755\n")


# ---- the machine ----

@test
def memory_of_the_machine():
    script = "awk '/MemTotal/ {print ($2 > 40000 && $2 <= 65536)}' /proc/meminfo"
    return expect(quire("--mem", "64M", "--", "sh", "-c", script), 0, rb"1\n")


@test
def words_for_the_kernel():
    return expect(quire("--append", "answer=42 rest", "--", "cat", "/proc/cmdline"), 0,
                  rb".*answer=42 rest.*\n")


@test
def log_only_when_asked():
    quiet = quire("--", "true")
    verbose = quire("--verbose", "--", "true")
    return expect(quiet, 0, rb"", rb"") or expect(verbose, 0, rb"", rb".+")


@test
def counting_instructions():
    return expect(quire("--icount", "--", "echo", "counted"), 0, rb"counted\n", rb"")


# ---- what goes wrong ----

@test
def time_runs_out():
    start = time.monotonic()
    why = expect(quire("--timeout", "4", "--", "sleep", "1000"), 244, rb"", rb"quire: out of time.*")
    return why or ("it took too long" if time.monotonic() - start > 20 else None)


@test
def boot_that_hangs():
    init = scratch("init", "#!/bin/sh\nwhile :; do sleep 1; done\n")
    return expect(quire("--boot-timeout", "5", "--add", init + ":/sbin/init", "--", "true"), 242,
                  rb"", rb"quire: the boot hangs.*")


@test
def panic_is_told():
    kernel = os.path.join(BUILD, "release/quire-test.elf")
    return expect(quire("--kernel", kernel, "--append", "selftest=null-write", "--", "true"), 243,
                  rb"", rb"quire: the kernel panicked: panic: .*write of 0.*backtrace.*")


@test
def machine_that_goes_away():
    init = scratch("init", "#!/bin/sh\nexit 3\n")
    return expect(quire("--add", init + ":/sbin/init", "--", "true"), 245, rb"",
                  rb"quire: the machine is gone: .*init has ended.*")


@test
def usage_errors():
    for words in [[], ["--mem", "1Q", "--", "true"], ["--wrong", "--", "true"], ["true"],
                  ["--add", "/no/such/file", "--", "true"], ["--smp", "0", "--", "true"],
                  ["--timeout", "x", "--", "true"], ["--kernel", "/no/kernel", "--", "true"],
                  ["--add", "/etc/passwd:/../x", "--", "true"], ["--env", "x", "--", "true"]]:
        why = expect(quire(*words), 240, rb"", rb"quire.*\n")
        if why:
            return f"{words}: {why}"
    return None


@test
def broken_kernel():
    return expect(quire("--kernel", scratch("k", "not a kernel\n"), "--", "true"), 241, rb"",
                  rb"quire: the machine could not be started.*")


@test
def no_qemu():
    tools = os.path.join(FOLDER, "bin")
    os.makedirs(tools)
    for name in ("sh", "dirname", "readlink", "python3"):
        os.symlink(shutil.which(name), os.path.join(tools, name))
    found = quire("--", "true", environment={"PATH": tools, "HOME": FOLDER})
    return expect(found, 241, rb"", rb".*no qemu-system-x86_64.*make setup.*")


@test
def interrupt_ends_it():
    process = subprocess.Popen([QUIRE, "run", "--build", BUILD, *EXTRA, "--", "sh", "-c",
                                "echo up; sleep 1000"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    try:
        return expect((process.wait(20), b"", b""), 130)
    finally:
        process.kill()
        process.communicate()


@test
def help_names_everything():
    result = subprocess.run([QUIRE, "--help"], capture_output=True, timeout=SECONDS, check=False)
    text = result.stdout.decode()
    missing = [word for word in ("--add", "--mem", "--smp", "--timeout", "--append", "--icount",
                                 "--gdb", "--verbose", "exit status", "243") if word not in text]
    return f"the help does not name {missing}" if missing or result.returncode else None


# ---- terminals ----

class Terminal:
    """./quire on a terminal of its own."""

    def __init__(self, *words):
        self.text = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(QUIRE, [QUIRE, *words])

    def wait_for(self, pattern, seconds=30):
        """True when the pattern has appeared in what came since the last call."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            match = re.search(pattern, self.text, re.DOTALL)
            if match:
                self.text = self.text[match.end():]
                return True
            if select.select([self.fd], [], [], 0.5)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    data = b""
                if not data:
                    return False
                self.text += data
        return False

    def type(self, keys):
        """Types keys, or resizes the window to keys = (rows, columns)."""
        if isinstance(keys, tuple):
            fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", *keys, 0, 0))
        else:
            os.write(self.fd, keys)

    def end(self):
        """The exit status; what still runs is killed."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            self.wait_for(rb"$^", 0.2)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None


def converse(steps, *words):
    """Types and waits: steps are (keys, pattern); returns (why, exit status)."""
    terminal = Terminal(*words)
    why = None
    for keys, pattern in steps:
        terminal.type(keys)
        if not terminal.wait_for(pattern):
            why = f"after {keys!r} no {pattern!r} but {terminal.text[-200:]!r}"
            terminal.type(b"\x1d")
            break
    status = terminal.end()
    os.close(terminal.fd)
    return why, status


@test
def shell_on_a_terminal():
    # The prompt is waited for before each line, and the child's word before Ctrl-C.
    steps = [(b"", rb"# "), (b"echo $((6 * 7))\r", rb"\n42\r\n.*# "),
             (b"sh -c 'echo up; sleep 1000'\r", rb"\nup\r\n"), (b"\x03", rb"# "),
             (b"echo status $?\r", rb"\nstatus 130\r\n.*# "), (b"exit 7\r", rb"")]
    why, status = converse(steps, "shell", "--build", BUILD, *EXTRA)
    return why or (None if status == 7 else f"status {status}")


@test
def shell_by_default():
    why, status = converse([(b"", rb"# "), (b"exit\r", rb"")], "--build", BUILD, *EXTRA)
    return why or (None if status == 0 else f"status {status}")


@test
def quit_key():
    why, status = converse([(b"", rb"# "), (b"\x1d", rb"ended by Ctrl-\]")], "shell", "--build",
                           BUILD, *EXTRA)
    return why or (None if status == 130 else f"status {status}")


@test
def program_has_the_terminal():
    words = ["run", "--build", BUILD, *EXTRA, "--", "sh", "-c", "tty; stty size; read x; echo =$x="]
    why, status = converse([(b"", rb"/dev/console\r\n\d+ \d+\r\n"), (b"ab\x7fc\r", rb"=ac=\r\n")],
                           *words)
    return why or (None if status == 0 else f"status {status}")


@test
def window_changes():
    script = "trap 'stty size; exit 3' WINCH; stty size; while :; do sleep 0.05; done"
    words = ["run", "--build", BUILD, *EXTRA, "--", "sh", "-c", script]
    why, status = converse([(b"", rb"\d+ \d+\r\n"), ((33, 101), rb"33 101\r\n")], *words)
    return why or (None if status == 3 else f"status {status}")


@test
def terminal_is_given_back():
    terminal = Terminal("shell", "--build", BUILD, *EXTRA)
    before = termios.tcgetattr(terminal.fd)
    if not terminal.wait_for(rb"# "):
        return "no prompt"
    during = termios.tcgetattr(terminal.fd)
    os.kill(terminal.pid, signal.SIGTERM)
    time.sleep(1)
    after = termios.tcgetattr(terminal.fd)
    status = terminal.end()
    os.close(terminal.fd)
    if during == before or after != before:
        return "the terminal was not raw" if during == before else "the terminal stays raw"
    return None if status == 143 else f"status {status}"


def main():
    chosen = [function for function in TESTS
              if len(sys.argv) < 3 or function.__name__ in sys.argv[2:]]
    failed = False
    for function in chosen:
        try:
            why = function()
        except (OSError, subprocess.TimeoutExpired) as error:
            why = f"{type(error).__name__}: {error}"
        failed = failed or bool(why)
        print(f"not ok {function.__name__}: {why}" if why else f"ok {function.__name__}",
              flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="quire-test-") as FOLDER:
        sys.exit(main())
