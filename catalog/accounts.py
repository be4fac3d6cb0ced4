"""Accounts, passwords, tokens and sessions.

Rules:

1. Passwords are argon2id (64 MiB); at most `HASHES` are computed at once, so that a flood of sign-ins cannot take the memory. An unknown name costs as much
   time as a wrong password, and both give the same answer.
2. `MAX_FAILURES` wrong passwords in a row lock an account for `LOCKED` seconds.
3. Tokens and session ids are 256 random bits, kept as SHA-256 only (argon2 would cost 0.1 s a request). A token is shown once, when it is made.
4. Managing accounts is the administrator's act, giving and taking `security_officer` and `auditor` the security officer's (`policies.acts`); nobody changes
   their own roles. The callers of this module check the act, this module the last sentence.
5. Every change moves the number `account` of `counter`; what is cached of tokens is good for exactly one value of it.
"""

import hashlib
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, delete, insert, select, update

from catalog.errors import AccountError, NotFoundError, SignInError
from catalog.site import SECRECY, SiteIdentity
from catalog.store import State, Store, WriteTransaction
from catalog.tables import session, token, user
from policies.actor import Actor
from policies.vocabulary import ROLES

__all__ = ["Account", "Accounts", "Session"]

HASHES = 4
MAX_FAILURES = 5
LOCKED = 15 * 60
MIN_PASSWORD = 10
#: Seconds: a session ends after so long without use, and after so long in any case.
IDLE, LONGEST = 30 * 60, 12 * 3600
_CACHED = 2048

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}\Z")
_SECRET = re.compile(r"tt_[A-Za-z0-9_-]{43}\Z")
_TOKEN = select(token.c.login, token.c.expires, token.c.purpose, user).join(user, user.c.login == token.c.login)


@dataclass(frozen=True)
class Account:
    """A person of this node, or another department's program (`kind` = agency).

    Attributes:
        login: lower-case name.
        kind: `person` or `agency`.
        sector, division, agency: of another department; None for this node's own people, who are of the site's.
    """

    login: str
    name: str
    roles: frozenset[str] = frozenset()
    clearance: str = "internal"
    kind: str = "person"
    unit: str | None = None
    sector: str | None = None
    division: str | None = None
    agency: str | None = None
    state: str = "active"

    def actor(self, site: SiteIdentity, purpose: str | None = None) -> Actor:
        """The actor that this account is at the site."""
        own = self.kind == "person"
        return Actor(
            kind=self.kind,
            node=site.node if own else self.agency,
            person=self.login,
            unit=self.unit,
            sector=self.sector or (site.sector if own else None),
            division=self.division or (site.division if own else None),
            level=site.level if own else None,
            clearance=self.clearance,
            roles=self.roles,
            purpose=purpose,
            name=self.name,
        )


@dataclass(frozen=True)
class Session:
    """A signed-in browser. `csrf` goes into forms."""

    account: Account
    csrf: str
    expires: int


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Accounts:
    """See the module. One for each process.

    Args:
        store: the site's database.
        site: gives persons their node, division and level.
        hasher: argon2 parameters; tests use cheaper ones.
    """

    def __init__(self, store: Store, site: SiteIdentity, hasher: PasswordHasher | None = None) -> None:
        self._store = store
        self._site = site
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
        self._hashing = threading.BoundedSemaphore(HASHES)
        self._nobody = ""
        self._cache: OrderedDict[str, tuple[int, Actor, int | None]] = OrderedDict()
        self._cached_state = -1
        self._lock = threading.Lock()

    # --- accounts ------------------------------------------------------------------------------------------------------------------------

    def create(self, tx: WriteTransaction, account: Account, password: str | None = None, *, by: str | None = None) -> None:
        """Makes an account; without a password it can only use tokens.

        Args:
            by: who does it, for the audit log.

        Raises:
            AccountError: malformed, taken, or a password that is too short.
        """
        _check(account)
        if tx.conn.execute(select(user.c.login).where(user.c.login == account.login)).first():
            raise AccountError(zh=f"账号 {account.login} 已存在", en=f"there is an account {account.login} already")
        hashed = None if password is None else self._hash(password)
        tx.conn.execute(insert(user).values(**_row(account), password=hashed, created=tx.now))
        self._changed(tx, "account.create", account.login, by, {"roles": sorted(account.roles), "kind": account.kind})

    def change(self, tx: WriteTransaction, login: str, *, by: str, **values: Any) -> Account:
        """Changes attributes of an account (name, roles, clearance, unit, sector, division, state). Its sessions end when roles, clearance or state change.

        Raises:
            NotFoundError: no such account.
            AccountError: malformed, or somebody changing their own roles or clearance.
        """
        old = _account(_one(tx.conn, login))
        new = replace(old, **values)
        _check(new)
        grave = (old.roles, old.clearance, old.state) != (new.roles, new.clearance, new.state)
        if grave and by == login:
            raise AccountError(zh="不可更改自己的角色、密级或状态", en="nobody changes their own roles, clearance or state")
        tx.conn.execute(update(user).where(user.c.login == login).values(**_row(new)))
        if grave:
            tx.conn.execute(delete(session).where(session.c.login == login))
        self._changed(tx, "account.change", login, by, {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()})
        return new

    def set_password(self, tx: WriteTransaction, login: str, password: str, *, by: str) -> None:
        """Sets a password, opens the account and ends its sessions."""
        _one(tx.conn, login)
        tx.conn.execute(update(user).where(user.c.login == login).values(password=self._hash(password), failures=0, locked_until=None))
        tx.conn.execute(delete(session).where(session.c.login == login))
        self._changed(tx, "account.password", login, by)

    def list(self, conn: Connection) -> list[Account]:
        """All accounts, by login."""
        return [_account(row) for row in conn.execute(select(user).order_by(user.c.login))]

    def get(self, conn: Connection, login: str) -> Account:
        """One account.

        Raises:
            NotFoundError: no such account.
        """
        return _account(_one(conn, login))

    # --- signing in ------------------------------------------------------------------------------------------------------------------------

    def sign_in(self, login: str, password: str) -> tuple[str, Session]:
        """Checks a password and opens a session.

        Returns:
            The secret for the cookie, and the session.

        Raises:
            SignInError: refused; never says why.
        """
        with self._store.read() as conn:
            row = conn.execute(select(user).where(user.c.login == login)).first()
        checked = row.password if row is not None and row.password else None
        good = self._verify(checked, password)
        refused = False
        with self._store.write() as tx:
            row = tx.conn.execute(select(user).where(user.c.login == login)).first()
            good = good and row is not None and row.password == checked  # changed while it was checked: the old one opens nothing
            locked = row is not None and row.locked_until is not None and row.locked_until > tx.now
            if row is None or not good or locked or row.state != "active":
                refused = True
                tx.audit("account.sign_in", actor=f"person:{login[:64]}@{self._site.node}", outcome="refused", detail={"locked": locked})
                if row is not None and not good and not locked:
                    failures = row.failures + 1
                    until = tx.now + LOCKED if failures >= MAX_FAILURES else None
                    tx.conn.execute(update(user).where(user.c.login == login).values(failures=0 if until else failures, locked_until=until))
            else:
                tx.conn.execute(update(user).where(user.c.login == login).values(failures=0, locked_until=None))
                opened = self._open_session(tx, _account(row))
                tx.audit("account.sign_in", actor=f"{row.kind}:{login}@{self._site.node}")
        if refused:
            raise SignInError(zh="账号或密码不正确，或账号暂时锁定", en="wrong name or password, or the account is locked for a while")
        return opened

    def session_for_token(self, secret: str) -> tuple[str, Session] | None:
        """Opens a session for whoever shows a valid token (portal: sign-in by token); None when it is not valid."""
        with self._store.write() as tx:
            row = tx.conn.execute(_TOKEN.where(token.c.sha256 == _digest(secret))).first()
            if row is None or row.state != "active" or (row.expires is not None and row.expires <= tx.now):
                return None
            tx.conn.execute(update(token).where(token.c.sha256 == _digest(secret)).values(used=tx.now))
            tx.audit("account.sign_in", actor=f"{row.kind}:{row.login}@{self._site.node}", detail={"by": "token"})
            return self._open_session(tx, _account(row), row.expires)

    def session(self, secret: str) -> Session | None:
        """The open session of a cookie, or None. Prolongs it at most once a minute."""
        key = _digest(secret)
        with self._store.read() as conn:
            row = conn.execute(select(session.c.csrf, session.c.seen, session.c.expires, user).join(user).where(session.c.sha256 == key)).first()
        now = _now()
        if row is None or row.state != "active" or row.expires <= now or row.seen + IDLE <= now:
            return None
        if row.seen + 60 <= now:
            with self._store.write() as tx:
                tx.conn.execute(update(session).where(session.c.sha256 == key).values(seen=tx.now))
        return Session(_account(row), row.csrf, row.expires)

    def sign_out(self, secret: str) -> None:
        """Ends a session."""
        with self._store.write() as tx:
            tx.conn.execute(delete(session).where(session.c.sha256 == _digest(secret)))

    def sweep(self, tx: WriteTransaction) -> None:
        """Deletes sessions and tokens that have ended."""
        tx.conn.execute(delete(session).where((session.c.expires <= tx.now) | (session.c.seen + IDLE <= tx.now)))
        tx.conn.execute(delete(token).where(token.c.expires <= tx.now))

    # --- tokens ------------------------------------------------------------------------------------------------------------------------

    def create_token(
        self, tx: WriteTransaction, login: str, label: str, *, expires: int | None = None, purpose: str | None = None, by: str | None = None
    ) -> str:
        """Makes a token; the only time that it can be read.

        Args:
            label: what it is for, for people.
            expires: UTC seconds, or None.
            purpose: declared purpose of use of whoever shows it; grants and terms compare it.
        """
        _one(tx.conn, login)
        secret = "tt_" + secrets.token_urlsafe(32)
        tx.conn.execute(insert(token).values(sha256=_digest(secret), login=login, label=label, created=tx.now, expires=expires, purpose=purpose))
        self._changed(tx, "token.create", login, by, {"label": label})
        return secret

    def list_tokens(self, conn: Connection, login: str | None = None) -> Sequence[Row[*tuple[Any, ...]]]:
        """Tokens of one account or of all, without their secrets: login, label, created, expires, used, purpose."""
        query = select(token.c.login, token.c.label, token.c.created, token.c.expires, token.c.used, token.c.purpose).order_by(token.c.login, token.c.created)
        return conn.execute(query if login is None else query.where(token.c.login == login)).all()

    def revoke_tokens(self, tx: WriteTransaction, login: str, label: str | None = None, *, by: str | None = None) -> int:
        """Deletes tokens of an account (all, or those of one label); returns how many. Ends its sessions, too: a token may have opened them."""
        condition = token.c.login == login if label is None else (token.c.login == login) & (token.c.label == label)
        count = tx.conn.execute(delete(token).where(condition)).rowcount
        if count:
            tx.conn.execute(delete(session).where(session.c.login == login))
        self._changed(tx, "token.revoke", login, by, {"label": label, "count": count})
        return count

    def actor_for_token(self, conn: Connection, secret: str, state: State | None = None) -> Actor | None:
        """Who shows this token; None when it is unknown, ended, or its account is not active.

        Args:
            conn: the request's snapshot.
            secret: as the client sent it.
            state: of the same snapshot, if already read.
        """
        if _SECRET.match(secret) is None:
            return None
        now = _now()
        account = (state or State.read(conn)).account
        key = _digest(secret)
        with self._lock:
            if self._cached_state != account:
                self._cache.clear()
                self._cached_state = account
            found = self._cache.get(key)
        if found is None:
            row = conn.execute(_TOKEN.where(token.c.sha256 == key)).first()
            if row is None or row.state != "active":
                return None
            found = (account, _account(row).actor(self._site, row.purpose), row.expires)
            with self._lock:
                if self._cached_state == account:
                    self._cache[key] = found
                    while len(self._cache) > _CACHED:
                        self._cache.popitem(last=False)
        return None if found[2] is not None and found[2] <= now else found[1]

    # --- steps -------------------------------------------------------------------------------------------------------------------------

    def _open_session(self, tx: WriteTransaction, account: Account, until: int | None = None) -> tuple[str, Session]:
        """A session; it does not outlast the token that opened it (`until`)."""
        secret, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        expires = tx.now + LONGEST if until is None else min(tx.now + LONGEST, until)
        tx.conn.execute(insert(session).values(sha256=_digest(secret), login=account.login, csrf=csrf, created=tx.now, seen=tx.now, expires=expires))
        return secret, Session(account, csrf, expires)

    def _changed(self, tx: WriteTransaction, event: str, login: str, by: str | None, detail: dict[str, Any] | None = None) -> None:
        tx.bump("account")
        tx.audit(event, actor=by, detail={"login": login, **(detail or {})})

    def _hash(self, password: str) -> str:
        if len(password) < MIN_PASSWORD:
            raise AccountError(zh=f"密码至少 {MIN_PASSWORD} 个字符", en=f"a password needs at least {MIN_PASSWORD} characters")
        with self._hashing:
            return self._hasher.hash(password)

    def _verify(self, hashed: str | None, password: str) -> bool:
        with self._hashing:
            if not self._nobody:
                self._nobody = self._hasher.hash(secrets.token_hex(16))
            try:
                return self._hasher.verify(hashed or self._nobody, password) and hashed is not None
            except (VerificationError, InvalidHashError):
                return False


def _now() -> int:
    return int(time.time())


def _one(conn: Connection, login: str) -> Row[Any]:
    row = conn.execute(select(user).where(user.c.login == login)).first()
    if row is None:
        raise NotFoundError
    return row


def _account(row: Row[Any]) -> Account:
    return Account(
        login=row.login,
        name=row.name,
        roles=frozenset(orjson.loads(row.roles)),
        clearance=row.clearance,
        kind=row.kind,
        unit=row.unit,
        sector=row.sector,
        division=row.division,
        agency=row.agency,
        state=row.state,
    )


def _row(account: Account) -> dict[str, Any]:
    names: Iterable[str] = ("login", "name", "clearance", "kind", "unit", "sector", "division", "agency", "state")
    return {**{name: getattr(account, name) for name in names}, "roles": orjson.dumps(sorted(account.roles)).decode()}


def _check(account: Account) -> None:
    if _LOGIN.match(account.login) is None:
        raise AccountError(
            zh="账号须为小写英文字母、数字及 . _ @ -，至多 64 字符", en="a login is lower-case letters, digits and . _ @ -, at most 64 characters"
        )
    if account.kind not in ("person", "agency"):
        raise AccountError(zh="账号种类须为 person 或 agency", en="the kind of an account is person or agency")
    if not account.roles <= ROLES:
        raise AccountError(zh=f"角色只有：{'、'.join(sorted(ROLES))}", en=f"roles are: {', '.join(sorted(ROLES))}")
    if account.clearance not in SECRECY:
        raise AccountError(zh=f"密级只有：{'、'.join(SECRECY)}", en=f"clearances are: {', '.join(SECRECY)}")
    if account.state not in ("active", "closed"):
        raise AccountError(zh="状态须为 active 或 closed", en="the state is active or closed")
    account.actor(_ANY_SITE)  # refuses a division that is none


_ANY_SITE = SiteIdentity(node="n-" + "a" * 32, zone="business", division=None, level=None, name={})
