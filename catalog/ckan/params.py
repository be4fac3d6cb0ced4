"""Reading an action's parameters: texts from a query string, or JSON of any type. Messages are CKAN's own."""

from collections.abc import Mapping
from typing import Any

import orjson

from catalog.ckan.errors import CkanValidationError

type Data = Mapping[str, Any]

_INVALID = ["Invalid integer"]
#: Characters of a text; largest offset (what an engine's integers hold).
MOST_TEXT, MOST_OFFSET = 4_000, 2**53
#: Integers that CKAN checks twice are complained of twice.
_INVALID_TWICE = ["Invalid integer", "Please enter an integer value"]


def required(data: Data, name: str, *also: str) -> str:
    """A text that must be there, under its name or an older one.

    Raises:
        CkanValidationError: it is missing.
    """
    for key in (name, *also):
        value = data.get(key)
        if value is not None and value != "":
            return value if isinstance(value, str) else str(value)
    raise CkanValidationError({name: ["Missing value"]})


def text(data: Data, name: str, default: str = "", *, most: int | None = MOST_TEXT) -> str:
    """A text, or the default.

    Args:
        most: characters; None: whoever reads it bounds it.

    Raises:
        CkanValidationError: it is too long.
    """
    value = data.get(name)
    if isinstance(value, list):
        value = " ".join(str(each) for each in value)
    found = default if value is None or value == "" else str(value)
    if most is not None and len(found) > most:
        raise CkanValidationError({name: [f"Longer than {most} characters"]})
    return found


def number(data: Data, name: str, default: int, *, most: int | None = None, twice: bool = False) -> int:
    """A natural number.

    Args:
        most: what is larger is taken as this.
        twice: how often CKAN complains.

    Raises:
        CkanValidationError: it is no number, below 0, or larger than any offset.
    """
    value = data.get(name)
    if value is None or value == "":
        return default
    try:
        if isinstance(value, bool | float | list | dict):
            raise ValueError
        found = int(value)
    except ValueError:
        raise CkanValidationError({name: _INVALID_TWICE if twice else _INVALID}) from None
    if found < 0:
        raise CkanValidationError({name: ["Must be a natural number"]})
    if most is None and found > MOST_OFFSET:
        raise CkanValidationError({name: [f"Must be at most {MOST_OFFSET}"]})
    return found if most is None else min(found, most)


def boolean(data: Data, name: str, default: bool) -> bool:
    """A truth value: true, yes, on, 1."""
    value = data.get(name)
    if value is None or value == "":
        return default
    return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "yes", "t", "y", "1", "on")


def names(data: Data, name: str) -> list[str]:
    """A list of texts: JSON list, list, or texts between commas."""
    value = data.get(name)
    if value is None or value == "":
        return []
    if isinstance(value, list):
        return [str(each) for each in value]
    found = str(value).strip()
    if found.startswith("["):
        try:
            return [str(each) for each in orjson.loads(found)]
        except ValueError:
            return []
    return [part.strip() for part in found.split(",") if part.strip()]


def json_list(data: Data, name: str) -> list[str]:
    """A list that must be JSON when it comes as text.

    Raises:
        CkanValidationError: it is not.
    """
    value = data.get(name)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except ValueError:
            raise CkanValidationError({name: ["Could not parse as valid JSON", "Not a list"]}) from None
    if not isinstance(value, list):
        raise CkanValidationError({name: ["Not a list"]})
    return [str(each) for each in value]


def json_object(data: Data, name: str) -> dict[str, Any]:
    """A mapping, as JSON when it comes as text.

    Raises:
        CkanValidationError: it is none.
    """
    value = data.get(name)
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except ValueError:
            raise CkanValidationError({name: ["Cannot parse JSON"]}) from None
    if not isinstance(value, dict):
        raise CkanValidationError({name: ["Must be a dictionary"]})
    return value
