"""Batches (PROTOCOL 4): one pure step from state to state, or one refusal that leaves the state as it was."""

import dataclasses
import secrets
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.canonical import JSON, b64, dumps, loads
from policies.errors import TerraceError
from sync import batch as batches
from sync.errors import BatchError, ConflictError, HaltError, NoteError, SyncError
from sync.rows import make_head, parse_head, row_leaf, rows_root
from tests.sync.world import NAMES, NOW, ONWARD, Log, Node, Receiver, Record, Sender, World, statements, trust_of, world


class Pair:
    """Wuhou gives its records to Chengdu."""

    def __init__(self) -> None:
        self.w: World = world()
        self.sender = Sender(self.w.county, self.w.city)
        self.receiver = Receiver(self.w.city, self.w.county, self.w.trust())

    def publish(self, title: str = "井", **changes: Any) -> Record:
        return self.w.county.publish(title, **changes)

    def give(self, *items: batches.Item, **changes: Any) -> batches.Verdict:
        return self.receiver.take(self.sender.batch(*items, **changes))

    def refused(self, batch: batches.Batch) -> SyncError:
        """The refusal; the state must be as before."""
        before = self.receiver.state
        with pytest.raises(SyncError) as error:
            self.receiver.take(batch)
        assert self.receiver.state is before
        assert error.value.zh and error.value.clause
        return error.value


@pytest.fixture
def pair() -> Pair:
    return Pair()


def rows_item(
    pair: Pair, record: Record, seq: int, prev: str | None, rows: dict[str, str], *, variant: str = "", pos: int | None = None, **changes: Any
) -> batches.RowsItem:
    salts = {key: secrets.token_bytes(16) for key in rows}
    ordered = sorted(rows, key=str.encode)
    root = rows_root(row_leaf(salts[key], rows[key]) for key in ordered)
    head = make_head(id=record.id, variant=variant, seq=seq, prev=prev, count=len(rows), root=root)
    index = pair.w.county.log.append("rows", head)
    if pos is None:
        pair.sender.pos += 1
    values = {
        "pos": pair.sender.pos if pos is None else pos,
        "log": 0,
        "index": index,
        "head": head,
        "put": [[b64(salts[key]), key, rows[key]] for key in ordered],
    }
    return batches.RowsItem(**{**values, **changes})


# --- the way it goes ------------------------------------------------------------------------------------------------------------------------


def test_records_arrive_change_and_go(pair: Pair) -> None:
    # PROTOCOL 4.1, 4.2, 4.6
    one, two = pair.publish("一"), pair.publish("二")
    verdict = pair.give(pair.sender.put(one), pair.sender.put(two, disclose=("title",)), witness=pair.w.city)
    assert (verdict.restart, verdict.complete, verdict.head, verdict.cursor) == (True, True, "agrees", 2)
    first, second = verdict.changes
    assert isinstance(first, batches.RecordChange) and isinstance(second, batches.RecordChange)
    assert first.values["title"] == {"zh": "一"} and first.values["provider"] is None  # disclosed null: absent (2.3)
    assert second.values == {"title": {"zh": "二"}}  # the others: withheld
    assert (first.order, first.tomb) == ((0, 1, 0), False) and verdict.logs[0].cosigned == NOW
    newer = pair.publish("一，改", again=one)
    verdict = pair.give(pair.sender.put(newer))
    (change,) = verdict.changes
    assert isinstance(change, batches.RecordChange) and change.order > first.order and verdict.logs[0].cosigned is None  # only signed (3.5)
    verdict = pair.give(pair.sender.remove(two.id), pair.sender.put(pair.w.county.withdraw(newer), tomb=True))
    assert [type(change).__name__ for change in verdict.changes] == ["RemoveChange", "RecordChange"]
    assert (verdict.head, verdict.total) == ("agrees", 0)


def test_log_without_items_brings_a_fresher_checkpoint(pair: Pair) -> None:
    record = pair.publish()
    pair.give(pair.sender.put(record))
    pair.sender.pos += 1
    verdict = pair.give(witness=pair.w.city)
    assert verdict.changes == () and verdict.logs[0].cosigned == NOW


def test_relay_gives_what_it_was_given_with_fewer_disclosures(pair: Pair) -> None:
    # PROTOCOL 2.2, 3.2: a relay drops disclosures and never signs
    record = pair.publish()
    verdict = pair.give(pair.sender.put(record), witness=pair.w.city)
    kept = Log(pair.w.county.log.origin)
    kept.nodes, kept.tree = dict(verdict.logs[0].nodes), pair.w.county.log.tree
    relay = Sender(pair.w.city, pair.w.province, log=kept, author=pair.w.county)
    above = Receiver(pair.w.province, pair.w.city, pair.w.trust())
    note = verdict.logs[0].note
    found = above.take(relay.batch(relay.put(record, disclose=("title",)), note=note))
    assert found.head == "agrees" and found.logs[0].cosigned == NOW
    (change,) = found.changes
    assert isinstance(change, batches.RecordChange) and set(change.values) == {"title"}


def test_statements_in_a_batch_certify_a_new_authority(pair: Pair) -> None:
    # PROTOCOL 6.1
    village = Node("510107", level="township")
    pair.w.county.certify(village)
    record = village.publish()
    sender = Sender(pair.w.county, pair.w.city, author=village, log=village.log)
    refused = pair.refused(sender.batch(sender.put(record)))
    assert refused.kind == "uncertified"
    sender = Sender(pair.w.county, pair.w.city, author=village, log=village.log)
    stranger = Node("000000")
    sender.statements = [*village.tokens, pair.w.county.tokens[-1], *stranger.tokens]
    verdict = pair.receiver.take(sender.batch(sender.put(record)))
    assert {statement.digest for statement in verdict.statements} == {s.digest for s in statements(village)} | {statements(pair.w.county)[-1].digest}
    assert verdict.trust.certified(village.id)
    assert stranger.root_token not in [jws for s in verdict.trust.statements for jws in s.tokens]  # what does not count is not carried along


def test_full_read_in_pages_begins_anew_and_says_when_it_ends(pair: Pair) -> None:
    # PROTOCOL 4.5
    records = [pair.publish(str(n)) for n in range(3)]
    pair.give(*[pair.sender.put(record) for record in records])
    pair.sender = Sender(pair.w.county, pair.w.city)  # its table was made anew
    first = pair.give(pair.sender.put(records[0]), more=True)
    assert (first.restart, first.complete, first.head) == (True, False, None)
    assert pair.receiver.state.full
    second = pair.give(pair.sender.put(records[2]))
    assert (second.restart, second.complete, second.head) == (False, True, "agrees")
    assert set(pair.receiver.state.fingerprints) == {(records[0].id, ""), (records[2].id, "")}


def test_full_read_twice_is_once(pair: Pair) -> None:
    """Invariants I7, I8."""
    record = pair.publish()
    batch = pair.sender.batch(pair.sender.put(record))
    first = pair.receiver.take(batch)
    pair.receiver.state = dataclasses.replace(pair.receiver.state, cursor=0)  # a full read was asked for
    second = pair.receiver.take(batch)
    assert (first.total, first.changes, first.head) == (second.total, second.changes, second.head)


def test_remove_during_a_full_read_is_refused(pair: Pair) -> None:
    # PROTOCOL 4.5
    record = pair.publish()
    sender = pair.sender
    assert pair.refused(sender.batch(sender.put(record), sender.remove(record.id))).clause == "4.5"


def test_rows_arrive_in_order_behind_their_record(pair: Pair) -> None:
    # PROTOCOL 5.4
    record = pair.publish()
    put = pair.sender.put(record)
    first = rows_item(pair, record, 1, None, {'["a"]': '{"name":"a"}'})
    head = parse_head(first.head)
    second = rows_item(pair, record, 2, head.digest, {'["b"]': '{"name":"b"}'}, pos=first.pos)
    verdict = pair.give(put, first, second)
    assert [type(change).__name__ for change in verdict.changes] == ["RecordChange", "RowsChange", "RowsChange"]
    assert verdict.head == "agrees"
    third = rows_item(pair, record, 3, parse_head(second.head).digest, {'["c"]': '{"name":"c"}'})
    pair.give(third)
    assert pair.receiver.state.rows[record.id, ""].seq == 3
    pair.sender.pos += 1
    pair.give(batches.ResetItem(pair.sender.pos, record.id, "", 0))
    again = rows_item(pair, record, 1, None, {'["a"]': '{"name":"a"}'})
    assert pair.give(again).head == "agrees"


def test_gap_or_other_past_of_rows_is_a_conflict(pair: Pair) -> None:
    # PROTOCOL 5.4
    record = pair.publish()
    put = pair.sender.put(record)
    first = rows_item(pair, record, 1, None, {'["a"]': '{"name":"a"}'})
    pair.give(put, first)
    for seq, prev in ((3, b64(bytes(32))), (2, b64(bytes(32))), (1, None)):
        item = rows_item(pair, record, seq, prev, {'["b"]': '{"name":"b"}'})
        refused = pair.refused(dataclasses.replace(pair.sender.batch(item), from_=pair.receiver.state.cursor))
        assert isinstance(refused, ConflictError) and refused.kind == "rows"
        pair.sender.cursor, pair.sender.old = pair.receiver.state.cursor, pair.receiver.state.views[str(pair.w.county.log.origin)].size


def test_rows_before_their_record_or_from_another_log_are_refused(pair: Pair) -> None:
    # PROTOCOL 3.2, 5.4
    record = pair.publish()
    early = rows_item(pair, record, 1, None, {'["a"]': '{"name":"a"}'})
    assert pair.refused(pair.sender.batch(early)).clause == "5.4"
    pair = Pair()
    record = pair.publish()
    pair.give(pair.sender.put(record))
    pair.receiver.state = dataclasses.replace(pair.receiver.state, authorities={record.id: pair.w.city.id})
    item = rows_item(pair, record, 1, None, {'["a"]': '{"name":"a"}'})
    assert pair.refused(pair.sender.batch(item)).clause == "3.2"


def test_live_entry_is_proved_by_the_cover(pair: Pair) -> None:
    # PROTOCOL 3.6
    record = pair.publish()
    body = dumps({"bits": b64(bytes(32)), "size": 1, "time": "2026-11-24T06:26:41Z"}).decode()
    index = pair.w.county.log.append("live", body)
    made = pair.sender.batch(pair.sender.put(record), opened={record.index, index})
    part = dataclasses.replace(made.logs[0], live=(index, body))
    assert pair.receiver.take(dataclasses.replace(made, logs=(part,))).logs[0].live == (index, body)
    pair = Pair()
    record = pair.publish()
    index = pair.w.county.log.append("live", body)
    made = pair.sender.batch(pair.sender.put(record), opened={record.index, index})
    part = dataclasses.replace(made.logs[0], live=(index, body.replace('"size":1', '"size":2')))
    assert pair.refused(dataclasses.replace(made, logs=(part,))).clause == "3.4"


# --- continuity -----------------------------------------------------------------------------------------------------------------------------


def test_late_doubled_and_early_batches_are_conflicts(pair: Pair) -> None:
    # PROTOCOL 4.2
    batch = pair.sender.batch(pair.sender.put(pair.publish()))
    pair.receiver.take(batch)
    for other in (batch, dataclasses.replace(batch, from_=1_000, to=1_001)):
        refused = pair.refused(other)
        assert isinstance(refused, ConflictError) and refused.kind == "from"


def test_other_generation_is_read_from_its_beginning_or_not_at_all(pair: Pair) -> None:
    # PROTOCOL 4.5
    pair.give(pair.sender.put(pair.publish()))
    other = Sender(pair.w.county, pair.w.city)
    other.cursor = other.pos = 1
    refused = pair.refused(other.batch(other.put(pair.publish())))
    assert isinstance(refused, ConflictError) and (refused.kind, refused.clause) == ("gen", "4.5")


@pytest.mark.parametrize("change", ["view", "old"])
def test_cover_of_another_view_or_size_is_a_conflict(pair: Pair, change: str) -> None:
    # PROTOCOL 4.2
    pair.give(pair.sender.put(pair.publish("一")), pair.sender.put(pair.publish("二")))
    made = pair.sender.batch(pair.sender.put(pair.publish("三")), old=1 if change == "old" else None)
    part = dataclasses.replace(made.logs[0], **({"view": "v2"} if change == "view" else {}))
    refused = pair.refused(dataclasses.replace(made, logs=(part,)))
    assert isinstance(refused, ConflictError) and refused.kind == "view"


def test_new_view_in_the_middle_of_a_stream_is_taken(pair: Pair) -> None:
    pair.give(pair.sender.put(pair.publish("一")))
    made = pair.sender.batch(pair.sender.put(pair.publish("二")), old=0)
    part = dataclasses.replace(made.logs[0], view="v2")
    assert pair.receiver.take(dataclasses.replace(made, logs=(part,))).logs[0].view == "v2"


# --- head -----------------------------------------------------------------------------------------------------------------------------------


def test_lost_removal_shows_in_the_head(pair: Pair) -> None:
    # PROTOCOL 4.6: drift
    one, two = pair.publish("一"), pair.publish("二")
    pair.give(pair.sender.put(one), pair.sender.put(two))
    pair.sender.remove(one.id)  # never sent
    verdict = pair.give(pair.sender.put(pair.publish("三")))
    assert verdict.head == "differs"


@pytest.mark.parametrize("what", ["position", "key", "more", "stream"])
def test_false_head_is_refused(pair: Pair, what: str) -> None:
    # PROTOCOL 4.6
    from sync.stream import make_head as stream_head

    item = pair.sender.put(pair.publish())
    s, w = pair.sender, pair.w
    heads = {
        "position": stream_head(w.county.id, w.city.id, s.gen, 99, s.total, w.county.site),
        "key": stream_head(w.county.id, w.city.id, s.gen, s.pos, s.total, w.city.site),
        "more": stream_head(w.county.id, w.city.id, s.gen, s.pos, s.total, w.county.site),
        "stream": stream_head(w.county.id, w.province.id, s.gen, s.pos, s.total, w.county.site),
    }
    refused = pair.refused(s.batch(item, head=heads[what], more=what == "more"))
    assert refused.clause == "4.6"
    assert isinstance(refused, BatchError | NoteError)


# --- terms and ways ---------------------------------------------------------------------------------------------------------------------------


def _relayed(terms: Any, receiver: str = "province") -> tuple[Pair, batches.Batch, Receiver]:
    pair = Pair()
    record = pair.publish(terms=terms)
    relay = Sender(pair.w.city, getattr(pair.w, receiver), author=pair.w.county)
    return pair, relay.batch(relay.put(record)), Receiver(getattr(pair.w, receiver), pair.w.city, pair.w.trust())


@pytest.mark.parametrize("terms", [None, {**ONWARD, "onward": False}, {**ONWARD, "onward": None}, {"audience": None}])
def test_record_that_may_not_be_passed_on_is_refused_from_a_relay(terms: Any) -> None:
    # PROTOCOL 4.9
    _, batch, receiver = _relayed(terms)
    with pytest.raises(BatchError) as refused:
        receiver.take(batch)
    assert (refused.value.clause, refused.value.kind, refused.value.item) == ("4.9", "terms", 0)


@pytest.mark.parametrize(
    ("audience", "meant"),
    [
        (None, True),
        ({}, False),
        ({"nodes": [], "divisions": []}, False),
        ({"divisions": ["510000"]}, True),
        ({"divisions": ["000000"]}, True),
        ({"divisions": ["510100"]}, False),
        ({"divisions": ["500000"]}, False),
        ({"nodes": ["ME"]}, True),
        ({"nodes": ["n-" + "a" * 32]}, False),
        ({"divisions": ["garbage"], "nodes": None}, False),
    ],
)
def test_audience_is_checked_by_the_receiver(audience: Any, meant: bool) -> None:
    # PROTOCOL 4.9
    pair = Pair()
    if isinstance(audience, dict) and audience.get("nodes") == ["ME"]:
        audience = {"nodes": [pair.w.province.id]}
    record = pair.publish(terms={**ONWARD, "audience": audience})
    relay = Sender(pair.w.city, pair.w.province, author=pair.w.county)
    receiver = Receiver(pair.w.province, pair.w.city, pair.w.trust())
    batch = relay.batch(relay.put(record))
    if meant:
        assert receiver.take(batch).changes
    else:
        with pytest.raises(BatchError) as refused:
            receiver.take(batch)
        assert refused.value.clause == "4.9"


def test_record_past_its_term_is_refused(pair: Pair) -> None:
    # PROTOCOL 4.9
    from sync.claims import write_time

    ended = pair.publish(terms={**ONWARD, "until": write_time(NOW - 300)})
    just = pair.publish(terms={**ONWARD, "until": write_time(NOW - 299)})
    assert pair.refused(pair.sender.batch(pair.sender.put(ended))).clause == "4.9"
    pair.sender = Sender(pair.w.county, pair.w.city)
    assert pair.give(pair.sender.put(just)).changes


def test_subordinate_may_not_bring_what_its_superior_gave_it() -> None:
    # PROTOCOL 4.8
    w = world()
    sibling = Node("510104")
    w.city.certify(sibling)
    trust = trust_of(*w.nodes, sibling)
    for authority in (sibling, w.city, w.nation):
        record = authority.publish()
        relay = Sender(w.county, w.city, author=authority, log=authority.log)
        with pytest.raises(BatchError) as refused:
            Receiver(w.city, w.county, trust).take(relay.batch(relay.put(record)))
        assert (refused.value.clause, refused.value.kind) == ("4.8", "valley")
        relay = Sender(w.county, sibling, author=authority, log=authority.log)
        with pytest.raises(BatchError):
            Receiver(sibling, w.county, trust).take(relay.batch(relay.put(record)))


def test_superior_may_bring_anything_it_may_pass_on() -> None:
    w = world()
    record = w.nation.publish()
    relay = Sender(w.city, w.county, author=w.nation, log=w.nation.log)
    assert Receiver(w.county, w.city, w.trust()).take(relay.batch(relay.put(record))).changes


# --- form -----------------------------------------------------------------------------------------------------------------------------------


def _raw(pair: Pair) -> dict[str, JSON]:
    record = pair.publish()
    value = loads(batches.encode(pair.sender.batch(pair.sender.put(record))))
    assert isinstance(value, dict)
    return value


def test_unknown_members_are_ignored_and_kept(pair: Pair) -> None:
    # PROTOCOL 7.4
    parsed = batches.parse(dumps({**_raw(pair), "lane": "hazard", "later": [1]}))
    assert parsed.data["later"] == [1]
    assert pair.receiver.take(parsed).changes


@pytest.mark.parametrize("bent", ["op", "v", "kind", "manifest v"])
def test_what_only_a_newer_version_knows_halts_the_stream(pair: Pair, bent: str) -> None:
    # PROTOCOL 7.4
    value: Any = _raw(pair)
    if bent == "op":
        value["items"][0]["op"] = "merge"
    elif bent == "v":
        value["v"] = 2
    else:
        manifest: Any = loads(value["items"][0]["manifest"])
        manifest |= {"kind": "poem"} if bent == "kind" else {"v": 2}
        value["items"][0]["manifest"] = dumps(manifest).decode()
    with pytest.raises(HaltError) as refused:
        pair.receiver.take(batches.parse(dumps(value)))
    assert refused.value.clause == "7.4" and "update" in refused.value.en


def test_positions_out_of_order_are_refused(pair: Pair) -> None:
    # PROTOCOL 4.1, 4.2
    one, two = pair.publish("一"), pair.publish("二")
    s = pair.sender
    good = s.batch(s.put(one), s.put(two))
    first, second = good.items
    for items in (
        (second, first),
        (first, dataclasses.replace(second, pos=1)),
        (dataclasses.replace(first, pos=0), second),
        (first, dataclasses.replace(second, pos=3)),
    ):
        refused = pair.refused(dataclasses.replace(good, items=items))
        assert isinstance(refused, BatchError) and refused.kind == "position"
    again = pair.publish("一，又", again=one)
    s = pair.sender = Sender(pair.w.county, pair.w.city)
    assert pair.refused(s.batch(s.put(one), s.put(again))).clause == "4.1"


def test_log_place_that_is_not_there_and_log_listed_twice_are_refused(pair: Pair) -> None:
    record = pair.publish()
    assert pair.refused(pair.sender.batch(pair.sender.put(record, log=1))).kind == "batch"
    pair.sender = Sender(pair.w.county, pair.w.city)
    made = pair.sender.batch(pair.sender.put(record))
    assert "twice" in pair.refused(dataclasses.replace(made, logs=made.logs * 2)).en


LIMITS: list[dict[str, Any]] = [
    {"items": [{"op": "remove", "id": "urn:terrace:00000000-0000-8000-8000-000000000000", "pos": 1}] * 1001},
    {"statements": ["x"] * 5001},
    {"logs": [{}] * 1001},
]


@pytest.mark.parametrize("change", LIMITS, ids=lambda change: next(iter(change)))
def test_more_than_the_limits_is_refused(pair: Pair, change: dict[str, Any]) -> None:
    # PROTOCOL 7.1
    with pytest.raises(BatchError) as refused:
        batches.parse(dumps({**_raw(pair), **change}))
    assert refused.value.kind == "too-large"
    with pytest.raises(BatchError) as refused:
        batches.parse(b" " * (batches.MAX_BYTES + 1))
    assert refused.value.kind == "too-large"


HOSTILE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b'{"v":1}',
    b'{"v":1,"v":1}',
    b'{"v":1.0}',
    b'{"v":1e0}',
    b'{ "v":1}',
    b'{"v":99999999999999999999}',
    b'{"v":"\\ud800"}',
    b'{"v":true}',
    b"\xff\xfe{",
    b"[" * 100_000,
    b'{"a":' * 70 + b"1" + b"}" * 70,
    b'{"\xe4\xba\x95":1,"v":1}',
    b'{"v":NaN}',
    b'{"v":-0}',
    b'{"v":1}\n',
    b"\xef\xbb\xbf{}",
    b'{"v":1}{"v":1}',
]


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_duplicate_keys_floats_surrogates_depth_and_other_bytes_are_refused(data: bytes) -> None:
    # PROTOCOL 1.1
    with pytest.raises(BatchError):
        batches.parse(data)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**53 - 1) | st.text(st.characters(min_codepoint=1, codec="utf-8"), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["op", "id", "pos", "log"]), inner, max_size=3),
)
FIXED = Pair()
FIXED_RAW = _raw(FIXED)
FIXED_STATE = FIXED.receiver.state


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_bent_member_gives_a_verdict_or_an_error_of_ours(data: st.DataObject) -> None:
    value: Any = loads(dumps(FIXED_RAW))
    target = data.draw(st.sampled_from([value, value["items"][0], value["logs"][0]]))
    name = data.draw(st.sampled_from(sorted(target)))
    target[name] = data.draw(JSONS)
    try:
        batches.verify(batches.parse(dumps(value)), FIXED_STATE)
    except SyncError as error:
        assert error.zh and error.en and error.clause


@given(st.binary(max_size=200))
def test_any_bytes_give_a_batch_error(data: bytes) -> None:
    with pytest.raises(BatchError):
        batches.parse(data)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_bent_byte_of_a_batch_changes_what_arrives(data: st.DataObject) -> None:
    """Whatever a relay changes: refused, or the same content."""
    raw = bytearray(dumps(FIXED_RAW))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    good = batches.verify(batches.parse(dumps(FIXED_RAW)), FIXED_STATE)
    try:
        found = batches.verify(batches.parse(bytes(raw)), FIXED_STATE)
    except TerraceError:
        return
    assert [(c.text, c.values, c.index) for c in found.changes if isinstance(c, batches.RecordChange)] == [
        (c.text, c.values, c.index) for c in good.changes if isinstance(c, batches.RecordChange)
    ]


def test_batch_comes_back_as_it_was_written(pair: Pair) -> None:
    record = pair.publish()
    put = pair.sender.put(record)
    rows = rows_item(pair, record, 1, None, {'["a"]': '{"name":"a"}'})
    made = pair.sender.batch(put, rows, pair.sender.remove("urn:terrace:00000000-0000-8000-8000-000000000000"))
    assert batches.encode(made) == batches.encode(batches.parse(batches.encode(made)))
    assert made.ids == {record.id, "urn:terrace:00000000-0000-8000-8000-000000000000"}
    assert NAMES  # all disclosed


def test_batch_over_eight_mebibytes_is_not_made(pair: Pair) -> None:
    made = pair.sender.batch(pair.sender.put(pair.publish()))
    with pytest.raises(BatchError) as refused:
        batches.encode(dataclasses.replace(made, statements=("x" * batches.MAX_BYTES,)))
    assert refused.value.clause == "7.1"
