"""The leak matrix: every restricted thing × actor × face × format × probe shows the same bytes as if the thing did not exist (hidden content of a record that
shows: as if it had another content). Each cell has a positive control: the officer, who may see the thing, finds it by the same probe.

One site is asked before and after the thing is put into it; before, it is the site where the thing does not exist. Left out by name, as the issue of leaks inside
one zone states: the time of an answer; and, for a hidden field, whose change makes a new version of its record: version, digests and sizes of the manifest.
"""

import re
from collections.abc import Iterator

import pytest

from catalog.ckan.actions import READING
from catalog.drafts import Draft
from node.actors import local_actor
from node.app import create_app, create_peer_app
from node.cli.main import COMMANDS as ALL_COMMANDS
from tests.leaks import probes
from tests.leaks.conftest import ACTORS, FIELDS, Bench, needle_names
from tests.leaks.probes import FIELD, NEEDLE, RECORD, ROWS, Probe

_VERSION = re.compile(rb'[0-9a-f]{64}|"[0-9a-f]{32}"|W/"[^"]+"|(version"?[^0-9<]{1,12}|<dd[^>]*>|#)\d+(?![0-9a-f.])')


def all_web() -> Iterator[Probe]:
    for table in (probes.ROUTES, probes.ACTIONS):
        for each in table.values():
            yield from each


def all_commands() -> Iterator[Probe]:
    for each in probes.COMMANDS.values():
        yield from each


type Answers = dict[tuple[str, str, Probe], bytes]


def ask(bench: Bench) -> Answers:
    """Every probe as every actor."""
    out = {(actor, "web", probe): bench.answer(actor, probe) for actor in (*ACTORS, "officer") for probe in all_web()}
    out |= {(actor, "command", probe): bench.command(actor, probe) for actor in ("agency", "officer") for probe in all_commands()}
    return out


def compare(before: Answers, after: Answers, thing: str) -> None:
    """No restricted actor sees a difference; the officer does, wherever the probe should find the thing."""
    changed = [cell for cell, answer in after.items() if cell[0] != "officer" and answer != before[cell]]
    leaks = [f"{cell[0]} {cell[2].url}\n{difference(before[cell], after[cell])}" for cell in changed]
    assert not leaks, f"{len(leaks)} of {len(after)} cells leak the {thing}:\n" + "\n".join(leaks[:8])
    blind = [probe.url for (actor, _, probe), answer in after.items() if actor == "officer" and thing in probe.finds and answer == before[actor, _, probe]]
    assert not blind, f"probes that cannot find the {thing} even where it may be seen: {blind}"


def difference(before: bytes, after: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    return f"  before …{before[max(at - 60, 0) : at + 100]!r}\n  after  …{after[max(at - 60, 0) : at + 100]!r}"


def test_a_hidden_record_looks_absent_to_every_probe(bench: Bench) -> None:
    actor = local_actor(bench.site.identity)
    fields = {**FIELDS, "title": {"zh": NEEDLE, "en": NEEDLE}, "theme": ["administration"], "kind": "dataset", "provider": {"name": {"en": NEEDLE}}, "keywords": {"en": [NEEDLE]}, "items": [{"name": "a", "type": "text"}]}
    with bench.site.store.write() as tx:
        urn = bench.site.writer.add_draft(tx, Draft(fields, secrecy="public"), actor)
    bench.names.values |= needle_names(urn)
    before = ask(bench)
    with bench.site.store.write() as tx:
        from catalog.rows import Column, RowChanges

        change = RowChanges(columns=(Column("a", "text", nullable=False),), key=("a",), puts=[{"a": NEEDLE}])
        bench.site.writer.edit(tx, urn, {"resources.rows": {"title": {"en": "Table"}, "kind": "database", "rows": True, "key": ["a"], "format": "csv"}}, actor)
        bench.site.writer.put_rows(tx, urn, "", change, actor)
        bench.site.writer.publish(tx, urn, actor)
    compare(before, ask(bench), RECORD)


def test_hidden_columns_rows_and_what_masks_cover_change_nothing(bench: Bench) -> None:
    bench.names.values |= needle_names("urn:terrace:00000000-0000-8000-8000-000000000000")
    before = ask(bench)
    from catalog.rows import RowChanges

    urn = f"urn:terrace:{bench.names.values['lid'].removesuffix('-rows')}"
    changed = {"licence_number": "C-1", "mineral": "煤", "holder": bench.names.values["masked"], "reserves": bench.names.values["hidden"], "status": "active"}
    hidden = {"licence_number": "C-9", "mineral": "金", "holder": "赵某", "reserves": "5", "status": "secret"}
    with bench.site.store.write() as tx:
        bench.site.writer.put_rows(tx, urn, "", RowChanges(puts=[changed, hidden]), local_actor(bench.site.identity))
    compare(before, ask(bench), ROWS)


def test_a_hidden_field_may_hold_anything(bench: Bench) -> None:
    bench.names.values |= needle_names("urn:terrace:00000000-0000-8000-8000-000000000000")
    actor = local_actor(bench.site.identity)
    before = ask(bench)
    with bench.site.store.write() as tx:
        urn = bench.names.values["field_urn"]
        bench.site.writer.edit(tx, urn, {"summary": {"zh": "新", "en": f"made from the {bench.names.values['field_word']}"}}, actor)
        bench.site.writer.publish(tx, urn, actor)
    after = ask(bench)
    alike = {cell: _VERSION.sub(b"<version>", answer) for cell, answer in after.items()}
    compare({cell: _VERSION.sub(b"<version>", answer) for cell, answer in before.items()}, alike, FIELD)


def test_every_route_action_and_command_is_probed(bench: Bench) -> None:
    routes = {rule.endpoint for rule in create_app(bench.site).url_map.iter_rules()} - {"ckan.action"}
    assert routes == set(probes.ROUTES) | set(probes.BLIND), "a route that is listed nowhere: give it probes, or say why it is blind"
    assert {rule.endpoint for rule in create_peer_app(bench.site).url_map.iter_rules()} == probes.PEER
    assert set(READING) == set(probes.ACTIONS) | set(probes.ACTIONS_BLIND)
    assert set(ALL_COMMANDS) == set(probes.COMMANDS) | set(probes.COMMANDS_BLIND)


@pytest.mark.parametrize("thing", [RECORD, ROWS, FIELD])
def test_there_is_a_way_to_find_each_thing(thing: str) -> None:
    assert sum(thing in probe.finds for probe in (*all_web(), *all_commands())) >= 5
