"""Requests that name another host, go around the proxy, or are sent by a page of another site."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from node.app import create_app
from node.errors import BaseUrlError
from node.i18n import speaking
from node.listeners import open_listeners
from node.settings import parse_settings
from node.signin import COOKIE
from node.site import Site, open_site

pytestmark = pytest.mark.soak_on("postgresql")

SITE = "site: {name: {zh: a}, division: 510107}\n"
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:9999"},
    {"Origin": "https://localhost"},
    {"Referer": "https://evil.example/localhost"},
    {"Referer": "http://localhost.evil.example/"},
    {"Origin": "http://["},
    {},
]
OWN = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost:80"},
    {"Referer": "http://localhost/sign-in"},
]


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return create_app(site).test_client()


@pytest.fixture
def configured(folder: Path) -> Callable[[str], FlaskClient]:
    """A client of the site under further settings."""

    def make(text: str) -> FlaskClient:
        settings = parse_settings(SITE + text, "t", {})
        plain = open_site(folder)
        return create_app(Site(folder, settings, plain.identity, plain.store, plain.metrics, "")).test_client()

    return make


# --- forms ---------------------------------------------------------------------------------------------------------------------------------


def test_page_of_another_site_cannot_sign_its_visitor_in(client: FlaskClient, make_token: Callable[..., str]) -> None:
    token = make_token("mallory", "clerk")
    for headers in FOREIGN:
        answer = client.post("/sign-in", data={"token": token}, headers=headers)
        assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False), headers
    assert client.get_cookie(COOKIE) is None


def test_own_page_signs_in_and_out(client: FlaskClient, make_token: Callable[..., str]) -> None:
    token = make_token("li", "clerk")
    for headers in OWN:
        _in_and_out(client, token, headers)


def _in_and_out(client: FlaskClient, token: str, headers: dict[str, str]) -> None:
    signed = client.post("/sign-in", data={"token": token}, headers=headers)
    assert signed.status_code == 303
    assert {"HttpOnly", "SameSite=Lax"} <= {part.strip() for part in signed.headers["Set-Cookie"].split(";")}
    form = client.get("/about").text
    csrf = form.partition('name="csrf_token" value="')[2].partition('"')[0]
    assert client.post("/sign-out", data={"csrf_token": csrf}, headers=FOREIGN[0]).status_code == 403
    assert client.post("/sign-out", headers=headers).status_code == 403
    assert client.post("/sign-out", data={"csrf_token": csrf}, headers=headers).status_code == 303
    assert client.get_cookie(COOKIE) is None


def test_sign_out_of_nobody_by_another_site_is_refused_too(client: FlaskClient) -> None:
    assert client.post("/sign-out", headers=FOREIGN[0]).status_code == 403


def test_refusal_of_a_foreign_form_is_said_in_the_visitors_language(client: FlaskClient) -> None:
    for tag, said in (("zh-CN", "不是由本站页面提交"), ("en", "not sent by a page of this site")):
        answer = client.post("/sign-in", data={"token": "x"}, headers={"Origin": "https://evil.example", "Accept": "text/html", "Accept-Language": tag})
        assert said in answer.text.replace("&#39;", "'")


def test_program_with_a_token_needs_no_page_but_a_password_kept_by_the_browser_does(client: FlaskClient, make_token: Callable[..., str]) -> None:
    import base64

    token = make_token("li", "clerk")
    assert client.post("/sign-out", headers={"Authorization": f"Bearer {token}"}).status_code == 303
    basic = {"Authorization": "Basic " + base64.b64encode(f"li:{token}".encode()).decode(), "Origin": "https://evil.example"}
    assert client.post("/sign-out", headers=basic).status_code == 403


def test_catalogue_interfaces_take_questions_by_post_from_anywhere(client: FlaskClient) -> None:
    asked = client.post("/api/3/action/package_search", json={"rows": 0}, headers={"Origin": "https://other.example"})
    assert asked.status_code == 200


def test_page_by_the_configured_address_is_own_whatever_the_proxy_hands_on(configured: Callable[[str], FlaskClient]) -> None:
    client = configured("base_url: https://data.example.gov.cn\nlisten: {behind_proxy: yes}\n")
    form = {"token": "x"}
    assert client.post("/sign-in", data=form, headers={"Origin": "https://data.example.gov.cn"}).status_code == 401
    assert client.post("/sign-in", data=form, headers={"Origin": "http://data.example.gov.cn"}).status_code == 403


# --- hosts ---------------------------------------------------------------------------------------------------------------------------------

PAGES = ["/", "/interfaces", "/api/3/action/status_show", "/ogc/", "/csw?service=CSW&version=2.0.2&request=GetCapabilities"]


HOSTS = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "10.0.0.1", "[2001:db8::1]"]


def test_other_host_is_refused_and_never_echoed(client: FlaskClient) -> None:
    for path in PAGES:
        for host in HOSTS:
            answer = client.get(path, headers={"Host": host, "X-Forwarded-Host": host})
            assert answer.status_code == 400
            assert host not in answer.text and host not in str(answer.headers)


def test_names_of_this_machine_are_answered(client: FlaskClient) -> None:
    for host in ("localhost", "LOCALHOST:8080", "localhost.", "127.0.0.1:9", "127.1.2.3", "[::1]:8080"):
        for path in PAGES:
            assert client.get(path, headers={"Host": host}).status_code == 200


def test_forwarded_host_counts_for_nothing_without_a_proxy(client: FlaskClient) -> None:
    answer = client.get("/api/3/action/status_show", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert answer.status_code == 200
    assert "evil.example" not in answer.text


def test_health_answers_under_any_name(client: FlaskClient) -> None:
    assert client.get("/healthz", headers={"Host": "10.0.0.1"}).status_code == 200


def test_configured_names_are_answered_and_links_have_the_configured_address(configured: Callable[[str], FlaskClient]) -> None:
    client = configured("base_url: https://data.example.gov.cn\nlisten: {names: [Old.example.gov.cn]}\n")
    for host in ("data.example.gov.cn", "DATA.example.gov.cn:443", "old.example.gov.cn", "127.0.0.1:8080"):
        answer = client.get("/interfaces", headers={"Host": host})
        assert answer.status_code == 200
        assert "https://data.example.gov.cn/csw" in answer.text
    assert client.get("/interfaces", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("text", ["tls: {certificate: a, key: b}\nlisten: {host: 0.0.0.0, port: 0}", "listen: {behind_proxy: yes, port: 0}"])
def test_site_for_others_is_not_served_without_its_address(text: str) -> None:
    with pytest.raises(BaseUrlError, match="base_url"):
        open_listeners(parse_settings(SITE + text, "t", {}))


def test_doctor_asks_for_the_address_of_a_site_for_others(folder: Path) -> None:
    from node.doctor import examine

    plain = open_site(folder)
    settings = parse_settings(SITE + "listen: {behind_proxy: yes}", "t", {})
    with speaking("en"):
        found = [each.text for each in examine(Site(folder, settings, plain.identity, plain.store, plain.metrics, "")) if each.level == "bad"]
    plain.close()
    assert any("base_url" in text for text in found)


# --- proxies -------------------------------------------------------------------------------------------------------------------------------

PROXIED = "base_url: https://data.example.gov.cn\nlisten: {behind_proxy: yes, proxies: [10.1.0.0/16]}\n"


def test_forwarded_headers_count_from_the_configured_proxies_alone(configured: Callable[[str], FlaskClient]) -> None:
    client = configured(PROXIED)
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "data.example.gov.cn", "Host": "backend"}
    by_proxy = client.get("/", headers=told, environ_base={"REMOTE_ADDR": "10.1.2.3"})
    assert by_proxy.status_code == 200 and "Strict-Transport-Security" in by_proxy.headers
    around = client.get("/", headers=told, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert around.status_code == 403
    here = client.get("/", headers={**told, "Host": "localhost"}, environ_base={"REMOTE_ADDR": "127.0.0.1"})
    assert here.status_code == 200 and "Strict-Transport-Security" not in here.headers


def test_a_claimed_address_does_not_evade_the_limit_of_attempts(configured: Callable[[str], FlaskClient]) -> None:
    client = configured(PROXIED)
    codes = []
    for number in range(12):
        headers = {"Authorization": f"guess{number}", "X-Forwarded-For": f"198.51.100.{number}, 203.0.113.9", "Host": "data.example.gov.cn"}
        codes.append(client.get("/", headers=headers, environ_base={"REMOTE_ADDR": "10.1.2.3"}).status_code)
    assert codes == [401] * 10 + [429] * 2


def test_network_that_is_none_is_an_error_with_its_line() -> None:
    from node.errors import SettingsError

    with pytest.raises(SettingsError, match="an IP address or a network"):
        parse_settings(SITE + "listen: {proxies: [somewhere]}", "t", {})
