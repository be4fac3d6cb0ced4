"""The four sites of the demo, from empty folders to a running federation. Each step leaves alone what an earlier start has done."""

import fcntl
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from deploy.demo import terrace
from deploy.demo.files import write_items
from deploy.demo.generate import items
from deploy.demo.places import NATION, PLACES, Place
from deploy.demo.terrace import CommandError

ROLES = ("clerk", "officer", "supervisor", "administrator", "security_officer", "auditor")
PATIENCE = 300  # seconds for a step that waits for others; far above what any takes


class Federation:
    """See the module.

    Args:
        folder: the demo's folder.
        ports: first of eight ports for new sites; 0 for any free ones.
        interrupted: set when the person wants to stop.
        database: URL for new sites with `{site}` in it, for example `postgresql+psycopg://me@localhost/{site}`; None for the embedded default.
    """

    def __init__(self, folder: Path, ports: int, interrupted: threading.Event, database: str | None = None) -> None:
        self.folder = folder
        self._ports = ports
        self._database = database
        self._interrupted = interrupted
        self._servers: dict[str, subprocess.Popen[str]] = {}
        self._state_file = folder / "state.json"
        self.state: dict[str, Any] = {}
        self.urls: dict[str, str] = {}
        self._began = time.monotonic()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One demo at a time in one folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CommandError(f"a demo runs in {self.folder} already; end it (Ctrl-C there), or give another folder with --dir") from None
            self.state = json.loads(self._state_file.read_text()) if self._state_file.exists() else {"sites": {}}
            yield

    def _save(self) -> None:
        _write_private(self._state_file, json.dumps(self.state, indent=1))

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:5.1f} s] {text}", flush=True)
        if self._interrupted.is_set():
            raise InterruptedError

    def dir(self, place: Place) -> Path:
        """Folder of one site."""
        return self.folder / place.key

    # --- steps ---------------------------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Makes the folders, keys, databases and accounts of sites that are not there yet."""
        new = [place for place in PLACES if place.key not in self.state["sites"]]
        if not new:
            return
        self._say(f"making {len(new)} sites: keys, databases, policies, accounts")
        ports = _free_ports(self._ports, 2 * len(new))
        for place, port, peer_port in zip(new, ports[::2], ports[1::2], strict=True):
            self.state["sites"][place.key] = {"tokens": self._make(place, port, peer_port), "filled": False}
            self._save()

    def _make(self, place: Place, port: int, peer_port: int) -> dict[str, str]:
        folder = self.dir(place)
        if not (folder / "terrace.yaml").exists():
            terrace.answer(
                "init", folder, "--division", place.division, "--name", place.agency_zh, "--name", place.agency_en, "--zone", "business",
                "--port", str(port), "--peer-port", str(peer_port), *(["--database", self._database.format(site=place.key)] if self._database else []),
            )  # fmt: skip
        tokens = {}
        for role in ROLES:
            tokens[role] = self._account(folder, role, ["--role", role, "--name", f"{place.en} {role}"])
        tokens["agency"] = self._account(folder, "environment", ["--kind", "agency", "--sector", "environment", "--division", place.division])
        return tokens

    def _account(self, folder: Path, login: str, options: list[str]) -> str:
        if login not in {account["login"] for account in terrace.answers("-C", folder, "user", "list")}:
            terrace.answer("-C", folder, "user", "add", login, "--no-password", *options)
        return str(terrace.answer("-C", folder, "token", "create", login, "--label", "demo")["token"])

    def serve(self) -> None:
        """Starts the four sites and waits until each answers."""
        self._say("starting four sites")
        pipes = {}
        for place in PLACES:
            read, write = os.pipe()
            log = (self.dir(place) / "serve.log").open("a")
            self._servers[place.key] = terrace.start(
                "-C", self.dir(place), "serve", "--ready-fd", str(write), pass_fds=(write,), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            os.close(write)
            log.close()
            pipes[place] = read
        for place, read in pipes.items():
            with os.fdopen(read) as pipe:
                line = pipe.readline()
            if not line:
                raise CommandError(f"{place.key} did not start; see {self.dir(place) / 'serve.log'}")
            self.urls[place.key] = json.loads(line)["url"]

    def join(self) -> None:
        """Joins each site to its superior: invite, compare both fingerprints, confirm."""
        by_key = {place.key: place for place in PLACES}
        for place in PLACES:
            if place.parent is None or self.state["sites"][place.key].get("joined"):
                continue
            self._say(f"{place.en} joins {by_key[place.parent].en}")
            self._join(place, by_key[place.parent])
            self.state["sites"][place.key]["joined"] = True
            self._save()

    def _join(self, place: Place, superior: Place) -> None:
        """Both ids are read at their own sites here, as two clerks would read them out to each other."""
        above, below = self.dir(superior), self.dir(place)
        superior_id = terrace.answer("-C", above, "sync", "status")["node"]
        own_id = terrace.answer("-C", below, "sync", "status")["node"]
        invite = terrace.answer("-C", above, "peer", "invite")["invite"]
        joining = terrace.start("-C", below, "peer", "join", invite, "--node", superior_id, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            self._until(lambda: self._waits(above, own_id) or joining.poll() is not None, f"{place.en} to ask")
            terrace.answer("-C", above, "peer", "confirm", own_id, "--yes")
            out, _ = joining.communicate(timeout=PATIENCE)
        finally:
            if joining.poll() is None:
                joining.terminate()
        if joining.returncode:
            raise CommandError(f"{place.key} could not join {superior.key}: {out.strip()}")

    def _waits(self, folder: Path, node: str) -> bool:
        return any(one["node"] == node and one["state"] == "waiting" for one in terrace.answers("-C", folder, "peer", "list"))

    def fill(self) -> None:
        """Adds and publishes the generated records at each site that has none yet."""
        empty = [place for place in PLACES if not self.state["sites"][place.key]["filled"]]
        if not empty:
            return
        self._say("adding and publishing sample data")
        with ThreadPoolExecutor(2) as pool:
            for place, count in zip(empty, pool.map(self._fill, empty), strict=True):
                self._say(f"  {place.en}: {count} records")
                self.state["sites"][place.key]["filled"] = True
                self._save()

    def _fill(self, place: Place) -> int:
        folder = self.folder / "data" / place.key
        write_items(folder, items(place))
        lines = [json.loads(line) for line in terrace.run("-C", self.dir(place), "add", folder, "--publish", "--json").splitlines()]
        bad = [line for line in lines if line.get("error")]
        if bad:
            raise CommandError(f"{place.key}: {len(bad)} of {len(lines)} could not be added, the first: {bad[0]['error']}")
        return len(lines)

    def settle(self) -> None:
        """Waits until the nation shows what its policy and those on the way let through."""
        expected = sum(place.records for place in PLACES)
        self._say("waiting for the nation to show what the levels below have published")
        last, since = -1, time.monotonic()

        def still() -> bool:
            nonlocal last, since
            count = self.count(NATION)
            if count != last:
                last, since = count, time.monotonic()
            return count >= expected or (count > NATION.records and time.monotonic() - since > 10)

        self._until(still, "the nation")
        self._say(f"the nation shows {last:,} of {expected:,} records")

    def count(self, place: Place) -> int:
        """Records that the officer of a site sees there."""
        return int(self.search(place, rows="0")["count"])

    def search(self, place: Place, **parameters: str) -> Any:
        """What CKAN's `package_search` answers the officer of a site."""
        token = self.state["sites"][place.key]["tokens"]["officer"]
        url = f"{self.urls[place.key]}/api/3/action/package_search"
        found = requests.get(url, params=parameters, headers={"Authorization": token}, timeout=30)
        found.raise_for_status()
        return found.json()["result"]

    def _until(self, true: Any, what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not true():
            if self._interrupted.wait(0.2):
                raise InterruptedError
            self._check_servers()
            if time.monotonic() > end:
                raise CommandError(f"waited {PATIENCE} s for {what}")

    def _check_servers(self) -> None:
        for key, server in self._servers.items():
            if server.poll() is not None:
                raise CommandError(f"{key} ended by itself (exit code {server.returncode}); see {self.folder / key / 'serve.log'}")

    # --- ready -----------------------------------------------------------------------------------------------------------------------------

    def write_ready(self) -> None:
        """Writes `ready.json`: for each site node, zone, dir, url and tokens by role. Only its owner may read it."""
        sites = []
        for place in PLACES:
            status = terrace.answer("-C", self.dir(place), "sync", "status")
            sites.append(
                {
                    "key": place.key, "node": status["node"], "division": place.division, "zone": "business", "dir": str(self.dir(place)),
                    "url": self.urls[place.key], "tokens": self.state["sites"][place.key]["tokens"],
                }
            )  # fmt: skip
        _write_private(self.folder / "ready.json", json.dumps({"sites": sites}, indent=1))

    def watch(self) -> None:
        """Returns when the person interrupts.

        Raises:
            CommandError: a site ended by itself.
        """
        while not self._interrupted.wait(1):
            self._check_servers()

    def stop(self) -> None:
        """Ends the sites that this demo started."""
        for server in self._servers.values():
            if server.poll() is None:
                server.terminate()
        for server in self._servers.values():
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        (self.folder / "ready.json").unlink(missing_ok=True)


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, readable by its owner alone."""
    partial = path.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)


def _free_ports(first: int, count: int) -> list[int]:
    """Ports of the loopback that nobody listens on: from `first` upward, or any when it is 0."""
    held: list[socket.socket] = []
    ports: list[int] = []
    try:
        candidate = first
        while len(ports) < count:
            probe = socket.socket()
            held.append(probe)
            try:
                probe.bind(("127.0.0.1", candidate))
                ports.append(probe.getsockname()[1])
            except OSError:
                pass
            candidate = candidate + 1 if first else 0
    finally:
        for probe in held:
            probe.close()
    return ports
