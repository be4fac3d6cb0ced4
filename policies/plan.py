"""Disclosure plans: what one actor, at one site, may see. The fast form of the definition (policies.evaluate), which it must equal.

A set of policies is partially evaluated for everything that it mentions of an actor and a site: rules whose `who` is false vanish, the others keep only what
they ask of the record. That is done once for all actors who look alike to the policies (`stamp_key`) and kept with the set; making a plan is then cheap.

    Plan.decide      one record (and row): the second lock, and the stamper's way to say who sees it
    Plan.where       the same as SQL, for any number of records
    Plan.key         equal for actors that get the same decisions, rows included

Invariants: a plan never looks at a clock but its own `env.now`; nothing that it keeps depends on `now`, so a kept plan never grows stale.
"""

import hashlib
from functools import cached_property

from sqlalchemy import ColumnElement

from policies.actor import Actor
from policies.columns import ColumnMap, GrantedIds
from policies.compile import permitted_clause
from policies.decision import Decision, settle
from policies.facts import NOTHING, Attributes, Env, Facts
from policies.form import Specialised
from policies.model import PolicySet

__all__ = ["ColumnMap", "Env", "Plan"]


class Plan:
    """What one actor may see at one site at one time. Cheap to make.

    Args:
        policy_set: The policies in force.
        actor: Who asks.
        env: Where and when.
    """

    def __init__(self, policy_set: PolicySet, actor: Actor, env: Env) -> None:
        self.policy_set = policy_set
        self.actor = actor
        self.env = env
        self._mentioned = _values(policy_set.record_mentions, actor, env)
        self.form = policy_set.forms.get(self._mentioned, lambda: Specialised(policy_set, actor, env))

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits, equal for plans that decide alike about records *and* rows, whatever the time."""
        return _digest(self.policy_set.digest, self._mentioned, _values(self.policy_set.row_mentions, self.actor, self.env))

    @cached_property
    def stamp_key(self) -> str:
        """The same for records alone: actors who differ only in which rows they get share it, and so share a stamp."""
        return _digest(self.policy_set.digest, self._mentioned)

    def decide(self, action: str, attributes: Attributes, granted: bool | None = None, row: Attributes | None = None) -> Decision:
        """Returns the decision about one record, equal to `policies.evaluate.decide`.

        Args:
            action: One of `vocabulary.ACTIONS`.
            attributes: Attributes of the record, keys without prefix: None (or no key) is absent, `values.UNKNOWN` withheld; lists are tuples.
            granted: Whether an active grant matches ; None when it cannot be known.
            row: Attributes of one row, when the question is about that row too.
        """
        form = self.form.action(action)
        now = self.env.now
        grant = granted if self.actor.purpose is not None else None  # LANGUAGE 10
        facts = Facts(self.actor, self.env, attributes, granted, NOTHING if row is None else row)
        speaking = self.form.speaking
        allowing, denying, constraining = form.bits
        left = speaking.not_stopped(allowing | denying | constraining, attributes, now)
        denies = speaking.settle(left & denying, attributes, now, grant)
        if denies:
            return Decision(False, action, (), denies, (), facts)
        allows = speaking.settle(left & allowing, attributes, now, grant)
        if not allows:
            return Decision(False, action, (), (), (), facts)
        return settle(action, facts, allows, (), speaking.settle(left & constraining, attributes, now, grant))

    def decide_versions(self, action: str, past: Attributes, current: Attributes, granted: bool | None = None) -> Decision:
        """Returns the decision about a past version: with its own attributes and with the current ones, whichever is stricter (LANGUAGE 20)."""
        return self.decide(action, past, granted).joined(self.decide(action, current, granted))

    def next_boundary(self, attributes: Attributes) -> int | None:
        """Returns the first moment after now at which a decision of this plan about a record may change, in UTC seconds; None when none is ahead.

        Grants end by themselves and rows grow old one by one: neither is counted.
        """
        return self.form.next_move(attributes, self.env.now)

    def where(self, action: str, columns: ColumnMap, granted_ids: GrantedIds = None) -> ColumnElement[bool]:
        """Returns SQL that is true for exactly the records on which `decide(action, …)` permits, rows left aside.

        Args:
            action: One of `vocabulary.ACTIONS`.
            columns: Columns and lists of the record table.
            granted_ids: Ids of records for which this actor has an active grant: a collection, or a select of one column; None when it cannot be known.
        """
        form = self.form.action(action)
        grants = granted_ids if self.actor.purpose is not None else None  # LANGUAGE 10
        return permitted_clause(form, columns, self.env.now, grants)


def _values(names: frozenset[str], actor: Actor, env: Env) -> tuple[object, ...]:
    """Returns what the named attributes of an actor and a site are, in the order of their names; sets as sorted tuples."""
    out: list[object] = []
    for name in sorted(names):
        side, _, key = name.partition(".")
        value = getattr(actor if side == "actor" else env, key)
        out.append(tuple(sorted(value)) if isinstance(value, (frozenset, tuple)) else value)
    return tuple(out)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
