"""The manifest of a record and the disclosures that go with it (PROTOCOL 2).

The authority publishes a *manifest*: who answers, what may be done (terms), how secret, and one salted digest for each field. A *disclosure* is the text
`["<salt>","<field name>",<value>]`; its digest H("terrace/1 field\\n" + text) stands in the manifest. Whoever receives a manifest and some disclosures can
prove just those fields, and learns nothing of the others: not their names, not their values, and their number only in steps of eight.

Rules that hold here:

1. Every field that the profile names has a disclosure, `null` when absent: hence *not disclosed* means withheld, and *disclosed null* means absent (2.3).
2. Salts are 16 random bytes, new for each version, so that two versions do not tell whether a hidden field changed.
3. Digests are sorted and padded with random ones to a multiple of eight.
4. A manifest carries no signature: it is proved by inclusion in a signed log (2.4). Its random `nonce` hides its content behind its leaf hash.
5. A tombstone has no digests, no terms and no profile: it says only that the record is gone.

Pure: bytes in, values out. Manifests are made in `catalog.manifest_making`.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from catalog.canonical import JSON, b64, b64_many, is_b64, loads, loads_many, unb64
from catalog.errors import CanonicalError, ManifestError

__all__ = ["Digest", "Manifest", "check_disclosures", "field_digest", "is_field_name", "manifest_hash", "parse", "sha256", "shaped"]

type Digest = Callable[[bytes], bytes]

SECRECIES = ("public", "internal", "confidential", "secret", "top_secret")
FIELD_NAME = re.compile(r"(?:[a-z][a-z0-9_]{0,59}|x\.[a-z][a-z0-9_]{0,59}|(?:resources|variants)\.[a-z0-9][a-z0-9_-]{0,63})\Z")
MAX_DISCLOSURES = 4096
FIELD_PREFIX = b"terrace/1 field\n"
SALT_BYTES = 16
PAD_TO = 8

_SALTS = re.compile(r"(?:[A-Za-z0-9_-]{21}[AQgw],)*[A-Za-z0-9_-]{21}[AQgw]\Z")
_ID = re.compile(r"urn:terrace:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_NODE = re.compile(r"n-[a-z2-7]{32}\Z")
_PROFILE = re.compile(r"[a-z][a-z0-9-]{0,40}/[1-9][0-9]{0,3}\Z")
_ZONE = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")
_DIGESTS = re.compile(r"(?:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048],)*[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")
_TIME = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ\Z")
_COMMON = {"authority", "birth", "id", "kind", "nonce", "time", "v", "version", "zone"}


def sha256(data: bytes) -> bytes:
    """H of the suite that is the default."""
    return hashlib.sha256(data).digest()


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read and checked for form. `data` holds it as received, with members that this program does not know."""

    id: str
    kind: str
    authority: str
    birth: tuple[str, str]
    nonce: str
    time: str
    version: int
    zone: str
    profile: str | None
    secrecy: str | None
    terms: Mapping[str, JSON] | None
    digests: frozenset[str]
    attested: Mapping[str, JSON] | None
    hash: bytes
    data: Mapping[str, JSON] = field(repr=False)

    @property
    def is_tombstone(self) -> bool:
        """True when the record is gone."""
        return self.kind == "tombstone"


def manifest_hash(manifest: bytes, digest: Digest = sha256) -> bytes:
    """H(manifest bytes): names a version inside a site and in stream fingerprints."""
    return digest(manifest)


def field_digest(text: str, digest: Digest = sha256) -> str:
    """The digest of one disclosure text as it stands in the manifest (PROTOCOL 2.2)."""
    return b64(digest(FIELD_PREFIX + text.encode()))


@lru_cache(maxsize=4096)
def is_field_name(name: str) -> bool:
    """Whether a field may be called so."""
    return FIELD_NAME.match(name) is not None


def parse(data: bytes | str, digest: Digest = sha256) -> Manifest:
    """Reads a manifest and checks its form (not who minted the id: `catalog.ids.check_birth`; not its proof: `sync`).

    Args:
        data: canonical bytes as received.
        digest: the suite's hash.

    Returns:
        The manifest; unknown members stay in `data`.

    Raises:
        ManifestError: the bytes are not canonical, or a member is missing or of the wrong form.
    """
    try:
        value = loads(data)
    except CanonicalError as error:
        raise ManifestError(zh=f"清单：{error.zh}", en=f"manifest: {error.en}") from error
    return shaped(value, data, digest)


def shaped(value: JSON, data: bytes | str, digest: Digest = sha256) -> Manifest:
    """The second half of `parse`, for whoever has read the bytes already.

    Args:
        value: what `catalog.canonical.loads` read from `data`.
        data: canonical bytes as received.
        digest: the suite's hash.

    Raises:
        ManifestError: a member is missing or of the wrong form.
    """
    if not isinstance(value, dict):
        raise _wrong("manifest", value)
    if not value.keys() >= _COMMON:
        raise ManifestError(zh=f"清单缺少：{', '.join(sorted(_COMMON - value.keys()))}", en=f"the manifest lacks: {', '.join(sorted(_COMMON - value.keys()))}")
    if type(value["v"]) is not int or value["v"] != 1:
        raise _wrong("v", value["v"])
    birth = value["birth"]
    if not isinstance(birth, list) or len(birth) != 2:
        raise _wrong("birth", birth)
    kind = value["kind"]
    if kind not in ("record", "tombstone"):
        raise _wrong("kind", kind)
    if type(value["version"]) is not int or value["version"] < 1:
        raise _wrong("version", value["version"])
    attested = value.get("attested")
    if attested is not None and not isinstance(attested, dict):
        raise _wrong("attested", attested)
    _check_bytes("nonce", value["nonce"], 16)
    _check_bytes("birth", birth[1], 16)
    profile, secrecy, terms, digests = _record_members(value) if kind == "record" else _tombstone_members(value)
    return Manifest(
        id=_matching("id", value["id"], _ID),
        kind=str(kind),
        authority=_matching("authority", value["authority"], _NODE),
        birth=(_matching("birth", birth[0], _NODE), str(birth[1])),
        nonce=str(value["nonce"]),
        time=_matching("time", value["time"], _TIME),
        version=value["version"],
        zone=_matching("zone", value["zone"], _ZONE),
        profile=profile,
        secrecy=secrecy,
        terms=terms,
        digests=digests,
        attested=attested,
        hash=manifest_hash(data.encode() if isinstance(data, str) else data, digest),
        data=value,
    )


type _RecordMembers = tuple[str | None, str | None, Mapping[str, JSON] | None, frozenset[str]]


def _record_members(value: dict[str, JSON]) -> _RecordMembers:
    secrecy, digests = value.get("secrecy"), value.get("digests")
    if not isinstance(secrecy, str) or secrecy not in SECRECIES:
        raise _wrong("secrecy", secrecy)
    if not isinstance(digests, list) or len(digests) % PAD_TO or not 0 < len(digests) <= MAX_DISCLOSURES:
        raise ManifestError(
            zh=f"digests 的个数须为 {PAD_TO} 的倍数，且不超过 {MAX_DISCLOSURES}",
            en=f"the number of digests must be a multiple of {PAD_TO}, at most {MAX_DISCLOSURES}",
        )
    if not _are(_DIGESTS, 43, digests):
        for text in digests:  # names the reason
            _check_bytes("digests", text, 32)
    unique = frozenset(digests)
    if len(unique) != len(digests) or digests != sorted(digests):
        raise ManifestError(zh="digests 须排序且不重复", en="digests must be sorted and unique")
    if "terms" not in value:
        raise ManifestError(zh="清单缺少：terms", en="the manifest lacks: terms")
    return _matching("profile", value.get("profile"), _PROFILE), secrecy, _terms(value["terms"]), unique


def _are(pattern: re.Pattern[str], size: int, texts: Sequence[Any]) -> bool:
    """Whether all texts have a form and a size, at once: with as many of them as there are parts between commas, none can hold a comma."""
    try:
        joined = ",".join(texts)
    except TypeError:
        return False
    return not texts or (len(joined) == (size + 1) * len(texts) - 1 and pattern.match(joined) is not None)


def _tombstone_members(value: dict[str, JSON]) -> _RecordMembers:
    if value.get("digests"):
        raise ManifestError(zh="墓碑清单不得有 digests", en="a tombstone has no digests")
    return None, None, None, frozenset()


def _terms(terms: JSON) -> Mapping[str, JSON] | None:
    """Checks the members of `terms` that this program knows; unknown ones stay, for `policies` to judge."""
    if terms is None:
        return None
    if not isinstance(terms, dict):
        raise _wrong("terms", terms)
    audience = terms.get("audience")
    if audience is not None and not (isinstance(audience, dict) and all(_is_texts(audience.get(name)) for name in ("nodes", "divisions"))):
        raise _wrong("terms.audience", audience)
    if not _is_texts(terms.get("purposes")):
        raise _wrong("terms.purposes", terms.get("purposes"))
    lease, until, onward = terms.get("lease"), terms.get("until"), terms.get("onward")
    if lease is not None and (type(lease) is not int or lease <= 0):
        raise _wrong("terms.lease", lease)
    if until is not None:
        _matching("terms.until", until, _TIME)
    if onward is not None and type(onward) is not bool:
        raise _wrong("terms.onward", onward)
    if terms.get("obligations") is not None and not isinstance(terms["obligations"], list):
        raise _wrong("terms.obligations", terms["obligations"])
    return terms


def _is_texts(value: JSON) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def check_disclosures(manifest: Manifest, disclosures: Iterable[str], digest: Digest = sha256) -> dict[str, JSON]:
    """Proves disclosures against their manifest (PROTOCOL 2.3).

    Args:
        manifest: the manifest, already parsed.
        disclosures: the texts as received.
        digest: the suite's hash.

    Returns:
        Field name → value; None for a field that is disclosed as absent.

    Raises:
        ManifestError: a text is not canonical or not a disclosure, has no digest in the manifest, or names a field twice. The whole batch is to be refused.
    """
    texts = list(disclosures)
    if len(texts) > MAX_DISCLOSURES:
        raise ManifestError(zh=f"公开项超过 {MAX_DISCLOSURES}", en=f"more than {MAX_DISCLOSURES} disclosures")
    try:
        raws, values = loads_many(texts)
    except CanonicalError as error:
        raise ManifestError(zh=f"公开项：{error.zh}", en=f"disclosure: {error.en}") from error
    found = _disclosed(values)
    digests = b64_many([digest(FIELD_PREFIX + raw) for raw in raws])
    if not manifest.digests.issuperset(digests):
        name = next(name for name, text in zip(found, digests, strict=True) if text not in manifest.digests)
        raise ManifestError(zh=f"字段 {name} 的公开项在清单中没有摘要", en=f"the disclosure of field {name} has no digest in the manifest")
    return found


def _disclosed(values: list[Any]) -> dict[str, JSON]:
    """Field name → value of what should be disclosures, in their order: all looked at together, and one by one where something is wrong."""
    try:
        salts, names, contents = zip(*values, strict=True) if values else ((), (), ())
        right = {*map(type, values)} <= {list} and {*map(type, salts), *map(type, names)} <= {str} and all(map(_is_name, names)) and _are(_SALTS, 22, salts)
    except (TypeError, ValueError):
        right = False
    if right:
        found: dict[str, JSON] = dict(zip(names, contents, strict=True))
        if len(found) == len(values):
            return found
    found = {}
    for value in values:
        if type(value) is not list or len(value) != 3:
            raise _wrong("disclosure", value)
        salt, name, content = value
        if type(name) is not str or not _is_name(name):
            raise _wrong("disclosure", name)
        _check_bytes(name, salt, SALT_BYTES)
        if name in found:
            raise ManifestError(zh=f"字段 {name} 公开了两次", en=f"field {name} is disclosed twice")
        found[name] = content
    return found


def _is_name(name: str) -> bool:
    return len(name) <= 80 and is_field_name(name)


def _check_bytes(name: str, value: object, size: int) -> None:
    if is_b64(value, size):
        return
    try:
        unb64(value, size)  # type: ignore[arg-type]  # names the reason
    except CanonicalError as error:
        raise ManifestError(zh=f"{name}：{error.zh}", en=f"{name}: {error.en}") from error


def _matching(name: str, value: JSON, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or pattern.match(value) is None:
        raise _wrong(name, value)
    return value


def _wrong(name: str, value: object) -> ManifestError:
    return ManifestError(zh=f"清单的 {name} 不合规定：{value!r:.80}", en=f"the manifest's {name} is not allowed: {value!r:.80}")
