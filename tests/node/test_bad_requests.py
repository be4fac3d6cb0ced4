"""Every kind of bad request to the public faces: one clear error in the face's own form, in the language asked for, and nothing changes."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from catalog.accounts import Account
from catalog.drafts import Draft
from catalog.rows import Column, RowChanges
from catalog.tables import metadata
from node.app import create_app
from node.rate_limit import RateLimit
from node.signin import COOKIE
from node.site import Site
from tests.bad import KINDS
from tests.bad.requests import REQUESTS, Request
from tests.catalog.conftest import OFFICER, complete_fields

#: What changes by being asked: the log of reads, sessions, sign-in attempts.
_COUNTED = ("audit", "counter", "session", "user_")
_TAGS = re.compile(r"<script.*?</script>|<style.*?</style>|<[^>]*>", re.DOTALL)


@pytest.fixture
def wells(site: Site) -> str:
    """The uuid of a published layer, and the account of a clerk."""
    columns = (Column("no", "integer", nullable=False), Column("depth", "decimal"), Column("owner", "text"), Column("seen", "date"), Column("geom", "geometry"))
    rows = [{"no": n, "depth": "1.5", "owner": "王", "seen": "2024-01-02", "geom": {"type": "Point", "coordinates": [104.06, 30.6]}} for n in range(3)]
    table = {"title": {"en": "Table"}, "kind": "database", "rows": True, "key": ["no"], "format": "csv"}
    fields = {**complete_fields(), "resources.rows": table, "items": [column.as_item() for column in columns]}
    with site.store.write() as tx:
        id = site.writer.add_draft(tx, Draft(fields, secrecy="public", slug="wells"), OFFICER)
        site.writer.put_rows(tx, id, "", RowChanges(columns=columns, key=("no",), geometry="point", puts=rows), OFFICER)
        site.writer.publish(tx, id, OFFICER)
        site.accounts.create(tx, Account("clerk", "clerk", frozenset({"clerk"})), "correct horse battery", by="test")
    return id.rpartition(":")[2]


@pytest.fixture
def client(site: Site) -> Iterator[FlaskClient]:
    app = create_app(site)
    app.extensions["terrace.sign_in"]._limit = RateLimit(10_000)  # each of many attempts is to be judged by itself
    with app.test_client(use_cookies=False) as made:
        yield made


def _state(site: Site) -> dict[str, list[str]]:
    with site.store.read() as conn:
        return {table.name: sorted(map(str, conn.execute(select(table)))) for table in metadata.sorted_tables if table.name not in _COUNTED}


def _ask(client: FlaskClient, each: Request, slug: str, cookie: str, language: str) -> tuple[int, str]:
    path = each.path.replace("{uuid}", slug).replace("{{", "{").replace("}}", "}")
    head = {"Accept": "*/*", "Accept-Language": language, **each.headers}
    if each.session:
        head["Cookie"] = f"{COOKIE}={cookie}"
    method = each.method or ("GET" if each.body is None else "POST")
    kind = each.kind or None
    answer = client.open(quote(path, safe="/?&=%:,;'()[]{}+*!-.~_\"<>|@"), method=method, headers=head, data=each.body, content_type=kind)
    return answer.status_code, answer.get_data(as_text=True)


@pytest.mark.engine("sqlite")  # who asks wrongly reaches no engine; filters on both: tests/catalog, tests/ogc
def test_each_is_one_clear_error_and_changes_nothing(site: Site, client: FlaskClient, wells: str) -> None:
    cookie, _ = site.accounts.sign_in("clerk", "correct horse battery")
    before, wrong = _state(site), {}
    for name, each in REQUESTS.items():
        status, text = _ask(client, each, wells, cookie, "en")
        said = _TAGS.sub(" ", text)
        if status != each.status:
            wrong[name] = f"{status}: {said[-300:]}"
        elif not any(word in text for word in each.words.split("|")):
            wrong[name] = f"{status}: {' '.join(said.split())[-400:]}"
        elif len(text) > 20_000 or "Traceback" in text or "sqlalchemy" in text.lower():
            wrong[name] = f"not clear: {len(text)} {said[:300]}"
        if each.own or name in wrong:
            continue
        status, text = _ask(client, each, wells, cookie, "zh")
        if status != each.status or not re.search("[\u4e00-\u9fff]", _TAGS.sub(" ", text)):
            wrong[name] = f"not in Chinese: {status} {' '.join(_TAGS.sub(' ', text).split())[-300:]}"
    assert not wrong, f"{len(wrong)}\n" + "\n".join(f"{name}: {what}" for name, what in wrong.items())
    assert _state(site) == before


def test_there_are_hundreds_of_kinds() -> None:
    assert len(KINDS) >= 400


def test_every_kind_is_run_by_a_test() -> None:
    """The table says which test runs each part."""
    import tests.bad as bad

    named = re.findall(r"tests/\w+/test_\w+\.py", bad.__doc__ or "")
    assert len(named) >= 5 and all((Path(bad.__file__).parents[2] / each).is_file() for each in named)
