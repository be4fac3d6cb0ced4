"""Profiles: every packaged one loads, and everything that is missing is named at once (政务数据共享条例 13–15)."""

import pytest

from catalog import profiles
from catalog.errors import ProfileError
from catalog.manifest import check_disclosures, parse
from catalog.manifest_making import build
from catalog.profiles import check, clean_fields, field_names, profile, profile_names
from catalog.record import CORE

COMPLETE = {
    "title": {"zh": "地下水监测数据"},
    "summary": {"zh": "摘要"},
    "category": "1010",
    "provider": {"name": {"zh": "局"}},
    "items": [{"name": "station", "type": "text"}],
    "sharing": {"type": "unconditional", "method": "platform"},
    "opening": {"open": True},
    "update_cycle": "daily",
    "issued": "2026-11-24",
    "kind": "dataset",
    "theme": ["groundwater"],
    "responsible_person": "王某",
    "grade": "general",
    "impact_assessment": {"zh": "无影响"},
    "approval": {"zh": "同意"},
    "resources.a": {"format": "csv", "kind": "spreadsheet"},
}


def _fields(**changes):
    return {name: value for name, value in {**COMPLETE, **changes}.items() if value is not None}


def test_every_packaged_profile_loads():
    assert profile_names()[0] == "core" and len(profile_names()) == 11
    for name in profile_names():
        found = profile(name)
        assert found.id == f"{name}/1" and found.fields.keys() >= CORE.keys()
        assert all(field.zh and field.en for field in found.fields.values())
        assert all(column.zh and column.en for column in found.columns.values())
        assert profile(found.id).fields == found.fields


def test_an_unknown_profile_is_named():
    for id in ("spaceships/1", "core/9", "../core/1"):
        with pytest.raises(ProfileError):
            profile(id)
        assert [problem.field for problem in check(id, COMPLETE)] == ["profile"]
    assert clean_fields("spaceships/1", {}).problems


def test_a_complete_record_has_no_problem():
    assert check("core/1", COMPLETE) == []


@pytest.mark.parametrize(
    "field",
    [
        "title",
        "summary",
        "category",
        "provider",
        "items",
        "sharing",
        "opening",
        "update_cycle",
        "issued",
        "kind",
        "theme",
        "responsible_person",
        "grade",
        "impact_assessment",
        "approval",
    ],
)
def test_each_required_field_is_missed(field):
    problems = check("core/1", _fields(**{field: None}))
    assert [problem.field for problem in problems] == [field]
    assert problems[0].zh and problems[0].en


def test_everything_missing_is_named_at_once():
    assert len(check("core/1", {})) == 15


def test_conditional_sharing_lists_its_conditions():
    assert [problem.field for problem in check("core/1", _fields(sharing={"type": "conditional", "method": "platform"}))] == ["sharing"]
    assert check("core/1", _fields(sharing={"type": "conditional", "method": "platform", "conditions": {"zh": "凭申请"}})) == []


def test_withheld_cites_its_legal_basis_and_is_not_open():
    problems = check("core/1", _fields(sharing={"type": "withheld"}))
    assert [problem.field for problem in problems] == ["sharing", "opening"] and "14" in problems[0].zh
    assert check("core/1", _fields(sharing={"type": "withheld", "legal_basis": {"zh": "保守国家秘密法"}}, opening={"open": False})) == []


def test_the_way_of_sharing_is_asked():
    assert [problem.field for problem in check("core/1", _fields(sharing={"type": "unconditional"}))] == ["sharing"]


def test_a_record_says_in_which_form_its_data_are():
    assert [problem.field for problem in check("core/1", _fields(**{"resources.a": None}))] == ["resources"]
    assert [problem.field for problem in check("core/1", _fields(**{"resources.a": {"url": "https://example.org/"}}))] == ["resources.a"]


def test_only_tables_need_columns():
    assert check("core/1", _fields(items=None, **{"resources.a": {"format": "pdf", "kind": "file"}})) == []


def test_columns_that_the_profile_asks_for():
    problems = check("realestate/1", _fields())
    assert {problem.field for problem in problems} == {"items"} and len(problems) == 3


def test_harvested_records_need_title_and_provider_only():
    assert [problem.field for problem in check("core/1", {}, attested=True)] == ["title", "provider"]
    assert check("core/1", {"title": {"en": "x"}, "provider": {"name": {"en": "y"}}}, attested=True) == []


def test_a_wrong_value_is_named_once_not_also_as_missing():
    assert [problem.field for problem in check("core/1", _fields(kind="spaceship"))] == ["kind"]


def test_columns_behind_row_roles():
    assert profile("groundwater/1").row_column("observed", ("station", "msmt_date")) == "msmt_date"
    assert profile("realestate/1").row_column("owner", ("owner_id", "division")) == "owner_id"
    assert profile("core/1").row_column("owner", ("a",)) is None


def test_a_manifest_discloses_every_field_of_its_profile():
    node = "n-" + "a" * 32
    built = build(
        COMPLETE,
        id="urn:terrace:01234567-89ab-8def-8123-456789abcdef",
        birth=(node, bytes(16)),
        profile="groundwater/1",
        secrecy="public",
        terms=None,
        time="2026-11-24T00:00:00Z",
        version=1,
        zone="business",
        authority=node,
    )
    assert check_disclosures(parse(built.manifest), built.disclosures.values()).keys() == {*field_names("groundwater/1"), "resources.a"}


def test_a_broken_profile_says_what_is_wrong(monkeypatch, tmp_path):
    for text, word in [
        ("version: 1\ntitle: {zh: 某, en: x}\nfields:\n  aquifer: {type: text, zh: a, en: b}", "x."),
        ("version: 1\ntitle: {zh: 某, en: x}\nfields:\n  x.a: {type: shape, zh: a, en: b}", "shape"),
        (": :", "broken"),
        ("version: 1\ntitle: {zh: 某, en: x}\ndefaults: {kind: ship}", "kind"),
    ]:
        (tmp_path / "broken.yaml").write_text(text, encoding="utf-8")
        (tmp_path / "core.yaml").write_bytes((profiles._FOLDER / "core.yaml").read_bytes())
        with monkeypatch.context() as patch:
            patch.setattr(profiles, "_FOLDER", tmp_path)
            profile.cache_clear()
            with pytest.raises(ProfileError, match=word):
                profile("broken/1")
    profile.cache_clear()
