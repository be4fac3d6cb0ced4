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
from tests.leaks.matrix import Answers, ask, compare, every_probe
from tests.leaks.world import NAMES, THINGS

_without: dict[int, Answers] = {}


def answers_without(twins: Twins) -> Answers:
    """What the site says where no thing exists; asked once for each engine."""
    if id(twins) not in _without:
        _without[id(twins)] = ask(twins.bench(""), THINGS)
        twins.close("")  # its rules are gone
    return _without[id(twins)]


@pytest.mark.parametrize("letter", THINGS, ids=NAMES.get)
def test_nothing_tells_of_what_is_hidden(twins: Twins, letter: str, record_property: Callable[[str, object], None]) -> None:
    without = answers_without(twins)
    found = compare(without, ask(twins.bench(letter), letter), letter)
    twins.close(letter)
    record_property("cells", found.cells)
    assert not found.blind, f"{len(found.blind)} probes that cannot find the {NAMES[letter]} even where it may be seen:\n" + "\n".join(found.blind)
    assert not found.leaks, f"{len(found.leaks)} cells tell of the {NAMES[letter]}:\n" + "\n".join(found.leaks[:12])
    assert found.cells >= 13


def test_every_route_action_and_command_is_probed_or_said_to_be_blind(twins: Twins) -> None:
    site = twins.bench("").site
    routes = {rule.endpoint for rule in create_app(site).url_map.iter_rules()}
    assert routes == {*probes_portal.ROUTES, *probes_ogc.ROUTES, "csw.csw", *probes_ckan.DUMPS, *probes.BLIND}
    peers = {rule.endpoint for rule in create_peer_app(site).url_map.iter_rules()}
    assert peers == {*probes_other.PEER, *probes.PEER_BLIND}
    assert set(READING) == {*probes_ckan.ACTIONS, *probes.ACTIONS_BLIND}
    assert set(COMMANDS) == {*probes_other.COMMANDS, *probes.COMMANDS_BLIND}


def test_each_probe_is_there_once() -> None:
    seen = [str(probe) for probe in every_probe()]
    assert len(seen) == len(set(seen))
