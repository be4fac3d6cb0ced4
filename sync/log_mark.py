"""How far the own log has come, beside the database and in none of its copies (PROTOCOL 6.2): what tells a restored site that its log went back.

The mark is written right after each append is committed, before a witness or a peer is told. It may lag behind the log by what nobody has seen, never the
other way.
"""

import json
import logging
import os
from pathlib import Path

from catalog import faults

__all__ = ["MARK", "read_mark", "write_mark"]

#: File in the site's folder.
MARK = "log.mark"

log = logging.getLogger(__name__)


def read_mark(folder: Path) -> tuple[str, int] | None:
    """Origin and size that the mark says; None when there is none."""
    try:
        said = json.loads((folder / MARK).read_text(encoding="ascii"))
        return str(said["origin"]), int(said["size"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_mark(folder: Path, origin: str, size: int) -> None:
    """Writes how far the log is. A disc that refuses is only said: without a mark the witness is asked."""
    fresh = folder / f"{MARK}.new"
    try:
        fresh.write_text(json.dumps({"origin": origin, "size": size}) + "\n", encoding="ascii")
        faults.before("rename")
        os.replace(fresh, folder / MARK)  # noqa: PTH105 (the same, said so that it is seen)
        faults.after("rename")
    except OSError as error:
        log.warning("cannot write %s: %s", folder / MARK, error)
