"""Reads one sentence, `attribute comparison value`, into what conditions are made of.

There is no expression language here: one attribute, one comparison, one value, a few with commas, or one other attribute. Words are matched whole and the
longest comparison wins, so that `is at least` is never read as `is` with a value. Retired division codes are mapped, with a warning (LANGUAGE 8).
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone

from policies.divisions import is_code, normalise
from policies.expressions import Given, Operand, Sentence
from policies.nearest import did_you_mean
from policies.values import Values
from policies.vocabulary import COMPARISONS, GRANT, SCALES, STATED, Attribute, Comparison, comparable, comparisons_for

#: Dates in policies are read at UTC+8 (LANGUAGE 9).
CHINA = timezone(timedelta(hours=8))
MAX_DAYS = 36_500

#: Every comparison that a policy can write, longest first; those of flags are words of the built-in terms alone.
_ALL_WORDS = sorted({c.words for kind in COMPARISONS for c in COMPARISONS[kind] if kind != "flag"} | {c.words for c in STATED}, key=len, reverse=True)
_LOOKS_LIKE_ATTRIBUTE = re.compile(r"(?:actor|record|row|env)\.[a-z_]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAYS = re.compile(r"(\d{1,6}) days?")

type Warn = Callable[[str, str], None]


class SentenceError(Exception):
    """A sentence that cannot be read; the caller knows its place."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh


def parse_sentence(text: str, vocabulary: Mapping[str, Attribute], warn: Warn, *, internal: bool = False) -> Sentence:
    """Reads a sentence.

    Args:
        text: For example `record.secrecy is at most public`.
        vocabulary: Attributes by name.
        warn: Called with an English and a Chinese text for what was mended.
        internal: Whether attributes that only the built-in terms use may be spoken of.

    Raises:
        SentenceError: What is wrong, with the nearest known name and what the attribute takes.
    """
    words = unicodedata.normalize("NFC", " ".join(text.split()))
    name, _, rest = words.partition(" ")
    attribute = GRANT if name == "record" else find_attribute(name, vocabulary, internal)
    takes = comparisons_for(attribute)
    known = [c.words for c in takes] if attribute.kind == "flag" else _ALL_WORDS
    said = next((w for w in known if rest == w or rest.startswith(w + " ")), None)
    comparison = next((c for c in takes if c.words == said), None)
    if comparison is None:
        raise _does_not_fit(attribute, said or rest or "", takes, known=said is not None)
    return Sentence(attribute, comparison, _right(attribute, comparison, rest[len(comparison.words) :].strip(), vocabulary, internal, warn))


def find_attribute(name: str, vocabulary: Mapping[str, Attribute], internal: bool = False) -> Attribute:
    """Returns an attribute by name.

    Raises:
        SentenceError: There is none, or policies may not speak of it.
    """
    attribute = vocabulary.get(name)
    if attribute is None or (attribute.internal and not internal):
        en, zh = did_you_mean(name, [a.name for a in vocabulary.values() if internal or not a.internal])
        raise SentenceError(f"unknown attribute '{name}'{en}", f"没有“{name}”这个属性{zh}")
    return attribute


def describe(attribute: Attribute) -> tuple[str, str]:
    """Returns what an attribute is, in English and Chinese: `a list of code`, `清单（code）`."""
    if attribute.kind == "grant":
        return "a grant", "授权"
    if attribute.many:
        return f"a list of {attribute.members}", f"清单（{attribute.members}）"
    if attribute.kind == "scale":
        return f"a scale of {attribute.scale}", f"{attribute.scale} 等级"
    return f"a {attribute.kind}", attribute.kind


def _does_not_fit(attribute: Attribute, said: str, takes: tuple[Comparison, ...], *, known: bool) -> SentenceError:
    listed = ", ".join(c.words for c in takes)
    what, zh_what = describe(attribute)
    if known:
        return SentenceError(
            f"'{said}' does not fit {attribute.name} ({what}); it takes: {listed}", f"“{said}”不适用于 {attribute.name}（{zh_what}）；可用：{listed}"
        )
    if not said:
        return SentenceError(f"{attribute.name} says nothing; it takes: {listed}", f"{attribute.name} 之后没有比较；可用：{listed}")
    en, zh = did_you_mean(said, [c.words for c in takes])
    if "did you mean" not in en:
        en, zh = f"; {attribute.name} ({what}) takes: {listed}", f"；{attribute.name}（{zh_what}）可用：{listed}"
    return SentenceError(f"unknown comparison '{said}'{en}", f"没有“{said}”这种比较{zh}")


def _right(attribute: Attribute, comparison: Comparison, text: str, vocabulary: Mapping[str, Attribute], internal: bool, warn: Warn) -> Operand | None:
    said = f"'{attribute.name} {comparison.words}'"
    if comparison.right == "none":
        if text:
            raise SentenceError(f"{said} takes no value, but '{text}' follows", f"{said} 不带值，其后却有“{text}”")
        return None
    if not text:
        raise SentenceError(f"{said} needs a value", f"{said} 需要一个值")
    if comparison.right == "days":
        return _days(said, text)
    if _LOOKS_LIKE_ATTRIBUTE.fullmatch(text):
        other = find_attribute(text, vocabulary, internal)
        if not comparable(attribute, other, comparison):
            (en, zh), (en_other, zh_other) = describe(attribute), describe(other)
            raise SentenceError(
                f"'{comparison.words}' cannot compare {attribute.name} ({en}) with {other.name} ({en_other})",
                f"“{comparison.words}”不能比较 {attribute.name}（{zh}）与 {other.name}（{zh_other}）",
            )
        return other
    if comparison.right == "date":
        return Given(Values((read_time(text),)), text)
    parts = [part.strip() for part in text.split(",")]
    if comparison.right == "one" and len(parts) > 1:
        several = {"is": "is one of", "is not": "is none of", "has": "has any of"}.get(comparison.words)
        hint = (f"; use '{several}'", f"；请用“{several}”") if several else ("", "")
        raise SentenceError(f"{said} takes one value{hint[0]}", f"{said} 只带一个值{hint[1]}")
    return Given(Values(tuple(dict.fromkeys(_value(attribute, part, warn) for part in parts))), ", ".join(parts))


def _days(said: str, text: str) -> Given:
    found = _DAYS.fullmatch(text)
    if not found or not 0 < int(found[1]) <= MAX_DAYS:
        raise SentenceError(
            f"{said} takes a number of days from 1 to {MAX_DAYS}, for example '30 days', not '{text}'", f"{said} 要写天数（1 至 {MAX_DAYS}），例如“30 days”"
        )
    return Given(Values((int(found[1]),)), text)


def read_time(text: str) -> int:
    """Returns UTC seconds of a date (its first moment at UTC+8, LANGUAGE 9) or of a time with its zone.

    Raises:
        SentenceError: It is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
        if _DATE.fullmatch(text):
            moment = moment.replace(tzinfo=CHINA)
        if moment.tzinfo is None:
            raise ValueError
        return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    except (ValueError, OverflowError):
        raise SentenceError(
            f"'{text}' is no date: write 2026-01-31 (read at UTC+8) or 2026-01-31T08:00:00Z",
            f"“{text}”不是日期：请写 2026-01-31（按 UTC+8）或 2026-01-31T08:00:00Z",
        ) from None


def _value(attribute: Attribute, text: str, warn: Warn) -> str | int:
    """Reads one written value by the kind of the attribute that it is compared with."""
    if not text:
        raise SentenceError("a value is missing between commas", "逗号之间缺少一个值")
    if attribute.kind == "scale":
        scale = SCALES[attribute.scale or ""]
        if text not in scale:
            raise _no_such_value(attribute, text, scale)
        return scale.index(text)
    if (attribute.members or attribute.kind) == "division":
        return _division(text, warn)
    if attribute.codes is not None and text not in attribute.codes:
        raise _no_such_value(attribute, text, attribute.codes)
    return text


def _division(text: str, warn: Warn) -> str:
    if not is_code(text):
        padded = text.ljust(6, "0")
        hint = (f": write '{padded}'", f"：请写“{padded}”") if len(text) in (2, 4) and is_code(padded) else (" of 6, 9 or 12 digits", "（6、9 或 12 位数字）")
        raise SentenceError(f"'{text}' is no division code{hint[0]}", f"“{text}”不是行政区划代码{hint[1]}")
    written, retired = normalise(text)
    if retired is not None:
        warn(
            f"division {text} ({retired.name}) was retired in {retired.since}: read as {written}",
            f"行政区划 {text}（{retired.name}）已于 {retired.since} 年撤销：按 {written} 读取",
        )
    return written


def _no_such_value(attribute: Attribute, text: str, known: "frozenset[str] | tuple[str, ...]") -> SentenceError:
    en, zh = did_you_mean(text, known)
    if "did you mean" not in en:
        listed = ", ".join(known if isinstance(known, tuple) else sorted(known))
        en, zh = f"; it takes: {listed}", f"；可用：{listed}"
    return SentenceError(f"{attribute.name} has no value '{text}'{en}", f"{attribute.name} 没有“{text}”这个值{zh}")
