"""Settings: every error at once with its place, overrides by the environment, a reference page that is current."""

from pathlib import Path

import pytest

from node.errors import SettingsError, SiteFolderError
from node.settings import load_settings, parse_settings
from node.settings_model import Settings
from node.settings_reference import reference

SMALLEST = "site: {name: {zh: 甲局}, division: 000000}\n"


def problems(text: str, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, "terrace.yaml", environment or {})
    assert len(caught.value.zh.splitlines()) == len(caught.value.en.splitlines())
    return [f"{each.place}: {each.en}" for each in caught.value.problems]


def test_smallest_file_gets_the_defaults_of_its_zone() -> None:
    settings = parse_settings(SMALLEST, "terrace.yaml", {})
    assert (settings.site.division, settings.site.zone, settings.highest_secrecy) == ("000000", "business", "internal")
    assert (settings.listen.host, settings.database) == ("127.0.0.1", "terrace.db")


def test_all_errors_are_reported_at_once_with_line_and_mend() -> None:
    text = "site:\n  name: {zh: 甲}\n  divison: 510107\n  division: 5101\nlisten:\n  port: eighty\n  threads: 0\n"
    assert problems(text) == [
        "terrace.yaml:4:3: site.division: a division code has 6, 9 or 12 digits, for example 510107",
        "terrace.yaml:3:3: site.divison: unknown setting; did you mean 'division'?",
        "terrace.yaml:6:3: listen.port: must be a whole number",
        "terrace.yaml:7:3: listen.threads: must be at least 1",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("site: {", "terrace.yaml:2:1: not usable YAML"),
        ("- a\n", "terrace.yaml:1:1: the file must hold settings"),
        ("site: {name: {zh: a}, division: 000000}\nsite: {}\n", "terrace.yaml:2:1: not usable YAML: 'site' is given twice"),
        ("site: &a {name: {zh: a}, division: 000000}\n", "terrace.yaml:1:7: not usable YAML: it has an anchor"),
        ("language: zh\n", "terrace.yaml:1:1: site: is required"),
        (SMALLEST.replace("}", ", zone: moon}", 2).replace("甲局, zone: moon}", "甲局}"), "terrace.yaml:1:1: site.zone 'moon' is not among zones"),
        (SMALLEST + "tls: {certificate: a.pem}\n", "terrace.yaml:2:1: tls: give both certificate and key"),
    ],
)
def test_bad_file_is_refused_with_its_place(text: str, expected: str) -> None:
    assert problems(text)[0].startswith(expected)


def test_environment_overrides_the_file() -> None:
    variables = {"TERRACE_LISTEN__PORT": "9000", "TERRACE_SITE__NAME__EN": "A", "TERRACE_LISTEN__BEHIND_PROXY": "yes", "TERRACE_LANG": "en"}
    settings = parse_settings(SMALLEST, "t", variables)
    assert (settings.listen.port, settings.site.name, settings.listen.behind_proxy) == (9000, {"zh": "甲局", "en": "A"}, True)


def test_mistyped_variable_is_an_error_and_a_foreign_one_is_not() -> None:
    assert problems(SMALLEST, {"TERRACE_LISTN__PORT": "1"}) == ["$TERRACE_LISTN__PORT: names no setting; did you mean TERRACE_LISTEN__PORT?"]
    assert problems(SMALLEST, {"TERRACE_LISTEN__PORT": "x"}) == ["$TERRACE_LISTEN__PORT: listen.port: must be a whole number"]
    assert parse_settings(SMALLEST, "t", {"TERRACE_REAL_DATA": "/data"}).listen.port == 8080


def test_folder_without_settings_is_no_site(tmp_path: Path) -> None:
    with pytest.raises(SiteFolderError, match="is not a Terrace site"):
        load_settings(tmp_path, {})


def test_reference_page_is_current() -> None:
    page = Path(__file__).parents[2] / "node" / "SETTINGS.md"
    assert page.read_text(encoding="utf-8") == reference(), "run: terrace settings --reference > node/SETTINGS.md"


def test_every_setting_is_described() -> None:
    def walk(model: type) -> None:
        for name, info in model.model_fields.items():  # type: ignore[attr-defined]
            assert info.description, name

    walk(Settings)
