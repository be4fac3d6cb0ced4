"""Drafts: what this site is still writing. No face shows them but the pages of those who write.

A draft holds a record's whole content: a new record's, or that of the next version of a published one. `edit` makes the draft of a published record from
its newest version. Nothing is checked here beyond form; `catalog.writer` checks at publishing and names everything that is missing at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from types import MappingProxyType
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from catalog.canonical import JSON, dumps, whole
from catalog.errors import ConflictError, NotFoundError
from catalog.ids import mint_id, new_nonce
from catalog.manifest import is_field_name
from catalog.site import SECRECY, SiteIdentity
from catalog.tables import draft, record, version
from catalog.transaction import AT_ONCE, WriteTransaction

__all__ = ["MEMBERS", "Draft", "StoredDraft", "drafts_of", "id_of_slug", "is_published", "load_draft", "load_drafts"]

#: What `edit` may change besides fields: members of the manifest, and the wished name.
MEMBERS = ("secrecy", "terms", "profile", "slug")

_DISCARD = delete(draft).where(draft.c.id.in_(bindparam("ids", expanding=True)))
_DRAFTS = select(draft).where(draft.c.id.in_(bindparam("ids", expanding=True)))
_LAST = select(version.c.id, func.max(version.c.n).label("n")).where(version.c.id.in_(bindparam("ids", expanding=True))).group_by(version.c.id).subquery()
_NEWEST = select(version).join(_LAST, (version.c.id == _LAST.c.id) & (version.c.n == _LAST.c.n))


@dataclass
class Draft:
    """A record to be written.

    Attributes:
        fields: field name → value, restricted JSON (PROTOCOL 1.1); None is as good as absent.
        profile: for example `core/1`.
        secrecy: word of the scale; must be set before publishing.
        terms: travel with the record, or None.
        slug: wished readable name, or None for a made one.
        source: what it was made from, for the audit log.
        written: of fields that came out of `profiles.clean_fields` for this profile, what it says of them; they are not cleaned again.
        attested: the mark of a harvested record (where it came from); None for a record of the site's own.
    """

    fields: Mapping[str, JSON]
    profile: str = "core/1"
    secrecy: str | None = None
    terms: Mapping[str, JSON] | None = None
    slug: str | None = None
    source: str | None = None
    attested: Mapping[str, JSON] | None = None
    written: Mapping[str, str] = MappingProxyType({})


@dataclass
class StoredDraft:
    """A draft as it is in the database; of one that was minted `row` is what it is to be written by, `written` as in `Draft`."""

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
    author: str | None = None
    row: Mapping[str, Any] | None = field(default=None, repr=False)
    written: Mapping[str, str] = field(default=MappingProxyType({}), repr=False)


def mint(site: SiteIdentity, new: Draft, author: str, now: int) -> StoredDraft:
    """Gives a new draft its id. It is not written yet: what is published at once never is.

    Raises:
        ConflictError, CanonicalError: a field's name, a value or the secrecy has not its form.
    """
    fields = check_fields(new.fields)
    nonce = new_nonce()
    id = mint_id(site.node, nonce, hash_=site.digest)
    row = {
        "id": id,
        "fields": whole(new.written) if new.written.keys() == fields.keys() else dumps(fields).decode(),
        **_columns(new.profile, check_secrecy(new.secrecy), new.terms, new.slug),
        "attested": None if new.attested is None else dumps(dict(new.attested)).decode(),
        "birth_nonce": nonce,
        "base_version": 0,
        "author": author,
        "modified": now,
    }
    terms, attested = (None if row[name] is None else orjson.loads(row[name]) for name in ("terms", "attested"))
    return StoredDraft(id, (site.node, nonce), fields, new.profile, new.secrecy, terms, new.slug, attested, 0, now, author, row, new.written)


def keep(tx: WriteTransaction, minted: Sequence[StoredDraft]) -> None:
    """Writes minted drafts as they were given."""
    tx.insert(draft, [each.row for each in minted if each.row is not None])


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
    values = {
        "fields": dumps(stored.fields).decode(),
        **_columns(stored.profile, stored.secrecy, stored.terms, stored.slug),
        "author": author,
        "modified": tx.now,
    }
    if fresh:
        nonce = stored.birth[1] if isinstance(stored.birth[1], bytes) else b""
        attested = None if stored.attested is None else dumps(stored.attested).decode()
        tx.insert(draft, [{"id": id, "birth_nonce": nonce, "base_version": stored.base_version, "attested": attested, **values}])
    else:
        tx.conn.execute(update(draft).where(draft.c.id == id).values(**values))
    return stored


def content(tx: WriteTransaction, site: SiteIdentity, id: str) -> StoredDraft:
    """A draft, or what it would begin with: the newest version. Raises NotFoundError."""
    return load_draft(tx.conn, site, id) or _from_version(tx, id)


def discard(tx: WriteTransaction, ids: Sequence[str]) -> None:
    """Deletes drafts (after publishing, or when given up)."""
    for some in batched(ids, AT_ONCE):
        tx.conn.execute(_DISCARD, {"ids": some})


def load_drafts(conn: Connection, site: SiteIdentity, ids: Sequence[str]) -> dict[str, StoredDraft]:
    """Drafts by id; what has none is not among them."""
    return {row.id: _stored(row, site) for some in batched(ids, AT_ONCE) for row in conn.execute(_DRAFTS, {"ids": some})}


def load_draft(conn: Connection, site: SiteIdentity, id: str) -> StoredDraft | None:
    """One draft, or None."""
    return load_drafts(conn, site, [id]).get(id)


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


def check_fields(fields: Mapping[str, JSON]) -> dict[str, JSON]:
    """Refuses field names that cannot be disclosed; drops absent ones.

    Raises:
        ConflictError: names the field.
    """
    for name in fields:
        if not is_field_name(name):
            raise ConflictError(zh=f"字段名称不合规则：{name!r:.80}", en=f"not a field name: {name!r:.80}")
    return {name: value for name, value in fields.items() if value is not None}


def check_secrecy(value: str | None) -> str | None:
    """Refuses a word that is not on the scale."""
    if value is not None and value not in SECRECY:
        raise ConflictError(zh=f"密级 {value!r:.40} 不在：{'、'.join(SECRECY)}", en=f"secrecy {value!r:.40} is none of: {', '.join(SECRECY)}")
    return value


def _columns(profile: str, secrecy: str | None, terms: Mapping[str, JSON] | None, slug: str | None) -> dict[str, Any]:
    return {
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


def newest_versions(tx: WriteTransaction, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The newest versions of records by id, those of this very transaction included; what was never published is not among them."""
    pending = {id: change.version for id in ids if (change := tx.pending(id)) is not None and change.version is not None}
    found: dict[str, Mapping[str, Any]] = {}
    for some in batched([id for id in ids if id not in pending], AT_ONCE):
        found |= {row["id"]: dict(row) for row in tx.conn.execute(_NEWEST, {"ids": some}).mappings()}
    return found | pending


def _from_version(tx: WriteTransaction, id: str) -> StoredDraft:
    newest = newest_versions(tx, [id]).get(id)
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
