"""What a permission obliges to: fields, masks, variant, rows, cells, onward sharing, grants (LANGUAGE 11–17).

Obligations form a join: together they never disclose more than any one of them alone, the order of rules never matters, and joining with oneself changes
nothing. They are kept as what was *named* (sets) and settled on reading, so that two of them can be joined (LANGUAGE 20) without losing anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from policies.expressions import TRUE, Condition, join_all
from policies.masks import HIDE, strictest

_NO_MASKS: Mapping[str, frozenset[str]] = MappingProxyType({})


@dataclass(frozen=True, eq=True)
class Obligations:
    """Everything that the constraints of one decision ask.

    Attributes:
        hidden: Fields and columns that were named to be hidden.
        shown: The only fields that may be shown; None when nothing was said.
        mask_sets: Field → every mask that applies to it.
        named_variants: Variants that were named.
        known_variants: The record's variants: name → names that it is coarser than. None when the record says nothing of variants.
        rows: Condition that a row must surely meet, over `row.*` alone; `TRUE` when every row passes (LANGUAGE 11).
        smallest_cell: Smallest count that statistics may show; None when nothing was said.
        no_onward: Whether the receiver must not pass it on.
        require_grant: Whether an active grant was asked for (its absence has already denied, LANGUAGE 16).
        unmet: Obligations of the record's terms that this version does not know or cannot meet: the data are withheld.
    """

    hidden: frozenset[str] = frozenset()
    shown: frozenset[str] | None = None
    mask_sets: Mapping[str, frozenset[str]] = _NO_MASKS
    named_variants: frozenset[str] = frozenset()
    known_variants: Mapping[str, frozenset[str]] | None = None
    rows: Condition = TRUE
    smallest_cell: int | None = None
    no_onward: bool = False
    require_grant: bool = False
    unmet: frozenset[str] = frozenset()

    @cached_property
    def masks(self) -> Mapping[str, str]:
        """Field → the mask that holds, for the fields that are masked and not hidden (LANGUAGE 12)."""
        settled = {name: strictest(masks) for name, masks in self.mask_sets.items()}
        return MappingProxyType({name: mask for name, mask in settled.items() if mask != HIDE and name not in self.hidden})

    @cached_property
    def hide(self) -> frozenset[str]:
        """Fields that are hidden: named so, or under two equally strict masks (LANGUAGE 12)."""
        return self.hidden | {name for name, masks in self.mask_sets.items() if strictest(masks) == HIDE}

    @property
    def show(self) -> frozenset[str] | None:
        return self.shown

    def field_hidden(self, name: str) -> bool:
        """Returns whether a field or column is left out: hidden, or not among those shown (LANGUAGE 12: hide beats mask beats show)."""
        return name in self.hide or (self.shown is not None and name not in self.shown)

    def mask_for(self, name: str) -> str | None:
        """Returns the mask of a field that is not left out, or None."""
        return None if self.field_hidden(name) else self.masks.get(name)

    @cached_property
    def variant(self) -> str | None:
        """The variant to serve in place of the data: the one coarser than all others named (LANGUAGE 13); None when none was named or none is."""
        known = self.known_variants or {}
        fitting = [name for name in self.named_variants if name in known and self.named_variants - {name} <= _coarser(name, known)]
        return fitting[0] if len(fitting) == 1 else None

    @property
    def data_withheld(self) -> bool:
        """Whether rows and files are withheld altogether: no variant is narrow enough (LANGUAGE 13), or the terms ask what cannot be met (LANGUAGE 18)."""
        return bool(self.unmet) or (bool(self.named_variants) and self.variant is None)

    @property
    def row_filter(self) -> Condition | None:
        """Condition over `row.*` that a row must surely meet; None when every row passes."""
        return None if self.rows == TRUE else self.rows

    @property
    def files_opaque(self) -> bool:
        """Whether the original files are withheld, since a file cannot be filtered (LANGUAGE 17); a published variant may be served."""
        return self.row_filter is not None or bool(self.hidden or self.mask_sets or self.named_variants or self.unmet) or self.shown is not None

    def joined(self, other: "Obligations") -> "Obligations":
        """Returns what meets both (LANGUAGE 20)."""
        return Obligations(
            hidden=self.hidden | other.hidden,
            shown=other.shown if self.shown is None else self.shown if other.shown is None else self.shown & other.shown,
            mask_sets=merge_masks(self.mask_sets, other.mask_sets),
            named_variants=self.named_variants | other.named_variants,
            known_variants=_both(self.known_variants, other.known_variants),
            rows=join_all((self.rows, other.rows)),
            smallest_cell=max((n for n in (self.smallest_cell, other.smallest_cell) if n is not None), default=None),  # LANGUAGE 14: the maximum
            no_onward=self.no_onward or other.no_onward,  # LANGUAGE 15: once is enough
            require_grant=self.require_grant or other.require_grant,
            unmet=self.unmet | other.unmet,
        )


#: What a permission without constraints obliges to.
NONE = Obligations()


def merge_masks(*sets: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
    """Returns field → every mask that one of the sets puts on it (LANGUAGE 12)."""
    out: dict[str, frozenset[str]] = {}
    for masks in sets:
        for name, applied in masks.items():
            out[name] = out.get(name, frozenset()) | applied
    return MappingProxyType(out)


def _both(a: Mapping[str, frozenset[str]] | None, b: Mapping[str, frozenset[str]] | None) -> Mapping[str, frozenset[str]] | None:
    if a is None or b is None:
        return a if b is None else b
    return {name: a[name] & b[name] for name in a.keys() & b.keys()}


def _coarser(name: str, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Returns every variant that `name` is coarser than, at once or through others. In a circle nothing is coarser than itself."""
    seen: set[str] = set()
    ahead = list(known[name])
    while ahead:
        other = ahead.pop()
        if other not in seen:
            seen.add(other)
            ahead.extend(known.get(other, ()))
    return frozenset(seen - {name})
