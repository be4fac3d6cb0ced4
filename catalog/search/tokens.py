"""Tokens: what of a text is findable. Vectorised, so that 8,000 records are cut in one call; a query is cut by the same code.

A token has 32 bits. With the field in front it is a *key* of 34 bits (`key(field, token)`).

1. A run of CJK units gives each pair of neighbours (first unit << 16 | second) and each unit alone (unit << 16). Every CJK unit is at least 0x3005.
2. A word (a run of other letters and digits) gives a hash below 0x3000_0000, so that it never meets a CJK token. English plurals lose their ending
   (rule S of `_stem`), in texts and in queries alike.
3. Field `PREFIX` holds the hashes of the first 1 to 12 units of each word of the title and the slug: what is being typed finds words that it begins.
4. A token says nothing of its place: 土地利用 is asked for as 土地 AND 地利 AND 利用 in one field (precision 0.999 on the trial corpus).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catalog.search.fold import CJK, WORD, tables, units

TITLE, KEYWORDS, SUMMARY, PREFIX = 0, 1, 2, 3
#: Longest prefix of a word that is indexed, in units.
LONGEST_PREFIX = 12
#: A word's hash sees no more units than this.
LONGEST_WORD = 64
_WORD_SPACE = np.uint64(0x3000_0000)
_P = np.uint64(0x9E3779B97F4A7C15)
_A, _E, _H, _I, _S, _U, _X, _Y, _Z, _C = (np.uint16(ord(c)) for c in "aehisuxyzc")

type U64 = NDArray[np.uint64]
type U32 = NDArray[np.uint32]
type U16 = NDArray[np.uint16]
type Index = NDArray[np.int64]


class Cut(NamedTuple):
    """Tokens with the index of the text that each comes from; unsorted, with repetitions."""

    tokens: U32
    texts: U32


class Texts(NamedTuple):
    """Many texts as one array of folded units; a separator stands after each, so that nothing runs across."""

    units: U16
    kinds: NDArray[np.uint8]
    owner: U32


class Words(NamedTuple):
    """Where the words of some texts begin, and how many units each has."""

    starts: Index
    lengths: Index


def key(field: int, token: int) -> int:
    """The 34-bit key of a token in a field."""
    return field << 32 | token


def join(texts: Sequence[str]) -> Texts:
    """Folds texts into one array."""
    parts = [units(text + "\n") for text in texts]
    lengths = np.fromiter((len(part) for part in parts), dtype=np.int64, count=len(parts))
    all_units = np.concatenate(parts) if parts else np.zeros(0, np.uint16)
    return Texts(all_units, tables().kind[all_units], np.repeat(np.arange(len(parts), dtype=np.uint32), lengths))


def cut(texts: Texts) -> Cut:
    """All tokens of the texts: pairs, single CJK units, words."""
    cjk = np.flatnonzero(texts.kinds == CJK)
    first = texts.units[cjk].astype(np.uint32) << np.uint32(16)
    # The last unit of the array is a separator, so that cjk + 1 never leaves it.
    paired = texts.kinds[cjk + 1] == CJK
    pairs = first[paired] | texts.units[cjk[paired] + 1]
    words = find_words(texts)
    stems, stemmed = _stem(texts.units, words)
    hashes = _finish(_hash(stems, words.starts, stemmed))
    owner = texts.owner
    return Cut(np.concatenate([pairs, first, hashes]), np.concatenate([owner[cjk[paired]], owner[cjk], owner[words.starts]]))


def prefixes(texts: Texts) -> Cut:
    """The first 1 to `LONGEST_PREFIX` units of each word."""
    words = find_words(texts)
    starts, lengths = words
    found, owners = [], []
    state = np.zeros(len(starts), dtype=np.uint64)
    for n in range(LONGEST_PREFIX):
        longer = lengths > n
        starts, lengths, state = starts[longer], lengths[longer], state[longer]
        if not len(starts):
            break
        state = _step(state, texts.units[starts + n])
        found.append(_finish(state))
        owners.append(texts.owner[starts])
    if not found:
        return Cut(np.zeros(0, np.uint32), np.zeros(0, np.uint32))
    return Cut(np.concatenate(found), np.concatenate(owners))


def find_words(texts: Texts) -> Words:
    """The runs of word units."""
    is_word = np.concatenate([[False], texts.kinds == WORD, [False]])
    edges = np.flatnonzero(is_word[1:] != is_word[:-1])
    starts, ends = edges[::2], edges[1::2]
    return Words(starts, ends - starts)


def _step(state: U64, unit: U16) -> U64:
    return (state + unit.astype(np.uint64) + np.uint64(1)) * _P


def _finish(state: U64) -> U32:
    """Mixes (splitmix64) and folds a hash into the words' part of the token space."""
    mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) % _WORD_SPACE).astype(np.uint32)


def _hash(source: U16, starts: Index, lengths: Index) -> U64:
    """Hash of each run. One pass for each unit of the longest run, over the runs that still go on."""
    state = np.zeros(len(starts), dtype=np.uint64)
    going = np.arange(len(starts))
    for n in range(min(int(lengths.max(initial=0)), LONGEST_WORD)):
        going = going[lengths[going] > n]
        state[going] = _step(state[going], source[starts[going] + n])
    return state


def _stem(source: U16, words: Words) -> tuple[U16, Index]:
    """Rule S: -ies and -y end in -i; -sses, -xes, -zes, -shes, -ches lose -es; another -s goes, but not of -ss, -us, -is. Words of 4 units or more.

    Only meant to bring an English plural and its singular together; both sides are treated alike, so that it can join too much but never part.
    """
    starts, lengths = words
    if not len(starts):
        return source, lengths
    last = starts + lengths - 1
    long_enough = lengths >= 4
    z = source[last]
    # Looking back from a short word would leave the array or the word; those lanes are masked by `long_enough`.
    y, x, w = (source[np.maximum(last - back, 0)] for back in (1, 2, 3))
    plural = long_enough & (z == _S) & (y != _S) & (y != _U) & (y != _I)
    es = plural & (y == _E)
    ies = es & (x == _I)
    hissing = es & (((x == _S) & (w == _S)) | (x == _X) | (x == _Z) | ((x == _H) & ((w == _S) | (w == _C))))
    ending_y = long_enough & (z == _Y)
    shorter = lengths - plural.astype(np.int64) - (ies | hissing).astype(np.int64)
    if ending_y.any():
        source = source.copy()
        source[last[ending_y]] = _I
    return source, shorter
