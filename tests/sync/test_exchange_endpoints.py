"""The listener: who calls is proved for each request; statuses are those of PROTOCOL 7."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from catalog.canonical import dumps
from catalog.migrate import upgrade
from catalog.store import Store
from sync import token
from tests.sync.sites import TestSite

pytestmark = pytest.mark.soak_on("postgresql")

type MakeSite = Callable[..., TestSite]


@pytest.fixture
def pair(make_site: MakeSite) -> tuple[TestSite, TestSite]:
    """A city and a county that has joined it."""
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    county.publish()
    county.exchange.worker.publish_once()
    return city, county


def _call(
    caller: TestSite,
    callee: TestSite,
    target: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    claims: dict[str, Any] | None = None,
) -> Any:
    values = {
        "iss": caller.node,
        "aud": callee.node,
        "zone": "business",
        "method": method,
        "target": "/peer/v1" + target,
        "body": body,
        "now": caller.clock(),
        **(claims or {}),
    }
    made = token.make(caller.keys.site, **values)
    sent = {"Authorization": f"Terrace {made}", **(headers or {})}
    return requests.request(method, callee.url + "/peer/v1" + target, data=body or None, headers=sent, timeout=10), made


def test_hello_says_versions_node_zone_and_limits(pair: tuple[TestSite, TestSite]) -> None:
    city, _ = pair
    answer = requests.get(city.url + "/peer/v1/hello", timeout=10).json()
    assert (answer["node"], answer["zone"], answer["versions"]) == (city.node, "business", [1]) and answer["limits"]["batch"] == 8 << 20


@pytest.mark.parametrize("target", ["/changes?from=0", "/statements?since=0", "/objects/" + "0" * 64, "/live/terrace%2F1", "/rows/x/-"])
def test_no_token_no_answer(pair: tuple[TestSite, TestSite], target: str) -> None:
    city, _ = pair
    assert requests.get(city.url + "/peer/v1" + target, timeout=10).status_code == 401


@pytest.mark.parametrize(
    "claims", [{"aud": "n-" + "a" * 32}, {"zone": "internet"}, {"target": "/peer/v1/changes?from=5"}, {"method": "POST"}, {"body": b"x"}, {"now": 1}]
)
def test_token_for_another_request_is_refused(pair: tuple[TestSite, TestSite], claims: dict[str, Any]) -> None:
    city, county = pair
    assert _call(city, county, "/changes?from=0", claims=claims)[0].status_code == 401


def test_replayed_token_is_refused(pair: tuple[TestSite, TestSite]) -> None:
    city, county = pair
    answer, made = _call(city, county, "/statements?since=0")
    assert answer.status_code == 200
    again = requests.get(county.url + "/peer/v1/statements?since=0", headers={"Authorization": f"Terrace {made}"}, timeout=10)
    assert (again.status_code, again.json()["kind"]) == (401, "token-replay")


def test_unknown_generation_and_cursor_beyond_the_head_ask_for_a_full_read(pair: tuple[TestSite, TestSite]) -> None:
    city, county = pair
    answer, _ = _call(city, county, "/changes?from=0")
    assert answer.status_code == 409
    gen = answer.json()["gen"]
    assert _call(city, county, f"/changes?gen={gen}&from=77")[0].status_code == 409
    assert _call(city, county, f"/changes?gen={gen}&from=0")[0].status_code == 200


@pytest.mark.parametrize("query", ["from=-1", "from=x", "from=0&wait=31", "from=0&limit=1001", "from=" + "9" * 30])
def test_malformed_query_is_refused(pair: tuple[TestSite, TestSite], query: str) -> None:
    city, county = pair
    assert _call(city, county, f"/changes?{query}")[0].status_code == 400


def test_pushed_batch_is_applied_once(pair: tuple[TestSite, TestSite]) -> None:
    city, county = pair
    gen = _call(city, county, "/changes?from=0")[0].json()["gen"]
    body = _call(city, county, f"/changes?gen={gen}&from=0")[0].content
    answer, _ = _call(county, city, "/changes", method="POST", body=body)
    assert answer.status_code == 200 and answer.json()["from"] > 0
    again, _ = _call(county, city, "/changes", method="POST", body=body)
    assert (again.status_code, again.json()["from"]) == (409, answer.json()["from"])
    refused, _ = _call(county, city, "/changes", method="POST", body=b'{"v":1}')
    assert refused.status_code == 422 and refused.json()["clause"]


def test_pushed_batch_about_an_uncertified_authority_is_content_refused(pair: tuple[TestSite, TestSite], make_site: MakeSite) -> None:
    # PROTOCOL 7.3: 403 is for who calls, 422 for what the batch says
    city, county = pair
    gen = _call(city, county, "/changes?from=0")[0].json()["gen"]
    batch = _call(city, county, f"/changes?gen={gen}&from=0")[0].json()
    stranger = make_site("510104", "锦江")
    batch["logs"][0]["origin"] = f"terrace/1/{stranger.node}/business/1"
    refused, _ = _call(county, city, "/changes", method="POST", body=dumps(batch))
    assert (refused.status_code, refused.json()["kind"]) == (422, "uncertified")
    answer, _ = _call(stranger, city, "/changes", method="POST", body=dumps(batch))
    assert (answer.status_code, answer.json()["kind"]) == (403, "uncertified")


def _message(**more: Any) -> bytes:
    about = {"about": None, "body": {"text": "请提供数据"}, "id": "A" * 22, "kind": "request", "time": "2026-11-24T06:26:41Z", "v": 1}
    return dumps({**about, **more})


def test_message_is_kept_once_for_each_caller(pair: tuple[TestSite, TestSite], make_site: MakeSite) -> None:
    # PROTOCOL 7
    city, county = pair
    other = make_site("510104", "锦江")
    other.join(city)
    for caller in (county, county, other, county):
        assert _call(caller, city, "/messages", method="POST", body=_message())[0].json() == {"id": "A" * 22, "v": 1}
    with city.store.read() as conn:
        assert sorted(conn.exec_driver_sql("SELECT peer, id FROM sync_message")) == sorted([(county.node, "A" * 22), (other.node, "A" * 22)])


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"id": "m-12345678"}, "message"),
        ({"about": "x"}, "message"),
        ({"time": "today"}, "message"),
        ({"body": []}, "message"),
        ({"kind": "order"}, "halt"),
        ({"v": 2}, "halt"),
    ],
)
def test_message_without_its_form_is_refused(pair: tuple[TestSite, TestSite], wrong: dict[str, Any], kind: str) -> None:
    # PROTOCOL 7, 7.4
    city, county = pair
    answer, _ = _call(county, city, "/messages", method="POST", body=_message(**wrong))
    assert (answer.status_code, answer.json()["kind"]) == (422, kind)


def test_messages_kept_by_an_older_program_stay_when_they_come_to_be_told_apart_by_caller(store: Store) -> None:
    with store.write() as tx:
        tx.conn.exec_driver_sql("DROP TABLE IF EXISTS sync_message")
        upgrade(tx.conn, ["sync"])
        tx.conn.exec_driver_sql("DROP TABLE sync_message")
        tx.conn.exec_driver_sql(
            "CREATE TABLE sync_message (id TEXT PRIMARY KEY, peer TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, received BIGINT NOT NULL)"
        )
        tx.conn.exec_driver_sql("INSERT INTO sync_message VALUES ('m', 'n-a', 'request', '{}', 1)")
        tx.conn.exec_driver_sql("UPDATE alembic_version_sync SET version_num = 's0001'")
        upgrade(tx.conn, ["sync"])
        tx.conn.exec_driver_sql("INSERT INTO sync_message (id, peer, kind, body, received) VALUES ('m', 'n-b', 'request', '{}', 2)")
        assert sorted(tx.conn.exec_driver_sql("SELECT id, peer, received FROM sync_message")) == [("m", "n-a", 1), ("m", "n-b", 2)]


def test_live_list_has_a_bit_for_each_current_leaf(pair: tuple[TestSite, TestSite]) -> None:
    city, county = pair
    id = county.publish()
    county.edit(id, title={"zh": "改"})
    county.exchange.worker.publish_once()
    answer, _ = _call(city, county, f"/live/terrace/1/{county.node}/business/1")
    assert answer.content == bytes([0b101])
    assert _call(city, county, f"/live/terrace/1/{city.node}/business/1")[0].status_code == 404


def test_body_too_large_or_compressed_is_refused(pair: tuple[TestSite, TestSite]) -> None:
    city, county = pair
    assert _call(county, city, "/messages", method="POST", body=b"x" * (2 << 20))[0].status_code == 413
    assert _call(county, city, "/messages", method="POST", body=b"x", headers={"Content-Encoding": "gzip"})[0].status_code == 415


def test_witness_refuses_what_is_not_its_own_to_cosign(pair: tuple[TestSite, TestSite], make_site: MakeSite) -> None:
    city, county = pair
    with county.store.read() as conn:
        note = conn.exec_driver_sql("SELECT note FROM sync_run WHERE source = ''").scalar()
    assert _call(county, city, "/witness/add-checkpoint", method="POST", body=f"old 0\n\n{note}".encode())[0].status_code == 409
    assert _call(county, city, "/witness/add-checkpoint", method="POST", body=b"nonsense")[0].status_code == 400
