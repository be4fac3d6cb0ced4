"""Who is certified for what (PROTOCOL 6.1–6.5, 4.7, 4.8): narrowing, expiry, several superiors, cycles, rotation, closings, succession, and those who lie."""

import itertools
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import TrustError
from sync.ids import Origin
from sync.merkle import empty_root
from sync.say import node_claims
from sync.statements import TYP, NodeStatement, parse_all, sign, split_jws
from sync.suite import ED25519
from sync.trust import Trust
from tests.sync.world import NOW, ZONE, Node, statements, trust_of, world

DAY = 86_400


def kinds(trust: Trust) -> set[str]:
    return {refusal.kind for refusal in trust.refusals}


# --- chains ---------------------------------------------------------------------------------------------------------------------------------


def test_four_levels_are_certified_from_the_root_down() -> None:
    # PROTOCOL 6.1
    w = world()
    trust = w.trust()
    cert = trust.certified(w.county.id)
    assert cert.path == tuple(node.id for node in w.nodes)
    assert (cert.division, cert.level, cert.unit, cert.sector, cert.depth) == ("510107", "county", None, "land", 1)
    assert trust.site_keys(w.county.id) == (w.county.site.public,)
    assert trust.refusals == ()
    assert trust.nodes() == tuple(sorted(node.id for node in w.nodes))


def test_answers_depend_on_the_set_of_statements_only() -> None:
    w = world()
    w.nation.certify(w.province, depth=3)  # a second serial
    tokens = [token for node in w.nodes for token in node.tokens]
    seen = set()
    for seed in range(6):
        random.Random(seed).shuffle(tokens)
        trust = Trust(parse_all([*tokens, *tokens[:3]]), anchors=[w.nation.id], zone=ZONE, now=NOW)
        seen.add(tuple(trust.certifications(node.id) for node in w.nodes))
    assert len(seen) == 1


def test_growing_step_by_step_equals_all_at_once() -> None:
    w = world()
    trust = Trust([], anchors=[w.nation.id], zone=ZONE, now=NOW)
    for statement in reversed(statements(*w.nodes)):
        trust = trust.extend([statement])
    assert trust.certifications(w.county.id) == w.trust().certifications(w.county.id)
    assert trust.extend(statements(*w.nodes)) is trust


def test_unknown_root_certifies_nobody() -> None:
    w = world()
    trust = trust_of(*w.nodes, anchors=[Node("000000")])
    assert trust.nodes() == ()
    with pytest.raises(TrustError) as refused:
        trust.certified(w.county.id)
    assert refused.value.kind == "uncertified"


def test_own_node_is_an_anchor_beside_the_root() -> None:
    w = world()
    trust = trust_of(*w.nodes, anchors=[w.nation, w.city])
    assert {cert.issuer for cert in trust.certifications(w.city.id)} == {w.city.id, w.province.id}
    assert trust.certified(w.city.id).issuer == w.province.id
    assert trust.certified(w.county.id).division == "510107"


def test_statement_of_another_zone_does_not_count() -> None:
    w = world()
    assert trust_of(*w.nodes, zone="internet").nodes() == ()
    other = Node("510107", zone="internet")
    w.city.certify(other)
    assert trust_of(*w.nodes, other).certifications(other.id) == ()


# --- narrowing ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"division": "510104", "divisions": ["510107"]}, None),
        ({"divisions": ["510107", "510104"]}, "own root"),
        ({"division": "500000"}, "500000"),
        ({"divisions": ["500000"]}, "500000"),
        ({"divisions": ["510000"]}, "510000"),
        ({"depth": 2}, "depth 2"),
        ({"level": "province"}, "level province"),
        ({"units": ["500000/x"]}, "unit 500000/x"),
        ({"units": ["510107/x"]}, None),
        ({"division": None, "unit": "510107/geo"}, None),
        ({"division": None, "unit": "500000/geo"}, "unit 500000/geo"),
    ],
)
def test_superior_hands_down_no_more_than_it_has(changes: dict[str, object], words: str | None) -> None:
    # PROTOCOL 6.1, narrowing: the attack "speaking for another's territory"
    w = world()
    county = Node("510107", divisions=["510107"])
    if changes.get("division") == "510104":
        county = Node("510104", divisions=["510100"])
    w.city.certify(county, **changes)
    trust = trust_of(*w.nodes, county)
    if words is None:
        assert trust.certifications(county.id), [refusal.en for refusal in trust.refusals]
    else:
        assert trust.certifications(county.id) == ()
        assert any(words in refusal.en for refusal in trust.refusals), [refusal.en for refusal in trust.refusals]


def test_narrowing_a_superior_later_narrows_all_below() -> None:
    w = world()
    w.nation.certify(w.province, depth=3, divisions=["510500"], division="510500")
    trust = w.trust()
    assert trust.certified(w.province.id).divisions == ("510500",)
    assert trust.certifications(w.city.id) == ()
    assert trust.certifications(w.county.id) == ()
    assert kinds(trust) == {"scope", "issuer"}


def test_depth_ends_the_chain() -> None:
    w = world()
    w.city.certify(w.county, depth=0)
    village = Node("510107", level="township")
    w.county.certify(village)
    assert trust_of(*w.nodes, village).certifications(village.id) == ()


def test_bureau_of_many_divisions_and_unit_under_a_unit() -> None:
    nation = Node("000000")
    bureau = Node(None, unit="000000/bureau-cd", level="province", divisions=["510000", "500000", "540000"])
    office = Node(None, unit="000000/bureau-cd/office", level="city", divisions=["500000"])
    nation.certify(bureau, depth=1, units=["000000/bureau-cd"])
    bureau.certify(office)
    trust = trust_of(nation, bureau, office)
    # the units that a node's own root names bound it too: here the bureau named none, but every unit lies under the nation's division
    bureau.state_self(units=["000000/bureau-cd"])
    office.state_self(units=["000000/bureau-cd/office"])
    trust = trust_of(nation, bureau, office)
    assert trust.certified(bureau.id).unit == "000000/bureau-cd", [r.en for r in trust.refusals]
    assert trust.certified(office.id).unit == "000000/bureau-cd/office", [r.en for r in trust.refusals]


# --- keys -----------------------------------------------------------------------------------------------------------------------------------


def test_superior_cannot_put_its_own_keys_in_a_subordinates_place() -> None:
    # PROTOCOL 6.1: a hostile Chengdu is also Wuhou's superior
    w = world()
    thief = ED25519.generate()
    w.city.certify(w.county, depth=1, site_keys=[thief.public], serial=9)
    trust = w.trust()
    assert trust.certified(w.county.id).site_keys == ()
    with pytest.raises(TrustError) as refused:
        trust.site_keys(w.county.id)
    assert refused.value.kind == "no-key"
    w.city.certify(w.county, depth=1, site_keys=[thief.public, w.county.site.public], serial=10)
    assert w.trust().site_keys(w.county.id) == (w.county.site.public,)


def test_superior_cannot_invent_a_subordinates_self_statement() -> None:
    w = world()
    fake = w.county.claims(w.county, site_keys=[w.city.site.public], serial=99)
    trust = w.trust(extra=[sign(fake, w.city.site), sign(fake, w.city.root)])
    assert trust.site_keys(w.county.id) == (w.county.site.public,)
    assert "unsigned" in kinds(trust)


def test_stolen_site_key_cannot_certify_a_key_of_its_own() -> None:
    w = world()
    stolen, thief = w.county.site, ED25519.generate()
    w.county.state_self(key=stolen, site_keys=[thief.public])
    trust = w.trust()
    assert trust.site_keys(w.county.id) == (w.county.site.public,)


def test_stolen_root_without_the_superior_certifies_nothing() -> None:
    w = world()
    thief = ED25519.generate()
    w.county.state_self(site_keys=[thief.public])  # signed by the true root
    with pytest.raises(TrustError):
        w.trust().site_keys(w.county.id)


def test_rotation_passes_through_both_keys() -> None:
    w = world()
    old, new = w.county.site, ED25519.generate()
    w.county.state_self(site_keys=[old.public, new.public])
    assert w.trust().site_keys(w.county.id) == (old.public,)
    w.city.certify(w.county, depth=1, site_keys=[old.public, new.public])
    assert w.trust().site_keys(w.county.id) == (old.public, new.public)
    w.county.state_self(site_keys=[new.public])
    assert w.trust().site_keys(w.county.id) == (new.public,)


def test_root_may_certify_a_subordinate_in_place_of_the_site() -> None:
    w = world()
    other = Node("510104")
    w.city.certify(other, key=w.city.root)
    assert trust_of(*w.nodes, other).certifications(other.id)


def test_certification_by_a_key_that_is_nobodys_does_not_count() -> None:
    w = world()
    other = Node("510104")
    w.city.certify(other, key=ED25519.generate())
    trust = trust_of(*w.nodes, other)
    assert trust.certifications(other.id) == ()
    assert "unsigned" in kinds(trust)


def test_certification_by_the_witness_key_does_not_count() -> None:
    w = world()
    other = Node("510104")
    w.city.certify(other, key=w.city.witness)
    assert trust_of(*w.nodes, other).certifications(other.id) == ()


# --- roots ----------------------------------------------------------------------------------------------------------------------------------


def _next_root(node: Node, keys: list, signers: list, *, threshold: int = 1, previous: str | None = None, version: int | None = None) -> list[str]:  # type: ignore[type-arg]
    before = parse_all([previous or node.root_token])[0]
    assert isinstance(before.body, NodeStatement)
    claims = node_claims([key.public for key in keys], threshold=threshold, now=NOW, previous=(before.body, before.payload))
    return [sign({**claims, **({"version": version} if version else {})}, key) for key in signers]


def test_root_is_renewed_by_the_old_and_the_new_keys() -> None:
    w = world()
    new = [ED25519.generate() for _ in range(3)]
    tokens = _next_root(w.county, new, [w.county.root, *new[:2]], threshold=2)
    own = w.county.claims(w.county, depth=8)
    signed = [sign(own, key) for key in new[1:]]
    assert w.trust(extra=[*tokens, *signed]).certified(w.county.id)
    assert w.trust(extra=[*tokens, signed[0]]).certifications(w.county.id) == ()  # below threshold, and the old root no longer speaks
    assert kinds(w.trust(extra=[*tokens, signed[0]])) >= {"unsigned"}


@pytest.mark.parametrize("signers", ["old", "new", "stranger"])
def test_root_renewed_by_one_side_only_does_not_count(signers: str) -> None:
    w = world()
    new = ED25519.generate()
    tokens = _next_root(w.county, [new], {"old": [w.county.root], "new": [new], "stranger": [ED25519.generate(), new]}[signers])
    trust = w.trust(extra=tokens)
    assert trust.site_keys(w.county.id) == (w.county.site.public,)  # as before


def test_two_next_roots_contradict_each_other_and_neither_counts() -> None:
    w = world()
    one, two = ED25519.generate(), ED25519.generate()
    tokens = [*_next_root(w.county, [one], [w.county.root, one]), *_next_root(w.county, [two], [w.county.root, two])]
    trust = w.trust(extra=tokens)
    assert "equivocation" in kinds(trust)
    assert trust.site_keys(w.county.id) == (w.county.site.public,)


def test_root_version_that_skips_one_does_not_count() -> None:
    w = world()
    new = ED25519.generate()
    assert w.trust(extra=_next_root(w.county, [new], [w.county.root, new], version=3)).site_keys(w.county.id) == (w.county.site.public,)


# --- serials, expiry, revocation --------------------------------------------------------------------------------------------------------------


def test_highest_serial_counts_whatever_its_time() -> None:
    # PROTOCOL 6.5: clocks order nothing
    w = world()
    w.city.certify(w.county, serial=50, now=NOW - 300 * DAY, exp=NOW + DAY, name={"zh": "新"})
    w.city.certify(w.county, serial=49, now=NOW, name={"zh": "旧"})
    assert w.trust().certified(w.county.id).name == {"zh": "新"}


def test_two_statements_with_one_serial_contradict_each_other() -> None:
    w = world()
    for name in ("一", "二"):
        w.city.certify(w.county, serial=50, name={"zh": name})
    trust = w.trust()
    assert trust.certifications(w.county.id) == ()
    assert "equivocation" in kinds(trust)


def test_revoked_certification_ends_with_all_below_it() -> None:
    w = world()
    w.province.certify(w.city, revoked=True)
    trust = w.trust()
    assert trust.certifications(w.city.id) == trust.certifications(w.county.id) == ()
    with pytest.raises(TrustError, match="revoked"):
        trust.certified(w.city.id)


def test_rolled_back_statement_cannot_undo_a_revocation() -> None:
    w = world()
    older = list(w.province.tokens)
    w.province.certify(w.city, revoked=True)
    assert w.trust(extra=older).certifications(w.city.id) == ()


def test_expired_certification_ends_at_its_second_and_says_when_to_look_again() -> None:
    w = world()
    w.city.certify(w.county, exp=NOW + 100)
    trust = w.trust()
    assert trust.valid_until == NOW + 100
    assert trust.at(NOW + 99) is trust
    assert trust.at(NOW + 100).certifications(w.county.id) == ()
    with pytest.raises(TrustError, match="expired"):
        trust.at(NOW + 100).certified(w.county.id)


def test_certification_ends_with_the_earliest_on_its_way() -> None:
    w = world()
    w.nation.certify(w.province, depth=3, exp=NOW + 50)
    assert w.trust().certified(w.county.id).expires == NOW + 50
    assert w.trust(now=NOW + 50).nodes() == (w.nation.id,)


def test_expired_root_ends_what_it_said() -> None:
    w = world()
    trust = w.trust(now=NOW + 21 * 366 * DAY)
    assert trust.nodes() == ()


def test_statement_from_the_future_waits() -> None:
    # PROTOCOL 6.5
    w = world()
    w.city.certify(w.county, now=NOW + 301)
    assert w.trust().certifications(w.county.id) == ()
    assert w.trust(now=NOW + 1).certifications(w.county.id)


# --- several superiors, cycles ----------------------------------------------------------------------------------------------------------------


def test_node_with_two_superiors() -> None:
    # PROTOCOL 3.3: the one named first witnesses
    w = world()
    bureau = Node(None, unit="000000/bureau", level="province", divisions=["510000"])
    w.nation.certify(bureau, depth=3)
    bureau.certify(w.city, depth=2)
    trust = trust_of(*w.nodes, bureau)
    assert set(trust.superiors(w.city.id)) == {w.province.id, bureau.id}
    assert len(trust.certifications(w.city.id)) == 2
    assert trust.witness_node(w.city.id) == min(w.province.id, bureau.id)
    for first, second in itertools.permutations((w.province.id, bureau.id)):
        w.city.state_self(witnesses=[first, second])
        trust = trust_of(*w.nodes, bureau)
        assert trust.witness_node(w.city.id) == trust.superiors(w.city.id)[0] == first
        assert len(trust.witnesses(w.city.id)) == 1
    w.nation.certify(bureau, depth=3, revoked=True)
    assert trust_of(*w.nodes, bureau).certified(w.county.id).path[1] == w.province.id


def test_witness_that_is_no_neighbour_does_not_count() -> None:
    w = world()
    w.county.state_self(witnesses=[w.nation.id])
    trust = w.trust()
    assert trust.witness_node(w.county.id) is None
    assert trust.witnesses(w.county.id) == ()


def test_top_node_names_a_subordinate_as_its_witness() -> None:
    w = world()
    assert w.trust().witness_node(w.nation.id) is None
    w.nation.state_self(witnesses=[w.province.id])
    assert w.trust().witnesses(w.nation.id) == ((f"terrace/1/witness/{w.province.id}/{ZONE}", w.province.witness.public),)


def test_certification_that_points_back_up_does_not_count() -> None:
    # PROTOCOL 4.8: acyclic
    w = world()
    w.county.certify(w.province, depth=0, divisions=["510107"], division="510107", level="county")
    trust = w.trust()
    assert "cycle" in kinds(trust)
    assert trust.superiors(w.province.id) == (w.nation.id,)
    assert trust.relation(w.county.id, w.province.id) == "above"


def test_nobody_certifies_itself_into_the_tree() -> None:
    stranger = Node("510107")
    stranger.certify(stranger, depth=8)
    w = world()
    assert trust_of(*w.nodes, stranger).certifications(stranger.id) == ()


def test_relations() -> None:
    w = world()
    other = Node("510104")
    w.city.certify(other)
    trust = trust_of(*w.nodes, other)
    assert trust.relation(w.county.id, w.county.id) == "self"
    assert trust.relation(w.county.id, w.nation.id) == "above"
    assert trust.relation(w.nation.id, w.county.id) == "below"
    assert trust.relation(w.county.id, other.id) == "sideways"
    assert trust.subordinates(w.city.id) == tuple(sorted((w.county.id, other.id)))


def test_valley_free_relay() -> None:
    # PROTOCOL 4.8
    w = world()
    other = Node("510104")
    w.city.certify(other)
    trust = trust_of(*w.nodes, other)
    nation, province, city, county = (node.id for node in w.nodes)
    assert trust.may_relay(to=province, sender=city, held_from=city)
    assert trust.may_relay(to=province, sender=city, held_from=county)
    assert not trust.may_relay(to=province, sender=city, held_from=province)
    assert trust.may_relay(to=county, sender=city, held_from=province)
    assert not trust.may_relay(to=other.id, sender=county, held_from=city)
    assert trust.may_relay(to=other.id, sender=county, held_from=county)
    assert trust.may_arrive(me=county, source=city, authority=nation)
    assert trust.may_arrive(me=nation, source=province, authority=county)
    assert not trust.may_arrive(me=city, source=county, authority=other.id)
    assert not trust.may_arrive(me=other.id, source=county, authority=city)


# --- epochs ---------------------------------------------------------------------------------------------------------------------------------


def _leaves(node: Node, count: int = 3) -> list:  # type: ignore[type-arg]
    return [node.publish(str(n)) for n in range(count)]


def test_closing_an_epoch_voids_what_lies_beyond_and_keeps_the_rest() -> None:
    # PROTOCOL 6.2
    w = world()
    records = _leaves(w.county)
    w.city.close(w.county, size=2)
    trust = w.trust()
    first = Origin(w.county.id, ZONE, 1)
    assert trust.epoch(w.county.id) == 2
    assert trust.log(first).closed_at == (2, w.county.log.root(2))
    assert trust.log(first).keys == ()
    assert trust.order(records[1].id, w.county.id, first, 1) == (0, 1, 1)
    with pytest.raises(TrustError) as refused:
        trust.order(records[2].id, w.county.id, first, 2)
    assert (refused.value.kind, refused.value.clause) == ("void", "6.2")
    assert trust.log(Origin(w.county.id, ZONE, 2)).keys == (w.county.site.public,)
    assert trust.order(records[2].id, w.county.id, Origin(w.county.id, ZONE, 2), 0) > trust.order(records[1].id, w.county.id, first, 1)


def test_stolen_key_no_longer_counts_in_the_next_epoch() -> None:
    w = world()
    stolen, new = w.county.site, ED25519.generate()
    w.county.state_self(site_keys=[stolen.public, new.public])
    w.city.close(w.county, size=0, site_keys=[new])
    assert w.trust().site_keys(w.county.id) == (new.public,)
    village = Node("510107", level="township")
    w.county.certify(village, key=stolen)
    assert trust_of(*w.nodes, village).certifications(village.id) == ()


def test_epoch_that_nobody_opened_is_refused() -> None:
    w = world()
    with pytest.raises(TrustError) as refused:
        w.trust().log(Origin(w.county.id, ZONE, 2))
    assert refused.value.kind == "epoch"


@pytest.mark.parametrize("who", ["self", "nation", "stranger", "sibling"])
def test_only_a_direct_superior_closes_an_epoch(who: str) -> None:
    w = world()
    sibling, stranger = Node("510104"), Node("000000")
    w.city.certify(sibling)
    _leaves(w.county)
    {"self": w.county, "nation": w.nation, "stranger": stranger, "sibling": sibling}[who].close(w.county, size=1)
    if who == "self":
        w.county.close(w.county, size=1, key=w.county.root)
    trust = trust_of(*w.nodes, sibling, stranger)
    assert trust.epoch(w.county.id) == 1
    assert "epoch" in kinds(trust)


def test_top_node_closes_its_own_epoch_by_its_root() -> None:
    w = world()
    _leaves(w.nation)
    w.nation.close(w.nation, size=1)
    assert w.trust().epoch(w.nation.id) == 1
    w.nation.close(w.nation, size=2, key=w.nation.root)
    assert w.trust().epoch(w.nation.id) == 2


def test_smaller_of_two_sizes_counts() -> None:
    w = world()
    _leaves(w.county)
    w.city.close(w.county, size=2)
    w.city.close(w.county, size=1)
    closed = w.trust().log(Origin(w.county.id, ZONE, 1)).closed_at
    assert closed is not None and closed[0] == 1


def test_certify_for_a_later_epoch_voids_the_earlier_ones_without_a_closing() -> None:
    w = world()
    w.city.certify(w.county, depth=1, epoch=3)
    trust = w.trust()
    assert trust.epoch(w.county.id) == 3
    assert trust.log(Origin(w.county.id, ZONE, 2)).closed_at == (0, empty_root())


# --- succession -----------------------------------------------------------------------------------------------------------------------------


def test_second_authority_needs_a_succession_from_the_issuer_above_both() -> None:
    # PROTOCOL 6.3, 4.7
    w = world()
    heir = Node("510104")
    w.city.certify(heir)
    record = w.county.publish()
    there = Origin(heir.id, ZONE, 1)
    with pytest.raises(TrustError) as refused:
        trust_of(*w.nodes, heir).order(record.id, w.county.id, there, 0)
    assert (refused.value.kind, refused.value.clause) == ("authority", "6.3")
    w.city.succeed(w.county, heir, size=1)
    trust = trust_of(*w.nodes, heir)
    assert trust.order(record.id, w.county.id, there, 0) == (1, 1, 0)
    here = Origin(w.county.id, ZONE, 1)
    assert trust.order(record.id, w.county.id, here, 0) == (0, 1, 0)
    with pytest.raises(TrustError, match="took over before it"):
        trust.order(record.id, w.county.id, here, 1)
    with pytest.raises(TrustError) as refused:
        trust.at(NOW + 86_400 + 300).order(record.id, w.county.id, here, 0)
    assert refused.value.kind == "ended"


@pytest.mark.parametrize("who", ["county", "heir", "stranger", "sibling"])
def test_succession_by_anybody_else_does_not_count(who: str) -> None:
    w = world()
    heir, sibling, stranger = Node("510104"), Node("510104"), Node("000000")
    w.city.certify(heir)
    w.city.certify(sibling)
    {"county": w.county, "heir": heir, "stranger": stranger, "sibling": sibling}[who].succeed(w.county, heir, size=1)
    trust = trust_of(*w.nodes, heir, sibling, stranger)
    with pytest.raises(TrustError):
        trust.order("urn:terrace:x", w.county.id, Origin(heir.id, ZONE, 1), 0)
    assert "succession" in kinds(trust)


def test_succession_for_one_record_goes_before_one_for_all() -> None:
    w = world()
    one, two = Node("510104"), Node("510104")
    for heir in (one, two):
        w.city.certify(heir)
    record = w.county.publish()
    w.city.succeed(w.county, one, size=1)
    w.city.succeed(w.county, two, size=1, ids=[record.id])
    trust = trust_of(*w.nodes, one, two)
    assert trust.order(record.id, w.county.id, Origin(two.id, ZONE, 1), 0)[0] == 1
    with pytest.raises(TrustError):
        trust.order(record.id, w.county.id, Origin(one.id, ZONE, 1), 0)


def test_two_successions_for_one_record_contradict_each_other() -> None:
    w = world()
    one, two = Node("510104"), Node("510104")
    for heir in (one, two):
        w.city.certify(heir)
        w.city.succeed(w.county, heir, size=1)
    trust = trust_of(*w.nodes, one, two)
    for heir in (one, two):
        with pytest.raises(TrustError):
            trust.order("urn:terrace:x", w.county.id, Origin(heir.id, ZONE, 1), 0)


def test_succession_holds_after_the_predecessor_is_gone() -> None:
    w = world()
    heir = Node("510104")
    w.city.certify(heir)
    w.city.succeed(w.county, heir, size=1)
    w.city.certify(w.county, revoked=True)
    assert trust_of(*w.nodes, heir).order("urn:terrace:x", w.county.id, Origin(heir.id, ZONE, 1), 0) == (1, 1, 0)


def test_circle_of_successions_leads_nowhere() -> None:
    w = world()
    heir = Node("510104")
    w.city.certify(heir)
    w.city.succeed(w.county, heir, size=1)
    w.city.succeed(heir, w.county, size=1)
    trust = trust_of(*w.nodes, heir)
    assert trust.order("urn:terrace:x", w.county.id, Origin(w.county.id, ZONE, 1), 0)[0] == 0
    with pytest.raises(TrustError):
        trust.order("urn:terrace:x", w.nation.id, Origin(heir.id, ZONE, 1), 0)


# --- what goes out --------------------------------------------------------------------------------------------------------------------------


def test_chain_is_enough_for_a_stranger_and_no_more() -> None:
    w = world()
    sibling = Node("510104")
    w.city.certify(sibling)
    w.nation.state_self(witnesses=[w.province.id])
    trust = trust_of(*w.nodes, sibling)
    chain = trust.chain(w.county.id)
    stranger = Trust(chain, anchors=[w.nation.id], zone=ZONE, now=NOW)
    assert stranger.certified(w.county.id) == trust.certified(w.county.id)
    assert stranger.witnesses(w.county.id) == trust.witnesses(w.county.id)
    assert stranger.certifications(sibling.id) == ()
    assert len(chain) == 11


def test_genuine_statements_are_worth_keeping_and_others_are_not() -> None:
    w = world()
    stranger = Node("510107")
    stranger.certify(w.county)
    stranger.close(w.county, size=0)
    stranger.succeed(w.county, w.city, size=0)
    trust = trust_of(*w.nodes, stranger)
    for statement in statements(*w.nodes):
        assert trust.counts(statement.digest)
    for statement in statements(stranger):
        assert not trust.counts(statement.digest)


def test_revocation_is_worth_keeping_though_it_certifies_nobody() -> None:
    """Else whoever gets only the older statement would go on believing it."""
    w = world()
    tokens = [w.city.certify(w.county, revoked=True), w.city.certify(w.county, divisions=["500000"], serial=9)]
    trust = w.trust()
    for token in tokens:
        assert trust.counts(parse_all([token])[0].digest)
    for statement in statements(w.county):
        assert trust.counts(statement.digest)  # it was certified once


WORLD = world()
ALL = WORLD.trust()


@given(st.sets(st.sampled_from([token for node in WORLD.nodes for token in node.tokens])))
def test_withheld_statements_never_certify_a_key_or_a_way_that_all_of_them_do_not(some: set[str]) -> None:
    trust = Trust(parse_all(some), anchors=[WORLD.nation.id], zone=ZONE, now=NOW)
    for node in trust.nodes():
        assert trust.certifications(node) == ALL.certifications(node)


def test_trust_of_many_nodes_is_worked_out_in_seconds() -> None:
    nation = Node("000000")
    provinces = [Node(f"{code}0000", level="province") for code in range(11, 42)]
    cities = [Node(f"{province.division[:2]}{n:02}00", level="city") for province in provinces for n in range(1, 4)]  # type: ignore[index]
    for province in provinces:
        nation.certify(province, depth=3)
    for n, city in enumerate(cities):
        provinces[n // 3].certify(city, depth=2)
    everybody = [nation, *provinces, *cities]
    found = statements(*everybody)
    begun = time.process_time()
    trust = Trust(found, anchors=[nation.id], zone=ZONE, now=NOW)
    cold = time.process_time() - begun
    begun = time.process_time()
    assert trust.extend([], now=NOW + 1).certified(cities[-1].id)
    warm = time.process_time() - begun
    assert len(trust.nodes()) == 125
    assert cold < 3 and warm < 0.5


def test_who_certifies_its_own_superior_gains_nothing_over_what_that_one_certified() -> None:
    """A city certifies its province (a cycle, refused): it must not pass for one that once stood above the province's other subordinates."""
    # PROTOCOL 4.8, 6.3
    w = world()
    sibling = Node("510104")
    w.province.certify(sibling)
    w.city.certify(w.province, level="city", division="510100", divisions=["510100"])
    takeover = w.city.succeed(sibling, w.city, size=0)
    trust = trust_of(*w.nodes, sibling)
    assert kinds(trust) == {"cycle", "succession"}
    assert not trust.counts(parse_all([takeover])[0].digest)
    record = sibling.publish()
    assert trust.order(record.id, sibling.id, sibling.log.origin, record.index) == (0, 1, 0)


def test_root_statement_below_its_threshold_is_refused_and_not_carried_along() -> None:
    # PROTOCOL 6.1
    w = world()
    payload = split_jws(w.county.root_token, TYP)[1]
    first = parse_all([w.county.root_token])[0].body
    assert isinstance(first, NodeStatement)
    keys = [ED25519.generate(), ED25519.generate()]
    claims = node_claims([key.public for key in keys], now=NOW, threshold=2, previous=(first, payload))
    half = [sign(claims, w.county.root), sign(claims, keys[0])]
    trust = w.trust(extra=half)
    digest = parse_all(half)[0].digest
    assert not trust.counts(digest) and {refusal.kind for refusal in trust.refusals if refusal.digest == digest} == {"threshold"}
    whole = w.trust(extra=[*half, sign(claims, keys[1])])
    assert whole.counts(digest)
