"""Record ids: opaque, minted once, and proving who minted them (PROTOCOL 1.3).

`urn:terrace:<UUIDv8>`, whose 122 free bits are the first of H("terrace/1 id\\n" + canonical `[birth node, nonce]`). Whoever reads a manifest recomputes
the id from `birth`, so that nobody can publish under an id that another node minted: finding a nonce that gives a wanted id takes 2^122 hashes.
"""

import hashlib
import re
import secrets
import uuid
from collections.abc import Callable

from catalog.canonical import b64, dumps, unb64
from catalog.errors import CanonicalError, ManifestError

__all__ = ["NONCE_BYTES", "PREFIX", "check_birth", "is_node_id", "is_record_id", "mint_id", "new_nonce", "uuid_of"]

PREFIX = "urn:terrace:"
NONCE_BYTES = 16

_RECORD = re.compile(r"urn:terrace:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_NODE = re.compile(r"n-[a-z2-7]{32}\Z")


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def new_nonce() -> bytes:
    """A fresh birth nonce, 16 random bytes."""
    return secrets.token_bytes(NONCE_BYTES)


def mint_id(birth_node: str, nonce: bytes, *, hash_: Callable[[bytes], bytes] = _sha256) -> str:
    """The id of the record that a node mints with this nonce.

    Args:
        birth_node: node id.
        nonce: 16 bytes, random.
        hash_: H of the birth node's suite.

    Raises:
        ManifestError: the node id or the nonce has not its form.
    """
    # PROTOCOL 1.3
    if not is_node_id(birth_node) or len(nonce) != NONCE_BYTES:
        raise ManifestError(zh="出生须为节点号与 16 字节随机数", en="birth is a node id and a nonce of 16 bytes")
    bits = bytearray(hash_(b"terrace/1 id\n" + dumps([birth_node, b64(nonce)]))[:16])
    bits[6] = bits[6] & 0x0F | 0x80  # RFC 9562: version 8
    bits[8] = bits[8] & 0x3F | 0x80  # RFC 9562: variant
    return PREFIX + str(uuid.UUID(bytes=bytes(bits)))


def check_birth(record_id: str, birth: object, *, hash_: Callable[[bytes], bytes] = _sha256) -> str:
    """Checks that a record id was minted by the node that `birth` names.

    Args:
        record_id: as the manifest has it.
        birth: the manifest's member, `[node id, nonce as base64url]`.
        hash_: H of the birth node's suite.

    Returns:
        The birth node's id.

    Raises:
        ManifestError: malformed, or minted by somebody else (squatting on an id).
    """
    # PROTOCOL 1.3
    if not isinstance(birth, list | tuple) or len(birth) != 2 or not all(isinstance(part, str) for part in birth):
        raise ManifestError(zh="birth 须为 [节点号, 随机数]", en="birth is [node id, nonce]")
    node, nonce = birth
    try:
        minted = mint_id(node, unb64(nonce, NONCE_BYTES), hash_=hash_)
    except CanonicalError as error:
        raise ManifestError(zh=f"birth 的随机数有误：{error.zh}", en=f"the nonce of birth is wrong: {error.en}") from error
    if minted != record_id:
        raise ManifestError(zh=f"{record_id!r:.60} 不是 {node} 所生", en=f"{record_id!r:.60} was not minted by {node}")
    return str(node)


def is_record_id(value: object) -> bool:
    """Tells whether a value is written like a record id."""
    return isinstance(value, str) and _RECORD.match(value) is not None


def is_node_id(value: object) -> bool:
    """Tells whether a value is written like a node id (PROTOCOL 1.2)."""
    return isinstance(value, str) and _NODE.match(value) is not None


def uuid_of(record_id: str) -> str:
    """The bare UUID of a record id.

    Raises:
        ManifestError: not a record id.
    """
    if not is_record_id(record_id):
        raise ManifestError(zh=f"不是记录号：{record_id!r:.60}", en=f"not a record id: {record_id!r:.60}")
    return record_id.removeprefix(PREFIX)
