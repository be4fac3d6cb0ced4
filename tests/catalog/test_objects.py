"""The store of objects, one contract for every kind of store.

The remote kinds run against SeaweedFS, whose program `weed` `.ci/run` installs.
"""

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest
from sqlalchemy import select

from catalog.errors import NotFoundError, ObjectError
from catalog.objects import LocalObjects, open_objects
from catalog.tables import object_

#: SeaweedFS, a real S3 server (`.ci/requirements.lock`).
WEED = os.environ.get("TERRACE_TEST_WEED") or shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
DATA = bytes(range(256)) * 5000
NAME = hashlib.sha256(DATA).hexdigest()


def _port():
    """A free port: SeaweedFS also listens at port + 10000, which stays below the range that outgoing connections use."""
    while True:
        port = random.randint(12_000, 22_000)
        with socket.socket() as probe, socket.socket() as beside, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            beside.bind(("127.0.0.1", port + 10_000))
            return port


@pytest.fixture(scope="session")
def weed(tmp_path_factory):
    if WEED is None:
        pytest.skip("no SeaweedFS here: uv pip install --require-hashes -r .ci/requirements.lock, or TERRACE_TEST_WEED names the program")
    folder = tmp_path_factory.mktemp("weed")
    config = {
        "identities": [{"name": "test", "credentials": [{"accessKey": "key", "secretKey": "secret"}], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]
    }
    (folder / "s3.json").write_text(json.dumps(config))
    port = _port()
    ports = [f"-{part}.port={_port()}" for part in ("master", "volume", "filer")]
    command = [
        WEED,
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-s3",
        f"-s3.port={port}",
        f"-s3.config={folder / 's3.json'}",
        *ports,
        "-volume.max=20",
        "-master.volumeSizeLimitMB=64",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        from minio import Minio

        client = Minio(f"127.0.0.1:{port}", access_key="key", secret_key="secret", secure=False)
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
                break
            except HTTPError:
                break
            except (URLError, OSError):
                time.sleep(0.25)
        client.make_bucket("terrace")
        yield port
    finally:
        process.kill()
        process.wait(20)


@pytest.fixture(params=["local", "s3", "cloud"])
def objects(request, tmp_path):
    if request.param == "local":
        return open_objects(tmp_path / "objects")
    port = request.getfixturevalue("weed")
    prefix = tmp_path.name.replace("_", "-")[:40]
    if request.param == "s3":
        return open_objects(f"s3+http://127.0.0.1:{port}/terrace/{prefix}?region=us-east-1", key="key", secret="secret")
    from libcloud.storage.drivers.s3 import S3StorageDriver

    from catalog.cloud_objects import CloudObjects

    class Driver(S3StorageDriver):
        """libcloud's own, which adds what SeaweedFS does not know to the query of a listing."""

        class connectionCls(S3StorageDriver.connectionCls):
            def add_default_params(self, params):
                return params

    return CloudObjects(Driver("key", "secret", secure=False, host="127.0.0.1", port=port, region="us-east-1"), "terrace", f"cloud-{prefix}/")


def _put(objects, data=DATA, **more):
    return objects.put(io.BytesIO(data), **more)


def test_what_is_put_is_named_by_its_hash_and_comes_back(objects):
    stored = _put(objects, media_type="text/plain")
    assert (stored.sha256, stored.size) == (NAME, len(DATA))
    assert objects.has(NAME) and objects.size(NAME) == len(DATA)
    assert b"".join(objects.open(NAME)) == DATA
    assert list(objects.names()) == [NAME]


def test_putting_twice_is_the_same_as_once(objects):
    assert _put(objects) == _put(objects)
    assert list(objects.names()) == [NAME]


@pytest.mark.parametrize(("start", "end"), [(0, None), (0, 1), (5, 9), (len(DATA) - 1, None), (len(DATA), None), (1_000_000, 1_100_000), (0, 10**9), (7, 7)])
def test_ranges(objects, start, end):
    _put(objects)
    assert b"".join(objects.open(NAME, start, end)) == DATA[start:end]


@pytest.mark.parametrize(("start", "end"), [(-1, None), (len(DATA) + 1, None), (9, 5)])
def test_ranges_outside_of_the_file_are_refused(objects, start, end):
    _put(objects)
    with pytest.raises(ObjectError):
        objects.open(NAME, start, end)


def test_the_empty_file(objects):
    stored = _put(objects, b"")
    assert objects.size(stored.sha256) == 0 and b"".join(objects.open(stored.sha256)) == b""


def test_what_is_not_there(objects):
    other = hashlib.sha256(b"other").hexdigest()
    assert not objects.has(other)
    for ask in (objects.size, objects.open):
        with pytest.raises(NotFoundError):
            ask(other)
    objects.delete(other)


def test_another_hash_than_expected_leaves_nothing(objects):
    with pytest.raises(ObjectError, match="hash"):
        _put(objects, expect=hashlib.sha256(b"other").hexdigest())
    assert not objects.has(NAME) and list(objects.names()) == []
    assert _put(objects, expect=NAME).sha256 == NAME


def test_too_large_leaves_nothing(objects):
    with pytest.raises(ObjectError, match="larger"):
        _put(objects, limit=len(DATA) - 1)
    assert list(objects.names()) == []
    _put(objects, limit=len(DATA))


def test_deleted_is_gone(objects):
    _put(objects)
    objects.delete(NAME)
    assert not objects.has(NAME) and list(objects.names()) == []


@pytest.mark.parametrize("name", ["", "../../../etc/hostname", NAME.upper(), NAME + "\n", NAME[:-1], "../" + NAME, None, NAME + "/x"])
def test_names_that_are_no_hash_lead_nowhere(objects, name):
    assert not objects.has(name)
    for ask in (objects.size, objects.open, objects.delete):
        with pytest.raises(NotFoundError):
            ask(name)


def test_a_source_that_breaks_off_leaves_nothing(objects):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 0:
                raise OSError("cut")
            return super().read(1000)

    with pytest.raises((ObjectError, OSError)):
        objects.put(Broken(DATA))
    assert list(objects.names()) == []
    if isinstance(objects, LocalObjects):
        assert not list((objects.folder / "incoming").iterdir())


def test_it_is_noted_once_in_the_transaction(objects, store):
    _put(objects)
    for _ in range(2):
        with store.write() as tx:
            objects.note(tx, NAME, media_type="text/plain")
    with store.read() as conn:
        row = conn.execute(select(object_)).one()
    assert (row.sha256, row.size, row.media_type, row.state) == (NAME, len(DATA), "text/plain", "held")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "objects").write_text("a file")
    with pytest.raises(ObjectError, match="objects"):
        _put(open_objects(tmp_path / "objects"))


def test_files_are_only_for_their_owner(tmp_path):
    objects = open_objects(tmp_path / "objects")
    assert isinstance(objects, LocalObjects)
    _put(objects)
    assert objects.path(NAME).stat().st_mode & 0o077 == 0 and objects.folder.stat().st_mode & 0o077 == 0


def test_a_store_that_does_not_answer_is_an_object_error():
    from minio import Minio
    from urllib3 import PoolManager
    from urllib3.util import Retry, Timeout

    from catalog.cloud_objects import S3Objects

    pool = PoolManager(timeout=Timeout(1), retries=Retry(0))
    away = S3Objects(Minio(f"127.0.0.1:{_port()}", access_key="a", secret_key="b", secure=False, region="x", http_client=pool), "terrace")
    with pytest.raises(ObjectError):
        away.size(NAME)


@pytest.mark.parametrize("address", ["s3://bucket", "s3+https://host", "s3+ftp://host/bucket", "cloud+nonsense://host/box", "https://example.org/"])
def test_addresses_that_name_no_store(address):
    with pytest.raises(ObjectError) as caught:
        open_objects(address)
    assert caught.value.zh and caught.value.en
