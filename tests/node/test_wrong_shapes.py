"""Stored values of a wrong shape, as an older version might have let them in: every face leaves them out and fails over none, and the audit log says so."""

import json
from typing import Any

import pytest
from sqlalchemy import select, update

from catalog.drafts import Draft
from catalog.field_types import TYPES, clean_value
from catalog.record import CORE
from catalog.rows import Column, RowChanges
from catalog.shapes import has_shape
from catalog.tables import audit, record
from node.app import create_app
from node.site import Site
from tests.catalog.conftest import OFFICER, complete_fields

WRONG: tuple[Any, ...] = (5, "x", [], {}, [5], ["x", "y"], {"zh": 5}, {"zh": {"a": "b"}}, {"name": 5, "type": 5, "open": "x"}, [{"name": 5}], True, -1.5, "NaN")
COLUMNS = (Column("no", "integer", nullable=False), Column("geom", "geometry"))


def _publish(site: Site, slug: str) -> str:
    table = {"title": {"en": "Table"}, "kind": "database", "rows": True, "key": ["no"], "format": "csv"}
    fields = {**complete_fields(), "resources.rows": table, "items": [column.as_item() for column in COLUMNS]}
    rows = [{"no": 1, "geom": {"type": "Point", "coordinates": [104.06, 30.6]}}]
    with site.store.write() as tx:
        id = site.writer.add_draft(tx, Draft(fields, secrecy="public", slug=slug), OFFICER)
        site.writer.put_rows(tx, id, "", RowChanges(columns=COLUMNS, key=("no",), geometry="point", puts=rows), OFFICER)
        site.writer.publish(tx, id, OFFICER)
    return id


def _spoil(site: Site, id: str, wrong: Any) -> None:
    """Gives every field that says nothing about who may see the record the same value, resources and profile fields among them."""
    kept = {"opening", "sharing", "kind", "resources.rows"}
    with site.store.write() as tx:
        fields = json.loads(tx.conn.scalar(select(record.c.fields).where(record.c.id == id)) or "")
        spoilt = {name: wrong for name in (*CORE, "resources.other", "variants.coarse", "x.anything") if name not in kept}
        tx.conn.execute(update(record).where(record.c.id == id).values(fields=json.dumps({**fields, **spoilt})))


@pytest.mark.engine("sqlite")  # what is read is text on both engines
def test_no_face_fails_over_a_value_of_a_wrong_shape(site: Site) -> None:
    ids = [_publish(site, f"wrong-{n}") for n in range(len(WRONG))]
    good = _publish(site, "good")
    slugs = [f"{slug}" for slug in site.reader.names(OFFICER)]
    for id, wrong in zip(ids, WRONG, strict=True):
        _spoil(site, id, wrong)
    client = create_app(site).test_client()
    action, csw = "/api/3/action/", "/csw/?service=CSW&version=2.0.2&elementSetName=full&"
    lists = [
        action + 'package_search?rows=100&facet.field=["organization","tags","groups","res_format","year"]',
        action + "package_search?q=x",
        action + "package_list",
        action + "current_package_list_with_resources?limit=100",
        action + "organization_list?all_fields=true",
        action + "group_list?all_fields=true",
        action + "tag_list?all_fields=true",
        action + "resource_search?query=name:x",
        csw + "request=GetRecords&typeNames=csw:Record&resultType=results&maxRecords=100",
        csw + "request=GetRecords&typeNames=csw:Record&resultType=results&maxRecords=100&outputSchema=http://www.isotc211.org/2005/gmd",
        "/ogc/collections",
        "/",
        "/?q=x",
        "/?sort=title",
    ]
    each = [
        "/dataset/{}",
        "/dataset/{}?view=table",
        "/dataset/{}?view=about",
        action + "package_show?id={}",
        "/ogc/collections/{}",
        "/ogc/collections/{}/items",
        "/ogc/collections/{}/queryables",
        csw + "request=GetRecordById&id={}",
    ]
    asked = [(url, "en") for url in lists] + [(url.format(slug), ("en", "zh")[n % 2]) for url in each for n, slug in enumerate(slugs)]
    failed = {}
    for url, language in asked:
        answer = client.get(url, headers={"Accept-Language": language, "Accept": "text/html" if url.startswith(("/dataset", "/?")) else "*/*"})
        if answer.status_code != 200 or "NoApplicableCode" in answer.text:
            failed[url] = f"{answer.status_code} {answer.text[-200:]}"
    assert not failed, "\n".join(f"{url}: {said}" for url, said in failed.items())
    found = client.get(action + "package_search?rows=100").get_json()["result"]["results"]
    assert len(found) == len(WRONG) + 1
    site.read_audit.flush()
    with site.store.read() as conn:
        said = conn.execute(select(audit.c.record).where(audit.c.event == "read.broken", audit.c.outcome == "alarm")).scalars().all()
    assert sorted(said) == sorted(ids) and good not in said


#: Loose values of each type, as people write them.
LOOSE: dict[str, Any] = {
    "text": "a",
    "texts": "武侯",
    "title": {"zh": "甲", "en": "A"},
    "keywords": ["a", "水"],
    "date": "2024",
    "moment": "2024-01-02T03:04:05+08:00",
    "decimal": 1.5,
    "integer": "5",
    "boolean": "yes",
    "division": "51",
    "divisions": ["510107", "51"],
    "bbox": [1, 2.5, 3, 4],
    "geometry": {"type": "Point", "coordinates": [104.06, 30.6]},
    "period": ["2020", None],
    "crs": "EPSG:4490",
    "scale": "1:5000",
    "url": "http://example.org/",
    "provider": "武侯区局",
    "sharing": "unconditional",
    "opening": True,
    "identifiers": "a",
    "json": {"a": [1, None]},
    "items": [{"name": "a", "type": "text", "title": "x", "length": "5", "nullable": "no", "unit": "m", "note": "n"}],
    "resource": {"title": "R", "kind": "file", "format": "csv", "media_type": "text/csv", "size": "5", "rows": "yes", "key": "a", "url": "http://example.org/"},
}


def test_what_cleaning_gives_has_its_shape() -> None:
    assert LOOSE.keys() == TYPES.keys()
    for kind, value in LOOSE.items():
        assert has_shape(kind, clean_value(kind, value)), kind
    assert has_shape("code:kinds", clean_value("code:kinds", "dataset")) and has_shape("codes:themes", clean_value("codes:themes", ["land", "water"]))
    for name, value in ((name, value) for name, value in complete_fields().items() if name in CORE):
        assert has_shape(CORE[name], clean_value(CORE[name], value)), name
