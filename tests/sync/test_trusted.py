"""The statements in the database and the trust kept in memory beside them: never staler, never ahead (PROTOCOL 6.1)."""

import pytest

from catalog.store import Store
from sync.statements import parse_all
from sync.trusted import TrustStore, add_anchor, keep_statements
from tests.sync.world import NOW, ZONE, World, world


@pytest.fixture
def made(store: Store) -> tuple[Store, World, TrustStore]:
    store.upgrade(also=["sync"])
    w = world()
    return store, w, TrustStore(store, w.county.id, ZONE)


def _keep(store: Store, tokens: list[str]) -> None:
    with store.write() as tx:
        keep_statements(tx.conn, parse_all(tokens), source="n-x", now=NOW)


def test_trust_grows_with_what_is_kept(made: tuple[Store, World, TrustStore]) -> None:
    store, w, trusted = made
    assert trusted.at(NOW).nodes() == ()
    _keep(store, w.county.tokens)
    assert trusted.at(NOW).nodes() == (w.county.id,)  # its own anchor
    for node in (w.nation, w.province, w.city):
        _keep(store, node.tokens)
    assert len(trusted.at(NOW).certifications(w.county.id)) == 1
    with store.write() as tx:
        add_anchor(tx.conn, w.nation.id)
    assert len(trusted.at(NOW).certifications(w.county.id)) == 2
    assert trusted.at(NOW) is trusted.at(NOW)
    assert trusted.at(NOW).certifications(w.county.id) == TrustStore(store, w.county.id, ZONE).at(NOW).certifications(w.county.id)


def test_statements_of_a_transaction_that_failed_are_not_remembered(made: tuple[Store, World, TrustStore]) -> None:
    store, w, trusted = made
    _keep(store, [*w.county.tokens])
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        keep_statements(tx.conn, parse_all(w.nation.tokens), source="n-x", now=NOW)
        assert len(trusted.in_(tx.conn, NOW).statements) == len(w.county.tokens) + len(w.nation.tokens)
        raise ZeroDivisionError
    assert len(trusted.at(NOW).statements) == len(w.county.tokens)
    _keep(store, w.city.tokens)  # takes the same numbers that the failed one had
    assert len(trusted.at(NOW).statements) == len(w.county.tokens) + len(w.city.tokens)


def test_kept_twice_is_kept_once(made: tuple[Store, World, TrustStore]) -> None:
    store, w, trusted = made
    _keep(store, w.county.tokens)
    before = trusted.at(NOW)
    _keep(store, w.county.tokens)
    assert trusted.at(NOW) is before


def test_what_one_issuer_signs_without_end_is_kept_up_to_a_limit(made: tuple[Store, World, TrustStore]) -> None:
    # PROTOCOL 7.1
    store, w, _ = made
    flood = parse_all([w.city.certify(w.county) for _ in range(6)])
    with store.write() as tx:
        assert keep_statements(tx.conn, flood[:2], source=w.city.id, now=NOW, limit=4) == 2
        assert keep_statements(tx.conn, flood, source=w.city.id, now=NOW, limit=4) == 2  # its own mouth is no exception
        assert keep_statements(tx.conn, parse_all(w.nation.tokens), source=w.city.id, now=NOW, limit=4) == len(w.nation.tokens)
        assert keep_statements(tx.conn, flood, source=w.county.id, now=NOW) == 2
