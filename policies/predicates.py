"""Turns residual conditions into fast predicates over one mapping of attributes.

A residual condition (policies.specialise) has only one open side left, a record or a row, and perhaps the clock and a grant. Its "surely true" or "surely
false" rail becomes one Python function. The truths are those of policies.comparisons; what does not move with the clock is remembered per raw value, so that
reading a list of codes or comparing divisions happens once for each distinct value, not once for each record.
"""

from collections.abc import Callable, Hashable, Mapping

from policies.comparisons import BASES, TIMED, Truth
from policies.expressions import Condition, Given, Sentence, surely
from policies.values import Values, is_stated, reader
from policies.vocabulary import Attribute

type Predicate = Callable[[Mapping[str, object], int, bool | None], bool]
type _Test = Callable[[object, int], Truth]

#: Distinct values remembered for one sentence of one plan.
_REMEMBERED = 4_096
_MISSING = object()


def predicate(condition: Condition, want: bool, *, remember: bool = True) -> Predicate | bool:
    """Returns the function that tells whether a condition is surely `want`, or the answer when it is settled.

    The function takes the attributes, the time in UTC seconds, and whether an active grant matches (None when that cannot be known).

    Args:
        remember: Whether sentences remember their truth by raw value.
    """

    def atom(sentence: Sentence, wanted: bool) -> Predicate:
        return _atom(sentence, wanted, remember)

    return surely(condition, want, atom=atom, every=_every, some=_some)


def _every(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        a, b = parts
        return lambda values, now, granted: a(values, now, granted) and b(values, now, granted)

    def every(values: Mapping[str, object], now: int, granted: bool | None) -> bool:
        for part in parts:  # noqa: SIM110 - a loop costs half of what a generator does
            if not part(values, now, granted):
                return False
        return True

    return every


def _some(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        a, b = parts
        return lambda values, now, granted: a(values, now, granted) or b(values, now, granted)

    def some(values: Mapping[str, object], now: int, granted: bool | None) -> bool:
        for part in parts:  # noqa: SIM110 - a loop costs half of what a generator does
            if part(values, now, granted):
                return True
        return False

    return some


def _atom(sentence: Sentence, want: bool, remember: bool) -> Predicate:
    wanted = want is not sentence.comparison.negated
    base = sentence.comparison.base
    if base == "is_granted":
        return lambda _values, _now, granted: granted is wanted
    left, right = sentence.left, sentence.right
    if isinstance(left, Attribute) and isinstance(right, Attribute):
        return _between(sentence, left, right, wanted)
    test, attribute = _test(sentence)
    key = attribute.key
    if base in TIMED or not remember:
        return lambda values, now, _granted: test(values.get(key), now) is wanted
    seen: dict[Hashable, Truth] = {}

    def remembered(values: Mapping[str, object], now: int, _granted: bool | None) -> bool:
        raw = values.get(key)
        try:
            found = seen.get(raw, _MISSING)
        except TypeError:  # a list that is not a tuple
            return test(raw, now) is wanted
        if found is _MISSING:
            if len(seen) >= _REMEMBERED:
                seen.clear()
            found = seen[raw] = test(raw, now)
        return found is wanted

    return remembered


def _test(sentence: Sentence) -> tuple[_Test, Attribute]:
    """Returns the test of the one open side's raw value, and that side."""
    left, right = sentence.left, sentence.right
    base = sentence.comparison.base
    if isinstance(left, Attribute):
        if base == "is_stated":
            return lambda raw, _now: is_stated(left, raw), left
        read = reader(left)
        holds = BASES[base](right.values if isinstance(right, Given) else Values(()))

        def test_left(raw: object, now: int) -> Truth:
            values = read(raw)
            return None if values is None else holds(values, now)  # LANGUAGE 4

        return test_left, left
    if not isinstance(right, Attribute):
        raise TypeError("a sentence without an open side is a constant")
    read, given = reader(right), left.values

    def test_right(raw: object, now: int) -> Truth:
        values = read(raw)
        return None if values is None else BASES[base](values)(given, now)

    return test_right, right


def _between(sentence: Sentence, left: Attribute, right: Attribute, wanted: bool) -> Predicate:
    """Both sides are open: two attributes of the record compared with one another."""
    read_left, read_right = reader(left), reader(right)
    left_key, right_key, make = left.key, right.key, BASES[sentence.comparison.base]

    def between(values: Mapping[str, object], now: int, _granted: bool | None) -> bool:
        a, b = read_left(values.get(left_key)), read_right(values.get(right_key))
        return a is not None and b is not None and make(b)(a, now) is wanted

    return between


def moves_at(sentence: Sentence) -> tuple[str, int] | None:
    """Returns (key, offset): the sentence's truth changes when the clock reaches the attribute's value plus the offset. None when it does not move."""
    if sentence.comparison.base not in TIMED or not isinstance(sentence.left, Attribute):
        return None
    days = int(sentence.right.values.known[0]) if isinstance(sentence.right, Given) else 0
    return sentence.left.key, days * 86_400
