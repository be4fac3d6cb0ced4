"""Masks and small cells: what is left of a value, and what a reader could still work out."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.cells import suppress, suppress_table
from policies.masks import HIDE, MASKS, apply, strictest

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=40) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["zh", "en", "x"]), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([*MASKS, "from a newer version"]), VALUES)
def test_a_mask_never_fails_keeps_the_shape_and_never_gives_the_whole_text(name: str, value: Any) -> None:
    masked = apply(name, value)
    if isinstance(value, dict):
        assert isinstance(masked, dict) and masked.keys() == value.keys()
    elif isinstance(value, list):
        assert isinstance(masked, list) and len(masked) == len(value)
    else:
        assert masked is None or isinstance(masked, str)
        if isinstance(value, str) and name in ("surname", "last4", "first6", "none") and value:
            assert masked != value
    if name not in MASKS or name == "none":
        assert masked is None or isinstance(value, (dict, list))


def test_masks_by_example() -> None:
    expected = {
        ("surname", "王小明"): "王**", ("surname", " "): None, ("last4", "510107199001011234"): "**************1234", ("last4", "1234"): None,
        ("first6", "510107199001011234"): "510107************", ("first6", "5101"): None, ("month", "2026-05-17"): "2026-05", ("month", "2026"): None,
        ("year", "2026-05-17T08:00:00Z"): "2026", ("year", "17 May"): None, ("hundreds", "12345.67"): "12300", ("thousands", -12345): "-12000",
        ("thousands", "-999"): "0", ("thousands", "1e5"): None, ("none", "x"): None,
    }  # fmt: skip
    assert {(mask, value): apply(mask, value) for mask, value in expected} == expected


@given(st.sets(st.sampled_from([*MASKS, "unknown"]), min_size=1))
def test_the_strictest_mask_depends_on_the_set_alone(names: set[str]) -> None:
    found = strictest(sorted(names))
    assert found == strictest(sorted(names, reverse=True)) == strictest([*names, *names])
    if found != HIDE:
        assert all(MASKS[found].strictness > MASKS[other].strictness for other in names - {found})


COUNTS = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(0, 60), max_size=9)


@given(COUNTS, st.integers(2, 20))
def test_what_is_suppressed_cannot_be_worked_out_from_the_total(counts: dict[str, int], smallest: int) -> None:
    shown = suppress(counts, smallest)
    hidden = {key for key, count in shown.items() if count is None}
    assert all(count is None or count == 0 or count >= smallest for count in shown.values())
    assert all(shown[key] in (None, counts[key]) for key in counts) and shown.keys() == counts.keys()
    assert not hidden or len(hidden) == len(counts) or (len(hidden) >= 2 and sum(counts[key] for key in hidden) >= smallest)
    assert suppress(counts, None) == counts
    alone = suppress(counts, smallest, total_shown=False)
    assert {key for key, count in alone.items() if count is None} == {key for key, count in counts.items() if 0 < count < smallest}


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=2, max_size=4), st.integers(2, 15))
def test_no_row_or_column_of_a_table_gives_a_cell_away(rows: list[list[int]], smallest: int) -> None:
    counts = {(r, c): count for r, row in enumerate(rows) for c, count in enumerate(row)}
    shown = suppress_table(counts, smallest)
    for axis in (0, 1):
        for line in {key[axis] for key in counts}:
            cells = [key for key in counts if key[axis] == line]
            hidden = [key for key in cells if shown[key] is None]
            assert not hidden or len(hidden) == len(cells) or (len(hidden) >= 2 and sum(counts[key] for key in hidden) >= smallest)
    assert suppress_table(counts, None) == counts
