"""One request of the read path: everything in it is decided and read at one moment."""

from dataclasses import dataclass

from sqlalchemy import Connection

from catalog.grants import is_granted
from catalog.policy_store import ActivePolicy
from catalog.store import State
from policies.actor import Actor
from policies.plan import Plan

__all__ = ["Session"]


@dataclass(frozen=True)
class Session:
    """One request: snapshot, policy, plan and clock."""

    conn: Connection
    state: State
    active: ActivePolicy
    plan: Plan
    actor: Actor

    @property
    def now(self) -> int:
        """UTC seconds."""
        return self.plan.env.now

    def granted(self, id: str) -> bool:
        """Whether one record is granted to the actor."""
        return is_granted(self.conn, self.actor, id, self.now)
