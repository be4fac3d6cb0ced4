"""Lies about who may say what: statements, epochs, successions, joins, witnesses. Each function plays one attack and returns what the victim answered."""

import dataclasses
from typing import Any

from catalog.canonical import b64, dumps, loads
from sync.merkle import empty_root
from sync.say import node_claims
from sync.statements import TYP, NodeStatement, parse_all, sign, sign_jws, split_jws
from sync.suite import ED25519
from sync.witness import make_request
from tests.sync.lies_world import Scene, Seen
from tests.sync.world import Log, Node

# --- statements ----------------------------------------------------------------------------------------------------------------------------


def keys_in_a_subordinates_place(scene: Scene) -> Seen:
    """The province certifies the county with a key of its own, and signs the county's log with it."""
    thief = ED25519.generate()
    token = sign(scene.province.claims(scene.county, site_keys=[thief.public], depth=1), scene.province.site)
    scene.province.serials[scene.county.id] -= 1  # the honest statement stays the newest elsewhere
    stream, record = scene.next()
    stream.statements = [token]
    return scene.give(stream.batch(stream.put(record), note=scene.county.note(key=thief)))


def _certified(scene: Scene, **claims: Any) -> Seen:
    """A batch of a node that the province certifies as it may not."""
    node = Node("510104", now=scene.now)
    token = sign(scene.province.claims(node, **claims), scene.province.site)
    record = node.publish("越界")
    stream = scene.bend(log=node.log, author=node, old=0)
    stream.statements = [*node.tokens, token]
    return scene.give(stream.batch(stream.put(record)))


def anothers_territory(scene: Scene) -> Seen:
    return _certified(scene, division="520104", divisions=["520104"])


def wider_than_itself(scene: Scene) -> Seen:
    return _certified(scene, level="nation")


def expired_certification(scene: Scene) -> Seen:
    return _certified(scene, now=scene.now - 90_000, exp=scene.now - 80_000)


def certification_from_the_future(scene: Scene) -> Seen:
    return _certified(scene, now=scene.now + 4000)


def stranger(scene: Scene) -> Seen:
    """Nobody certified it."""
    node = Node("510104", now=scene.now)
    record = node.publish("冒名")
    stream = scene.bend(log=node.log, author=node, old=0)
    stream.statements = list(node.tokens)
    return scene.give(stream.batch(stream.put(record)))


def stripped_statements(scene: Scene) -> Seen:
    """The chain behind a new authority stripped on the way."""
    node = Node("510104", now=scene.now)
    scene.province.certify(node)
    record = node.publish("无链")
    stream = scene.bend(log=node.log, author=node, old=0)
    return scene.give(stream.batch(stream.put(record)))


def cycle(scene: Scene) -> Seen:
    """The province certifies its own superior."""
    own = [scene.victim.keys.site.public]
    stub = Node("000000", now=scene.now)
    claims = {**scene.province.claims(stub, site_keys=own), "sub": scene.victim.node}
    return scene.fetch_statements([sign(claims, scene.province.site)])


def below_threshold(scene: Scene) -> Seen:
    """A second root statement, of two keys of which one signed."""
    keys = [ED25519.generate(), ED25519.generate()]
    payload = split_jws(scene.county.root_token, TYP)[1]
    first = parse_all([scene.county.root_token])[0].body
    assert isinstance(first, NodeStatement)
    claims = node_claims([key.public for key in keys], now=scene.now, threshold=2, previous=(first, payload))
    return scene.fetch_statements([sign(claims, scene.county.root), sign(claims, keys[0])])


def equivocation(scene: Scene) -> Seen:
    """Two statements about one node under one serial: neither is believed, and the honest one before them no more."""
    node = Node("510104", now=scene.now)
    one = sign(scene.province.claims(node), scene.province.site)
    scene.province.serials[node.id] -= 1
    two = sign(scene.province.claims(node, depth=1), scene.province.site)
    record = node.publish("两说")
    stream = scene.bend(log=node.log, author=node, old=0)
    stream.statements = [*node.tokens, one, two]
    return scene.give(stream.batch(stream.put(record)))


def bent_statement(scene: Scene, text: bytes, to: bytes) -> Seen:
    """A statement in other bytes, signed as they are."""
    node = Node("510104", now=scene.now)
    payload = dumps(scene.province.claims(node))
    assert payload.count(text) == 1
    return scene.fetch_statements([sign_jws(payload.replace(text, to), scene.province.site, TYP)])


def unsigned_statement(scene: Scene) -> Seen:
    node = Node("510104", now=scene.now)
    return scene.fetch_statements([*node.tokens, sign(scene.province.claims(node), ED25519.generate())])


def too_many_statements(scene: Scene) -> Seen:
    node = Node("510104", now=scene.now)
    return scene.fetch_statements([node.root_token] * 5001)


# --- epochs and successions ------------------------------------------------------------------------------------------------------------------


def beyond_a_closed_epoch(scene: Scene) -> Seen:
    """The thief of the county's key goes on after its superior has closed the epoch."""
    stream, record = scene.next("盗者所发")
    stream.statements = [scene.province.close(scene.county, size=1, root=scene.county.log.root(1))]
    scene.province.tokens.pop()
    return scene.give(stream.batch(stream.put(record)))


def epoch_closed_by_nobody(scene: Scene) -> Seen:
    token = scene.county.close(scene.county, size=0, root=empty_root())
    scene.county.tokens.pop()
    return scene.fetch_statements([token])


def epoch_nobody_opened(scene: Scene) -> Seen:
    log = Log(dataclasses.replace(scene.county.log.origin, epoch=2))
    record = scene.county.publish("新纪元", log=log)
    stream = scene.bend(log=log, old=0)
    return scene.give(stream.batch(stream.put(record)))


def succession_by_nobody(scene: Scene) -> Seen:
    """The province takes over from a sibling that is not below it."""
    token = scene.province.succeed(scene.sibling, scene.province, size=0)
    scene.province.tokens.pop()
    return scene.fetch_statements([token])


def second_authority(scene: Scene) -> Seen:
    """A township of the same county claims the county's record, without a succession."""
    heir = Node("510104", now=scene.now)
    token = sign(scene.province.claims(heir), scene.province.site)
    old = scene.records[0]
    fake = heir.publish("接管", again=old)
    stream = scene.bend(log=heir.log, author=heir, old=0)
    stream.statements = [*heir.tokens, token]
    return scene.give(stream.batch(stream.put(fake)))


# --- joining -----------------------------------------------------------------------------------------------------------------------------------


def _join(scene: Scene, body: bytes) -> Seen:
    return scene.told(scene.peer.call(scene.victim, "/join", method="POST", body=body, made=""))


def unknown_secret(scene: Scene) -> Seen:
    return _join(scene, scene.peer.join_body(scene.victim, "A" * 22))


def invite_of_another(scene: Scene) -> Seen:
    """A secret that another node has posted already."""
    node = Node("530000", now=scene.now)
    return _join(scene, scene.peer.join_body(scene.victim, scene.peer.secret, node))


def join_for_another_site(scene: Scene) -> Seen:
    return _join(scene, scene.peer.join_body(scene.victim, scene.peer.secret, superior=scene.honest.node))


def stale_join(scene: Scene) -> Seen:
    return _join(scene, scene.peer.join_body(scene.victim, scene.peer.secret, now=scene.now - 4000))


def join_in_anothers_name(scene: Scene) -> Seen:
    """The county's statements, posted with the province's key: an address beside a name that is not its own."""
    return _join(scene, scene.peer.join_body(scene.victim, scene.peer.secret, scene.county, key=scene.province.site))


def join_under_a_false_id(scene: Scene) -> Seen:
    """An id whose root statement is another's."""
    return _join(scene, scene.peer.join_body(scene.victim, scene.peer.secret, node="n-" + "a" * 32))


def join_that_is_none(scene: Scene) -> Seen:
    return _join(scene, b"x" * 1000)


# --- witness -----------------------------------------------------------------------------------------------------------------------------------


def _cosign(scene: Scene, body: bytes) -> Seen:
    return scene.told(scene.peer.call(scene.victim, "/witness/add-checkpoint", method="POST", body=body))


def fork_at_the_witness(scene: Scene) -> Seen:
    """The province's log shows its witness another tree of the size that it cosigned."""
    other = Log(scene.province.log.origin)
    for n in range(scene.witnessed):
        scene.province.publish(f"另一历史 {n}", log=other)
    seen = _cosign(scene, make_request(scene.witnessed, [], scene.province.note(log=other)))
    return dataclasses.replace(seen, kind="fork" if "fork" in scene.audited(scene.mark) else seen.kind)


def proof_that_does_not_hold(scene: Scene) -> Seen:
    scene.province.publish()
    return _cosign(scene, make_request(scene.witnessed, [b"\0" * 32], scene.province.note()))


def checkpoint_by_the_wrong_key(scene: Scene) -> Seen:
    scene.province.publish()
    return _cosign(scene, make_request(scene.witnessed, [], scene.province.note(key=scene.county.site)))


def log_that_is_not_ours_to_witness(scene: Scene) -> Seen:
    return _cosign(scene, make_request(0, [], scene.county.note()))


def checkpoint_that_is_none(scene: Scene) -> Seen:
    return _cosign(scene, b"old 01\n\nnonsense")


def huge_checkpoint(scene: Scene) -> Seen:
    return _cosign(scene, b"old 0\n\n" + b"x" * 40_000)


def statement_with_alg_none(scene: Scene) -> Seen:
    payload = dumps(scene.province.claims(Node("510104", now=scene.now)))
    head = b64(dumps({"alg": "none", "kid": "x", "typ": TYP}))
    return scene.fetch_statements([f"{head}.{b64(payload)}.{b64(bytes(64))}"])


def reserved_suite(scene: Scene) -> Seen:
    claims: Any = scene.province.claims(Node("510104", now=scene.now))
    return scene.fetch_statements([sign_jws(dumps({**claims, "suite": "sm2-sm3"}), scene.province.site, TYP)])


def unknown_kind_of_statement(scene: Scene) -> Seen:
    claims: Any = loads(dumps(scene.province.claims(Node("510104", now=scene.now))))
    return scene.fetch_statements([sign_jws(dumps({**claims, "kind": "decree"}), scene.province.site, TYP)])
