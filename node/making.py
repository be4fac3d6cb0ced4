"""A site's folder is made beside its place under another name, and renamed when it is whole: an interrupted command leaves no half of a site."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog import faults

__all__ = ["is_free", "made_beside"]


def is_free(target: Path) -> bool:
    """Whether a site can be made there: nothing is there, or an empty folder."""
    return not target.exists() or (target.is_dir() and not any(target.iterdir()))


@contextmanager
def made_beside(target: Path) -> Iterator[Path]:
    """A new folder beside `target` for the block to fill, which then takes its place; it is removed when the block does not end well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield making
        if target.exists():
            target.rmdir()
        faults.before("rename")
        making.replace(target)
        faults.after("rename")
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
