# SPDX-License-Identifier: MIT
"""The Linux that Quire is measured beside: Debian's cloud kernel, downloaded and unpacked, never
installed, with tests/bench and a small init (tests/bench/linux/init.c) in its initramfs."""

import glob
import hashlib
import os
import re
import shutil
import subprocess

import cpio

METAPACKAGE = "linux-image-cloud-amd64"
SERIES = "6.1"
COMMAND_LINE = ("mitigations=off init_on_alloc=0 nokaslr console=ttyS0 quiet panic=-1 "
                "-- bench")


class Unavailable(Exception):
    """Why there is no Linux to be measured beside; the text says what to do."""


class Linux:
    """A kernel in a folder that keeps it from one time to the next."""

    def __init__(self, folder, kernel=None):
        self.folder = folder
        self.kernel = kernel
        self.version = os.path.basename(kernel) if kernel else None

    def fetch(self):
        """Downloads and unpacks the kernel unless it is there."""
        if self.kernel:
            if not os.path.exists(self.kernel):
                raise Unavailable(f"there is no kernel at {self.kernel}")
            return
        if not self.find():
            shutil.rmtree(self.folder, ignore_errors=True)
            os.makedirs(self.folder)
            self._download(self._package())
            self.find()

    def find(self):
        """True if the kernel is there already."""
        if self.kernel:
            return os.path.exists(self.kernel)
        kernels = glob.glob(os.path.join(self.folder, "root/boot/vmlinuz-*"))
        packages = glob.glob(os.path.join(self.folder, "*.deb"))
        if len(kernels) != 1 or len(packages) != 1:
            return False
        self.kernel = kernels[0]
        self.version = os.path.basename(packages[0]).split("_")[1]
        return True

    def _package(self):
        """The name of the kernel's own package, which the metapackage depends on."""
        text = _output(["apt-cache", "depends", "--important", METAPACKAGE])
        match = re.search(r"Depends: (linux-image-\d\S*-cloud-amd64)", text)
        if not match:
            raise Unavailable(f"apt knows no {METAPACKAGE}: `apt-get update`, as root, fetches its "
                              "lists; or name a kernel with --linux-kernel")
        if not match.group(1).startswith(f"linux-image-{SERIES}."):
            raise Unavailable(f"{METAPACKAGE} is {match.group(1)} here, not Debian 12's "
                              f"{SERIES}: name a kernel with --linux-kernel")
        return match.group(1)

    def _download(self, package):
        # As root, apt would rather download as a user who may not write here.
        _output(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package],
                cwd=self.folder)
        found = glob.glob(os.path.join(self.folder, "*.deb"))
        if not found:
            raise Unavailable(f"apt-get download {package} left no package in {self.folder}")
        _output(["dpkg-deb", "-x", found[0], os.path.join(self.folder, "root")])

    def initramfs(self, init, bench):
        """The bytes of an archive with these two programs."""
        writer = cpio.CpioWriter()
        for folder in ("dev", "proc", "tmp"):
            writer.directory(folder)
        writer.device("dev/console", "c", 5, 1, 0o600)
        for name, path in (("init", init), ("bench", bench)):
            with open(path, "rb") as file:
                writer.file(name, file.read(), 0o755)
        return writer.bytes()

    def key(self, init, bench):
        """What the figures depend on: another key, other figures."""
        digest = hashlib.sha256(COMMAND_LINE.encode())
        for path in (self.kernel, init, bench):
            with open(path, "rb") as file:
                digest.update(file.read())
        return digest.hexdigest()

    def command(self, initrd, console, hardware, words, kernel_words=()):
        """QEMU's command line for the hardware; the bench's output is its standard output."""
        return hardware + [
            "-kernel", self.kernel, "-initrd", initrd,
            "-append", " ".join([*kernel_words, COMMAND_LINE, *words]),
            "-serial", f"file:{console}", "-serial", "stdio"]


def _output(words, cwd=None):
    try:
        result = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, errors="replace", check=False)
    except FileNotFoundError as error:
        raise Unavailable(f"there is no {words[0]}: the kernel comes from Debian; or name one "
                          "with --linux-kernel") from error
    if result.returncode != 0:
        raise Unavailable(f"`{' '.join(words)}` failed: {result.stderr.strip()[-300:]}")
    return result.stdout
