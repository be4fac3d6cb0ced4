"""Key files (PROTOCOL 6.7)."""

from pathlib import Path

import pytest

from sync.errors import KeyFileError
from sync.keys import ROLES, check, create, load, load_one


def _words(folder: Path) -> list[str]:
    return [problem.en for problem in check(folder) if problem.serious]


def test_keys_are_made_0600_and_come_back(tmp_path: Path) -> None:
    # PROTOCOL 6.7
    made = create(tmp_path / "keys")
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    for role in ROLES:
        assert (tmp_path / "keys" / f"{role}.pem").stat().st_mode & 0o777 == 0o600
    found = load(tmp_path / "keys")
    assert found.root is not None and made.root is not None
    assert (found.site.public, found.witness.public, found.root.public) == (made.site.public, made.witness.public, made.root.public)
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["root.pem", "site.pem", "witness.pem"]
    assert _words(tmp_path / "keys") == []
    assert [problem.serious for problem in check(tmp_path / "keys")] == [False]  # the root key belongs offline


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    made = create(tmp_path)
    with pytest.raises(KeyFileError, match="never overwritten"):
        create(tmp_path)
    assert load(tmp_path).site.public == made.site.public


def test_site_runs_without_its_root_key(tmp_path: Path) -> None:
    create(tmp_path)
    (tmp_path / "root.pem").unlink()
    assert load(tmp_path).root is None
    assert check(tmp_path) == []


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o700])
def test_key_that_others_can_read_is_not_loaded_and_the_doctor_says_so(tmp_path: Path, mode: int) -> None:
    create(tmp_path)
    (tmp_path / "site.pem").chmod(mode)
    with pytest.raises(KeyFileError) as refused:
        load(tmp_path)
    assert refused.value.kind == "key-file-mode"
    assert "chmod 600" in refused.value.en and "chmod 600" in refused.value.zh
    assert any("site.pem" in words for words in _words(tmp_path))


def test_open_folder_is_named_by_the_doctor(tmp_path: Path) -> None:
    create(tmp_path)
    tmp_path.chmod(0o755)
    assert any("chmod 700" in problem.en for problem in check(tmp_path))


def test_link_in_place_of_a_key_is_refused(tmp_path: Path) -> None:
    create(tmp_path / "a")
    create(tmp_path / "b")
    (tmp_path / "a" / "site.pem").unlink()
    (tmp_path / "a" / "site.pem").symlink_to(tmp_path / "b" / "site.pem")
    with pytest.raises(KeyFileError):
        load(tmp_path / "a")
    assert any("regular file" in words for words in _words(tmp_path / "a"))


@pytest.mark.parametrize("content", [b"", b"not a key", b"\0" * 10_000])
def test_damaged_key_is_refused(tmp_path: Path, content: bytes) -> None:
    create(tmp_path)
    (tmp_path / "site.pem").write_bytes(content)
    with pytest.raises(KeyFileError, match="damaged"):
        load(tmp_path)


def test_missing_key_says_what_to_do(tmp_path: Path) -> None:
    create(tmp_path)
    (tmp_path / "witness.pem").unlink()
    with pytest.raises(KeyFileError, match="restore it"):
        load(tmp_path)
    assert len(_words(tmp_path)) == 1
    assert [problem.serious for problem in check(tmp_path / "nowhere")] == [True]
    with pytest.raises(KeyFileError):
        load_one(tmp_path)  # a folder


def test_one_key_for_two_purposes_is_refused(tmp_path: Path) -> None:
    # PROTOCOL 3.3
    create(tmp_path)
    (tmp_path / "witness.pem").write_bytes((tmp_path / "site.pem").read_bytes())
    with pytest.raises(KeyFileError, match="must differ"):
        load(tmp_path)
