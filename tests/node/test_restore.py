"""A backup is unpacked whole or not at all, and the site that comes of it does not speak before its epoch is closed."""

import io
import json
import shutil
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.drafts import Draft
from node.actors import local_actor
from node.backup import write_backup
from node.errors import BackupError
from node.founding import Founding, found
from node.restore import restore_backup
from node.site import Site, open_site
from sync.recovery import restored
from tests.node.served import Served
from tests.node.test_joining import terrace, until
from tests.sync.sites import record_fields


@pytest.fixture
def alone(tmp_path: Path) -> Site:
    """A site without superior, with one published record in its log."""
    site = open_site(found(tmp_path / "alone", Founding({"zh": "武侯区"}, "510107", None, None, "business", port=0, peer_port=0)).folder)
    with site.store.write() as tx:
        draft = Draft(fields=record_fields("地块", "510107"), secrecy="public", terms={"onward": True})
        site.writer.publish(tx, site.writer.add_draft(tx, draft, local_actor(site.identity)), local_actor(site.identity))
    site.exchange.worker.publish_once()
    return site


def test_a_node_without_superior_closes_its_own_epoch(alone: Site, tmp_path: Path) -> None:
    # PROTOCOL 6.2
    made = write_backup(alone, tmp_path / "b.tar")
    alone.close()
    done = restore_backup(made.file, tmp_path / "again")
    assert (done.node, done.position, done.waits, done.epoch) == (alone.identity.node, made.position, False, 2)
    again = open_site(tmp_path / "again")
    try:
        again.exchange.worker.publish_once()
        status = again.exchange.status()
        assert status.origin is not None and status.origin.endswith("/business/2") and status.size == 1
        with again.store.read() as conn:
            assert restored(conn) is None
        assert (tmp_path / "again" / "keys" / "site.pem").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "again" / "keys").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "again").stat().st_mode & 0o777 == alone.folder.stat().st_mode & 0o777 == 0o750
        assert (tmp_path / "again" / "terrace.yaml").stat().st_mode & 0o777 == 0o640
    finally:
        again.close()


def test_without_its_root_key_it_waits(alone: Site, tmp_path: Path) -> None:
    (alone.folder / "keys" / "root.pem").unlink()
    made = write_backup(alone, tmp_path / "b.tar")
    alone.close()
    done = restore_backup(made.file, tmp_path / "again")
    assert done.waits and done.epoch is None
    again = open_site(tmp_path / "again")
    try:
        with again.store.read() as conn:
            assert restored(conn) == "restore"
    finally:
        again.close()


def _other_files(source: Path, target: Path) -> None:
    with tarfile.open(target, "w") as archive:
        archive.add(source, "something.tar")


def _out_of_the_folder(source: Path, target: Path) -> None:
    shutil.copy(source, target)
    with tarfile.open(target, "a") as archive:
        info = tarfile.TarInfo("keys/../../outside")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))


def _link(source: Path, target: Path) -> None:
    shutil.copy(source, target)
    with tarfile.open(target, "a") as archive:
        info = tarfile.TarInfo("keys/link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)


def _cut_off(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])


def _damaged(source: Path, target: Path) -> None:
    data = bytearray(source.read_bytes())
    at = data.index(b"SQLite format 3") + 3 * 4096
    data[at : at + 8192] = b"\xff" * 8192
    target.write_bytes(data)


@pytest.mark.parametrize("harm", [_other_files, _out_of_the_folder, _link, _cut_off, _damaged])
def test_what_is_no_sound_backup_is_refused_and_leaves_nothing(alone: Site, tmp_path: Path, harm: Callable[[Path, Path], None]) -> None:
    made = write_backup(alone, tmp_path / "b.tar")
    alone.close()
    harm(made.file, tmp_path / "bad.tar")
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(Exception) as caught:
        restore_backup(tmp_path / "bad.tar", tmp_path / "again")
    assert isinstance(caught.value, BackupError) and caught.value.zh != caught.value.en
    assert {path.name for path in tmp_path.iterdir()} == before


def test_restore_overwrites_nothing(alone: Site, tmp_path: Path) -> None:
    made = write_backup(alone, tmp_path / "b.tar")
    alone.close()
    with pytest.raises(BackupError, match="overwrites nothing"):
        restore_backup(made.file, alone.folder)


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_a_county_restored_from_its_backup_comes_back_to_its_city(tmp_path: Path) -> None:
    folders = {}
    for name, title, division in (("city", "成都市", "510100"), ("county", "武侯区", "510107")):
        folders[name] = found(tmp_path / name, Founding({"zh": title}, division, None, None, "business", port=0, peer_port=0)).folder
    city, county = Served(folders["city"]), Served(folders["county"])
    try:
        invite = terrace(city.folder, "peer", "invite")[0]
        terrace(county.folder, "peer", "join", invite["invite"], "--node", invite["fingerprint"], "--wait", "0")
        node = terrace(city.folder, "peer", "list")[0]["node"]
        terrace(city.folder, "peer", "confirm", node, "--yes")
        terrace(county.folder, "peer", "join", invite["invite"], "--node", invite["fingerprint"], "--wait", "20")

        def publish(title: str) -> None:
            file = tmp_path / f"{title}.geojson"
            feature = {"type": "Feature", "properties": {"code": "A1"}, "geometry": {"type": "Point", "coordinates": [104.0, 30.6]}}
            file.write_text(json.dumps({"type": "FeatureCollection", "name": title, "features": [feature]}), encoding="utf-8")
            fields = {name: value for name, value in record_fields(title, "510107").items() if name not in ("items", "bbox", "kind", "resources.data")}
            sets = [part for name, value in fields.items() for part in ("--set", f"{name}:={json.dumps(value, ensure_ascii=False)}")]
            terrace(county.folder, "add", str(file), "--publish", "--secrecy", "public", *sets)

        def titles() -> set[str]:
            found = terrace(city.folder, "search", "", "--limit", "50")[0]["items"]
            return {each["title"]["zh"] if isinstance(each["title"], dict) else each["title"] for each in found}

        publish("备份之前")
        assert until(lambda: "备份之前" in titles(), 40)
        terrace(county.folder, "backup", str(tmp_path / "b.tar"))
        publish("备份之后")
        assert until(lambda: "备份之后" in titles(), 40)
        port = county.told["peer_port"]
        county.stop()
        shutil.rmtree(county.folder)
        done = terrace(tmp_path, "restore", str(tmp_path / "b.tar"), str(county.folder))[0]
        assert done["waits"] and done["node"] == node
        county = Served(county.folder, "--peer-port", str(port))
        time.sleep(3)
        assert {"备份之前", "备份之后"} <= titles()  # nothing is taken away while the log rests
        closed = terrace(city.folder, "peer", "close", node, "--yes")[0]
        assert (closed["closes"], closed["opens"]) == (1, 2)
        assert until(lambda: titles() == {"备份之前"}, 60), titles()
        publish("重新开始")
        assert until(lambda: titles() == {"备份之前", "重新开始"}, 40), titles()
        alarms = [line for line in terrace(city.folder, "audit", "list", "--limit", "1000") if line.get("outcome") == "alarm"]
        assert not alarms
    finally:
        city.stop()
        county.stop()
