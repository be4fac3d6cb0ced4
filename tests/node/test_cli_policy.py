"""The policy by the command line, and live: checked, explained, compared, reloaded by a served site, the old one kept when the new one is bad."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import Result

from node.founding import Founding, found
from tests.node.served import Served
from tests.node.test_cli import COMPLETE, PARCELS, lines, parcels, published, run  # noqa: F401 (fixtures)
from tests.node.test_joining import terrace, until

RULE = """policy: closing
rules:
- rule: nobody-outside
  deny: discover
  unless: actor.kind is person
  because: {zh: 暂停对外, en: closed to the outside}
"""


def test_check_names_every_error_with_its_place(run: Callable[..., Result], folder: Path, tmp_path: Path) -> None:  # noqa: F811
    assert run("policy", "check").exit_code == 0
    bad = tmp_path / "bad.yaml"
    bad.write_text("policy: bad\nrules:\n- rule: x\n  allow: raed\n  who: everyone\n  because: {zh: a, en: b}\n", encoding="utf-8")
    result = run("policy", "check", str(bad))
    assert result.exit_code == 3
    assert "bad.yaml:4:" in result.stderr and "did you mean 'read'?" in result.stderr


def test_explain_tells_the_rule_that_decides(run: Callable[..., Result], published: dict[str, Any]) -> None:  # noqa: F811
    facts = lines(run("policy", "explain", published["id"], "--actor", "kind=agency,sector=environment,division=510107", "--action", "read", "--json"))[0]
    assert facts["actions"][0]["action"] == "read"
    assert "read: " in run("policy", "explain", published["id"]).output
    assert run("policy", "explain", "urn:terrace:00000000-0000-8000-8000-000000000000").exit_code == 4


def test_diff_and_reload(run: Callable[..., Result], folder: Path) -> None:  # noqa: F811
    before = lines(run("policy", "list", "--json"))[0]
    (folder / "policies" / "closing.yaml").write_text(RULE, encoding="utf-8")
    assert "closing/nobody-outside" in run("policy", "diff").output
    assert lines(run("policy", "reload", "--json"))[0]["epoch"] == before["epoch"] + 1
    (folder / "policies" / "closing.yaml").write_text(RULE.replace("deny", "dney"), encoding="utf-8")
    assert run("policy", "reload").exit_code == 3
    after = lines(run("policy", "list", "--json"))[0]
    assert after["epoch"] == before["epoch"] + 1
    assert "closing/nobody-outside" in {rule["rule"] for rule in after["rules"]}
    assert after["problem"]


def _edit(run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, *words: str, answer: str | None = None) -> Result:  # noqa: F811
    new = tmp_path / "new.yaml"
    new.write_text(text, encoding="utf-8")
    program = tmp_path / "editor.sh"
    program.write_text(f"#!/bin/sh\ncat '{new}' > \"$1\"; touch -d '+2 seconds' \"$1\"\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(program))
    monkeypatch.delenv("VISUAL", raising=False)
    return run("policy", "edit", *words, stdin=answer)


def test_edit_shows_what_changes_asks_and_puts_it_in_force(run: Callable[..., Result], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    before = lines(run("policy", "list", "--json"))[0]
    file = folder / "policies" / "closing.yaml"
    refused = _edit(run, tmp_path, monkeypatch, RULE, "closing.yaml", answer="n\n")
    assert refused.exit_code == 0 and not file.exists()
    assert "+- rule: nobody-outside" in refused.output and "+ closing/nobody-outside" in refused.output and "Put it in force?" in refused.output
    assert lines(run("policy", "list", "--json"))[0]["epoch"] == before["epoch"]
    done = _edit(run, tmp_path, monkeypatch, RULE, "closing.yaml", answer="y\n")
    assert done.exit_code == 0 and file.read_text(encoding="utf-8") == RULE
    assert lines(run("policy", "list", "--json"))[0]["epoch"] == before["epoch"] + 1
    again = _edit(run, tmp_path, monkeypatch, RULE.replace("暂停对外", "暂不对外"), "closing.yaml", "--yes", "--json")
    assert lines(again)[-1]["changed"] and "~ closing/nobody-outside" in again.stderr
    assert "Nothing changed" in _edit(run, tmp_path, monkeypatch, file.read_text(encoding="utf-8"), "closing.yaml").output


def test_edit_with_errors_changes_nothing_and_loses_nothing(run: Callable[..., Result], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    site_yaml = (folder / "policies" / "site.yaml").read_text(encoding="utf-8")
    before = lines(run("policy", "list", "--json"))[0]
    bad = RULE.replace("deny", "dney")
    refused = _edit(run, tmp_path, monkeypatch, bad, "--yes")
    assert refused.exit_code == 3 and "site.yaml:4:" in refused.stderr
    assert (folder / "policies" / "site.yaml").read_text(encoding="utf-8") == site_yaml
    assert (folder / "policies" / ".site.yaml.edited").read_text(encoding="utf-8") == bad
    after = lines(run("policy", "list", "--json"))[0]
    assert (after["epoch"], after["problem"]) == (before["epoch"], None)
    for name in ("../terrace.yaml", ".hidden.yaml", "site.txt"):
        assert run("policy", "edit", name).exit_code == 2


def test_edit_does_not_overwrite_what_somebody_else_changed_meanwhile(
    run: Callable[..., Result],  # noqa: F811
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = folder / "policies" / "closing.yaml"
    program = tmp_path / "other.sh"
    program.write_text(f"#!/bin/sh\necho '# mine' >> \"$1\"; touch -d '+2 seconds' \"$1\"; echo '# theirs' >> '{file}'\n", encoding="utf-8")
    program.chmod(0o755)
    file.write_text(RULE, encoding="utf-8")
    monkeypatch.setenv("EDITOR", str(program))
    refused = run("policy", "edit", "closing.yaml", "--yes")
    assert refused.exit_code == 3 and "somebody else" in refused.stderr
    assert file.read_text(encoding="utf-8") == RULE + "# theirs\n"


@pytest.fixture(scope="module")
def served_site(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("policy")
    folder = found(root / "county", Founding({"zh": "武侯区"}, "510107", None, None, "internet", port=0, peer_port=0)).folder
    file = root / "parcels.geojson"
    file.write_text(json.dumps(PARCELS), encoding="utf-8")
    sets = [part for value in COMPLETE for part in ("--set", value)]
    terrace(folder, "add", str(file), "--publish", "--secrecy", "public", *sets)
    running = Served(folder)
    yield running
    running.stop()


def test_served_site_follows_its_policy_files_and_keeps_the_old_policy_when_they_are_bad(served_site: Served) -> None:
    def total() -> int:
        return int(requests.get(f"{served_site.url}/api/3/action/package_search", timeout=60).json()["result"]["count"])

    file = served_site.folder / "policies" / "closing.yaml"
    assert until(lambda: total() == 1)
    file.write_text(RULE, encoding="utf-8")
    assert until(lambda: total() == 0)
    file.write_text("policy: closing\nrules: [nonsense]\n", encoding="utf-8")
    assert until(lambda: terrace(served_site.folder, "policy", "list")[0]["problem"])
    assert total() == 0  # the bad file changed nothing
    file.unlink()
    assert until(lambda: total() == 1)
    assert until(lambda: not terrace(served_site.folder, "policy", "list")[0]["problem"])


def test_record_published_by_the_command_line_shows_at_once_in_the_served_site(served_site: Served, tmp_path: Path) -> None:
    file = tmp_path / "other.geojson"
    file.write_text(json.dumps({**PARCELS, "name": "other"}), encoding="utf-8")
    sets = [part for value in COMPLETE for part in ("--set", value)]
    added = terrace(served_site.folder, "add", str(file), "--publish", "--secrecy", "public", *sets)[0]
    answer = requests.get(f"{served_site.url}/api/3/action/package_show", params={"id": added["id"].rpartition(":")[2]}, timeout=60).json()
    assert answer["success"] is True
    terrace(served_site.folder, "withdraw", added["id"], "--reason", "test")
    answer = requests.get(f"{served_site.url}/api/3/action/package_show", params={"id": added["id"].rpartition(":")[2]}, timeout=60)
    assert answer.status_code == 404
