# SPDX-License-Identifier: MIT
"""For the browser's tests: a WebSocket on a loopback address that says what its standard input says.

Each line of standard input is a deed: `send N` sends the next N bytes of the file named on the command
line, `drop` ends the connection, `rewind` begins the file anew. Prints its port, then a line for each
connection.
"""

import base64
import hashlib
import socket
import struct
import sys
import threading

KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def handshake(client):
    request = b""
    while b"\r\n\r\n" not in request:
        request += client.recv(4096)
    lines = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:] if b": " in line)
    accept = base64.b64encode(hashlib.sha1(lines[b"Sec-WebSocket-Key"] + KEY).digest())
    client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   b"Connection: Upgrade\r\nSec-WebSocket-Protocol: binary\r\n"
                   b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")


def frame(data):
    size = len(data)
    if size < 126:
        return b"\x82" + struct.pack(">B", size) + data
    return b"\x82" + (struct.pack(">BH", 126, size) if size < 65536
                      else struct.pack(">BQ", 127, size)) + data


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    clients = []

    def accept():
        while True:
            client, _ = listener.accept()
            handshake(client)
            clients.append(client)
            print("connected", flush=True)

    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=accept, daemon=True).start()
    at = 0
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "send":
            end = min(len(data), at + int(rest[0]))
            clients[-1].sendall(frame(data[at:end]))
            at = end
        elif word == "rewind":
            at = 0
        elif word == "drop":
            clients.pop().close()


main()
