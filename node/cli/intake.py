"""What `terrace add` and `terrace quarantine retry` have in common: whose defaults, progress, and what is said of each record."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catalog.visible import visible
from node.cli.base import Run, option
from node.cli.printing import Styled, echo
from node.collector import collect_seldom
from node.error_table import combined, form
from node.i18n import N_, choose, counted, local_text, translate

if TYPE_CHECKING:
    from catalog.ingest import AddResult, IngestContext

__all__ = ["how", "intake_context", "take_in"]

#: What became of a file, or of a record in it.
STATUSES = {
    "draft": N_("draft"), "changed": N_("changed"), "unchanged": N_("unchanged"), "published": N_("published"), "refused": N_("refused"),
    "quarantined": N_("quarantined"),
}  # fmt: skip
#: Seconds before anything is shown of a run, and between two showings: on a terminal, elsewhere.
PATIENCE, OFTEN, SELDOM = 2.0, 0.2, 10.0
#: More results than this are summed up at the end.
MANY = 10


def how[F: Callable[..., Any]](command: F) -> F:
    """Adds the options that say how files are taken in."""
    choices = ["public", "internal", "confidential", "secret", "top_secret"]
    for each in (
        option("--set", "given", metavar="NAME=VALUE", multiple=True, help=N_("A field for files that do not have it; may be repeated.")),
        option("--secrecy", type=click.Choice(choices), help=N_("Secrecy for files that do not say theirs.")),
        option("--profile", metavar="NAME", help=N_("Profile for files that do not say theirs, for example groundwater.")),
        option("--publish", is_flag=True, help=N_("Publish at once.")),
    ):
        command = each(command)
    return command


def intake_context(run: Run, *, publish: bool, profile: str | None, secrecy: str | None, given: tuple[str, ...], again: bool = False) -> "IngestContext":
    """Where to, by whom, and with what defaults: the command line's before those of terrace.yaml."""
    from catalog.ingest import IngestContext
    from node.cli.edit import parse_changes
    from node.new_records import assumed_fields

    run.require("publish" if publish else "write")
    settings, site = run.settings.new_records, run.site
    fields = assumed_fields(site, {name: value for name, value in parse_changes(given, {}).items() if value is not None})
    progress = _Progress(run)
    return IngestContext(
        site.store, site.writer, site.objects, run.actor, profile=profile or settings.profile, secrecy=secrecy or settings.secrecy,
        terms=settings.terms, defaults=fields, publish=publish, again=again, progress=progress.file, steps=progress.step, checks=progress.check,
    )  # fmt: skip


def take_in(run: Run, context: "IngestContext", files: Iterable[Path]) -> int:
    """Takes files in and says what became of each record; returns the exit code, which is not 0 when something was refused or set aside."""
    from catalog.errors import IngestError
    from catalog.ingest import add

    collect_seldom(every=100_000)
    codes: set[int] = set()
    counts: Counter[str] = Counter()
    aside = False
    with run.acting():
        for result in add(files, context):
            if result.error is not None or result.quarantined:
                codes.add(form(result.error or IngestError(zh="", en="")).exit)
            counts[result.status] += 1
            aside = aside or result.status == "quarantined" or bool(result.quarantined)
            _say(run, result)
    if not counts:
        run.say(translate("There is no file to take in: hidden ones, links and what belongs to a site are left out."))
    if not run.json:
        _sum_up(counts, aside=aside)
    return combined(codes)


def _sum_up(counts: Mapping[str, int], *, aside: bool) -> None:
    """After many files how many became what; and where to find what was set aside."""
    if sum(counts.values()) > MANY:
        told = [f"{translate(name)} {counts[status]:,}" for status, name in STATUSES.items() if counts.get(status)]
        echo(translate("In all:") + " " + translate(", ").join(told), err=True)
    if aside:
        echo(translate("What was set aside, with its place and reason: terrace quarantine list"), err=True)


class _Progress:
    """Says how far a run is, once it takes longer than two seconds: a line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self, run: Run) -> None:
        import sys

        self._on, self._terminal = not run.json and not run.quiet, sys.stderr.isatty()
        self._next = time.monotonic() + PATIENCE
        self._files, self._shown = "", False

    def file(self, done: int, total: int, path: Path) -> None:
        """A file is done."""
        self._files = f"{done}/{total}"
        if done >= total:
            self._end()
        else:
            self._show(f"{self._files} {path.name}")

    def step(self, done: int, total: int | None, path: Path) -> None:
        """So many records or rows of a file are done."""
        self._show(f"{self._files} {path.name}: {_of(done, total)}".strip())

    def check(self, done: int, total: int | None, path: Path) -> None:
        """So many rows of a file were looked through."""
        self._show(f"{self._files} {path.name}: {translate('checking')} {_of(done, total)}".strip())

    def _show(self, text: str) -> None:
        now = time.monotonic()
        if not self._on or now < self._next:
            return
        self._next = now + (OFTEN if self._terminal else SELDOM)
        self._shown = True
        click.echo(f"\r\x1b[K{visible(text[:100])}" if self._terminal else visible(text), nl=not self._terminal, err=True)

    def _end(self) -> None:
        if self._shown and self._terminal:
            click.echo("\r\x1b[K", nl=False, err=True)


def _of(done: int, total: int | None) -> str:
    return f"{done:,}/{total:,}" if total else f"{done:,}"


def _say(run: Run, result: "AddResult") -> None:
    if run.json:
        run.emit(result.as_dict())
        return
    name = choose(result.title, result.path.name)
    status = translate(STATUSES[result.status])
    if result.error is None:
        rows = "" if result.rows is None else "  " + counted("{rows} row", "{rows} rows", result.rows).format(rows=result.rows)
        quarantined = counted("{rows} row in quarantine", "{rows} rows in quarantine", result.quarantined).format(rows=result.quarantined)
        aside = f"  {quarantined}" if result.quarantined else ""
        echo(f"✓ {name}  {result.id}  {status}{rows}{aside}")
    else:
        where = f"{result.path} · {result.part}" if result.part else str(result.path)
        said = f"  {status}" if result.status == "quarantined" else ""
        echo(Styled(f"✗ {name}", fg="red"), (f"  {result.id}  " if result.id else "  ") + where + said, err=True)
        _say_problems(result)
    for zh, en in result.notes:
        echo(f"    · {local_text(zh, en)}", err=True)


def _say_problems(result: "AddResult") -> None:
    error: Any = result.error
    problems = getattr(error, "problems", None)
    if not isinstance(problems, list):
        echo(f"    {local_text(error.zh, error.en)}", err=True)
        return
    for problem in problems:
        echo(f"    {problem['field']}: {local_text(problem['zh'], problem['en'])}", err=True)
    if result.id:
        echo("    " + translate("It stays a draft. Fill in with: terrace edit {id}; then: terrace publish {id}").format(id=result.id), err=True)
