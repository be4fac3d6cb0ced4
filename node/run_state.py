"""What a served site says of itself: `DIR/run/serve.json`."""

import json
import os
from pathlib import Path

STATE = Path("run", "serve.json")


def running(folder: Path) -> dict[str, object]:
    """What `serve.json` says, or an empty dict when the site is not being served."""
    try:
        found: dict[str, object] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    try:
        os.kill(int(str(found["pid"])), 0)
    except (ProcessLookupError, KeyError, ValueError):
        return {}
    except PermissionError:
        pass
    return found
