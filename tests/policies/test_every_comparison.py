"""Every single comparison over every kind of value: definition = plan = plain formula = SQL, on each engine. And: bugs planted in any of them are found."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import and_, false, or_, true

from policies import comparisons, compile, sqlsides, values
from policies.comparisons import Test
from policies.values import Values
from tests.policies import engines
from tests.policies.every_comparison import Spoken, sentences, walk


def test_every_comparison_agrees_on_every_kind_of_value(db: engines.Database) -> None:
    found = walk(list(sentences()), db)
    assert found.differences == []
    assert found.compared > 85_000


def _spoken(*words: str) -> list[Spoken]:
    return [said for said in sentences() if said.sentence.comparison.words in words]


# --- mutants of the definition: each must differ from the plain formula ------------------------------------------------------------------------


def _base(name: str, mutate: Callable[[Callable[[Values], Test]], Callable[[Values], Test]]) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        mutated = {**comparisons.BASES, name: mutate(comparisons.BASES[name])}
        for module in ("policies.facts", "policies.predicates"):
            patch.setattr(f"{module}.BASES", mutated)

    return plant


def _forgetting_incomplete(make: Callable[[Values], Test]) -> Callable[[Values], Test]:
    """Takes an incomplete list for a whole one."""
    return lambda right: lambda left, now: make(Values(right.known))(Values(left.known), now)


def _raw_prefix(_make: Callable[[Values], Test]) -> Callable[[Values], Test]:
    """Compares divisions by text without zeros at the end: 519000 would cover 519100, 511000 would cover 511100."""

    def make(right: Values) -> Test:
        return lambda left, _now: all(any(str(part).startswith(str(whole).rstrip("0")) for whole in right.known) for part in left.known)

    return make


def _any_instead_of_all(_make: Callable[[Values], Test]) -> Callable[[Values], Test]:
    return lambda right: lambda left, now: any(comparisons.BASES["lies_within"](right)(Values((part,)), now) for part in left.known)


def _off_by_one(make: Callable[[Values], Test]) -> Callable[[Values], Test]:
    return lambda right: lambda left, now: make(right)(left, now - 1)


def _vacuous(_make: Callable[[Values], Test]) -> Callable[[Values], Test]:
    return lambda right: lambda left, _now: set(right.known) <= set(left.known)


def _one_direction(_make: Callable[[Values], Test]) -> Callable[[Values], Test]:
    return comparisons.BASES["covers"]


def _strict(_make: Callable[[Values], Test]) -> Callable[[Values], Test]:
    return comparisons.BASES["above"]


MUTANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], tuple[str, ...]]] = {
    "an incomplete list proves has none of": (_base("has_any", _forgetting_incomplete), ("has none of",)),
    "an incomplete list lies within": (_base("lies_within", _forgetting_incomplete), ("lies within",)),
    "an incomplete list does not touch": (_base("touches", _forgetting_incomplete), ("does not touch",)),
    "divisions compare by raw prefix": (_base("lies_within", _raw_prefix), ("lies within",)),
    "lies within means any": (_base("lies_within", _any_instead_of_all), ("lies within",)),
    "touches in one direction": (_base("touches", _one_direction), ("touches",)),
    "passed only after the second": (_base("has_passed", _off_by_one), ("has passed",)),
    "older only after the second": (_base("is_older_than", _off_by_one), ("is newer than",)),
    "at least means above": (_base("at_least", _strict), ("is at least",)),
    "has all of nothing": (_base("has_all", _vacuous), ("has all of",)),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_of_the_definition_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, words = MUTANTS[name]
    assert walk(_spoken(*words), None).differences == []
    plant(monkeypatch)
    assert walk(_spoken(*words), None, stop_at=1).differences


def test_mutant_that_tells_withheld_from_absent_wrongly_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("policies.facts", "policies.predicates"):
        monkeypatch.setattr(f"{module}.is_stated", lambda attribute, raw: values.reader(attribute)(raw) is not None)
    assert walk(_spoken("is stated"), None, stop_at=1).differences


# --- mutants of the SQL: each must differ on each engine ---------------------------------------------------------------------------------------


def _clause(name: str, make: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(compile, "_SQL", {**compile._SQL, name: make(compile._SQL[name])})

    return plant


def _property(side: type, name: str, value: Callable[[Any], Any]) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(side, name, property(value))


SQL_MUTANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], tuple[str, ...]]] = {
    "one rail serves both": (_clause("is_one_of", lambda _f: lambda a, b, want, now: sqlsides.words_meet(a, b)), ("is not",)),
    "not means the complement, NULL included": (
        _clause("is_one_of", lambda f: lambda a, b, want, now: f(a, b, True, now) if want else sqlsides.negated(f(a, b, True, now))), ("is not",),
    ),
    "an incomplete list is whole": (_property(sqlsides.Many, "complete", lambda _self: true()), ("has none of",)),
    "an empty list lies within": (_property(sqlsides.Many, "empty", lambda _self: false()), ("lies within",)),
    "foreign codes compare": (
        _clause("is_one_of", lambda f: lambda a, b, want, now: f(a, b, want, now) if want else and_(a.column.is_not(None), a.column.not_in(b.texts))
                if isinstance(a, sqlsides.Scalar) and isinstance(b, sqlsides.Value) else f(a, b, want, now)), ("is not",),
    ),
    "the clock is one second early": (_clause("has_passed", lambda f: lambda a, b, want, now: f(a, b, want, now + 1)), ("has passed",)),
    "touches covers only downward": (lambda patch: patch.setattr(compile, "_SQL", {**compile._SQL, "touches": compile._SQL["covers"]}), ("touches",)),
    "withheld counts as not stated": (
        lambda patch: patch.setattr(compile, "_stated", lambda operand, columns, want: sqlsides.negated(sqlsides.side_of(operand, columns).present)
                                    if not want else sqlsides.side_of(operand, columns).present), ("is not stated",),
    ),
    "spellings of a division differ": (lambda patch: patch.setattr(sqlsides, "spellings", lambda code: (code,)), ("covers", "has any of")),
    "any of no words": (lambda patch: patch.setattr(sqlsides, "_holds_one_of", lambda side, words: or_(true())), ("has any of",)),
}  # fmt: skip


@pytest.mark.parametrize("name", SQL_MUTANTS)
def test_mutant_of_the_sql_is_caught(name: str, db: engines.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, words = SQL_MUTANTS[name]
    spoken = [said for said in _spoken(*words) if str(said.plain[0]).startswith("record.")][:120]
    sqlsides._covering.cache_clear()
    plant(monkeypatch)
    try:
        assert walk(spoken, db, stop_at=1).differences
    finally:
        sqlsides._covering.cache_clear()
