"""A record as a peer sent it, proved by `sync`, on its way to being shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

import orjson

from catalog.attributes import moment, policy_attributes, record_columns
from catalog.canonical import JSON
from catalog.errors import CanonicalError, ProfileError
from catalog.field_types import ValueProblem, clean_value
from catalog.manifest import Manifest, parse
from catalog.profiles import profile
from catalog.record import type_of


@dataclass(frozen=True)
class ReceivedRecord:
    """What `Writer.show_received` takes.

    Attributes:
        manifest: canonical text as received.
        manifest_hash: H of it.
        fields: the disclosed fields, name → value; None for one that is disclosed as absent. What is not in here is withheld.
            As received: `fitting` is what this site shows.
        source: node id of the peer whose holding is shown.
        level, division: of the authority, from the statements; None when they name none.
        log, epoch, index: where it is proved.
        proof: `signed` or `cosigned`.
        path: node ids that it came through, the authority first.
        ends: UTC seconds at which its lease ends (PROTOCOL 3.6), or None when it is under none.
        read: the manifest as it was read already, where it was.
        known: which values of which type fit, as far as they were asked about; records of one batch share it, since most of their values are the same few.
    """

    manifest: str
    manifest_hash: bytes
    fields: Mapping[str, JSON]
    source: str
    level: str | None
    division: str | None
    log: str
    epoch: int
    index: int
    proof: str
    path: tuple[str, ...] = ()
    ends: int | None = None
    read: Manifest | None = field(default=None, repr=False)
    known: dict[tuple[str, bytes], bool] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def parsed(self) -> Manifest:
        """The manifest, read once."""
        return parse(self.manifest) if self.read is None else self.read

    @property
    def id(self) -> str:
        """The record's id."""
        return self.parsed.id

    @cached_property
    def fitting(self) -> dict[str, JSON]:
        """The disclosed fields that have the shape of their type; every face may rely on it.

        What does not fit is treated as if it had been withheld: a peer proves who said something, never that it makes sense, and one value of a wrong shape
        would break each list that it stands in. Manifest and disclosures stay as received, so that proofs and what is passed on are unharmed.
        """
        types = _types(self.parsed.profile)
        return {name: value for name, value in self.fields.items() if value is None or self._fits(type_of(name, types), value)}

    def _fits(self, kind: str | None, value: JSON) -> bool:
        if kind is None:
            return False
        key = kind, orjson.dumps(value)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = _fits(kind, value)
        return found

    def row(self, now: int, slug: str) -> tuple[dict[str, Any], dict[str, object]]:
        """The columns of `record` without `docno`, and the policy attributes.

        Args:
            now: UTC seconds.
            slug: the readable name at this site.
        """
        manifest = self.parsed
        disclosed = {name: value for name, value in self.fitting.items() if value is not None}
        withheld = sorted((_types(manifest.profile).keys() | self.fields.keys()) - self.fitting.keys())
        attributes = policy_attributes(_ending(manifest.data, self.ends), disclosed, level=self.level, division=self.division, own=False, withheld=withheld)
        time = moment(manifest.time) or 0
        row = {
            "id": manifest.id,
            "slug": slug,
            "origin": "received",
            "source": self.source,
            "authority": manifest.authority,
            "manifest_hash": self.manifest_hash,
            "manifest": self.manifest,
            "fields": _text(disclosed),
            "withheld": _text(withheld),
            "version": manifest.version,
            "time": time,
            "shown_at": now,
            "log": self.log,
            "epoch": self.epoch,
            "log_index": self.index,
            "proof": self.proof,
            "path": _text(self.path),
            **record_columns(attributes, disclosed, time),
        }
        return row, attributes


def _text(value: object) -> str:
    """Canonical text of what was read from canonical text: it need not be looked at again."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _ending(manifest: Mapping[str, Any], ends: int | None) -> Mapping[str, Any]:
    """A manifest whose terms end with the lease, where they do not end before: so that whatever judges by terms lets the record go by itself."""
    if ends is None:
        return manifest
    terms = manifest["terms"]
    until = moment(terms.get("until"))
    text = datetime.fromtimestamp(ends if until is None else min(until, ends), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**manifest, "terms": {**terms, "until": text}}


@lru_cache(maxsize=64)
def _types(name: str | None) -> Mapping[str, str]:
    """The profile's fields and their types; of a profile that this site does not know, those of the core."""
    try:
        return profile(name or "core/1").types
    except ProfileError:
        return profile("core/1").types


def _fits(kind: str, value: JSON) -> bool:
    """Whether cleaning a value, as own records are cleaned, leaves it as it is; but for the case of codes."""
    try:
        return _same(clean_value(kind, value), value)
    except (ValueProblem, CanonicalError, RecursionError):
        return False


def _same(one: JSON, other: JSON) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one == other or one.casefold() == other.casefold()
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(each, other[key]) for key, each in one.items())
    return type(one) is type(other) and one == other
