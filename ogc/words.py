"""Reading the fields of a disclosed record for the XML faces: never anything but `fields`, so that what is masked or hidden cannot leak by construction.

A field may be absent, null or — in a received record — of a shape that nobody expected; then it is left out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.codes import code_list

type Fields = Mapping[str, Any]

LANGUAGES = ("zh", "en")


def text_in(value: Any, language: str) -> str | None:
    """A language map in one language: the wished one, else the first of zh, en or any other that is there. A plain text is itself."""
    if isinstance(value, str):
        return value or None
    if not isinstance(value, Mapping):
        return None
    for key in (language, *LANGUAGES, *value):
        found = value.get(key)
        if isinstance(found, str) and found:
            return found
    return None


def others(value: Any, language: str) -> dict[str, str]:
    """The other languages of a language map, besides the one that `text_in` gives."""
    if not isinstance(value, Mapping):
        return {}
    main = text_in(value, language)
    return {key: each for key, each in value.items() if isinstance(key, str) and isinstance(each, str) and each and each != main}


def member(fields: Fields, name: str, key: str) -> Any:
    """One member of a field that is an object, or None."""
    value = fields.get(name)
    return value.get(key) if isinstance(value, Mapping) else None


def words_of(value: Any) -> list[str]:
    """The texts of a list field."""
    return [each for each in value if isinstance(each, str) and each] if isinstance(value, list) else []


def keywords(fields: Fields, language: str) -> list[str]:
    """Keywords in one language (all languages when it has none)."""
    found = fields.get("keywords")
    if isinstance(found, Mapping):
        return words_of(found.get(language)) or [word for each in found.values() for word in words_of(each)]
    return words_of(found)


def label(list_name: str, code: Any, language: str) -> str | None:
    return code_list(list_name).label(code, language) if isinstance(code, str) and code else None


def norm(list_name: str, code: Any, norm_name: str) -> list[str]:
    """How another norm calls a code: several words, or none."""
    found = code_list(list_name).codes.get(code) if isinstance(code, str) else None
    return found.other.get(norm_name, "").split() if found else []


def bbox(fields: Fields) -> tuple[str, str, str, str] | None:
    """West, south, east, north as the decimal texts of the record (never rounded)."""
    found = words_of(fields.get("bbox"))
    if len(found) != 4:
        return None
    try:
        west, south, east, north = (float(each) for each in found)
    except ValueError:
        return None
    return (found[0], found[1], found[2], found[3]) if south <= north and -360 <= west <= 360 and -360 <= east <= 360 else None


def period(fields: Fields) -> tuple[str | None, str | None] | None:
    found = fields.get("time")
    if not isinstance(found, list) or len(found) != 2:
        return None
    start, end = (each if isinstance(each, str) and each else None for each in found)
    return None if start is None and end is None else (start, end)


def resources(fields: Fields) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(resource id, resource) in order of id."""
    for name in sorted(fields):
        if name.startswith("resources.") and isinstance(fields[name], Mapping):
            yield name.removeprefix("resources."), fields[name]
