"""Runs the `terrace` command as a person would: the demo uses nothing that a person could not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).with_name("terrace")


class CommandError(Exception):
    """A command failed; the message has its own words."""


def start(*words: str | Path, **options: Any) -> "subprocess.Popen[str]":
    """Starts `terrace …` and returns the process."""
    return subprocess.Popen([str(COMMAND), *(str(word) for word in words)], text=True, **options)


def run(*words: str | Path, stdin: str | None = None) -> str:
    """Runs `terrace …` to its end.

    Returns:
        What it printed.

    Raises:
        CommandError: it failed.
    """
    process = start(*words, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(stdin)
    if process.returncode:
        raise CommandError(f"terrace {' '.join(str(word) for word in words)}: {err.strip() or out.strip()}")
    return out


def answer(*words: str | Path) -> Any:
    """What `terrace … --json` answers, parsed."""
    return json.loads(run(*words, "--json"))
