"""The SQL of a filter equals its definition: three-valued, evaluated in plain Python, on random trees and both engines."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Engine, Integer, MetaData, Table, Text, create_engine, insert, select
from sqlalchemy.types import Float

from catalog.errors import FilterError, UnknownColumnError
from catalog.filter_sql import FilterColumn, FilterColumns, compile_where
from catalog.filters import And, Between, Compare, Expr, In, IsNull, Like, Moment, Not, Or, Temporal, check_size, conjuncts, fold

TEXTS = [None, "", "a", "A", "ab", "aB", "地质", "a%b", "a_b", "a*b", "[x]", "\\"]
NUMBERS = [None, -1, 0, 1, 2]
DAYS = [None, "2024-01-01", "2024-01-02", "2024-01-03"]
TIMES = [None, 0, 86_399, 86_400, 100_000]
ROWS = [{"id": i, "t": TEXTS[i % len(TEXTS)], "n": NUMBERS[i % len(NUMBERS)], "d": DAYS[i % len(DAYS)], "at": TIMES[(i // 5) % len(TIMES)]} for i in range(120)]
_table = Table(
    "terrace_filter_rows",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("t", Text(collation="C").with_variant(Text(), "sqlite")),
    Column("n", Float),
    Column("d", Text),
    Column("at", Integer),
)
COLUMNS = FilterColumns(
    {
        "t": FilterColumn(_table.c.t, "text"),
        "n": FilterColumn(_table.c.n, "number"),
        "d": FilterColumn(_table.c.d, "date"),
        "at": FilterColumn(_table.c.at, "datetime"),
    }
)
DAY_SECONDS = {"2024-01-01": 1_704_067_200, "2024-01-02": 1_704_153_600, "2024-01-03": 1_704_240_000}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    url = "sqlite://" if request.param == "sqlite" else os.environ.get("TERRACE_TEST_POSTGRESQL")
    if not url:
        pytest.skip("TERRACE_TEST_POSTGRESQL names no server")
    made = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with made.begin() as conn:
        _table.drop(conn, checkfirst=True)
        _table.create(conn)
        conn.execute(insert(_table), ROWS)
    yield made
    with made.begin() as conn:
        _table.drop(conn)
    made.dispose()


def selected(engine: Engine, expr: Expr) -> list[int]:
    with engine.connect() as conn:
        return list(conn.execute(select(_table.c.id).where(compile_where(expr, COLUMNS)).order_by(_table.c.id)).scalars())


def truth(expr: Expr, row: dict[str, object]) -> bool | None:
    """The definition, for one row; None is unknown."""
    if isinstance(expr, Not):
        inner = truth(expr.part, row)
        return None if inner is None else not inner
    if isinstance(expr, And | Or):
        found = {truth(part, row) for part in expr.parts}
        deciding = isinstance(expr, Or)
        return deciding if deciding in found else None if None in found else not deciding
    if isinstance(expr, IsNull):
        return row[expr.column] is None
    value = row[expr.column]
    if value is None:
        return None
    if isinstance(expr, Between):
        return expr.low <= value <= expr.high  # type: ignore[operator]
    if isinstance(expr, In):
        return value in expr.values
    if isinstance(expr, Like):
        return like(expr.pattern.lower() if expr.fold else expr.pattern, str(value).lower() if expr.fold else str(value))
    if isinstance(expr, Temporal):
        return temporal(expr, value)
    left, right = (value, expr.value)
    if expr.fold:
        left, right = str(left).lower(), str(right).lower()
    return {"=": left == right, "<>": left != right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[expr.op]  # type: ignore[operator]


def like(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(pattern[1:], text[i:]) for i in range(len(text) + 1))
    literal = pattern[1] if pattern[0] == "\\" and len(pattern) > 1 else pattern[0]
    rest = pattern[2:] if pattern[0] == "\\" and len(pattern) > 1 else pattern[1:]
    return bool(text) and (pattern[0] == "_" or text[0] == literal) and like(rest, text[1:])


def temporal(expr: Temporal, value: object) -> bool:
    if isinstance(value, str):
        instant, start, end = DAY_SECONDS[value], expr.start and expr.start.seconds // 86_400 * 86_400, expr.end and expr.end.seconds // 86_400 * 86_400
    else:
        assert isinstance(value, int)
        instant, start, end = value, expr.start and expr.start.seconds, expr.end and expr.end.end
    low, high = -(10**12) if start is None else start, 10**12 if end is None else end
    return {
        "before": instant < low,
        "after": instant > high,
        "intersects": low <= instant <= high,
        "disjoint": not low <= instant <= high,
        "during": low < instant < high,
        "equals": expr.start == expr.end and expr.start is not None and low <= instant <= high,
    }[expr.op]


texts = st.sampled_from([t for t in TEXTS if t is not None])
numbers = st.sampled_from([-1, 0, 0.5, 1, 2])
moments = st.one_of(
    st.none(),
    st.sampled_from([Moment(0), Moment(0, True), Moment(86_400), Moment(100_000), Moment(1_704_153_600, True), Moment(1_704_153_600)]),
)
operators = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
atoms: st.SearchStrategy[Expr] = st.one_of(
    st.builds(Compare, st.just("n"), operators, numbers),
    st.builds(Compare, st.just("t"), operators, texts),
    st.builds(Compare, st.just("t"), st.sampled_from(["=", "<>"]), texts, st.just(True)),
    st.builds(Like, st.just("t"), st.text("aAbB%_\\*[]地", max_size=4).filter(lambda p: not p.endswith("\\")), st.booleans()),
    st.builds(Between, st.just("n"), numbers, numbers),
    st.builds(In, st.just("t"), st.lists(texts, max_size=3).map(tuple)),
    st.builds(IsNull, st.sampled_from(["t", "n", "d"])),
    st.builds(Temporal, st.sampled_from(["before", "after", "intersects", "disjoint", "during", "equals"]), st.sampled_from(["d", "at"]), moments, moments),
)


def _branches(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, inner), st.builds(And, parts), st.builds(Or, parts))


trees = st.recursive(atoms, _branches, max_leaves=8)


@given(expr=trees)
@settings(max_examples=400, deadline=None)
def test_sql_is_true_exactly_where_the_definition_is(engine: Engine, expr: Expr) -> None:
    assert selected(engine, expr) == [row["id"] for row in ROWS if truth(expr, row) is True]


@given(expr=trees)
@settings(max_examples=200, deadline=None)
def test_fold_over_sets_equals_the_definition(expr: Expr) -> None:
    def leaf(node: Expr) -> tuple[frozenset[int], frozenset[int]]:
        found = {i: truth(node, row) for i, row in enumerate(ROWS)}
        return frozenset(i for i, t in found.items() if t is True), frozenset(i for i, t in found.items() if t is False)

    is_true, is_false = fold(expr, leaf)
    assert is_true == {i for i, row in enumerate(ROWS) if truth(expr, row) is True}
    assert is_false == {i for i, row in enumerate(ROWS) if truth(expr, row) is False}


def test_a_date_against_an_instant_column_means_the_whole_day(engine: Engine) -> None:
    day = Moment(0, True)
    at = {op: {ROWS[i]["at"] for i in selected(engine, Compare("at", op, day))} for op in ("=", "<>", "<=", ">")}  # type: ignore[arg-type]
    assert at == {"=": {0, 86_399}, "<>": {86_400, 100_000}, "<=": {0, 86_399}, ">": {86_400, 100_000}}
    assert {ROWS[i]["at"] for i in selected(engine, In("at", (day,)))} == {0, 86_399}


def test_a_hidden_column_and_one_that_does_not_exist_fail_with_the_same_words() -> None:
    for name in ("hidden", "nonsense"):
        with pytest.raises(UnknownColumnError) as caught:
            compile_where(Compare(name, "=", 1), COLUMNS)
        assert str(caught.value).replace(name, "X") == "no such column: 'X'"


MISFITS = [
    Compare("n", "=", "1"),
    Compare("t", "=", 1),
    Compare("n", "=", True),
    Compare("d", "=", 5),
    Like("n", "a"),
    Compare("n", "=", float("nan")),
    Compare("n", "=", 2**80),
    Compare("t", "=", "a\x00b"),
    Compare("t", "=", "\ud800"),
    Temporal("after", "t", None, Moment(0)),
    Like("t", "a" * 500),
    Like("t", "%a" * 9),
]


@pytest.mark.parametrize("expr", MISFITS)
def test_a_value_that_does_not_fit_is_refused_before_the_engine_sees_it(expr: Expr) -> None:
    with pytest.raises(FilterError):
        compile_where(expr, COLUMNS)


def test_attack_deep_and_wide_trees_are_refused() -> None:
    deep: Expr = IsNull("t")
    for _ in range(3000):
        deep = Not(deep)
    for expr in (deep, Or(tuple(IsNull("t") for _ in range(5000))), In("t", tuple("x" for _ in range(5000)))):
        with pytest.raises(FilterError, match="too complex"):
            check_size(expr)


def test_conjuncts_flatten_nested_ands_only() -> None:
    a, b, c = IsNull("t"), IsNull("n"), IsNull("d")
    assert conjuncts(And((a, And((b, Or((c, a))))))) == [a, b, Or((c, a))]
    assert conjuncts(None) == []
