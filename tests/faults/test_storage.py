"""A disc that is full, a database that is held, damaged, away or restarted: one clear error in both languages, nothing half-written, and the site goes on."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text, update

import catalog.store
from catalog import tables as c
from catalog.errors import BusyError, DamagedError, DatabaseAwayError, DiskError, ObjectError
from catalog.store import Store, open_store
from policies.errors import TerraceError
from tests.databases import POSTGRESQL
from tests.faults.checks import check
from tests.node.served import TERRACE
from tests.sync.sites import TestSite

ROOT = Path(__file__).parents[2]
MB = 1 << 20


def both_languages(error: TerraceError) -> bool:
    """Whether an error speaks Chinese and English, and differently."""
    return any("\u4e00" <= letter <= "\u9fff" for letter in error.zh) and error.en.isascii()


def site_in(folder: Path) -> TestSite:
    """A site on SQLite that nobody calls."""
    return TestSite(folder, f"sqlite:///{folder / 'terrace.db'}", 1, division="510107", name="武侯")


# --- disc full ------------------------------------------------------------------------------------------------------------------------------

#: Publishes until the disc is full, then with more room goes on. Says what happened.
FILLING = """
import json, os, resource, sys
from io import BytesIO
from pathlib import Path
from policies.errors import TerraceError
from tests.faults.checks import check
from tests.faults.test_storage import site_in
folder, how = Path(sys.argv[1]), sys.argv[2]
site = site_in(folder)
done, said = 0, None
ballast = folder / "ballast"
def narrow():
    if how == "limit":
        size = max(path.stat().st_size for path in folder.glob("terrace.db*"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 200_000, resource.RLIM_INFINITY))
    else:
        free = os.statvfs(folder)
        ballast.write_bytes(b"x" * max(0, free.f_bavail * free.f_frsize - 300_000))
def widen():
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        ballast.unlink()
narrow()
try:
    while done < 500:
        site.publish(f"n{done}", summary={"zh": os.urandom(8000).hex()})
        done += 1
except TerraceError as error:
    said = [error.kind, error.zh, error.en]
shown = len(site.reader.records(site.staff, __import__("catalog.queries").queries.RecordQuery(limit=1000)).items)
if how == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    site.objects.put(BytesIO(os.urandom(2_000_000)))
    object_said = None
except TerraceError as error:
    object_said = [error.kind, error.zh, error.en]
left = [path.name for path in (folder / "objects").rglob("*") if path.is_file()]
widen()
site.publish("afterwards")
site.objects.put(BytesIO(b"afterwards"))
check(site)
print(json.dumps({"done": done, "said": said, "shown": shown, "object": object_said, "left": left}))
"""


@pytest.fixture
def small_disc(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB, where the test may mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = (
        os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], check=False, capture_output=True).returncode == 0
    )
    try:
        yield place if mounted else tmp_path / "none"
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("how", ["limit", "small disc"])
def test_a_full_disc_is_said_and_nothing_is_half_written(tmp_path: Path, small_disc: Path, how: str) -> None:
    if how == "small disc" and not small_disc.exists():
        how = "limit"  # without the right to mount, the other way is tried twice
    folder = (small_disc if how == "small disc" else tmp_path) / "site"
    done = subprocess.run([sys.executable, "-c", FILLING, str(folder), how], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    kind, zh, en = told["said"]
    assert kind == "disk" and "磁盘无法写入" in zh and "the disk cannot be written to" in en and "Nothing of this was written" in en
    assert told["shown"] == told["done"] > 0  # what was said to be done is there, and no more
    assert told["object"][0] == "object" and told["left"] == []


def test_a_command_on_a_full_disc_says_so_and_goes_on_later(founded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(founded, folder)
    layer = tmp_path / "layer.geojson"
    features = [
        {"type": "Feature", "properties": {"code": f"P{n}", "use": "x" * 300}, "geometry": {"type": "Point", "coordinates": [104, 30]}} for n in range(3000)
    ]
    layer.write_text(json.dumps({"type": "FeatureCollection", "name": "layer", "features": features}), encoding="utf-8")
    command = [*TERRACE, "--lang", "en", "-C", str(folder), "add", str(layer), "--json"]
    size = (folder / "terrace.db").stat().st_size
    limited = ["prlimit", f"--fsize={max(size, layer.stat().st_size) + 100_000}", *command]
    first = subprocess.run(limited, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in first.stderr
    assert first.returncode == 1 and "disk" in first.stdout + first.stderr, first.stdout + first.stderr
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout.splitlines()[0])["rows"] == 3000


def test_audit_of_reads_waits_until_there_is_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_in(tmp_path / "site")
    id = site.publish()
    site.audit.flush()
    real = site.store.write

    def full() -> Any:
        raise DiskError(zh="满", en="full")

    monkeypatch.setattr(site.store, "write", full)
    assert site.record(id) is not None  # reading goes on
    with pytest.raises(DiskError):
        site.audit.flush()
    monkeypatch.setattr(site.store, "write", real)
    site.audit.flush()
    with site.store.read() as conn:
        assert conn.scalar(select(c.audit.c.event).where(c.audit.c.record == id).order_by(c.audit.c.seq.desc())) == "read.record"


# --- held by another -------------------------------------------------------------------------------------------------------------------------


def test_a_database_that_another_program_holds_is_busy_and_then_goes_on(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(raw: Any, _record: Any) -> None:
        cursor = raw.cursor()
        cursor.execute("PRAGMA busy_timeout=200" if store.engine_name == "sqlite" else "SET lock_timeout = '200ms'")
        cursor.close()
        if store.engine_name == "postgresql":
            raw.commit()

    store._writers.dispose()
    event.listen(store._writers, "connect", impatient)
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        if store.engine_name == "sqlite":
            with closing(sqlite3.connect(tmp_path / "terrace.db")) as other:  # a program that knows nothing of our lock file
                other.execute("BEGIN IMMEDIATE")
                held.set()
                release.wait(20)
        else:
            with open_store(database_url, data_dir=tmp_path)._writers.begin() as other:
                other.execute(select(c.counter.c.n).where(c.counter.c.name == "writer").with_for_update())
                held.set()
                release.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    with pytest.raises(BusyError) as caught, store.write():
        pass
    assert both_languages(caught.value)
    with store.read() as conn:  # readers are not disturbed
        assert conn.execute(select(c.counter)).first() is not None
    release.set()
    thread.join()
    with store.write() as tx:
        tx.audit("test.done")


def test_a_writer_that_does_not_end_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog.store, "WRITER_PATIENCE", 0.3)
    first, second = (open_store(tmp_path / "a.db", data_dir=tmp_path) for _ in range(2))
    first.upgrade()
    with first.write(), pytest.raises(BusyError) as caught, second.write():
        pass
    assert both_languages(caught.value) and "terrace.db.lock" not in caught.value.en and "a.db.lock" in caught.value.en
    for store in (first, second):
        store.close()


# --- damaged, newer, away ----------------------------------------------------------------------------------------------------------------------


def _truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 3)


def _scribble(path: Path) -> None:
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that `terrace init` made; to be copied."""
    folder = tmp_path_factory.mktemp("founded") / "site"
    done = subprocess.run([*TERRACE, "init", str(folder), "--division", "510107", "--name", "武侯"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def refusal(folder: Path, *command: str) -> dict[str, str]:
    """The one error with which a command ends."""
    done = subprocess.run([*TERRACE, "-C", str(folder), *command, "--json"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done
    return dict(json.loads(done.stderr.splitlines()[-1])["error"])


@pytest.mark.parametrize(
    ("harm", "command"),
    [
        (lambda path: path.write_bytes(b"this is no database" * 400), ["doctor"]),
        (_truncate, ["search", "x"]),
        (_scribble, ["serve", "--port", "0", "--peer-port", "0"]),
    ],
    ids=["other file", "cut off", "scribbled over"],
)
def test_a_damaged_database_is_said_by_commands(founded: Path, tmp_path: Path, harm: Callable[[Path], None], command: list[str]) -> None:
    folder = tmp_path / "site"
    shutil.copytree(founded, folder)
    harm(folder / "terrace.db")
    said = refusal(folder, *command)
    assert said["kind"] == "damaged" and "损坏" in said["zh"] and "damaged" in said["en"]


def test_a_newer_schema_ends_the_command_that_would_change_it(founded: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(founded, folder)
    with closing(sqlite3.connect(folder / "terrace.db")) as conn:
        conn.execute("UPDATE alembic_version_catalog SET version_num = '9999'")
        conn.commit()
    said = refusal(folder, "db", "upgrade")
    assert said["kind"] == "schema" and "newer than this program" in said["en"] and "新" in said["zh"]


def test_what_drivers_say_is_one_error_in_both_languages() -> None:
    from catalog.database_errors import translated

    for words, kind in (
        ("database or disk is full", DiskError),
        ("disk I/O error", DiskError),
        ("database is locked", BusyError),
        ("file is not a database", DamagedError),
        ("database disk image is malformed", DamagedError),
        ("unable to open database file", DatabaseAwayError),
        ("attempt to write a readonly database", DatabaseAwayError),
    ):
        said = translated(sqlite3.OperationalError(words), lost=False)
        assert type(said) is kind and both_languages(said) and (kind is BusyError or words in said.en)
    assert translated(sqlite3.IntegrityError("UNIQUE constraint failed: record.id"), lost=False) is None
    assert translated(ValueError("disk is full"), lost=False) is None


def test_files_that_may_not_be_written_are_said(tmp_path: Path) -> None:
    with pytest.raises(ObjectError) as caught:
        from io import BytesIO

        from catalog.objects import LocalObjects

        (tmp_path / "objects").write_text("a file where the folder should be")
        LocalObjects(tmp_path / "objects").put(BytesIO(b"x"))
    assert both_languages(caught.value)


# --- a server that is restarted ------------------------------------------------------------------------------------------------------------------


class Server:
    """A PostgreSQL server of the test's own, that it may stop."""

    def __init__(self, home: Path, port: int) -> None:
        bins = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        self.bin, self.home, self.port = bins[0], home, port
        if os.geteuid() == 0:
            shutil.chown(home, "postgres")
        self._run("initdb", "-D", str(home / "data"), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8")
        self.control("start")

    def _run(self, program: str, *arguments: str) -> None:
        before = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        done = subprocess.run([*before, str(self.bin / program), *arguments], cwd=self.home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def control(self, what: str, mode: str = "fast") -> None:
        """Starts, stops, restarts."""
        options = ["-o", f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.home}"] if what != "stop" else []
        self._run("pg_ctl", "-D", str(self.home / "data"), "-w", "-l", str(self.home / "log"), "-m", mode, *options, what)


@pytest.fixture
def server(free_port: Callable[[], int]) -> Iterator[Server]:
    """See `Server`; only where the other tests have PostgreSQL too."""
    if not POSTGRESQL:
        pytest.skip("needs PostgreSQL's server programs (.ci/postgresql)")
    import tempfile

    home = Path(tempfile.mkdtemp(prefix="terrace-own-pg.", dir="/var/tmp"))
    made = Server(home, free_port())
    try:
        yield made
    finally:
        with suppress(AssertionError):
            made.control("stop", "immediate")
        shutil.rmtree(home, ignore_errors=True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_server_restarted_under_load_loses_nothing_and_the_site_goes_on(server: Server, tmp_path: Path, mode: str) -> None:
    site = TestSite(tmp_path / "site", f"postgresql://postgres@127.0.0.1:{server.port}/postgres", 1, division="510107", name="武侯")
    id = site.publish("第一")
    stop, told, odd = threading.Event(), set[str](), list[BaseException]()
    errors: list[TerraceError] = []

    def loop(do: Callable[[int], object]) -> None:
        n = 0
        while not stop.is_set():
            try:
                do(n)
            except TerraceError as error:
                errors.append(error)
                time.sleep(0.02)
            except Exception as error:
                odd.append(error)
                return
            n += 1

    def publish(n: int) -> None:
        name = f"{threading.get_ident()}-{n}"
        site.publish(name)
        told.add(name)

    def ask(_n: int) -> None:
        assert site.record(id) is not None

    threads = [threading.Thread(target=loop, args=(do,)) for do in (publish, publish, ask, ask)]
    for thread in threads:
        thread.start()
    time.sleep(0.7)
    server.control("restart", mode)
    before = len(told)
    deadline = time.monotonic() + 20
    while len(told) < before + 5 and time.monotonic() < deadline and not odd:
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join()
    assert not odd, repr(odd[0])
    assert len(told) >= before + 5, "the site did not go on"
    assert errors and {type(error) for error in errors} <= {DatabaseAwayError, BusyError}
    assert all(both_languages(error) for error in errors)
    with site.store.read() as conn:
        shown = {json.loads(fields)["title"]["zh"] for fields in conn.scalars(select(c.record.c.fields))}
    assert told <= shown, "what was said to be published is gone"
    assert len(shown - told) <= 1 + 2  # the first one; and of each writer at most one whose commit's answer was lost
    check(site)
    site.stop()


def test_without_its_server_a_command_says_so(tmp_path: Path, free_port: Callable[[], int]) -> None:
    with pytest.raises(DatabaseAwayError) as caught:
        open_store(f"postgresql://postgres@127.0.0.1:{free_port()}/x", data_dir=tmp_path).upgrade()
    assert both_languages(caught.value)


def test_rows_that_the_database_refuses_stay_a_fault_of_ours(store: Store) -> None:
    """Errors of this program are not dressed up as faults of the disc."""
    with pytest.raises(Exception, match=r"(?i)unique|duplicate") as caught, store.write() as tx:
        tx.conn.execute(insert(c.counter).values(name="position", n=1))
    assert not isinstance(caught.value, TerraceError)
    with store.write() as tx:
        tx.conn.execute(update(c.counter).where(c.counter.c.name == "nothing").values(n=1))
        assert tx.conn.execute(text("SELECT 1")).scalar() == 1
