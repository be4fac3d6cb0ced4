"""Row batches as they travel (PROTOCOL 5): every reader's share proves itself, and nothing forged, moved, doubled or left out does."""

import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.canonical import b64, dumps
from catalog.ids import mint_id
from sync.errors import BatchError
from sync.rows import MAX_BYTES, MAX_ROWS, RowsHead, make_head, parse_head, row_leaf, rows_root, verify_rows

ID = mint_id("n-" + "a" * 32, bytes(16))


class Made:
    """A batch as the authority makes it: three rows put, one removed."""

    def __init__(self, puts: int = 3, removes: int = 1, **changes: Any) -> None:
        keys = [dumps([f"k{n:04}"]).decode() for n in range(puts + removes)]
        salts = [secrets.token_bytes(16) for _ in keys]
        self.rows = {key: dumps({"depth": "12.5", "name": f"井{n}"}).decode() for n, key in enumerate(keys[:puts])}
        self.salts = dict(zip(keys, salts, strict=True))
        self.ordered = sorted(keys, key=str.encode)
        self.leaves = {key: row_leaf(self.salts[key], self.rows.get(key, key)) for key in keys}
        values = {"id": ID, "variant": "", "seq": 1, "prev": None, "count": len(keys), "root": rows_root(self.leaves[key] for key in self.ordered)}
        self.head: RowsHead = parse_head(make_head(**{**values, **changes}))

    def share(self, shown: set[str], left: set[str] = frozenset()) -> tuple[list[Any], list[Any], list[Any]]:  # type: ignore[assignment]
        put = [[b64(self.salts[key]), key, row] for key, row in self.rows.items() if key in shown]
        remove: list[Any] = [[b64(self.salts[key]), key] for key in self.ordered if key not in self.rows and key in shown]
        remove += [[None, key] for key in left]
        holes = [[place, b64(self.leaves[key])] for place, key in enumerate(self.ordered) if key not in shown]
        return put, remove, holes


def refused(head: RowsHead, put: Any, remove: Any, holes: Any) -> str:
    with pytest.raises(BatchError) as error:
        verify_rows(head, put, remove, holes)
    assert error.value.zh and error.value.kind == "rows"
    return error.value.clause


@given(st.integers(0, 12), st.integers(0, 4), st.data())
def test_every_share_of_a_batch_proves_itself(puts: int, removes: int, data: st.DataObject) -> None:
    # PROTOCOL 5.1
    made = Made(puts, removes)
    shown = data.draw(st.sets(st.sampled_from(made.ordered))) if made.ordered else set()
    hidden = sorted(set(made.ordered) - shown)
    left = data.draw(st.sets(st.sampled_from(hidden))) if hidden else set()
    found = verify_rows(made.head, *made.share(shown, left))
    assert {key for key, _, _ in found.puts} == shown & set(made.rows)
    assert {key for key, _ in found.removes} == (shown - set(made.rows)) | left
    assert list(found.leaves) == [made.leaves[key] for key in made.ordered]


def test_forged_altered_moved_doubled_and_missing_rows_are_refused() -> None:
    made = Made()
    put, remove, holes = made.share(set(made.ordered))
    salt, key, row = put[0]
    assert refused(made.head, [[salt, key, row.replace("12.5", "13.5")], *put[1:]], remove, holes) == "5.1"
    assert refused(made.head, [[b64(bytes(16)), key, row], *put[1:]], remove, holes) == "5.1"
    assert refused(made.head, [[salt, key, put[1][2]], [put[1][0], put[1][1], row], put[2]], remove, holes) == "5.1"
    assert refused(made.head, put[1:], remove, holes) == "5.1"
    assert refused(made.head, [*put, put[0]], remove, holes) == "5.4"
    assert refused(made.head, put, [], holes) == "5.1"
    assert refused(made.head, put, [[b64(bytes(16)), remove[0][1]]], holes) == "5.1"
    assert refused(made.head, put, remove, [[0, b64(made.leaves[key])]]) == "5.1"
    assert refused(made.head, put, [*remove, [None, key]], holes) == "5.4"
    assert refused(made.head, put, [*remove, [None, '["z"]'], [None, '["z"]']], holes) == "5.4"


def test_removal_cannot_pass_for_a_row_nor_a_row_for_a_removal() -> None:
    made = Made(1, 1)
    (salt, key, row), gone = made.share(set(made.ordered))[0][0], made.share(set(made.ordered))[1][0]
    assert refused(made.head, [[salt, key, row], [gone[0], gone[1], gone[1]]], [], []) == "5.3"
    assert refused(made.head, [], [gone, [salt, key]], []) == "5.1"


@pytest.mark.parametrize("holes", [[[5, "x"]], [[-1, "H"]], [[0, "H"], [0, "H"]], [[1, "H"], [0, "H"]], [[0, "AA"]], [[True, "H"]]])
def test_holes_out_of_place_are_refused(holes: list[Any]) -> None:
    made = Made(2, 0)
    leaf = b64(bytes(32))
    put, _, _ = made.share(set(made.ordered[: 2 - len(holes)]))
    assert refused(made.head, put, [], [[place, leaf if text == "H" else text] for place, text in holes]) == "5.1"


@pytest.mark.parametrize(
    "row", ['{"a":1.5}', '{"b":1,"a":2}', '{"A":1}', '{"a":null}', "[]", "5", "", "{", '{"a":1,"a":2}', '{"a": 1}', '{"1a":1}', '{"a":"\\ud800"}']
)
def test_row_that_is_not_canonical_is_refused(row: str) -> None:
    # PROTOCOL 5.3
    made = Made(1, 0)
    put = made.share(set(made.ordered))[0]
    assert refused(made.head, [[put[0][0], put[0][1], row]], [], []) == "5.3"


@pytest.mark.parametrize("key", ["[]", '[ "k"]', '["k",null]', '[["k"]]', '[{"k":1}]', "k", "", "{}", "[1.5]"])
def test_key_that_is_not_canonical_is_refused(key: str) -> None:
    # PROTOCOL 5.3
    made = Made(1, 0)
    put = made.share(set(made.ordered))[0]
    assert refused(made.head, [[put[0][0], key, put[0][2]]], [], []) == "5.3"
    assert refused(made.head, put, [[None, key]], []) == "5.3"


def test_batch_over_its_limits_is_refused() -> None:
    # PROTOCOL 5.4
    with pytest.raises(BatchError):
        Made(MAX_ROWS + 1, 0)
    made = Made(1, 0)
    big = [[b64(bytes(16)), '["k"]', dumps({"a": "x" * MAX_BYTES}).decode()]]
    assert refused(made.head, big, [], []) == "5.4"
    assert refused(made.head, [], [[None, f'["{n}"]'] for n in range(2 * MAX_ROWS + 1)], []) == "5.4"


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 0},
        {"seq": 2},
        {"seq": 1, "prev": b64(bytes(32))},
        {"variant": "A b"},
        {"variant": "x" * 65},
        {"id": "urn:x"},
        {"count": -1},
        {"seq": 2, "prev": "AA"},
        {"base": True},
    ],
)
def test_head_out_of_bounds_is_refused(changes: dict[str, Any]) -> None:
    # PROTOCOL 5.1
    with pytest.raises(BatchError) as error:
        Made(1, 0, **changes)
    assert error.value.clause == "5.1"


def test_heads_follow_one_another_by_digest() -> None:
    first = Made().head
    second = Made(seq=2, prev=first.digest).head
    assert (second.seq, second.prev) == (2, first.digest)
    assert Made(seq=2, prev=second.digest, base=True).head.base


@given(st.text(max_size=120) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_any_text_gives_a_head_or_a_batch_error(text: str) -> None:
    with pytest.raises(BatchError):
        parse_head(text)
    with pytest.raises(BatchError):
        parse_head(dumps({"base": text.replace("\0", "0"), "count": 0, "id": ID, "prev": None, "root": b64(bytes(32)), "seq": 1, "variant": ""}).decode())
