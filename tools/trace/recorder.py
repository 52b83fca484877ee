# SPDX-License-Identifier: MIT
"""Writes the stream of a running machine to a file, and counts what is in it."""

import gzip
import json
import os
import stat
import struct
import sys
import time

from . import schema as schemas
from . import stream

GZIP_LEVEL = 3  # on one processor ten times as quick as the guest makes bytes
PROGRESS_SECONDS = 0.5


class RecordError(Exception):
    """The recording cannot be written; the text says why."""


class Recorder:
    """write() takes the bytes of the stream as they come, close() ends the file.

    path - is standard output; a name that ends with .gz is compressed. What a machine sent to a
    listener before us, up to the magic, is left out. `command` goes into the header."""

    def __init__(self, path, command="", force=False):
        self.path = path
        self.events = self.lost = self.snapshots = self.bytes = 0
        self.first = self.last = None  # ticks
        self.ticks_per_second = 0
        self._command = command
        self._head = bytearray()  # until the header is whole; then None
        self._rest = b""          # of a record that is not whole yet
        self._file = self._open(force)

    def _open(self, force):
        if self.path == "-":
            return os.fdopen(os.dup(1), "wb")
        try:
            there = os.path.lexists(self.path)
            if there and not force and stat.S_ISREG(os.stat(self.path).st_mode):
                raise RecordError(f"{self.path} is there already: --force writes over it")
            raw = open(self.path, "wb")
        except OSError as error:
            raise RecordError(f"{self.path}: {error.strerror or error}") from error
        if self.path.endswith(".gz"):
            return gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=raw)
        return raw

    def write(self, data):
        try:
            if self._head is not None:
                data = self._begin(data)
            self._file.write(data)
        except OSError as error:
            raise self._failed(error) from error
        self._count(data)

    def close(self):
        try:
            self._file.close()
            if isinstance(self._file, gzip.GzipFile) and self._file.fileobj:
                self._file.fileobj.close()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error):
        return RecordError(f"{self.path}: cannot be written: {error.strerror or error}")

    @property
    def seconds(self):
        if not self.ticks_per_second or self.first is None:
            return 0.0
        return (self.last - self.first) / self.ticks_per_second

    def summary(self):
        """What was recorded, in a line."""
        return (f"{self.events:,} events, {self.lost:,} lost, {self.snapshots:,} snapshots, "
                f"{self.bytes:,} bytes, {self.seconds:.3f} s")

    def _begin(self, data):
        """Writes the header once it is whole; returns what comes after it."""
        self._head += data
        at = self._head.find(stream.MAGIC)
        start = at + len(stream.MAGIC) + 4
        if at < 0 or len(self._head) < start:
            return b""
        length, = struct.unpack_from("<I", self._head, start - 4)
        if length > stream.HEADER_BYTES_MAX:
            raise RecordError(f"the kernel's stream is broken: a header of {length} bytes")
        if len(self._head) < start + length:
            return b""
        try:
            document = json.loads(self._head[start:start + length].decode())
            self.ticks_per_second = stream.Header(document).ticks_per_second
        except ValueError as error:
            raise RecordError(f"the kernel's stream is broken: {error}") from error
        by_name = {event["name"]: event["id"] for event in document["schema"]["events"]}
        self._lost_id, self._begin_id = by_name.get("lost"), by_name.get("snapshot_begin")
        header = stream.encode_header(dict(document, command=self._command))
        self._file.write(header)
        self.bytes += len(header)
        rest = bytes(self._head[start + length:])
        self._head = None
        return rest

    def _count(self, data):
        if self._head is not None:
            return
        self.bytes += len(data)
        data = self._rest + data if self._rest else data
        at, size = 0, len(data)
        header = schemas.HEADER.unpack_from
        while at + 16 <= size:
            event, words, _, _, when = header(data, at)
            if words < 2:
                raise RecordError("the kernel's stream is broken: a record without length")
            if at + 8 * words > size:
                break
            self._note(event, when, data, at)
            at += 8 * words
        self._rest = data[at:]

    def _note(self, event, when, data, at):
        self.events += 1
        self.last = when
        if self.first is None:
            self.first = when
        if event == self._lost_id:
            self.lost += struct.unpack_from("<Q", data, at + 16)[0]
        elif event == self._begin_id:
            self.snapshots += 1


class Progress:
    """How far a recording is, on a terminal's line."""

    def __init__(self, recorder, out=sys.stderr):
        self._recorder = recorder
        self._out = out
        self._next = time.monotonic() + PROGRESS_SECONDS
        self._shown = False

    def show(self):
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PROGRESS_SECONDS
        self._out.write(f"\r{self._recorder.summary()}\033[K")
        self._out.flush()
        self._shown = True

    def clear(self):
        if self._shown:
            self._out.write("\r\033[K")
            self._out.flush()
