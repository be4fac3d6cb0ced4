"""Every kind of bad settings, variable and file for `terrace edit`: one clear error in both languages."""

from pathlib import Path

import pytest

from node.cli.edit import read_fields
from node.errors import SettingsError, UsageError
from node.settings import load_settings
from tests.bad import in_both_languages
from tests.bad.settings import EDITS, SETTINGS, SOUND, VARIABLES


def _refused(folder: Path, content: bytes, environment: dict[str, str]) -> SettingsError:
    (folder / "terrace.yaml").write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_settings(folder, environment)
    return caught.value


def test_each_bad_file_is_one_clear_error(tmp_path: Path) -> None:
    wrong = {}
    for name, (content, words) in SETTINGS.items():
        error = _refused(tmp_path, content, {})
        if words not in error.en or not all(in_both_languages(each.zh, each.en) for each in error.problems) or len(error.en) > 2_000:
            wrong[name] = f"{error.zh[:500]}\n{error.en[:500]}"
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())


@pytest.mark.parametrize("name", VARIABLES)
def test_each_bad_variable_is_named(tmp_path: Path, name: str) -> None:
    variable, value, words = VARIABLES[name]
    error = _refused(tmp_path, SOUND.encode(), {variable: value})
    assert words in error.en and f"${variable}" in error.en and all(in_both_languages(each.zh, each.en) for each in error.problems)


def test_each_bad_file_of_changes_is_one_clear_error(tmp_path: Path) -> None:
    wrong, path = {}, tmp_path / "changes.yaml"
    for name, (content, words) in EDITS.items():
        path.write_bytes(content)
        with pytest.raises(UsageError) as caught:
            read_fields(path)
        if words not in caught.value.en or not in_both_languages(caught.value.zh.partition(": ")[2], caught.value.en):
            wrong[name] = f"{caught.value.zh}\n{caught.value.en}"
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
