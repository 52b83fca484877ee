# SPDX-License-Identifier: MIT
"""Readers of the trace (docs/trace.md).

    schema.py     what events there are, and how each lies in bytes
    stream.py     a stream or a recording, record by record
    state.py      what memory looks like at any moment, rebuilt from records
    page_tree.py  pages by index, in trees that copies share
    areas.py      the areas of a space, kept apart and joined
    compare.py    one state against another, in words
    text.py       records and states in words
    explain.py    what an address leads to, and who sees a frame
    synthetic.py  streams that no kernel made, for tests of viewers
"""
