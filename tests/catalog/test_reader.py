"""The read path: what is hidden is absent, what is denied says why, what is counted is visible; on both engines."""

import dataclasses
import json
import threading
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from catalog.attributes import iso
from catalog.errors import DeniedError, FilterError, NotFoundError
from catalog.filters import And, AnyText, Compare, Like, Not, Or
from catalog.queries import RecordQuery, RowQuery
from catalog.store import Store
from catalog.tables import audit, grant
from policies.actor import PUBLIC, acting
from policies.errors import ActorUnsetError
from tests.catalog.worlds import AGENCY, OPEN, STAFF, World


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    made = World(store, tmp_path / "policies")
    made.rule(OPEN)
    return made


def test_what_is_published_is_found_at_once_without_any_job(world: World) -> None:
    done = world.publish()
    page = world.reader.records(PUBLIC, RecordQuery(text="国土", facets=["theme", "org"]))
    assert (page.total, [view.id for view in page.items]) == (1, [done.id])
    assert page.facets["theme"] == [("land", 1)]
    for name in (done.id, done.slug, done.id.removeprefix("urn:terrace:")):
        view = world.reader.record(PUBLIC, name)
        assert view.id == done.id and view.title("en") == "Land survey parcels of Wuhou"
        assert view.may == {"discover", "read", "data", "files"}
        assert view.provenance.manifest_hash == done.manifest_hash
    assert world.reader.alarms == 0


def test_nobody_reads_without_an_actor(world: World) -> None:
    done = world.publish()
    with pytest.raises(ActorUnsetError):
        world.reader.record(None, done.id)
    with acting(PUBLIC):
        assert world.reader.record(None, done.id).id == done.id


def test_without_a_policy_nothing_is_shown(store: Store, tmp_path: Path) -> None:
    bare = World(store, tmp_path / "policies")
    done = bare.publish()
    assert bare.reader.records(STAFF, RecordQuery()).total == 0
    with pytest.raises(NotFoundError):
        bare.reader.record(STAFF, done.id)


def _answer(world: World, name: str) -> str:
    with pytest.raises(NotFoundError) as refused:
        world.reader.record(PUBLIC, name)
    error = refused.value
    return json.dumps([type(error).__name__, error.kind, error.zh, error.en, repr(error.args), sorted(vars(error))])


def test_a_hidden_record_gives_the_same_answer_as_a_missing_one(world: World) -> None:
    hidden = world.publish(secrecy="internal")
    assert world.reader.record(STAFF, hidden.id).id == hidden.id  # the control: it is there
    missing = hidden.id[:-4] + ("0000" if not hidden.id.endswith("0000") else "1111")
    assert _answer(world, hidden.id) == _answer(world, missing)
    assert _answer(world, hidden.slug) == _answer(world, "no-such-record-000000")
    for verb in (
        lambda name: world.reader.rows(PUBLIC, name, RowQuery()),
        lambda name: world.reader.columns(PUBLIC, name),
        lambda name: world.reader.row(PUBLIC, name, "1"),
        lambda name: world.reader.object(PUBLIC, name, "data"),
        lambda name: world.reader.extent(PUBLIC, name),
        lambda name: world.reader.count(PUBLIC, name),
    ):
        answers = []
        for name in (hidden.id, missing):
            with pytest.raises(NotFoundError) as refused:
                verb(name)
            answers.append(str(refused.value))
        assert answers[0] == answers[1]


def test_hidden_records_are_in_no_page_count_facet_suggestion_or_organisation(world: World) -> None:
    world.publish(secrecy="internal", title={"zh": "秘密调查", "en": "Hidden survey"}, theme=["farmland"], provider={"name": {"zh": "某单位"}, "code": None})
    shown = world.publish()
    page = world.reader.records(PUBLIC, RecordQuery(facets=["theme", "kind", "org"]))
    assert (page.total, [view.id for view in page.items]) == (1, [shown.id])
    assert page.facets == {"theme": [("land", 1)], "kind": [("dataset", 1)], "org": [("11510107MB1234567Q", 1)]}
    assert world.reader.records(PUBLIC, RecordQuery(text="秘密")).total == 0
    assert world.reader.suggest(PUBLIC, "Hidden") == [] and [view.id for view in world.reader.suggest(PUBLIC, "Land")] == [shown.id]
    assert [(each.key, each.count) for each in world.reader.organisations(PUBLIC)] == [("11510107MB1234567Q", 1)]
    assert world.reader.records(STAFF, RecordQuery(facets=["theme"])).facets["theme"] == [("farmland", 1), ("land", 1)]
    assert len(world.reader.organisations(STAFF)) == 2


def test_discover_alone_shows_the_card_and_says_why_not_more(world: World) -> None:
    closed = world.publish(opening={"open": False}, summary={"zh": "只有职员可读的摘要"})
    view = world.reader.record(PUBLIC, closed.id)
    assert view.may == {"discover"}
    assert set(view.fields) == {"title", "keywords", "provider", "sharing", "opening", "kind", "theme", "territory", "update_cycle", "grade", "issued"}
    assert {"summary", "contact_phone", "responsible_person", "license"} <= set(view.withheld)
    assert not any(name.startswith("resources.") for name in view.withheld)
    assert world.reader.records(PUBLIC, RecordQuery(text="职员可读")).total == 0  # the summary is not searched for them
    assert world.reader.records(STAFF, RecordQuery(text="职员可读")).total == 1
    assert world.reader.records(PUBLIC, RecordQuery(bbox=(103, 30, 105, 31))).total == 0
    with pytest.raises(DeniedError) as refused:
        world.reader.rows(PUBLIC, closed.id, RowQuery())
    assert refused.value.action == "data"


def test_fields_are_hidden_and_masked(world: World) -> None:
    world.rule(
        OPEN
        + """\
- rule: persons
  constrain: read
  unless: actor.roles has any of clerk, officer
  then: {hide: [contact_phone], mask: {responsible_person: surname}}
  because: {zh: 个人信息, en: personal}
"""
    )
    done = world.publish()
    view = world.reader.record(PUBLIC, done.id)
    assert "contact_phone" not in view.fields and "contact_phone" in view.withheld
    assert view.fields["responsible_person"] == "张**"
    assert [(reason["rule"], reason["effect"]) for reason in view.reasons] == [("open/persons", "constrain")]
    assert "files" not in view.may  # LANGUAGE 17
    whole = world.reader.record(STAFF, done.id)
    assert whole.fields["contact_phone"] == "028-12345678" and whole.withheld == () and whole.reasons == []


def test_names_are_those_of_what_may_be_discovered(world: World) -> None:
    shown = [world.publish().slug for _ in range(3)]
    hidden = world.publish(secrecy="internal")
    assert world.reader.names(PUBLIC) == sorted(shown)
    assert world.reader.names(STAFF) == sorted([*shown, hidden.slug])
    with world.store.write() as tx:
        world.writer.withdraw(tx, hidden.id, "test", STAFF_WRITER)
    assert world.reader.names(STAFF) == sorted(shown)


def test_texts_that_are_compared_one_by_one_are_read_once_and_bounded(world: World) -> None:
    one, two = world.publish(title={"en": "alpha"}), world.publish(title={"en": "beta"})
    parts = [*(Like("title", f"%x{n}%") for n in range(18)), Like("title", "alp%"), Compare("title", "=", "beta")]
    assert world.ids(PUBLIC, condition=Or(tuple(parts))) == {one.id, two.id}
    assert world.ids(PUBLIC, condition=And((Not(parts[0]), parts[-1], parts[-1]))) == {two.id}
    with pytest.raises(FilterError, match="at most 20 filters that compare texts") as refused:
        world.ids(PUBLIC, condition=Or((*parts, Like("title", "%y%"))))
    assert "逐条比较" in refused.value.zh


def test_conditions_filter_only_what_is_disclosed(world: World) -> None:
    shown = world.publish()
    closed = world.publish(opening={"open": False}, title={"zh": "矿业权", "en": "Mining rights"}, summary={"en": "only for staff"})

    def found(condition: object) -> set[str]:
        return world.ids(PUBLIC, condition=condition)

    assert found(Compare("kind", "=", "dataset")) == {shown.id, closed.id}
    assert found(Like("title", "%survey%")) == {shown.id}
    assert found(Not(Like("title", "%survey%"))) == {closed.id}
    assert found(Like("title", "mining%", fold=True)) == {closed.id}
    assert found(Or((Compare("opening", "=", "closed"), AnyText("parcels")))) == {shown.id, closed.id}
    assert found(And((Compare("opening", "=", "closed"), AnyText("parcels")))) == set()
    assert found(Like("summary", "%staff%")) == set()  # not disclosed: neither true
    assert found(Not(Like("summary", "%staff%"))) == {shown.id}  # nor false
    assert world.ids(STAFF, condition=Like("summary", "%staff%")) == {closed.id}


def test_ids_uuids_and_slugs_select_records(world: World) -> None:
    first, second, _ = world.publish(), world.publish(), world.publish()
    assert world.ids(PUBLIC, ids=[first.id, second.slug, "unknown-slug"]) == {first.id, second.id}
    assert world.ids(PUBLIC, ids=[first.id.removeprefix("urn:terrace:")]) == {first.id}
    assert world.ids(PUBLIC, ids=[]) == set()


def test_pages_go_on_by_offset_and_by_docno(world: World) -> None:
    made = [world.publish().id for _ in range(7)]
    seen: list[str] = []
    after: int | None = None
    while True:
        page = world.reader.records(PUBLIC, RecordQuery(sort="docno", limit=3, after=after))
        seen += [view.id for view in page.items]
        if page.next_after is None:
            break
        after = page.next_after
    assert seen == made
    assert world.reader.records(PUBLIC, RecordQuery(limit=3)).next == 3
    assert world.reader.records(PUBLIC, RecordQuery(limit=3, offset=6)).next is None


def test_a_withdrawn_record_is_gone_and_an_edited_one_changes(world: World) -> None:
    done = world.publish()
    world.reader.records(PUBLIC, RecordQuery())
    with world.store.write() as tx:
        world.writer.edit(tx, done.id, {"title": {"zh": "新名", "en": "New name"}}, STAFF_WRITER)
        world.writer.publish(tx, done.id, STAFF_WRITER)
    assert [view.title("en") for view in world.reader.records(PUBLIC, RecordQuery(text="新名")).items] == ["New name"]
    assert world.reader.records(PUBLIC, RecordQuery(text="国土")).total == 1  # still in the summary
    with world.store.write() as tx:
        world.writer.withdraw(tx, done.id, "old", STAFF_WRITER)
    assert world.reader.records(PUBLIC, RecordQuery()).total == 0
    with pytest.raises(NotFoundError):
        world.reader.record(PUBLIC, done.id)


STAFF_WRITER = dataclasses.replace(STAFF, roles=frozenset({"clerk", "officer"}))

GRANTS = (
    OPEN
    + """\
- rule: conditional-needs-a-grant
  allow: data
  who: actor.kind is agency
  what: [record.sharing is conditional, record is granted to actor]
  because: {zh: 凭授权, en: by grant}
"""
)


def _grant(world: World, id: str, *, node: str = "env-510100", purpose: str = "survey", begins: int = 0, ends: int = 2_000_000_000) -> None:
    with world.store.write() as tx:
        tx.conn.execute(insert(grant).values(record=id, node=node, person=None, purpose=purpose, begins=begins, ends=ends, state="active"))
        tx.bump("grant")


def test_a_grant_opens_one_record_for_one_purpose_until_it_ends(world: World) -> None:
    world.rule(GRANTS)
    terms = {"sharing": {"type": "conditional", "conditions": {"zh": "须申请", "en": "on application"}, "method": "platform"}, "opening": {"open": False}}
    granted, other = world.publish(secrecy="internal", **terms), world.publish(secrecy="internal", **terms)
    assert world.ids(AGENCY) == set()
    _grant(world, granted.id, ends=world.now[0] + 100)
    _grant(world, other.id, purpose="tourism")
    assert world.ids(AGENCY) == {granted.id}
    assert "data" in world.reader.record(AGENCY, granted.id).may
    with pytest.raises(NotFoundError):
        world.reader.record(AGENCY, other.id)
    assert world.ids(dataclasses.replace(AGENCY, purpose=None)) == set()
    assert world.ids(dataclasses.replace(AGENCY, node="n-other")) == set()
    with pytest.raises(NotFoundError):  # it has no rows; the decision itself was noted before the answer
        world.reader.rows(AGENCY, granted.id, RowQuery())
    with world.store.read() as conn:
        assert [json.loads(text) for text in conn.execute(select(audit.c.detail).where(audit.c.event == "read.rows")).scalars()] == [
            {"grant": True, "purpose": "survey"}
        ]
    world.now[0] += 100
    assert world.ids(AGENCY) == set()
    assert world.reader.alarms == 0


def test_terms_and_embargo_follow_the_clock_without_any_job(world: World) -> None:
    world.rule(
        OPEN
        + """\
- rule: protection
  deny: data
  unless: record.embargo has passed
  what: record.embargo is stated
  because: {zh: 保护期, en: protection period}
"""
    )
    moment = world.now[0] + 1000
    ending = world.publish(terms={"until": iso(moment), "onward": True})
    protected = world.publish(protected_until=iso(moment + 8 * 3600 + 86_400)[:10])
    for _ in range(2):
        assert world.ids(PUBLIC) == {ending.id, protected.id}
        assert "data" not in world.reader.record(PUBLIC, protected.id).may
        world.now[0] = moment - 1
    world.now[0] = moment
    assert world.ids(PUBLIC) == {protected.id}
    world.now[0] = moment + 2 * 86_400
    assert "data" in world.reader.record(PUBLIC, protected.id).may
    assert world.reader.alarms == 0


def test_each_read_leaves_one_line_within_the_flush(world: World) -> None:
    done = world.publish()
    world.reader.record(PUBLIC, done.id)
    world.reader.records(STAFF, RecordQuery(text="土地"))
    with pytest.raises(NotFoundError):
        world.reader.record(PUBLIC, "nothing-here")
    world.audit.close()
    with world.store.read() as conn:
        lines = conn.execute(
            select(audit.c.event, audit.c.actor, audit.c.record, audit.c.outcome).where(audit.c.event.like("read.%")).order_by(audit.c.seq)
        ).all()
    assert [tuple(line) for line in lines] == [
        ("read.record", "public", done.id, "permitted"),
        ("read.records", f"person:li@{STAFF.node}", None, "permitted"),
        ("read.record", "public", None, "denied"),
    ]


def test_a_request_on_an_older_snapshot_takes_no_due_moment_away_from_others(world: World) -> None:
    world.rule(
        OPEN
        + """\
- rule: old
  deny: discover
  what: record.issued has passed
  because: {zh: 过期, en: old}
"""
    )
    edge = 1_803_916_800  # 2027-03-02 at UTC+8
    world.now[0] = edge - 100
    assert world.ids(PUBLIC) == set()
    published: list[str] = []

    def elsewhere() -> None:
        published.append(world.publish(issued="2027-03-02").id)
        assert world.ids(PUBLIC) == set(published)

    with world.store.sharing():
        assert world.ids(PUBLIC) == set()
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
        world.now[0] = edge + 1
        assert world.ids(PUBLIC) == set()
    assert world.reader.records(PUBLIC, RecordQuery()).total == 0
    assert world.reader.names(PUBLIC) == []
    assert world.reader.alarms == 0


def test_the_audit_line_of_a_search_is_short_whatever_was_asked(world: World) -> None:
    world.reader.records(PUBLIC, RecordQuery(text="x" * 100_000))
    world.audit.flush()
    with world.store.read() as conn:
        (told,) = [json.loads(text) for text in conn.execute(select(audit.c.detail).where(audit.c.event == "read.records")).scalars()]
    assert told["text"] == "x" * 200
