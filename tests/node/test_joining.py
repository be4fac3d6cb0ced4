"""Joining a superior by the command line, between two served sites; then a record goes up, is proved to a stranger, and goes when it is withdrawn."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.founding import Founding, found
from tests.node.served import TERRACE, Served
from tests.node.test_cli import COMPLETE, PARCELS

ROOT = Path(__file__).parents[2]


def terrace(folder: Path, *args: str, stdin: str = "", code: int = 0) -> list[Any]:
    result = subprocess.run([*TERRACE, "-C", str(folder), *args, "--json"], input=stdin, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == code, result.stdout + result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def until(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        result = what()
        if result or time.monotonic() > deadline:
            return result
        time.sleep(0.2)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """A city and a county, each served in a folder of its own."""
    root = tmp_path_factory.mktemp("joining")
    city = found(root / "city", Founding({"zh": "成都市"}, "510100", None, None, "business", port=0, peer_port=0)).folder
    county = found(root / "county", Founding({"zh": "武侯区"}, "510107", None, None, "business", port=0, peer_port=0)).folder
    running = [Served(city), Served(county)]
    yield running[0], running[1]
    for each in running:
        each.stop()


def test_a_county_joins_and_its_record_is_proved_at_the_city(sites: tuple[Served, Served], tmp_path: Path) -> None:
    city, county = (each.folder for each in sites)
    invite = terrace(city, "peer", "invite")[0]

    # The clerk compares before anything is sent: "no" sends nothing.
    command = [*TERRACE, "-C", str(county), "peer", "join", invite["invite"]]
    refused = subprocess.run(command, input="n\n", capture_output=True, text=True, check=False, cwd=ROOT)
    assert refused.returncode == 1
    assert invite["fingerprint"] in refused.stdout
    assert terrace(city, "peer", "list") == []

    wrong = "n-" + "a" * 32
    terrace(county, "peer", "join", invite["invite"], "--node", wrong, "--wait", "0", code=3)
    asked = terrace(county, "peer", "join", invite["invite"], "--node", invite["fingerprint"], "--wait", "0")[0]
    assert asked["state"] == "waiting"
    waiting = terrace(city, "peer", "list")[0]
    assert (waiting["state"], waiting["node"]) == ("waiting", asked["node"])
    assert terrace(city, "peer", "confirm", waiting["node"], "--yes")[0]["divisions"] == ["510107"]
    assert terrace(county, "peer", "join", invite["invite"], "--node", invite["node"], "--wait", "5")[0]["state"] == "certified"
    terrace(county, "peer", "join", invite["invite"], "--node", invite["node"], "--wait", "0")  # once more is harmless

    file = tmp_path / "parcels.geojson"
    file.write_text(json.dumps(PARCELS), encoding="utf-8")
    sets = [part for value in COMPLETE for part in ("--set", value)]
    id = terrace(county, "add", str(file), "--publish", "--secrecy", "public", *sets)[0]["id"]

    def at_the_city() -> list[Any]:
        return [item for item in terrace(city, "search")[0]["items"] if item["id"] == id]

    assert until(at_the_city)
    assert until(lambda: terrace(city, "show", id)[0]["proof"]["state"] == "cosigned")
    receipt = tmp_path / "parcels.receipt.json"
    terrace(city, "receipt", id, "-o", str(receipt))
    proved = terrace(tmp_path, "verify", str(receipt), "--root", invite["fingerprint"])[0]
    assert (proved["id"], proved["authority"]) == (id, asked["node"])
    terrace(tmp_path, "verify", str(receipt), "--root", asked["node"], code=3)
    receipt.write_text(receipt.read_text().replace("王敏", "王明"), encoding="utf-8")
    terrace(tmp_path, "verify", str(receipt), "--root", invite["fingerprint"], code=3)

    assert until(lambda: terrace(county, "sync", "status")[0]["behind"] == 0)
    terrace(county, "withdraw", id, "--reason", "test")
    assert until(lambda: not at_the_city())

    url = terrace(city, "peer", "show", asked["node"])[0]["url"]
    terrace(city, "peer", "move", asked["node"], terrace(county, "peer", "list")[0]["url"], code=3)  # the city's own address: another node answers
    assert terrace(city, "peer", "move", asked["node"], url + "/")[0]["before"] == url
    terrace(city, "peer", "stop", asked["node"])
    assert terrace(city, "peer", "show", asked["node"])[0]["state"] == "paused"
    assert terrace(city, "doctor", code=1)


def test_invite_is_not_made_while_nobody_can_reach_the_site(tmp_path: Path) -> None:
    folder = found(tmp_path / "alone", Founding({"zh": "甲"}, "510000", None, None, "business", port=0, peer_port=0)).folder
    terrace(folder, "peer", "invite", code=2)


def test_damaged_invite_is_refused(sites: tuple[Served, Served]) -> None:
    terrace(sites[1].folder, "peer", "join", "terrace-invite-1.nonsense", "--node", "n-" + "a" * 32, code=3)
