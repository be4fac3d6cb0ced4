"""Obligations, exhaustively: every single one, every pair and every triple, against a plain formula; their join; and bugs planted in it (LANGUAGE 11–17)."""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations_with_replacement, permutations, product
from typing import Any

import pytest

from policies import masks
from policies.expressions import FALSE, TRUE, join_all
from policies.obligations import NONE, Obligations, merge_masks

FIELDS = ("a", "b")
#: Variants of the test's record → what each is coarser than; `odd` stands apart, `round` and `trip` are each "coarser" than the other.
KNOWN = {
    "fine": frozenset[str](), "grid": frozenset({"fine"}), "county": frozenset({"grid"}), "odd": frozenset[str](), "round": frozenset({"trip"}),
    "trip": frozenset({"round"}),
}  # fmt: skip
COARSER = {"grid": {"fine"}, "county": {"fine", "grid"}, "round": {"trip"}, "trip": {"round"}}
STRICTNESS = {name: mask.strictness for name, mask in masks.MASKS.items()}
UNREADABLE = "from a newer version"


def _mask(**masked: str) -> Obligations:
    return Obligations(mask_sets={name: frozenset({mask}) for name, mask in masked.items()})


#: Every kind of obligation, as one constraint asks it.
SINGLE: dict[str, Obligations] = {
    "nothing": NONE,
    "hide a": Obligations(hidden=frozenset("a")),
    "hide ab": Obligations(hidden=frozenset("ab")),
    "show a": Obligations(shown=frozenset("a")),
    "show ab": Obligations(shown=frozenset("ab")),
    "show nothing": Obligations(shown=frozenset()),
    **{f"mask a {name}": _mask(a=name) for name in (*masks.MASKS, UNREADABLE)},
    "mask ab": _mask(a="year", b="month"),
    **{f"variant {name}": Obligations(named_variants=frozenset({name})) for name in (*KNOWN, "missing")},
    "rows never": Obligations(rows=FALSE),
    "cell 5": Obligations(smallest_cell=5),
    "cell 10": Obligations(smallest_cell=10),
    "no onward": Obligations(no_onward=True),
    "require grant": Obligations(require_grant=True),
    "unmet": Obligations(unmet=frozenset({"sign"})),
}
RECORD = Obligations(known_variants=KNOWN)


def combined(parts: Iterable[Obligations]) -> Obligations:
    out = RECORD
    for part in parts:
        out = out.joined(part)
    return out


def formula(names: Sequence[str]) -> dict[str, Any]:
    """What clauses 12–17 say of these obligations together: a plain formula over their names, apart from the join."""
    asked = set(names)
    hidden = {"a"} if asked & {"hide a", "hide ab", "show nothing"} else set[str]()
    if asked & {"hide ab", "show nothing", "show a"}:
        hidden.add("b")
    applied = {"a": {name.removeprefix("mask a ") for name in asked if name.startswith("mask a ")}, "b": set[str]()}
    if "mask ab" in asked:
        applied["a"].add("year")
        applied["b"].add("month")
    masked: dict[str, str] = {}
    for field, on in applied.items():
        top = max((STRICTNESS.get(mask, 0) for mask in on), default=0)
        strictest = [mask for mask in on if STRICTNESS.get(mask) == top]
        if UNREADABLE in on or len(strictest) > 1:
            hidden.add(field)
        elif strictest and field not in hidden:
            masked[field] = strictest[0]
    named = {name.removeprefix("variant ") for name in asked if name.startswith("variant ")}
    fitting = [v for v in named if v in KNOWN and all(other in COARSER.get(v, set()) for other in named - {v})]
    variant = fitting[0] if len(fitting) == 1 else None
    return {
        "hidden": hidden,
        "masks": masked,
        "variant": variant,
        "withheld": (bool(named) and variant is None) or "unmet" in asked,
        "cell": 10 if "cell 10" in asked else 5 if "cell 5" in asked else None,
        "rows": "rows never" not in asked,
        "onward": "no onward" not in asked,
        "grant": "require grant" in asked,
        "files": asked <= {"nothing", "cell 5", "cell 10", "no onward", "require grant"},
    }


def seen(obligations: Obligations) -> dict[str, Any]:
    """What a reader of the obligations sees."""
    return {
        "hidden": {field for field in FIELDS if obligations.field_hidden(field)},
        "masks": {field: mask for field in FIELDS if (mask := obligations.mask_for(field)) is not None},
        "variant": obligations.variant,
        "withheld": obligations.data_withheld,
        "cell": obligations.smallest_cell,
        "rows": obligations.row_filter is None,
        "onward": not obligations.no_onward,
        "grant": obligations.require_grant,
        "files": not obligations.files_opaque,
    }


def first_difference(size: int) -> tuple[str, ...] | None:
    """The first combination, in any order of the rules, on which the join and the formula disagree."""
    for names in combinations_with_replacement(SINGLE, size):
        expected = formula(names)
        for order in set(permutations(names)):
            if seen(combined(SINGLE[name] for name in order)) != expected:
                return order
    return None


def test_every_single_obligation_and_every_pair_follow_the_formula_in_any_order() -> None:
    assert first_difference(1) is None
    assert first_difference(2) is None


def test_every_triple_of_obligations_follows_the_formula_in_any_order() -> None:
    assert first_difference(3) is None


def test_joining_is_associative_idempotent_and_has_a_neutral_element() -> None:
    for a, b in product(SINGLE.values(), repeat=2):
        assert a.joined(b).joined(b) == a.joined(b)
        assert seen(RECORD.joined(a).joined(NONE)) == seen(RECORD.joined(a))
        for c in list(SINGLE.values())[::3]:
            assert seen(RECORD.joined(a.joined(b).joined(c))) == seen(RECORD.joined(a.joined(b.joined(c))))


def _strictness(view: dict[str, Any], field: str) -> int:
    return 1_000 if field in view["hidden"] else STRICTNESS.get(view["masks"].get(field, ""), 0)


def test_together_constraints_never_disclose_more_than_any_of_them_alone() -> None:
    for names in combinations_with_replacement(SINGLE, 3):
        together = seen(combined(SINGLE[name] for name in names))
        for name in names:
            alone = seen(combined([SINGLE[name]]))
            assert all(_strictness(together, field) >= _strictness(alone, field) for field in FIELDS), (names, name)
            assert all(together[key] <= alone[key] for key in ("rows", "onward", "files")), (names, name)
            assert together["withheld"] >= alone["withheld"] or together["variant"] is not None, (names, name)
            assert (together["cell"] or 0) >= (alone["cell"] or 0), (names, name)


# --- planted bugs --------------------------------------------------------------------------------------------------------------------------------


def _join(change: Callable[[Obligations, Obligations, Obligations], dict[str, Any]]) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        honest = Obligations.joined

        def mutated(self: Obligations, other: Obligations) -> Obligations:
            out = honest(self, other)
            return Obligations(**{**{f: getattr(out, f) for f in Obligations.__dataclass_fields__}, **change(self, other, out)})

        patch.setattr(Obligations, "joined", mutated)

    return plant


def _pair_by_pair(a: Obligations, b: Obligations, out: Obligations) -> dict[str, Any]:
    """Settles masks two at a time: two equally strict ones hide for good, even when a third is stricter than both. Depends on the order of rules."""
    merged = merge_masks(a.mask_sets, b.mask_sets)
    return {"hidden": out.hidden | {name for name, on in merged.items() if masks.strictest(on) == masks.HIDE}}


def _set(owner: Any, name: str, value: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(owner, name, value)


MUTANTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], int]] = {
    "masks are settled pair by pair": (_join(_pair_by_pair), 3),
    "the later mask wins": (_join(lambda a, b, out: {"mask_sets": {**a.mask_sets, **b.mask_sets}}), 2),
    "shows are united": (_join(lambda a, b, out: {"shown": (a.shown or frozenset()) | (b.shown or frozenset()) or None}), 2),
    "the smaller cell wins": (_join(lambda a, b, out: {"smallest_cell": min((n for n in (a.smallest_cell, b.smallest_cell) if n), default=None)}), 2),
    "onward sharing must be forbidden twice": (_join(lambda a, b, out: {"no_onward": a.no_onward and b.no_onward}), 1),
    "the later variant wins": (_join(lambda a, b, out: {"named_variants": b.named_variants or a.named_variants}), 2),
    "one row filter is enough": (_join(lambda a, b, out: {"rows": TRUE if TRUE in (a.rows, b.rows) else join_all((a.rows, b.rows))}), 1),
    "equally strict masks: one of them": (
        _set(Obligations, "hide", property(lambda self: self.hidden)), 2,
    ),
    "any coarser variant will do": (_set(Obligations, "variant", property(lambda self: min(self.named_variants, default=None))), 2),
    "only direct coarseness counts": (lambda patch: patch.setattr("policies.obligations._coarser", lambda name, known: known[name]), 2),
    "a mask leaves files whole": (_set(Obligations, "files_opaque", property(
        lambda self: self.row_filter is not None or bool(self.hidden or self.named_variants or self.unmet) or self.shown is not None)), 1),
    "show beats hide": (_set(Obligations, "field_hidden", lambda self, name: name not in self.shown if self.shown is not None else name in self.hide), 2),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_bug_in_obligations_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, size = MUTANTS[name]
    assert all(first_difference(n) is None for n in range(1, min(size, 2) + 1))
    plant(monkeypatch)
    assert any(first_difference(n) is not None for n in range(1, size + 1))
