"""Where a served site logs: `DIR/logs/terrace.log` (everything from INFO), standard error (from WARNING)."""

import logging
import logging.handlers
from pathlib import Path

_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def log_to(folder: Path) -> None:
    """Sets the root logger up; the file may be moved away at any time (it is opened anew)."""
    logs = folder / "logs"
    logs.mkdir(mode=0o750, exist_ok=True)
    file = logging.handlers.WatchedFileHandler(logs / "terrace.log", encoding="utf-8")
    file.setFormatter(logging.Formatter(_FORMAT))
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    screen.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[file, screen], force=True)
    for noisy in ("alembic", "rasterio", "fiona", "urllib3", "pygeoapi", "pycsw"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
