"""The one write path: every change of a record goes through here, inside a transaction that the caller opened (`Store.write`).

Rules:

1. `add_draft` and `edit` write drafts; `publish` makes a version of what is complete and says everything that is not, in both languages.
2. Only what this site is authority for (or attests) can be edited, published or withdrawn; what came from a peer changes by its authority alone.
3. A version is never changed. A withdrawal is a version too: its manifest is a tombstone.
4. What policies compare is computed in one place (`catalog.attributes`), and the view signature is stamped in the same transaction (`catalog.stamps`).
5. Who may do what goes by role (`policies.acts`); each act leaves an audit line in the same transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update

from catalog import drafts, rows
from catalog.attributes import iso, record_terms
from catalog.audit import actor_name
from catalog.canonical import JSON
from catalog.drafts import Draft, StoredDraft
from catalog.errors import CatalogError, ConflictError, DeniedError, NotFoundError
from catalog.manifest import parse
from catalog.manifest_making import tombstone
from catalog.naming import Wanted, claim_slugs
from catalog.publishing import Published, Publishing, Stamper, version_row
from catalog.received import ReceivedRecord
from catalog.rows import RowChanges, RowsDone
from catalog.site import SiteIdentity
from catalog.store import WriteTransaction
from catalog.tables import record
from catalog.withdrawn import refuse_if_cleared, withdrawal, withdrawn_error
from policies import acts
from policies.actor import Actor

__all__ = ["Attempt", "Draft", "Published", "ReceivedRecord", "Stamper", "Writer"]


#: Columns that make a received record another one; and those that say where it is proved.
_SAID = ("manifest_hash", "fields", "source", "division", "level", "terms")
_PROVED = ("log", "epoch", "log_index", "proof", "path")
_MOVE_PROOF = update(record).where(record.c.id == bindparam("wanted"))
_PROVE = _MOVE_PROOF.where(record.c.manifest_hash == bindparam("hash"))


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one record of `Writer.publish_all`: `published`, or the `error` that kept it from being so.

    Attributes:
        id: None only where not even a draft could be made.
    """

    id: str | None
    published: Published | None = None
    error: CatalogError | None = None


class Writer:
    """See the module. One for each site and process; keeps no state of its own.

    Args:
        site: who this site is.
        stamper: stamps view signatures; None leaves records unstamped, which is slower and never wrong.
    """

    def __init__(self, site: SiteIdentity, stamper: Stamper | None = None) -> None:
        self.site = site
        self._stamper = stamper
        self._publishing = Publishing(site, stamper)

    # --- drafts ------------------------------------------------------------------------------------------------------------------------

    def add_draft(self, tx: WriteTransaction, draft: Draft, actor: Actor) -> str:
        """Writes a new draft.

        Returns:
            The id that it will keep for ever.

        Raises:
            DeniedError: the actor's roles do not let them write.
            ConflictError: a malformed field name.
        """
        attempt = self.add_all(tx, [draft], actor)[0]
        if attempt.id is None:
            raise attempt.error or ConflictError(zh="无法写入草稿", en="the draft cannot be written")
        return attempt.id

    def add_all(self, tx: WriteTransaction, new: Sequence[Draft], actor: Actor) -> list[Attempt]:
        """Writes many new drafts, each as `add_draft` does one.

        Returns:
            For each, in order, its id, or the error that kept it from being written.
        """
        minted = self._mint(tx, new, actor)
        drafts.keep(tx, [each for each in minted if isinstance(each, StoredDraft)])
        return [Attempt(each.id) if isinstance(each, StoredDraft) else Attempt(None, error=each) for each in minted]

    def _mint(self, tx: WriteTransaction, new: Sequence[Draft], actor: Actor) -> list[StoredDraft | CatalogError]:
        """Makes drafts that are not written yet, or says what is wrong with them."""
        _require(actor, "write")
        minted: list[StoredDraft | CatalogError] = []
        for each in new:
            try:
                draft = drafts.mint(self.site, each, actor_name(actor), tx.now)
            except CatalogError as error:
                minted.append(error)
                continue
            minted.append(draft)
            tx.audit("record.draft", actor=draft.author, record=draft.id, detail={"source": each.source} if each.source else None)
        return minted

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
        drafts.discard(tx, [id])
        tx.audit("record.discard", actor=actor_name(actor), record=id)

    # --- versions ----------------------------------------------------------------------------------------------------------------------

    def problems(self, draft: StoredDraft) -> list[dict[str, str]]:
        """Everything that keeps a draft from being published: `{"field", "zh", "en"}` each."""
        return self._publishing.problems(draft)

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
        attempt = self.publish_all(tx, [id], actor, note)[0]
        if attempt.published is None:
            raise attempt.error or NotFoundError
        return attempt.published

    def publish_all(self, tx: WriteTransaction, what: Sequence[str | Draft], actor: Actor, note: str | None = None) -> list[Attempt]:
        """Publishes many records, each as `publish` does one: in order, with a few statements for all.

        Args:
            what: ids of records with a draft, each once; and new drafts, which are written as drafts only when they are refused.
            note: why, kept with each version.

        Returns:
            For each, in order, what became of it; what is refused stays a draft and leaves the others alone.

        Raises:
            DeniedError: the actor's roles do not let them publish, or write new drafts.
        """
        _require(actor, "publish")
        stored = drafts.load_drafts(tx.conn, self.site, [each for each in what if isinstance(each, str)])
        new = [each for each in what if isinstance(each, Draft)]
        minted = iter(self._mint(tx, new, actor) if new else ())
        found = [next(minted) if isinstance(each, Draft) else stored.get(each) or self._absent(tx, each) for each in what]
        ready = [each for each in found if isinstance(each, StoredDraft)]
        results = self._publishing.publish(tx, ready, actor_name(actor), note)
        done = {draft.id: result for draft, result in zip(ready, results, strict=True)}
        refused = {id for id, result in done.items() if isinstance(result, CatalogError)}
        drafts.keep(tx, [draft for draft in ready if draft.id in refused and draft.id not in stored])
        drafts.discard(tx, [id for id in stored if id not in refused])
        return [
            _attempt(draft.id, done[draft.id]) if isinstance(draft, StoredDraft) else Attempt(each if isinstance(each, str) else None, error=draft)
            for each, draft in zip(what, found, strict=True)
        ]

    def withdraw(self, tx: WriteTransaction, id: str, reason: str, actor: Actor) -> None:
        """Takes a record back: a tombstone is all that stays of it, here and at every peer.

        Args:
            reason: why, for the audit log and the version's note.

        Raises:
            DeniedError, NotFoundError, ConflictError.
        """
        _require(actor, "publish")
        self._require_own(tx, id)
        previous = drafts.newest_versions(tx, [id]).get(id)
        if previous is None or parse(previous["manifest"]).is_tombstone:
            raise NotFoundError
        before = parse(previous["manifest"])
        built = tombstone(
            id=id, birth=before.birth, time=iso(tx.now), version=previous["n"] + 1, zone=self.site.zone, authority=self.site.node, digest=self.site.digest
        )
        tx.remove(id, own=True, manifest_hash=built.hash, version=version_row(built, previous["n"] + 1, id, {}, actor_name(actor), reason))
        drafts.discard(tx, [id])
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
            raise self._absent(tx, id)
        done = rows.put(tx, id, variant, changes, self.site.digest)
        counts = {"added": done.added, "changed": done.changed, "removed": done.removed}
        tx.audit("rows.put", actor=actor_name(actor), record=id, detail={"variant": variant, **counts})
        return done

    # --- what peers sent ---------------------------------------------------------------------------------------------------------------

    def show_received(self, tx: WriteTransaction, received: Sequence[ReceivedRecord]) -> int:
        """Shows what a peer sent, in the transaction of its batch. Trust is `sync`'s: it has proved everything before.

        Args:
            received: records, each id once.

        Returns:
            How many are shown anew; of the others exactly this was shown already (only where it is proved may have been brought up to date).

        Raises:
            ConflictError: this site itself is the authority of one of the ids.
        """
        shown = tx.shown([each.id for each in received])
        for id, old in shown.items():
            if old.origin != "received":
                raise ConflictError(zh=f"{id} 由本站点负责，不能由他处覆盖", en=f"{id} is this site's own: no peer can replace it")
        slugs = claim_slugs(tx, [Wanted(each.id, None, each.fitting.get("title"), each.fitting.get("code")) for each in received])
        fresh: list[tuple[dict[str, Any], dict[str, object]]] = []
        proofs: list[dict[str, Any]] = []
        for each in received:
            row, attributes = each.row(tx.now, str(slugs[each.id]))  # only what is wished for is refused
            before = shown.get(each.id)
            if before is None or tx.pending(each.id) is not None or any(getattr(before, name) != row[name] for name in _SAID):
                fresh.append((row, attributes))
                continue
            proofs.append({"wanted": each.id, **{name: row[name] for name in _PROVED}})
            if (before.log, before.log_index) != (row["log"], row["log_index"]):
                tx.change("proof", each.id)  # PROTOCOL 4.1: the same in a new epoch is another state for whoever reads from here
        if self._stamper is not None:
            self._stamper.stamp(tx, fresh)
        for row, attributes in fresh:
            tx.show(row, record_terms(attributes), own=False)
        tx.many(_MOVE_PROOF, proofs)
        return len(fresh)

    def unshow(self, tx: WriteTransaction, ids: Mapping[str, bool]) -> int:
        """No longer shows what a peer sent.

        Args:
            ids: of each whether its authority withdrew it (a tombstone); else it is no longer given to this site.

        Returns:
            How many were shown.
        """
        shown, gone = tx.shown(ids), 0
        for id, withdrawn in ids.items():
            pending = tx.pending(id)
            row = shown[id]._mapping if pending is None and id in shown else None if pending is None else pending.row
            if row is not None and row["origin"] == "received":
                tx.remove(id, own=False)
                tx.audit("record.gone", record=id, detail={"tombstone": withdrawn})
                gone += 1
        return gone

    def mark_proved(self, tx: WriteTransaction, log: str, epoch: int, leaves: Sequence[tuple[str, bytes, int]]) -> None:
        """Notes that a signed log proves shown records. Changes neither docno nor position.

        Args:
            log, epoch: origin of the log, and its epoch.
            leaves: id, hash of the manifest and index of each; where another version is shown it is left alone.
        """
        tx.many(_PROVE, [{"wanted": id, "hash": digest, "log": log, "epoch": epoch, "log_index": at, "proof": "signed"} for id, digest, at in leaves])

    def mark_cosigned(self, tx: WriteTransaction, log: str, size: int) -> None:
        """Notes that a cosigned checkpoint covers the first `size` leaves of a log."""
        where = (record.c.log == log, record.c.proof == "signed", record.c.log_index < size)
        tx.conn.execute(update(record).where(*where).values(proof="cosigned"))

    # --- steps -------------------------------------------------------------------------------------------------------------------------

    def _require_own(self, tx: WriteTransaction, id: str) -> None:
        old = tx.conn.execute(select(record.c.origin).where(record.c.id == id)).scalar()
        if old == "received":
            raise ConflictError(zh="此记录由其他节点负责；请向其提出更正", en="another node answers for this record; ask it for a correction")

    def _absent(self, tx: WriteTransaction, id: str) -> CatalogError:
        """What to say of a record that has no draft."""
        tombstone = withdrawal(tx.conn, id) if tx.pending(id) is None else None
        return NotFoundError() if tombstone is None else withdrawn_error(tx.conn, tombstone)


def _require(actor: Actor, act: str) -> None:
    if not acts.may(actor, act):
        raise DeniedError(action=act, zh=f"您的角色不能执行此操作：{act}", en=f"your roles do not permit this act: {act}")


def _attempt(id: str, result: Published | CatalogError) -> Attempt:
    return Attempt(id, error=result) if isinstance(result, CatalogError) else Attempt(id, result)
