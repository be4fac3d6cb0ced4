"""Lies in a stream: order, place, way, terms, rows. Each function plays one attack and returns what the victim answered."""

import dataclasses
from typing import Any

from catalog.canonical import b64
from sync import batch as batches
from sync.rows import make_head, row_leaf, rows_root
from sync.stream import make_head as stream_head
from sync.suite import ED25519
from tests.sync.lies_content import bent_item
from tests.sync.lies_world import Scene, Seen
from tests.sync.world import ONWARD, Record

# --- streams -------------------------------------------------------------------------------------------------------------------------------


def twice_in_one_batch(scene: Scene) -> Seen:
    stream, record = scene.next()
    again = scene.county.publish("二版", again=record, version=2)
    return scene.give(stream.batch(stream.put(record), stream.put(again)))


def reordered(scene: Scene) -> Seen:
    stream, first = scene.next()
    batch = stream.batch(stream.put(first), stream.put(scene.county.publish("二")))
    return scene.give(dataclasses.replace(batch, items=batch.items[::-1]))


def position_beyond_the_batch(scene: Scene) -> Seen:
    return bent_item(scene, pos=1 << 30)


def late_answer(scene: Scene) -> Seen:
    """The same genuine batch twice."""
    stream, record = scene.next()
    batch = stream.batch(stream.put(record))
    return scene.give(dataclasses.replace(batch, from_=batch.from_ - 1))


def another_generation(scene: Scene) -> Seen:
    stream, record = scene.next()
    return scene.give(stream.batch(stream.put(record), gen=b64(b"\7" * 16)))


def another_view(scene: Scene) -> Seen:
    stream, record = scene.next()
    return scene.give(stream.batch(stream.put(record), old=1))


def removal_in_a_full_read(scene: Scene) -> Seen:
    stream = scene.sender()
    first = stream.put(scene.records[0])
    return scene.give(stream.batch(first, stream.remove(scene.records[1].id)))


def stripped(scene: Scene) -> Seen:
    """A record stripped on the way, the true head left."""
    stream, first = scene.next()
    second = scene.county.publish("二")
    whole = stream.batch(stream.put(first), stream.put(second))
    cut = scene.bend()
    return scene.give(cut.batch(batches.PutItem(whole.items[1].pos, 0, second.index, second.text), to=whole.to, head=whole.head))


def head_with_more_to_come(scene: Scene) -> Seen:
    stream, record = scene.next()
    return scene.give(dataclasses.replace(stream.batch(stream.put(record)), more=True))


def head_of_another_stream(scene: Scene) -> Seen:
    stream, record = scene.next()
    item = stream.put(record)
    return scene.give(stream.batch(item, head=stream_head(scene.province.id, scene.county.id, stream.gen, stream.pos, stream.total, scene.province.site)))


def head_by_the_wrong_key(scene: Scene) -> Seen:
    stream, record = scene.next()
    item = stream.put(record)
    return scene.give(stream.batch(item, head=stream_head(scene.province.id, scene.victim.node, stream.gen, stream.pos, stream.total, ED25519.generate())))


def head_of_another_place(scene: Scene) -> Seen:
    stream, record = scene.next()
    item = stream.put(record)
    return scene.give(stream.batch(item, head=stream_head(scene.province.id, scene.victim.node, stream.gen, stream.pos + 1, stream.total, scene.province.site)))


def sideways(scene: Scene) -> Seen:
    """Speaking for who is not below it: a record of a sibling, whose chain and log are in order."""
    record = scene.sibling.publish("旁系")
    stream = scene.bend(log=scene.sibling.log, author=scene.sibling, old=0)
    return scene.give(stream.batch(stream.put(record)))


def _with_terms(scene: Scene, **terms: Any) -> Seen:
    record = scene.county.publish("有条件", terms={**ONWARD, **terms})
    stream = scene.bend()
    return scene.give(stream.batch(stream.put(record)))


def not_onward(scene: Scene) -> Seen:
    return _with_terms(scene, onward=False)


def not_the_audience(scene: Scene) -> Seen:
    return _with_terms(scene, audience={"divisions": ["520000"], "nodes": []})


def term_over(scene: Scene) -> Seen:
    return _with_terms(scene, until="2020-01-01T00:00:00Z")


# --- rows ----------------------------------------------------------------------------------------------------------------------------------


def _rows(scene: Scene, *, record: Record | None = None, row: str = '{"code":"A"}', bent: dict[str, Any] | None = None, **head: Any) -> Seen:
    """The first batch of rows of a record that the victim has; `head` and `bent` replace members of its head and of the item."""
    stream = scene.bend()
    of = record or scene.records[0]
    salt, key = b"s" * 16, '["A"]'
    values: dict[str, Any] = {"id": of.id, "variant": "", "seq": 1, "prev": None, "count": 1, "root": rows_root([row_leaf(salt, row)]), **head}
    text = make_head(**values)
    index = scene.county.log.append("rows", text)
    stream.pos += 1
    item = batches.RowsItem(stream.pos, 0, index, text, put=((b64(salt), key, row),), **(bent or {}))
    return scene.give(stream.batch(item))


def altered_row(scene: Scene) -> Seen:
    return _rows(scene, root=rows_root([row_leaf(b"s" * 16, '{"code":"B"}')]))


def hole_too_many(scene: Scene) -> Seen:
    return _rows(scene, bent={"holes": ((1, b64(b"\0" * 32)),)})


def base_in_the_stream(scene: Scene) -> Seen:
    return _rows(scene, base=True, prev=b64(b"\0" * 32))


def noncanonical_row(scene: Scene) -> Seen:
    return _rows(scene, row='{"code": "A"}')


def rows_before_their_record(scene: Scene) -> Seen:
    return _rows(scene, record=scene.county.publish("还没到"))


def rows_of_another_authority(scene: Scene) -> Seen:
    """A head about the county's record, in the province's own log."""
    stream = scene.bend(log=scene.province.log, author=scene.province, old=0)
    text = make_head(id=scene.records[0].id, variant="", seq=1, prev=None, count=0, root=rows_root([]))
    index = scene.province.log.append("rows", text)
    stream.pos += 1
    return scene.give(stream.batch(batches.RowsItem(stream.pos, 0, index, text)))


def gap_in_rows(scene: Scene) -> Seen:
    return _rows(scene, seq=3, prev=b64(b"\0" * 32))


def removal_that_was_never_due(scene: Scene) -> Seen:
    """A removal with a salt is a leaf, and this one is in no batch."""
    return _rows(scene, bent={"remove": ((b64(b"t" * 16), '["B"]'),)})
