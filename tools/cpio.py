# SPDX-License-Identifier: MIT
"""Writes and lists cpio archives in the newc format that the kernel unpacks at boot.

Archives are deterministic: owner root, time 0, inode numbers counted from 1, in the order of
the calls. No privileges are needed: device nodes are only entries in the archive.
"""

import os
import stat

HEADER_BYTES = 110
TRAILER = "TRAILER!!!"


class CpioWriter:
    """Collects entries; `bytes()` gives the finished archive."""

    def __init__(self, known_directories=()):
        self._parts = []
        self._inode = 0
        self._directories = {""} | {d.strip("/") for d in known_directories}
        self._links = {}  # (device, inode) of a host's file -> inode in the archive, and its path

    def _entry(self, path, mode, data=b"", rdev=(0, 0), inode=None, nlink=1):
        if inode is None:
            self._inode += 1
            inode = self._inode
        name = os.fsencode(path) + b"\0"
        fields = (inode, mode, 0, 0, nlink, 0, len(data), 0, 0, rdev[0], rdev[1], len(name), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        self._parts.append(_padded(header + name))
        self._parts.append(_padded(data))
        return inode

    def directory(self, path, mode=0o755):
        path = path.strip("/")
        self.parents(path)
        self._directories.add(path)
        if path:
            self._entry(path, stat.S_IFDIR | mode, nlink=2)

    def parents(self, path):
        """Makes the directories that lead to path, where they are not there yet."""
        parent = os.path.dirname(path.strip("/"))
        if parent not in self._directories:
            self.directory(parent)

    def file(self, path, data, mode=0o644):
        path = path.strip("/")
        self.parents(path)
        self._entry(path, stat.S_IFREG | mode, data)

    def symlink(self, path, target):
        path = path.strip("/")
        self.parents(path)
        self._entry(path, stat.S_IFLNK | 0o777, os.fsencode(target))

    def device(self, path, kind, major, minor, mode):
        path = path.strip("/")
        self.parents(path)
        kind_bits = {"c": stat.S_IFCHR, "b": stat.S_IFBLK}[kind]
        self._entry(path, kind_bits | mode, rdev=(major, minor))

    def add_host(self, host_path, path):
        """Adds a file, or a directory with all in it, of the host: modes, symbolic links and hard
        links kept, owners and times not."""
        path = path.strip("/")
        info = os.stat(host_path)  # what was named itself is followed, links inside are kept
        if stat.S_ISDIR(info.st_mode):
            self._add_directory(host_path, path, info)
        else:
            self.parents(path)
            self._add_leaf(host_path, path, info)

    def _add_directory(self, host_path, path, info):
        if path not in self._directories:
            self.directory(path, stat.S_IMODE(info.st_mode))
        for name in sorted(os.listdir(host_path)):
            below = os.path.join(host_path, name)
            below_info = os.lstat(below)
            below_path = f"{path}/{name}".strip("/")
            if stat.S_ISDIR(below_info.st_mode):
                self._add_directory(below, below_path, below_info)
            else:
                self._add_leaf(below, below_path, below_info)

    def _add_leaf(self, host_path, path, info):
        mode = info.st_mode
        if stat.S_ISLNK(mode):
            self._entry(path, mode, os.fsencode(os.readlink(host_path)))
        elif stat.S_ISREG(mode):
            self._add_regular(host_path, path, info)
        elif stat.S_ISFIFO(mode):
            self._entry(path, mode)
        elif stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            self._entry(path, mode, rdev=(os.major(info.st_rdev), os.minor(info.st_rdev)))
        else:
            raise OSError(f"{host_path}: not a file, directory, link, fifo or device")

    def _add_regular(self, host_path, path, info):
        key = (info.st_dev, info.st_ino)
        known, first_path = self._links.get(key, (None, None)) if info.st_nlink > 1 else (None, None)
        if first_path == path:  # given twice: a link to itself would be the end of it
            return
        if known is not None:  # the first name carries the data
            self._entry(path, info.st_mode, inode=known, nlink=info.st_nlink)
            return
        with open(host_path, "rb") as source:
            data = source.read()
        inode = self._entry(path, info.st_mode, data, nlink=info.st_nlink)
        if info.st_nlink > 1:
            self._links[key] = (inode, path)

    def bytes(self):
        self._entry(TRAILER, 0, inode=0)
        return _padded(b"".join(self._parts), 512)


def list_names(data):
    """Yields (name, mode) of each entry of the archives concatenated in data."""
    offset = 0
    while offset < len(data):
        if data[offset] == 0:  # padding between archives
            offset += 4
            continue
        header = data[offset : offset + HEADER_BYTES]
        if len(header) < HEADER_BYTES or header[:6] != b"070701":
            raise ValueError(f"no cpio header at byte {offset}")
        mode = int(header[14:22], 16)
        size = int(header[54:62], 16)
        name_size = int(header[94:102], 16)
        start = offset + HEADER_BYTES
        name = os.fsdecode(data[start : start + name_size - 1])
        if name != TRAILER:
            yield name, mode
        offset = _round_up(_round_up(start + name_size) + size)


def directories_of(path):
    """The set of directories that the archive at path makes."""
    with open(path, "rb") as archive:
        data = archive.read()
    return {name for name, mode in list_names(data) if stat.S_ISDIR(mode)}


def _round_up(value, unit=4):
    return (value + unit - 1) // unit * unit


def _padded(data, unit=4):
    return data + b"\0" * (_round_up(len(data), unit) - len(data))
