"""Suites: which hash and which signature a node, its log and its statements use (PROTOCOL 1.5).

A suite has an id that stands in `node` and `certify` statements; everything else follows from there, so that no message can choose its own algorithm.
`ed25519-sha256` is implemented. `sm2-sm3` (GM/T 0003, GM/T 0004) has its id and its places in every format; this version refuses it in words.

Keys are written as JSON Web Keys with exactly the members of their kind; a key's id is its RFC 7638 thumbprint under the suite's hash.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from catalog.canonical import b64, dumps, unb64
from catalog.errors import CanonicalError
from sync.errors import SuiteError

__all__ = ["DEFAULT", "ED25519", "RESERVED", "PublicKey", "SecretKey", "Suite", "suite_of"]


class Suite(Protocol):
    """A hash and a signature scheme that belong together."""

    id: str
    jws_alg: str
    note_type: bytes  #: C2SP signature type of a log's note
    cosignature_type: bytes  #: C2SP signature type of a timestamped cosignature

    def hash(self, data: bytes) -> bytes:
        """H, 32 bytes."""
        ...

    def generate(self) -> "SecretKey":
        """A new key from the system's random source."""
        ...

    def public(self, jwk: Mapping[str, object]) -> "PublicKey":
        """Reads a key of this suite. Raises SuiteError."""
        ...

    def load_pem(self, pem: bytes) -> "SecretKey":
        """Reads a secret key from unencrypted PKCS#8. Raises SuiteError."""
        ...

    def verify(self, key: "PublicKey", message: bytes, signature: bytes) -> bool:
        """Tells whether the signature is the key's over the message."""
        ...


@dataclass(frozen=True)
class PublicKey:
    """A public key.

    Attributes:
        suite: id of its suite.
        raw: 32 bytes (Ed25519).
    """

    suite: str
    raw: bytes

    @property
    def jwk(self) -> dict[str, str]:
        """The key as it stands in statements."""
        return {"crv": "Ed25519", "kty": "OKP", "x": b64(self.raw)}

    @cached_property
    def kid(self) -> str:
        """Key id: RFC 7638 thumbprint, base64url."""
        return b64(suite_of(self.suite).hash(dumps(dict(self.jwk))))

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Tells whether the signature is this key's over the message."""
        return suite_of(self.suite).verify(self, message, signature)


@dataclass(frozen=True)
class SecretKey:
    """A secret key. Its `repr` shows nothing of it."""

    suite: str
    private: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return PublicKey(self.suite, self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, message: bytes) -> bytes:
        """Signs; 64 bytes."""
        return self.private.sign(message)

    def pem(self) -> bytes:
        """PKCS#8, unencrypted, for a file with mode 0600."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def jwk(self) -> dict[str, str]:
        """The secret key as a JSON Web Key, for jwcrypto only."""
        return {**self.public.jwk, "d": b64(self.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))}


class _Ed25519Sha256:
    """`ed25519-sha256`: RFC 8032 and FIPS 180-4."""

    id = "ed25519-sha256"
    jws_alg = "Ed25519"  # RFC 9864
    note_type = b"\x01"
    cosignature_type = b"\x04"

    def hash(self, data: bytes) -> bytes:
        return hashlib.sha256(data).digest()

    def generate(self) -> SecretKey:
        return SecretKey(self.id, Ed25519PrivateKey.generate())

    def public(self, jwk: Mapping[str, object]) -> PublicKey:
        # PROTOCOL 1.5: exactly these members, so that one key has one text and one id
        if not isinstance(jwk, Mapping) or set(jwk) != {"crv", "kty", "x"} or jwk["crv"] != "Ed25519" or jwk["kty"] != "OKP":
            raise SuiteError(zh="密钥须为 {crv: Ed25519, kty: OKP, x}", en="a key of this suite is {crv: Ed25519, kty: OKP, x}, with no other member")
        x = jwk["x"]
        try:
            return PublicKey(self.id, unb64(x, 32)) if isinstance(x, str) else self._bad_x()
        except CanonicalError as error:
            raise SuiteError(zh=f"密钥的 x 有误：{error.zh}", en=f"the key's x is wrong: {error.en}") from error

    def _bad_x(self) -> PublicKey:
        raise SuiteError(zh="密钥的 x 须为文字", en="the key's x must be text")

    def load_pem(self, pem: bytes) -> SecretKey:
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise SuiteError(zh="不是未加密的 PKCS#8 私钥", en="not an unencrypted PKCS#8 private key") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SuiteError(zh="私钥不是 Ed25519", en="the private key is not Ed25519")
        return SecretKey(self.id, key)

    def verify(self, key: PublicKey, message: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


ED25519: Suite = _Ed25519Sha256()
DEFAULT = ED25519
_SUITES: dict[str, Suite] = {ED25519.id: ED25519}
#: Ids that have their place in the formats but no code yet, with what to say.
RESERVED = {"sm2-sm3": "GM/T 0003 + GM/T 0004"}


def suite_of(suite_id: object) -> Suite:
    """Returns the suite with this id.

    Raises:
        SuiteError: kind `suite-reserved` for `sm2-sm3`, else `suite`.
    """
    found = _SUITES.get(suite_id) if isinstance(suite_id, str) else None
    if found is not None:
        return found
    if isinstance(suite_id, str) and suite_id in RESERVED:
        raise SuiteError(
            zh=f"密码套件 {suite_id}（{RESERVED[suite_id]}）已保留，本版本尚不能运行；请用 {ED25519.id}",
            en=f"suite {suite_id} ({RESERVED[suite_id]}) is reserved and not runnable in this version; use {ED25519.id}",
            kind="suite-reserved",
        )
    raise SuiteError(zh=f"未知的密码套件：{suite_id!r:.40}", en=f"unknown suite: {suite_id!r:.40}")
