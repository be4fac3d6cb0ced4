"""Names that are minted once: the slug of a record and its national code.

* A slug is read by people and never changes once published. It comes from the English title (nothing is transliterated: a wrong reading of a name is worse
  than none), else from the national code, and always ends with six digits of the record's uuid: a name that needed a suffix only because another one was
  there would tell of a hidden record.
* A national code is the category code, `/` and a sequence number. The number is the next of a counter sent through a keyed permutation, so that neither the
  order nor the gaps of codes tell how many records there are.
"""

import hashlib
import re
import secrets
import unicodedata
from array import array
from collections.abc import Sequence
from functools import lru_cache
from itertools import batched
from typing import Any, NamedTuple

from sqlalchemy import Column, Select, insert, select

from catalog.errors import CatalogError, ConflictError
from catalog.tables import meta, slug
from catalog.transaction import AT_ONCE, WriteTransaction

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])\Z")
#: Digits of a national code's sequence number.
DIGITS = 8

_ROUNDS = 8
_SLUGS = select(slug.c.id, slug.c.slug)
_OWNERS = select(slug.c.slug, slug.c.id)
_HALF = 0x3FFF
_UNSEEN = 0xFFFF
_CODE_KEY = select(meta.c.value).where(meta.c.key == "code_key")
_WORDS = re.compile(r"[a-z0-9]+")


def make_slug(title: object, code: object, uuid: str) -> str:
    """A readable name for a record.

    Args:
        title: language map, or None.
        code: national code, or None.
        uuid: of the record; gives the last six characters.
    """
    english = title.get("en") if isinstance(title, dict) else None
    stem = _stem(english) or _stem(code) or "record"
    return f"{stem}-{uuid.replace('-', '')[:6]}"


def _stem(value: object) -> str:
    if not isinstance(value, str):
        return ""
    folded = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode().lower()
    stem = ""
    for word in _WORDS.findall(folded):
        if len(stem) + len(word) > 60:
            break
        stem = f"{stem}-{word}" if stem else word
    return stem


class Wanted(NamedTuple):
    """A record that needs its slug.

    Attributes:
        wished: the name asked for, or None for a made one.
        title, code: what a made one comes from.
    """

    id: str
    wished: str | None
    title: object
    code: object


def claim_slugs(tx: WriteTransaction, wanted: Sequence[Wanted]) -> dict[str, str | ConflictError]:
    """The slugs of records: the one that each has, else the wished one, else a made one; kept for ever.

    Args:
        wanted: at most one for each record.

    Returns:
        For each id its slug, or why it gets none: the wished name is malformed or belongs to another record.
    """
    found: dict[str, str | ConflictError] = dict(_asked(tx, _SLUGS, slug.c.id, [each.id for each in wanted]))
    new: list[tuple[Wanted, str]] = []
    for each in wanted:
        if each.id in found:
            continue
        if each.wished is not None and SLUG.match(each.wished) is None:
            found[each.id] = _malformed(each.wished)
        else:
            new.append((each, make_slug(each.title, each.code, _uuid(each.id)) if each.wished is None else each.wished))
    taken = _asked(tx, _OWNERS, slug.c.slug, [name for _, name in new])
    claimed: list[dict[str, str]] = []
    for each, name in new:
        if name in taken:
            if each.wished is not None:
                found[each.id] = ConflictError(zh=f"名称 {name} 已被使用；请另取一个", en=f"the name {name} is taken; choose another")
                continue
            name = f"{name[:60].rstrip('-')}-{_uuid(each.id).replace('-', '')}"
        found[each.id] = name
        taken[name] = each.id
        claimed.append({"slug": name, "id": each.id})
    tx.insert(slug, claimed)
    return found


def _malformed(wished: str) -> ConflictError:
    return ConflictError(
        zh=f"名称 {wished!r:.110} 须为 2 至 100 个小写英文字母、数字或连字号",
        en=f"the name {wished!r:.110} must be 2 to 100 lower-case letters, digits and hyphens",
    )


def _uuid(id: str) -> str:
    return id.rsplit(":", 1)[-1]


def _asked(tx: WriteTransaction, pairs: Select[str, str], column: Column[Any], values: Sequence[str]) -> dict[str, str]:
    """What the table says of many values, a few statements for all."""
    return {key: value for some in batched(values, AT_ONCE) for key, value in tx.conn.execute(pairs.where(column.in_(some)))}


def next_codes(tx: WriteTransaction, categories: Sequence[str]) -> list[str]:
    """The next national codes (信息资源代码) of this site, in order.

    Args:
        categories: of each the category code, for example `3070115`.
    """
    if not categories:
        return []
    key = tx.conn.execute(_CODE_KEY).scalar()
    if key is None:
        key = secrets.token_hex(32)
        tx.conn.execute(insert(meta).values(key="code_key", value=key))
    permute = _permutation(bytes.fromhex(key))
    first = tx.bump("code", len(categories)) - len(categories) + 1
    return [f"{category}/{permute(number):0{DIGITS}d}" for number, category in enumerate(categories, first)]


@lru_cache(maxsize=4)
def _permutation(key: bytes) -> "Permutation":
    return Permutation(key)


class Permutation:
    """A keyed permutation of 0 … 10^DIGITS − 1: a balanced Feistel network over 28 bits, walked until it lands inside.

    What the rounds gave is kept, two bytes for each of their inputs: a number takes more than twenty of them.

    Args:
        key: 32 bytes, kept in the database.
    """

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")  # HMAC-SHA-256 (RFC 2104), begun once
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        self._rounds = [array("H", [_UNSEEN]) * (_HALF + 1) for _ in range(_ROUNDS)]

    def __call__(self, number: int) -> int:
        """The number that stands in its place."""
        size = 10**DIGITS
        if not 0 <= number < size:
            raise CatalogError(zh=f"代码序号已用完（{DIGITS} 位）", en=f"the sequence numbers of national codes are used up ({DIGITS} digits)")
        while True:
            left, right = number >> 14, number & _HALF
            for n, seen in enumerate(self._rounds):
                mixed = seen[right]
                if mixed == _UNSEEN:
                    mixed = seen[right] = self._round(n, right)
                left, right = right, left ^ mixed
            number = left << 14 | right
            if number < size:
                return number

    def _round(self, n: int, right: int) -> int:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(bytes((n, right >> 8, right & 0xFF)))
        outer.update(inner.digest())
        return int.from_bytes(outer.digest()[:2], "big") & _HALF
