"""Who this site is. `node` makes one from the settings and hands it to whatever needs it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["SECRECY", "SiteIdentity"]

#: Ranks of secrecy, as the database stores them.
SECRECY = ("public", "internal", "confidential", "secret", "top_secret")


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@dataclass(frozen=True)
class SiteIdentity:
    """A node's presence in one zone.

    Attributes:
        node: node id, `n-…`.
        zone: the zone that this site serves.
        division: GB/T 2260 code that the node answers for, or None for a unit that is no division.
        level: township, county, city, province, nation, or None.
        name: of the node, `{"zh": …, "en": …}`.
        sector: for example `land`.
        secrecy_cap: highest secrecy that this site takes in (政务数据共享条例 3: only a classified zone goes above `internal`).
        digest: H of the node's suite, 32 bytes.
    """

    node: str
    zone: str
    division: str | None
    level: str | None
    name: Mapping[str, str]
    sector: str | None = None
    secrecy_cap: str = "internal"
    digest: Callable[[bytes], bytes] = field(default=_sha256, compare=False)

    def takes(self, secrecy: str) -> bool:
        """Whether a record of this secrecy may be in this site."""
        return secrecy in SECRECY and SECRECY.index(secrecy) <= SECRECY.index(self.secrecy_cap)
