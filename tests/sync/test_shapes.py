"""Values of wrong shapes over the wire: the batch is honest, the record is shown without them, and each list stays whole (PROTOCOL 2.3)."""

from typing import Any

import orjson
import pytest

import tests.sync.world as world
from catalog.ckan.packages import package
from catalog.ckan.settings import Around
from catalog.queries import RecordQuery
from tests.sync.lies_world import Scene
from tests.sync.test_lies import scene, scenes  # noqa: F401 (fixtures)

WRONG = {"theme": 5, "keywords": {"zh": ["a", 1]}, "bbox": ["a", "b", "c", "d"], "geometry": "é"}


def test_values_of_wrong_shapes_break_no_list(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    real = world.build

    def build(fields: dict[str, Any], *, names: tuple[str, ...], **more: Any) -> Any:
        return real({**fields, **WRONG}, names=(*names, *WRONG), **more)

    monkeypatch.setattr(world, "build", build)
    sent = scene.county.publish("毒")
    put = scene.stream.put(sent, disclose=(*world.NAMES, *WRONG))
    assert scene.give(scene.stream.batch(put, witness=scene.province)).outcome == "applied"
    page = scene.victim.reader.records(scene.victim.staff, RecordQuery(limit=100))
    (view,) = [each for each in page.items if each.id == sent.id]
    assert view.title("zh") == "毒" and not WRONG.keys() & view.fields.keys() and WRONG.keys() <= set(view.withheld)
    assert all(orjson.dumps(package(each, Around("http://x", "zh"))) for each in page.items)
    assert b'"theme"' not in scene.victim.exchange.receipt(sent.id, view.fields)
