"""The words of a query: each is a set of tokens that one field must hold together."""

import re
from dataclasses import dataclass
from functools import lru_cache

from catalog.search.fold import CJK, WORD, fold_text, tables, units
from catalog.search.query import MOST_WORDS
from catalog.search.tokens import LONGEST_PREFIX, PREFIX, TITLE, cut, join, key, prefixes

#: A quoted phrase, with straight or Chinese quotes, or what stands between spaces.
_PARTS = re.compile(r'"([^"]*)"|“([^”]*)”|「([^」]*)」|(\S+)')

#: Characters of a text whose words are kept.
_LONGEST_KEPT = 100


@dataclass(frozen=True)
class Word:
    """Tokens to be found in one field, all of them."""

    tokens: tuple[int, ...]


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text. Pieces without any letter, digit or character are passed over."""
    return _kept(text) if len(text) <= _LONGEST_KEPT else _words(text)


def _words(text: str) -> tuple[Word, ...]:
    pieces = ["".join(groups) for groups in _PARTS.findall(text)][:MOST_WORDS]
    return tuple(Word(tokens) for tokens in _tokens(pieces) if tokens)


#: Short texts come again: each page of an answer asks the same one.
_kept = lru_cache(maxsize=2000)(_words)


def _tokens(pieces: list[str]) -> list[tuple[int, ...]]:
    """Tokens of each piece. A single CJK unit is asked for only where it stands alone: beside another, the pair says it."""
    found: list[dict[int, None]] = [{} for _ in pieces]
    if pieces:
        tokens, owners = cut(join(pieces))
        alone = [_lonely(piece) for piece in pieces]
        for token, owner in zip(tokens.tolist(), owners.tolist(), strict=True):
            if token < 0x3000_0000 or token & 0xFFFF or token >> 16 in alone[owner]:
                found[owner][token] = None
    return [tuple(tokens) for tokens in found]


def _lonely(piece: str) -> set[int]:
    """CJK units without a CJK neighbour."""
    folded = units("\n" + piece + "\n")
    cjk = tables().kind[folded] == CJK
    return set(folded[1:-1][cjk[1:-1] & ~cjk[:-2] & ~cjk[2:]].tolist())


def beginnings(text: str) -> list[int]:
    """Keys of what is being typed: words by their beginnings (title and slug), CJK by its pairs (title)."""
    keys: dict[int, None] = {}
    for piece in fold_text(text).split()[:MOST_WORDS]:
        for word in _tokens([piece])[0]:
            if word >= 0x3000_0000:
                keys[key(TITLE, word)] = None
        kinds = tables().kind[units(piece)]
        for run in "".join(c if kind == WORD else " " for c, kind in zip(piece, kinds, strict=False)).split() if len(kinds) == len(piece) else ():
            tokens = prefixes(join([run[:LONGEST_PREFIX]])).tokens
            keys[key(PREFIX, int(tokens[-1]))] = None
    return list(keys)
