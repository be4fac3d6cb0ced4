"""A record as a peer sent it, proved by `sync`, on its way to being shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from catalog.attributes import moment, policy_attributes, record_columns
from catalog.canonical import JSON, dumps
from catalog.errors import ProfileError
from catalog.manifest import Manifest, parse
from catalog.profiles import field_names


@dataclass(frozen=True)
class ReceivedRecord:
    """What `Writer.show_received` takes.

    Attributes:
        manifest: canonical text as received.
        manifest_hash: H of it.
        fields: the disclosed fields, name → value; None for one that is disclosed as absent. What is not in here is withheld.
        source: node id of the peer whose holding is shown.
        level, division: of the authority, from the statements; None when they name none.
        log, epoch, index: where it is proved.
        proof: `signed` or `cosigned`.
        path: node ids that it came through, the authority first.
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

    @cached_property
    def parsed(self) -> Manifest:
        """The manifest, read once."""
        return parse(self.manifest)

    @property
    def id(self) -> str:
        """The record's id."""
        return self.parsed.id

    def row(self, now: int, slug: str) -> tuple[dict[str, Any], dict[str, object]]:
        """The columns of `record` without `docno`, and the policy attributes.

        Args:
            now: UTC seconds.
            slug: the readable name at this site.
        """
        manifest = self.parsed
        disclosed = {name: value for name, value in self.fields.items() if value is not None}
        withheld = sorted(set(_names(manifest.profile)) - self.fields.keys())
        attributes = policy_attributes(manifest.data, disclosed, level=self.level, division=self.division, own=False, withheld=withheld)
        time = moment(manifest.time) or 0
        row = {
            "id": manifest.id,
            "slug": slug,
            "origin": "received",
            "source": self.source,
            "authority": manifest.authority,
            "manifest_hash": self.manifest_hash,
            "manifest": self.manifest,
            "fields": dumps(disclosed).decode(),
            "withheld": dumps(list[JSON](withheld)).decode(),
            "version": manifest.version,
            "time": time,
            "shown_at": now,
            "log": self.log,
            "epoch": self.epoch,
            "log_index": self.index,
            "proof": self.proof,
            "path": dumps(list(self.path)).decode(),
            **record_columns(attributes, disclosed, time),
        }
        return row, attributes


def _names(profile: str | None) -> tuple[str, ...]:
    """The profile's field names; of a profile that this site does not know, those of the core."""
    try:
        return tuple(field_names(profile or "core/1"))
    except ProfileError:
        return tuple(field_names("core/1"))
