"""The one write path: every change of a record goes through here, inside a transaction that the caller opened (`Store.write`).

Rules:

1. `add_draft` and `edit` write drafts; `publish` makes a version of what is complete and says everything that is not, in both languages.
2. Only what this site is authority for (or attests) can be edited, published or withdrawn; what came from a peer changes by its authority alone.
3. A version is never changed. A withdrawal is a version too: its manifest is a tombstone.
4. What policies compare is computed in one place (`catalog.attributes`), and the view signature is stamped in the same transaction (`catalog.stamps`).
5. Who may do what goes by role (`policies.acts`); each act leaves an audit line in the same transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from sqlalchemy import select, update

from catalog import drafts, rows
from catalog.attributes import iso, policy_attributes, record_columns, record_terms
from catalog.audit import actor_name
from catalog.canonical import JSON, dumps
from catalog.codes import code_list
from catalog.drafts import Draft, StoredDraft
from catalog.errors import ConflictError, DeniedError, NotFoundError, PublishError
from catalog.manifest import Built, build, parse, tombstone
from catalog.naming import Wanted, claim_slugs, next_codes
from catalog.profiles import checked, field_names
from catalog.received import ReceivedRecord
from catalog.rows import RowChanges, RowsDone
from catalog.site import SiteIdentity
from catalog.store import WriteTransaction
from catalog.tables import record
from catalog.withdrawn import refuse_if_cleared, withdrawal, withdrawn_error
from policies import acts
from policies.actor import Actor

__all__ = ["Draft", "Published", "ReceivedRecord", "Stamper", "Writer"]


class Stamper(Protocol):
    """What gives a record its view signature (`catalog.stamps.Stamps`)."""

    def stamp(self, tx: WriteTransaction, rows: Iterable[tuple[dict[str, Any], Mapping[str, object]]]) -> None:
        """Sets `signature`, `stamp_epoch` and `valid_until` of rows that are about to be shown, each with what policies compare of it."""


@dataclass(frozen=True)
class Published:
    """Result of `Writer.publish`. `changed` is False when the newest version says the same already."""

    id: str
    slug: str
    version: int
    manifest_hash: bytes
    changed: bool = True


class Writer:
    """See the module. One for each site and process; keeps no state of its own.

    Args:
        site: who this site is.
        stamper: stamps view signatures; None leaves records unstamped, which is slower and never wrong.
    """

    def __init__(self, site: SiteIdentity, stamper: Stamper | None = None) -> None:
        self.site = site
        self._stamper = stamper

    # --- drafts ------------------------------------------------------------------------------------------------------------------------

    def add_draft(self, tx: WriteTransaction, draft: Draft, actor: Actor) -> str:
        """Writes a new draft.

        Returns:
            The id that it will keep for ever.

        Raises:
            DeniedError: the actor's roles do not let them write.
            ConflictError: a malformed field name, or the same content was added before.
        """
        _require(actor, "write")
        id = drafts.add(tx, self.site, draft, actor_name(actor))
        tx.audit("record.draft", actor=actor_name(actor), record=id, detail={"source": draft.source} if draft.source else None)
        return id

    def edit(self, tx: WriteTransaction, id: str, changes: Mapping[str, JSON], actor: Actor) -> str:
        """Changes a draft; of a published record a draft is made first.

        Args:
            changes: field name, or `secrecy`, `terms`, `profile`, `slug` → new value; None takes it away.

        Raises:
            DeniedError, NotFoundError, ConflictError.
            WithdrawnError: it was withdrawn, and what it had is gone. One that was withdrawn lately begins with what was withdrawn.
        """
        _require(actor, "write")
        self._require_own(tx, id)
        if drafts.load_draft(tx.conn, self.site, id) is None:
            refuse_if_cleared(tx.conn, id)
        drafts.change(tx, self.site, id, changes, actor_name(actor))
        tx.audit("record.edit", actor=actor_name(actor), record=id, detail={"fields": sorted(changes)})
        return id

    def discard(self, tx: WriteTransaction, id: str, actor: Actor) -> None:
        """Gives a draft up; a published version of it stays as it is."""
        _require(actor, "write")
        if drafts.load_draft(tx.conn, self.site, id) is None:
            raise NotFoundError
        drafts.discard(tx, id)
        tx.audit("record.discard", actor=actor_name(actor), record=id)

    # --- versions ----------------------------------------------------------------------------------------------------------------------

    def problems(self, draft: StoredDraft) -> list[dict[str, str]]:
        """Everything that keeps a draft from being published: `{"field", "zh", "en"}` each."""
        return self._checked(draft)[1]

    def _checked(self, draft: StoredDraft) -> tuple[dict[str, JSON], list[dict[str, str]]]:
        """Every value in its one stored form, and the problems."""
        fields, problems = checked(draft.profile, draft.fields, attested=draft.attested is not None)
        found = [problem.as_dict() for problem in problems]
        if draft.secrecy is None:
            zh, en = code_list("secrecy").known
            found.append({"field": "secrecy", "zh": f"须标明密级：{zh}", "en": f"say how secret it is: {en}"})
        elif not self.site.takes(draft.secrecy):
            found.append(
                {
                    "field": "secrecy",
                    "zh": f"本站点只收至 {self.site.secrecy_cap}（政务数据共享条例 3）",
                    "en": f"this site takes nothing above {self.site.secrecy_cap} (政务数据共享条例 3)",
                }
            )
        return fields, found

    def publish(self, tx: WriteTransaction, id: str, actor: Actor, note: str | None = None) -> Published:
        """Makes a version of a draft and shows it.

        Args:
            id: of a record with a draft.
            note: why, kept with the version.

        Raises:
            DeniedError: the actor's roles do not let them publish.
            NotFoundError: no draft of this id.
            WithdrawnError: it was withdrawn; says what to do.
            PublishError: names everything that is missing or wrong.
        """
        _require(actor, "publish")
        draft = drafts.load_draft(tx.conn, self.site, id)
        if draft is None:
            self._say_withdrawn(tx, id)
            raise NotFoundError
        previous = None if draft.base_version == 0 and tx.pending(id) is None else drafts.newest_version(tx, id)
        self._complete(tx, draft)
        draft.fields, problems = self._checked(draft)
        if problems:
            raise PublishError(problems)
        slug = claim_slugs(tx, [Wanted(id, draft.slug, draft.fields.get("title"), draft.fields.get("code"))])[id]
        if isinstance(slug, ConflictError):
            raise slug
        if previous is not None and _says_the_same(previous, draft):
            drafts.discard(tx, id)
            return Published(id, slug, previous["n"], bytes(previous["manifest_hash"]), changed=False)
        built = self._build(tx, draft, previous)
        manifest = built.parsed
        self._show_own(tx, built, draft, slug, actor, note)
        drafts.discard(tx, id)
        tx.audit("record.publish", actor=actor_name(actor), record=id, detail={"version": manifest.version, "hash": built.hash.hex()})
        return Published(id, slug, manifest.version, built.hash)

    def withdraw(self, tx: WriteTransaction, id: str, reason: str, actor: Actor) -> None:
        """Takes a record back: a tombstone is all that stays of it, here and at every peer.

        Args:
            reason: why, for the audit log and the version's note.

        Raises:
            DeniedError, NotFoundError, ConflictError.
        """
        _require(actor, "publish")
        self._require_own(tx, id)
        previous = drafts.newest_version(tx, id)
        if previous is None or parse(previous["manifest"]).is_tombstone:
            raise NotFoundError
        before = parse(previous["manifest"])
        built = tombstone(
            id=id, birth=before.birth, time=iso(tx.now), version=previous["n"] + 1, zone=self.site.zone, authority=self.site.node, digest=self.site.digest
        )
        tx.remove(id, own=True, manifest_hash=built.hash, version=_version_row(built, previous["n"] + 1, id, {}, actor_name(actor), reason))
        drafts.discard(tx, id)
        tx.audit("record.withdraw", actor=actor_name(actor), record=id, detail={"reason": reason, "version": previous["n"] + 1})

    def put_rows(self, tx: WriteTransaction, id: str, variant: str, changes: RowChanges, actor: Actor) -> RowsDone:
        """Puts and removes rows of a record or draft of one's own (`catalog.rows.put`).

        Args:
            variant: name of the variant, `""` for the record's own rows.
            changes: rows to put and keys to remove, and the columns when the table is new or changes.

        Raises:
            DeniedError, ConflictError, NotFoundError, RowsError.
        """
        _require(actor, "write")
        self._require_own(tx, id)
        if drafts.load_draft(tx.conn, self.site, id) is None and not tx.shown([id]) and tx.pending(id) is None:
            self._say_withdrawn(tx, id)
            raise NotFoundError
        done = rows.put(tx, id, variant, changes, self.site.digest)
        counts = {"added": done.added, "changed": done.changed, "removed": done.removed}
        tx.audit("rows.put", actor=actor_name(actor), record=id, detail={"variant": variant, **counts})
        return done

    # --- what peers sent ---------------------------------------------------------------------------------------------------------------

    def show_received(self, tx: WriteTransaction, received: ReceivedRecord) -> bool:
        """Shows what a peer sent, in the transaction of its batch. Trust is `sync`'s: it has proved everything before.

        Returns:
            False when exactly this was shown already (only where it is proved may have been brought up to date).

        Raises:
            ConflictError: this site itself is the authority of the id.
        """
        old = tx.shown([received.id]).get(received.id)
        if old is not None and old.origin != "received":
            raise ConflictError(zh=f"{received.id} 由本站点负责，不能由他处覆盖", en=f"{received.id} is this site's own: no peer can replace it")
        slug = claim_slugs(tx, [Wanted(received.id, None, received.fitting.get("title"), received.fitting.get("code"))])[received.id]
        assert isinstance(slug, str)  # only what is wished for is refused
        row, attributes = received.row(tx.now, slug)
        pending = tx.pending(received.id)
        if pending is None and old is not None and all(getattr(old, name) == row[name] for name in ("manifest_hash", "fields", "source", "division", "level")):
            proof = {name: row[name] for name in ("log", "epoch", "log_index", "proof", "path")}
            tx.conn.execute(update(record).where(record.c.id == received.id).values(**proof))
            if (old.log, old.log_index) != (row["log"], row["log_index"]):  # PROTOCOL 4.1: the same in a new epoch is another state for whoever reads from here
                tx.change("proof", received.id)
            return False
        if self._stamper is not None:
            self._stamper.stamp(tx, [(row, attributes)])
        tx.show(row, record_terms(attributes), own=False)
        return True

    def unshow(self, tx: WriteTransaction, id: str, tombstone: bool) -> bool:
        """No longer shows what a peer sent: withdrawn by its authority (`tombstone`) or no longer given to this site.

        Returns:
            False when it was not shown.
        """
        old, pending = tx.shown([id]).get(id), tx.pending(id)
        shown = pending.row if pending is not None else None if old is None else {"origin": old.origin}
        if shown is None or shown["origin"] != "received":
            return False
        tx.remove(id, own=False)
        tx.audit("record.gone", record=id, detail={"tombstone": tombstone})
        return True

    def mark_proved(self, tx: WriteTransaction, id: str, manifest_hash: bytes, *, log: str, epoch: int, index: int, proof: str) -> None:
        """Notes where a shown record is proved. Changes neither docno nor position.

        Args:
            manifest_hash: of the version that the log holds; another one is left alone.
            log: origin of the log.
            proof: `signed` or `cosigned`.
        """
        statement = update(record).where(record.c.id == id, record.c.manifest_hash == manifest_hash)
        tx.conn.execute(statement.values(log=log, epoch=epoch, log_index=index, proof=proof))

    def mark_cosigned(self, tx: WriteTransaction, log: str, size: int) -> None:
        """Notes that a cosigned checkpoint covers the first `size` leaves of a log."""
        where = (record.c.log == log, record.c.proof == "signed", record.c.log_index < size)
        tx.conn.execute(update(record).where(*where).values(proof="cosigned"))

    # --- steps -------------------------------------------------------------------------------------------------------------------------

    def _require_own(self, tx: WriteTransaction, id: str) -> None:
        old = tx.conn.execute(select(record.c.origin).where(record.c.id == id)).scalar()
        if old == "received":
            raise ConflictError(zh="此记录由其他节点负责；请向其提出更正", en="another node answers for this record; ask it for a correction")

    def _say_withdrawn(self, tx: WriteTransaction, id: str) -> None:
        tombstone = withdrawal(tx.conn, id)
        if tombstone is not None and tx.pending(id) is None:
            raise withdrawn_error(tx.conn, tombstone)

    def _complete(self, tx: WriteTransaction, draft: StoredDraft) -> None:
        """Fills in what the node assigns: the national code and the date of issue."""
        if draft.attested is not None:
            return
        category = draft.fields.get("category")
        if "code" not in draft.fields and isinstance(category, str) and category:
            draft.fields["code"] = next_codes(tx, [category])[0]
        if "issued" not in draft.fields:
            draft.fields["issued"] = iso(tx.now + 8 * 3600)[:10]  # the date at UTC+8

    def _build(self, tx: WriteTransaction, draft: StoredDraft, previous: Mapping[str, Any] | None) -> Built:
        birth = draft.birth if previous is None else parse(previous["manifest"]).birth
        return build(
            draft.fields,
            id=draft.id,
            birth=birth,
            profile=draft.profile,
            secrecy=str(draft.secrecy),
            terms=draft.terms,
            time=iso(tx.now),
            version=1 if previous is None else previous["n"] + 1,
            zone=self.site.zone,
            authority=self.site.node,
            attested=draft.attested,
            names=field_names(draft.profile),
            digest=self.site.digest,
        )

    def _show_own(self, tx: WriteTransaction, built: Built, draft: StoredDraft, slug: str, actor: Actor, note: str | None) -> None:
        manifest = built.parsed
        attributes = policy_attributes(manifest.data, draft.fields, level=self.site.level, division=self.site.division, own=True)
        row = {
            "id": draft.id,
            "slug": slug,
            "origin": "own" if draft.attested is None else "attested",
            "source": None,
            "authority": self.site.node,
            "manifest_hash": built.hash,
            "manifest": built.manifest.decode(),
            "fields": dumps(draft.fields).decode(),
            "withheld": "[]",
            "version": manifest.version,
            "time": tx.now,
            "shown_at": tx.now,
            **record_columns(attributes, draft.fields, tx.now),
        }
        if self._stamper is not None:
            self._stamper.stamp(tx, [(row, attributes)])
        tx.show(row, record_terms(attributes), own=True, version=_version_row(built, manifest.version, draft.id, attributes, actor_name(actor), note))


def _require(actor: Actor, act: str) -> None:
    if not acts.may(actor, act):
        raise DeniedError(action=act, zh=f"您的角色不能执行此操作：{act}", en=f"your roles do not permit this act: {act}")


def _says_the_same(previous: Mapping[str, Any], draft: StoredDraft) -> bool:
    manifest = parse(previous["manifest"])
    if manifest.is_tombstone or (manifest.profile, manifest.secrecy) != (draft.profile, draft.secrecy):
        return False
    if manifest.terms != draft.terms or manifest.attested != draft.attested:
        return False
    values = {name: orjson.loads(text)[2] for name, text in orjson.loads(previous["disclosures"]).items()}
    return {name: value for name, value in values.items() if value is not None} == {name: value for name, value in draft.fields.items() if value is not None}


def _version_row(built: Built, n: int, id: str, attributes: Mapping[str, object], author: str, note: str | None) -> dict[str, Any]:
    kept: dict[str, Any] = {name: list(value) if isinstance(value, tuple) else value for name, value in attributes.items()}
    return {
        "id": id,
        "n": n,
        "manifest_hash": built.hash,
        "manifest": built.manifest.decode(),
        "disclosures": dumps(dict[str, JSON](built.disclosures)).decode(),
        "attributes": dumps(kept).decode(),
        "author": author,
        "note": note,
    }
