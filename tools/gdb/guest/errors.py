# SPDX-License-Identifier: MIT
"""What can be wrong, each a line for the user."""


class Problem(Exception):
    """Why a command cannot do what it was asked: its text is all that is shown."""


class NotStopped(Problem):
    """There is no machine yet, or none with a kernel that could be looked at."""


class Unreadable(Problem):
    """Memory that the stopped machine does not have there."""

    def __init__(self, address):
        super().__init__(f"the memory at {address:#x} cannot be read")
        self.address = address


class Damaged(Problem):
    """A structure of the kernel that leads nowhere, or round in circles."""
