"""The search page: from its address to a question for the reader, and from the answer to facets, chips and cards."""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.codes import code_list
from catalog.division_names import division_name
from catalog.queries import RecordPage, RecordQuery
from node.i18n import choose, language, translate
from node.portal.search_state import FACETS, PAGE_SIZE, SearchState

VALUES = 10  # of a facet that are listed


def _(message: str) -> str:
    return translate(message, "portal")


@dataclass(frozen=True)
class Value:
    """One value of a facet."""

    label: str
    count: str
    url: str
    chosen: bool


@dataclass(frozen=True)
class Facet:
    """One facet with what it offers."""

    label: str
    values: list[Value]


@dataclass(frozen=True)
class Chip:
    """One filter in use; the address takes it away."""

    label: str
    url: str


def question(state: SearchState) -> RecordQuery:
    """What the reader is asked."""
    return RecordQuery(
        text=state.text,
        filters=state.filters,
        bbox=state.box,
        sort=state.sort,
        offset=(state.page - 1) * PAGE_SIZE,
        limit=PAGE_SIZE,
        facets=tuple(FACETS),
        facet_limit=VALUES,
    )


class Words:
    """Labels of facet values. `organisations`: key → name in the record's languages."""

    def __init__(self, organisations: Mapping[str, Mapping[str, str]]) -> None:
        self._organisations = organisations

    def label(self, facet: str, value: str) -> str:
        """The label of one value."""
        if facet == "org":
            return choose(self._organisations.get(value), default=value)
        if facet == "territory":
            return division_name(value, language())
        if facet == "format":
            return value.upper()
        list_name = FACETS[facet][1]
        return code_list(list_name).label(value, language()) if list_name else value


def facets(state: SearchState, page: RecordPage, words: Words) -> list[Facet]:
    """The facets that have something to offer."""
    found = []
    for name, (title, _list) in FACETS.items():
        chosen = state.filters.get(name, ())
        counted = page.facets.get(name, [])
        values = [Value(words.label(name, str(value)), f"{count:,}", state.toggled(name, str(value)), str(value) in chosen) for value, count in counted]
        if values:
            found.append(Facet(_(title), values))
    return found


def chips(state: SearchState, words: Words) -> list[Chip]:
    """The filters in use."""
    found = [
        Chip(f"{_(FACETS[name][0])}: {words.label(name, value)}", state.toggled(name, value)) for name, values in state.filters.items() for value in values
    ]
    if state.box:
        found.append(Chip(_("Extent") + ": " + ", ".join(f"{side:g}" for side in state.box), state.without_box()))
    return found
