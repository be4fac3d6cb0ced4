"""What commands print: texts of others made harmless, JSON on one line, tables, errors with their exit codes."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from catalog.visible import has_controls, visible
from node.error_table import form
from node.i18n import choose, labelled, local_text, translate
from policies.errors import TerraceError

__all__ = ["Styled", "chosen", "echo", "one_line", "report", "show_table", "system_error"]


@dataclass(frozen=True)
class Styled:
    """A text in a colour, or bold."""

    text: str
    fg: str | None = None
    bold: bool | None = None


def echo(*parts: str | Styled, nl: bool = True, err: bool = False) -> None:
    """Prints texts, one behind the other. Every command prints through here or `show_table`.

    Texts of others are among them: names of peers, titles, logins that somebody tried. What would move the cursor, clear the screen, hide, or turn the
    direction of writing is shown instead of done; only our own colours reach the terminal. Lines and tabs are ours: values that must stay on one line go
    through `chosen` or `visible`.
    """
    told = (click.style(visible(each.text), fg=each.fg, bold=each.bold) if isinstance(each, Styled) else visible(each, "\n\t") for each in parts)
    click.echo("".join(told), nl=nl, err=err)


def chosen(texts: Mapping[str, str] | str | None, default: str = "") -> str:
    """One text of a language map that another site made, on one line."""
    return visible(choose(texts, default))


def one_line(value: Mapping[str, Any]) -> str:
    """JSON on one line; of the characters that a terminal obeys, those that JSON lets stand are escaped as well."""
    written = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return "".join(f"\\u{ord(each):04x}" if has_controls(each) else each for each in written) if has_controls(written) else written


def show_table(headings: list[str], rows: list[list[str]], *, headed: bool = False) -> None:
    """Prints rows in columns: a rich table on a terminal, tab-separated lines elsewhere.

    Args:
        headings: message ids.
        rows: cells.
        headed: with the headings elsewhere too, when there are rows; programs that read these lists use --json.
    """
    if not sys.stdout.isatty():
        for row in [list(map(translate, headings)), *rows] if headed and rows else rows:
            click.echo("\t".join(map(visible, row)))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*map(translate, headings), box=box.SIMPLE, pad_edge=False)
    for row in rows:
        table.add_row(*(visible(cell, "\n") for cell in row))  # a line end within a cell stays in its column
    Console(highlight=False, markup=False).print(table)


def report(error: TerraceError, as_json: bool) -> int:
    """Says an error to the person or program that called, and returns the exit code for it."""
    if as_json:
        document = {"error": {"kind": error.kind, "zh": error.zh, "en": error.en}}
        click.echo(one_line(document), err=True)
    else:
        echo(Styled(labelled(translate("Error"), ""), fg="red", bold=True), local_text(error.zh, error.en), err=True)
    return form(error).exit


def system_error(error: OSError) -> TerraceError:
    """What the operating system refused, in words: which file or address, and why."""
    where = f"{error.filename}: " if error.filename else ""
    return TerraceError(zh=f"系统拒绝了操作：{where}{error.strerror or error}", en=f"the system refused: {where}{error.strerror or error}")
