"""Named masks: what is left of a value that a policy masks.

Masks of one field form a set, and the strictest wins; two that are equally strict but different hide the field, since neither contains the other
(LANGUAGE 12). A mask never fails: a value that it cannot read becomes null, which tells least. In a stream a mask hides the field.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

type JSON = str | int | bool | list["JSON"] | dict[str, "JSON"] | None

#: Result of `strictest` when two masks are equally strict: the field is hidden.
HIDE = "hide"


@dataclass(frozen=True, slots=True)
class Mask:
    """One named mask.

    Attributes:
        strictness: Higher leaves less; masks of equal strictness are different, not interchangeable.
        apply: Function of a text or number.
        zh: What is left, in Chinese.
        en: The same in English.
    """

    strictness: int
    apply: Callable[[str], str | None]
    zh: str
    en: str


_DATE = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?(?:T.*)?")
_NUMBER = re.compile(r"(-?)(\d+)(?:\.\d+)?")


def _surname(text: str) -> str | None:
    return text[0] + "**" if text.strip() else None


def _last4(text: str) -> str | None:
    return "*" * (len(text) - 4) + text[-4:] if len(text) > 4 else None


def _first6(text: str) -> str | None:
    return text[:6] + "*" * (len(text) - 6) if len(text) > 6 else None


def _month(text: str) -> str | None:
    found = _DATE.fullmatch(text)
    return f"{found[1]}-{found[2]}" if found and found[2] else None


def _year(text: str) -> str | None:
    found = _DATE.fullmatch(text)
    return found[1] if found else None


def _rounded(digits: int) -> Callable[[str], str | None]:
    def apply(text: str) -> str | None:
        found = _NUMBER.fullmatch(text)
        if not found:
            return None
        whole = int(found[2][:30]) // 10**digits * 10**digits
        return f"-{whole}" if found[1] and whole else str(whole)

    return apply


MASKS: Mapping[str, Mask] = MappingProxyType(
    {
        "month": Mask(10, _month, "年月", "year and month"),
        "hundreds": Mask(10, _rounded(2), "百位以上", "hundreds and above"),
        "thousands": Mask(20, _rounded(3), "千位以上", "thousands and above"),
        "year": Mask(20, _year, "年份", "year"),
        "last4": Mask(20, _last4, "末四位", "last four characters"),
        "first6": Mask(20, _first6, "前六位", "first six characters"),
        "surname": Mask(20, _surname, "姓", "first character (surname)"),
        "none": Mask(100, lambda _text: None, "无", "nothing"),
    }
)


def apply(mask: str, value: JSON) -> JSON:
    """Returns what a mask leaves of a value.

    Args:
        mask: Name of a mask; one that is not known leaves nothing.
        value: Text, number, null, or lists and language maps of these, whose members are masked one by one.
    """
    if isinstance(value, list):
        return [apply(mask, member) for member in value]
    if isinstance(value, dict):
        return {key: apply(mask, member) for key, member in value.items()}
    if value is None or isinstance(value, bool) or mask not in MASKS:
        return None
    return MASKS[mask].apply(value if isinstance(value, str) else str(value))


def strictest(masks: Iterable[str]) -> str:
    """Returns the one mask that holds when several apply, or `HIDE` when two different ones are equally strict (LANGUAGE 12).

    The result depends on the set alone, never on the order of rules. A mask that is not known hides.
    """
    names = sorted(set(masks))
    if any(name not in MASKS for name in names):
        return HIDE
    top = max(MASKS[name].strictness for name in names)
    winners = [name for name in names if MASKS[name].strictness == top]
    return winners[0] if len(winners) == 1 else HIDE
