# SPDX-License-Identifier: MIT
"""A stream, record by record: out of a file, compressed or not, a pipe or a socket.

    reader = Reader.open("run.trace")
    for record in reader:
        print(record.time, record.event.name, record.values)
    if reader.cut: print(reader.cut)

What is not a stream, or breaks off being one, raises StreamError with a sentence for people. A
stream that merely ends in the middle of a record is not broken: `cut` has a sentence then.
"""

import gzip
import io
import json
import struct
import sys
import zlib

from . import schema as schemas

MAGIC = b"QTRACE1\n"
HEADER_BYTES_MAX = 1 << 20
CHUNK = 1 << 18
GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class StreamError(ValueError):
    """This is not a trace, or is broken; the text says where and why."""


class Record:
    """One event: `event` (schema.Event), cpu, tid, time in ticks, values in the fields' order."""

    __slots__ = ("event", "cpu", "tid", "time", "values")

    def __init__(self, event, cpu, tid, time, values):
        self.event, self.cpu, self.tid, self.time, self.values = event, cpu, tid, time, values

    @property
    def name(self):
        return self.event.name

    def fields(self):
        return dict(zip(self.event.names, self.values))

    def __getitem__(self, name):
        return self.values[self.event.names.index(name)]


class Header:
    """What a stream says of itself before its first record."""

    def __init__(self, document):
        if not isinstance(document, dict):
            raise StreamError("the header is not an object in JSON")
        self.document = document
        self.ticks_per_second = document.get("ticks_per_second", 0)
        self.page_bytes = document.get("page_bytes", 4096)
        self.memory_bytes = document.get("memory_bytes", 0)
        self.kernel = document.get("kernel", "")
        self.command = document.get("command", "")
        if not isinstance(self.ticks_per_second, int) or self.ticks_per_second <= 0:
            raise StreamError("the header does not say how many ticks a second has")
        try:
            self.schema = schemas.Schema(document.get("schema"))
        except schemas.SchemaError as error:
            raise StreamError(str(error)) from error

    def encode(self):
        return encode_header(self.document)


def encode_header(document):
    """Magic, length and header, so long that records begin at a multiple of 8."""
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-(len(MAGIC) + 4 + len(text)) % 8)
    return MAGIC + struct.pack("<I", len(text)) + text


class Reader:
    """Iterates over the records of a file object; see the head of this file.

    live: the bytes come from a running machine, which may still be sending the rest of what it
    sent to somebody before: all up to the magic is left out."""

    def __init__(self, file, name="the stream", live=False):
        self.name = name
        self.cut = None      # a sentence, if the last record was not whole
        self.offset = 0      # of the next record, in bytes from the magic
        self.records = 0
        self._file = file
        self._buffer = b""
        self._at = 0
        self._last_time = -1
        if live:
            self._find_magic()
        self.header = self._read_header()
        self.schema = self.header.schema

    @classmethod
    def open(cls, path):
        """A recording by its name; - is standard input. Compressed by gzip or not."""
        if path == "-":
            return cls(_uncompressed(sys.stdin.buffer), "standard input")
        try:
            return cls(_uncompressed(open(path, "rb")), path)
        except OSError as error:
            raise StreamError(f"{path}: {error.strerror or error}") from error

    def _error(self, why):
        return StreamError(f"{self.name}: {why}")

    def _more(self):
        """Reads on; False at the end."""
        try:
            # read1: what is there, so that a live stream is not waited for
            read = getattr(self._file, "read1", self._file.read)
            data = read(CHUNK)
        except EOFError:
            self.cut = "the compressed file ends in the middle"
            return False
        except (OSError, zlib.error) as error:
            raise self._error(f"cannot be read: {error}") from error
        if not data:
            return False
        self._buffer = self._buffer[self._at:] + data
        self._at = 0
        return True

    def _have(self, count):
        while len(self._buffer) - self._at < count:
            if not self._more():
                return False
        return True

    def _find_magic(self):
        while True:
            found = self._buffer.find(MAGIC, self._at)
            if found >= 0:
                self._at = found
                return
            self._at = max(self._at, len(self._buffer) - len(MAGIC) + 1)
            if not self._more():
                raise self._error("it ended before a trace began")

    def _read_header(self):
        start = len(MAGIC) + 4
        if not self._have(start):
            if len(self._buffer) == 0:
                raise self._error("it is empty")
            raise self._error("it is no trace" if self._buffer[:8] != MAGIC
                              else "it ends in its header")
        if self._buffer[self._at:self._at + len(MAGIC)] != MAGIC:
            raise self._error("it is no trace: it does not begin with QTRACE1")
        length, = struct.unpack_from("<I", self._buffer, self._at + len(MAGIC))
        if length > HEADER_BYTES_MAX:
            raise self._error(f"its header would have {length} bytes")
        if not self._have(start + length):
            raise self._error("it ends in its header")
        text = self._buffer[self._at + start:self._at + start + length]
        self._at += start + length
        self.offset = start + length
        try:
            return Header(json.loads(text.decode()))
        except StreamError as error:
            raise self._error(str(error)) from error
        except (ValueError, RecursionError) as error:
            raise self._error(f"its header is not JSON: {error}") from error

    def __iter__(self):
        by_id, header = self.schema.by_id, schemas.HEADER.unpack_from
        while True:
            buffer, at, size = self._buffer, self._at, len(self._buffer)
            while at + 16 <= size:
                number, words, cpu, tid, time = header(buffer, at)
                end = at + words * 8
                if end > size:
                    break
                event = by_id.get(number)
                if event is None or words < 2 or time <= self._last_time:
                    raise self._broken(number, words, time)
                try:
                    values = event.decode(buffer, at, end)
                except ValueError as error:
                    raise self._error(f"at byte {self.offset}: {error}") from error
                self._last_time = time
                self.offset += end - at
                self.records += 1
                self._at = at = end
                yield Record(event, cpu, tid, time, values)
            if self._broken_ahead() or not self._more():
                break
        left = len(self._buffer) - self._at
        if left and not self.cut:
            self.cut = f"it ends in the middle of a record: the last {left} bytes are left out"

    def _broken_ahead(self):
        """Raises if the record that is not whole yet cannot become one: it is not waited for."""
        if len(self._buffer) - self._at >= 16:
            number, words, _, _, time = schemas.HEADER.unpack_from(self._buffer, self._at)
            if number not in self.schema.by_id or words < 2 or time <= self._last_time:
                raise self._broken(number, words, time)

    def _broken(self, number, words, time):
        where = f"at byte {self.offset}, after {self.records} records"
        if number not in self.schema.by_id:
            return self._error(f"{where}: its schema has no event {number}")
        if words < 2:
            return self._error(f"{where}: a record of {words * 8} bytes")
        return self._error(f"{where}: time goes from {self._last_time} to {time}")


def _uncompressed(file):
    """The file's contents, whatever they are packed in."""
    if not isinstance(file, (io.BufferedReader, io.BytesIO)):
        file = io.BufferedReader(file)
    start = file.peek(4)[:4] if isinstance(file, io.BufferedReader) else file.getvalue()[:4]
    if start.startswith(ZSTD_MAGIC):
        raise StreamError("it is packed by zstd: unpack it first (zstd -d)")
    if start.startswith(GZIP_MAGIC):
        return gzip.GzipFile(fileobj=file)
    return file
