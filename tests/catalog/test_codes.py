"""Code lists and division names: complete in both languages, and the same words as the policies use."""

import pytest

from catalog.codes import code_list, label, list_names
from catalog.division_names import division_name, is_known
from catalog.errors import ProfileError
from policies.vocabulary import ATTRIBUTES, SCALES


def test_every_list_has_chinese_and_english_names():
    for name in list_names():
        codes = code_list(name)
        assert codes.zh and codes.en and list(codes)
        for code in codes:
            assert code.zh and code.en, (name, code.code)


def test_codes_are_those_that_policies_compare():
    for scale, list_name in (("secrecy", "secrecy"), ("grade", "grades"), ("level", "levels")):
        assert tuple(code_list(list_name).codes) == tuple(SCALES[scale])
    for attribute, list_name in (("record.kind", "kinds"), ("record.sharing", "sharing"), ("record.opening", "opening")):
        assert ATTRIBUTES[attribute].codes == frozenset(code_list(list_name).codes)


def test_an_unknown_list_names_those_that_exist():
    with pytest.raises(ProfileError, match="themes"):
        code_list("colours")
    with pytest.raises(ProfileError):
        code_list("../codes/themes")


def test_labels_and_other_norms():
    assert label("themes", "groundwater", "zh_Hans") == "地下水"
    assert label("themes", "groundwater", "en") == "Groundwater"
    assert label("formats", "unheard-of", "en") == "unheard-of"
    found = code_list("update_cycles").find("iso", "asNeeded")
    assert found is not None and found.code == "irregular"


def test_the_demonstration_chain_has_its_names():
    assert [division_name(code) for code in ("000000", "510000", "510100", "510107")] == ["中华人民共和国", "四川省", "成都市", "武侯区"]
    assert [division_name(code, "en") for code in ("000000", "510000", "510100")] == ["China", "Sichuan", "Chengdu"]


def test_townships_take_the_name_of_their_county():
    assert is_known("510107001") and division_name("510107001") == "武侯区 510107001"
    assert not is_known("999999") and division_name("999999") == "999999" and not is_known("51010")


def test_names_are_those_of_the_published_list(real_data):
    import csv

    with (real_data / "divisions" / "areas.csv").open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            assert is_known(row["code"]) and division_name(row["code"]) == row["name"]
