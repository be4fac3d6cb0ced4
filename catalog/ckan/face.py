"""What the actions share: the reader, the settings, and the tables that turn organizations into keys and back."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import orjson

from catalog.ckan.errors import CkanNotFoundError
from catalog.ckan.names import minted, organization_name
from catalog.ckan.packages import package
from catalog.ckan.settings import Around
from catalog.organisations import Organisation
from catalog.queries import RecordQuery
from catalog.reader import Reader
from catalog.views import RecordView
from policies.actor import Actor

#: CKAN's largest page (ckan.search.rows_max) and ours.
MOST_ROWS = 1000


@dataclass(frozen=True)
class Call:
    """One request to an action: who, what, and what the answer is made in."""

    reader: Reader
    actor: Actor
    data: Mapping[str, Any]
    around: Around
    site_title: Mapping[str, str]

    def now(self) -> int:
        """UTC seconds."""
        return int(time.time())

    @cached_property
    def organisations(self) -> list[Organisation]:
        """The departments of what the actor may see."""
        return self.reader.organisations(self.actor)

    @cached_property
    def organisation_titles(self) -> Mapping[str, str]:
        """Their names by key."""
        return {each.key: self.around.choose(each.title) for each in self.organisations}

    def organisation_keys(self, name: str) -> Sequence[str]:
        """Keys of the organizations that a name, id, key or title means."""
        folded = name.strip().lower()
        return [
            each.key for each in self.organisations
            if folded in (organization_name(each.key), each.key.lower(), minted("organization", each.key)) or name in each.title.values()
        ]  # fmt: skip

    def organisation(self, name: str) -> Organisation:
        """The organization of a name, id or key.

        Raises:
            CkanNotFoundError: the actor sees nothing of such a one.
        """
        keys = self.organisation_keys(name)
        for each in self.organisations:
            if each.key in keys:
                return each
        raise CkanNotFoundError

    def package(self, view: RecordView) -> orjson.Fragment:
        """A record as a dataset: its JSON, made once for each view, address and language."""
        key = ("ckan", self.around.base, self.around.language)
        made: orjson.Fragment = view.once(key, lambda: orjson.Fragment(orjson.dumps(package(view, self.around))))
        return made

    def packages(self, views: Iterable[RecordView], wanted: Sequence[str] = ()) -> list[Any]:
        """Records as datasets, or the keys of them that are wanted."""
        return [self.package_parts(view, wanted) if wanted else self.package(view) for view in views]

    def package_parts(self, view: RecordView, wanted: Sequence[str]) -> dict[str, Any]:
        """Of a dataset the keys that are wanted."""
        whole = package(view, self.around)
        return {key: whole[key] for key in wanted if key in whole}

    def every(self, query: RecordQuery, most: int | None = None) -> Iterator[RecordView]:
        """The records of a query from its offset on, page by page; at most so many."""
        offset, left = query.offset, most
        while left is None or left > 0:
            size = MOST_ROWS if left is None else min(left, MOST_ROWS)
            page = self.reader.records(self.actor, replace(query, offset=offset, limit=size))
            yield from page.items
            if page.next is None:
                return
            offset = page.next
            left = None if left is None else left - size


type Action = Callable[[Call], Any]
