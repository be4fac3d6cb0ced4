"""Who says what of a file that comes out of an archive: whoever takes the archive in, and what lies inside, which may only tighten that."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from catalog.ingest.joining import stricter_secrecy, stricter_terms
from tests.catalog.intake import Intake

STRICT = {"secrecy": "secret", "terms": {"onward": False}, "fields": {"sharing": {"type": "withheld"}, "category": "3070115"}}
LOOSE = {"secrecy": "public", "terms": {"onward": True}, "fields": {"sharing": {"type": "unconditional", "method": "platform"}}}


@pytest.fixture
def intake(store, tmp_path: Path) -> Intake:
    return Intake(store, tmp_path)


def _zip(**members: Any) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data if isinstance(data, (bytes, str)) else json.dumps(data))
    return packed.getvalue()


def _said(intake: Intake, id: str | None) -> tuple[str | None, Any, str]:
    found = intake.draft(id)
    return found.secrecy, found.terms, found.fields["sharing"]["type"] if "sharing" in found.fields else ""


TWO = {"d0__csv": "id,v\n1,2\n", "d1__csv": "id,v\n1,3\n", "readme__txt": "x"}


def test_sidecar_of_a_zip_with_several_files_holds_of_each(intake):
    intake.file("two.terrace.json", json.dumps({**STRICT, "slug": "two", "fields": {**STRICT["fields"], "title": "甲", "quality": "复核"}}))
    results = intake.add(intake.file("two.zip", _zip(**TWO)))
    assert [result.status for result in results] == ["draft", "draft"]
    assert [list(result.title.values()) for result in results] == [["d0"], ["d1"]]
    for result in results:
        assert _said(intake, result.id) == ("secret", {"onward": False}, "withheld")
        assert "复核" in intake.fields(result.id)["quality"].values() and intake.draft(result.id).slug is None
    assert [result.status for result in intake.add(intake.files / "two.zip")] == ["unchanged", "unchanged"]


@pytest.mark.parametrize("members", [{"d__csv": "id,v\n1,2\n"}, TWO, {"in__zip": _zip(**TWO, **{"d0__terrace__json": LOOSE, "d1__terrace__json": LOOSE})}])
def test_what_lies_in_an_archive_cannot_loosen_what_its_sidecar_or_the_caller_said(intake, members):
    loose = {"d__terrace__json": LOOSE, "d0__terrace__json": LOOSE, "d1__terrace__json": LOOSE} if "in__zip" not in members else {}
    data = _zip(**members, **{name: text for name, text in loose.items() if name.replace("terrace__json", "csv") in members})
    intake.file("a.terrace.json", json.dumps(STRICT))
    given = {"secrecy": "secret", "terms": {"onward": False}, "defaults": {"sharing": {"type": "withheld"}}}
    for results in (intake.add(intake.file("a.zip", data)), intake.add(intake.file("b.zip", data), **given)):
        assert len(results) == (2 if len(members) == 3 or "in__zip" in members else 1)
        for result in results:
            assert result.status == "draft"
            assert _said(intake, result.id) == ("secret", {"onward": False}, "withheld")


def test_what_lies_in_an_archive_may_tighten(intake):
    intake.file("a.terrace.json", json.dumps(LOOSE))
    results = intake.add(intake.file("a.zip", _zip(**TWO, d1__terrace__json=STRICT)))
    assert [_said(intake, result.id) for result in results] == [("public", {"onward": True}, "unconditional"), ("secret", {"onward": False}, "withheld")]


def test_words_beside_a_file_go_before_those_of_the_caller(intake):
    """Outside of archives nothing has changed: `--secrecy` is for files that do not say theirs."""
    intake.file("a.terrace.json", json.dumps(LOOSE))
    assert _said(intake, intake.one(intake.file("a.csv", "id,v\n1,2\n"), secrecy="secret").id)[0] == "public"
    intake.file("z.terrace.json", json.dumps(LOOSE))
    assert _said(intake, intake.one(intake.file("z.zip", _zip(d__csv="id,v\n1,4\n")), secrecy="secret").id)[0] == "public"


def test_another_content_of_an_archive_does_not_loosen_the_record(intake):
    result = intake.one(
        intake.file("a.zip", _zip(d__geojson=_points(1))), secrecy="secret", terms={"onward": False}, defaults={"sharing": {"type": "withheld"}}
    )
    again = intake.one(intake.file("a.zip", _zip(d__geojson=_points(2), d__terrace__json=LOOSE)))
    assert again.id == result.id and again.status == "changed"
    assert _said(intake, again.id) == ("secret", {"onward": False}, "withheld")


def _points(count: int) -> str:
    points = [{"type": "Feature", "properties": {"id": n}, "geometry": {"type": "Point", "coordinates": [104.0 + n, 30.5]}} for n in range(count)]
    return json.dumps({"type": "FeatureCollection", "features": points})


def test_both_terms_hold():
    one = {"audience": {"divisions": ["510100"], "nodes": ["n-a", "n-b"]}, "until": "2027-01-01T00:00:00Z", "onward": True, "purposes": ["a", "b"], "lease": 9}
    other = {
        "audience": {"divisions": ["510107", "520000"], "nodes": ["n-b"]},
        "until": "2026-01-01T00:00:00Z",
        "purposes": ["b", "c"],
        "obligations": [{"hide": ["x"]}],
    }
    both = {
        "audience": {"divisions": ["510107"], "nodes": ["n-b"]}, "until": "2026-01-01T00:00:00Z", "onward": True, "purposes": ["b"], "lease": 9,
        "obligations": [{"hide": ["x"]}],
    }  # fmt: skip
    assert stricter_terms(one, other) == both and stricter_terms(both, other) == both
    assert stricter_terms({}, {"onward": True}) == {} and stricter_terms({}, {"onward": False}) == {"onward": False}
    assert stricter_terms(None, one) == one and stricter_secrecy("secret", "klingon") == "klingon"
