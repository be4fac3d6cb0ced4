"""Texts of others on their way to a terminal or a log: what would move the cursor, hide, or turn the direction of writing is shown instead of done."""

import re

__all__ = ["has_controls", "visible"]

#: C0, DEL, C1, bidirectional controls (UAX #9), line and paragraph separators, lone surrogates.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def has_controls(text: str) -> bool:
    """Whether a text holds a control character, line ends and tabs included."""
    return _CONTROLS.search(text) is not None


def visible(text: str, keep: str = "") -> str:
    r"""Replaces each control character by its visible form: `\x1b`, `\u202e`, `\n`.

    Args:
        text: any.
        keep: those that stay, for texts whose lines and columns are our own.
    """
    return _CONTROLS.sub(lambda found: found[0] if found[0] in keep else _form(found[0]), text)


def _form(char: str) -> str:
    return _SHORT.get(char) or (f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}")
