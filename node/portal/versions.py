"""What a dataset's page shows of its past: the list of versions, and one of them as it was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flask import url_for

from catalog.attributes import iso
from catalog.versions import PastVersion
from catalog.views import RecordView
from node.portal.dataset import shown_fields
from node.portal.words import field_label


@dataclass(frozen=True)
class VersionLine:
    """One version in the list. `changed`: labels of fields; None where the version before it is not shown."""

    n: int
    day: str
    changed: list[str] | None
    current: bool
    url: str


def version_lines(view: RecordView, versions: Sequence[PastVersion]) -> list[VersionLine]:
    """The list, the newest first."""
    return [
        VersionLine(
            each.n,
            iso(each.time)[:10],
            None if each.changed is None else [field_label(name) for name in each.changed],
            each.current,
            url_for("portal.dataset", slug=view.slug, version=None if each.current else each.n),
        )
        for each in versions
    ]


class PastPage:
    """One version as it was."""

    def __init__(self, view: RecordView, version: PastVersion) -> None:
        self.n = version.n
        self.day = iso(version.time)[:10]
        self.current = version.current
        self.now_url = url_for("portal.dataset", slug=view.slug)
        self._fields = version.fields

    @property
    def fields(self) -> Iterator[tuple[str, str]]:
        """Labels and texts of what may be seen of it."""
        return shown_fields(self._fields)
