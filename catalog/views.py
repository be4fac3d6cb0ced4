"""A record as one actor sees it: which fields, under which masks, with what reasons. Pure: a row and a plan in, a view out.

Rules (policy-language.md):

* `discover` discloses the card, `read` all permitted fields; hide beats mask beats show (LANGUAGE 12).
* Absent and hidden look alike to whoever may not know: a hidden resource or variant is not even named.
* `withheld` names fields of the profile only, and names the hidden ones whether or not the record has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import orjson
from sqlalchemy import Row

from catalog.errors import ProfileError
from catalog.profiles import field_names
from catalog.record import CARD_FIELDS
from policies import masks
from policies.evaluate import Decision
from policies.plan import Plan

__all__ = ["SHOWN_ACTIONS", "Judged", "Provenance", "RecordView", "judge", "view_of"]

#: Actions that a view tells of in `may`; `files` is added when original files are served (LANGUAGE 17).
SHOWN_ACTIONS = ("discover", "read", "data", "verify")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a record came from and where it is proved.

    Attributes:
        source: node id of the peer that gave it; None for own records.
        path: node ids that it came through, the authority first; () for own records.
        log, epoch, index: place in the authority's log; None until it is logged.
        proof: `signed` or `cosigned`.
        manifest_hash: 32 bytes.
        time: of the manifest; shown_at: when this site showed it. UTC seconds.
    """

    source: str | None
    path: tuple[str, ...]
    log: str | None
    epoch: int | None
    index: int | None
    proof: str | None
    manifest_hash: bytes
    time: int
    shown_at: int


@dataclass(frozen=True)
class RecordView:
    """A record as one actor sees it.

    Attributes:
        fields: what this actor may see; an absent name is absent or hidden.
        withheld: profile fields that are hidden from this actor or were never disclosed to this site.
        may: of SHOWN_ACTIONS those that are permitted, and `files`.
        reasons: why something is denied or constrained: `{"action", "rule", "effect", "because": {"zh","en"}, "law"}`.
        origin: `own`, `received` or `attested`.
        modified: UTC seconds of the manifest.
    """

    id: str
    slug: str
    docno: int
    version: int
    authority: str
    division: str | None
    origin: str
    modified: int
    manifest_text: str
    fields: dict[str, Any]
    withheld: tuple[str, ...]
    may: frozenset[str]
    reasons: list[dict[str, Any]]
    provenance: Provenance

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest, parsed."""
        found: dict[str, Any] = orjson.loads(self.manifest_text)
        return found

    @property
    def uuid(self) -> str:
        """The bare uuid of the id."""
        return self.id.rpartition(":")[2]

    @property
    def kind(self) -> str | None:
        """dataset, series, …; None when it is not disclosed."""
        return self.fields.get("kind")

    @property
    def org(self) -> str:
        """Key of the providing department, as the facet `org` has it."""
        provider = self.fields.get("provider")
        code = provider.get("code") if isinstance(provider, dict) else None
        return code if isinstance(code, str) and code else self.authority

    def title(self, lang: str = "zh") -> str:
        """The title in a language, or in another that there is, or the slug."""
        texts = self.fields.get("title")
        if not isinstance(texts, dict):
            return self.slug
        return str(texts.get(lang) or texts.get("zh") or texts.get("en") or next((text for text in texts.values() if text), self.slug))


@dataclass(frozen=True, slots=True)
class Judged:
    """The decisions about one record for one plan. `discover` is permitted, else there is no Judged."""

    attributes: Mapping[str, object]
    discover: Decision
    read: Decision
    data: Decision
    verify: Decision

    @property
    def files(self) -> bool:
        """Whether original files are served (LANGUAGE 17)."""
        return self.data.permitted and not self.data.obligations.files_opaque and not self.data.obligations.data_withheld


def judge(plan: Plan, attributes: Mapping[str, object], granted: bool | None) -> Judged | None:
    """Decides every shown action; None when the record must look absent."""
    discover = plan.decide("discover", attributes, granted)
    if not discover.permitted:
        return None
    return Judged(attributes, discover, *(plan.decide(action, attributes, granted) for action in ("read", "data", "verify")))


def view_of(row: Row[Any], fields: dict[str, Any], judged: Judged) -> RecordView:
    """The view of a record that may be discovered."""
    may = {"discover"} | {decision.action for decision in (judged.read, judged.data, judged.verify) if decision.permitted}
    if judged.files:
        may.add("files")
    withheld = set(orjson.loads(row.withheld)) if len(row.withheld) > 2 else set()
    names = _profile_fields(row.profile)
    if judged.read.permitted:
        shown = _disclosed(fields, judged.read, names, withheld, None)
    else:
        shown = _disclosed(fields, judged.discover, names, withheld, CARD_FIELDS)
    return RecordView(
        id=row.id,
        slug=row.slug,
        docno=row.docno,
        version=row.version,
        authority=row.authority,
        division=row.division,
        origin=row.origin,
        modified=row.time,
        manifest_text=row.manifest,
        fields=shown,
        withheld=tuple(sorted(withheld)) if withheld else (),
        may=frozenset(may),
        reasons=_reasons(judged),
        provenance=Provenance(
            row.source,
            tuple(orjson.loads(row.path)) if len(row.path) > 2 else (),
            row.log,
            row.epoch,
            row.log_index,
            row.proof,
            bytes(row.manifest_hash),
            row.time,
            row.shown_at,
        ),
    )


def _disclosed(fields: dict[str, Any], decision: Decision, names: frozenset[str], withheld: set[str], only: frozenset[str] | None) -> dict[str, Any]:
    """The fields that a decision lets out; adds hidden profile fields to `withheld`."""
    obligations = decision.obligations
    plain = obligations.show is None and not obligations.hide and not obligations.masks
    if only is None and plain:
        return fields
    if only is not None:
        withheld |= names - only
        fields = {name: value for name, value in fields.items() if name in only}
    if plain:
        return fields
    withheld |= {name for name in names if obligations.field_hidden(name)}
    out = {}
    for name, value in fields.items():
        if obligations.field_hidden(name):
            continue
        mask = obligations.mask_for(name)
        shown = value if mask is None else masks.apply(mask, value)
        if shown is not None:
            out[name] = shown
    return out


def _reasons(judged: Judged) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for decision in (judged.read, judged.data):
        for reason in decision.reasons if not decision.permitted else ():
            found.setdefault((reason.rule, reason.effect), _reason(decision.action, reason))
        if decision.permitted:
            for reason in decision.reasons:
                if reason.effect == "constrain":
                    found.setdefault((reason.rule, reason.effect), _reason(decision.action, reason))
    return list(found.values())


def _reason(action: str, reason: Any) -> dict[str, Any]:
    return {"action": action, "rule": reason.rule, "effect": reason.effect, "because": {"zh": reason.because.zh, "en": reason.because.en}, "law": reason.law}


@lru_cache(maxsize=64)
def _profile_fields(name: str | None) -> frozenset[str]:
    """Field names of a profile by its bare name; of an unknown one, those of the core."""
    for candidate in (f"{name}/1", "core/1"):
        try:
            return frozenset(field_names(candidate))
        except ProfileError:
            continue
    return frozenset()
