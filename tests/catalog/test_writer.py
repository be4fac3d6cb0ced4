"""The write path: drafts, publishing, withdrawing, what peers sent; on both engines."""

import dataclasses
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select

from catalog.audit import verify_chain
from catalog.drafts import load_draft
from catalog.errors import ConflictError, DeniedError, NotFoundError, PublishError
from catalog.manifest import check_disclosures, parse
from catalog.manifest_making import Built, build
from catalog.naming import Wanted, claim_slugs
from catalog.store import State, Store, open_store
from catalog.tables import audit, change, draft, gone, record, record_term, slug, version
from catalog.writer import Draft, ReceivedRecord, Writer
from policies.actor import PUBLIC
from tests.catalog.conftest import OFFICER, PEER, SITE, complete_fields, publish


@pytest.fixture
def writer() -> Writer:
    return Writer(SITE)


def _records(store: Store) -> list[Any]:
    with store.read() as conn:
        return list(conn.execute(select(record).order_by(record.c.docno)))


def test_publish_shows_the_record_with_its_proofs(store: Store, writer: Writer) -> None:
    done = publish(store, writer)
    (row,) = _records(store)
    assert (row.id, row.slug, row.docno, row.version, row.origin) == (done.id, done.slug, 1, 1, "own")
    assert done.slug.startswith("land-survey-parcels-of-wuhou-")
    manifest = parse(row.manifest)
    with store.read() as conn:
        kept = conn.execute(select(version)).one()
        assert kept.position == 1 and bytes(kept.manifest_hash) == manifest.hash == done.manifest_hash
        proved = check_disclosures(manifest, orjson.loads(kept.disclosures).values())
        assert {name: value for name, value in proved.items() if value is not None} == orjson.loads(row.fields)
        assert proved["title"] == {"zh": "武侯区国土调查地块", "en": "Land survey parcels of Wuhou"}
        assert proved["lineage"] is None  # disclosed as absent (PROTOCOL 2.3)
        assert {(term.attribute, term.value) for term in conn.execute(select(record_term))} == {("theme", "land"), ("territory", "510107")}
        step = conn.execute(select(change)).one()
        assert (step.position, step.what, step.id, bytes(step.manifest_hash), step.own) == (1, "record", done.id, done.manifest_hash, 1)
        assert conn.execute(select(draft)).all() == []
        assert list(conn.execute(select(audit.c.event)).scalars()) == ["record.draft", "record.publish"]
        assert verify_chain(conn).bad is None


def test_what_policies_compare_is_in_the_columns(store: Store, writer: Writer) -> None:
    publish(
        store,
        writer,
        secrecy="internal",
        terms={"audience": {"divisions": ["510000"]}, "until": "2030-01-01T00:00:00Z", "onward": False},
        protected_until="2030-01-01",
        issued="2020-02-03",
    )
    (row,) = _records(store)
    assert (row.kind, row.profile, row.sharing, row.opening, row.division) == ("dataset", "core", "unconditional", "open", "510107")
    assert (row.secrecy, row.grade, row.level, row.onward) == (1, 0, 1, 0)
    assert row.embargo == 1893427200  # midnight at UTC+8
    assert row.terms_until == 1893456000
    assert (row.year, row.org, row.formats) == (2020, "11510107MB1234567Q", "geojson")
    assert (row.n_theme, row.n_territory, row.n_audience, row.n_audience_nodes, row.n_purposes) == (1, 1, 1, 0, None)
    assert (row.west, row.south, row.east, row.north) == (103.9, 30.5, 104.1, 30.7)


def test_publish_names_everything_that_is_missing_in_both_languages(store: Store, writer: Writer) -> None:
    with store.write() as tx:
        id = writer.add_draft(tx, Draft({"title": {"zh": "只有名称"}}), OFFICER)
    with pytest.raises(PublishError) as refused, store.write() as tx:
        writer.publish(tx, id, OFFICER)
    missing = {problem["field"] for problem in refused.value.problems}
    assert {"summary", "provider", "sharing", "opening", "update_cycle", "grade", "impact_assessment", "approval", "secrecy", "category"} <= missing
    assert all(problem["zh"] and problem["en"] for problem in refused.value.problems)
    assert _records(store) == []


def test_a_site_refuses_what_is_too_secret_for_it(store: Store, writer: Writer) -> None:
    with pytest.raises(PublishError, match="nothing above internal"):
        publish(store, writer, secrecy="secret")


def test_a_national_code_is_assigned_once_and_tells_no_order(store: Store, writer: Writer) -> None:
    codes = []
    for _ in range(5):
        publish(store, writer)
    for row in _records(store):
        category, _, number = orjson.loads(row.fields)["code"].partition("/")
        assert category == "3070115" and len(number) == 8
        codes.append(int(number))
    assert len(set(codes)) == 5 and codes != sorted(codes)


def test_edit_makes_a_new_version_and_keeps_the_name(store: Store, writer: Writer) -> None:
    done = publish(store, writer)
    with store.write() as tx:
        writer.edit(tx, done.id, {"title": {"zh": "改名", "en": "Renamed"}, "contact_phone": None, "secrecy": "internal"}, OFFICER)
        again = writer.publish(tx, done.id, OFFICER)
    (row,) = _records(store)
    assert (again.version, again.slug, row.docno, row.secrecy) == (2, done.slug, 2, 1)
    fields = orjson.loads(row.fields)
    assert fields["title"]["en"] == "Renamed" and "contact_phone" not in fields
    with store.read() as conn:
        assert [tuple(each) for each in conn.execute(select(gone))] == [(2, 1)]
        assert conn.execute(select(func.count()).select_from(version)).scalar() == 2
        first = conn.execute(select(version).where(version.c.n == 1)).one()
        assert "改名" not in first.disclosures  # a version never changes
        assert set(conn.execute(select(record_term.c.docno)).scalars()) == {2}


def test_publishing_the_same_again_makes_no_version(store: Store, writer: Writer) -> None:
    done = publish(store, writer)
    with store.write() as tx:
        writer.edit(tx, done.id, {"title": {"zh": "武侯区国土调查地块", "en": "Land survey parcels of Wuhou"}}, OFFICER)
        again = writer.publish(tx, done.id, OFFICER)
    assert not again.changed and again.version == 1
    with store.read() as conn:
        assert State.read(conn).position == 1
        assert conn.execute(select(draft)).all() == []


def test_two_versions_in_one_transaction(store: Store, writer: Writer) -> None:
    with store.write() as tx:
        id = writer.add_draft(tx, Draft(complete_fields(), secrecy="public"), OFFICER)
        writer.publish(tx, id, OFFICER)
        writer.edit(tx, id, {"title": {"en": "Second"}}, OFFICER)
        assert writer.publish(tx, id, OFFICER).version == 2
    (row,) = _records(store)
    assert (row.docno, row.version) == (2, 2)
    with store.read() as conn:
        assert list(conn.execute(select(version.c.position).order_by(version.c.n)).scalars()) == [1, 2]


def test_withdraw_leaves_a_tombstone_and_the_name_is_never_given_again(store: Store, writer: Writer) -> None:
    with store.write() as tx:
        id = writer.add_draft(tx, Draft(complete_fields(), secrecy="public", slug="wuhou-parcels"), OFFICER)
        writer.publish(tx, id, OFFICER)
    with store.write() as tx:
        writer.withdraw(tx, id, "replaced by the new survey", OFFICER)
    assert _records(store) == []
    with store.read() as conn:
        last = conn.execute(select(version).order_by(version.c.n.desc())).first()
        assert last is not None and parse(last.manifest).is_tombstone and last.note == "replaced by the new survey"
        step = conn.execute(select(change).order_by(change.c.position.desc())).first()
        assert step is not None and (step.what, bytes(step.manifest_hash), step.own) == ("remove", bytes(last.manifest_hash), 1)
        assert list(conn.execute(select(gone.c.docno)).scalars()) == [1]
    with pytest.raises(NotFoundError), store.write() as tx:
        writer.withdraw(tx, id, "again", OFFICER)
    with pytest.raises(ConflictError, match="taken"), store.write() as tx:
        other = writer.add_draft(tx, Draft(complete_fields(), secrecy="public", slug="wuhou-parcels"), OFFICER)
        writer.publish(tx, other, OFFICER)
    with store.write() as tx:  # undelete is a later version of the authority
        writer.edit(tx, id, {"quality": {"zh": "已复核"}}, OFFICER)
        assert writer.publish(tx, id, OFFICER).version == 3
    assert _records(store)[0].slug == "wuhou-parcels"


def test_names_tell_nothing_of_other_records(store: Store, writer: Writer) -> None:
    first, second = publish(store, writer), publish(store, writer)
    assert first.slug != second.slug
    assert len(first.slug) == len(second.slug)  # no suffix because another one was there


def test_many_are_published_each_by_itself(store: Store, writer: Writer) -> None:
    before = publish(store, writer)
    with store.write() as tx:
        waiting = writer.add_draft(tx, Draft(complete_fields(title={"en": "Waiting"}), secrecy="public"), OFFICER)
        writer.edit(tx, before.id, {"title": {"zh": "武侯区国土调查地块", "en": "Land survey parcels of Wuhou"}}, OFFICER)
        what: list[str | Draft] = [
            Draft(complete_fields(), secrecy="public", slug="first-name"),
            Draft(complete_fields(summary=None), secrecy="public"),
            waiting,
            Draft(complete_fields(), secrecy="public", slug="first-name"),
            "urn:terrace:none",
            Draft(complete_fields(), secrecy="public", slug="Bad Name!"),
            before.id,
            Draft({**complete_fields(), "Bad name": 1}, secrecy="public"),
            Draft(complete_fields(), secrecy="public"),
        ]
        done = writer.publish_all(tx, what, OFFICER, "bulk")
    errors = [type(attempt.error) for attempt in done]
    assert errors == [type(None), PublishError, type(None), ConflictError, NotFoundError, ConflictError, type(None), ConflictError, type(None)]
    first, _, second, _, _, _, same, nothing, last = done
    assert first.published and first.published.slug == "first-name" and second.id == waiting and nothing.id is None
    assert same.published and not same.published.changed and last.published
    assert [row.id for row in _records(store)] == [before.id, first.id, second.id, last.id]  # positions in the order given
    codes = [orjson.loads(row.fields)["code"] for row in _records(store)]
    assert len(set(codes)) == 4 and all(code.startswith("3070115/") for code in codes)
    with store.read() as conn:
        assert set(conn.execute(select(draft.c.id)).scalars()) == {done[1].id, done[3].id, done[5].id}  # what is refused stays a draft
        kept = load_draft(conn, SITE, str(done[1].id))
        assert kept and "code" not in kept.fields and "issued" not in kept.fields  # as it was given
        assert list(conn.execute(select(change.c.position).order_by(change.c.position)).scalars()) == [1, 2, 3, 4]
        assert set(conn.execute(select(version.c.note).where(version.c.position > 1)).scalars()) == {"bulk"}
        assert conn.execute(select(func.count()).select_from(slug)).scalar_one() == 4
        published = conn.execute(select(audit.c.record).where(audit.c.event == "record.publish").order_by(audit.c.seq)).scalars()
        assert list(published) == [before.id, first.id, second.id, last.id]
        assert verify_chain(conn).bad is None


def test_no_two_records_of_one_transaction_get_one_name(store: Store, writer: Writer) -> None:
    ids = ["urn:terrace:01234567-89ab-8def-8123-456789abcdef", "urn:terrace:01234567-89ab-8def-8123-456789abcd00"]
    with store.write() as tx:
        names = claim_slugs(tx, [Wanted(id, None, {"en": "A lake"}, None) for id in ids])
        assert names == {ids[0]: "a-lake-012345", ids[1]: "a-lake-012345-0123456789ab8def8123456789abcd00"}
        assert claim_slugs(tx, [Wanted(ids[0], "other", None, None)]) == {ids[0]: "a-lake-012345"}  # kept for ever
        assert isinstance(claim_slugs(tx, [Wanted("urn:x", "a-lake-012345", None, None)])["urn:x"], ConflictError)


def test_who_has_no_role_writes_nothing(store: Store, writer: Writer) -> None:
    clerk = dataclasses.replace(OFFICER, roles=frozenset({"clerk"}))
    with pytest.raises(DeniedError), store.write() as tx:
        writer.add_draft(tx, Draft(complete_fields()), PUBLIC)
    with store.write() as tx:
        id = writer.add_draft(tx, Draft(complete_fields(), secrecy="public"), clerk)
    with pytest.raises(DeniedError), store.write() as tx:
        writer.publish(tx, id, clerk)
    with store.read() as conn:
        assert load_draft(conn, SITE, id)


def _received(fields: dict[str, Any], *, version: int = 1, known: Built | None = None, disclosed: set[str] | None = None) -> ReceivedRecord:
    from catalog.ids import mint_id

    nonce = b"n" * 16
    built = known or build(
        fields, id=mint_id(PEER, nonce), birth=(PEER, nonce), profile="core/1", secrecy="public", terms=None, time="2026-11-01T00:00:00Z",
        version=version, zone="business", authority=PEER,
    )  # fmt: skip
    everything = {name: orjson.loads(text)[2] for name, text in built.disclosures.items()}
    return ReceivedRecord(
        manifest=built.manifest.decode(), manifest_hash=built.hash,
        fields={name: value for name, value in everything.items() if disclosed is None or name in disclosed},
        source=PEER, level="city", division="510100", log=f"terrace/1/{PEER}/business/1", epoch=1, index=7, proof="signed", path=(PEER,),
    )  # fmt: skip


def test_a_received_record_shows_what_was_disclosed_and_knows_what_was_withheld(store: Store, writer: Writer) -> None:
    received = _received(complete_fields(), disclosed={"title", "sharing", "lineage"})
    with store.write() as tx:
        assert writer.show_received(tx, [received])
    (row,) = _records(store)
    assert (row.origin, row.source, row.level, row.division, row.n_territory) == ("received", PEER, 2, "510100", None)
    assert set(orjson.loads(row.fields)) == {"title", "sharing"}
    withheld = set(orjson.loads(row.withheld))
    assert "summary" in withheld and "lineage" not in withheld  # lineage is disclosed as absent
    assert orjson.loads(row.path) == [PEER]
    with store.read() as conn:
        assert conn.execute(select(change.c.own)).scalar() == 0


def test_the_same_received_again_takes_no_position_but_its_proof_moves(store: Store, writer: Writer) -> None:
    received = _received(complete_fields())
    with store.write() as tx:
        writer.show_received(tx, [received])
    with store.write() as tx:
        assert not writer.show_received(tx, [dataclasses.replace(received, proof="cosigned")])
    (row,) = _records(store)
    assert (row.docno, row.proof) == (1, "cosigned")
    with store.write() as tx:
        writer.mark_proved(tx, "x", 9, [(row.id, b"?" * 32, 9)])
    assert _records(store)[0].epoch == 1


def test_only_its_authority_changes_a_record(store: Store, writer: Writer) -> None:
    received = _received(complete_fields())
    with store.write() as tx:
        writer.show_received(tx, [received])
    for act in (lambda tx: writer.edit(tx, received.id, {"title": None}, OFFICER), lambda tx: writer.withdraw(tx, received.id, "no", OFFICER)):
        with pytest.raises((ConflictError, NotFoundError)), store.write() as tx:
            act(tx)
    own = publish(store, writer)
    with store.write() as tx:
        assert not writer.unshow(tx, {own.id: True})
        assert writer.unshow(tx, {received.id: True})
        assert not writer.unshow(tx, {received.id: True})
    assert [row.id for row in _records(store)] == [own.id]


def test_an_interrupted_publish_leaves_the_draft_and_nothing_else(store: Store, writer: Writer) -> None:
    with store.write() as tx:
        id = writer.add_draft(tx, Draft(complete_fields(), secrecy="public"), OFFICER)
    with pytest.raises(KeyboardInterrupt), store.write() as tx:
        writer.publish(tx, id, OFFICER)
        raise KeyboardInterrupt
    with store.read() as conn:
        assert conn.execute(select(slug)).all() == [] and conn.execute(select(version)).all() == []
        assert load_draft(conn, SITE, id)


def _publish_for_ever(url: str, folder: str) -> None:
    store, writer = open_store(url, data_dir=Path(folder)), Writer(SITE)
    while True:
        with store.write() as tx:
            id = writer.add_draft(tx, Draft(complete_fields(), secrecy="public"), OFFICER)
            writer.publish(tx, id, OFFICER)
            writer.edit(tx, id, {"quality": {"zh": "好"}}, OFFICER)
            writer.publish(tx, id, OFFICER)


def test_kill_nine_in_the_middle_of_publish_leaves_nothing_half_done(store: Store, database_url: str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    kills = 0
    for round_ in range(4):
        process = context.Process(target=_publish_for_ever, args=(database_url, str(tmp_path)))
        process.start()
        before = store.position()
        deadline = time.monotonic() + 20
        while store.position() < before + 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.003 * round_)
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        kills += 1
        with store.read() as conn:
            position = State.read(conn).position
            assert position > before and position % 2 == 0
            assert list(conn.execute(select(change.c.position).order_by(change.c.position)).scalars()) == list(range(1, position + 1))
            shown = conn.execute(select(func.count()).select_from(record)).scalar_one()
            assert conn.execute(select(func.count()).select_from(version)).scalar_one() == 2 * shown == position
            assert conn.execute(select(func.count()).select_from(slug)).scalar_one() == shown
            assert conn.execute(select(draft)).all() == []
            assert set(conn.execute(select(record.c.version)).scalars()) == {2}
            assert verify_chain(conn).bad is None
    assert kills == 4
    publish(store, Writer(SITE))  # and writing goes on
