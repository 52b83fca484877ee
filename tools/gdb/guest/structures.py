# SPDX-License-Identifier: MIT
"""Structures and variables of the kernel, as its debug information lays them out.

A Record is a structure at an address. record["field"] is a number (integers, enumerations,
pointers), a string (arrays of char), a Record (a structure inside) or a Row (an array inside).
"""

import functools

import gdb

from guest import memory
from guest.errors import Damaged, Problem

NUMBERS = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_BOOL,
           gdb.TYPE_CODE_CHAR)
STRUCTURES = (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)


@functools.lru_cache(maxsize=None)
def type_of(name):
    """A type by its name, like "struct vm_area"."""
    try:
        return gdb.lookup_type(name)
    except gdb.error as error:
        raise Problem(f"this kernel has no {name}: are symbols and commands of one version?"
                      ) from error


def _plain(kind):
    return kind.unqualified().strip_typedefs().unqualified()


class Layout:
    """Where the fields of a structure are: name -> (offset, plain type)."""

    def __init__(self, kind):
        self.name = str(kind)
        self.size = kind.sizeof
        self.fields = {}
        self._add(kind, 0)

    def _add(self, kind, offset):
        for field in kind.fields():
            inner = _plain(field.type)
            at = offset + field.bitpos // 8
            if field.name:
                self.fields[field.name] = (at, inner)
            elif inner.code in STRUCTURES:
                self._add(inner, at)  # an anonymous one: its fields are ours


_layouts = {}


def layout(kind):
    """The layout of a type or of the name of one."""
    key = kind if isinstance(kind, str) else str(kind)
    if key not in _layouts or key.startswith("struct {"):
        _layouts[key] = Layout(_plain(type_of(kind) if isinstance(kind, str) else kind))
    return _layouts[key]


def forget():
    """After another kernel was loaded."""
    _layouts.clear()
    type_of.cache_clear()
    enumeration.cache_clear()
    _symbol.cache_clear()


def decode(kind, address):
    """What lies at an address, of a plain type."""
    if kind.code in NUMBERS:
        return memory.integer(address, kind.sizeof)
    if kind.code in STRUCTURES:
        return Record(layout(kind), address)
    if kind.code == gdb.TYPE_CODE_ARRAY:
        row = Row(kind, address)
        if row.kind.code == gdb.TYPE_CODE_INT and row.kind.sizeof == 1:
            return memory.text(address, len(row))
        return row
    raise Problem(f"nobody knows how to read a {kind}")


class Record:
    """A structure at an address."""

    __slots__ = ("layout", "address")

    def __init__(self, kind, address):
        self.layout = kind if isinstance(kind, Layout) else layout(kind)
        self.address = address

    def __getitem__(self, name):
        offset, kind = self._field(name)
        return decode(kind, self.address + offset)

    def _field(self, name):
        try:
            return self.layout.fields[name]
        except KeyError:
            raise Problem(f"{self.layout.name} has no {name} in this kernel: are symbols and "
                          "commands of one version?") from None

    def __contains__(self, name):
        return name in self.layout.fields

    def address_of(self, name):
        return self.address + self._field(name)[0]

    def follow(self, name, kind):
        """The structure that a pointer leads to; None: nowhere."""
        address = self[name]
        return Record(kind, address) if address else None


class Row:
    """An array at an address."""

    def __init__(self, kind, address):
        self.kind = _plain(kind.target())
        self.address = address
        self.count = kind.sizeof // self.kind.sizeof if self.kind.sizeof else 0

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if not 0 <= index < self.count:
            raise IndexError(index)
        return decode(self.kind, self.address + index * self.kind.sizeof)


def offset_of(kind, name):
    return layout(kind).fields[name][0]


def place(kind, name):
    """(offset, bytes) of a field that is a number: for many of them, read without a Record."""
    offset, inner = layout(kind).fields[name]
    return offset, inner.sizeof


def container(address, kind, name):
    """The structure whose field is at an address."""
    return Record(kind, address - offset_of(kind, name))


@functools.lru_cache(maxsize=None)
def enumeration(name):
    """Number -> name of an enumeration's values."""
    return {field.enumval: field.name for field in type_of(name).fields()}


@functools.lru_cache(maxsize=None)
def _symbol(name, file):
    """(plain type, address) of a global variable, or of a static one of a file."""
    if file is None:
        symbols = [gdb.lookup_global_symbol(name)]
    else:
        symbols = _static_symbols(name, file)
    found = {int(value.address): _plain(value.type) for value in
             (symbol.value() for symbol in symbols if symbol)
             if not value.is_optimized_out and value.address is not None}
    if len(found) != 1:
        raise Problem(f"this kernel has {'no' if not found else 'more than one'} variable {name}: "
                      "are symbols and commands of one version?")
    return next((kind, address) for address, kind in found.items())


def _static_symbols(name, file):
    """Several files may have a static variable of that name. Of a kernel that was optimised as a
    whole, gdb tells in which file each was declared, and where it is in a symbol of its own, which
    it counts to any file: but line and type are the same."""
    symbols = gdb.lookup_static_symbols(name)
    declared = {(symbol.line, str(symbol.type)) for symbol in symbols
                if symbol.symtab.filename.endswith(file)}
    return [symbol for symbol in symbols if (symbol.line, str(symbol.type)) in declared]


def variable(name, file=None):
    """The value of a global variable, or of a static one of a file."""
    return decode(*_symbol(name, file))


def address_of(name, file=None):
    return _symbol(name, file)[1]


def size_of(name, file=None):
    return _symbol(name, file)[0].sizeof


def linked_nodes(head, limit=1 << 20):
    """Addresses of the nodes of a list, by its head's address."""
    node = Record("struct list_node", head)["next"]
    before = head
    for _ in range(limit):
        if node == head or node == 0:  # 0: the list has not been made yet
            return
        link = Record("struct list_node", node)
        if link["prev"] != before:
            raise Damaged(f"the list at {head:#x} is broken at {node:#x}: its neighbour there "
                          f"is {link['prev']:#x}, not {before:#x}")
        yield node
        before, node = node, link["next"]
    raise Damaged(f"the list at {head:#x} does not end")


def linked(head, kind, member, limit=1 << 20):
    """The members of a list: Records of `kind` with a node `member`."""
    for node in linked_nodes(head, limit):
        yield container(node, kind, member)


def chained(first, kind, member, limit=1 << 20):
    """Structures that lead to each other by a pointer, from the address of the first on."""
    for _ in range(limit):
        if not first:
            return
        record = Record(kind, first)
        yield record
        first = record[member]
    raise Damaged(f"the chain of {kind} does not end")
