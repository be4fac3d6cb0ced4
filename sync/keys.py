"""Key files: `DIR/keys/root.pem`, `site.pem`, `witness.pem`, unencrypted PKCS#8 with mode 0600 (PROTOCOL 6.7)."""

from dataclasses import dataclass
from pathlib import Path

from sync.suite import DEFAULT, SecretKey, Suite

__all__ = ["ROLES", "KeyProblem", "Keys", "check", "create", "load", "load_one"]

ROLES = ("root", "site", "witness")


@dataclass(frozen=True)
class Keys:
    """The keys that a running site needs. `root` is None when it is kept elsewhere (as it should be)."""

    site: SecretKey
    witness: SecretKey
    root: SecretKey | None


@dataclass(frozen=True)
class KeyProblem:
    """Something that the doctor says about a key file."""

    path: Path
    zh: str
    en: str


def create(directory: Path, suite: Suite = DEFAULT) -> Keys:
    """Makes `directory` (0700) and the three key files (0600). Never overwrites. Raises KeyFileError."""
    raise NotImplementedError


def load(directory: Path, suite: Suite = DEFAULT) -> Keys:
    """Loads site and witness key, and the root key when it is there. Raises KeyFileError (missing, damaged, readable by others)."""
    raise NotImplementedError


def load_one(path: Path, suite: Suite = DEFAULT) -> SecretKey:
    """Loads one key file. Raises KeyFileError."""
    raise NotImplementedError


def check(directory: Path) -> list[KeyProblem]:
    """What is wrong with the files: mode, owner, missing, links. Raises nothing."""
    raise NotImplementedError
