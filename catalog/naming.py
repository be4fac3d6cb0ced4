"""Names that are minted once: the slug of a record and its national code.

* A slug is read by people and never changes once published. It comes from the English title (nothing is transliterated: a wrong reading of a name is worse
  than none), else from the national code, and always ends with six digits of the record's uuid: a name that needed a suffix only because another one was
  there would tell of a hidden record.
* A national code is the category code, `/` and a sequence number. The number is the next of a counter sent through a keyed permutation, so that neither the
  order nor the gaps of codes tell how many records there are.
"""

import hashlib
import hmac
import re
import secrets
import unicodedata

from sqlalchemy import Connection, bindparam, insert, select

from catalog.errors import CatalogError, ConflictError
from catalog.tables import meta, slug
from catalog.transaction import WriteTransaction

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])\Z")
#: Digits of a national code's sequence number.
DIGITS = 8

_ROUNDS = 8
_SLUG_OF = select(slug.c.slug).where(slug.c.id == bindparam("id"))
_ID_OF = select(slug.c.id).where(slug.c.slug == bindparam("slug"))
_CLAIM = insert(slug)
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


def claim_slug(tx: WriteTransaction, id: str, wished: str | None, title: object, code: object) -> str:
    """The slug of a record: the one that it has, else the wished one, else a made one; kept for ever.

    Raises:
        ConflictError: the wished name is malformed or belongs to another record.
    """
    own = tx.conn.execute(_SLUG_OF, {"id": id}).scalar()
    if own is not None:
        return str(own)
    if wished is not None:
        if SLUG.match(wished) is None:
            raise ConflictError(
                zh=f"名称 {wished!r:.110} 须为 2 至 100 个小写英文字母、数字或连字号",
                en=f"the name {wished!r:.110} must be 2 to 100 lower-case letters, digits and hyphens",
            )
        if _taken(tx.conn, wished):
            raise ConflictError(zh=f"名称 {wished} 已被使用；请另取一个", en=f"the name {wished} is taken; choose another")
        chosen = wished
    else:
        uuid = id.rsplit(":", 1)[-1]
        chosen = make_slug(title, code, uuid)
        if _taken(tx.conn, chosen):
            chosen = f"{chosen[:60].rstrip('-')}-{uuid.replace('-', '')}"
    tx.conn.execute(_CLAIM, {"slug": chosen, "id": id})
    return chosen


def _taken(conn: Connection, name: str) -> bool:
    return conn.execute(_ID_OF, {"slug": name}).first() is not None


def next_code(tx: WriteTransaction, category: str) -> str:
    """The next national code (信息资源代码) of this site within a category.

    Args:
        category: category code, for example `3070115`.
    """
    key = tx.conn.execute(_CODE_KEY).scalar()
    if key is None:
        key = secrets.token_hex(32)
        tx.conn.execute(insert(meta).values(key="code_key", value=key))
    return f"{category}/{permute(tx.bump('code'), bytes.fromhex(key)):0{DIGITS}d}"


def permute(number: int, key: bytes) -> int:
    """A keyed permutation of 0 … 10^DIGITS − 1: a balanced Feistel network over 28 bits, walked until it lands inside.

    Args:
        number: the counter.
        key: 32 bytes, kept in the database.
    """
    size = 10**DIGITS
    if not 0 <= number < size:
        raise CatalogError(zh=f"代码序号已用完（{DIGITS} 位）", en=f"the sequence numbers of national codes are used up ({DIGITS} digits)")
    while True:
        left, right = number >> 14, number & 0x3FFF
        for n in range(_ROUNDS):
            digest = hmac.digest(key, bytes([n]) + right.to_bytes(2, "big"), hashlib.sha256)
            left, right = right, left ^ (int.from_bytes(digest[:2], "big") & 0x3FFF)
        number = left << 14 | right
        if number < size:
            return number
