"""The command line on real folders: what it prints, what it answers in JSON, its exit codes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from node.cli.base import Command, Group
from node.cli.main import COMMANDS, cli
from tests.node.served import TERRACE

COMPLETE = [
    "summary.zh=测试地块", "category=land", "sharing.type=unconditional", "sharing.method=service", 'opening:={"open":true}', 'theme:=["land"]',
    "responsible_person=王敏", "grade=general", "impact_assessment=无", "approval=同意",
]  # fmt: skip
PARCELS = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {"name": f"地块{n}", "area": n + 0.5},
         "geometry": {"type": "Polygon", "coordinates": [[[104, 30], [104.1, 30], [104.1, 30.1], [104, 30.1], [104, 30]]]}}
        for n in range(3)
    ],
}  # fmt: skip

type Run = Callable[..., Result]


@pytest.fixture
def run(folder: Path) -> Run:
    def invoke(*args: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(cli, ["-C", str(folder), *args], input=stdin, catch_exceptions=False)

    return invoke


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def parcels(tmp_path: Path) -> Path:
    file = tmp_path / "parcels.geojson"
    file.write_text(json.dumps(PARCELS), encoding="utf-8")
    return file


@pytest.fixture
def published(run: Run, parcels: Path) -> dict[str, Any]:
    """A record that was added and published."""
    sets = [part for value in COMPLETE for part in ("--set", value)]
    result = run("add", str(parcels), "--publish", "--secrecy", "public", "--json", *sets)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = lines(result)[0]
    return found


def _every_command() -> list[tuple[list[str], click.Command]]:
    found: list[tuple[list[str], click.Command]] = []
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        if isinstance(command, Group):
            found += [([name, inner], command.commands[inner]) for inner in command.commands]
        else:
            found.append(([name], command))
    return found


@pytest.mark.parametrize(("path", "command"), _every_command(), ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_every_command_has_help_with_an_example_and_json(path: list[str], command: click.Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(command, Command)
    assert command.example.startswith("terrace ")
    for language, usage in (("en", "Usage:"), ("zh", "用法")):
        monkeypatch.setenv("TERRACE_LANG", language)
        monkeypatch.setenv("LANGUAGE", {"en": "en", "zh": "zh_Hans"}[language])
        result = CliRunner().invoke(cli, ["--lang", language, *path, "--help"])
        assert result.exit_code == 0
        assert "--json" in result.output
        assert usage in result.output


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; sys.argv = ['terrace', '--help']\nfrom node.cli import main\ntry:\n main()\nexcept SystemExit: pass\n"
    code += "print([name for name in ('sqlalchemy', 'flask', 'pygeoapi', 'pydantic', 'numpy') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert result.stdout.splitlines()[-1] == "[]"


def test_init_makes_a_site_and_never_overwrites(tmp_path: Path) -> None:
    target = tmp_path / "new"
    args = ["init", str(target), "--division", "510107", "--name", "武侯区", "--name", "Wuhou"]
    first = CliRunner().invoke(cli, args)
    assert first.exit_code == 0
    assert "Node id: n-" in first.output
    assert f"terrace -C {target} serve" in first.output
    assert oct((target / "keys" / "site.pem").stat().st_mode & 0o777) == "0o600"
    again = CliRunner().invoke(cli, args)
    assert again.exit_code == 2
    assert "overwrites nothing" in again.output


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--division", "5101", "--name", "甲"], "6, 9 or 12 digits"),
        (["--division", "510107", "--name", "甲", "--zone", "moon"], "'moon' is not among zones"),
        (["--name", "甲"], "--division"),
        (["--unit", "510000/geo", "--name", "甲"], "must give level"),
    ],
)
def test_init_that_is_refused_leaves_nothing_behind(tmp_path: Path, args: list[str], expected: str) -> None:
    result = CliRunner().invoke(cli, ["init", str(tmp_path / "new"), *args])
    assert result.exit_code == 2
    assert expected in result.output
    assert list(tmp_path.iterdir()) == []


def test_unit_that_is_no_division_gets_a_site(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["init", str(tmp_path / "geo"), "--unit", "510000/geo-survey", "--level", "province", "--name", "四川地调院", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["zone"] == "business"


def test_folder_that_is_no_site_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["-C", str(tmp_path), "search"])
    assert result.exit_code == 2
    assert "is not a Terrace site" in result.output


def test_errors_come_as_json_when_asked(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["-C", str(tmp_path), "search", "--json"])
    error = json.loads(result.stderr)["error"]
    assert (result.exit_code, error["kind"]) == (2, "site-folder")
    assert error["zh"] and error["en"]


def test_add_publish_show_search_edit_withdraw(run: Run, published: dict[str, Any]) -> None:
    assert (published["status"], published["rows"], published["kind"]) == ("published", 3, "dataset")
    found = lines(run("search", "测试", "--json"))[0]
    assert [item["id"] for item in found["items"]] == [published["id"]]
    shown = lines(run("show", found["items"][0]["slug"], "--json"))[0]
    assert shown["fields"]["responsible_person"] == "王敏"
    assert shown["fields"]["provider"]["name"]["zh"] == "武侯区规划和自然资源局"

    edited = run("edit", published["id"], "title.en=Parcels", 'keywords:={"en": ["fields", "lots"]}', "--publish", "--json")
    assert (edited.exit_code, lines(edited)[0]["version"]) == (0, 2)
    assert lines(run("show", published["id"], "--json"))[0]["fields"]["title"]["en"] == "Parcels"
    assert "keywords\tfields; lots\n" in run("show", published["id"]).output

    gone = run("withdraw", published["id"], "--reason", "test", "--json")
    assert (gone.exit_code, lines(gone)[0]["status"]) == (0, "withdrawn")
    assert run("show", published["id"]).exit_code == 4
    assert lines(run("search", "--json"))[0]["total"] == 0


def test_withdrawn_record_says_so_and_comes_back_by_an_edit(run: Run, published: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    slug = lines(run("show", published["id"], "--json"))[0]["slug"]
    run("withdraw", published["id"], "--reason", "wrong file")
    for name in (published["id"], published["id"].removeprefix("urn:terrace:"), slug):
        refused = run("publish", name)
        assert refused.exit_code == 3
        assert "was withdrawn on" in refused.stderr and "wrong file" in refused.stderr and f"terrace edit {published['id']}" in refused.stderr
    monkeypatch.setenv("TERRACE_LANG", "zh")
    assert "已于" in run("publish", slug).stderr
    monkeypatch.setenv("TERRACE_LANG", "en")
    edited = run("edit", slug, "quality.en=checked again")
    assert edited.exit_code == 0 and "was withdrawn; publishing shows it again" in edited.stdout
    assert lines(run("publish", slug, "--json"))[0]["version"] == 3
    assert run("show", slug).exit_code == 0
    run("withdraw", slug, "--reason", "test")
    assert lines(run("edit", slug, "quality.en=and again", "--publish", "--json"))[0]["version"] == 5


def test_withdrawn_record_is_not_told_of_to_who_could_not_see_it(run: Run, folder: Path, published: dict[str, Any]) -> None:
    run("user", "add", "clerk", "--role", "officer", "--role", "clerk", "--no-password")
    hide = "policy: own\nrules:\n- rule: h\n  deny: discover\n  what: record.theme has land\n  who: actor.person is clerk\n  because: {zh: 不, en: no}\n"
    run("withdraw", published["id"], "--reason", "test")
    assert run("--as", "clerk", "publish", published["id"]).exit_code == 3
    (folder / "policies" / "own.yaml").write_text(hide, encoding="utf-8")
    assert run("policy", "reload").exit_code == 0
    missing = run("--as", "clerk", "publish", "urn:terrace:00000000-0000-8000-8000-000000000000")
    for words in (("publish", published["id"]), ("edit", published["id"], "title.en=x")):
        refused = run("--as", "clerk", *words)
        assert refused.exit_code == 4 and "withdrawn" not in refused.stderr
    assert missing.exit_code == 4


def test_file_that_is_added_again_changes_nothing(run: Run, parcels: Path, published: dict[str, Any]) -> None:
    again = lines(run("add", str(parcels), "--publish", "--json"))[0]
    assert (again["status"], again["id"]) == ("unchanged", published["id"])


def test_publish_names_everything_that_is_missing(run: Run, parcels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("add", str(parcels), "--publish", "--json")
    assert result.exit_code == 3
    refused = lines(result)[0]
    assert {"sharing", "responsible_person", "secrecy"} <= {problem["field"] for problem in refused["error"]["problems"]}
    monkeypatch.setenv("TERRACE_LANG", "zh")
    in_chinese = run("publish", refused["id"])
    assert in_chinese.exit_code == 3
    assert any(word in in_chinese.stderr for word in ("責任人", "责任人"))


def test_edit_that_cannot_be_published_keeps_the_changes_in_the_draft(run: Run, parcels: Path) -> None:
    id = lines(run("add", str(parcels), "--json"))[0]["id"]
    result = run("edit", id, "summary.zh=保留", "--publish")
    assert result.exit_code == 3
    assert lines(run("show", id, "--json"))[0]["fields"]["summary"] == {"zh": "保留"}


def test_add_goes_on_after_a_refused_file_and_says_so_in_its_exit_code(run: Run, parcels: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.geojson"
    broken.write_text("{", encoding="utf-8")
    result = run("add", str(broken), str(parcels), "--json")
    by_file = {Path(line["file"]).name: line for line in lines(result)}
    assert result.exit_code == 3
    assert by_file["broken.geojson"]["status"] == "refused"
    assert by_file["broken.geojson"]["error"]["en"]
    assert by_file["parcels.geojson"]["status"] == "draft"


def test_new_records_of_the_settings_fill_what_files_lack(folder: Path, run: Run, parcels: Path) -> None:
    with (folder / "terrace.yaml").open("a", encoding="utf-8") as stream:
        stream.write("new_records: {secrecy: public, fields: {responsible_person: 李明, opening: {open: true}}}\n")
    id = lines(run("add", str(parcels), "--json"))[0]["id"]
    shown = lines(run("show", id, "--json"))[0]
    assert shown["secrecy"] == "public"
    assert shown["fields"]["responsible_person"] == "李明"
    assert shown["fields"]["opening"] == {"open": True}


def test_record_can_be_edited_from_a_file(run: Run, published: dict[str, Any], tmp_path: Path) -> None:
    changes = tmp_path / "changes.yaml"
    changes.write_text("territory: ['510107', '510104']\nscale: 1:10000\ncontact_phone: null\n", encoding="utf-8")
    assert run("edit", published["id"], "--file", str(changes), "--publish").exit_code == 0
    fields = lines(run("show", published["id"], "--json"))[0]["fields"]
    assert fields["territory"] == ["510107", "510104"]


def test_person_acts_only_as_the_roles_permit(run: Run, published: dict[str, Any]) -> None:
    for login, role in (("clerk1", "clerk"), ("admin1", "administrator"), ("audit1", "auditor")):
        assert run("user", "add", login, "--role", role, "--no-password").exit_code == 0
    assert run("--as", "clerk1", "edit", published["id"], "summary.zh=改").exit_code == 0
    denied = run("--as", "clerk1", "publish", published["id"], "--json")
    assert (denied.exit_code, json.loads(denied.stderr)["error"]["kind"]) == (3, "denied")
    assert run("--as", "admin1", "audit", "list").exit_code == 3
    assert run("--as", "audit1", "audit", "list").exit_code == 0
    assert run("--as", "audit1", "user", "add", "x", "--no-password").exit_code == 3
    assert run("--as", "nobody", "search").exit_code == 4
    assert run("user", "lock", "clerk1").exit_code == 0
    assert run("--as", "clerk1", "search").exit_code == 3


def test_person_finds_nothing_of_a_hidden_record_in_any_role(run: Run, folder: Path, published: dict[str, Any]) -> None:
    closing = "policy: closing\nrules:\n- rule: nobody\n  deny: discover\n  unless: actor.person is local\n  because: {zh: 暂停, en: closed}\n"
    (folder / "policies" / "closing.yaml").write_text(closing, encoding="utf-8")
    slug = lines(run("show", published["id"], "--json"))[0]["slug"]
    run("edit", published["id"], "title.en=Elsewhere")
    for role in ("clerk", "supervisor", "administrator"):
        assert run("user", "add", role, "--role", role, "--no-password").exit_code == 0
    assert run("--as", "clerk", "show", published["id"], "--draft").exit_code == 0
    assert run("policy", "reload").exit_code == 0
    unknown = "urn:terrace:00000000-0000-8000-8000-000000000000"
    for words in (("edit", "{}", "title.en=x"), ("show", "{}", "--draft"), ("search", "--drafts")):
        asked = [run("--as", "clerk", *(word.format(id) for word in words)) for id in (published["id"], unknown)]
        said = [each.output.replace(published["id"], "ID").replace(unknown, "ID") for each in asked]
        assert (asked[0].exit_code, said[0]) == (asked[1].exit_code, said[1])
    for words in (("publish", "{}"), ("withdraw", "{}", "--reason", "x")):
        assert run("--as", "supervisor", *(word.format(published["id"]) for word in words)).exit_code == 4
    assert lines(run("--as", "supervisor", "publish", "--all", "--json")) == []
    for name in (published["id"], slug):  # who administers the policy asks why somebody sees nothing
        assert "closing/nobody" in run("--as", "administrator", "policy", "explain", name, "--action", "discover").output
    assert lines(run("publish", "--all", "--json"))[0]["status"] == "published"


def test_security_roles_are_not_the_administrators_to_give(run: Run) -> None:
    assert run("user", "add", "admin1", "--role", "administrator", "--no-password").exit_code == 0
    assert run("--as", "admin1", "user", "add", "x", "--role", "auditor", "--no-password").exit_code == 3
    assert run("--as", "admin1", "user", "add", "y", "--role", "clerk", "--no-password").exit_code == 0
    assert run("--as", "admin1", "user", "roles", "y", "security_officer").exit_code == 3


def test_password_is_read_from_standard_input_and_short_ones_are_refused(run: Run) -> None:
    assert run("user", "add", "li", "--password-stdin", stdin="short\n").exit_code == 3
    assert run("user", "add", "li", "--password-stdin", stdin="long enough for anyone\n").exit_code == 0
    assert run("user", "password", "li", "--password-stdin", stdin="another long password\n").exit_code == 0


def test_token_is_shown_once_and_listed_without_its_secret(run: Run) -> None:
    run("user", "add", "li", "--no-password")
    made = lines(run("token", "create", "li", "--label", "qgis", "--days", "2", "--json"))[0]
    assert made["token"].startswith("tt_")
    listed = run("token", "list", "--json")
    assert made["token"] not in listed.output
    assert lines(listed)[0]["label"] == "qgis"
    assert lines(run("token", "revoke", "li", "--json"))[0]["revoked"] == 1


def test_audit_tells_who_did_it_and_an_altered_line_is_found(run: Run, folder: Path, published: dict[str, Any], database_url: str) -> None:
    events = lines(run("audit", "list", "--event", "record", "--json"))
    assert {"record.publish", "record.draft"} <= {line["event"] for line in events}
    assert all(line["actor"].startswith("person:local@") for line in events)
    assert run("audit", "verify").exit_code == 0
    from sqlalchemy import text

    from node.identity import open_database
    from node.settings import load_settings

    store = open_database(folder, load_settings(folder))
    with store.write() as tx:
        tx.conn.execute(text("UPDATE audit SET actor = 'person:other' WHERE event = 'record.publish'"))
    store.close()
    found = run("audit", "verify", "--json")
    assert (found.exit_code, lines(found)[0]["bad"]) == (1, events[[line["event"] for line in events].index("record.publish")]["seq"])


def test_settings_show_what_is_in_force_and_no_secret(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERRACE_OBJECTS_SECRET", "hidden value")
    result = run("settings", "--json")
    assert lines(result)[0]["site"]["division"] == "510107"
    assert "hidden value" not in result.output


def test_db_status_and_upgrade(run: Run, engine_name: str) -> None:
    assert lines(run("db", "status", "--json"))[0]["engine"] == engine_name
    assert run("db", "upgrade").exit_code == 0


def test_wrong_usage_is_exit_code_two_in_the_persons_language() -> None:
    result = subprocess.run([*TERRACE, "--lang", "zh", "add"], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert result.returncode == 2
    assert "缺少参数" in result.stderr
