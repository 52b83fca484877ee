# SPDX-License-Identifier: MIT
"""Makes the archives that the kernel unpacks as its first file system.

    mkinitramfs.py base   the system: busybox and its applets, bash, our programs, /etc
    mkinitramfs.py tests  /tests, laid over the system when tests run
"""

import argparse
import os
import subprocess
import sys
import tempfile

import cpio

BUSYBOX = "/bin/busybox"
BASH = "/bin/bash-static"
ROOTFS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rootfs")

DIRECTORIES = [
    ("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("mnt", 0o755), ("proc", 0o555),
    ("root", 0o700), ("run", 0o755), ("sys", 0o555), ("tmp", 0o1777), ("var", 0o755),
    ("var/tmp", 0o1777),
]
DEVICES = [  # what exists before /dev is mounted
    ("dev/console", "c", 5, 1, 0o600),
]
# Applets that must not stand where our own program does, or have no place in the guest.
NOT_APPLETS = {"sbin/init", "linuxrc"}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def program(path):
    """The contents of a program of ours, without what only a debugger reads."""
    with tempfile.NamedTemporaryFile(prefix="quire-program-") as stripped:
        subprocess.run(["objcopy", "--strip-debug", path, stripped.name], check=True)
        return read(stripped.name)


def applets():
    """Paths, without the first slash, of all that this busybox can be."""
    listing = subprocess.run([BUSYBOX, "--list-full"], check=True, capture_output=True, text=True)
    return [line for line in listing.stdout.split() if line not in NOT_APPLETS]


def programs_in(folder):
    """(name, path) of the programs that the makefile put there, dependency files left out."""
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            yield name, path


def base_archive(options):
    writer = cpio.CpioWriter()
    for path, mode in DIRECTORIES:
        writer.directory(path, mode)
    for device in DEVICES:
        writer.device(*device)
    writer.file("bin/busybox", read(BUSYBOX), 0o755)
    writer.file("bin/bash", read(BASH), 0o755)
    taken = {"bin/busybox", "bin/bash"}
    for name, path in programs_in(options.programs):
        place = "sbin/init" if name == "init" else f"bin/{name}"
        writer.file(place, program(path), 0o755)
        taken.add(place)
    writer.symlink("init", "sbin/init")
    for path in applets():
        if path not in taken:
            writer.symlink(path, "/" + "bin/busybox")
    writer.add_host(ROOTFS, "")
    for name in sorted(os.listdir(options.files)):
        if name.endswith(".sh"):
            writer.file(f"usr/share/quire/{name}", read(os.path.join(options.files, name)), 0o755)
    return writer


def tests_archive(options):
    writer = cpio.CpioWriter()
    writer.directory("tests")
    for name, path in programs_in(options.programs):
        writer.file(f"tests/{name}", program(path), 0o755)
    for folder in options.folder:
        source, _, place = folder.partition(":")
        if os.path.isdir(source):
            writer.add_host(source, place)
    return writer


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("archive", choices=["base", "tests"])
    parser.add_argument("--programs", required=True, help="folder of our compiled programs")
    parser.add_argument("--files", help="folder whose *.sh go to /usr/share/quire (base)")
    parser.add_argument("--folder", action="append", default=[], metavar="HOST:GUEST",
                        help="a folder to add as it is (tests)")
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    for needed in (BUSYBOX, BASH):
        if not os.path.exists(needed):
            sys.exit(f"mkinitramfs: no {needed}: run `make setup`")
    make = {"base": base_archive, "tests": tests_archive}[options.archive]
    data = make(options).bytes()
    with open(options.output + ".tmp", "wb") as output:
        output.write(data)
    os.replace(options.output + ".tmp", options.output)


if __name__ == "__main__":
    main()
