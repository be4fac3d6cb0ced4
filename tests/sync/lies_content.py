"""Lies in what a batch holds: bytes, records, logs. Each function plays one attack and returns what the victim answered."""

import base64
import dataclasses
from typing import Any

from catalog.canonical import b64, dumps, loads
from catalog.ids import mint_id
from catalog.manifest import field_digest
from sync import batch as batches
from sync.notes import Checkpoint, add_signature, parse_note, sign_checkpoint
from tests.sync.lies_world import Scene, Seen
from tests.sync.world import Log

# --- bytes ---------------------------------------------------------------------------------------------------------------------------------

#: Name → bytes in place of `"more":false` in a batch.
BENT_JSON = {
    "doubled key": b'"more":false,"more":true',
    "blanks": b'"more": false',
    "reordered keys": b'"more":false,"a":1',
    "deep nesting": b'"more":false,"nest":' + b"[" * 100_000 + b"]" * 100_000,
    "65 levels": b'"more":false,"nest":' + b"[" * 65 + b"]" * 65,
    "huge integer": b'"more":false,"n":9007199254740992',
    "integer of a million digits": b'"more":false,"n":' + b"9" * 1_000_000,
    "fraction": b'"more":false,"n":1.5',
    "exponent": b'"more":false,"n":1e400',
    "lone surrogate": b'"more":false,"s":"\\ud800"',
    "escaped letter": b'"more":false,"s":"\\u0041"',
    "not a number": b'"more":false,"n":NaN',
    "byte order mark": b'\xef\xbb\xbf"more":false',
    "not UTF-8": b'"more":false,"s":"\xff\xfe"',
    "zero byte": b'"more":false\x00',
    "U+0000 in a text": b'"more":false,"s":"\\u0000"',
}


def bent_json(scene: Scene, name: str) -> Seen:
    """An honest batch in other bytes."""
    stream, record = scene.next()
    data = batches.encode(stream.batch(stream.put(record)))
    assert data.count(b'"more":false') == 1
    return scene.give(data.replace(b'"more":false', BENT_JSON[name]))


def whole_body(scene: Scene, body: bytes) -> Seen:
    """Something else than a batch."""
    return scene.give(body)


# --- records -------------------------------------------------------------------------------------------------------------------------------


def bent_item(scene: Scene, **members: Any) -> Seen:
    """An honest batch whose item has other members."""
    stream, record = scene.next()
    batch = stream.batch(stream.put(record))
    return scene.give(dataclasses.replace(batch, items=(dataclasses.replace(batch.items[0], **members),)))


def altered_manifest(scene: Scene) -> Seen:
    stream, record = scene.next()
    batch = stream.batch(stream.put(record))
    text = record.text.replace('"version":1', '"version":2')
    return scene.give(dataclasses.replace(batch, items=(dataclasses.replace(batch.items[0], manifest=text),)))


def altered_value(scene: Scene) -> Seen:
    stream, record = scene.next("真")
    batch = stream.batch(stream.put(record))
    item = batch.items[0]
    assert isinstance(item, batches.PutItem)
    return scene.give(dataclasses.replace(batch, items=(dataclasses.replace(item, disclose=tuple(text.replace("真", "假") for text in item.disclose)),)))


def value_with_its_digest(scene: Scene) -> Seen:
    """A new value, and its digest in the manifest in place of a padding one: only the log can tell."""
    stream, record = scene.next()
    title = dumps([base64.urlsafe_b64encode(b"s" * 16).rstrip(b"=").decode(), "title", {"zh": "假"}]).decode()
    manifest: Any = loads(record.text)
    manifest["digests"] = sorted([*manifest["digests"][1:], field_digest(title)])
    batch = stream.batch(stream.put(record))
    return scene.give(dataclasses.replace(batch, items=(dataclasses.replace(batch.items[0], manifest=dumps(manifest).decode(), disclose=(title,)),)))


def zero_in_a_title(scene: Scene) -> Seen:
    """A title that some databases cannot keep: a relay that could not store it would stand still."""
    record = scene.county.publish("零")
    disclosure = record.built.disclosures["title"].replace("零", "\\u0000")
    stream = scene.bend()
    batch = stream.batch(stream.put(record))
    return scene.give(dataclasses.replace(batch, items=(dataclasses.replace(batch.items[0], disclose=(disclosure,)),)))


def mixed_versions(scene: Scene) -> Seen:
    """Mix and match: the values of one version under the manifest of another."""
    stream, first = scene.next("旧")
    second = scene.county.publish("新", again=first, version=2)
    batch = stream.batch(stream.put(second))
    return scene.give(
        dataclasses.replace(batch, items=(dataclasses.replace(batch.items[0], disclose=tuple(first.built.disclosures[name] for name in ("title",))),))
    )


def mixed_logs(scene: Scene) -> Seen:
    """Mix and match: the county's record under the province's own log."""
    _, record = scene.next()
    stream = scene.bend(log=scene.province.log, author=scene.province, old=0)
    scene.province.publish("省自己的")
    return scene.give(stream.batch(stream.put(record, index=0)))


def doubled_disclosure(scene: Scene) -> Seen:
    stream, record = scene.next()
    return scene.give(stream.batch(stream.put(record, ("title", "title"))))


def noncanonical_manifest(scene: Scene) -> Seen:
    stream, record = scene.next()
    batch = stream.batch(stream.put(record))
    return scene.give(dataclasses.replace(batch, items=(dataclasses.replace(batch.items[0], manifest=record.text.replace(",", ", ", 1)),)))


def tombstone_as_record(scene: Scene) -> Seen:
    stream = scene.bend()
    gone = scene.county.withdraw(scene.county.publish("将撤回"))
    batch = stream.batch(stream.put(gone, tomb=True))
    return scene.give(dataclasses.replace(batch, items=(dataclasses.replace(batch.items[0], tomb=False),)))


def never_logged(scene: Scene) -> Seen:
    other = Log(scene.county.log.origin)
    record = scene.county.publish("未入日志", log=other)
    stream, real = scene.next()
    return scene.give(stream.batch(stream.put(record, index=real.index)))


def entry_under_another_header(scene: Scene) -> Seen:
    """A manifest that the log holds as something else than a record."""
    stream, record = scene.next()
    index = scene.county.log.append("rows", record.text)
    return scene.give(stream.batch(stream.put(record, index=index)))


def squatting(scene: Scene) -> Seen:
    """Another node's id, with its true birth, in one's own log."""
    birth = scene.records[0].birth
    fake = scene.province.publish("抢占", birth=birth)
    stream = scene.bend(log=scene.province.log, author=scene.province, old=0)
    return scene.give(stream.batch(stream.put(fake)))


def false_birth(scene: Scene) -> Seen:
    """An id that its birth does not give."""
    fake = scene.province.publish("冒生", birth=(scene.province.id, b"x" * 16))
    stolen = dumps({**loads(fake.text), "id": mint_id(*scene.records[0].birth)}).decode()  # type: ignore[dict-item]
    stream = scene.bend(log=scene.province.log, author=scene.province, old=0)
    batch = stream.batch(stream.put(fake))
    return scene.give(dataclasses.replace(batch, items=(dataclasses.replace(batch.items[0], manifest=stolen),)))


def undelete(scene: Scene) -> Seen:
    """The authority withdrew it; the relay brings the version before, which is as provable as ever."""
    record = scene.records.pop()
    gone = scene.county.withdraw(record)
    seen = scene.give(scene.stream.batch(scene.stream.put(gone, tomb=True), witness=scene.province))
    assert seen.outcome == "applied", seen
    scene.settle()
    stream = scene.bend()
    return scene.give(stream.batch(stream.put(record)))


def rollback_of_a_record(scene: Scene) -> Seen:
    first = scene.county.publish("第一版")
    second = scene.county.publish("第二版", again=first, version=2)
    seen = scene.give(scene.stream.batch(scene.stream.put(second), witness=scene.province))
    assert seen.outcome == "applied", seen
    scene.records.append(second)
    scene.settle()
    stream = scene.bend()
    return scene.give(stream.batch(stream.put(first)))


# --- logs ----------------------------------------------------------------------------------------------------------------------------------


def _bent_log(scene: Scene, batch: batches.Batch, **members: Any) -> Seen:
    return scene.give(dataclasses.replace(batch, logs=(dataclasses.replace(batch.logs[0], **members),)))


def log_of_another_zone(scene: Scene) -> Seen:
    stream, record = scene.next()
    return _bent_log(scene, stream.batch(stream.put(record)), origin=f"terrace/1/{scene.county.id}/internet/1")


def note_by_the_wrong_key(scene: Scene) -> Seen:
    stream, record = scene.next()
    return scene.give(stream.batch(stream.put(record), note=scene.county.note(key=scene.province.site)))


def note_of_another_log(scene: Scene) -> Seen:
    stream, record = scene.next()
    scene.province.publish()
    return scene.give(stream.batch(stream.put(record), note=scene.province.note()))


def root_that_is_not_the_trees(scene: Scene) -> Seen:
    """The county's key is stolen, and signs any root."""
    stream, record = scene.next()
    note = sign_checkpoint(Checkpoint(str(scene.county.log.origin), scene.county.log.size, b"\1" * 32), scene.county.site)
    return scene.give(stream.batch(stream.put(record), note=note))


def false_cosignature(scene: Scene) -> Seen:
    """The witness's line of another note."""
    line = str(parse_note(scene.county.note(1, witness=scene.province, at=scene.now)).lines[1])
    stream, record = scene.next()
    return scene.give(stream.batch(stream.put(record), note=add_signature(scene.county.note(), line)))


def cosignature_ahead(scene: Scene) -> Seen:
    stream, record = scene.next()
    note = scene.county.note()
    return scene.give(stream.batch(stream.put(record), note=add_signature(note, scene.province.cosign(note, scene.victim.clock() + 400))))


def rolled_back_log(scene: Scene) -> Seen:
    """Rollback: an older checkpoint in the same view."""
    stream = scene.bend()
    stream.pos += 1
    return _bent_log(scene, stream.batch(), note=scene.county.note(1), cover=b"")


def cut_cover(scene: Scene) -> Seen:
    stream, record = scene.next()
    scene.county.publish("再一")
    batch = stream.batch(stream.put(record))
    return _bent_log(scene, batch, cover=batch.logs[0].cover[:-32])


def swelled_cover(scene: Scene) -> Seen:
    """Extraneous: one hash more than the shape has."""
    stream, record = scene.next()
    batch = stream.batch(stream.put(record))
    return _bent_log(scene, batch, cover=batch.logs[0].cover + b"\0" * 32)


def leaf_beyond_the_log(scene: Scene) -> Seen:
    return bent_item(scene, index=1 << 40)


def swapped_leaves(scene: Scene) -> Seen:
    stream, first = scene.next()
    second = scene.county.publish("二")
    batch = stream.batch(stream.put(first), stream.put(second))
    one, two = batch.items
    items = (dataclasses.replace(one, index=second.index), dataclasses.replace(two, index=first.index))
    return scene.give(dataclasses.replace(batch, items=items))


def rewritten_past(scene: Scene) -> Seen:
    """The county itself shows another history in the same view, with its own true key."""
    other = Log(scene.county.log.origin)
    records = [scene.county.publish(f"另一历史 {n}", log=other) for n in range(scene.county.log.size + 2)]
    stream = scene.bend(log=other)
    return scene.give(stream.batch(stream.put(records[-1])))


def rewritten_past_in_a_new_view(scene: Scene) -> Seen:
    """The same, with a witness that cosigns both, and a new view so that nothing is to be continued: what was kept of the earlier view tells."""
    other = Log(scene.county.log.origin)
    records = [scene.county.publish(f"另一历史 {n}", log=other) for n in range(scene.county.log.size + 2)]
    stream = scene.bend(log=other, old=0)
    batch = stream.batch(stream.put(records[0]), witness=scene.province)
    return _bent_log(scene, batch, view="another")


def two_roots_at_one_size(scene: Scene) -> Seen:
    other = Log(scene.county.log.origin)
    size = int(scene.stream.old)
    records = [scene.county.publish(f"另一历史 {n}", log=other) for n in range(size)]
    stream = scene.bend(log=other, old=0)
    return _bent_log(scene, stream.batch(stream.put(records[0])), view="another")


def lying_live_list(scene: Scene) -> Seen:
    """A `live` entry that the log does not hold."""
    stream, record = scene.next()
    second = scene.county.publish("二")
    body = dumps({"bits": b64(b"\0" * 32), "size": 1, "time": "2026-11-24T06:26:41Z"}).decode()
    return _bent_log(scene, stream.batch(stream.put(record), opened={record.index, second.index}), live=(second.index, body))
