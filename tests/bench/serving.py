"""Servers under measurement: a site made by the command line, any server in a session of its own, and the processor time of all its processes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests

BIN = Path(sys.executable).parent


def terrace(*words: str) -> str:
    """Runs a command of the site's program; returns what it prints.

    Raises:
        SystemExit: it failed; with what it said.
    """
    done = subprocess.run([str(BIN / "terrace"), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"terrace {' '.join(words[:4])} …:\n{done.stdout}{done.stderr}")
    return done.stdout


def new_site(folder: Path) -> str:
    """A county's site with an officer; returns the officer's token."""
    terrace("init", str(folder), "--division", "510107", "--name", "武侯区", "--name", "Wuhou", "--zone", "business")
    terrace("-C", str(folder), "user", "add", "li", "--role", "officer", "--no-password")
    return str(json.loads(terrace("-C", str(folder), "token", "create", "li", "--json"))["token"])


@contextlib.contextmanager
def served(folder: Path, token: str) -> Iterator[tuple[int, str]]:
    """The site, served: its pid and address."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [str(BIN / "terrace"), "-C", str(folder), "serve", "--port", str(port), "--peer-port", "0"]
    with running(command, f"{address}/api/3/action/status_show", folder / "serve.log", {"Authorization": token}) as pid:
        yield pid, address


def processor_seconds(pid: int) -> float:
    """User and system time of a process and all below it."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                parents[int(folder.name)] = int(fields[1])
                spent[int(folder.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def below(child: int) -> bool:
        while child > 1 and child != pid:
            child = parents.get(child, 0)
        return child == pid

    return sum(seconds for child, seconds in spent.items() if below(child))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], probe: str, log: Path, headers: dict[str, str], environment: dict[str, str] | None = None) -> Iterator[int]:
    """A server in its own session, awaited until it answers."""
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, env={**os.environ, **(environment or {})})
    try:
        for _ in range(600):
            with contextlib.suppress(requests.RequestException):
                if requests.get(probe, headers=headers, timeout=60).status_code == 200:
                    break
            if process.poll() is not None:
                raise SystemExit(f"{command[0]} ended:\n{log.read_text()[-3000:]}")
            time.sleep(0.2)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
