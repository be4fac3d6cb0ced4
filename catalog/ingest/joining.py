"""Several words on one record: those of whoever takes an archive in, and those that came inside it.

Whoever takes an archive in (by the sidecar beside it, else by what the command and the site say) need not have written what is inside. So:

* The outer sidecar goes before an inner one.
* Of secrecy, terms, sharing, opening and grade the stricter always holds, whoever said it: what comes out of an archive may only tighten them.
* A title, a summary and a slug are of one thing: of several files each keeps its own.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any

from catalog.canonical import JSON
from catalog.ingest.model import Sidecar
from policies.divisions import covers
from policies.terms import attributes_of_terms
from policies.vocabulary import SCALES

__all__ = ["Terms", "joined", "joined_of_several", "stricter_fields", "stricter_secrecy", "stricter_terms"]

#: Fields that protect, from the loosest value to the strictest.
_PROTECTING: Mapping[str, tuple[str, ...]] = {"sharing": ("unconditional", "conditional", "withheld"), "opening": ("open", "closed"), "grade": SCALES["grade"]}
#: What is said of one thing, not of several.
_OF_ONE = ("title", "summary")

type Terms = Mapping[str, JSON]


def joined(outer: Sidecar, inner: Sidecar) -> Sidecar:
    """What holds of a file in an archive, by the sidecar of the archive and its own."""
    if not outer.digest:
        return inner
    if not inner.digest or inner.digest == outer.digest:
        return replace(outer, path=inner.path or outer.path)
    return Sidecar(
        path=inner.path,
        profile=outer.profile or inner.profile,
        secrecy=stricter_secrecy(outer.secrecy, inner.secrecy),
        terms=stricter_terms(outer.terms, inner.terms),
        slug=outer.slug or inner.slug,
        fields={**inner.fields, **outer.fields, **stricter_fields(outer.fields, inner.fields)},
        columns={**inner.columns, **outer.columns},
        key=outer.key or inner.key,
        crs=outer.crs or inner.crs,
        encoding=outer.encoding or inner.encoding,
        digest=hashlib.sha256(f"{outer.digest}\n{inner.digest}".encode()).hexdigest(),
    )


def joined_of_several(outer: Sidecar, inner: Sidecar) -> Sidecar:
    """The same for one of several files, which keeps what is said of it alone."""
    loose = {name: value for name, value in outer.fields.items() if name not in _OF_ONE}
    return joined(replace(outer, slug=None, fields=loose), inner)


def stricter_secrecy(one: str | None, other: str | None) -> str | None:
    """The higher of two; a word that is not on the scale stays, to be refused. None says nothing."""
    scale = SCALES["secrecy"]
    said = [each for each in (one, other) if each is not None]
    return max(said, key=lambda word: scale.index(word) if word in scale else len(scale), default=None)


def stricter_fields(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Of the fields that protect those that either has, with the stricter value."""
    found: dict[str, Any] = {}
    for name in _PROTECTING:
        said = [(_rank(name, values[name]), values[name]) for values in (one, other) if values.get(name) is not None]
        if said:
            found[name] = max(said, key=itemgetter(0))[1]
    return found


def _rank(name: str, value: Any) -> int:
    """Place of a value on its scale; behind the strictest what is none, to be refused."""
    if name == "sharing" and isinstance(value, Mapping):
        value = value.get("type")
    if name == "opening":
        opened = value.get("open") if isinstance(value, Mapping) else value
        value = "open" if opened in (True, "open") else "closed" if opened in (False, "closed") else None
    scale = _PROTECTING[name]
    return scale.index(value) if value in scale else len(scale)


def stricter_terms(one: Terms | None, other: Terms | None) -> Terms | None:
    """Terms that hold when both do: fewer purposes and a smaller audience, the earlier end, the shorter lease, the obligations of both.

    Args:
        one: goes before `other` in members that are not known here. None says nothing.
    """
    if one is None or other is None:
        return other if one is None else one
    found = {**other, **one}
    if one.get("onward") is not True or other.get("onward") is False:  # terms that do not speak of passing on do not allow it
        found.pop("onward", None)
        if False in (one.get("onward"), other.get("onward")):
            found["onward"] = False
    for name, smaller in (("until", _earlier), ("lease", _shorter), ("purposes", _common), ("audience", _audience), ("obligations", _both)):
        if one.get(name) is not None and other.get(name) is not None:
            found[name] = smaller(one[name], other[name])
        elif one.get(name) is not None or other.get(name) is not None:
            found[name] = other[name] if one.get(name) is None else one[name]
    return found


def _earlier(one: Any, other: Any) -> Any:
    return min((one, other), key=_moment)


def _moment(value: Any) -> int:
    found = attributes_of_terms({"until": value})["terms_expire"]
    return found if isinstance(found, int) else 0


def _shorter(one: Any, other: Any) -> Any:
    return min(one, other) if type(one) is int and type(other) is int else one if type(other) is int else other  # what is no number is refused later


def _common(one: Any, other: Any) -> Any:
    if not isinstance(one, list) or not isinstance(other, list):
        return one if isinstance(other, list) else other
    return [each for each in one if each in other]


def _audience(one: Any, other: Any) -> Any:
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one if isinstance(other, Mapping) else other
    mine, theirs = attributes_of_terms({"audience": one}), attributes_of_terms({"audience": other})
    found = {each for each in _texts(mine["audience"]) for wide in _texts(theirs["audience"]) if covers(wide, each)}
    found |= {each for each in _texts(theirs["audience"]) for wide in _texts(mine["audience"]) if covers(wide, each)}
    nodes = set(_texts(mine["audience_nodes"])) & set(_texts(theirs["audience_nodes"]))
    return {"divisions": sorted(found), "nodes": sorted(nodes)}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value or ()))


def _both(one: Any, other: Any) -> Any:
    if not isinstance(one, list) or not isinstance(other, list):
        return one if isinstance(other, list) else other
    return [*one, *(each for each in other if each not in one)]
