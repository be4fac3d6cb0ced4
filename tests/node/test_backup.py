"""A backup is whole or not there, and unpacks to a site that works."""

import tarfile
from pathlib import Path

import pytest

from catalog.drafts import Draft
from node.actors import local_actor
from node.backup import write_backup
from node.errors import BackupError
from node.site import Site, open_site

pytestmark = pytest.mark.engine("sqlite")


def test_backup_unpacks_to_the_same_site(site: Site, tmp_path: Path) -> None:
    with site.store.write() as tx:
        id = site.writer.add_draft(tx, Draft(fields={"title": {"zh": "甲"}}), local_actor(site.identity))
    made = write_backup(site, tmp_path / "b.tar")
    assert made.file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(made.file) as archive:
        archive.extractall(tmp_path / "restored", filter="data")
    restored = open_site(tmp_path / "restored")
    try:
        assert restored.identity == site.identity
        with restored.store.read() as conn:
            from catalog.drafts import load_draft

            found = load_draft(conn, restored.identity, id)
        assert found is not None and found.fields["title"] == {"zh": "甲"}
        assert (tmp_path / "restored" / "keys" / "site.pem").stat().st_mode & 0o777 == 0o600
    finally:
        restored.close()


def test_backup_never_overwrites_and_leaves_nothing_half_done(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out" / "b.tar"
    target.parent.mkdir()
    target.write_text("precious")
    with pytest.raises(BackupError, match="exists"):
        write_backup(site, target)
    assert target.read_text() == "precious"
    (site.folder / "policies").rename(site.folder / "elsewhere")
    with pytest.raises(FileNotFoundError):
        write_backup(site, target.parent / "c.tar")
    assert [each.name for each in target.parent.iterdir()] == ["b.tar"]


@pytest.mark.engine("postgresql")
def test_backup_of_a_postgresql_site_says_what_to_use_instead(site: Site) -> None:
    with pytest.raises(BackupError, match="pg_dump"):
        write_backup(site, site.folder / "never.tar")
    assert not (site.folder / "never.tar").exists()
