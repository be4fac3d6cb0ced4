"""What the command line says to a clerk: what was typed, what to do, what is allowed, in the clerk's language."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from node.cli.base import use_language
from node.cli.main import cli
from node.site import open_site
from sync.recovery import note_restored
from tests.node.served import TERRACE

pytestmark = pytest.mark.soak_on("postgresql")

type Run = Callable[..., Result]


@pytest.fixture
def run(folder: Path) -> Run:
    def invoke(*args: str) -> Result:
        return CliRunner().invoke(cli, ["-C", str(folder), *args], catch_exceptions=False)

    return invoke


@pytest.fixture
def draft(run: Run, tmp_path: Path) -> str:
    """Id of a draft that lacks nearly everything."""
    file = tmp_path / "supply.csv"
    file.write_text("parcel,use\nJ1,住宅\nJ2,商服\n", encoding="utf-8")
    return next(word for word in run("add", str(file)).output.split() if word.startswith("urn:"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("token", "create", "bob"), ("bob", "terrace user list")),
        (("user", "lock", "bob"), ("bob", "terrace user list")),
        (("--as", "bob", "search"), ("bob", "terrace user list")),
        (("peer", "close", "n-x"), ("n-x", "terrace peer list")),
        (("policy", "explain", "zzz"), ("zzz", "terrace search")),
        (("show", "zzz", "--version", "9"), ("zzz", "terrace search")),
        (("withdraw", "zzz", "--reason", "x"), ("zzz", "terrace search")),
    ],
)
def test_what_is_not_found_is_said_with_what_was_typed_and_what_to_do(run: Run, words: tuple[str, ...], told: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 4 and all(word in result.output for word in told), result.output


def test_cut_invite_is_told_from_what_is_none(run: Run) -> None:
    assert "cut or damaged" in run("peer", "join", "terrace-invite-1.eyJleHAiOjE").output
    assert "it begins with terrace-invite-1." in run("peer", "join", "eyJleHAiOjE").output


def test_nothing_to_publish_is_said(run: Run) -> None:
    result = run("publish", "--all")
    assert (result.exit_code, result.output) == (0, "Nothing to publish: there is no draft.\n")


def test_what_is_missing_is_named_with_what_is_allowed(run: Run, draft: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run("publish", draft).output
    assert "type: unconditional, conditional, withheld" in said and "public, internal, confidential" in said and "open: true or false" in said
    monkeypatch.setenv("TERRACE_LANG", "zh")
    said = run("publish", draft).output
    assert "type：unconditional（无条件共享）" in said and "secrecy：须标明密级：public（公开）" in said


def test_reader_who_goes_away_is_no_error(folder: Path) -> None:
    for words in (["audit", "list"], ["policy", "list"]):
        process = subprocess.Popen([*TERRACE, "-C", str(folder), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (141, b"")
        process.stderr.close()


def test_log_that_rests_is_said_by_sync_status(run: Run, folder: Path) -> None:
    assert "rests" not in run("sync", "status").output
    site = open_site(folder)
    try:
        with site.store.write() as tx:
            note_restored(tx, "restore")
    finally:
        site.close()
    assert "The log rests" in run("sync", "status").output and '"rests": true' in run("sync", "status", "--json").output


def test_unknown_division_is_warned_of_and_founded(tmp_path: Path) -> None:
    def init(name: str, division: str) -> Result:
        return CliRunner().invoke(cli, ["init", str(tmp_path / name), "--division", division, "--name", "x"], catch_exceptions=False)

    assert "990099" in init("a", "990099").stderr and (tmp_path / "a" / "terrace.yaml").exists()
    assert "GB/T 2260" not in init("b", "510107003").stderr


def test_explanation_shows_the_rules_that_apply_and_the_others_when_asked(run: Run, draft: str) -> None:
    fields = ("summary.zh=x", "category=land", "sharing.type=unconditional", "sharing.method=service", 'opening:={"open":true}', 'theme:=["land"]')
    fields += ("responsible_person=x", "grade=general", "impact_assessment=x", "approval=x", "secrecy=public")
    assert run("edit", draft, *fields).exit_code == 0
    assert run("publish", draft).exit_code == 0, run("publish", draft).output
    short, long = run("policy", "explain", draft).output, run("policy", "explain", draft, "--all").output
    assert "→" in short and "does not hold" not in short and "does not hold" in long


def test_lists_have_heads_also_where_no_terminal_is(run: Run) -> None:
    run("user", "add", "li", "--no-password")
    assert run("user", "list").output.startswith("login\tname\tkind\t")
    assert run("audit", "list").output.startswith("no.\ttime\tevent\t")


def test_chinese_output_holds_no_english_of_the_tools(run: Run, draft: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERRACE_LANG", "zh")
    use_language()
    try:
        assert "不在可用值之列" in run("user", "add", "x", "--role", "foo").output
        assert "[必填]" in run("verify", "--help").output and "选项：" in run("verify", "--help").output
        assert "✓ 数据库：" in run("doctor").output
        shown = run("show", draft).output
        assert "title 标题" in shown and "summary：缺少" in shown
    finally:
        monkeypatch.setenv("TERRACE_LANG", "en")
        use_language()
