"""Canonical bytes: RFC 8785, restricted (PROTOCOL 1.1).

What is hashed and signed has exactly one written form. The form is RFC 8785 (JSON Canonicalization Scheme) with these restrictions, which leave out
every point on which implementations differ:

* object keys are ASCII (so that sorting by UTF-16 units, by code points and by bytes is the same);
* numbers are integers within ±(2^53−1): no fraction, no exponent, no `-0`; decimals are shortest decimal text, binary is base64url without padding;
* texts hold no lone surrogates and no U+0000 (which PostgreSQL cannot keep: what one holder could not store, no holder may pass on);
* arrays and objects nest at most 64 deep.

`loads` proves that the bytes it was given are that form: it decodes, encodes again and compares, which also catches duplicate keys, blanks, other
escapes and other orders of keys. Nothing here does I/O.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import orjson

from catalog.errors import CanonicalError

__all__ = [
    "JSON",
    "MAX_DEPTH",
    "MAX_INTEGER",
    "b64",
    "b64_many",
    "dumps",
    "is_b64",
    "is_decimal_text",
    "loads",
    "loads_many",
    "members",
    "text",
    "unb64",
    "whole",
]

#: A value of the restricted JSON. Mapping keys are ASCII.
type JSON = Mapping[str, JSON] | Sequence[JSON] | str | int | bool | None

MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1

_ENCODE = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_URL = bytes.maketrans(b"+/", b"-_")
_B64URL = re.compile(r"[A-Za-z0-9_-]*\Z")
_ZERO = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_DECIMAL = re.compile(r"(?:0|-?(?:[1-9]\d*|0(?=\.)))(?:\.\d*[1-9])?\Z")


def _refuse_float(literal: str) -> object:
    raise CanonicalError(
        zh=f"规范 JSON 不许浮点数：{literal[:40]}；小数请写成文字",
        en=f"canonical JSON holds no floating-point numbers: {literal[:40]}; write decimals as text",
    )


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=_refuse_float)


def dumps(obj: JSON) -> bytes:
    """Writes a value in its only canonical form.

    Args:
        obj: restricted JSON (see the module's rules); tuples are written as arrays.

    Returns:
        UTF-8 bytes.

    Raises:
        CanonicalError: the value lies outside the restricted form.
    """
    _walk(obj, 1)
    try:
        data = orjson.dumps(obj, option=_ENCODE)
    except (TypeError, RecursionError) as error:  # lone surrogates end here
        raise CanonicalError(zh=f"无法写成规范 JSON：{error}", en=f"cannot be written as canonical JSON: {error}") from error
    _refuse_zero(data)
    return data


def text(obj: JSON) -> str:
    """Writes a value in canonical form, as text (for columns and disclosures)."""
    return dumps(obj).decode()


def members(values: Mapping[str, JSON]) -> dict[str, str]:
    """Writes each member of a mapping in canonical form, as it stands within the whole.

    Raises:
        CanonicalError: as `dumps` of the mapping.
    """
    _walk(values, 1)
    try:
        found = {name: orjson.dumps(value, option=_ENCODE).decode() for name, value in values.items()}
    except (TypeError, RecursionError) as error:
        raise CanonicalError(zh=f"无法写成规范 JSON：{error}", en=f"cannot be written as canonical JSON: {error}") from error
    for written in found.values():
        if "\\u0000" in written:
            _refuse_zero(written.encode())
    return found


def whole(written: Mapping[str, str]) -> str:
    """The mapping whose members were written by `members`, in canonical form; its keys must need no escapes."""
    return "{" + ",".join([f'"{name}":{written[name]}' for name in sorted(written)]) + "}"


def loads(data: bytes | str) -> Any:
    """Reads canonical bytes and proves that they are canonical.

    Args:
        data: the bytes (or their text) as received.

    Returns:
        The value.

    Raises:
        CanonicalError: not JSON, outside the restricted form, or written in any other form than the canonical one.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    try:
        value = _decoder.decode(raw)
        again = orjson.dumps(value, option=_ENCODE)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        raise CanonicalError(zh=f"不是规范 JSON：{error}", en=f"not canonical JSON: {error}") from error
    if again != raw:
        at = next((i for i, (x, y) in enumerate(zip(raw, again, strict=False)) if x != y), min(len(raw), len(again)))
        raise CanonicalError(
            zh=f"JSON 的写法不是规范形式（第 {at} 字节起不同：键须排序且不重复，无空白，无多余转义）",
            en=f"the JSON is not in canonical form (differs from byte {at}: keys sorted and unique, no blanks, no needless escapes)",
        )
    _refuse_zero(raw)
    # An all-ASCII text with few brackets can hold neither a key outside ASCII nor a nesting too deep: the common case ends here.
    if not raw.isascii() or raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        _walk(value, 1)
    return value


def loads_many(texts: Sequence[str]) -> tuple[list[bytes], list[Any]]:
    """Reads several canonical texts at once: one decoding for all, each compared with its own canonical form.

    Returns:
        The bytes of each text, and the values.

    Raises:
        CanonicalError: as `loads`, for the first text that is refused.
    """
    try:
        joined = f"[{','.join(texts)}]".encode()
        values: list[Any] = _decoder.decode(joined)
        raws = [orjson.dumps(value, option=_ENCODE) for value in values]
        same = b"\\u0000" not in joined and raws == [text.encode() for text in texts]
    except (CanonicalError, msgspec.DecodeError, ValueError, TypeError, RecursionError):
        same = False
    if not same:  # the slow way names the reason
        return [text.encode("utf-8", "surrogatepass") for text in texts], [loads(text) for text in texts]
    for raw, value, text in zip(raws, values, texts, strict=True):
        # Where no object is in a text outside ASCII there is no key outside ASCII, and where brackets are few there is no nesting too deep.
        if (len(raw) != len(text) and b"{" in raw) or (len(raw) > 2 * MAX_DEPTH and raw.count(b"{") + raw.count(b"[") > MAX_DEPTH):
            _walk(value, 1)
    return raws, values


def _refuse_zero(data: bytes) -> None:
    """Looks for U+0000, whose only canonical writing is `\\u0000`."""
    if b"\\u0000" in data and _ZERO.search(data):
        raise CanonicalError(zh="文字不得含 U+0000", en="texts hold no U+0000")


def _walk(value: Any, depth: int) -> None:
    """Checks types, keys, integers and depth. Recursive; bounded by MAX_DEPTH."""
    kind = type(value)
    if kind is dict:
        if depth > MAX_DEPTH:
            raise _too_deep()
        for key, member in value.items():
            if type(key) is not str or not key.isascii():
                raise CanonicalError(zh=f"键只许 ASCII 字符：{key!r:.60}", en=f"keys are ASCII only: {key!r:.60}")
            inner = type(member)
            if inner is not str and inner is not bool and member is not None:
                _walk(member, depth + 1)
    elif kind is list or kind is tuple:
        if depth > MAX_DEPTH:
            raise _too_deep()
        for member in value:
            inner = type(member)
            if inner is not str and inner is not bool and member is not None:
                _walk(member, depth + 1)
    elif kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise CanonicalError(zh=f"整数超出 ±(2^53−1)：{value!r:.40}；请写成文字", en=f"integer outside ±(2^53−1): {value!r:.40}; write it as text")
    elif kind is float:
        _refuse_float(repr(value))
    elif kind is not str and kind is not bool and value is not None:
        raise CanonicalError(zh=f"规范 JSON 不含 {kind.__name__} 类型", en=f"canonical JSON holds no {kind.__name__}")


def _too_deep() -> CanonicalError:
    return CanonicalError(zh=f"巢状超过 {MAX_DEPTH} 层", en=f"nested deeper than {MAX_DEPTH} levels")


def is_decimal_text(value: object) -> bool:
    """Tells whether a value is shortest decimal text: no exponent, no needless zeros, no `-0`, no sign but minus."""
    return isinstance(value, str) and _DECIMAL.match(value) is not None and value != "-0"


def b64(data: bytes) -> str:
    """base64url without padding (RFC 4648 section 5)."""
    return binascii.b2a_base64(data, newline=False).translate(_URL, b"=").decode()


def b64_many(values: Sequence[bytes]) -> list[str]:
    """base64url of each of many values of one size, one encoding for all."""
    if not values:
        return []
    size = len(values[0])
    blank = bytes(-size % 3)  # fills each up to whole groups of characters, which are cut off again
    text = binascii.b2a_base64(blank.join([*values, b""]), newline=False).translate(_URL).decode()
    width, keep = (size + 2) // 3 * 4, (size * 8 + 5) // 6
    return [text[start : start + keep] for start in range(0, len(text), width)]


def is_b64(value: object, size: int) -> bool:
    """Tells whether a value is the one base64url text of some `size` bytes, without decoding it."""
    return isinstance(value, str) and _b64_of(size).match(value) is not None


@lru_cache(maxsize=16)
def _b64_of(size: int) -> re.Pattern[str]:
    """Every text of so many bytes; of the last character only those are allowed whose unused bits are zero."""
    whole, rest = divmod(size, 3)
    tail = ("", "[A-Za-z0-9_-][AQgw]", "[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]")[rest]
    return re.compile(rf"[A-Za-z0-9_-]{{{4 * whole}}}{tail}\Z")


def unb64(value: str, size: int | None = None) -> bytes:
    """Reads base64url without padding, strictly: one text for one value.

    Args:
        value: the text.
        size: number of bytes that it must hold, or None for any.

    Raises:
        CanonicalError: padding, foreign characters, unused bits that are not zero, or another size.
    """
    if not isinstance(value, str) or _B64URL.match(value) is None or len(value) % 4 == 1:
        raise CanonicalError(zh=f"不是无填充的 base64url：{value!r:.40}", en=f"not base64url without padding: {value!r:.40}")
    try:
        data = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError) as error:
        raise CanonicalError(zh=f"不是 base64url：{error}", en=f"not base64url: {error}") from error
    if b64(data) != value:
        raise CanonicalError(zh="base64url 末尾有多余位元", en="base64url with stray bits at its end")
    if size is not None and len(data) != size:
        raise CanonicalError(zh=f"应为 {size} 字节，实为 {len(data)}", en=f"{size} bytes expected, {len(data)} found")
    return data
