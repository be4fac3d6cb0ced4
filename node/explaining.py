"""Explains a site's decisions about one record: `terrace policy explain`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from catalog.attributes import attributes_of_row
from catalog.errors import NotFoundError
from catalog.grants import is_granted
from catalog.tables import record
from policies.actor import Actor
from policies.explain import Explanation, explain
from policies.plan import Env, Plan
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
    now = int(time.time())
    with site.store.read() as conn:
        row = conn.execute(select(record).where(record.c.id == id)).first()
        if row is None:
            raise NotFoundError
        active = site.policies.current(conn)
        granted = is_granted(conn, actor, id, now)
    plan = Plan(active.policy_set, actor, Env(site.identity.zone, site.identity.node, now))
    found = explain(plan, attributes_of_row(row, orjson.loads(row.fields)), granted, actions or ACTIONS)
    return Explained(id, actor.name or actor.person or actor.node or actor.kind, tuple(found))
