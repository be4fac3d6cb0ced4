"""The leak matrix: every restricted thing × actor × face × format × probe gives the same bytes as at the twin site that does not hold the thing.

A cell counts only with its positive control: whoever may see the thing (an officer; the folder's administrator at the command line; the peer, once the rules
are taken away) gets another answer from the site that has it, so that a probe that could find nothing fails.
"""

from collections.abc import Callable

import pytest

from catalog.ckan.actions import READING
from node.app import create_app, create_peer_app
from node.cli.main import COMMANDS
from tests.leaks import probes, probes_ckan, probes_ogc, probes_other, probes_portal
from tests.leaks.conftest import Twins
from tests.leaks.matrix import USUAL, WHOLE, Answers, Asking, Extent, compare
from tests.leaks.world import NAMES, THINGS

#: Cells that each thing has at least in the usual run and in the whole one, by engine: it shows when probes go blind.
LEAST = {
    "sqlite": {"R": 2600, "C": 1200, "F": 850, "r": 700, "c": 320, "m": 320, "g": 300, "f": 50, "W": 25},
    "postgresql": {"R": 1100, "C": 530, "F": 400, "r": 280, "c": 160, "m": 160, "g": 120, "f": 30, "W": 25},
    "sqlite, whole": {"R": 8500, "C": 4300, "F": 3400, "r": 3250, "c": 1700, "m": 1850, "g": 1380, "f": 280, "W": 28},
    "postgresql, whole": {"R": 4100, "C": 2030, "F": 1630, "r": 1400, "c": 790, "m": 850, "g": 585, "f": 150, "W": 28},
}
_without: dict[tuple[int, Extent], Answers] = {}


def answers_without(twins: Twins, extent: Extent) -> Answers:
    """What the site says where no thing exists; asked once for each engine."""
    key = id(twins), extent
    if key not in _without:
        _without[key] = Asking(twins.fresh(""), THINGS, extent).all()
        twins.close("")  # its rules are gone
    return _without[key]


def nothing_tells(twins: Twins, letter: str, extent: Extent, least: int, record: Callable[[str, object], None]) -> None:
    without = answers_without(twins, extent)
    found = compare(without, Asking(twins.fresh(letter), letter, extent, without).all(), letter)
    twins.close(letter)
    record("cells", found.cells)
    record("compared", found.cells + found.others)
    assert not found.blind, f"{len(found.blind)} probes that cannot find the {NAMES[letter]} even where it may be seen:\n" + "\n".join(found.blind)
    assert not found.leaks, f"{len(found.leaks)} cells tell of the {NAMES[letter]}:\n" + "\n".join(found.leaks[:12])
    assert found.cells >= least


@pytest.mark.parametrize("letter", THINGS, ids=NAMES.get)
def test_nothing_tells_of_what_is_hidden(twins: Twins, engine_name: str, letter: str, record_property: Callable[[str, object], None]) -> None:
    nothing_tells(twins, letter, USUAL[engine_name], LEAST[engine_name][letter], record_property)


@pytest.mark.soak
@pytest.mark.parametrize("letter", THINGS, ids=NAMES.get)
def test_nothing_tells_of_what_is_hidden_whoever_asks_whatever(
    twins: Twins, engine_name: str, letter: str, record_property: Callable[[str, object], None]
) -> None:
    nothing_tells(twins, letter, WHOLE[engine_name], LEAST[f"{engine_name}, whole"][letter], record_property)


def test_every_route_action_and_command_is_probed_or_said_to_be_blind(twins: Twins) -> None:
    site = twins.bench("").site
    routes = {rule.endpoint for rule in create_app(site).url_map.iter_rules()}
    assert routes == {*probes_portal.ROUTES, *probes_ogc.ROUTES, "csw.csw", *probes_ckan.DUMPS, *probes.BLIND} - {""}
    peers = {rule.endpoint for rule in create_peer_app(site).url_map.iter_rules()}
    assert peers == {*probes_other.PEER, *probes.PEER_BLIND}
    assert set(READING) == {*probes_ckan.ACTIONS, *probes.ACTIONS_BLIND}
    assert set(COMMANDS) == {*probes_other.COMMANDS, *probes.COMMANDS_BLIND}


def test_each_probe_is_there_once() -> None:
    written = [
        str(each) for table in (probes_portal.ROUTES, probes_ogc.ROUTES, probes_ckan.DUMPS, probes_ckan.ACTIONS) for row in table.values() for each in row
    ]
    assert len(written) == len(set(written))
