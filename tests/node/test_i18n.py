"""Every text of the command line exists in Chinese; the language is chosen as the environment says."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from node import i18n

ROOT = Path(__file__).parents[2]


def test_every_text_of_the_command_line_has_its_chinese() -> None:
    with (i18n.TRANSLATIONS / "zh_Hans" / "LC_MESSAGES" / "cli.po").open("rb") as stream:
        catalog = read_po(stream, locale="zh_Hans")
    keywords = {"N_": None, "translate": None, "counted": (2,)}
    found = {text for _, _, text, _, _ in extract_from_dir(str(ROOT / "node" / "cli"), [("**.py", "python")], keywords=keywords)}
    texts = {text for text in found if isinstance(text, str) and text}
    assert len(texts) > 150
    missing = sorted(text for text in texts if not (catalog.get(text) and catalog[text].string))
    assert not missing, "add these to node/translations/zh_Hans/LC_MESSAGES/cli.po"


def test_placeholders_are_the_same_in_both_languages() -> None:
    import re

    with (i18n.TRANSLATIONS / "zh_Hans" / "LC_MESSAGES" / "cli.po").open("rb") as stream:
        for message in read_po(stream, locale="zh_Hans"):
            if isinstance(message.id, tuple):  # click's: any form may name what the English forms name
                assert set(re.findall(r"\{[^}]*\}", str(message.string))) <= set(re.findall(r"\{[^}]*\}", str(message.id))), message.id
            elif message.id:
                assert sorted(re.findall(r"\{[^}]*\}", message.id)) == sorted(re.findall(r"\{[^}]*\}", message.string)), message.id


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW"}, "zh"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "TERRACE_LANG": "zh"}, "zh"),
        ({"LANG": "fr_FR"}, "en"),
        ({}, "en"),
    ],
)
def test_language_of_the_process(environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TERRACE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert i18n.language() == expected


def test_text_pair_falls_back_to_what_there_is() -> None:
    with i18n.speaking("en"):
        assert i18n.choose({"zh": "甲", "en": "A"}) == "A"
        assert i18n.choose({"zh": "甲"}) == "甲"
        assert i18n.choose({"ug": "x"}) == "x"
        assert i18n.choose(None, "-") == "-"
    with i18n.speaking("zh"):
        assert i18n.choose({"zh": "", "en": "A"}) == "A"


def test_one_thing_is_one_and_chinese_has_one_form() -> None:
    def said(count: int) -> str:
        return i18n.counted("{count} token revoked.", "{count} tokens revoked.", count).format(count=count)

    with i18n.speaking("en"):
        assert [said(count) for count in (0, 1, 2)] == ["0 tokens revoked.", "1 token revoked.", "2 tokens revoked."]
    with i18n.speaking("zh"):
        assert said(1) == "已吊销 1 个令牌。"
    assert (i18n.number_of(1, "day"), i18n.number_of(2, "day"), i18n.number_of(2, "batch", "batches")) == ("1 day", "2 days", "2 batches")
