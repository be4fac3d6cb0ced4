"""Publishing: from drafts to versions that are shown, many at once. `catalog.writer` is where it is called from.

Rules:

1. What one statement can do for many records is one statement: codes, slugs, versions, rows of every table.
2. Each record is judged by itself: what is refused leaves the others alone, and says everything that it lacks.
3. The same content again makes no version.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from catalog import drafts
from catalog.attributes import iso, policy_attributes, record_columns, record_terms
from catalog.codes import code_list
from catalog.drafts import StoredDraft
from catalog.errors import CatalogError, ConflictError, PublishError
from catalog.manifest import parse
from catalog.manifest_making import Built, build
from catalog.naming import Wanted, claim_slugs, next_codes
from catalog.profiles import checked, field_names
from catalog.record import Cleaned
from catalog.site import SiteIdentity
from catalog.transaction import WriteTransaction

__all__ = ["Published", "Publishing", "Stamper", "version_row"]


class Stamper(Protocol):
    """What gives records their view signatures (`catalog.stamps.Stamps`)."""

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


class Publishing:
    """See the module. Keeps no state of its own.

    Args:
        site: who this site is.
        stamper: stamps view signatures, or None.
    """

    def __init__(self, site: SiteIdentity, stamper: Stamper | None) -> None:
        self._site = site
        self._stamper = stamper

    def publish(self, tx: WriteTransaction, ready: Sequence[StoredDraft], author: str, note: str | None) -> list[Published | CatalogError]:
        """Makes versions of drafts and shows them, in order. The drafts themselves are the caller's to discard.

        Args:
            ready: each of another record; their fields are brought into their stored form.

        Returns:
            For each what was published, or why it was not: PublishError names everything that is missing, ConflictError a name that cannot be had.
        """
        self._complete(tx, ready)
        results: dict[str, Published | CatalogError] = {}
        good: list[StoredDraft] = []
        written: dict[str, Mapping[str, str]] = {}
        for draft in ready:
            cleaned, problems = self._checked(draft)
            draft.fields = cleaned.fields
            if problems:
                results[draft.id] = PublishError(problems)
            else:
                good.append(draft)
                written[draft.id] = cleaned.written
        slugs = claim_slugs(tx, [Wanted(draft.id, draft.slug, draft.fields.get("title"), draft.fields.get("code")) for draft in good])
        before = drafts.newest_versions(tx, [draft.id for draft in good if draft.base_version or tx.pending(draft.id) is not None])
        shown = []
        for draft in good:
            slug, previous = slugs[draft.id], before.get(draft.id)
            if isinstance(slug, ConflictError):
                results[draft.id] = slug
            elif previous is not None and _says_the_same(previous, draft):
                results[draft.id] = Published(draft.id, slug, previous["n"], bytes(previous["manifest_hash"]), changed=False)
            else:
                built = self._build(tx, draft, written[draft.id], previous)
                results[draft.id] = Published(draft.id, slug, built.parsed.version, built.hash)
                shown.append((draft, built, slug))
        self._show(tx, shown, author, note)
        return [results[draft.id] for draft in ready]

    def problems(self, draft: StoredDraft) -> list[dict[str, str]]:
        """Everything that keeps a draft from being published: `{"field", "zh", "en"}` each."""
        return self._checked(draft)[1]

    def _checked(self, draft: StoredDraft) -> tuple[Cleaned, list[dict[str, str]]]:
        """Every value of a draft in its one stored form, and the problems."""
        cleaned = checked(draft.profile, draft.fields, attested=draft.attested is not None, known=draft.written)
        found = [problem.as_dict() for problem in cleaned.problems]
        if draft.secrecy is None:
            zh, en = code_list("secrecy").known
            found.append({"field": "secrecy", "zh": f"须标明密级：{zh}", "en": f"say how secret it is: {en}"})
        elif not self._site.takes(draft.secrecy):
            cap = self._site.secrecy_cap
            zh, en = f"本站点只收至 {cap}（政务数据共享条例 3）", f"this site takes nothing above {cap} (政务数据共享条例 3)"
            found.append({"field": "secrecy", "zh": zh, "en": en})
        return cleaned, found

    def _complete(self, tx: WriteTransaction, ready: Sequence[StoredDraft]) -> None:
        """Fills in what the node assigns: the national code and the date of issue."""
        own = [draft for draft in ready if draft.attested is None]
        asking = [draft for draft in own if "code" not in draft.fields and isinstance(category := draft.fields.get("category"), str) and category]
        for draft, code in zip(asking, next_codes(tx, [draft.fields["category"] for draft in asking]), strict=True):
            draft.fields["code"] = code
        today = iso(tx.now + 8 * 3600)[:10]  # the date at UTC+8
        for draft in own:
            draft.fields.setdefault("issued", today)

    def _build(self, tx: WriteTransaction, draft: StoredDraft, written: Mapping[str, str], previous: Mapping[str, Any] | None) -> Built:
        birth = draft.birth if previous is None else parse(previous["manifest"]).birth
        return build(
            draft.fields,
            written=written,
            id=draft.id,
            birth=birth,
            profile=draft.profile,
            secrecy=str(draft.secrecy),
            terms=draft.terms,
            time=iso(tx.now),
            version=1 if previous is None else previous["n"] + 1,
            zone=self._site.zone,
            authority=self._site.node,
            attested=draft.attested,
            names=field_names(draft.profile),
            digest=self._site.digest,
        )

    def _show(self, tx: WriteTransaction, shown: Sequence[tuple[StoredDraft, Built, str]], author: str, note: str | None) -> None:
        rows = []
        for draft, built, slug in shown:
            attributes = policy_attributes(built.parsed.data, draft.fields, level=self._site.level, division=self._site.division, own=True)
            row = {
                "id": draft.id,
                "slug": slug,
                "origin": "own" if draft.attested is None else "attested",
                "source": None,
                "authority": self._site.node,
                "manifest_hash": built.hash,
                "manifest": built.manifest.decode(),
                "fields": built.fields,
                "withheld": "[]",
                "version": built.parsed.version,
                "time": tx.now,
                "shown_at": tx.now,
                **record_columns(attributes, draft.fields, tx.now),
            }
            rows.append((row, attributes))
        if self._stamper is not None:
            self._stamper.stamp(tx, rows)
        for (draft, built, _), (row, attributes) in zip(shown, rows, strict=True):
            version = built.parsed.version
            tx.show(row, record_terms(attributes), own=True, version=version_row(built, version, draft.id, attributes, author, note))
            tx.audit("record.publish", actor=author, record=draft.id, detail={"version": version, "hash": built.hash.hex()})


def _says_the_same(previous: Mapping[str, Any], draft: StoredDraft) -> bool:
    manifest = parse(previous["manifest"])
    if manifest.is_tombstone or (manifest.profile, manifest.secrecy) != (draft.profile, draft.secrecy):
        return False
    if manifest.terms != draft.terms or manifest.attested != draft.attested:
        return False
    values = {name: orjson.loads(text)[2] for name, text in orjson.loads(previous["disclosures"]).items()}
    return {name: value for name, value in values.items() if value is not None} == {name: value for name, value in draft.fields.items() if value is not None}


def version_row(built: Built, n: int, id: str, attributes: Mapping[str, object], author: str, note: str | None) -> dict[str, Any]:
    """The columns of `version` without `position`. What is written here was checked when the manifest was built: only the order of keys is left to do."""
    kept: dict[str, Any] = {name: list(value) if isinstance(value, tuple) else value for name, value in attributes.items()}
    return {
        "id": id,
        "n": n,
        "manifest_hash": built.hash,
        "manifest": built.manifest.decode(),
        "disclosures": orjson.dumps(built.disclosures, option=orjson.OPT_SORT_KEYS).decode(),
        "attributes": orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode(),
        "author": author,
        "note": note,
    }
