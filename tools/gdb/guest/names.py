# SPDX-License-Identifier: MIT
"""What objects and files are called: the paths that /proc/PID/maps shows."""

from guest import memory, structures
from guest.structures import Record, container

NAME, NODE = "struct name", "struct tmpfs_node"
DEPTH_MAX = 256


def path_of(name):
    """The path from the root of all mounts of a struct name."""
    parts = []
    deleted = name["is_deleted"]
    anonymous = not name["mount"]
    for _ in range(DEPTH_MAX):
        parent = name.follow("parent", NAME)
        if parent is None:
            mount = name.follow("mount", "struct mount")
            name = mount.follow("covered", NAME) if mount else None
        else:
            parts.append(memory.text(name["text"], name["length"]))
            name = parent
        if name is None:
            break
    if anonymous and not parts:
        return "(no path)"
    return "/" + "/".join(reversed(parts)) + (" (deleted)" if deleted else "")


def _mount_path(filesystem):
    """Where a file system is mounted, without a slash at its end."""
    head = structures.address_of("mounts", "vfs/mount.c")
    for mount in structures.linked(head, "struct mount", "link"):
        if mount["fs"] == filesystem:
            return path_of(mount.follow("root", NAME)).rstrip("/")
    return ""


def _tmpfs_path(node):
    """The oldest path of a file on a tmpfs, or what it is called without one."""
    parts = []
    filesystem = node["vnode"]["fs"]
    root = Record("struct filesystem", filesystem)["root"]
    title = node["file"]["title"]
    for _ in range(DEPTH_MAX):
        if node["vnode"].address == root:
            return _mount_path(filesystem) + "/" + "/".join(reversed(parts))
        head = node.address_of("entries")
        entry = next(iter(structures.linked(head, "struct tmpfs_entry", "link")), None)
        if entry is None:
            break
        parts.append(memory.text(entry.address_of("text"), entry["length"]))
        node = entry.follow("dir", NODE)
    return memory.text(title) if title else ""


def kind_of(vm_object):
    """What the kernel calls this kind of object."""
    return memory.text(Record("struct vm_object_ops", vm_object["ops"])["kind"])


def of_object(vm_object):
    """The name that an object has in /proc/PID/maps; "": none."""
    kind = kind_of(vm_object)
    if kind == "tmpfs":
        inside = structures.layout("struct tmpfs_node").fields["file"]
        offset = inside[0] + structures.layout(inside[1]).fields["object"][0]
        return _tmpfs_path(Record(NODE, vm_object.address - offset))
    if kind == "anonymous":
        return "/dev/zero (deleted)"
    if kind == "sysv shared memory":
        segment = container(vm_object.address, "struct shm_segment", "object")
        return f"/SYSV{segment['first_key'] & 0xffffffff:08x} (deleted)"
    return ""
