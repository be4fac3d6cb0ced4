"""The doctor sees what is wrong, and names nothing on a new site that a person must mend."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from catalog.tables import audit
from node.doctor import Finding, examine
from node.i18n import speaking
from node.site import Site
from sync import tables as sync_tables


def bad(site: Site, *, deep: bool = False) -> dict[str, str]:
    return {finding.topic: finding.en for finding in examine(site, deep=deep) if finding.level == "bad"}


def test_new_site_is_well(site: Site) -> None:
    assert bad(site, deep=True) == {}
    assert "note" in {finding.level for finding in examine(site)}  # the root key is still here


def test_findings_speak_both_languages() -> None:
    finding = Finding("bad", "x", "中文", "English")
    with speaking("zh"):
        assert finding.text == "中文"
    with speaking("en"):
        assert finding.text == "English"


def _loosen(name: str, mode: int) -> Callable[[Site], None]:
    return lambda site: (site.folder / name).chmod(mode)


@pytest.mark.parametrize(
    ("topic", "harm"),
    [
        ("keys", _loosen("keys/site.pem", 0o644)),
        ("keys", lambda site: (site.folder / "keys" / "witness.pem").unlink()),
        ("keys", _loosen("keys/root.pem", 0o640)),
        ("folder", _loosen("policies", 0o777)),
        ("folder", _loosen("terrace.yaml", 0o666)),
    ],
    ids=["site-key-readable", "witness-key-missing", "root-key-readable", "policies-writable", "settings-writable"],
)
def test_file_that_others_may_read_or_write_is_found(site: Site, topic: str, harm: Callable[[Site], None]) -> None:
    harm(site)
    assert topic in bad(site)


def test_policy_that_is_not_in_force_is_found(site: Site) -> None:
    from policies.errors import PolicyErrors

    (site.folder / "policies" / "bad.yaml").write_text("policy: bad\nrules:\n- rule: x\n  allow: raed\n", encoding="utf-8")
    with pytest.raises(PolicyErrors):
        site.policies.activate()
    assert "bad.yaml:4" in bad(site)["policy"]


def test_clock_behind_what_was_recorded_is_found(site: Site) -> None:
    with site.store.write() as tx:
        tx.audit_line({"time": int(time.time()) + 3600, "event": "test", "actor": None, "record": None, "outcome": "done", "detail": {}})
    assert "seconds behind" in bad(site)["clock"]


def test_altered_audit_line_is_found_in_a_deep_look(site: Site) -> None:
    with site.store.write() as tx:
        tx.conn.execute(update(audit).values(actor="somebody else"))
    assert "audit" not in bad(site)
    assert "audit" in bad(site, deep=True)


def test_peer_that_fails_is_found(site: Site) -> None:
    with site.store.write() as tx:
        tx.conn.execute(
            insert(sync_tables.peer).values(node="n-" + "a" * 32, relation="superior", url="https://x", name="{}", state="active", added=0, error="away: x")
        )
    assert "exchange with n-" in bad(site)["peers"]


def test_certification_near_its_end_is_an_alarm(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("node.doctor.time.time", lambda: now + 350 * 86400)
    assert "more days" in bad(site)["certification"]


def test_port_that_another_program_holds_is_found(folder: Path) -> None:
    import socket

    from node.site import open_site

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = (folder / "terrace.yaml").read_text(encoding="utf-8").replace("  port: 0 ", f"  port: {port} ")
        (folder / "terrace.yaml").write_text(text, encoding="utf-8")
        opened = open_site(folder)
        try:
            assert f"127.0.0.1:{port} is in use" in bad(opened)["listeners"]
        finally:
            opened.close()


def test_plain_http_off_loopback_is_found(folder: Path) -> None:
    from node.site import open_site

    with (folder / "terrace.yaml").open("a", encoding="utf-8") as stream:
        stream.write("tls: {}\n")
    text = (folder / "terrace.yaml").read_text(encoding="utf-8").replace("host: 127.0.0.1", "host: 0.0.0.0")
    (folder / "terrace.yaml").write_text(text, encoding="utf-8")
    opened = open_site(folder)
    try:
        assert "HTTPS" in bad(opened)["listeners"]
    finally:
        opened.close()
