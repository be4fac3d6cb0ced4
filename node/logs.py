"""Where a served site logs: `DIR/logs/terrace.log` (everything from INFO), standard error (from WARNING).

Lines quote what others sent: controls in it are shown, not obeyed (`catalog.visible`), and where it breaks the line, what follows is indented, so that nothing
that came from outside looks like a line of the log.
"""

import logging
import logging.handlers
from pathlib import Path

from catalog.visible import visible

_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


class VisibleFormatter(logging.Formatter):
    """Formats a record, message and traceback, for files and terminals."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record; all but the first are indented."""
        return visible(super().format(record), "\n\t").replace("\n", "\n    ")


def log_to(folder: Path) -> None:
    """Sets the root logger up; the file may be moved away at any time (it is opened anew)."""
    logs = folder / "logs"
    logs.mkdir(mode=0o750, exist_ok=True)
    file = logging.handlers.WatchedFileHandler(logs / "terrace.log", encoding="utf-8")
    file.setFormatter(VisibleFormatter(_FORMAT))
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    screen.setFormatter(VisibleFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[file, screen], force=True)
    for noisy in ("alembic", "rasterio", "fiona", "urllib3", "pygeoapi", "pycsw"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
