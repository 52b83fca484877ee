# SPDX-License-Identifier: MIT
"""Numbers with what they count, for people."""


def count(number, what, plural=None):
    """"1 page", "2 pages"."""
    return f"{number} {what if number == 1 else plural or what + 's'}"


def size(number):
    """Bytes, in the largest unit that fits."""
    if number < 1024:
        return f"{number} B"
    unit = -1
    while number >= 1024 and unit < 3:
        number, unit = number / 1024, unit + 1
    return f"{number:.1f} {('KiB', 'MiB', 'GiB', 'TiB')[unit]}"
