"""Folding: the one form in which text is indexed and asked for.

Rules:

1. Text is taken in NFC and folded UTF-16 unit by unit: full width to half width, capitals to small letters, accents of Latin letters dropped, traditional to
   simplified by OpenCC's character table (its first choice). 國土 and 国土, Ｇ42 and g42, Québec and quebec have one form each.
2. A character never becomes two: what would (ß, ﬁ, ㎡) stays as it is. So positions and lengths survive folding.
3. Each unit is a separator, part of a word, or CJK (Han, kana, hangul, bopomofo, and every surrogate: planes 2 and 3 are Han).
4. Where the simplified form lies outside the basic plane and the traditional one inside (about 200 rare characters), both fold to the traditional one, so
   that ordinary text needs one table lookup for each unit.
"""

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SEPARATOR, WORD, CJK = 0, 1, 2

#: What counts as CJK among `_SCRIPTS`.
_CJK = re.compile("[\u3005\u3007\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\uf900-\ufad9]")
#: Marks that are parts of words though they are no letters: Tibetan, Arabic (Uyghur, Kazakh), Mongolian, Indic vowel signs.
_MARK_CATEGORIES = ("Mn", "Mc")
_COMBINING = range(0x300, 0x370)
#: Every unit but the large blocks of Han and hangul (which only OpenCC folds), surrogates and private use: they need no look at Unicode's data.
_SCRIPTS = [*range(0x3400), *range(0x4DC0, 0x4E00), *range(0xA000, 0xAC00), *range(0xD7A4, 0xD800), *range(0xE000, 0x10000)]


class Tables(NamedTuple):
    """Fold and class of each UTF-16 unit, and the folds of characters outside the basic plane."""

    fold: NDArray[np.uint16]
    kind: NDArray[np.uint8]
    supplementary: dict[int, str]


def units(text: str) -> NDArray[np.uint16]:
    """Folds a text.

    Returns:
        Its folded UTF-16 units.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    encoded = text.encode("utf-16-le", "surrogatepass")
    table = tables()
    if len(encoded) > 2 * len(text):
        encoded = text.translate(table.supplementary).encode("utf-16-le", "surrogatepass")
    folded: NDArray[np.uint16] = table.fold[np.frombuffer(encoded, dtype="<u2")]
    return folded


def fold_text(text: str) -> str:
    """Folds a text to text: for keys that are compared as search compares."""
    return units(text).tobytes().decode("utf-16-le", "surrogatepass")


@cache
def tables() -> Tables:
    """The tables, built once in a process from Unicode's data and OpenCC's."""
    one_form, supplementary = _chinese_folds()
    fold = np.arange(0x10000, dtype=np.uint16)
    kind = np.full(0x10000, CJK, dtype=np.uint8)
    for unit in _SCRIPTS:
        fold[unit] = ord(_simple_fold(chr(unit)))
        kind[unit] = _kind(chr(unit))
    for character, simplified in one_form.items():
        fold[ord(character)] = ord(simplified)
    return Tables(fold, kind, supplementary)


def _kind(character: str) -> int:
    code = ord(character)
    if _CJK.match(character):
        return CJK
    if character.isalnum():
        return WORD
    return WORD if code not in _COMBINING and unicodedata.category(character) in _MARK_CATEGORIES else SEPARATOR


def _simple_fold(character: str) -> str:
    """Compatibility form, small letter, no accent: where that is one character of the basic plane."""
    plain = unicodedata.normalize("NFKC", character).casefold()
    plain = "".join(c for c in unicodedata.normalize("NFD", plain) if ord(c) not in _COMBINING)
    plain = unicodedata.normalize("NFC", plain)
    return plain if len(plain) == 1 and ord(plain) < 0x10000 else character


def _chinese_folds() -> tuple[dict[str, str], dict[int, str]]:
    """Folds of Chinese characters: within the basic plane, and from outside it (for `str.translate`)."""
    inside: dict[str, str] = {}
    outside: dict[int, str] = {}
    for traditional, simplified in _opencc():
        if ord(traditional) < 0x10000 and ord(simplified) < 0x10000:
            inside[traditional] = simplified
        elif ord(simplified) >= 0x10000 > ord(traditional):
            outside.setdefault(ord(simplified), traditional)
            inside.setdefault(traditional, outside[ord(simplified)])
        else:
            outside[ord(traditional)] = simplified
    # A few simplified forms are traditional forms of another pair: follow them to the end, so that folding twice changes nothing.
    for key in list(inside):
        seen = {key}
        while (following := inside.get(inside[key])) is not None and following not in seen:
            seen.add(following)
            inside[key] = following
    for code, character in list(outside.items()):
        outside[code] = inside.get(character, character)
    return inside, outside


def _opencc() -> list[tuple[str, str]]:
    package: Any = files("opencc")
    pairs = []
    for line in package.joinpath("dictionary", "TSCharacters.txt").read_text(encoding="utf-8").splitlines():
        traditional, _, choices = line.partition("\t")
        if traditional and choices:
            pairs.append((traditional, choices.split(" ")[0]))
    return pairs
