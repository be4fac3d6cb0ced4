"""`terrace add` on files with bad parts, and `terrace quarantine`: what people see, what programs read, and exit codes."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from node.cli import intake
from node.cli.base import Run
from node.cli.main import cli
from tests.bad import FILES

type Terrace = Callable[..., Result]
BAD_CSV = "id,n,m\n1,2,3\n2,3,4,5,6\n3,4,5\n4,5,6\n"


@pytest.fixture
def run(folder: Path) -> Terrace:
    def invoke(*args: str | Path) -> Result:
        return CliRunner().invoke(cli, ["-C", str(folder), *map(str, args)], catch_exceptions=False)

    return invoke


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "data.json"
    path.write_text(json.dumps({"dataset": [{"title": "甲", "identifier": "a"}, {"identifier": "b"}, {"title": "丙", "identifier": "c"}]}), encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(BAD_CSV, encoding="utf-8")
    return path


def test_bad_parts_are_said_and_the_rest_enters(run: Terrace, catalog: Path, table: Path) -> None:
    result = run("add", catalog, table)
    assert result.exit_code == 3
    assert "✓ 甲" in result.stdout and "✓ 丙" in result.stdout and "3 rows  1 row in quarantine" in result.stdout.replace("1 rows in", "1 row in")
    assert "quarantined" in result.stderr and "the dataset has no title" in result.stderr
    assert "terrace quarantine list" in result.stderr and "In all" not in result.stderr


def test_a_site_is_no_data_of_itself(run: Terrace, folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "a.csv").write_text("id,v\n1,2\n", encoding="utf-8")
    result = run("add", folder, "--json")
    assert result.exit_code == 0 and [line["status"] for line in lines(result)] == ["draft"]
    for own in (folder / "terrace.yaml", folder / "keys" / "root.pem", folder / "policies" / "site.yaml"):
        result = run("add", own)
        assert result.exit_code == 3 and "part of a site itself" in result.stderr, own


def test_many_results_are_summed_up(run: Terrace, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for n in range(11):
        (tmp_path / "in" / f"{n}.csv").write_text(f"id,v\n1,{n}\n", encoding="utf-8")
    (tmp_path / "in" / "a.bin").write_bytes(bytes(range(256)))
    assert run("add", tmp_path / "in").stderr.rstrip().endswith("In all: draft 11, refused 1")


def test_as_json(run: Terrace, catalog: Path, table: Path) -> None:
    result = run("add", catalog, table, "--json")
    found = lines(result)
    assert result.exit_code == 3 and [line["status"] for line in found] == ["draft", "draft", "quarantined", "draft"]
    assert found[2]["error"]["kind"] == "ingest" and found[2]["error"]["zh"] and found[2]["part"] == "b" and found[3]["quarantined"] == 1
    held = lines(run("quarantine", "list", "--json"))
    assert [(entry["place"], entry["record"]) for entry in held] == [({"path": "dataset[1]"}, None), ({"line": 3}, found[3]["id"])]
    assert lines(run("quarantine", "show", str(held[1]["n"]), "--json")) == [held[1]] and held[1]["excerpt"] == "2,3,4,5,6"
    assert lines(run("quarantine", "list", "--file", table, "--json")) == [held[1]]


def test_list_and_show_for_people_in_both_languages(run: Terrace, catalog: Path) -> None:
    run("add", catalog)
    assert run("quarantine", "list").stdout.split("\t")[1:3] == ["data.json", "dataset[1]"]
    shown = run("quarantine", "show", "1").stdout
    assert "a whole record" in shown and '"identifier": "b"' in shown and "tries: 1" in shown
    assert "数据集没有题名" in run("--lang", "zh", "quarantine", "list").stdout


def test_retry_after_mending_and_drop(run: Terrace, catalog: Path, table: Path) -> None:
    run("add", catalog, table)
    catalog.write_text(catalog.read_text(encoding="utf-8").replace('{"identifier": "b"}', '{"title": "乙", "identifier": "b"}'), encoding="utf-8")
    again = run("quarantine", "retry", "1", "--json")
    assert again.exit_code == 0 and [line["status"] for line in lines(again)] == ["unchanged", "draft", "unchanged"]
    failed = run("quarantine", "retry", "--all")
    assert failed.exit_code == 3
    (held,) = lines(run("quarantine", "list", "--json"))
    assert held["tries"] == 2
    assert run("quarantine", "drop", str(held["n"])).exit_code == 0 and lines(run("quarantine", "list", "--json")) == []
    audit = run("audit", "list", "--json").stdout
    assert all(event in audit for event in ("quarantine.hold", "quarantine.release", "quarantine.drop"))


def test_wrong_use(run: Terrace) -> None:
    assert run("quarantine", "show", "9").exit_code == 4 and run("quarantine", "drop", "9").exit_code == 4
    assert run("quarantine", "retry").exit_code == 2 and run("quarantine", "drop").exit_code == 2 and run("quarantine", "drop", "1", "--all").exit_code == 2
    assert run("--as", "nobody", "quarantine", "list").exit_code != 0


@pytest.mark.parametrize("name", ["csv heading only", "billion laughs", "zip link", "coordinate nan", "gpkg header only", "word document"])
def test_bad_input_exits_with_3_and_one_error(run: Terrace, tmp_path: Path, name: str) -> None:
    file, content, _ = FILES[name]
    path = tmp_path / file
    data = content(tmp_path) if callable(content) else content
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    result = run("add", path, "--json")
    (line,) = lines(result)
    assert (result.exit_code, line["status"], line["id"]) == (3, "refused", None) and line["error"]["zh"] and line["error"]["en"]
    assert "intake.refused" in run("audit", "list", "--json").stdout


def test_progress_is_shown_after_two_seconds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = intake._Progress(Run(folder))
    progress.file(1, 40, Path("a.csv"))
    progress.step(5_000, 1_000_000, Path("b.csv"))
    assert capsys.readouterr().err == ""
    now[0] += 2.5
    progress.step(10_000, 1_000_000, Path("b.csv"))
    progress.step(15_000, 1_000_000, Path("b.csv"))
    assert capsys.readouterr().err == "1/40 b.csv: 10,000/1,000,000\n", "n of total, and not each of them"
    now[0] += 20
    progress.file(2, 40, Path("b.csv"))
    assert capsys.readouterr().err == "2/40 b.csv\n"
    now[0] += 20
    progress.check(5_000, None, Path("c.csv"))
    assert capsys.readouterr().err == "2/40 c.csv: checking 5,000\n"


def test_what_names_no_entry_is_said_with_its_number_and_what_to_do(run: Terrace, tmp_path: Path) -> None:
    for words in (("show", "99"), ("retry", "98", "99"), ("drop", "99")):
        result = run("quarantine", *words)
        assert result.exit_code == 4 and "99" in result.stderr and "terrace quarantine list" in result.stderr, words
    (tmp_path / "nothing").mkdir()
    result = run("add", tmp_path / "nothing")
    assert result.exit_code == 0 and "no file to take in" in result.stdout
