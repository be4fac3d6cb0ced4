"""Lies on the wire itself: lengths, pace, compression, limits, tokens, cursors, files. Each function plays one attack and returns what the victim answered."""

import gzip
import time
from collections.abc import Callable
from typing import Any

from catalog.canonical import b64, dumps
from sync import batch as batches
from sync import token
from sync.statements import sign_jws
from sync.suite import ED25519
from tests.peer import Answer, Asked, answer
from tests.sync.lies_world import Scene, Seen
from tests.sync.world import Node

# --- answers -------------------------------------------------------------------------------------------------------------------------------


def _scripted(scene: Scene, script: Callable[[Asked], Answer], path: str = "/changes") -> Seen:
    scene.peer.scripts["GET", path] = script
    try:
        return scene.fetch()
    finally:
        del scene.peer.scripts["GET", path]


def endless_data(scene: Scene) -> Seen:
    """Ten gigabytes, if the victim takes them."""

    def endless(_asked: Asked) -> Answer:
        yield from answer(b'{"from":0,', length=None)
        for _ in range(10_000):
            yield b" " * (1 << 20)

    return _scripted(scene, endless)


def endless_chunks(scene: Scene) -> Seen:
    def endless(_asked: Asked) -> Answer:
        yield from answer(length=None, Transfer_Encoding="chunked")
        for _ in range(10_000):
            yield b"100000\r\n" + b" " * (1 << 20) + b"\r\n"

    return _scripted(scene, endless)


def compressed_bomb(scene: Scene) -> Seen:
    """Half a gigabyte of blanks in half a megabyte."""
    packed = gzip.compress(b" " * (1 << 24), 6) * 32
    return _scripted(scene, lambda _asked: answer(packed, Content_Encoding="gzip"))


def damaged_compression(scene: Scene) -> Seen:
    return _scripted(scene, lambda _asked: answer(gzip.compress(b'{"v":1}' * 1000)[:-9] + b"\0" * 9, Content_Encoding="gzip"))


def slow_body(scene: Scene) -> Seen:
    """Slow retrieval: a byte at a time, each before the library's timeout."""

    def drip(_asked: Asked) -> Answer:
        yield from answer(length=100_000)
        for _ in range(600):
            yield b" "
            time.sleep(0.1)

    return _scripted(scene, drip)


def slow_head(scene: Scene) -> Seen:
    def drip(_asked: Asked) -> Answer:
        yield b"HTTP/1.1 200 OK\r\nX-Slow: "
        for _ in range(600):
            yield b"x"
            time.sleep(0.1)

    return _scripted(scene, drip)


def length_too_long(scene: Scene) -> Seen:
    stream, record = scene.next()
    data = batches.encode(stream.batch(stream.put(record)))
    return _scripted(scene, lambda _asked: answer(data, length=len(data) + 10))


def length_too_short(scene: Scene) -> Seen:
    stream, record = scene.next()
    data = batches.encode(stream.batch(stream.put(record)))
    return _scripted(scene, lambda _asked: answer(data, length=len(data) - 10))


def length_that_is_none(scene: Scene) -> Seen:
    return _scripted(scene, lambda _asked: answer(b"x" * 100, length="-5"))


def endless_headers(scene: Scene) -> Seen:
    def many(_asked: Asked) -> Answer:
        yield b"HTTP/1.1 200 OK\r\n"
        for n in range(100_000):
            yield f"X-{n}: x\r\n".encode()

    return _scripted(scene, many)


def redirect(scene: Scene) -> Seen:
    """To the victim's own cloud metadata, with the victim's token."""
    return _scripted(scene, lambda _asked: answer(status=302, Location="http://127.0.0.1:1/latest/meta-data"))


def not_http(scene: Scene) -> Seen:
    return _scripted(scene, lambda _asked: iter([b"SSH-2.0-OpenSSH_9.6\r\n"]))


def refusal_full_of_junk(scene: Scene) -> Seen:
    """A refusal whose words are no words: they end in the clerk's list of peers."""
    said: Any = {"clause": 5, "kind": ["x"], "message": {"en": {"a": 1}, "zh": None}, "v": 1}
    return _scripted(scene, lambda _asked: answer(dumps(said), 403))


def generation_that_is_none(scene: Scene) -> Seen:
    return _scripted(scene, lambda _asked: answer(dumps({"gen": "x" * 10_000, "v": 1}), 409))


def too_many_items(scene: Scene) -> Seen:
    stream, record = scene.next()
    members = scene.mapping(stream.batch(stream.put(record)))
    members["items"] = [{"id": record.id, "op": "remove", "pos": n} for n in range(1001)]
    return scene.give(members)


def too_many_logs(scene: Scene) -> Seen:
    stream, record = scene.next()
    members = scene.mapping(stream.batch(stream.put(record)))
    members["logs"] = members["logs"] * 1001
    return scene.give(members)


def unknown_op(scene: Scene) -> Seen:
    stream, record = scene.next()
    members = scene.mapping(stream.batch(stream.put(record)))
    members["items"][0]["op"] = "execute"
    return scene.give(members)


def newer_version(scene: Scene) -> Seen:
    stream, record = scene.next()
    return scene.give({**scene.mapping(stream.batch(stream.put(record))), "v": 2})


# --- requests ------------------------------------------------------------------------------------------------------------------------------

STATEMENTS = "/statements?since=0"


def _asked(scene: Scene, target: str = STATEMENTS, **more: Any) -> Seen:
    return scene.told(scene.peer.call(scene.victim, target, **more))


def no_token(scene: Scene) -> Seen:
    return _asked(scene, made="")


def token_for_another_audience(scene: Scene) -> Seen:
    return _asked(scene, aud=scene.honest.node)


def token_for_another_zone(scene: Scene) -> Seen:
    return _asked(scene, zone="internet")


def token_for_another_target(scene: Scene) -> Seen:
    return _asked(scene, made=scene.peer.token(scene.victim, "/statements?since=5"))


def token_for_another_body(scene: Scene) -> Seen:
    made = scene.peer.token(scene.victim, "/messages", method="POST", body=b"{}")
    return _asked(scene, "/messages", method="POST", body=b'{"v":1}', made=made)


def stale_token(scene: Scene) -> Seen:
    return _asked(scene, now=scene.victim.clock() - 400)


def token_that_lives_too_long(scene: Scene) -> Seen:
    claims: Any = {
        "aud": scene.victim.node, "digest": b64(bytes(32)), "exp": scene.now + 10**6, "htm": "GET", "htu": "/peer/v1" + STATEMENTS, "iat": scene.now,
        "iss": scene.province.id, "jti": b64(bytes(16)), "zone": "business",
    }  # fmt: skip
    return _asked(scene, made=sign_jws(dumps(claims), scene.province.site, token.TYP))


def token_by_the_wrong_key(scene: Scene) -> Seen:
    return _asked(scene, key=ED25519.generate())


def token_of_another_type(scene: Scene) -> Seen:
    """A statement in place of a token."""
    return _asked(scene, made=scene.province.tokens[-1])


def replayed_token(scene: Scene) -> Seen:
    made = scene.peer.token(scene.victim, STATEMENTS)
    assert scene.told(scene.peer.call(scene.victim, STATEMENTS, made=made)).outcome == "applied"
    return _asked(scene, made=made)


def caller_nobody_certified(scene: Scene) -> Seen:
    node = Node("510104", now=scene.now)
    return _asked(scene, key=node.site, iss=node.id)


def caller_who_is_no_peer(scene: Scene) -> Seen:
    """The county is certified, but the victim exchanges nothing with it."""
    return _asked(scene, "/changes?from=0", key=scene.county.site, iss=scene.county.id)


def cursor_beyond_the_head(scene: Scene) -> Seen:
    """A thief moves the cursor forward, so that what lies before it would count as read."""
    gen = scene.peer.call(scene.victim, "/changes?from=0").json()["gen"]
    scene.settle()
    return _asked(scene, f"/changes?gen={gen}&from=999999")


def compressed_request(scene: Scene) -> Seen:
    body = gzip.compress(b" " * (1 << 22))
    return _asked(scene, "/changes", method="POST", body=body, headers={"Content-Encoding": "gzip"})


def request_too_large(scene: Scene) -> Seen:
    return _asked(scene, "/messages", method="POST", body=b"x" * ((1 << 20) + 1))


def _raw(scene: Scene, head: str, body: bytes) -> Seen:
    """A request by hand; what the victim says of it in its audit log, since the connection may be gone."""
    said = scene.peer.raw(scene.victim, head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
    status = int(said.split(b" ", 2)[1]) if said.startswith(b"HTTP") else 0
    kinds = scene.audited(scene.mark)
    return Seen("7.1", kinds.pop() if len(kinds) == 1 else f"http-{status}")


def request_without_length(scene: Scene) -> Seen:
    made = scene.peer.token(scene.victim, "/messages", method="POST", body=b"{}")
    head = f"POST /peer/v1/messages HTTP/1.1\nHost: x\nAuthorization: Terrace {made}\nTransfer-Encoding: chunked"
    return _raw(scene, head, b"2\r\n{}\r\n0\r\n\r\n")


def request_shorter_than_it_says(scene: Scene) -> Seen:
    made = scene.peer.token(scene.victim, "/messages", method="POST", body=b"{}")
    return _raw(scene, f"POST /peer/v1/messages HTTP/1.1\nHost: x\nAuthorization: Terrace {made}\nContent-Length: 5000", b"{}")


def pushed_lie(scene: Scene) -> Seen:
    """A lie that is brought instead of fetched."""
    stream, record = scene.next()
    members = scene.mapping(stream.batch(stream.put(record)))
    members["items"][0]["manifest"] = record.text.replace('"version":1', '"version":2')
    return _asked(scene, "/changes", method="POST", body=dumps(members))


def file_of_nobodys(scene: Scene) -> Seen:
    return _asked(scene, "/objects/" + "0" * 64)


def path_in_place_of_a_file(scene: Scene) -> Seen:
    return _asked(scene, "/objects/..%2f..%2fkeys%2fsite.pem")


def live_list_of_another(scene: Scene) -> Seen:
    return _asked(scene, f"/live/{scene.county.log.origin}")


def message_that_is_none(scene: Scene) -> Seen:
    return _asked(scene, "/messages", method="POST", body=dumps({"id": "1", "kind": "request", "v": 1}))


def message_of_deep_nesting(scene: Scene) -> Seen:
    return _asked(scene, "/messages", method="POST", body=b"[" * 500_000)


def malformed_query(scene: Scene) -> Seen:
    return _asked(scene, "/changes?from=-1")
