# SPDX-License-Identifier: MIT
"""./quire view --web and --export: the viewer in the browser.

    quire view --web [--port N] [--open] [options of run] -- PROGRAM [args]
    quire view --web [--port N] [--open] [--recording FILE]...
    quire view --export OUT.html FILE

The page is one file (`make page`), served on a loopback address; what a running machine tells goes
from QEMU to the page directly, by a WebSocket. An exported page has its recording in itself.
"""

import base64
import errno
import gzip
import http.server
import json
import os
import queue
import signal
import socket
import sys
import threading
import webbrowser
import zlib

import machine
import record
import session

PORT = 8737
MAGIC, GZIP_MAGIC = b"QTRACE1\n", b"\x1f\x8b"
GZIP_WINDOW = 31  # for zlib: as gzip packs
USAGE = "quire view --web [options] [-- PROGRAM [args]] | quire view --export OUT.html FILE"
# Programs of the guest's that show something, where there is no other program.
SCENES = ("p-allocator", "p-fork", "p-forkexit", "p-cow", "p-stack", "p-file", "p-guard", "p-trees",
          "p-gib", "fault-tour")


def wanted(words):
    """True if these arguments of `view` are for the browser."""
    words = words[:words.index("--")] if "--" in words else words
    return any(word.split("=")[0] in ("--web", "--export") for word in words)


def add_options(parser):
    add = parser.add_argument
    add("--web", action="store_true", help="serve the viewer to a browser")
    add("--port", type=int, default=PORT, help=f"where, on 127.0.0.1 ({PORT}; 0: any)")
    add("--open", action="store_true", help="open it in the browser of this machine")
    add("--recording", action="append", default=[], metavar="FILE",
        help="show this recording, without a machine; repeatable")
    add("--export", metavar="OUT.html", help="write one file with the page and a recording in it")
    add("--once", action="store_true", help="end when the program has ended")


def main(words, parser):
    """Does `quire view` for the browser; the parser has the options of `run`."""
    parser.usage = USAGE
    add_options(parser)
    program = []
    if "--" in words:
        program = words[words.index("--") + 1:]
        words = words[:words.index("--")]
    options, rest = parser.parse_known_args(words)
    unknown = [word for word in rest if word.startswith("-")]
    if unknown:
        parser.error(f"unknown option {unknown[0]}")
    complaint = record.usage_complaint("view", options)
    if complaint:
        parser.error(complaint)
    if options.export:
        if len(rest) != 1 or program:
            parser.error("--export OUT.html takes one recording")
        return export(page_of(options), rest[0], options.export)
    if rest:
        parser.error(f"what is {rest[0]!r}? The program and its arguments come after --")
    if options.recording and program:
        parser.error("a recording is shown, or a program is run: not both")
    return Viewer(options, program).run()


# ---- the page ----

def page_of(options):
    path = os.path.join(options.build, "viewer/viewer.html")
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise session.UsageError("the viewer's page is not built: run `make page`") from error


def page_with(page, config, recording=""):
    """The page, told what it shows."""
    text = json.dumps(config).replace("<", "\\u003c")
    page = page.replace('id="config">{}<', f'id="config">{text}<', 1)
    return page.replace('id="recording"><', f'id="recording">{recording}<', 1)


def read_recording(path):
    """A recording's bytes, packed by gzip; a UsageError if it is none."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise session.UsageError(f"{path}: {error.strerror or error}") from error
    packed = data.startswith(GZIP_MAGIC)
    plain = unpacked(path, data) if packed else data
    if not plain.startswith(MAGIC):
        raise session.UsageError(f"{path} is no recording: it does not begin with QTRACE1")
    return data if packed else gzip.compress(data, 9, mtime=0)


def unpacked(path, data):
    """What was packed by gzip. One that was cut, as when a machine was killed, is taken as far as it
    goes: the page shows that, and says so too."""
    try:
        return gzip.decompress(data)
    except EOFError:
        sys.stderr.write(f"quire: {path}: the compressed file ends in the middle\n")
        return zlib.decompressobj(GZIP_WINDOW).decompress(data)
    except (OSError, zlib.error) as error:
        raise session.UsageError(f"{path}: the compressed file is broken ({error})") from error


def export(page, recording, output):
    data = base64.b64encode(read_recording(recording)).decode()
    text = page_with(page, {"title": os.path.basename(recording)}, data)
    try:
        with open(output, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise session.UsageError(f"{output}: {error.strerror or error}") from error
    print(f"{output}: {len(text.encode()) / 1e6:.1f} MB, for any browser, by itself")
    return 0


# ---- serving ----

class Handler(http.server.BaseHTTPRequestHandler):
    """GET / and /recording/N; POST /run and /scene/NAME start the machine; GET /status."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        viewer = self.server.viewer
        number = self.path.removeprefix("/recording/")
        if not self._allowed():
            self._answer(403, b"not from here")
        elif self.path == "/":
            page = page_with(viewer.page, viewer.config())
            self._answer(200, page.encode(), "text/html; charset=utf-8")
        elif self.path == "/status":
            self._json(viewer.status())
        elif number.isdigit() and int(number) < len(viewer.recordings):
            self._answer(200, viewer.recordings[int(number)][1], "application/octet-stream")
        else:
            self._answer(404, b"there is no such thing")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self._allowed():
            self._answer(403, b"not from here")
            return
        try:
            self._json({"live": self.server.viewer.start(self.path)})
        except session.UsageError as error:
            self._answer(409, str(error).encode())

    def _allowed(self):
        """Only pages of ours: another one could have had its name changed to our address."""
        host = f"127.0.0.1:{self.server.server_port}"
        return (self.headers.get("Host") == host
                and self.headers.get("Origin", f"http://{host}") == f"http://{host}")

    def _json(self, value):
        self._answer(200, json.dumps(value).encode(), "application/json")

    def _answer(self, code, body, kind="text/plain; charset=utf-8"):
        self.send_response(code)
        for name, value in [("Content-Type", kind), ("Content-Length", str(len(body))),
                            ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Viewer:
    """Serves the page, and runs the machine when the page asks for it: so nothing is missed."""

    def __init__(self, options, program):
        self.options = options
        self.program = program
        self.page = page_of(options)
        self.recordings = [(os.path.basename(path), read_recording(path))
                           for path in options.recording]
        self._asked = queue.Queue()  # of (program, port)
        self._guest = None
        self._ended = ""
        if program or not options.recording:
            self._config(program or ["true"], 0)  # complains now about what is missing
        try:
            self._server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
        except (OSError, OverflowError) as error:
            raise session.UsageError(port_complaint(options.port, error)) from error
        self._server.daemon_threads = True
        self._server.viewer = self

    def config(self):
        """What the page is told."""
        if self.recordings:
            scenes = [{"name": name, "recording": f"/recording/{number}"}
                      for number, (name, _) in enumerate(self.recordings)]
            return {"title": scenes[0]["name"], "recording": scenes[0]["recording"],
                    "scenes": scenes if len(scenes) > 1 else []}
        if self.program:
            return {"title": " ".join(self.program), "run": "/run"}
        return {"scenes": [{"name": name} for name in SCENES]}

    def status(self):
        return {"running": self._guest is not None, "ended": self._ended}

    def start(self, path):
        """Starts what a POST asks for; the address that its trace comes from."""
        name = path.removeprefix("/scene/")
        if path == "/run" and self.program:
            program = self.program
        elif name in SCENES and not self.program:
            program = [name]
        else:
            raise session.UsageError("there is no such program here")
        port = free_port()
        self._ended = ""
        guest = self._guest
        self._asked.put((program, port))
        if guest:
            guest.stop(machine.Outcome("stopped"))
        return f"ws://127.0.0.1:{port}/"

    def run(self):
        address = f"http://127.0.0.1:{self._server.server_port}/"
        starts = "" if self.recordings else "; the program starts when the page is there"
        print(f"{address}{starts} (Ctrl-C ends it)", flush=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: sys.exit(128 + number))
        if self.options.open:
            webbrowser.open(address)
        status = 0
        try:
            while True:
                status = self._run(*self._asked.get())
                if self.options.once and self._asked.empty():
                    return status
        except KeyboardInterrupt:
            return 130 if self._guest else status

    def _config(self, program, port):
        spec = session.run_specification("run", self.options, False)
        config = session.machine_config(self.options, spec, program)
        if port:
            config.trace = (f"socket,host=127.0.0.1,port={port},server=on,wait=off,websocket=on")
        return config

    def _run(self, program, port):
        guest = machine.Machine(self._config(program, port),
                                session.ports_for(self.options, False))
        self._guest = guest
        try:
            outcome = guest.run()
        finally:
            self._guest = None
        status = session.report(outcome)
        self._ended = f"{program[0]} has ended" + (f" with status {status}" if status else "")
        return status


def port_complaint(port, error):
    if isinstance(error, OverflowError):
        return f"--port {port} is not a number from 0 to 65535"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use already, by another viewer perhaps: --port 0 takes any other"
    return f"port {port}: {error.strerror or error}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
