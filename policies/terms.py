"""Terms that travel with a record (LANGUAGE 18): audience, purposes, expiry, onward sharing, obligations.

Terms are locked denies and constraints; they never allow. The denies are ordinary rules in `terms.yaml`, beside this module, which every set of policies
holds and no site can leave out; they compare attributes that `attributes_of_terms` takes from the manifest. The obligations are read here. Rules:

* Absent terms: free for a site's own records, no onward sharing for received ones.
* What is stated but cannot be read closes: an audience without readable members is nobody, a time that is none has passed.
* An obligation that this version does not know withholds rows and files: it cannot be met, so it is not ignored.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from policies.divisions import is_code, normalise
from policies.obligations import NONE, Obligations
from policies.vocabulary import ACTIONS, closure_up


def attributes_of_terms(terms: Mapping[str, object] | None) -> dict[str, object]:
    """Returns the record attributes that a manifest's terms give: `audience`, `audience_nodes`, `purposes`, `terms_expire`, `onward`.

    Args:
        terms: The manifest's `terms` object, or None.
    """
    terms = terms or {}
    audience, purposes, onward = terms.get("audience"), terms.get("purposes"), terms.get("onward")
    stated = audience is not None
    members = audience if isinstance(audience, Mapping) else {}
    return {
        "audience": tuple(normalise(code).code for code in _texts(members.get("divisions")) if is_code(code)) if stated else None,
        "audience_nodes": _texts(members.get("nodes")) if stated else None,
        "purposes": None if purposes is None else _texts(purposes) if isinstance(purposes, (list, tuple)) else _NO_PURPOSE,
        "terms_expire": _seconds(terms.get("until")),
        "onward": onward if isinstance(onward, bool) else None,
    }


#: Stands for purposes that cannot be read: nobody's purpose is among them.
_NO_PURPOSE = ("?",)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else ()


def _seconds(value: object) -> int | None:
    """Reads a time; one that cannot be read counts as long past, so that it closes."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(datetime.fromisoformat(str(value)).astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return 0


def obligations_of_terms(terms: object, action: str) -> Obligations:
    """Returns what the obligations in a record's terms ask for an action.

    An obligation is an object with `on` (action, `data` unless said) and any of `hide`, `show` (lists of fields), `mask` (field → mask), `variant`,
    `smallest_cell`, `no_onward`. What is asked of an action is asked of those that need it (LANGUAGE 3).

    Args:
        terms: The manifest's `terms` object, or None.
        action: Action that is decided.
    """
    asked = terms.get("obligations") if isinstance(terms, Mapping) else None
    if asked in (None, [], ()):
        return NONE
    if not isinstance(asked, (list, tuple)):
        return Obligations(unmet=frozenset({"obligations"}))
    out = NONE
    for one in asked:
        on = one.get("on", "data") if isinstance(one, Mapping) else None
        if on not in ACTIONS:
            out = out.joined(Obligations(unmet=frozenset({str(on)})))
        elif isinstance(one, Mapping) and action in closure_up(on):
            out = out.joined(_read(one))
    return out


def _read(one: Mapping[str, object]) -> Obligations:
    """Reads one obligation; what is unknown or malformed is kept by name as unmet."""
    unmet = {name for name in one if name not in _SHAPES or not _SHAPES[name](one[name])}
    good = {name: value for name, value in one.items() if name not in unmet}
    masks = good.get("mask")
    show, hide, variant, cell = good.get("show"), good.get("hide"), good.get("variant"), good.get("smallest_cell")
    return Obligations(
        hidden=frozenset(hide) if isinstance(hide, (list, tuple)) else frozenset(),
        shown=frozenset(show) if isinstance(show, (list, tuple)) else None,
        mask_sets={name: frozenset({mask}) for name, mask in masks.items()} if isinstance(masks, Mapping) else {},
        named_variants=frozenset({variant}) if isinstance(variant, str) else frozenset(),
        smallest_cell=cell if isinstance(cell, int) else None,
        no_onward=good.get("no_onward") is True,
        unmet=frozenset(unmet),
    )


def _is_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(member, str) for member in value)


_SHAPES: Mapping[str, Callable[[object], bool]] = {
    "on": lambda value: isinstance(value, str),
    "hide": _is_texts,
    "show": _is_texts,
    "mask": lambda value: isinstance(value, Mapping) and all(isinstance(mask, str) for mask in value.values()),
    "variant": lambda value: isinstance(value, str),
    "smallest_cell": lambda value: isinstance(value, int) and not isinstance(value, bool) and value > 0,
    "no_onward": lambda value: isinstance(value, bool),
}
