"""What others write into names, titles and logins does nothing to the terminal on which it is read."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner

from catalog.visible import has_controls, visible
from node.cli.base import Run
from node.cli.peer import _show_both
from node.cli.printing import Styled, chosen, echo, report, show_table
from node.logs import VisibleFormatter
from policies.errors import TerraceError
from sync.claims import is_name
from sync.errors import PeerError

EVIL = "成都:\n    AAAA BBBB\nThis node:\r\x1b[8m\x9b2J\x7f\u202e\u2066\u2028"


def printed(do: Callable[[], Any], *, color: bool = True) -> str:
    """What a terminal would get."""
    return CliRunner().invoke(click.Command("x", callback=do), color=color).output


def test_every_control_has_a_visible_form() -> None:
    assert visible(EVIL) == r"成都:\n    AAAA BBBB\nThis node:\r\x1b[8m\x9b2J\x7f\u202e\u2066\u2028"
    assert visible("甲\t乙\n\x1b", "\n\t") == "甲\t乙\n\\x1b"
    assert not has_controls("成都 – 武侯 ̈ 🏞") and all(has_controls(f"a{each}") for each in "\n\t\0\x1b\x85\u200f")


@pytest.mark.parametrize("do", [
    lambda: echo(EVIL), lambda: echo(Styled(EVIL)), lambda: show_table(["a"], [[EVIL]]), lambda: echo(chosen({"zh": EVIL, "en": EVIL})),
    lambda: Run.emit(None, {"name": EVIL}), lambda: report(TerraceError(zh=EVIL, en=EVIL), as_json=False),  # type: ignore[arg-type]
    lambda: report(TerraceError(zh=EVIL, en=EVIL), as_json=True),
])  # fmt: skip
def test_nothing_that_moves_a_terminal_leaves_a_command(do: Callable[[], Any]) -> None:
    said = printed(do).replace("\x1b[31m", "").replace("\x1b[1m", "").replace("\x1b[0m", "")  # our own colours
    assert not has_controls(said.replace("\n", "")) and "[8m" in said


def test_json_stays_json() -> None:
    assert json.loads(printed(lambda: Run.emit(None, {"name": EVIL}))) == {"name": EVIL}  # type: ignore[arg-type]


def test_own_colours_reach_the_terminal() -> None:
    assert printed(lambda: echo(Styled("✗", fg="red"), " a\tb\nc")) == "\x1b[31m✗\x1b[0m a\tb\nc\n"


def test_fingerprints_come_before_what_the_other_side_calls_itself() -> None:
    lines = printed(lambda: _show_both(chosen({"zh": EVIL, "en": EVIL}), "REAL", "MINE")).splitlines()
    assert [lines[1], lines[3]] == ["    REAL", "    MINE"] and len(lines) == 5 and "AAAA" in lines[4]


def test_names_are_short_and_without_controls() -> None:
    assert is_name("成都市") and is_name("x" * 200)
    assert not any(map(is_name, ("", "x" * 201, EVIL, "a\nb", 5, None, {"a": "b"})))


def test_what_a_peer_answers_is_bounded_and_visible() -> None:
    error = PeerError(422, {"message": {"zh": EVIL, "en": EVIL + "x" * 10_000}}, url="https://a/")
    assert not has_controls(error.zh + error.en) and len(error.en) < 700
    assert PeerError(503, {"message": {"en": 5}}, url="u").en.endswith("5")


def test_a_log_shows_controls_of_others_and_no_line_of_theirs_begins_one() -> None:
    made = logging.LogRecord("x", logging.ERROR, "", 0, "peer %s said\n%s", ("\x1b[2J", "2027-01-15 INFO forged\u202e"), None)
    said = VisibleFormatter("%(levelname)s: %(message)s").format(made)
    assert said == "ERROR: peer \\x1b[2J said\n    2027-01-15 INFO forged\\u202e"
    try:
        raise ValueError("a\x07\nERROR: forged")
    except ValueError:
        made.exc_info = sys.exc_info()
    lines = VisibleFormatter("%(levelname)s: %(message)s").format(made).split("\n")
    assert not any(line.startswith("ERROR") for line in lines[1:]) and "\x07" not in "".join(lines)
