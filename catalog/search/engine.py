"""`Search`: the door to everything in this folder."""

import threading
from collections.abc import Callable, Sequence

from pyroaring import BitMap
from sqlalchemy import Connection

from catalog.errors import FilterError
from catalog.filters import AnyText, Leaf
from catalog.search.columns import new_dictionaries
from catalog.search.documents import CODED
from catalog.search.evaluate import Evaluator, Found, Hits
from catalog.search.order import page
from catalog.search.ports import Database
from catalog.search.query import SORTS, SearchHits, SearchQuery
from catalog.search.spatial import meets_box, meets_time
from catalog.search.state import State, derive
from catalog.search.visible import Visible
from catalog.search.words import beginnings, words_of
from catalog.snapshots import State as Numbers

#: States kept: one for each snapshot that is likely in use by some thread.
_STATES = 4


class Search:
    """Search over one site's records, for one process. Safe for threads; several processes share nothing but the database.

    Each call works on the state of the connection's snapshot, which must be one (`Store.read`): it first takes in what was committed before the snapshot began.
    """

    def __init__(self, store: Database) -> None:
        self.store = store
        self._dictionaries = new_dictionaries()
        self._states: dict[tuple[int, int], State] = {}
        self._lock = threading.Lock()

    def refresh(self, conn: Connection) -> State:
        """Brings this process's state to the connection's snapshot. Every other method does it first."""
        numbers = Numbers.read(conn)
        version = numbers.indexed, numbers.position
        state = self._states.get(version)
        if state is not None:
            return state
        with self._lock:
            state = self._states.get(version)
            if state is None:
                # The newest kept state that is not ahead of the snapshot; else any, for its segments.
                known = max(self._states.values(), key=lambda each: (each.version <= version, each.version), default=None)
                state = derive(conn, numbers, self._dictionaries, known)
                kept = sorted([*self._states.values(), state], key=lambda each: each.version)[-_STATES:]
                self._states = {each.version: each for each in kept}
        return state

    def query(self, conn: Connection, visible: Visible, q: SearchQuery) -> SearchHits:
        """Searches.

        Args:
            conn: of the read transaction that the records will be read in, too.
            visible: what the actor may see.
            q: what is asked.

        Raises:
            FilterError: an unknown column or sort, or a condition that search cannot tell.
        """
        _check(q)
        state = self.refresh(conn)
        evaluator = Evaluator(conn, state, visible, self._dictionaries)
        words = words_of(q.text)
        evaluator.prepare(words)
        found = [evaluator.found(word) for word in words]
        hits = self._filtered(evaluator, q)
        if not words and q.text.strip():
            hits = BitMap()
        for each in sorted(found, key=lambda one: len(one.title) + len(one.keywords) + len(one.summary)):
            hits = hits & (each.title | each.keywords | each.summary)
        chosen = Hits(evaluator, hits)
        facets = {name: evaluator.facet(name, chosen, q.facet_limit) for name in q.facets}
        return SearchHits(len(hits), page(conn, state, chosen, q.sort, found, q.offset, q.limit), facets)

    def _filtered(self, evaluator: Evaluator, q: SearchQuery) -> BitMap:
        hits = evaluator.card
        if q.within is not None:
            hits = hits & q.within
        if q.ids is not None:
            hits = hits & evaluator.named("id", q.ids)
        for name, values in q.filters.items():
            hits = hits & evaluator.having(name, values)
        if q.after is not None:
            hits = _above(hits, q.after)
        if q.bbox is not None:
            box = q.bbox
            hits = hits & evaluator.where(lambda chunk: meets_box(chunk, box), evaluator.full)
        if q.time is not None:
            start, end = q.time
            hits = hits & evaluator.where(lambda chunk: meets_time(chunk, start, end), evaluator.full)
        if q.condition is not None:
            hits = hits & evaluator.condition(q.condition)
        return hits

    def sets(self, conn: Connection, visible: Visible, wanted: Sequence[Leaf]) -> Callable[[Leaf], tuple[BitMap, BitMap] | None]:
        """For leaves of a filter, documents where one is surely true and where it is surely false, among what the actor may see.

        Args:
            wanted: the leaves that will be asked for, so that the words of all of them are fetched at once.

        Returns:
            A function of a leaf; it gives None where search cannot tell (for `catalog.filters.fold`, which then asks the database).
        """
        evaluator = Evaluator(conn, self.refresh(conn), visible, self._dictionaries)
        evaluator.prepare(word for leaf in wanted if isinstance(leaf, AnyText) for word in words_of(leaf.text))
        return evaluator.sets

    def suggest(self, conn: Connection, visible: Visible, prefix: str, limit: int = 10) -> list[int]:
        """Documents whose title (or slug) has words that begin as those of `prefix`, shorter titles first.

        Only what the actor may discover is looked at, so that hidden records cannot crowd out visible ones.
        """
        state = self.refresh(conn)
        keys = beginnings(prefix)
        if not keys:
            return []
        evaluator = Evaluator(conn, state, visible, self._dictionaries)
        hits = BitMap.intersection(evaluator.card, *state.postings(conn, keys).values())
        in_title = Found(title=hits, keywords=BitMap(), summary=BitMap())
        return page(conn, state, Hits(evaluator, hits), "relevance", [in_title], 0, limit)


def _above(documents: BitMap, docno: int) -> BitMap:
    if docno < 0 or not documents or docno < documents.min():
        return documents
    return documents - BitMap(range(documents.min(), docno + 1))


def _check(q: SearchQuery) -> None:
    unknown: Sequence[str] = [name for name in (*q.filters, *q.facets) if name not in CODED]
    if unknown:
        raise FilterError(zh=f"未知的检索字段：{'、'.join(unknown)}", en=f"no search column {', '.join(unknown)}; there are {', '.join(CODED)}")
    if q.sort not in SORTS:
        raise FilterError(zh=f"未知的排序：{q.sort}", en=f"no sort {q.sort!r}; there are {', '.join(SORTS)}")
