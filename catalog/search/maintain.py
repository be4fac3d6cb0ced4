"""Upkeep of the index, by the worker: flush what is new, merge what is many, sweep what nobody needs. Any of it may be killed at any time."""

from catalog.search.flush import FLUSH_AT, flush
from catalog.search.merge import Progress, merge, sweep
from catalog.search.ports import Database


def maintain(store: Database, *, at_least: int = FLUSH_AT, progress: Progress | None = None) -> bool:
    """Does all upkeep that is due.

    Args:
        at_least: documents that make a flush worth it.
        progress: called after each step of a merge; what it raises ends the upkeep (a lost lease, a cancelled job).

    Returns:
        Whether anything was done.
    """
    done = False
    while flush(store, at_least=at_least):
        done = True
    while merge(store, progress=progress):
        done = True
    while sweep(store):
        done = True
    return done
