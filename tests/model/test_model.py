"""A federation driven at random against a specification written apart (PROTOCOL 9). A failure names world, seed and step, which repeat it."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog import faults
from tests.model.driver import WORLDS, World, determined
from tests.model.spec import Federation, Record, Rules

SHM = Path("/dev/shm")


def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where that is: a step costs less than a disc's sync."""
    made = Path(tempfile.mkdtemp(prefix="terrace-m", dir=SHM if SHM.is_dir() else tmp_path))
    try:
        yield made
    finally:
        faults.armed = None
        shutil.rmtree(made, ignore_errors=True)


def walk(folder: Path, kind: str, seed: int, steps: int, every: int, *, disasters: bool = True) -> World:
    """Drives one world; at rest after each `every` steps it must be as the specification says."""
    with determined(seed):
        world = World(folder, kind, seed, port, disasters=disasters)
        try:
            while world.steps < steps:
                try:
                    world.step()
                    if world.steps % every == 0:
                        world.settle()
                        world.check()
                except BaseException as error:
                    raise AssertionError(f"world {kind!r}, seed {seed}, step {world.steps}: {error!r}") from error
        finally:
            world.close()
    return world


#: World, seed, steps, and whether sites are lost and come back from copies.
WALKS = [
    ("chain", 1, 900, False),
    ("tree", 2, 700, False),
    ("two superiors", 3, 600, False),
    ("eight", 4, 400, False),
    ("chain", 7, 1100, False),
    ("tree", 8, 1000, False),
    # Pauses of the recovery go by the machine's own time, so that these are not the same walk twice: some do not come to rest on a slow machine.
    *(
        pytest.param(kind, seed, steps, True, marks=pytest.mark.soak)
        for kind, seed, steps in (("chain", 1, 1700), ("chain", 2, 1300), ("chain", 4, 1600), ("tree", 3, 1300), ("two superiors", 4, 1600), ("eight", 5, 400))
    ),
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "seed", "steps", "disasters"), WALKS)
def test_a_federation_at_rest_is_what_the_specification_says(folder: Path, kind: str, seed: int, steps: int, disasters: bool) -> None:
    # PROTOCOL 9
    world = walk(folder, kind, seed, steps, every=400, disasters=disasters)
    assert world.batches > steps / 20 and world.crashes and bool(world.restores) == disasters


@pytest.mark.soak
@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize("kind", sorted(WORLDS))
@pytest.mark.parametrize("seed", range(100, 102))
def test_a_long_walk_ends_where_the_specification_says(folder: Path, kind: str, seed: int) -> None:
    world = walk(folder, kind, seed, steps=10_000, every=200)
    print(f"{kind}, seed {seed}: {world.steps} steps, {world.batches} batches, {world.crashes} crashes, {world.restores} restores")


def test_the_specification_itself() -> None:
    """Cases written by hand."""
    spec = Federation({"n": set(), "p": {"n"}, "c1": {"p"}, "c2": {"p"}, "k": {"c1"}}, {frozenset({"c1", "c2"})})
    spec.rules = {name: Rules() for name in spec.parents}
    record = Record("k", "land")
    assert all(spec.shows(name, record) == {"phone", "rows"} for name in spec.parents)
    spec.rules["c1"] = Rules(denied=frozenset({"land"}))
    assert [name for name in spec.parents if spec.shows(name, record) is not None] == ["c1", "k"]
    spec.rules["c1"] = Rules(hides_phone=True)
    assert spec.shows("c1", record) == {"phone", "rows"} and spec.shows("p", record) == {"rows"} == spec.shows("c2", record)
    assert spec.shows("k", Record("c2", "land")) == {"rows"}  # c2 → c1 or p → c1, then down to k
    spec.rules["c1"] = Rules()
    assert spec.gives("c1", "p", Record("c2", "land")) is None and spec.gives("p", "c1", Record("c2", "land")) is not None  # no valleys
    assert spec.shows("p", Record("k", "land", onward=False)) is None and spec.shows("c1", Record("k", "land", onward=False)) is not None
    assert spec.shows("n", Record("k", "land", audience=frozenset({"c1", "n"}))) is None
    assert spec.shows("c1", Record("k", "land", until=5)) is not None
    spec.now = 5
    assert spec.shows("c1", Record("k", "land", until=5)) is None
