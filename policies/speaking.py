"""Which rules of a plan speak about a record: hundreds of rules for little more than the cost of the few that do.

A rule speaks when *none of its parts stops it* (LANGUAGE 1, 2): an allow is stopped by a part that is not surely true, a deny or constraint by one that is
surely false. A part is what the top `all` of its condition joins. Most parts look at one attribute of the record and at nothing else but the clock: for each
such attribute and raw value, the rules that it does not stop are remembered as one integer, a bit for each rule. One AND for each attribute then leaves few
rules, of which the other parts (grants, several attributes) are tried one by one.

Invariants: bits follow the order of the rules, which is that of their ids; what is remembered depends on a raw value alone, never on a grant or another
attribute, and where the clock moves it, it counts from the last moment that may have changed it until the next one that may.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from policies.comparisons import TIMED
from policies.expressions import All, Any, Condition, Not, Sentence, attributes, negate, sentences
from policies.model import Rule
from policies.predicates import Predicate, moves_at, predicate

#: Distinct values remembered for one attribute of one plan, and distinct groups of rules.
_REMEMBERED = 4_096

#: Before and after every moment.
_EVER, _NEVER = float("-inf"), float("inf")

type _Part = tuple[Condition, bool]
type _Remembered = tuple[int, float, float]


class Speaking:
    """The rules of a plan, ready to be asked.

    Args:
        rules: Each with what is left of its condition for this actor, in the order of ids.
    """

    def __init__(self, rules: Sequence[tuple[Rule, Condition]]) -> None:
        self._rules = tuple(rule for rule, _ in rules)
        self.all = (1 << len(rules)) - 1
        keyed: dict[str, dict[_Part, int]] = {}
        others: dict[_Part, int] = {}
        for n, (rule, condition) in enumerate(rules):
            for part in _parts(condition):
                asked = (part, rule.effect == "allow")
                key = _only_key(part)
                group = others if key is None else keyed.setdefault(key, {})
                group[asked] = group.get(asked, 0) | 1 << n
        self._keyed = tuple((key, _Stopped(key, group, self.all)) for key, group in sorted(keyed.items()))
        self._others: dict[int, tuple[Predicate, ...]] = {}
        self._with_others = 0
        for asked, bits in others.items():
            passes = _passes(*asked, remember=True)
            self._with_others |= bits
            for bit in _bits(bits):
                self._others[bit] = (*self._others.get(bit, ()), passes)
        self._groups: dict[int, tuple[Rule, ...]] = {}

    def bits(self, rules: set[str]) -> int:
        """Returns the bits of rules by their ids."""
        return sum(1 << n for n, rule in enumerate(self._rules) if rule.id in rules)

    def not_stopped(self, among: int, values: Mapping[str, object], now: int) -> int:
        """Returns which rules no single attribute stops; `settle` has the last word on them.

        Args:
            among: Bits of the rules that matter.
            values: Attributes of the record.
            now: UTC seconds.
        """
        for key, stopped in self._keyed:
            raw = values.get(key)
            try:
                found = stopped.get(raw)
            except TypeError:  # a list that is not a tuple
                found = stopped.look(raw, now)
            if found is None or not found[1] <= now < found[2]:
                found = stopped.learn(raw, now)
            among &= found[0]
            if not among:
                return 0
        return among

    def settle(self, among: int, values: Mapping[str, object], now: int, granted: bool | None) -> tuple[Rule, ...]:
        """Returns the rules that speak, of those that no single attribute stops.

        Args:
            now: UTC seconds.
            granted: Whether an active grant matches; None when it cannot be known.
        """
        for bit in _bits(among & self._with_others):
            for passes in self._others[bit]:
                if not passes(values, now, granted):
                    among ^= bit
                    break
        found = self._groups.get(among)
        if found is None:
            if len(self._groups) >= _REMEMBERED:
                self._groups.clear()
            found = self._groups[among] = tuple(self._rules[bit.bit_length() - 1] for bit in _bits(among))
        return found


class _Stopped(dict[object, _Remembered]):
    """Raw value of one attribute → the rules that it does not stop, since when and until when."""

    def __init__(self, key: str, parts: Mapping[_Part, int], every: int) -> None:
        super().__init__()
        self._key = key
        self._every = every
        self._parts = tuple((_passes(*part, remember=False), ~bits) for part, bits in parts.items())
        moves = {moves_at(sentence) for part, _ in parts for sentence in sentences(part)}
        self._moves = tuple(move[1] for move in moves if move is not None)

    def look(self, raw: object, now: int) -> _Remembered:
        """Finds out."""
        left, values = self._every, {self._key: raw}
        for passes, others in self._parts:
            if not passes(values, now, None):
                left &= others
        moments = [raw + offset for offset in self._moves] if isinstance(raw, int) else []
        since = max((moment for moment in moments if moment <= now), default=_EVER)  # LANGUAGE 9: half-open
        return left, since, min((moment for moment in moments if moment > now), default=_NEVER)

    def learn(self, raw: object, now: int) -> _Remembered:
        """Finds out, and remembers it."""
        if len(self) >= _REMEMBERED:
            self.clear()
        found = self[raw] = self.look(raw, now)
        return found


def _parts(condition: Condition) -> Iterator[Condition]:
    """Yields what a condition joins by *and*; it has the truth of them all, in all three values."""
    match condition:
        case All(parts):
            for part in parts:
                yield from _parts(part)
        case Not(Any(parts)):
            for part in parts:
                yield from _parts(negate(part))
        case _:
            yield condition


def _only_key(part: Condition) -> str | None:
    """Returns the one attribute on which a part depends, the clock left aside; None when there are more, or a grant."""
    if any(sentence.comparison.base == "is_granted" or not _moves_are_known(sentence) for sentence in sentences(part)):
        return None
    keys = {attribute.key for attribute in attributes(part)}
    return keys.pop() if len(keys) == 1 else None


def _moves_are_known(sentence: Sentence) -> bool:
    return sentence.comparison.base not in TIMED or moves_at(sentence) is not None


def _passes(part: Condition, allow: bool, *, remember: bool) -> Predicate:
    """Returns whether a part lets its rule speak: of an allow it is surely true, of the others not surely false."""
    test = predicate(part, allow, remember=remember)
    if isinstance(test, bool):
        settled = test is allow
        return lambda _values, _now, _granted: settled
    if allow:
        return test
    surely_false: Callable[[Mapping[str, object], int, bool | None], bool] = test
    return lambda values, now, granted: not surely_false(values, now, granted)


def _bits(bits: int) -> Iterator[int]:
    """Yields each bit that is set, the lowest first."""
    while bits:
        low = bits & -bits
        yield low
        bits ^= low
