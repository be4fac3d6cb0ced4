"""The supervisor and its processes, for real: ports, restart, stop, HTTPS."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from node.errors import PlainHttpError, PortInUseError
from node.founding import Founding, found
from node.listeners import open_listeners
from node.reload import reread
from node.run_state import running as state_of
from node.settings import parse_settings
from sync.loopback import is_loopback
from tests.node.served import TERRACE, Served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One site for the whole module."""
    wanted = Founding({"zh": "武侯区"}, "510107", None, None, "business", port=0, peer_port=0)
    return found(tmp_path_factory.mktemp("serve") / "wuhou", wanted).folder


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    settings = (folder / "terrace.yaml").read_text(encoding="utf-8")
    running = Served(folder)
    yield running
    running.stop()
    (folder / "terrace.yaml").write_text(settings, encoding="utf-8")


def _healthy(url: str, seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/healthz", timeout=30).status_code == 200:
                return True
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    return False


def test_both_listeners_answer_and_stop_in_time(served: Served) -> None:
    assert _healthy(served.url)
    assert _healthy(str(served.told["peer_url"]))
    assert json.loads((served.folder / "run" / "serve.json").read_text())["pid"] == served.process.pid
    served.stop()  # or fails after 30 s
    assert served.process.returncode == 0
    assert not (served.folder / "run" / "serve.json").exists()


def test_child_that_dies_is_started_again(served: Served) -> None:
    before = served.children()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (len(served.children()) < 2 or set(served.children()) & set(before)):
        time.sleep(0.1)
    assert not set(served.children()) & set(before)
    assert _healthy(served.url)
    assert _healthy(str(served.told["peer_url"]))


def test_children_end_with_a_killed_supervisor_and_it_can_start_at_once(folder: Path) -> None:
    first = Served(folder)
    children = first.children()
    first.process.kill()
    first.process.communicate(timeout=10)
    second = Served(folder)
    try:
        assert _healthy(second.url)
        for pid in children:
            with pytest.raises(ProcessLookupError):
                for _ in range(100):
                    os.kill(pid, 0)
                    time.sleep(0.05)
    finally:
        second.stop()


def test_hangup_replaces_the_children_without_closing_the_port(served: Served) -> None:
    before = served.children()
    served.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (len(served.children()) < 2 or set(served.children()) & set(before)):
        time.sleep(0.1)
    assert not set(served.children()) & set(before)
    assert _healthy(served.url)


def _hang_up(served: Served) -> str:
    """Sends HUP, waits for new children, and returns what was said of the settings."""
    before, log = served.children(), served.folder / "logs" / "terrace.log"
    said = log.read_text(encoding="utf-8").count("settings: ")
    served.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (set(served.children()) & set(before) or log.read_text(encoding="utf-8").count("settings: ") == said):
        time.sleep(0.1)
    return log.read_text(encoding="utf-8")


def test_hangup_takes_over_safe_settings_and_says_what_waits(served: Served) -> None:
    file = served.folder / "terrace.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("  port: 0 ", "  port: 9 ") + "limits: {sign_in_per_minute: 2}\npeers: {url: 'http://127.0.0.1:7'}\n", encoding="utf-8")
    said = _hang_up(served)
    assert "New settings are in use: peers.url, limits.sign_in_per_minute." in said
    assert "wait for a restart of terrace serve: listen.port" not in said  # the command line's --port overrides it
    codes = [requests.get(served.url, headers={"Authorization": f"guess{n}"}, timeout=10).status_code for n in range(3)]
    assert codes == [401, 401, 429]
    assert state_of(served.folder)["peer_url"] == "http://127.0.0.1:7"

    file.write_text(text + "limits: {sign_in_per_minute: nine}\n", encoding="utf-8")
    said = _hang_up(served)
    assert "cannot be used, and the old ones stay" in said and "terrace.yaml:" in said
    assert state_of(served.folder)["peer_url"] == "http://127.0.0.1:7"
    assert _healthy(served.url)


SITE = "site: {name: {zh: 甲}, division: 510107}\n"


def test_settings_that_need_a_restart_keep_their_value() -> None:
    old = parse_settings(SITE + "listen: {port: 1, threads: 2}", "t", {})
    text = SITE.replace("510107", "510104") + "listen: {port: 3, threads: 4, workers: 5}\nlanguage: en\ndatabase: other.db"
    found = reread(old, lambda: parse_settings(text, "t", {}), Path())
    assert set(found.changed) == {"listen.threads", "language"}
    assert set(found.waiting) == {"site.division", "listen.port", "listen.workers", "database"}
    now = found.settings
    assert (now.listen.port, now.listen.threads, now.listen.workers, now.language, now.database) == (1, 4, 1, "en", "terrace.db")
    assert now.site.division == "510107"


@pytest.mark.parametrize("text", ["listen: {port: x}", "listen: {behind_proxy: yes}", "]", "tls: {certificate: missing.pem, key: x}"])
def test_settings_that_cannot_be_used_change_nothing(text: str) -> None:
    old = parse_settings(SITE, "t", {})
    found = reread(old, lambda: parse_settings(SITE + text, "t", {}), Path())
    assert found.settings is old and found.error is not None
    assert all(zh and en for zh, en in found.texts())


def test_site_that_does_not_start_under_new_settings_goes_on_under_the_old(served: Served) -> None:
    file = served.folder / "terrace.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "objects: nonsense://store\n", encoding="utf-8")
    said = _hang_up(served)
    assert "does not start under them" in said
    assert _healthy(served.url)


def test_second_serve_of_a_folder_is_refused(served: Served) -> None:
    again = subprocess.run([*TERRACE, "-C", str(served.folder), "serve", "--port", "0", "--peer-port", "0"], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert f"already being served by process {served.process.pid}" in again.stderr


def test_port_in_use_is_said_with_its_setting(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = parse_settings(f"site: {{name: {{zh: a}}, division: 510107}}\nlisten: {{port: {port}, peer_port: 0}}", "t", {})
        with pytest.raises(PortInUseError, match=rf"127.0.0.1:{port} is in use.*listen\.port"):
            open_listeners(settings)


@pytest.mark.parametrize("listen", ["host: 0.0.0.0", "host: '::'", "host: 10.1.2.3", "peer_host: 0.0.0.0", "host: example.org"])
def test_plain_http_off_loopback_is_refused(listen: str) -> None:
    settings = parse_settings(f"site: {{name: {{zh: a}}, division: 510107}}\nlisten: {{{listen}, port: 0, peer_port: 0}}", "t", {})
    with pytest.raises(PlainHttpError):
        open_listeners(settings)


def test_loopback_is_told_from_the_rest() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.0.1", "localhost.example.org", ""))


def test_https_by_the_program_itself(tmp_path: Path, free_port: Callable[[], int]) -> None:
    folder = found(tmp_path / "tls", Founding({"zh": "甲"}, "510107", None, None, "business")).folder
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "tls.key", "-out", "tls.pem"], cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    with (folder / "terrace.yaml").open("a", encoding="utf-8") as stream:
        stream.write("tls: {certificate: tls.pem, key: tls.key}\n")
    running = Served(folder)
    try:
        assert running.url.startswith("https://")
        answer = requests.get(f"{running.url}/healthz", verify=str(folder / "tls.pem"), timeout=60)
        assert answer.status_code == 200
        assert answer.headers["Strict-Transport-Security"]
    finally:
        running.stop()


def test_metrics_have_a_listener_of_their_own(folder: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("TERRACE_LISTEN__METRICS_PORT", str(port))
    running = Served(folder)
    try:
        requests.get(f"{running.url}/healthz", timeout=60)
        text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
        assert 'terrace_requests_total{face="other",status="2xx"} 1' in text
        assert "terrace_position 0" in text or "terrace_position" in text
        assert requests.get(f"{running.url}/metrics", timeout=60).status_code == 404
    finally:
        running.stop()


@pytest.mark.parametrize(("behind_proxy", "secure"), [("no", False), ("yes", True)])
def test_forwarded_headers_count_only_behind_a_proxy(folder: Path, monkeypatch: pytest.MonkeyPatch, behind_proxy: str, secure: bool) -> None:
    monkeypatch.setenv("TERRACE_LISTEN__BEHIND_PROXY", behind_proxy)
    monkeypatch.setenv("TERRACE_BASE_URL", "https://data.example.gov.cn")
    running = Served(folder)
    try:
        told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        answer = requests.get(f"http://127.0.0.1:{running.told['port']}/healthz", headers=told, timeout=60)
        assert ("Strict-Transport-Security" in answer.headers) is secure
    finally:
        running.stop()


def test_long_poll_of_a_stopping_site_does_not_delay_its_end(served: Served) -> None:
    """A connection that is open and silent, and one that has sent half a request, are there when TERM comes."""
    idle = socket.create_connection(("127.0.0.1", int(served.told["port"])))
    half = socket.create_connection(("127.0.0.1", int(served.told["peer_port"])))
    half.sendall(b"GET /peer/v1/hello HTTP/1.1\r\nHost: x\r\n")
    try:
        served.stop()  # or fails after 30 s
        assert served.process.returncode == 0
    finally:
        idle.close()
        half.close()


def test_site_fits_in_its_memory(served: Served) -> None:
    """Proportional memory of all processes of a site, in MB: at most 250 (design: one site on a township's machine)."""
    for _ in range(20):
        requests.get(f"{served.url}/", timeout=10)
        requests.get(f"{served.url}/ogc/collections", timeout=10)
        requests.get(f"{served.url}/api/3/action/package_search", timeout=10)
        requests.get(f"{served.url}/csw?service=CSW&version=2.0.2&request=GetCapabilities", timeout=10)
    total = 0
    for pid in [served.process.pid, *served.children()]:
        rollup = Path(f"/proc/{pid}/smaps_rollup")
        if not rollup.exists():
            pytest.skip("proportional memory is only told by Linux")
        total += int(next(line for line in rollup.read_text().splitlines() if line.startswith("Pss:")).split()[1])
    assert total // 1024 <= 250
