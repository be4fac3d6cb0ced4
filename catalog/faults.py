"""Fault points: boundaries at which a process can be made to die, for tests and for drills. Never set this on a site that serves.

Unset, a point costs one look at `armed`. Set by the environment alone, when the process starts:

    TERRACE_FAULT=catalog.search.flush.flush/commit/before      killed (SIGKILL) when it first comes to this point
    TERRACE_FAULT=sync.apply.Applier._store/commit/after#3      … the third time
    TERRACE_FAULT=record:FILE                                   kills nothing; appends each point that is passed to a file

A point is `<function>/<kind>/<before|after>`. The function is the one that opened the transaction or calls `before` and `after`; it is found on the stack, so
that no boundary has a name of its own to keep. Kinds: `commit` (of the database), `rename` (a file becomes visible), `send` (a request leaves; after: its
answer has begun), `read` (after: bytes from the network arrived), `write` (before: bytes go into a file).

`python -m catalog.fault_list` (or `terrace doctor --faults`) lists all of them, with place and what each interrupts.
"""

import os
import signal
import sys
from types import CodeType, FrameType
from typing import Protocol

__all__ = ["PASSED_OVER", "Armed", "after", "armed", "before", "parse"]

#: Functions that open transactions for others: the point is named by who called them.
PASSED_OVER = frozenset(
    {("catalog.store", "Store.write"), ("catalog.jobs", "JobContext.step"), ("node.cli.base", "Run.administering"), ("node.cli.base", "Run.acting")}
)


class Armed(Protocol):
    """What happens at the points that are passed."""

    def __call__(self, point: str) -> None:
        """Passes a point; may not return."""


class _Kill:
    """Kills this process at the n-th passing of one point."""

    def __init__(self, point: str, n: int) -> None:
        self._point, self._left = point, n

    def __call__(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


class _Record:
    """Notes the points that are passed, one a line."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, point: str) -> None:
        with open(self._path, "a", encoding="ascii") as file:
            file.write(point + "\n")


def parse(text: str | None) -> Armed | None:
    """Reads `TERRACE_FAULT` as the module says.

    Raises:
        ValueError: it is neither a point nor a recording.
    """
    if not text:
        return None
    if text.startswith("record:"):
        return _Record(text.removeprefix("record:"))
    point, _, n = text.partition("#")
    if point.count("/") != 2 or not (n or "1").isdecimal():
        raise ValueError(f"TERRACE_FAULT is no fault point: {text}; python -m catalog.fault_list lists them")
    return _Kill(point, int(n or 1))


#: What happens at a point; None almost always. The one thing that is read from the environment at import: a drill begins before everything else.
armed: Armed | None = parse(os.environ.get("TERRACE_FAULT"))


def before(kind: str) -> None:
    """The boundary comes next."""
    if armed is not None:
        armed(f"{_function(sys._getframe(1))}/{kind}/before")


def after(kind: str) -> None:
    """The boundary was passed."""
    if armed is not None:
        armed(f"{_function(sys._getframe(1))}/{kind}/after")


def _function(frame: FrameType | None) -> str:
    """The function whose boundary this is: the innermost one on the stack that does not open transactions for others."""
    while frame is not None:
        module, code = str(frame.f_globals.get("__name__", "")), frame.f_code
        if module != "contextlib" and (module, code.co_qualname) not in PASSED_OVER:
            return f"{module}.{_plain(code)}"
        frame = frame.f_back
    return "?"


def _plain(code: CodeType) -> str:
    """The function's name without those that Python makes within it."""
    return code.co_qualname.split(".<locals>")[0]
