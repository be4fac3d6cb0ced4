"""Making manifests and disclosures of new versions, as the authority does (PROTOCOL 2.1–2.3); reading them is `catalog.manifest`.

Pure but for randomness, which is `secrets`.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.canonical import JSON, b64, b64_many, dumps, members, whole
from catalog.errors import ManifestError
from catalog.manifest import FIELD_PREFIX, PAD_TO, SALT_BYTES, Digest, Manifest, is_field_name, sha256, shaped

__all__ = ["Built", "build", "disclosures", "tombstone"]


@dataclass(frozen=True, slots=True)
class Built:
    """A new version as the authority makes it.

    Attributes:
        manifest: canonical bytes.
        hash: H(manifest), the version's name inside a site.
        disclosures: field name → disclosure text, for every field of the profile and every other field given.
        fields: the fields that are not null, canonical JSON.
        parsed: the manifest as whoever gets it reads it.
    """

    manifest: bytes
    hash: bytes
    disclosures: dict[str, str]
    fields: str
    parsed: Manifest = field(repr=False)


def disclosures(written: Mapping[str, str], names: Iterable[str], salts: Sequence[bytes] | None = None) -> dict[str, str]:
    """Makes the disclosure texts of fields, with fresh salts unless some are given.

    Args:
        written: field name → value in canonical form.
        names: of fields that are disclosed in any case, as null when they are absent.
        salts: 16 bytes for each, in the order of the names.

    Returns:
        Field name → text, in the order of the names.

    Raises:
        ManifestError: a field's name has not its form.
    """
    ordered = sorted({*names, *written})
    for name in ordered:
        if not is_field_name(name):
            raise ManifestError(zh=f"字段名称不合规则：{name!r:.80}", en=f"not a field name: {name!r:.80}")
    drawn = b64_many(_random(len(ordered), SALT_BYTES) if salts is None else salts)
    return {name: f'["{salt}","{name}",{written.get(name, "null")}]' for name, salt in zip(ordered, drawn, strict=True)}


def _random(count: int, size: int) -> list[bytes]:
    """So many values of `size` random bytes."""
    data = secrets.token_bytes(count * size)
    return [data[start : start + size] for start in range(0, len(data), size)]


def build(
    fields: Mapping[str, JSON],
    *,
    id: str,
    birth: tuple[str, str | bytes],
    nonce: str | bytes | None = None,
    profile: str,
    secrecy: str,
    terms: Mapping[str, JSON] | None,
    time: str,
    version: int,
    zone: str,
    authority: str,
    attested: Mapping[str, JSON] | None = None,
    names: Collection[str] | None = None,
    written: Mapping[str, str] | None = None,
    digest: Digest = sha256,
) -> Built:
    """Makes the manifest and all disclosures of a new version (PROTOCOL 2.1–2.3).

    Args:
        fields: field name → value; a field that is absent or None is disclosed as null when the profile names it.
        id: `urn:terrace:<uuid>`.
        birth: node that minted the id, and the 16 bytes that it minted it from (bytes or base64url).
        nonce: 16 bytes (or their base64url); random when None.
        profile: for example `core/1`.
        secrecy: one of SECRECIES.
        terms: what travels with the record (audience, lease, obligations, onward, purposes, until), or None.
        time: ISO 8601 UTC seconds with `Z`; for display only.
        version: counts from 1; for display only.
        zone: the zone of the site.
        authority: node id that answers for the record.
        attested: the mark of a harvested record (where it came from), or None for a record of the authority's own.
        names: the profile's field names; None asks `catalog.profiles`.
        written: the fields that are not null in canonical form, from whoever has written them already.
        digest: the suite's hash.

    Returns:
        The bytes, their hash and the disclosures.

    Raises:
        ManifestError: a member is not of its form.
        CanonicalError: a value lies outside the restricted JSON.
    """
    if names is None:
        from catalog.profiles import field_names  # the packaged profiles are only read when a caller does not name the fields

        names = field_names(profile)
    if written is None:
        written = members({name: value for name, value in fields.items() if value is not None})
    texts = disclosures(written, names)
    digests = b64_many([*[digest(FIELD_PREFIX + text.encode()) for text in texts.values()], *_random(-len(texts) % PAD_TO, 32)])
    content: dict[str, JSON] = {
        "authority": authority,
        "birth": [birth[0], _b64_16(birth[1])],
        "digests": sorted(digests),
        "id": id,
        "kind": "record",
        "nonce": _nonce(nonce),
        "profile": profile,
        "secrecy": secrecy,
        "terms": None if terms is None else dict(terms),
        "time": time,
        "v": 1,
        "version": version,
        "zone": zone,
    }
    if attested is not None:
        content["attested"] = dict(attested)
    return _built(content, texts, whole(written), digest)


def tombstone(
    *, id: str, birth: tuple[str, str | bytes], nonce: str | bytes | None = None, time: str, version: int, zone: str, authority: str, digest: Digest = sha256
) -> Built:
    """Makes the manifest that says that a record is gone. Arguments as for `build`."""
    content: dict[str, JSON] = {
        "authority": authority,
        "birth": [birth[0], _b64_16(birth[1])],
        "id": id,
        "kind": "tombstone",
        "nonce": _nonce(nonce),
        "time": time,
        "v": 1,
        "version": version,
        "zone": zone,
    }
    return _built(content, {}, "{}", digest)


def _built(content: dict[str, JSON], texts: dict[str, str], fields: str, digest: Digest) -> Built:
    data = dumps(content)
    parsed = shaped(content, data, digest)  # nothing leaves that would not be accepted
    return Built(manifest=data, hash=parsed.hash, disclosures=texts, fields=fields, parsed=parsed)


def _nonce(value: str | bytes | None) -> str:
    return b64(secrets.token_bytes(16)) if value is None else _b64_16(value)


def _b64_16(value: str | bytes) -> str:
    return value if isinstance(value, str) else b64(value)
