# SPDX-License-Identifier: MIT
"""./quire replay on the command line, and the writer of recordings.

    replay_test.py BUILD [TEST...]

Each test is a function that returns None, or why it failed.
"""

import os
import struct
import subprocess
import sys
import tempfile

import trace_test
from trace_test import pieces, read, small
from trace import recorder, schema, stream  # noqa: E402

ROOT = trace_test.ROOT
TESTS = []
SECONDS = 60


def test(function):
    TESTS.append(function)
    return function


def replay(*words, stdin=b"", command="replay"):
    result = subprocess.run([os.path.join(ROOT, "quire"), command, *words], input=stdin,
                            capture_output=True, timeout=SECONDS, check=False)
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def scratch(name, data):
    return trace_test.write_file(os.path.join(FOLDER, name), data)


# ---- reading one ----

@test
def the_command_line_has_no_traceback():
    data = small()
    bad = [scratch("empty", b""), scratch("text", b"# hello\n"), FOLDER, "/nonexistent",
           scratch("short", data[:3000]), scratch("odd", data[:9000] + b"\0" * 64)]
    for path in bad:
        for words in ((), ("--check",), ("--events",), ("--at", "end")):
            status, _, errors = replay(path, *words)
            if status != 240 or "Traceback" in errors or not errors.startswith("quire replay: "):
                return f"{path} {words}: {status}, {errors[-300:]}"
    return None


@test
def check_says_yes_and_no():
    good = small(100)
    status, output, errors = replay(scratch("good", good), "--check")
    if status != 0 or "5 snapshots compared, 0 differ" not in output or errors:
        return f"{status}: {output} {errors}"
    head, records = pieces(good)
    kept = [r for r in records if r[0] != schema.built_in().by_name["page"].id]
    status, output, _ = replay(scratch("bad", head + b"".join(kept)), "--check")
    if status != 1 or "says otherwise" not in output or "by the snapshot" not in output:
        return f"{status}: {output[:300]}"
    status, output, _ = replay(scratch("none", head + records[0]), "--check")
    return None if status == 1 and "0 snapshots" in output else f"{status}: {output}"


@test
def events_are_chosen():
    path = scratch("events", small(100))
    status, every, _ = replay(path, "--events")
    if status != 0 or len(every.splitlines()) != len(read(small(100))[0]):
        return f"{status}: {len(every.splitlines())} lines"
    for words, good in ((("--event", "fault"), lambda line: line.split()[5] == "fault"),
                        (("--event", "table"), lambda line: "pfn=" in line or "from=" in line),
                        (("--from", "0.02", "--to", "0.04"),
                         lambda line: 0.02 <= float(line.split()[0]) <= 0.04)):
        status, output, _ = replay(path, "--events", *words)
        lines = output.splitlines()
        if status != 0 or not 0 < len(lines) < len(every.splitlines()):
            return f"{words}: {status}, {len(lines)} lines"
        if not all(good(line) for line in lines):
            return f"{words}: {[line for line in lines if not good(line)][0]}"
        if [line for line in every.splitlines() if line in set(lines)] != lines:
            return f"{words}: other lines than without"
    status, output, _ = replay(path, "--pid", "2")
    own = [line for line in every.splitlines() if line.split()[4] == "2"]
    if status != 0 or not set(own) <= set(output.splitlines()) or len(output) >= len(every):
        return f"--pid: {status}, {len(output.splitlines())} lines"
    status, _, errors = replay(path, "--event", "nothing")
    return None if status == 240 and "no event or group" in errors else f"{status}: {errors}"


@test
def states_are_shown():
    path = scratch("state", small(100))
    _, early, _ = replay(path, "--at", "0")
    status, late, _ = replay(path, "--at", "end")
    if status != 0 or "frames" not in early or early == late or "space 0x" not in late:
        return f"{status}: {early[:200]} {late[:200]}"
    status, output, _ = replay(path, "--at", "end", "--address", "1", "0x400000")
    if status != 0 or "area: 000000400000" not in output or "level 4: table" not in output:
        return f"--address: {status}: {output}"
    status, output, _ = replay(path, "--frame", "0x10")
    if status != 0 or "kernel" not in output:
        return f"--frame: {status}: {output}"
    wrong = [replay(path, "--frame", "0xffffffff"), replay(path, "--address", "99", "0")]
    if any(status != 1 or "there is no" not in output for status, output, _ in wrong):
        return f"what is not there: {wrong}"
    for words in (("--at", "-1"), ("--at", "x"), ("--frame", "q"), ("--bogus",), ("--pid",),
                  ("--at", "1", "--check"), ("--frame", "1", "--address", "1", "1")):
        status, _, errors = replay(path, *words)
        if status != 240 or "Traceback" in errors:
            return f"{words}: {status}, {errors}"
    return None


@test
def standard_input_and_a_reader_who_goes():
    data = small(100)
    status, output, _ = replay("-", "--check", stdin=data)
    if status != 0:
        return f"{status}: {output}"
    words = f"'{ROOT}/quire' replay '{scratch('pipe', data)}' --events | head -n 1"
    result = subprocess.run(["sh", "-c", words], capture_output=True, timeout=SECONDS,
                            check=False)
    return None if not result.stderr else result.stderr.decode()


# ---- writing a recording ----

@test
def recordings_are_counted_and_named():
    data = b"left over" + small(100)
    count = len(read(data, live=True)[0])
    for name, size in (("one", 1 << 30), ("two", 5), ("three.gz", 999)):
        path = os.path.join(FOLDER, name)
        writer = recorder.Recorder(path, "prog 'a b'")
        for at in range(0, len(data), size):
            writer.write(data[at:at + size])
        writer.close()
        reader = stream.Reader.open(path)
        if len(list(reader)) != count or writer.events != count or writer.snapshots != 6:
            return f"{name}: {writer.summary()} instead of {count} events"
        if reader.header.command != "prog 'a b'" or writer.bytes != reader.offset:
            return f"{name}: {reader.header.command!r}, {writer.bytes} bytes of {reader.offset}"
    return None


@test
def recordings_are_not_overwritten():
    path = scratch("there", b"precious")
    try:
        recorder.Recorder(path)
        return "it is overwritten"
    except recorder.RecordError as error:
        if "--force" not in str(error):
            return str(error)
    recorder.Recorder(path, force=True).close()
    status, _, errors = replay("-o", os.path.join(FOLDER, "there"), "--", "true",
                               command="record")
    if status != 240 or "--force" not in errors:
        return f"{status}: {errors}"
    return None


@test
def recordings_that_cannot_be_written():
    for path, word in (("/nonexistent/x", "No such file"), (FOLDER, "directory")):
        try:
            recorder.Recorder(path, force=True)
            return f"{path} is opened"
        except recorder.RecordError as error:
            if word not in str(error):
                return f"{path}: {error}"
    writer = recorder.Recorder("/dev/full")
    try:
        writer.write(small(300))
        writer.close()
        return "a disk that is full is not noticed"
    except recorder.RecordError as error:
        if "No space" not in str(error):
            return f"a disk that is full: {error}"
    for broken in (stream.MAGIC + b"\xff\xff\xff\xff", small(3) + bytes(32),
                   stream.MAGIC + struct.pack("<I", 8) + b"{       "):
        try:
            recorder.Recorder(os.path.join(FOLDER, "broken"), force=True).write(broken)
            return f"{broken[:20]!r} is taken"
        except recorder.RecordError:
            pass
    return None


@test
def record_says_what_is_wrong():
    for words, word in ((("--", "true"), "FILE is missing"), (("-o", "x"), "PROGRAM is missing"),
                        (("-o", "x", "--snapshot", "abc", "--", "true"), "--snapshot"),
                        (("-o", "x", "--ring", "5", "--", "true"), "--ring"),
                        (("-o", "x", "--icount", "--", "true"), "--icount"),
                        (("-o", "/nonexistent/x", "--", "true"), "No such file")):
        status, _, errors = replay(*words, command="record")
        if status != 240 or word not in errors or "Traceback" in errors:
            return f"{words}: {status}, {errors}"
    status, _, errors = replay("-o", "x", "--", "true", command="run")
    return None if status == 240 and "only `record`" in errors else f"run -o: {status}, {errors}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="quire-replay-") as FOLDER:
        sys.exit(trace_test.main(TESTS))
