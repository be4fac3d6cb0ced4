"""One decision: what was decided, why, and what it obliges to.

`settle` is the last step, shared by the definition (policies.evaluate) and by plans (policies.plan): both find out which rules speak, each in its own way, and
settle them here. Obligations are worked out when first asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

from policies.actor import PUBLIC
from policies.expressions import TRUE, Condition, join_all, join_any
from policies.facts import NOTHING, Attributes, Env, Facts, truth
from policies.model import Because, Rule, Then
from policies.obligations import NONE, Obligations
from policies.specialise import ROWS, settle_known
from policies.terms import obligations_of_terms
from policies.vocabulary import FIELD_ACTIONS, INDEXED_FIELDS

#: Actions that hand out rows or tell of them, so that row scopes and filters matter.
ROW_ACTIONS = frozenset({"data", "hold", "verify", "count"})


class Reason(NamedTuple):
    """Why a decision is as it is: one rule that spoke."""

    rule: str
    effect: str
    because: Because
    law: str


@dataclass(frozen=True)
class Decision:
    """What was decided about one actor, action and record.

    Attributes:
        permitted: Whether the action may be done at all; obligations then say on what terms.
        allows, denies, constraints: The rules that spoke. When denied, only `denies` (and constraints that asked for a grant) are complete.
    """

    permitted: bool
    action: str
    allows: tuple[Rule, ...] = ()
    denies: tuple[Rule, ...] = ()
    constraints: tuple[Rule, ...] = ()
    facts: Facts | None = None
    also: "Decision | None" = None

    @cached_property
    def obligations(self) -> Obligations:
        """What the permission obliges to; `NONE` when not permitted."""
        if not self.permitted or self.facts is None:
            return NONE
        own = oblige(self.action, self.allows, self.constraints, self.facts)
        return own if self.also is None else own.joined(self.also.obligations)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """The rules that decided: those that deny; else those that allow and constrain. Empty when nothing allows."""
        return _reasons_of(self._spoke(self.permitted))

    def _spoke(self, permitted: bool) -> tuple[Rule, ...]:
        own = (*self.allows, *self.constraints) if permitted else self.denies
        return own if self.also is None else (*own, *self.also._spoke(permitted))

    @property
    def deciding(self) -> Reason | None:
        """The first of the rules that settled it, by id; None when it is denied because nothing allows."""
        return self.reasons[0] if self.reasons else None

    def joined(self, other: "Decision") -> "Decision":
        """Returns the decision that holds only where both do: permissions AND-ed, obligations joined (LANGUAGE 20).

        Args:
            other: Decision about the same action with the attributes of another version.
        """
        return replace(self, permitted=self.permitted and other.permitted, also=other)


@lru_cache(maxsize=4_096)
def _reasons_of(rules: tuple[Rule, ...]) -> tuple[Reason, ...]:
    return tuple(Reason(rule.id, rule.effect, rule.because, rule.law) for rule in dict.fromkeys(rules))


def settle(action: str, facts: Facts, allows: Sequence[Rule], denies: Sequence[Rule], constraints: Sequence[Rule]) -> Decision:
    """Returns the decision, once it is known which rules spoke: the allows that are True, the denies and constraints that are other than False."""
    ungranted = [rule for rule in constraints if rule.then and rule.then.require_grant]
    if ungranted and not (facts.granted and facts.actor.purpose is not None):  # LANGUAGE 16: no active grant, denied
        denies = [*denies, *ungranted]
    permitted = bool(allows) and not denies  # LANGUAGE 1
    decision = Decision(permitted, action, tuple(allows), tuple(denies), tuple(constraints), facts)
    if permitted and facts.row is not NOTHING and not row_passes(decision.obligations.rows, facts.row, facts.env.now):
        return Decision(False, action)
    return decision


def oblige(action: str, allows: Sequence[Rule], constraints: Sequence[Rule], facts: Facts) -> Obligations:
    """Returns the obligations of a permission: what the constraints ask, the scope of the allows, and the obligations of the record's terms."""
    out, rows = _standing(action, tuple(allows), tuple(constraints))
    terms = obligations_of_terms(facts.record.get("terms"), action)  # LANGUAGE 18
    if terms is not NONE:
        out = out.joined(terms)
    variants = _variants(facts.record.get("variants"))
    if rows == TRUE and variants is None:
        return out
    return out.joined(Obligations(known_variants=variants, rows=settle_known(rows, facts, ROWS)))


@lru_cache(maxsize=4_096)
def _standing(action: str, allows: tuple[Rule, ...], constraints: tuple[Rule, ...]) -> tuple[Obligations, Condition]:
    """Returns what these rules ask together and what they ask of rows, still unsettled: the same for every record on which they speak."""
    out = NONE
    rows: list[Condition] = []
    if action in ROW_ACTIONS:
        rows.append(join_any([TRUE if rule.rows is None else rule.rows for rule in allows]))  # LANGUAGE 11: scopes are OR-ed
    for rule in constraints:
        if (then := rule.then) is None:
            continue
        if then.rows is not None and action in ROW_ACTIONS:
            rows.append(then.rows)  # LANGUAGE 11: filters are AND-ed
        out = out.joined(asked(then, action))
    return out, join_all(rows)


def asked(then: Then, action: str) -> Obligations:
    """Returns the obligations of one constraint, rows left aside.

    Of a record's fields, `show` never takes away those that search matches (LANGUAGE 22); columns of rows are shown only when named.
    """
    return Obligations(
        hidden=then.hide,
        shown=then.show if then.show is None or action not in FIELD_ACTIONS else then.show | INDEXED_FIELDS,
        mask_sets={name: frozenset({mask}) for name, mask in then.masks},
        named_variants=frozenset() if then.variant is None else frozenset({then.variant}),
        smallest_cell=then.smallest_cell,
        no_onward=then.no_onward,
        require_grant=then.require_grant,
    )


def _variants(raw: object) -> Mapping[str, frozenset[str]] | None:
    """Reads the record's variants: a mapping of name → names that it is coarser than."""
    if not isinstance(raw, Mapping):
        return None
    return {str(name): frozenset(map(str, finer or ())) for name, finer in raw.items()}


def row_passes(condition: Condition, row: Attributes, now: int) -> bool:
    """Returns whether a row surely meets the residual row condition of a decision (LANGUAGE 11: a row passes only when True)."""
    return truth(condition, Facts(PUBLIC, Env("", "", now), NOTHING, None, row)) is True
