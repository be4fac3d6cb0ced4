"""PostGIS comes with the database where it can, and is asked for in words where it cannot."""

import json
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, make_url, text

from catalog.postgis import Postgis
from node.cli.main import cli
from node.doctor import examine, without_postgis
from node.site import open_site
from tests.databases import POSTGRESQL

NEEDS_SERVER = pytest.mark.skipif(not POSTGRESQL, reason="TERRACE_TEST_POSTGRESQL names no server")


def _init(folder: Path, database: str, *options: str) -> Result:
    words = ["init", str(folder), "--division", "510107", "--name", "甲", "--port", "0", "--peer-port", "0", *options]
    return CliRunner().invoke(cli, words if database.startswith("sqlite") else [*words, "--database", database])


def _run(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _findings(folder: Path) -> dict[str, str]:
    site = open_site(folder)
    try:
        return {finding.topic: f"{finding.level}: {finding.en}" for finding in examine(site) if finding.topic == "postgis"}
    finally:
        site.close()


def test_new_site_has_postgis_where_the_server_has_it(database_url: str, tmp_path: Path) -> None:
    made = _init(tmp_path / "a", database_url, "--json")
    assert made.exit_code == 0, made.output
    if database_url.startswith("sqlite"):
        assert (json.loads(made.stdout)["postgis"], _findings(tmp_path / "a")) == ("not needed", {})
    else:
        assert json.loads(made.stdout)["postgis"] == "here"
        assert "ok: " in _findings(tmp_path / "a")["postgis"]


@NEEDS_SERVER
def test_role_that_may_not_is_told_what_is_missing_and_the_given_command_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert POSTGRESQL
    name = f"terrace_{uuid.uuid4().hex[:16]}"
    _run(POSTGRESQL, f'CREATE ROLE "{name}" LOGIN')
    _run(POSTGRESQL, f'CREATE DATABASE "{name}" OWNER "{name}"')
    url = make_url(POSTGRESQL).set(database=name)
    try:
        made = _init(tmp_path / "a", url.set(username=name).render_as_string(hide_password=False))
        assert made.exit_code == 0, made.output
        assert "boxes of rows" in made.output and f"psql -d '{name}' -c \"CREATE EXTENSION postgis\"" in made.output
        assert "note: the database has no PostGIS" in _findings(tmp_path / "a")["postgis"]
        monkeypatch.setenv("TERRACE_LANG", "zh")
        assert "外接矩形" in CliRunner().invoke(cli, ["-C", str(tmp_path / "a"), "db", "upgrade"]).output
        monkeypatch.setenv("TERRACE_LANG", "en")
        _run(url.render_as_string(hide_password=False), "CREATE EXTENSION postgis")
        assert "ok: " in _findings(tmp_path / "a")["postgis"]
        again = CliRunner().invoke(cli, ["-C", str(tmp_path / "a"), "db", "upgrade", "--json"])
        assert json.loads(again.stdout)["postgis"] == "here"
    finally:
        _run(POSTGRESQL, f'DROP DATABASE "{name}" WITH (FORCE)')
        _run(POSTGRESQL, f'DROP ROLE "{name}"')


def test_server_without_postgis_names_the_package_and_a_strange_name_stays_one_word() -> None:
    zh, en = without_postgis(Postgis("not installed", "it's mine", 15))
    assert "postgresql-15-postgis-3" in zh and "postgresql-15-postgis-3" in en
    assert "psql -d 'it'\\''s mine' -c" in en
