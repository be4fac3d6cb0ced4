"""A real `terrace serve` on loopback, for tests."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

TERRACE = [sys.executable, "-c", "from node.cli import main; main()"]


class Served:
    """One served site; `stop` ends it in an orderly way.

    Args:
        folder: the site's folder.
        options: further options of `serve`.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        reading, writing = os.pipe()
        command = [*TERRACE, "-C", str(folder), "serve", "--port", "0", "--peer-port", "0", "--ready-fd", str(writing), *options]
        environment = {**os.environ, "TERRACE_LANG": "en", "PYTHONPATH": str(Path(__file__).parents[2])}
        self.process = subprocess.Popen(command, pass_fds=[writing], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        os.close(writing)
        with os.fdopen(reading) as stream:
            line = stream.readline()
        if not line:
            raise AssertionError(f"serve did not start:\n{self.process.communicate(timeout=30)[0]}")
        self.told: dict[str, Any] = json.loads(line)
        self.url = str(self.told["url"])

    def children(self) -> list[int]:
        """Process ids of the serving processes."""
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False)
        return sorted(int(pid) for pid in found.stdout.split())

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Sends a signal and waits for the end; `subprocess.TimeoutExpired` after 30 s."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=30)
