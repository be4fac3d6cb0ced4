"""Joining a superior, from both sides (PROTOCOL 6.6).

    superior                                   new node
    invite() → one line  ───(handed over)───→  look(line): both node ids, to compare
                         ←──── POST join ────  ask(line, superior's id as the clerk confirmed it)
    waiting(): both node ids, to compare       (asks again until a person has decided)
    confirm(node) or refuse(node)
                         ──── certify, chain → done: anchor, statements, peer

Rules:

1. Neither side trusts anything before its own clerk has compared the other's fingerprint: the new node sends nothing but public statements before that, and the
   superior signs nothing.
2. The secret is used once, kept only as a digest, and ends.
3. A subordinate is certified with the online key, within what this site is certified for (6.1); its site keys are those that its own root names.
4. A new node keeps the superior as its witness. A node without a superior names the first subordinate it certifies as its own.
5. Several superiors: the same steps again; each adds its root to the anchors.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import orjson
from sqlalchemy import Connection, delete, insert, select, update

from catalog.canonical import b64
from policies.divisions import covers
from sync import tables as t
from sync.claims import Certify, is_name
from sync.clock import refuse_behind
from sync.context import Context
from sync.errors import InviteError, SyncError, TrustError
from sync.ids import fingerprint
from sync.invites import Waiting, about_itself, answer_of, invite_of, keep_peer, kept, newest_self, next_serial, no_invite, self_certify, too_many, waiting_of
from sync.join import Invite, JoinRequest, make_answer, make_invite, make_join, parse_answer, parse_invite, parse_join, peek_secret, secret_digest
from sync.refusals import Bound
from sync.say import certify_claims
from sync.statements import Statement, parse_all, sign
from sync.transport import Peers, check_url
from sync.trust import Certification, Trust
from sync.trusted import add_anchor, keep_statements

__all__ = ["Joining", "Pairing", "Waiting"]

#: Seconds that an invite holds.
INVITE_LIFE = 7 * 86_400
#: Joins in one minute: with secrets that are unknown (told apart from each other, and audited), and with one that is known (a new node asks every second).
UNKNOWN, JOINS = 60, 120


@dataclass(frozen=True)
class Joining:
    """What the new node's clerk sees before anything is sent: both ids, to be compared by telephone or side by side."""

    url: str
    node: str
    fingerprint: str
    name: Mapping[str, str]
    zone: str
    me: str
    my_fingerprint: str


class Pairing:
    """Both sides of joining, at one site."""

    def __init__(self, context: Context, peers: Peers) -> None:
        self._x = context
        self._peers = peers
        self._unknown = Bound(UNKNOWN)
        self._known: dict[str, Bound] = {}  # by digest of a secret that this site gave out: no stranger can add one

    # --- superior ----------------------------------------------------------------------------------------------------------------------

    def invite(self, actor: str, *, life: int = INVITE_LIFE) -> str:
        """Makes an invite.

        Args:
            actor: who does it, for the audit log.
            life: seconds until it ends.

        Returns:
            The one line to hand over.

        Raises:
            SyncError: this site cannot be reached (no address in its settings), is not certified itself, or its clock was set back (kind `clock`).
        """
        now = self._x.clock()
        url = check_url(self._x.settings.url)
        root = self._x.trust.at(now).certified(self._x.me).path[0]
        secret = b64(secrets.token_bytes(16))
        line = make_invite(Invite(url, self._x.me, root, self._x.zone, secret, now + life))
        with self._x.store.write() as tx:
            refuse_behind(tx.conn, now)
            tx.conn.execute(insert(t.invite).values(secret=secret_digest(secret), created=now, expires=now + life, limits="{}", state="open"))
            tx.audit("peer.invite", actor=actor, detail={"until": now + life})
        return line

    def receive(self, body: bytes) -> tuple[int, bytes]:
        """Answers `POST join`: (status, body).

        Anybody may call this, so what it costs grows with what the caller knows: the secret is compared first, from a read; signatures are verified only for
        one that is known, so many times a minute; and only a join that is new opens a write transaction.

        Raises:
            InviteError: 410, the secret is unknown, used or over; 429 (kind `invite-attempts`), too many joins in a minute.
            StatementError, TrustError: see `parse_join`.
        """
        # PROTOCOL 6.6
        digest = secret_digest(peek_secret(body))
        now = self._x.clock()
        with self._x.store.read() as conn:
            row = invite_of(conn, digest, now)
        if row is None:
            raise no_invite() if self._unknown.take() else too_many()
        if not self._known.setdefault(digest, Bound(JOINS)).take():
            raise too_many()
        request = parse_join(body, me=self._x.me, zone=self._x.zone, now=now)
        if row.node not in (None, request.node):
            raise no_invite()
        return self._posted(request, digest, now) if row.state == "open" else answer_of(row)

    def _posted(self, request: JoinRequest, digest: str, now: int) -> tuple[int, bytes]:
        """Binds an open invite to the node that posts it first."""
        with self._x.store.write() as tx:
            row = invite_of(tx.conn, digest, now)
            if row is None or row.node not in (None, request.node):
                raise no_invite()
            if row.state == "open":
                values = {"state": "posted", "node": request.node, "request": kept(request), "created": now}
                tx.conn.execute(update(t.invite).where(t.invite.c.secret == digest).values(**values))
                tx.audit("peer.join", actor=f"peer:{request.node}", detail={"fingerprint": fingerprint(request.node), "url": request.url})
                return 202, make_answer("waiting")
        return answer_of(row)

    def waiting(self) -> list[Waiting]:
        """Joins that wait for a person."""
        with self._x.store.read() as conn:
            rows = conn.execute(select(t.invite).where(t.invite.c.state == "posted").order_by(t.invite.c.created)).all()
        return [waiting_of(row) for row in rows]

    def confirm(self, node: str, actor: str, *, division: str | None = None, depth: int | None = None) -> Certify:
        """Certifies a node whose fingerprint the clerk has compared, and takes it as a subordinate peer.

        Args:
            node: as `waiting` names it.
            actor: who decided.
            division: certify it for this division rather than for the one that it names.
            depth: how many levels it may certify below itself; as deep as this site may by default.

        Raises:
            InviteError: no such join.
            TrustError: what it asks for lies outside of what this site is certified for.
        """
        now = self._x.clock()
        with self._x.store.write() as tx:
            row = tx.conn.execute(select(t.invite).where(t.invite.c.state == "posted", t.invite.c.node == node)).first()
            if row is None:
                raise InviteError(zh=f"没有等待确认的加入请求：{node}", en=f"no join waits for {node}")
            refuse_behind(tx.conn, now)
            asked = orjson.loads(row.request)
            statements = parse_all(asked["statements"])
            own = self_certify(statements, node)
            trust = self._x.trust.in_(tx.conn, now)
            mine = trust.certified(self._x.me)
            token = self._certify(tx.conn, mine, own, division=division, depth=depth, now=now)
            keep_statements(tx.conn, [*statements, *parse_all([token])], source=node, now=now)
            trust = trust.extend([*statements, *parse_all([token])])
            trust.certified(node)  # raises when the statement would not count
            tokens = [jws for statement in trust.chain(node) for jws in statement.tokens]
            tx.conn.execute(update(t.invite).where(t.invite.c.secret == row.secret).values(state="confirmed", answer=orjson.dumps(tokens).decode()))
            keep_peer(tx.conn, node, "subordinate", asked["url"], own.name, witness=False, now=now)
            if not trust.superiors(self._x.me):
                self._name_witness(tx.conn, trust, node, now)
            tx.audit("peer.certify", actor=actor, detail={"node": node, "fingerprint": fingerprint(node), "division": own.division or ""})
        self._x.wake.ring("position", "peers")
        return cast(Certify, parse_all([token])[0].body)

    def refuse(self, node: str, actor: str) -> None:
        """Refuses a join: the invite is over."""
        with self._x.store.write() as tx:
            changed = tx.conn.execute(update(t.invite).where(t.invite.c.state == "posted", t.invite.c.node == node).values(state="refused")).rowcount
            if not changed:
                raise InviteError(zh=f"没有等待确认的加入请求：{node}", en=f"no join waits for {node}")
            tx.audit("peer.refuse", actor=actor, outcome="refused", detail={"node": node})

    def _certify(self, conn: Connection, mine: Certification, own: Certify, *, division: str | None, depth: int | None, now: int) -> str:
        """Signs a `certify` within what this site may hand down (PROTOCOL 6.1)."""
        place = division or own.division
        divisions = tuple(code for code in own.divisions if any(covers(outer, code) for outer in mine.divisions))
        if place is not None and not any(covers(outer, place) for outer in mine.divisions):
            raise TrustError(
                zh=f"{place} 不在本站点的范围内", en=f"{place} lies outside of what this site is certified for: {', '.join(mine.divisions)}", kind="scope"
            )
        claims = certify_claims(
            iss=self._x.me,
            sub=own.sub,
            zone=self._x.zone,
            serial=next_serial(conn, self._x.me, own.sub),
            site_keys=own.site_keys,
            witness_key=own.witness_key,
            name=own.name,
            sector=own.sector,
            level=own.level,
            division=place,
            unit=own.unit,
            divisions=divisions or ((place,) if place else ()),
            units=own.units,
            depth=min(own.depth, mine.depth - 1) if depth is None else depth,
            now=now,
            exp=min(own.exp, mine.expires, now + 400 * 86_400),
            epoch=own.epoch,
        )
        return sign(claims, self._x.keys.site)

    def _name_witness(self, conn: Connection, trust: Trust, node: str, now: int) -> None:
        """A top node names a subordinate as the witness of its own log (PROTOCOL 3.3); only its root can say so."""
        root = self._x.keys.root
        own = newest_self(trust, self._x.me)
        if root is None or own is None or own.witnesses:
            return
        claims = certify_claims(
            iss=own.iss,
            sub=own.sub,
            zone=own.zone,
            serial=own.serial + 1,
            site_keys=own.site_keys,
            witness_key=own.witness_key,
            name=own.name,
            sector=own.sector,
            level=own.level,
            division=own.division,
            unit=own.unit,
            divisions=own.divisions,
            units=own.units,
            depth=own.depth,
            now=now,
            exp=own.exp,
            epoch=own.epoch,
            witnesses=[node],
        )
        keep_statements(conn, parse_all([sign(claims, root)]), source=self._x.me, now=now)

    # --- new node ----------------------------------------------------------------------------------------------------------------------

    def look(self, line: str) -> Joining:
        """Reads an invite and asks the superior who it is; sends nothing of this site.

        Raises:
            InviteError: damaged, over, for another zone, or another site answers at its address.
            AwayError: nobody answers.
        """
        invite = self._read(line)
        hello = self._peers.hello(invite.url)
        if hello.get("node") != invite.node:
            raise InviteError(zh="该地址回答的不是邀请上的节点", en="another node than the invite's answers at its address")
        name = hello.get("name")
        return Joining(
            invite.url,
            invite.node,
            fingerprint(invite.node),
            {language: text for language, text in name.items() if is_name(text) and is_name(language)} if isinstance(name, dict) else {},
            invite.zone,
            self._x.me,
            fingerprint(self._x.me),
        )

    def ask(self, line: str, confirmed: str, actor: str) -> str:
        """Posts the join, or asks how it stands.

        Args:
            line: the invite.
            confirmed: the superior's node id, as this site's clerk has compared it.
            actor: who does it.

        Returns:
            `waiting`, `certified` (this site is a subordinate now) or `refused`.

        Raises:
            InviteError: what was confirmed is not the invite's node.
            TrustError: the answer does not certify this site.
        """
        invite = self._read(line)
        if confirmed != invite.node:
            raise InviteError(zh="确认的节点号与邀请不符", en="the node id that was confirmed is not the invite's")
        with self._x.store.read() as conn:
            own = about_itself(conn, self._x.me)
        now = self._x.clock()
        made = make_join(
            key=self._x.keys.site,
            node=self._x.me,
            superior=invite.node,
            zone=self._x.zone,
            secret=invite.secret,
            url=self._x.settings.url,
            statements=own,
            now=now,
        )
        answer = self._peers.join(invite.url, made)
        if answer.status == 410 and answer.json().get("state") is None:
            raise InviteError(zh="上级不接受此邀请（已用或过期）", en="the superior does not take this invite: used, or over")
        state, statements = parse_answer(answer.body, invite=invite, node=self._x.me, now=now, known=parse_all(own))
        if state == "certified":
            self._joined(invite, statements, actor)
        return state

    def _joined(self, invite: Invite, statements: tuple[Statement, ...], actor: str) -> None:
        now = self._x.clock()
        with self._x.store.write() as tx:
            add_anchor(tx.conn, invite.root)
            keep_statements(tx.conn, statements, source=invite.node, now=now)
            trust = self._x.trust.in_(tx.conn, now)
            if invite.node not in trust.superiors(self._x.me):
                raise TrustError(zh="上级的回答并未认证本站点", en="the superior's answer does not certify this site", kind="uncertified")
            keep_peer(
                tx.conn, invite.node, "superior", invite.url, trust.certified(invite.node).name, witness=trust.witness_node(self._x.me) == invite.node, now=now
            )
            tx.audit("peer.joined", actor=actor, detail={"node": invite.node, "fingerprint": fingerprint(invite.node), "root": invite.root})
        self._x.wake.ring("position", "peers")

    def _read(self, line: str) -> Invite:
        invite = parse_invite(line.strip(), now=self._x.clock())
        if invite.zone != self._x.zone:
            raise InviteError(
                zh=f"邀请属于 {invite.zone} 区，本站点在 {self._x.zone} 区", en=f"the invite is for zone {invite.zone}, this site serves {self._x.zone}"
            )
        if invite.node == self._x.me:
            raise InviteError(zh="这是本站点自己的邀请", en="this is this site's own invite")
        check_url(invite.url)
        return invite

    # --- moving ------------------------------------------------------------------------------------------------------------------------

    def move(self, node: str, url: str, actor: str, *, checked: bool = True) -> str:
        """Takes a peer's new address.

        No statement says where a node is (PROTOCOL 6.1): an address is this site's own note of where to call. What comes from there is proved by the
        peer's keys as before, so a wrong address can keep the peer silent but not speak for it.

        Args:
            node: a peer.
            url: base address, without `/peer/v1`; '' when it only calls.
            actor: who does it.
            checked: ask the address who answers there first.

        Returns:
            The address before.

        Raises:
            SyncError: no such peer, or not an address.
            TrustError: another node answers there (kind `another-node`).
            AwayError: nobody answers there.
        """
        # PROTOCOL 6.6
        cleaned = check_url(url) if url else ""
        if cleaned and checked:
            hello = self._peers.hello(cleaned)
            if (hello.get("node"), hello.get("zone")) != (node, self._x.zone):
                raise TrustError(
                    zh=f"{cleaned} 回答的是 {hello.get('node')!r:.50}（{hello.get('zone')!r:.50} 区），不是 {node}",
                    en=f"at {cleaned} answers {hello.get('node')!r:.50} of zone {hello.get('zone')!r:.50}, not {node}",
                    clause="6.6",
                    kind="another-node",
                )
        with self._x.store.write() as tx:
            before = tx.conn.scalar(select(t.peer.c.url).where(t.peer.c.node == node))
            if before is None:
                raise SyncError(zh=f"没有对等节点 {node}", en=f"there is no peer {node}", kind="not-a-peer")
            tx.conn.execute(update(t.peer).where(t.peer.c.node == node).values(url=cleaned, error=None, error_at=None))
            tx.audit("peer.move", actor=actor, detail={"node": node, "from": before, "to": cleaned, "checked": bool(cleaned and checked)})
        self._x.wake.ring("peers")
        return str(before)

    # --- leaving -----------------------------------------------------------------------------------------------------------------------

    def remove(self, node: str, actor: str) -> None:
        """Ends the exchange with a peer: nothing is sent to it or fetched from it any more. What it gave stays shown as it is."""
        with self._x.store.write() as tx:
            if tx.conn.execute(update(t.peer).where(t.peer.c.node == node).values(state="paused")).rowcount == 0:
                raise SyncError(zh=f"没有对等节点 {node}", en=f"there is no peer {node}", kind="not-a-peer")
            for table in (t.stream, t.due, t.view_out, t.outlet):
                tx.conn.execute(delete(table).where(table.c.peer == node))
            tx.audit("peer.pause", actor=actor, detail={"node": node})
        self._x.wake.ring("peers")
