"""Accounts: passwords, lockout, tokens, sessions; on both engines."""

import threading
import time
from typing import Literal

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from catalog import accounts as module
from catalog.accounts import Account, Accounts
from catalog.errors import AccountError, SignInError
from catalog.site import SiteIdentity
from catalog.store import Store
from catalog.tables import audit, session, token, user

SITE = SiteIdentity(node="n-" + "b" * 32, zone="business", division="510107", level="county", name={"zh": "武侯", "en": "Wuhou"}, sector="land")


@pytest.fixture
def accounts(store: Store) -> Accounts:
    found = Accounts(store, SITE, PasswordHasher(time_cost=1, memory_cost=256, parallelism=1))
    with store.write() as tx:
        found.create(tx, Account("li", "李", frozenset({"clerk"})), "a long password")
    return found


def test_the_default_hash_is_argon2id_with_64_mib(store: Store) -> None:
    real = Accounts(store, SITE)
    with store.write() as tx:
        real.create(tx, Account("wang", "王"), "a long password")
    with store.read() as conn:
        assert conn.execute(select(user.c.password).where(user.c.login == "wang")).scalar_one().startswith("$argon2id$v=19$m=65536,")


def test_signing_in_and_out(store: Store, accounts: Accounts) -> None:
    secret, opened = accounts.sign_in("li", "a long password")
    assert opened.account.login == "li"
    found = accounts.session(secret)
    assert found is not None and found.csrf == opened.csrf
    actor = found.account.actor(SITE)
    assert (actor.kind, actor.person, actor.node, actor.division, actor.level, actor.sector) == ("person", "li", SITE.node, "510107", "county", "land")
    accounts.sign_out(secret)
    assert accounts.session(secret) is None


def test_a_password_that_is_changed_while_it_is_checked_opens_nothing(store: Store, accounts: Accounts) -> None:
    class Slow(PasswordHasher):
        """Somebody changes the password between the check and the session."""

        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            with store.write() as tx:
                tx.conn.execute(update(user).where(user.c.login == "li").values(password=self.hash("another password")))
            return super().verify(hash, password)

    slow = Accounts(store, SITE, Slow(time_cost=1, memory_cost=256, parallelism=1))
    with pytest.raises(SignInError):
        slow.sign_in("li", "a long password")
    with store.read() as conn:
        assert conn.execute(select(session)).first() is None
    assert accounts.sign_in("li", "another password")


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(accounts: Accounts) -> None:
    with pytest.raises(SignInError) as wrong_password:
        accounts.sign_in("li", "not the password")
    with pytest.raises(SignInError) as wrong_name:
        accounts.sign_in("nobody", "a long password")
    assert (wrong_password.value.zh, wrong_password.value.en) == (wrong_name.value.zh, wrong_name.value.en)


def test_five_wrong_passwords_lock_for_a_while(store: Store, accounts: Accounts) -> None:
    for _ in range(module.MAX_FAILURES):
        with pytest.raises(SignInError):
            accounts.sign_in("li", "guess guess guess")
    with pytest.raises(SignInError):
        accounts.sign_in("li", "a long password")
    with store.write() as tx:
        tx.conn.execute(update(user).values(locked_until=tx.now - 1))
    assert accounts.sign_in("li", "a long password")
    with store.read() as conn:
        assert "refused" in set(conn.execute(select(audit.c.outcome)).scalars())


def test_sessions_end_by_idleness_by_age_and_when_roles_change(store: Store, accounts: Accounts) -> None:
    secret, _ = accounts.sign_in("li", "a long password")
    with store.write() as tx:
        tx.conn.execute(update(session).values(seen=tx.now - module.IDLE))
    assert accounts.session(secret) is None
    secret, _ = accounts.sign_in("li", "a long password")
    with store.write() as tx:
        accounts.change(tx, "li", by="admin", roles=frozenset({"officer"}))
    assert accounts.session(secret) is None
    with store.write() as tx:
        accounts.sweep(tx)
    with store.read() as conn:
        assert conn.execute(select(session)).all() == []


def test_a_token_is_kept_as_its_hash_and_gives_the_actor(store: Store, accounts: Accounts) -> None:
    with store.write() as tx:
        secret = accounts.create_token(tx, "li", "laptop", purpose="survey")
    with store.read() as conn:
        assert secret not in str(conn.execute(select(token)).all())
        for _ in range(2):  # the second time from the cache
            actor = accounts.actor_for_token(conn, secret)
            assert actor is not None and actor.person == "li" and actor.purpose == "survey"
        assert accounts.actor_for_token(conn, secret[:-1] + ("A" if secret[-1] != "A" else "B")) is None
        assert accounts.actor_for_token(conn, "tt_" + "x" * 5000) is None


def test_a_revoked_token_ends_at_once_in_every_process(store: Store, accounts: Accounts) -> None:
    with store.write() as tx:
        secret = accounts.create_token(tx, "li", "laptop")
    with store.read() as conn:
        assert accounts.actor_for_token(conn, secret)
    elsewhere = Accounts(store, SITE)
    with store.write() as tx:
        assert elsewhere.revoke_tokens(tx, "li") == 1
    with store.read() as conn:
        assert accounts.actor_for_token(conn, secret) is None


def test_attack_a_session_does_not_outlast_the_token_that_opened_it(store: Store, accounts: Accounts) -> None:
    until = int(time.time()) + 60
    with store.write() as tx:
        brief, lasting = accounts.create_token(tx, "li", "brief", expires=until), accounts.create_token(tx, "li", "lasting")
    opened, stolen = accounts.session_for_token(brief), accounts.session_for_token(lasting)
    assert opened is not None and opened[1].expires == until
    assert stolen is not None and accounts.session(stolen[0]) is not None
    with store.write() as tx:
        accounts.revoke_tokens(tx, "li", "lasting")
    assert accounts.session(stolen[0]) is None


def test_a_closed_account_and_an_expired_token_are_nobody(store: Store, accounts: Accounts) -> None:
    with store.write() as tx:
        old = accounts.create_token(tx, "li", "old", expires=int(time.time()) - 1)
        good = accounts.create_token(tx, "li", "good")
    with store.read() as conn:
        assert accounts.actor_for_token(conn, old) is None
        assert accounts.actor_for_token(conn, good)
    with store.write() as tx:
        accounts.change(tx, "li", by="admin", state="closed")
    with store.read() as conn:
        assert accounts.actor_for_token(conn, good) is None
    assert accounts.session_for_token(good) is None


def test_nobody_changes_their_own_roles(store: Store, accounts: Accounts) -> None:
    with pytest.raises(AccountError), store.write() as tx:
        accounts.change(tx, "li", by="li", roles=frozenset({"administrator"}))


def test_an_agency_of_another_department_has_its_own_sector_and_division(store: Store, accounts: Accounts) -> None:
    with store.write() as tx:
        accounts.create(tx, Account("env", "环境局", kind="agency", sector="environment", division="510100", agency="env-510100"))
        secret = accounts.create_token(tx, "env", "harvest")
    with store.read() as conn:
        actor = accounts.actor_for_token(conn, secret)
    assert actor is not None
    assert (actor.kind, actor.sector, actor.division, actor.node, actor.level) == ("agency", "environment", "510100", "env-510100", None)


def test_malformed_accounts_are_refused(store: Store, accounts: Accounts) -> None:
    for bad in (Account("Li Wei", "x"), Account("a", "x", frozenset({"king"})), Account("a", "x", clearance="cosmic"), Account("a", "x", kind="peer")):
        with pytest.raises(AccountError), store.write() as tx:
            accounts.create(tx, bad)
    with pytest.raises(AccountError), store.write() as tx:
        accounts.create(tx, Account("short", "x"), "short")
    with pytest.raises(AccountError), store.write() as tx:
        accounts.create(tx, Account("li", "again"))


def test_a_flood_of_sign_ins_computes_few_hashes_at_once(store: Store) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.02)
            with lock:
                running -= 1
            return super().verify(hash, password)

    flooded = Accounts(store, SITE, Counting(time_cost=1, memory_cost=256, parallelism=1))

    def guess() -> None:
        with pytest.raises(SignInError):
            flooded.sign_in("nobody", "x")

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most <= module.HASHES
