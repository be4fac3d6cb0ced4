"""Runs the `terrace` command as a person would: the demo uses nothing that a person could not.

Short commands run in this process, so that their imports are paid for once; what runs on (`serve`, `join`) or works hard (`add`) is a process of its own.
"""

import contextlib
import io
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from node.cli.main import cli

COMMAND = Path(sys.executable).with_name("terrace")
_OUTPUT = threading.Lock()  # standard output is the whole process's


class CommandError(Exception):
    """A command failed; the message has its own words."""


def start(*words: str | Path, **options: Any) -> "subprocess.Popen[str]":
    """Starts `terrace …` and returns the process."""
    return subprocess.Popen([str(COMMAND), *(str(word) for word in words)], text=True, **options)


def run(*words: str | Path) -> str:
    """Runs `terrace …` as a process to its end.

    Returns:
        What it printed.

    Raises:
        CommandError: it failed.
    """
    process = start(*words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate()
    if process.returncode:
        raise _failure(words, err or out)
    return out


def answers(*words: str | Path) -> list[Any]:
    """What `terrace … --json` answers, line by line, run in this process.

    Raises:
        CommandError: it failed.
    """
    out, err = io.StringIO(), io.StringIO()
    with _OUTPUT, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main([*(str(word) for word in words), "--json"], prog_name="terrace", standalone_mode=False)
        except SystemExit as end:
            code = end.code
        except Exception as error:
            raise _failure(words, str(error)) from error
    if code:
        raise _failure(words, err.getvalue() or out.getvalue())
    return [json.loads(line) for line in out.getvalue().splitlines()]


def answer(*words: str | Path) -> Any:
    """The one line that `terrace … --json` answers, parsed."""
    (found,) = answers(*words)
    return found


def _failure(words: tuple[str | Path, ...], said: str) -> CommandError:
    return CommandError(f"terrace {' '.join(str(word) for word in words)}: {said.strip()}")
