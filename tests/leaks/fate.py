"""Twin sites must differ in nothing but what one of them holds: here clock and chance are pinned while they are made and asked.

What is pinned is the environment (`time.time`, the functions of `secrets`), never the program. Each step of making a site has a name; steps of one name draw
the same bytes in every site, so that what one site holds in addition moves no id, nonce or salt of the others.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

#: 2027-01-15T08:00:00Z
NOON = 1_800_000_000


class _Draw:
    """An endless row of bytes made from a name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0

    def bytes(self, count: int | None = None) -> bytes:
        self._count += 1
        return hashlib.shake_256(f"{self._name} {self._count}".encode()).digest(32 if count is None else count)

    def hex(self, count: int | None = None) -> str:
        return self.bytes(count).hex()

    def urlsafe(self, count: int | None = None) -> str:
        return base64.urlsafe_b64encode(self.bytes(count)).rstrip(b"=").decode()

    def below(self, limit: int) -> int:
        return int.from_bytes(self.bytes(8), "big") % limit


@contextmanager
def fated(step: str, now: int = NOON) -> Iterator[None]:
    """Pins clock and chance for one step.

    Args:
        step: its name.
        now: UTC seconds that the clock shows.
    """
    draw = _Draw(step)
    with (
        patch.object(time, "time", lambda: float(now)),
        patch.object(secrets, "token_bytes", draw.bytes),
        patch.object(secrets, "token_hex", draw.hex),
        patch.object(secrets, "token_urlsafe", draw.urlsafe),
        patch.object(secrets, "randbelow", draw.below),
    ):
        yield
