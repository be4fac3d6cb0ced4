"""Golden answers: each face says exactly what it said when its files in `answers/` were last looked at, on either engine.

`TERRACE_TEST_RENEW=1` writes the files anew; then read the difference.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from tests.golden.cases import FACES, Ask
from tests.golden.world import Golden, build
from tests.leaks.fate import NOON, fated

ANSWERS = Path(__file__).with_name("answers")
RENEW = os.environ.get("TERRACE_TEST_RENEW") == "1"
#: When all is asked: the day after the last record.
ASKED = NOON + 86_400
#: How long an answer took, and the moment that pygeoapi and pycsw read off a clock of their own.
_MOMENT = re.compile(rb'("timeStamp": ?|timestamp=|expires=|elapsedTime=)"[^"]*"')
_HEADERS = ("Content-Type", "Location", "Link", "Content-Crs", "Content-Disposition")


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Golden]]:
    made: dict[str, Golden] = {}
    yield made
    for each in made.values():
        each.site.close()


@pytest.fixture
def golden(engine_name: str, sites: dict[str, Golden], new_database: Callable[[str], str | None], tmp_path_factory: pytest.TempPathFactory) -> Golden:
    if engine_name not in sites:
        sites[engine_name] = build(tmp_path_factory.mktemp("golden"), new_database(engine_name))
    return sites[engine_name]


def answer(golden: Golden, ask: Ask) -> str:
    """Status, the headers that carry meaning, and the body written so that differences can be read."""
    headers = {"Accept-Language": ask.language}
    if ask.actor == "officer":
        headers["Authorization"] = golden.officer
    body = None if ask.body is None else ask.body.encode()
    kind = None if body is None else "application/xml" if body.startswith(b"<") else "application/json"
    with fated("asking", ASKED):
        got = golden.app.test_client().open(ask.path.format(**golden.names), method="POST" if body else "GET", headers=headers, data=body, content_type=kind)
    assert got.mimetype
    head = [str(got.status_code), *(f"{name}: {got.headers[name]}" for name in _HEADERS if name in got.headers)]
    said = "\n".join([*head, "", readable(_MOMENT.sub(rb'\1"-"', got.get_data()), got.mimetype)]).rstrip() + "\n"
    for value, name in golden.random.items():
        said = said.replace(value, name)
    return said


def readable(body: bytes, kind: str) -> str:
    """JSON and XML with a line for each part, other text as it is."""
    if kind.endswith("json"):
        return json.dumps(json.loads(body), ensure_ascii=False, indent=1)
    if kind.endswith("xml"):
        root = etree.fromstring(body, etree.XMLParser(remove_blank_text=True, resolve_entities=False))
        return etree.tostring(root, pretty_print=True, encoding="unicode")
    return body.decode()


@pytest.mark.parametrize(("face", "name"), [(face, name) for face, asks in FACES.items() for name in asks])
def test_an_answer_is_what_it_was(golden: Golden, face: str, name: str) -> None:
    path = ANSWERS / face / f"{name}.txt"
    said = answer(golden, FACES[face][name])
    if RENEW:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said, encoding="utf-8")
    assert said == path.read_text(encoding="utf-8")


def test_there_is_no_file_that_nobody_asks_for() -> None:
    assert {path.relative_to(ANSWERS).as_posix() for path in ANSWERS.rglob("*.txt")} == {f"{face}/{name}.txt" for face, asks in FACES.items() for name in asks}
