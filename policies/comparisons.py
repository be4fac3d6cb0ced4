"""The definition of every comparison, in three values: True, False, and None for unknown.

Each base comparison of the vocabulary is one function here that takes the right side and returns a test of the left side; the opposite wording is its
negation. The evaluator and the disclosure plans use these same tests; the compiler writes them again in SQL and is held to them by the tests. Both sides
are present when a test runs: a sentence with an absent side never gets here (LANGUAGE 4). An incomplete list (`Values.complete` is False) holds at least one
member that cannot be read and that might be anything (LANGUAGE 5).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from policies.divisions import significant
from policies.values import Values

type Truth = bool | None
type Test = Callable[[Values, int], Truth]

DAY = 86_400


def _is_one_of(right: Values) -> Test:
    words = frozenset(right.known)

    def test(left: Values, _now: int) -> Truth:
        if left.known[0] in words:
            return True
        return False if right.complete else None

    return test


def _has_any(right: Values) -> Test:
    words = frozenset(right.known)

    def test(left: Values, _now: int) -> Truth:  # LANGUAGE 7: any member
        if not words.isdisjoint(left.known):
            return True
        return False if left.complete and right.complete else None  # LANGUAGE 5: never "has none of"

    return test


def _has_all(right: Values) -> Test:
    words = frozenset(right.known)

    def test(left: Values, _now: int) -> Truth:
        if right.complete and not words:
            return False  # LANGUAGE 6: needs a right side that is not empty
        missing = not words.issubset(left.known)
        if missing and left.complete:
            return False
        return None if missing or not right.complete else True

    return test


def _is_empty(_right: Values) -> Test:
    def test(left: Values, _now: int) -> Truth:
        if left.known:
            return False
        return True if left.complete else None

    return test


def _lies_within(right: Values) -> Test:
    wholes = tuple(significant(str(code)) for code in right.known)

    def test(left: Values, _now: int) -> Truth:  # LANGUAGE 7: all members
        if not left.known and left.complete:
            return False  # LANGUAGE 6: needs a member
        inside = all(str(code).startswith(wholes) for code in left.known)
        if not inside and right.complete:
            return False
        return True if inside and left.complete else None

    return test


def _touches(right: Values) -> Test:
    wholes = tuple(significant(str(code)) for code in right.known)

    def test(left: Values, _now: int) -> Truth:  # LANGUAGE 8: in either direction
        for code in map(str, left.known):
            whole = significant(code)
            if code.startswith(wholes) or any(str(other).startswith(whole) for other in right.known):
                return True
        return False if left.complete and right.complete else None

    return test


def _covers(right: Values) -> Test:
    def test(left: Values, _now: int) -> Truth:  # LANGUAGE 7: any member covers any; LANGUAGE 8: itself included
        wholes = tuple(significant(str(code)) for code in left.known)
        if any(str(code).startswith(wholes) for code in right.known):
            return True
        return False if left.complete and right.complete else None

    return test


def _number(values: Values) -> int:
    return int(values.known[0])


def _at_least(right: Values) -> Test:
    least = _number(right)
    return lambda left, _now: _number(left) >= least


def _above(right: Values) -> Test:
    most = _number(right)
    return lambda left, _now: _number(left) > most


def _has_passed(_right: Values) -> Test:
    return lambda left, now: now >= _number(left)  # LANGUAGE 9: passed at t means now ≥ t


def _is_older_than(right: Values) -> Test:
    age = _number(right) * DAY
    return lambda left, now: now - age >= _number(left)


def _is_yes(_right: Values) -> Test:
    return lambda left, _now: left.known[0] == 1


#: Base comparison → its definition. `is_stated` and `is_granted` are about presence and grants, not about values: see policies.evaluate.
BASES: Mapping[str, Callable[[Values], Test]] = MappingProxyType(
    {
        "is_one_of": _is_one_of,
        "has_any": _has_any,
        "has_all": _has_all,
        "is_empty": _is_empty,
        "lies_within": _lies_within,
        "touches": _touches,
        "covers": _covers,
        "at_least": _at_least,
        "above": _above,
        "has_passed": _has_passed,
        "is_older_than": _is_older_than,
        "is_from": _at_least,
        "is_yes": _is_yes,
    }
)
#: Bases whose truth moves with the clock.
TIMED = frozenset({"has_passed", "is_older_than"})
