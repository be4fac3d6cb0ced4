"""Interrupting a command leaves nothing half-done."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.node.served import TERRACE
from tests.node.test_cli import PARCELS
from tests.node.test_joining import ROOT, terrace


def test_interrupted_add_keeps_what_was_finished_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for number in range(60):
        (files / f"layer{number:03}.geojson").write_text(json.dumps({**PARCELS, "name": f"layer {number}"}), encoding="utf-8")
    command = [*TERRACE, "-C", str(folder), "add", str(files), "--json"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "TERRACE_LANG": "en"}
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert running.stdout is not None
    first = json.loads(running.stdout.readline())
    assert first["status"] == "draft"
    running.send_signal(signal.SIGINT)
    rest, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "nothing is half-done" in said
    done = [first, *(json.loads(line) for line in rest.splitlines())]
    drafts = terrace(folder, "search", "--drafts", "--limit", "1000")
    assert len(done) <= len(drafts) <= len(done) + 1  # at most one was committed and not yet said
    assert len(drafts) < 60
    again = terrace(folder, "add", str(files))
    assert [line["status"] for line in again].count("unchanged") == len(drafts)
    assert len(terrace(folder, "search", "--drafts", "--limit", "1000")) == 60


def test_killed_init_leaves_no_half_of_a_site(tmp_path: Path) -> None:
    target = tmp_path / "site"
    running = subprocess.Popen([*TERRACE, "init", str(target), "--division", "510107", "--name", "甲"], cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not list(tmp_path.glob(".site.*")) and running.poll() is None:
        time.sleep(0.005)
    running.kill()
    running.wait(timeout=10)
    if target.exists():  # it was quicker than the kill: then it is whole
        assert (target / "terrace.yaml").exists() and (target / "keys" / "node.jws").exists()
    else:
        assert subprocess.run([*TERRACE, "init", str(target), "--division", "510107", "--name", "甲"], cwd=ROOT, check=False).returncode == 0
