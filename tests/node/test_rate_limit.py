"""The sliding minute of sign-in attempts."""

import pytest

from node.errors import TooManyAttemptsError
from node.rate_limit import MOST, RateLimit


def test_address_waits_until_its_oldest_attempt_is_a_minute_old() -> None:
    limit = RateLimit(2)
    limit.attempt("a", 0.0)
    limit.attempt("a", 10.0)
    with pytest.raises(TooManyAttemptsError) as caught:
        limit.attempt("a", 20.0)
    assert caught.value.seconds == 40
    limit.attempt("b", 20.0)
    limit.attempt("a", 60.0)


def test_memory_of_addresses_is_bounded() -> None:
    limit = RateLimit(1)
    for number in range(MOST + 5):
        limit.attempt(str(number), 0.0)
    assert len(limit._seen) == MOST
