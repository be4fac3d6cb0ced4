"""Remote stores of objects: S3-compatible ones through `minio`, other clouds through `apache-libcloud`. See `catalog.objects` for the rules."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Any

from catalog import faults
from catalog.errors import NotFoundError, ObjectError
from catalog.objects import CHUNK, OBJECT_NAME, Noting, Stored, check_bounds, check_name, copy_hashed

__all__ = ["CloudObjects", "S3Objects", "cloud_driver"]


class _Remote(Noting):
    """What remote stores do alike: the hash is computed over a spooled copy before anything is sent."""

    def has(self, sha256: str) -> bool:
        """See `Objects.has`."""
        try:
            self.size(sha256)
        except NotFoundError:
            return False
        return True

    def put(self, file: IO[bytes], *, media_type: str | None = None, expect: str | None = None, limit: int | None = None) -> Stored:
        """See `Objects.put`."""
        with tempfile.NamedTemporaryFile() as spool:
            stored = copy_hashed(file, spool, expect, limit)
            spool.flush()
            if not self.has(stored.sha256):
                self._upload(Path(spool.name), stored, media_type or "application/octet-stream")
        return stored

    def _upload(self, path: Path, stored: Stored, media_type: str) -> None:
        raise NotImplementedError


class S3Objects(_Remote):
    """A bucket of an S3-compatible store, through `minio`.

    Args:
        client: a `minio.Minio`.
        bucket: must exist.
        prefix: before each name.
    """

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

    def _name(self, sha256: str) -> str:
        return f"{self._prefix}{check_name(sha256)}"

    def size(self, sha256: str) -> int:
        """See `Objects.size`."""
        return int(self._call(self._client.stat_object, self._bucket, self._name(sha256)).size)

    def _upload(self, path: Path, stored: Stored, media_type: str) -> None:
        self._call(self._client.fput_object, self._bucket, self._name(stored.sha256), str(path), content_type=media_type)

    def open(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See `Objects.open`."""
        first, last = check_bounds(self.size(sha256), start, end)
        if first == last:
            return iter(())
        answer = self._call(self._client.get_object, self._bucket, self._name(sha256), offset=first, length=last - first)
        return _drain(answer)

    def delete(self, sha256: str) -> None:
        """See `Objects.delete`."""
        self._call(self._client.remove_object, self._bucket, self._name(sha256))

    def names(self) -> Iterator[str]:
        """See `Objects.names`."""
        faults.before("send")
        for found in self._client.list_objects(self._bucket, prefix=self._prefix, recursive=True):
            name = str(found.object_name).removeprefix(self._prefix)
            if OBJECT_NAME.match(name):
                yield name
        faults.after("send")

    def _call(self, what: Any, *args: Any, **more: Any) -> Any:
        from minio.error import MinioException, S3Error
        from urllib3.exceptions import HTTPError

        try:
            faults.before("send")
            answer = what(*args, **more)
            faults.after("send")
            return answer
        except S3Error as error:
            if error.code in ("NoSuchKey", "NoSuchObject", "ResourceNotFound"):
                raise NotFoundError from None
            raise ObjectError(zh=f"对象存储拒绝：{error.code}", en=f"the object store refuses: {error.code}") from error
        except (MinioException, HTTPError, OSError) as error:
            raise ObjectError(zh=f"对象存储无法连接：{error}", en=f"the object store cannot be reached: {error}") from error


def _drain(answer: Any) -> Iterator[bytes]:
    with closing(answer):
        yield from answer.stream(CHUNK)


class CloudObjects(_Remote):
    """A container of any cloud that apache-libcloud knows (Aliyun OSS, Azure, Swift, GCS, S3).

    Args:
        driver: a libcloud storage driver.
        container: its name; must exist.
        prefix: before each name.
    """

    def __init__(self, driver: Any, container: str, prefix: str = "") -> None:
        self._driver, self._container, self._prefix = driver, container, prefix

    def _object(self, sha256: str) -> Any:
        return self._call(self._driver.get_object, self._container, f"{self._prefix}{check_name(sha256)}")

    def size(self, sha256: str) -> int:
        """See `Objects.size`."""
        return int(self._object(sha256).size)

    def _upload(self, path: Path, stored: Stored, media_type: str) -> None:
        container = self._call(self._driver.get_container, self._container)
        with path.open("rb") as file:
            self._call(self._driver.upload_object_via_stream, file, container, f"{self._prefix}{stored.sha256}", extra={"content_type": media_type})
        if self.size(stored.sha256) != stored.size:
            self.delete(stored.sha256)
            raise ObjectError(zh="上传后大小不符", en="the object has another size after its upload")

    def open(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See `Objects.open`."""
        found = self._object(sha256)
        first, last = check_bounds(int(found.size), start, end)
        if first == last:
            return iter(())
        if (first, last) == (0, int(found.size)):
            return iter(self._call(self._driver.download_object_as_stream, found, chunk_size=CHUNK))
        return iter(self._call(self._driver.download_object_range_as_stream, found, first, last, chunk_size=CHUNK))

    def delete(self, sha256: str) -> None:
        """See `Objects.delete`."""
        check_name(sha256)
        with suppress(NotFoundError):
            self._call(self._driver.delete_object, self._object(sha256))

    def names(self) -> Iterator[str]:
        """See `Objects.names`."""
        for found in self._driver.iterate_container_objects(self._call(self._driver.get_container, self._container), prefix=self._prefix or None):
            name = str(found.name).removeprefix(self._prefix)
            if OBJECT_NAME.match(name):
                yield name

    def _call(self, what: Any, *args: Any, **more: Any) -> Any:
        from libcloud.common.types import LibcloudError
        from libcloud.storage.types import ObjectDoesNotExistError
        from requests.exceptions import RequestException

        try:
            faults.before("send")
            answer = what(*args, **more)
            faults.after("send")
            return answer
        except ObjectDoesNotExistError:
            raise NotFoundError from None
        except (LibcloudError, RequestException, OSError) as error:
            raise ObjectError(zh=f"云存储出错：{error}", en=f"the cloud store fails: {error}") from error


def cloud_driver(provider: str, key: str, secret: str, host: str | None, port: int | None) -> Any:
    from libcloud.storage.providers import get_driver

    try:
        return get_driver(provider)(key, secret, **{name: value for name, value in (("host", host), ("port", port)) if value})
    except (AttributeError, KeyError, ValueError, TypeError) as error:
        raise ObjectError(zh=f"云存储种类不明：{provider}", en=f"no such cloud provider: {provider}") from error
