"""Five hundred questions of any kind recover neither a hidden place nor a masked name; the same attacker finds both where the rule is absent."""

import pytest

from tests.leaks.attacker import MOST, NEAR, Attacker, Place
from tests.leaks.conftest import Twins
from tests.leaks.made import ROW, SHAPE, WELL

EVERY = {"harvest", "bbox", "hits", "intersects", "within", "outside", "json", "page", "sorted"}
#: What hides the place: layer, the thing in which the twin differs, the place there, the condition that finds the feature, techniques that find it without rules.
PLACES = {
    "variant": ("wells", "g", WELL, "", EVERY),
    "column": ("shapes", "g", SHAPE, "", EVERY),
    "row": ("licences", "r", ROW, "licence_number='C-15'", EVERY),
}
#: The clerk has the command line, too.
LOGINS = ["clerk", pytest.param("public", marks=pytest.mark.soak), pytest.param("agency", marks=pytest.mark.soak)]
NAME, ONLY = "王乙", "licence_number='C-1'"
NAMED = {"harvest", "order", "between", "not below", "filter", "prefix", "query", "rows", "words", "portal"}


def found(attacker: Attacker, place: Place) -> set[str]:
    """Techniques that found the place."""
    return {name for name, guesses in attacker.places.items() for guess in guesses if max(abs(guess[0] - place[0]), abs(guess[1] - place[1])) <= NEAR}


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize("hidden", PLACES)
def test_the_place_of_a_hidden_well_is_not_found(twins: Twins, hidden: str, login: str) -> None:
    layer, letter, place, only, _ = PLACES[hidden]
    attackers = [Attacker(twins.fresh(twin), login) for twin in ("", letter)]
    for attacker in attackers:
        attacker.find_place(layer, only)
    assert found(attackers[1], place) == set()
    # Not a word of all it was told goes by where the well is, so that no better attacker with these questions would find it.
    assert attackers[0].answers == attackers[1].answers
    assert 30 <= len(attackers[1].answers) <= MOST


@pytest.mark.parametrize("login", LOGINS)
def test_the_name_behind_a_mask_is_not_found(twins: Twins, login: str) -> None:
    attackers = [Attacker(twins.fresh(twin), login) for twin in ("", "m")]
    for attacker in attackers:
        attacker.find_name("licences", ONLY)
    assert NAME not in set().union(*attackers[1].names.values())
    assert attackers[0].answers == attackers[1].answers
    assert 150 <= len(attackers[1].answers) <= MOST


@pytest.mark.parametrize("hidden", PLACES)
def test_the_same_attacker_finds_the_place_where_no_rule_hides_it(twins: Twins, hidden: str) -> None:
    layer, letter, place, only, techniques = PLACES[hidden]
    with twins.unrestricted(letter) as bench:
        attacker = Attacker(bench, "clerk")
        attacker.find_place(layer, only)
    assert found(attacker, place) >= techniques
    assert len(attacker.answers) <= MOST


def test_the_same_attacker_finds_the_name_where_no_rule_masks_it(twins: Twins) -> None:
    with twins.unrestricted("m") as bench:
        attacker = Attacker(bench, "clerk")
        attacker.find_name("licences", ONLY)
    assert {technique for technique, names in attacker.names.items() if names == {NAME}} >= NAMED - {"harvest"}
    assert NAME in attacker.names["harvest"]
