# SPDX-License-Identifier: MIT
"""The terminal of whoever runs Quire: raw while a guest has it, and always given back."""

import fcntl
import os
import struct
import termios

QUIT_KEY = b"\x1d"  # Ctrl-]


def is_foreground(fd):
    """True if fd is a terminal that this process may read from without being stopped."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False


def window_size(fd):
    """(rows, columns), 24 by 80 where the terminal does not know."""
    packed = fcntl.ioctl(fd, termios.TIOCGWINSZ, b"\0" * 8)
    rows, columns = struct.unpack("HHHH", packed)[:2]
    return rows or 24, columns or 80


class RawTerminal:
    """with RawTerminal(fd): every key goes to the guest, Ctrl-C too."""

    def __init__(self, fd):
        self._fd = fd
        self._saved = None

    def __enter__(self):
        self._saved = termios.tcgetattr(self._fd)
        raw = termios.tcgetattr(self._fd)
        raw[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INLCR | termios.IGNCR
                    | termios.INPCK | termios.ISTRIP | termios.IXON)
        raw[1] &= ~termios.OPOST
        raw[2] = (raw[2] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
        raw[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
        raw[6][termios.VMIN] = 1
        raw[6][termios.VTIME] = 0
        termios.tcsetattr(self._fd, termios.TCSADRAIN, raw)
        return self

    def __exit__(self, *_):
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._saved)
