"""Errors of the exchange name their clause, speak both languages, and stand in the tree of their module (PROTOCOL 7.3)."""

import re

import pytest

from catalog.canonical import dumps
from sync import errors
from sync.errors import BatchError, ConflictError, ForkError, MissingHashError, SyncError, WitnessError
from tests.sync.test_protocol import CLAUSES

CLASSES = [found for name in errors.__all__ if isinstance(found := getattr(errors, name), type)]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_error_names_a_clause_that_exists_and_stands_in_the_tree(error: type[SyncError]) -> None:
    # PROTOCOL 7.3
    assert error.clause in CLAUSES or error.clause in ("7",)
    assert re.search(rf"── {error.__name__}\b", errors.__doc__ or "")
    assert len({other.kind for other in CLASSES}) == len(CLASSES)


def test_refusal_is_written_in_canonical_form() -> None:
    # PROTOCOL 7.3
    error = BatchError(zh="位置有误", en="out of order", clause="4.2", kind="position", item=3)
    assert dumps(error.as_dict()) == '{"clause":"4.2","kind":"position","message":{"en":"items[3]: out of order","zh":"items[3]: 位置有误"},"v":1}'.encode()  # type: ignore[arg-type]
    assert str(error) == "items[3]: out of order"


def test_errors_carry_what_their_handlers_need() -> None:
    assert ForkError(zh="一", en="a", evidence={"known": "x"}).evidence == {"known": "x"}
    assert (MissingHashError(3, 5).level, MissingHashError(3, 5).index) == (3, 5)
    assert WitnessError(409, zh="一", en="a", size=7).size == 7
    assert issubclass(ConflictError, BatchError)
