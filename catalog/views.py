"""A record as one actor sees it: which fields, under which masks, with what reasons. Pure: a row and a plan in, a view out.

Rules (policy-language.md):

* `discover` discloses the card, `read` all permitted fields; hide beats mask beats show (LANGUAGE 12).
* Absent and hidden look alike to whoever may not know: a hidden resource or variant is not even named.
* `withheld` names fields of the profile only, and names the hidden ones whether or not the record has them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import orjson
from sqlalchemy import Row

from catalog.errors import ProfileError
from catalog.profiles import field_names
from catalog.record import CARD_FIELDS
from policies import masks
from policies.evaluate import Decision
from policies.obligations import NONE, Obligations
from policies.plan import Plan

__all__ = ["SHOWN_ACTIONS", "Judged", "Provenance", "RecordView", "disclosed", "duties_of", "field_hidden", "judge", "reasons_of", "view_of"]

#: What is kept of one view by faces, languages and addresses (whoever asks chooses the address where none is set).
MOST_MADE = 4
#: What a view tells of in `may`: actions, and whether original files are served (LANGUAGE 17).
SHOWN_ACTIONS = ("discover", "read", "data", "files")


@dataclass(slots=True)
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


@dataclass
class RecordView:
    """A record as one actor sees it. Shared between requests (`catalog.view_cache`): nobody changes it (a frozen one would cost a tenth of the page).

    Attributes:
        fields: what this actor may see; an absent name is absent or hidden.
        withheld: profile fields that are hidden from this actor or were never disclosed to this site.
        may: of SHOWN_ACTIONS those that are permitted.
        judged: the decisions that made it.
        origin: `own`, `received` or `attested`.
        modified: UTC seconds of the manifest.
        made: what faces made of it (`once`).
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
    fields: Mapping[str, Any]
    withheld: tuple[str, ...]
    may: frozenset[str]
    judged: "Judged" = field(repr=False)
    provenance: Provenance
    made: dict[tuple[str, ...], Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
        """What a face makes of this view under a key of its own, made once (`MOST_MADE` are kept)."""
        found = self.made.get(key)
        if found is None:
            found = make()
            if len(self.made) >= MOST_MADE:
                self.made.clear()
            self.made[key] = found
        return found

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest, parsed."""
        found: dict[str, Any] = orjson.loads(self.manifest_text)
        return found

    @cached_property
    def reasons(self) -> list[dict[str, Any]]:
        """Why something is denied or constrained: `{"action", "rule", "effect", "because": {"zh","en"}, "law"}`. Lists never ask."""
        return reasons_of(self.judged)

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


@dataclass(slots=True)
class Judged:
    """The decisions about one record that may be discovered.

    Attributes:
        card: the decision whose obligations hold for what is shown: about read where that is permitted, else about discover.
        read, data: the decisions about these.
    """

    attributes: Mapping[str, object]
    card: Decision
    read: Decision
    data: Decision

    @property
    def files(self) -> bool:
        """Whether original files are served (LANGUAGE 17)."""
        duties = duties_of(self.data)
        return self.data.permitted and not duties.files_opaque and not duties.data_withheld


def duties_of(decision: Decision) -> Obligations:
    """The obligations of a decision, at once where there can be none: most records under most plans."""
    facts = decision.facts
    plain = not decision.constraints and decision.also is None and facts is not None and facts.record.get("terms") is None
    return NONE if plain and all(rule.rows is None for rule in decision.allows) else decision.obligations


def judge(plan: Plan, attributes: Mapping[str, object], granted: bool | None) -> Judged | None:
    """Decides discover, read and data; None when the record must look absent.

    What may be read may be discovered, and what may not be read has no data (LANGUAGE 3): two decisions tell all three.
    """
    read = plan.decide("read", attributes, granted)
    if read.permitted:
        return Judged(attributes, read, read, plan.decide("data", attributes, granted))
    discover = plan.decide("discover", attributes, granted)
    return Judged(attributes, discover, read, read) if discover.permitted else None


def view_of(row: Row[Any], fields: dict[str, Any], judged: Judged, odd: Sequence[str] = ()) -> RecordView:
    """The view of a record that may be discovered.

    Args:
        row, fields, judged: of the record.
        odd: names of fields that are left out for their shape (`catalog.shapes`): as if this site did not have them.
    """
    undisclosed = orjson.loads(row.withheld) if len(row.withheld) > 2 else ()
    shown, withheld = disclosed(row.profile, fields, judged, (*undisclosed, *(_profile_fields(row.profile).intersection(odd))) if odd else undisclosed)
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
        withheld=withheld,
        may=_may(judged),
        judged=judged,
        provenance=Provenance(
            source=row.source,
            path=tuple(orjson.loads(row.path)) if len(row.path) > 2 else (),
            log=row.log,
            epoch=row.epoch,
            index=row.log_index,
            proof=row.proof,
            manifest_hash=bytes(row.manifest_hash),
            time=row.time,
            shown_at=row.shown_at,
        ),
    )


#: Names that a policy may give for every field that begins so.
_GROUPS = frozenset({"resources", "variants"})
_CARD = frozenset({"discover"})
_READ = frozenset({"discover", "read"})
_DATA = frozenset({"discover", "read", "data"})
_FILES = frozenset({"discover", "read", "data", "files"})


def _may(judged: Judged) -> frozenset[str]:
    if not judged.read.permitted:
        return _CARD
    if not judged.data.permitted:
        return _READ
    return _FILES if judged.files else _DATA


def disclosed(profile: str | None, fields: dict[str, Any], judged: Judged, undisclosed: Collection[str] = ()) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields that go out, and the names of profile fields that do not.

    Args:
        profile: bare name of the record's profile.
        fields: all that this site has.
        judged: the decisions.
        undisclosed: names of profile fields that this site does not have.
    """
    duties = duties_of(judged.card)
    withheld = set(undisclosed)
    if not judged.read.permitted:
        withheld |= _profile_fields(profile) - CARD_FIELDS
        fields = {name: value for name, value in fields.items() if name in CARD_FIELDS}
    elif judged.data.permitted:
        fields = _without_columns(fields, duties_of(judged.data))
    if duties is not NONE:
        names = _profile_fields(profile)
        withheld |= names & duties.hide if duties.show is None else names - (duties.show - duties.hide)
        fields = _veiled(duties, fields)
    return fields, tuple(sorted(withheld)) if withheld else ()


def _veiled(duties: Obligations, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields without the hidden ones, others under their masks. Without `show` and groups, only what is named needs a look."""
    named = duties.hide | duties.masks.keys()
    if duties.show is not None or not named.isdisjoint(_GROUPS):
        return {name: shown for name, value in fields.items() if (shown := _masked(duties, name, value)) is not None}
    touched = [name for name in named if name in fields]
    veiled = dict(fields) if touched else fields
    for name in touched:
        veiled[name] = _masked(duties, name, veiled[name])
        if veiled[name] is None:
            del veiled[name]
    return veiled


def _masked(duties: Obligations, name: str, value: Any) -> Any:
    """A field's value under its mask; None when it is hidden."""
    if field_hidden(duties, name):
        return None
    mask = duties.mask_for(name)
    return value if mask is None else masks.apply(mask, value)


def field_hidden(duties: Obligations, name: str) -> bool:
    """Whether a field is left out. `resources` and `variants` in a policy mean all of them, `resources.<id>` one."""
    group, dot, _ = name.partition(".")
    if not dot or group not in _GROUPS:
        return duties.field_hidden(name)
    return name in duties.hide or group in duties.hide or (duties.show is not None and not {name, group} & duties.show)


def _without_columns(fields: dict[str, Any], duties: Obligations) -> dict[str, Any]:
    """Leaves out of the column list what the rows hide: a hidden column is named nowhere."""
    items = fields.get("items")
    if not isinstance(items, list) or (not duties.hide and duties.show is None):
        return fields
    return {**fields, "items": [item for item in items if not (isinstance(item, dict) and duties.field_hidden(str(item.get("name"))))]}


def reasons_of(judged: Judged) -> list[dict[str, Any]]:
    """Why read or data is denied, and what constrains them."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for decision in (judged.read, judged.data):
        if decision.permitted and not decision.constraints:
            continue
        for reason in decision.reasons:
            if not decision.permitted or reason.effect == "constrain":
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
