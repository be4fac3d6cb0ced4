"""Names of nodes as the pages show them: those that their certifications give."""

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from node.i18n import choose
from sync.errors import TrustError

if TYPE_CHECKING:
    from node.site import Site

#: Seconds for which the names of the nodes are kept; a node that has just joined shows its id for so long.
KEPT = 10


class NodeNames(Mapping[str, str]):
    """Node id → name in the language of the request. Safe for threads: the table is replaced, never changed."""

    def __init__(self, site: "Site") -> None:
        self._site = site
        self._known: Mapping[str, Mapping[str, str]] = {}
        self._until = 0.0

    def _table(self) -> Mapping[str, Mapping[str, str]]:
        now = time.monotonic()
        if now >= self._until:
            self._known, self._until = self._read(), now + KEPT
        return self._known

    def _read(self) -> Mapping[str, Mapping[str, str]]:
        trust = self._site.exchange.context.trust.at(int(time.time()))
        found = {node: certification.name for node in trust.nodes() for certification in trust.certifications(node)[:1]}
        return {**found, self._site.identity.node: self._site.identity.name}

    def root_of(self, node: str) -> str:
        """Id of the root from which the certifications lead to a node: what a receipt of its records is checked against. Empty when nothing certifies it."""
        try:
            return self._site.exchange.context.trust.at(int(time.time())).certified(node).path[0]
        except TrustError:
            return ""

    def __getitem__(self, node: str) -> str:
        name = choose(self._table()[node])
        if not name:
            raise KeyError(node)
        return name

    def __iter__(self) -> Iterator[str]:
        return iter(self._table())

    def __len__(self) -> int:
        return len(self._table())
