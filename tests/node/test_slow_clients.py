"""Clients that dawdle on purpose hold no thread of the site; one address does not hold all of its places."""

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from node.connections import BoundedSocket, SlowClientError
from node.founding import Founding, found
from tests.node.served import Served

SLOW = {
    "nothing": b"",
    "one byte": b"G",
    "half a head": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-a: ",
    "half a body": b"POST /api/3/action/package_search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = found(tmp_path_factory.mktemp("slow") / "wuhou", Founding({"zh": "武侯区"}, "510107", None, None, "business", port=0, peer_port=0)).folder
    text = (folder / "terrace.yaml").read_text(encoding="utf-8")
    text = (
        text.replace("listen:\n", "listen:\n  threads: 2\n  peer_threads: 2\n", 1) + "limits:\n  connections_per_address: 6\n"
    )  # loopback is a proxy: not counted
    (folder / "terrace.yaml").write_text(text, encoding="utf-8")
    running = Served(folder)
    yield running
    running.stop()


def _ports(served: Served) -> list[int]:
    return [int(served.told["port"]), int(served.told["peer_port"])]


@pytest.mark.parametrize("slow", SLOW)
def test_slow_clients_hold_no_thread(served: Served, slow: str) -> None:
    for port in _ports(served):
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
        for each in held:
            each.sendall(SLOW[slow])
        with requests.Session() as session:
            for _ in range(3):
                assert session.get(f"http://127.0.0.1:{port}/healthz", timeout=8).status_code == 200
        for each in held:  # none of them was closed to make way
            each.setblocking(False)
            with pytest.raises(BlockingIOError):
                each.recv(1)
            each.close()


def test_a_request_in_pieces_and_two_at_once_are_answered(served: Served) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with socket.create_connection(("127.0.0.1", _ports(served)[0]), timeout=20) as one:
        for part in (head[:5], head[5:], b"\r", b"\n" + head, b"\r\n", head + b"Connection: close\r\n\r\n"):
            one.sendall(part)
            time.sleep(0.05)
        answer = b""
        while piece := one.recv(65_536):
            answer += piece
    assert answer.count(b"HTTP/1.1 200 ") == 3


def test_a_client_that_does_not_close_after_its_answer_stops_nobody(served: Served) -> None:
    port = _ports(served)[0]
    held = []
    for _ in range(8):
        one = socket.create_connection(("127.0.0.1", port), timeout=20)
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        held.append(one)
    assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=8).status_code == 200
    for one in held:
        assert one.recv(20).startswith(b"HTTP/1.1 200")
        one.close()


def test_an_endless_head_is_refused(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", _ports(served)[0]), timeout=20) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-a: b\r\n" * 9_000)
        assert b" 431 " in one.recv(100)


def test_a_reader_that_reads_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.connections.PIECE", 0.2)
    monkeypatch.setattr("node.connections.WHOLE", 0.2)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        bounded = BoundedSocket(ours)
        bounded.setblocking(True)
        with pytest.raises(SlowClientError):
            bounded.sendall(b"x" * 50_000_000)
        bounded.renew()
        with pytest.raises(SlowClientError):
            bounded.recv(1)
        bounded.renew()
        sender = threading.Thread(target=_trickle, args=(theirs,))
        sender.start()
        with pytest.raises(SlowClientError):  # a byte now and then does not hold it for ever
            while bounded.recv(100):
                pass
        ours.close()
        sender.join()


def _trickle(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for _ in range(1_000):
            sock.send(b"y")
            time.sleep(0.02)


def test_one_address_has_its_share_of_connections(tmp_path: Path) -> None:
    folder = found(tmp_path / "wuhou", Founding({"zh": "武侯区"}, "510107", None, None, "business", port=0, peer_port=0)).folder
    text = (folder / "terrace.yaml").read_text(encoding="utf-8")
    text = text.replace("listen:\n", "listen:\n  proxies: [10.0.0.1]\n", 1) + "limits:\n  connections_per_address: 4\n"
    (folder / "terrace.yaml").write_text(text, encoding="utf-8")
    running = Served(folder)
    try:
        port = int(running.told["port"])
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
        with socket.create_connection(("127.0.0.1", port), timeout=20) as fifth:
            assert fifth.recv(20).startswith(b"HTTP/1.1 429")
        for each in held:
            each.close()
        deadline = time.monotonic() + 20
        while requests.get(f"http://127.0.0.1:{port}/healthz", timeout=8).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        running.stop()


def test_slow_handshakes_hold_no_thread(tmp_path: Path) -> None:
    folder = found(tmp_path / "tls", Founding({"zh": "武侯区"}, "510107", None, None, "business", port=0, peer_port=0)).folder
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "tls.key", "-out", "tls.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "tls.key").chmod(0o600)
    text = (folder / "terrace.yaml").read_text(encoding="utf-8").replace("listen:\n", "listen:\n  threads: 2\n", 1)
    (folder / "terrace.yaml").write_text(text + "tls: {certificate: tls.pem, key: tls.key}\n", encoding="utf-8")
    running = Served(folder)
    try:
        held = [socket.create_connection(("127.0.0.1", int(running.told["port"]))) for _ in range(8)]
        for each in held:
            each.sendall(b"\x16")
        trusted = str(folder / "tls.pem")
        with requests.Session() as session:
            for size, status in ((0, 200), (200_000, 200), (300_000, 413), (0, 200)):  # before, in and past what is waited for without a thread
                data = {"q": "*:*", "more": "x" * size}
                answer = session.post(f"{running.url}/api/3/action/package_search", json=data, verify=trusted, timeout=8)
                assert answer.status_code == status, answer.text
        for each in held:
            each.close()
    finally:
        running.stop()
