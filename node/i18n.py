"""The language that a person reads: Chinese (zh_Hans) or English, by one mechanism for the command line, the pages and the messages.

Rules:

* The message id is the English text; `node/translations/zh_Hans/LC_MESSAGES/<domain>.po` has the Chinese. Domains: `cli`, `portal`.
* A process has a language by `TERRACE_LANG`, then `LC_ALL`, `LC_MESSAGES`, `LANG`; a request has its own, set with `speaking`.
* Texts that belong to a thing (an error, a record, a rule's reason) carry both languages themselves and are chosen by `choose`.
* `.mo` files are compiled at set-up (`pybabel compile`); without them everything is said in English.
"""

import gettext as _gettext
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Literal

type Language = Literal["zh", "en"]

TRANSLATIONS = Path(__file__).with_name("translations")
LOCALES: Mapping[Language, str] = {"zh": "zh_Hans", "en": "en"}

_spoken: ContextVar[Language | None] = ContextVar("terrace_language", default=None)


def language_of(tag: str) -> Language | None:
    """Reads a locale name or language tag: `zh_CN.UTF-8`, `zh-TW`, `en`; None for any other language."""
    head = tag.strip().lower().replace("-", "_").split(".")[0].split("_")[0]
    return "zh" if head == "zh" else "en" if head == "en" else None


def process_language() -> Language:
    """The language of this process's environment; English when it names none that we speak."""
    for name in ("TERRACE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name)
        if value:
            return language_of(value) or "en"
    return "en"


def language() -> Language:
    """The language of whoever is being spoken to now."""
    return _spoken.get() or process_language()


@contextmanager
def speaking(chosen: Language) -> Iterator[None]:
    """Sets the language for the block (one request, one command)."""
    token = _spoken.set(chosen)
    try:
        yield
    finally:
        _spoken.reset(token)


@cache
def _catalog(domain: str, chosen: Language) -> _gettext.NullTranslations:
    return _gettext.translation(domain, str(TRANSLATIONS), [LOCALES[chosen]], fallback=True)


def translate(message: str, domain: str = "cli") -> str:
    """The message in the present language by a domain's catalog; the message itself when the catalog lacks it."""
    chosen = language()
    if chosen == "en" or not message:
        return message
    return _catalog(domain, chosen).gettext(message)


def counted(one: str, many: str, count: int, domain: str = "cli") -> str:
    """The message for a number of things in the present language. The catalog has `many`: Chinese has one form for all numbers.

    Args:
        one, many: English, for exactly one and for all other numbers.
        count: the number that decides; the caller puts it into the message.
    """
    return one if language() == "en" and count == 1 else translate(many, domain)


def number_of(count: int, one: str, many: str = "") -> str:
    """`1 day`, `2 days`: for English texts that stand beside Chinese ones.

    Args:
        count: the number.
        one, many: the thing; by default `many` is `one` with an s.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def labelled(label: str, text: str) -> str:
    """`label: text`, with the colon of the present language."""
    return f"{label}：{text}" if language() == "zh" else f"{label}: {text}"


def N_(message: str) -> str:
    """Marks a text for the catalog where it is defined; it is translated where it is shown."""
    return message


def choose(texts: Mapping[str, str] | str | None, default: str = "") -> str:
    """One text of a `{zh: …, en: …}` pair: the present language, else the other, else any."""
    if texts is None:
        return default
    if isinstance(texts, str):
        return texts
    spoken = language()
    for key in (spoken, "en" if spoken == "zh" else "zh"):
        if texts.get(key):
            return texts[key]
    return next((text for text in texts.values() if text), default)


def local_text(zh: str, en: str) -> str:
    """The one of two texts that the present language calls for."""
    return zh if language() == "zh" else en
