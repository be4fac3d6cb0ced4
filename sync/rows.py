"""Row batches as they travel: head, leaves, and what a reader may prove of them (PROTOCOL 5.1–5.4). Pure.

A row batch changes some rows of one table. Its leaves stand in byte order of the rows' keys, one for each key:

    put      H(0x00 ‖ salt ‖ row)      row: canonical object of its non-null columns, begins with `{`
    removal  H(0x00 ‖ salt ‖ key)      key: canonical array, begins with `[`; the salt (16 bytes) makes the prefix free of ambiguity

The head states their number and the root over them, and stands in the authority's log. Each reader gets the leaves that it may see opened and of the
others only the hash and the place (a *hole*), so that one head proves every reader's share. A row that left a reader's filter is a removal without salt:
it proves nothing and needs no proof, since leaving out is what a relay may always do.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from catalog.canonical import JSON, b64, dumps, loads, unb64
from catalog.errors import CanonicalError
from catalog.ids import is_record_id
from sync.errors import BatchError
from sync.merkle import Hash, leaf_hash, sha256, tree_root

__all__ = ["MAX_BYTES", "MAX_ROWS", "RowsHead", "VerifiedRows", "is_variant", "make_head", "parse_head", "row_leaf", "rows_root", "verify_rows"]

#: A batch holds at most so many rows, and so many bytes of keys and rows (PROTOCOL 5.4).
MAX_ROWS = 1000
MAX_BYTES = 1 << 20

_VARIANT = re.compile(r"(?:[a-z0-9][a-z0-9_-]{0,63})?\Z")
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_SALT = 16


@dataclass(frozen=True)
class RowsHead:
    """A batch head.

    Attributes:
        id, variant: the table of rows; variant '' is the record's own.
        seq: number of the batch, from 1.
        prev: base64url H(head bytes) of batch seq − 1; None for the first. Of a base: of batch seq, after which it was taken.
        count: number of leaves; of a base, of all rows of the table.
        root: 32 bytes.
        base: the head covers the whole table, not a change.
        text: canonical text.
        digest: base64url H(text): the next head's `prev`.
    """

    id: str
    variant: str
    seq: int
    prev: str | None
    count: int
    root: bytes
    base: bool
    text: str
    digest: str


@dataclass(frozen=True)
class VerifiedRows:
    """What one reader gets of one batch, proved.

    Attributes:
        puts: (key, salt, row): canonical texts and 16 bytes.
        removes: (key, salt): 16 bytes, or None where the row only left this reader's filter.
        holes: (place, leaf hash).
        leaves: all leaf hashes in order.
    """

    head: RowsHead
    puts: tuple[tuple[str, bytes, str], ...]
    removes: tuple[tuple[str, bytes | None], ...]
    holes: tuple[tuple[int, bytes], ...]
    leaves: tuple[bytes, ...]


def is_variant(value: object) -> bool:
    """Tells whether a value names a variant ('' is the record itself)."""
    return isinstance(value, str) and _VARIANT.match(value) is not None


def row_leaf(salt: bytes, text: str, hash_: Hash = sha256) -> bytes:
    """Leaf of a put (`text` is the row) or of a removal (`text` is the key)."""
    # PROTOCOL 5.1
    return leaf_hash(salt + text.encode(), hash_)


def rows_root(leaves: Iterable[bytes], hash_: Hash = sha256) -> bytes:
    """Root over leaves in byte order of their keys."""
    return tree_root(leaves, hash_)


def make_head(*, id: str, variant: str, seq: int, prev: str | None, count: int, root: bytes, base: bool = False) -> str:
    """Writes a batch head. Arguments as in RowsHead."""
    return dumps({"base": base, "count": count, "id": id, "prev": prev, "root": b64(root), "seq": seq, "variant": variant}).decode()


def parse_head(text: str, hash_: Hash = sha256) -> RowsHead:
    """Reads a batch head.

    Raises:
        BatchError: not canonical, or a member has not its form.
    """
    # PROTOCOL 5.1
    if len(text) > 4096:
        raise _bad("批次头过长", "the head of a row batch is at most 4096 characters")
    try:
        value = loads(text)
        if not isinstance(value, dict):
            raise _bad("批次头须为对象", "the head of a row batch is an object")
        root, prev = value.get("root"), value.get("prev")
        root_bytes = unb64(root if isinstance(root, str) else "", 32)
        if prev is not None:
            unb64(prev if isinstance(prev, str) else "", 32)
    except CanonicalError as error:
        raise _bad(f"批次头：{error.zh}", f"head of a row batch: {error.en}") from error
    seq, count, base = value.get("seq"), value.get("count"), value.get("base")
    if not is_record_id(value.get("id")) or not is_variant(value.get("variant")) or type(base) is not bool:
        raise _bad("批次头的 id、variant 或 base 不合规定", "the head's id, variant or base has not its form")
    if type(seq) is not int or type(count) is not int or seq < 1 or count < 0 or (not base and count > MAX_ROWS) or (prev is None) != (seq == 1 and not base):
        raise _bad("批次头的 seq、prev 或 count 不合规定", "the head's seq, prev or count is out of bounds")
    return RowsHead(
        id=str(value["id"]),
        variant=str(value["variant"]),
        seq=seq,
        prev=None if prev is None else str(prev),
        count=count,
        root=root_bytes,
        base=base,
        text=text,
        digest=b64(hash_(text.encode())),
    )


def verify_rows(
    head: RowsHead, put: Sequence[Sequence[str]], remove: Sequence[Sequence[str | None]], holes: Sequence[Sequence[int | str]], hash_: Hash = sha256
) -> VerifiedRows:
    """Checks one reader's share of a batch against the batch's head.

    Args:
        head: parsed; proved by the log apart from this.
        put: [salt, key, row].
        remove: [salt, key]; salt null when the row only left this reader's filter.
        holes: [place, leaf hash], places ascending.

    Returns:
        The rows.

    Raises:
        BatchError: something has not its form (5.3), is too much (5.4), or does not lead to the root (5.1).
    """
    # PROTOCOL 5.1, 5.4
    opened: dict[bytes, bytes] = {}
    puts: list[tuple[str, bytes, str]] = []
    removes: list[tuple[str, bytes | None]] = []
    left: set[str] = set()
    size = 0
    for salt, key, row in put:
        raw = _opened(opened, salt, key, row, hash_)
        _check_row(row)
        puts.append((key, raw, row))
        size += len(key) + len(row)
    for first, second in remove:
        key = _check_key(second)
        if first is None:
            if key in left:
                raise _bad(f"键 {key:.80} 移除两次", f"key {key:.80} is removed twice", "5.4")
            left.add(key)
            removes.append((key, None))
        else:
            removes.append((key, _opened(opened, first, key, key, hash_)))
        size += len(key)
    if not head.base and (len(puts) + len(removes) + len(holes) > 2 * MAX_ROWS or size > MAX_BYTES):
        raise _bad("一批至多一千列或 1 MiB", "a batch holds at most 1,000 rows or 1 MiB", "5.4")
    if any(key.encode() in opened for key in left):
        raise _bad("同一键既放入又移除", "a key is both put and removed", "5.4")
    leaves, places = _leaves(head, [opened[key] for key in sorted(opened)], holes)
    if tree_root(leaves, hash_) != head.root:
        raise _bad("列批次与其树根不符", "the rows do not lead to the root of their batch: a row was forged, altered or misplaced")
    return VerifiedRows(head, tuple(puts), tuple(removes), places, tuple(leaves))


def _leaves(head: RowsHead, opened: list[bytes], holes: Sequence[Sequence[int | str]]) -> tuple[list[bytes], tuple[tuple[int, bytes], ...]]:
    """Puts opened leaves, in order of their keys, and holes, at their places, together."""
    if len(opened) + len(holes) != head.count:
        raise _bad("叶数与批次头不符", f"{len(opened) + len(holes)} leaves, but the head says {head.count}")
    leaves: list[bytes | None] = [None] * head.count
    places: list[tuple[int, bytes]] = []
    for place, text in holes:
        if type(place) is not int or not 0 <= place < head.count or (places and place <= places[-1][0]):
            raise _bad("空位的位置不合规定", "places of holes ascend and lie inside the batch")
        raw = _unb64(text, 32)
        leaves[place] = raw
        places.append((place, raw))
    rest = iter(opened)
    return [leaf if leaf is not None else next(rest) for leaf in leaves], tuple(places)


def _opened(opened: dict[bytes, bytes], salt: object, key: str, text: str, hash_: Hash) -> bytes:
    """Notes the leaf of one opened key; returns the salt."""
    raw = _unb64(salt, _SALT)
    name = _check_key(key).encode()
    if name in opened:
        raise _bad(f"键 {key:.80} 出现两次", f"key {key:.80} stands twice", "5.4")
    opened[name] = row_leaf(raw, text, hash_)
    return raw


def _check_key(key: object) -> str:
    # PROTOCOL 5.3
    value = _loads(key)
    if not isinstance(value, list) or not value or any(part is None or isinstance(part, list | dict) for part in value):
        raise _bad(f"键须为非空数组：{key!r:.80}", f"a row's key is an array of its key columns: {key!r:.80}", "5.3")
    return str(key)


def _check_row(row: object) -> None:
    # PROTOCOL 5.3
    value = _loads(row)
    if not isinstance(value, dict) or any(_COLUMN.match(name) is None or member is None for name, member in value.items()):
        raise _bad(f"列须为由非空列组成的对象：{row!r:.80}", f"a row is an object of its non-null columns: {row!r:.80}", "5.3")


def _loads(text: object) -> JSON:
    if not isinstance(text, str):
        raise _bad("列与键须为文字", "rows and keys travel as text", "5.3")
    try:
        value: JSON = loads(text)
        return value
    except CanonicalError as error:
        raise _bad(f"列：{error.zh}", f"row: {error.en}", "5.3") from error


def _unb64(value: object, size: int) -> bytes:
    try:
        return unb64(value if isinstance(value, str) else "", size)
    except CanonicalError as error:
        raise _bad(f"盐或叶：{error.zh}", f"salt or leaf: {error.en}") from error


def _bad(zh: str, en: str, clause: str = "5.1") -> BatchError:
    return BatchError(zh=zh, en=en, clause=clause, kind="rows")
