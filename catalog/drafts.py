"""Drafts: what this site is still writing. No face shows them but the pages of those who write.

A draft holds a record's whole content: a new record's, or that of the next version of a published one. `edit` makes the draft of a published record from
its newest version. Nothing is checked here beyond form; `catalog.writer` checks at publishing and names everything that is missing at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from catalog.canonical import JSON, dumps
from catalog.errors import ConflictError, NotFoundError
from catalog.ids import mint_id, new_nonce
from catalog.manifest import FIELD_NAME
from catalog.site import SECRECY, SiteIdentity
from catalog.tables import draft, record, source, version
from catalog.transaction import WriteTransaction

__all__ = ["MEMBERS", "Draft", "StoredDraft", "drafts_of", "find_source", "id_of_slug", "is_published", "load_draft"]

#: What `edit` may change besides fields: members of the manifest, and the wished name.
MEMBERS = ("secrecy", "terms", "profile", "slug")

_ADD = insert(draft)
_DISCARD = delete(draft).where(draft.c.id == bindparam("wanted"))
_DRAFT = select(draft).where(draft.c.id == bindparam("wanted"))
_NEWEST = select(version).where(version.c.id == bindparam("wanted")).order_by(version.c.n.desc()).limit(1)
_SOURCE = select(source.c.id).where(source.c.digest == bindparam("digest"))


@dataclass
class Draft:
    """A record to be written.

    Attributes:
        fields: field name → value, restricted JSON (PROTOCOL 1.1); None is as good as absent.
        profile: for example `core/1`.
        secrecy: word of the scale; must be set before publishing.
        terms: travel with the record, or None.
        slug: wished readable name, or None for a made one.
        source, source_digest: what it was made from; a second draft with the same digest is refused by `add`.
        attested: the mark of a harvested record (where it came from); None for a record of the site's own.
    """

    fields: Mapping[str, JSON]
    profile: str = "core/1"
    secrecy: str | None = None
    terms: Mapping[str, JSON] | None = None
    slug: str | None = None
    source: str | None = None
    source_digest: str | None = None
    attested: Mapping[str, JSON] | None = None


@dataclass
class StoredDraft:
    """A draft as it is in the database."""

    id: str
    birth: tuple[str, str | bytes]
    fields: dict[str, Any]
    profile: str
    secrecy: str | None
    terms: dict[str, Any] | None
    slug: str | None
    attested: dict[str, Any] | None
    base_version: int
    modified: int
    author: str | None = field(default=None)


def add(tx: WriteTransaction, site: SiteIdentity, new: Draft, author: str) -> str:
    """Writes a new draft and mints its id.

    Raises:
        ConflictError: there is a record made from the same content; says which.
    """
    if new.source_digest is not None:
        known = find_source(tx.conn, new.source_digest)
        if known is not None:
            raise ConflictError(zh=f"相同内容已有记录：{known}", en=f"there is a record made from the same content: {known}")
    nonce = new_nonce()
    id = mint_id(site.node, nonce, hash_=site.digest)
    values = {
        "id": id,
        **_columns(check_fields(new.fields), new.profile, check_secrecy(new.secrecy), new.terms, new.slug),
        "attested": None if new.attested is None else dumps(dict(new.attested)).decode(),
        "birth_nonce": nonce,
        "base_version": 0,
        "author": author,
        "modified": tx.now,
    }
    tx.conn.execute(_ADD, values)
    if new.source_digest is not None:
        tx.conn.execute(insert(source).values(digest=new.source_digest, id=id, source=new.source, time=tx.now))
    return id


def change(tx: WriteTransaction, site: SiteIdentity, id: str, changes: Mapping[str, JSON], author: str) -> StoredDraft:
    """Changes a draft, making it from the newest version first when there is none.

    Args:
        changes: field name (or one of MEMBERS) → new value; None takes it away.

    Raises:
        NotFoundError: neither draft nor version of this id.
    """
    fresh = load_draft(tx.conn, site, id) is None
    stored = content(tx, site, id)
    for name, value in changes.items():
        if name in MEMBERS:
            setattr(stored, name, value)
        elif value is None:
            stored.fields.pop(name, None)
        else:
            stored.fields[name] = value
    check_fields(stored.fields)
    check_secrecy(stored.secrecy)
    values = {**_columns(stored.fields, stored.profile, stored.secrecy, stored.terms, stored.slug), "author": author, "modified": tx.now}
    if fresh:
        nonce = stored.birth[1] if isinstance(stored.birth[1], bytes) else b""
        attested = None if stored.attested is None else dumps(stored.attested).decode()
        tx.conn.execute(insert(draft).values(id=id, birth_nonce=nonce, base_version=stored.base_version, attested=attested, **values))
    else:
        tx.conn.execute(update(draft).where(draft.c.id == id).values(**values))
    return stored


def content(tx: WriteTransaction, site: SiteIdentity, id: str) -> StoredDraft:
    """A draft, or what it would begin with: the newest version. Raises NotFoundError."""
    return load_draft(tx.conn, site, id) or _from_version(tx, id)


def discard(tx: WriteTransaction, id: str) -> None:
    """Deletes a draft (after publishing, or when given up)."""
    tx.conn.execute(_DISCARD, {"wanted": id})


def load_draft(conn: Connection, site: SiteIdentity, id: str) -> StoredDraft | None:
    """One draft, or None."""
    row = conn.execute(_DRAFT, {"wanted": id}).first()
    return None if row is None else _stored(row, site)


def drafts_of(conn: Connection, site: SiteIdentity, *, limit: int = 100, after: str = "") -> list[StoredDraft]:
    """Drafts in order of id, a page at a time."""
    rows = conn.execute(select(draft).where(draft.c.id > after).order_by(draft.c.id).limit(limit))
    return [_stored(row, site) for row in rows]


def is_published(conn: Connection, id: str) -> bool:
    """Whether a record of this id is shown, so that a policy says who may know of it."""
    return conn.execute(select(record.c.docno).where(record.c.id == id)).first() is not None


def id_of_slug(conn: Connection, slug: str) -> str | None:
    """Id of the shown record of this readable name, whoever may know of it."""
    return conn.execute(select(record.c.id).where(record.c.slug == slug)).scalar()


def find_source(conn: Connection, digest: str) -> str | None:
    """Id of the record that was made from this content, or None."""
    return conn.execute(_SOURCE, {"digest": digest}).scalar()


def check_fields(fields: Mapping[str, JSON]) -> dict[str, JSON]:
    """Refuses field names that cannot be disclosed; drops absent ones.

    Raises:
        ConflictError: names the field.
    """
    for name in fields:
        if FIELD_NAME.match(name) is None:
            raise ConflictError(zh=f"字段名称不合规则：{name!r:.80}", en=f"not a field name: {name!r:.80}")
    return {name: value for name, value in fields.items() if value is not None}


def check_secrecy(value: str | None) -> str | None:
    """Refuses a word that is not on the scale."""
    if value is not None and value not in SECRECY:
        raise ConflictError(zh=f"密级 {value!r:.40} 不在：{'、'.join(SECRECY)}", en=f"secrecy {value!r:.40} is none of: {', '.join(SECRECY)}")
    return value


def _columns(fields: Mapping[str, JSON], profile: str, secrecy: str | None, terms: Mapping[str, JSON] | None, slug: str | None) -> dict[str, Any]:
    return {
        "fields": dumps(dict(fields)).decode(),
        "profile": profile,
        "secrecy": secrecy,
        "terms": None if terms is None else dumps(dict(terms)).decode(),
        "slug": slug,
    }


def _stored(row: Row[Any], site: SiteIdentity) -> StoredDraft:
    return StoredDraft(
        id=row.id,
        birth=(site.node, bytes(row.birth_nonce)),
        fields=orjson.loads(row.fields),
        profile=row.profile,
        secrecy=row.secrecy,
        terms=None if row.terms is None else orjson.loads(row.terms),
        slug=row.slug,
        attested=None if row.attested is None else orjson.loads(row.attested),
        base_version=row.base_version,
        modified=row.modified,
        author=row.author,
    )


def newest_version(tx: WriteTransaction, id: str) -> Mapping[str, Any] | None:
    """The newest version of a record, those of this very transaction included."""
    pending = tx.pending(id)
    if pending is not None and pending.version is not None:
        return pending.version
    row = tx.conn.execute(_NEWEST, {"wanted": id}).mappings().first()
    return None if row is None else dict(row)


def _from_version(tx: WriteTransaction, id: str) -> StoredDraft:
    newest = newest_version(tx, id)
    if newest is None:
        raise NotFoundError
    if orjson.loads(newest["manifest"])["kind"] == "tombstone":  # an edit after a withdrawal starts from what was withdrawn
        row = tx.conn.execute(select(version).where(version.c.id == id, version.c.n < newest["n"]).order_by(version.c.n.desc()).limit(1)).mappings().first()
        if row is None:
            raise NotFoundError
        content = dict(row)
    else:
        content = dict(newest)
    manifest = orjson.loads(content["manifest"])
    values = {name: orjson.loads(text)[2] for name, text in orjson.loads(content["disclosures"]).items()}
    return StoredDraft(
        id=id,
        birth=tuple(manifest["birth"]),
        fields={name: value for name, value in values.items() if value is not None},
        profile=manifest["profile"],
        secrecy=manifest["secrecy"],
        terms=manifest["terms"],
        slug=None,
        attested=manifest.get("attested"),
        base_version=newest["n"],
        modified=tx.now,
    )
