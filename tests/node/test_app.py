"""The public application's frame: who asks, what every answer carries, what errors look like at each face."""

import base64
import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert

from catalog.accounts import Account
from catalog.errors import BusyError
from catalog.writer import Draft
from node.app import create_app
from node.headers import CONTENT_SECURITY_POLICY, DATA_POLICY
from node.signin import COOKIE
from node.site import Site
from policies.actor import require_actor
from policies.errors import ActorUnsetError
from sync.tables import object_want
from tests.catalog.conftest import OFFICER, complete_fields


@pytest.fixture
def app(site: Site) -> Flask:
    made = create_app(site)

    @made.get("/_who")
    def who() -> dict[str, object]:
        return require_actor().as_dict()

    @made.post("/_change")
    def change() -> dict[str, object]:
        return require_actor().as_dict()

    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_anonymous_is_the_public(client: FlaskClient) -> None:
    assert client.get("/_who").get_json() == {"kind": "public"}


def test_actor_is_unset_again_after_the_request(client: FlaskClient) -> None:
    client.get("/_who")
    with pytest.raises(ActorUnsetError):
        require_actor()


@pytest.mark.parametrize(
    "headers",
    [
        lambda token: {"Authorization": f"Bearer {token}"},
        lambda token: {"Authorization": token},
        lambda token: {"X-CKAN-API-Key": token},
        lambda token: {"Authorization": "Basic " + base64.b64encode(f"anyone:{token}".encode()).decode()},
    ],
    ids=["bearer", "bare", "ckan-key", "basic"],
)
def test_token_is_taken_in_every_form_that_clients_send(client: FlaskClient, make_token: Callable[..., str], headers: Callable[[str], dict[str, str]]) -> None:
    answer = client.get("/_who", headers=headers(make_token("li", "officer")))
    assert answer.get_json()["person"] == "li"
    assert answer.get_json()["roles"] == ["officer"]
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("sent", ["tt_" + "A" * 43, "nonsense", "Basic !!!", "Bearer "])
def test_token_that_does_not_count_is_an_error_and_never_the_public(client: FlaskClient, sent: str) -> None:
    answer = client.get("/_who", headers={"Authorization": sent, "Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_revoked_token_ends_at_once(client: FlaskClient, site: Site, make_token: Callable[..., str]) -> None:
    headers = {"Authorization": make_token("li", "officer")}
    assert client.get("/_who", headers=headers).status_code == 200
    with site.store.write() as tx:
        site.accounts.revoke_tokens(tx, "li", by="test")
    assert client.get("/_who", headers=headers).status_code == 401


def test_guessing_tokens_is_slowed_down(client: FlaskClient) -> None:
    codes = [client.get("/_who", headers={"Authorization": f"guess{n}"}).status_code for n in range(12)]
    assert codes[:10] == [401] * 10
    assert codes[10:] == [429] * 2


def _session(client: FlaskClient, site: Site) -> str:
    with site.store.write() as tx:
        site.accounts.create(tx, Account("wang", "王", frozenset({"clerk"})), "correct horse battery", by="test")
    secret, session = site.accounts.sign_in("wang", "correct horse battery")
    client.set_cookie(COOKIE, secret)
    return session.csrf


def test_changing_request_by_cookie_needs_the_sessions_own_token(client: FlaskClient, site: Site) -> None:
    csrf = _session(client, site)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"  # of this site's own pages: tests/node/test_own_addresses.py
    assert client.get("/_who").get_json()["person"] == "wang"
    assert client.post("/_change").status_code == 403
    assert client.post("/_change", headers={"X-CSRF-Token": "forged"}).status_code == 403
    assert client.post("/_change", headers={"X-CSRF-Token": csrf}).status_code == 200
    assert client.post("/_change", data={"csrf_token": csrf}).status_code == 200


def test_token_beside_a_cookie_counts_alone(client: FlaskClient, site: Site, make_token: Callable[..., str]) -> None:
    _session(client, site)
    headers = {"Authorization": make_token("li", "officer")}
    assert client.post("/_change", headers=headers).get_json()["person"] == "li"


def test_a_file_that_is_a_page_is_sandboxed_when_it_is_fetched(client: FlaskClient, site: Site) -> None:
    digest = site.objects.put(io.BytesIO(b"<script>alert(1)</script>"), media_type="text/html").sha256
    page = {"title": {"en": "Page"}, "kind": "file", "format": "HTML", "media_type": "text/html", "sha256": digest, "size": 25}
    fields = complete_fields() | {"resources.page": page}
    with site.store.write() as tx:
        site.objects.note(tx, digest)
        id = site.writer.add_draft(tx, Draft(fields, secrecy="public"), OFFICER)
        site.writer.publish(tx, id, OFFICER)
    answer = client.get(f"/dataset/{id.rpartition(':')[2]}/file/page")
    assert answer.status_code == 200 and answer.mimetype == "text/html", answer.text
    assert answer.headers["Content-Security-Policy"] == DATA_POLICY
    assert answer.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_file_that_is_on_its_way_says_when_to_ask_again(client: FlaskClient, site: Site, language: str) -> None:
    file = {"title": {"en": "File"}, "kind": "file", "format": "CSV", "media_type": "text/csv", "sha256": "a" * 64, "size": 25}
    with site.store.write() as tx:
        id = site.writer.add_draft(tx, Draft(complete_fields() | {"resources.file": file}, secrecy="public"), OFFICER)
        site.writer.publish(tx, id, OFFICER)
    path = f"/dataset/{id.rpartition(':')[2]}/file/file"
    assert client.get(path).status_code == 404  # nobody is known to have it
    with site.store.write() as tx:
        wish = {"sha256": "a" * 64, "source": "n-" + "a" * 32, "id": id, "size": 25, "media_type": "text/csv", "state": "skipped", "due": 0, "attempts": 0}
        tx.conn.execute(insert(object_want).values(**wish))
    page = client.get(path, headers={"Accept": "text/html", "Accept-Language": language})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "3")
    assert ("being fetched" if language == "en" else "正在向提供者获取") in page.text


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    page = client.get("/no-such-page", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    data = client.get("/healthz")
    assert "sandbox" in data.headers["Content-Security-Policy"]
    for answer in (page, data):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("/api/3/action/no_such_action_at_all", 403, '"success": false'),
        ("/ogc/collections", 401, '"code": "NotAuthorized"'),
        ("/csw", 401, "<ows:ExceptionText>"),
        ("/", 401, '"status": 401'),
    ],
)
def test_refused_credential_comes_in_each_faces_own_form(client: FlaskClient, path: str, status: int, expected: str) -> None:
    answer = client.get(path, headers={"Authorization": "wrong", "Accept": "application/json"})
    assert (answer.status_code, expected in answer.text) == (status, True)


def test_fault_of_ours_says_nothing_of_its_cause(app: Flask) -> None:
    @app.get("/_fault")
    def fault() -> str:
        raise RuntimeError("secret detail /etc/passwd")

    app.testing = False
    answer = app.test_client().get("/_fault", headers={"Accept": "text/html"})
    assert answer.status_code == 500
    assert "secret detail" not in answer.text


def test_what_will_pass_says_when_to_ask_again_and_nothing_of_its_cause(app: Flask) -> None:
    @app.get("/_busy")
    def busy() -> str:
        raise BusyError(zh="锁：/srv/terrace.db.lock", en="lock: /srv/terrace.db.lock")

    app.testing = False
    answer = app.test_client().get("/_busy", headers={"Accept": "text/html"})
    assert answer.status_code == 503 and answer.headers["Retry-After"]
    assert "/srv" not in answer.text and ("try again later" in answer.text or "请稍后再试" in answer.text)


@pytest.mark.parametrize(
    ("asked", "expected"), [("zh-CN,zh;q=0.9", "没有找到"), ("en-GB", "Not found"), ("fr, zh-Hant-TW;q=0.5, en;q=0.4", "没有找到"), ("fr", "没有找到")]
)
def test_language_follows_the_browser_and_any_chinese_is_chinese(client: FlaskClient, asked: str, expected: str) -> None:
    assert expected in client.get("/no-such-page", headers={"Accept": "text/html", "Accept-Language": asked}).text


def test_healthz_says_only_what_is_public(client: FlaskClient, site: Site) -> None:
    body = client.get("/healthz").get_json()
    assert set(body) == {"status", "node", "zone", "time"}
    assert body["node"] == site.identity.node


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "/\\evil.example", "/\t/evil.example", "//[", "/x\r\nSet-Cookie: a=b", "https://evil.example", "https:evil", "x"],
)
def test_page_to_go_back_to_is_of_this_site_and_never_an_error(client: FlaskClient, wanted: str) -> None:
    answer = client.get("/language/en", query_string={"next": wanted})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/sign-in", query_string={"next": wanted}).status_code == 200


def test_page_to_go_back_to_keeps_its_question(client: FlaskClient) -> None:
    assert client.get("/language/en", query_string={"next": "/?q=[a]&theme=land"}).headers["Location"] == "/?q=%5Ba%5D&theme=land"
