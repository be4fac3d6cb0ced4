"""The nearest known name to one that is not known, for messages."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Returns the known name that looks most like `word`, or None when none does."""
    if len(word) > 80:
        return None
    found = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> tuple[str, str]:
    """Returns the endings of an English and a Chinese message: what was probably meant, or what can be written."""
    names = sorted(known)
    guess = nearest(word, names)
    if guess is not None:
        return f" — did you mean '{guess}'?", f"——是否为“{guess}”？"
    if not names:
        return "", ""
    listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"; known: {listed}", f"；可用：{listed}"
