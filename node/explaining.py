"""Explains a site's decisions about one record: `terrace policy explain`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.errors import NotFoundError
from policies.actor import Actor
from policies.explain import Explanation, explain
from policies.vocabulary import ACTIONS

if TYPE_CHECKING:
    from node.site import Site


@dataclass(frozen=True)
class Explained:
    """Explanations of one record for one actor, an action each."""

    id: str
    actor: str
    parts: tuple[Explanation, ...]

    def text(self, language: str, *, everything: bool = False) -> str:
        """Lines for a person; the rules that do not apply with `everything` only."""
        return "\n".join([f"{self.id} × {self.actor}", *(part.text(language, everything=everything) for part in self.parts)])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"id": self.id, "actor": self.actor, "actions": [part.as_dict() for part in self.parts]}


def explain_record(site: "Site", id: str, actor: Actor, actions: Sequence[str] | None) -> Explained:
    """Explains the decisions about a shown record.

    Args:
        site: whose policy.
        id: of the record.
        actor: for whom.
        actions: which; all by default.

    Raises:
        NotFoundError: no such record is shown here.
    """
    with site.reader.session(actor) as session:
        stored = site.reader.stored(session, id)
        if stored is None:
            raise NotFoundError
        row, _, attributes = stored
        found = explain(session.plan, attributes, session.granted(row.id), actions or ACTIONS)
    return Explained(id, actor.name or actor.person or actor.node or actor.kind, tuple(found))
