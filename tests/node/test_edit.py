"""How `terrace edit` reads changes: on the command line, from a file, from an editor."""

# ruff: noqa: F811 - fixtures of another file are parameters here

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from node.cli.edit import fields_from_text, fields_to_text, parse_changes
from node.errors import UsageError
from tests.node.test_cli import lines, parcels, published, run  # noqa: F401 (fixtures)

CONTENT: dict[str, Any] = {"title": {"zh": "甲", "en": "A"}, "resources.r1": {"format": "csv"}, "x.depth": "3"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("grade=general", {"grade": "general"}),
        ("code=510107", {"code": "510107"}),
        ("title.en=B=C", {"title": {"zh": "甲", "en": "B=C"}}),
        ("title.en=", {"title": {"zh": "甲"}}),
        ("summary.zh=文", {"summary": {"zh": "文"}}),
        ('opening:={"open": true}', {"opening": {"open": True}}),
        ("contact_phone=", {"contact_phone": None}),
        ("x.depth=4", {"x.depth": "4"}),
        ("resources.r1.title.zh=表", {"resources.r1": {"format": "csv", "title": {"zh": "表"}}}),
    ],
)
def test_change_on_the_command_line(given: str, expected: dict[str, Any]) -> None:
    assert parse_changes((given,), CONTENT) == expected


def test_several_changes_of_one_field_add_up_and_leave_the_original_alone() -> None:
    assert parse_changes(("title.zh=乙", "title.en=B"), CONTENT) == {"title": {"zh": "乙", "en": "B"}}
    assert CONTENT["title"] == {"zh": "甲", "en": "A"}


@pytest.mark.parametrize("given", ["nonsense", "=x", "opening:={broken"])
def test_change_that_cannot_be_read_is_refused(given: str) -> None:
    with pytest.raises(UsageError):
        parse_changes((given,), CONTENT)


def test_fields_survive_the_way_through_yaml() -> None:
    fields = {
        "code": "510107", "long": "000123", "date": "2026-01-02", "number": 7, "yes": "yes", "flag": True, "off": "off", "null": None, "ratio": "1:10000",
        "float": "1.50", "list": ["1", 2], "text": "a: b\n# c\n",
    }  # fmt: skip
    assert fields_from_text(fields_to_text(fields), "t") == fields


def test_yaml_written_by_hand_keeps_dates_and_decimals_as_text() -> None:
    assert fields_from_text("issued: 2026-01-02\nscale: 0.5\nopen: true\nn: 12\nempty:\n", "t") == {
        "issued": "2026-01-02", "scale": "0.5", "open": True, "n": 12, "empty": None,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["a: [", "- 1\n", "!!python/object/apply:os.system ['true']\n", "a: !!python/name:os.system\n"])
def test_file_that_is_no_set_of_fields_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        fields_from_text(text, "t")


def _editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "editor.sh"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("EDITOR", str(program))
    monkeypatch.delenv("VISUAL", raising=False)


def test_editor_changes_and_takes_away(
    run: Callable[..., Result],
    published: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _editor(tmp_path, monkeypatch, "sed -i -e 's/测试地块/新的摘要/' -e '/^grade:/d' \"$1\"; sleep 0.01; touch -d '+2 seconds' \"$1\"")
    result = run("edit", published["id"], "--json")
    assert result.exit_code == 0, result.output
    assert lines(result)[0]["changed"] == ["grade", "summary"]
    draft = lines(run("show", published["id"], "--draft", "--json"))[0]
    assert draft["fields"]["summary"] == {"zh": "新的摘要"}
    assert "grade" not in draft["fields"]


def test_editor_that_saves_nothing_changes_nothing(
    run: Callable[..., Result],
    published: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _editor(tmp_path, monkeypatch, "true")
    assert lines(run("edit", published["id"], "--json"))[0]["changed"] == []
    assert run("show", published["id"], "--draft").exit_code == 4
