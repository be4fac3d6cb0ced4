"""`terrace quarantine`: what intake has set aside."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.base import Command, Group, Run, argument, option, pass_run
from node.cli.intake import how, intake_context, take_in
from node.cli.printing import echo, show_table
from node.errors import UsageError
from node.i18n import N_, counted, local_text, translate

if TYPE_CHECKING:
    from catalog.quarantine import Held

_PAGE = 500


@click.group(
    cls=Group,
    help=N_("""What intake has set aside: bad records and rows of files whose rest entered, each with its reason and place.

Mend the file, its sidecar or the profile, then: terrace quarantine retry."""),
)
def quarantine() -> None:
    pass


@quarantine.command("list", cls=Command, help=N_("List what is set aside."), example="terrace -C wuhou quarantine list --file catalog.json")
@option("--file", type=click.Path(path_type=Path), help=N_("Only what is from this file."))
@pass_run
def list_(run: Run, file: Path | None) -> None:
    run.require("write")
    entries = _all(run, None if file is None else str(file.resolve()))
    if run.json:
        for entry in entries:
            run.emit(entry.as_dict())
        return
    from catalog.quarantine import place_text

    spoken = local_text("zh", "en")
    rows = [[str(each.n), Path(each.file).name, place_text(each, spoken), local_text(each.zh, each.en), str(each.tries)] for each in entries]
    show_table([N_("no."), N_("file"), N_("place"), N_("reason"), N_("tries")], rows)


@quarantine.command(cls=Command, help=N_("Show one entry: reason, place, and what was found there."), example="terrace -C wuhou quarantine show 17")
@argument("number", type=int)
@pass_run
def show(run: Run, number: int) -> None:
    from catalog.quarantine import held, place_text

    run.require("write")
    with run.acting(), run.site.store.read() as conn:
        entry = held(conn, number)
    if run.json:
        run.emit(entry.as_dict())
        return
    when = datetime.fromtimestamp(entry.time, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    echo(f"{entry.n}  {entry.file}  {place_text(entry, local_text('zh', 'en'))}")
    echo(local_text(entry.zh, entry.en))
    echo(translate("record: {record}").format(record=entry.record) if entry.record else translate("a whole record"))
    echo(translate("{when}, tries: {tries}").format(when=when, tries=entry.tries))
    echo(f"\n{entry.excerpt}")


@quarantine.command(
    cls=Command,
    help=N_("""Take in again what was set aside: reads the files of the entries once more, after the file, its sidecar or the profile was mended.

What is good now enters, what is still bad stays with its new reason. Give the same options as to terrace add."""),
    example="""terrace -C wuhou quarantine retry 17
terrace -C wuhou quarantine retry --all --publish""",
)
@argument("numbers", nargs=-1, type=int)
@option("--all", "everything", is_flag=True, help=N_("All entries."))
@how
@click.pass_context
def retry(
    ctx: click.Context, numbers: tuple[int, ...], everything: bool, publish: bool, profile: str | None, secrecy: str | None, given: tuple[str, ...]
) -> None:
    from catalog.quarantine import files_of

    run = ctx.ensure_object(Run)
    _require_some(numbers, everything)
    context = intake_context(run, publish=publish, profile=profile, secrecy=secrecy, given=given, again=True)
    with run.acting(), run.site.store.read() as conn:
        files = [Path(file) for file in files_of(conn, None if everything else numbers)]
    ctx.exit(take_in(run, context, files))


@quarantine.command(
    cls=Command,
    help=N_("Give entries up: they are not taken in. The audit log keeps what they were."),
    example="""terrace -C wuhou quarantine drop 17 18
terrace -C wuhou quarantine drop --all""",
)
@argument("numbers", nargs=-1, type=int)
@option("--all", "everything", is_flag=True, help=N_("All entries."))
@pass_run
def drop(run: Run, numbers: tuple[int, ...], everything: bool) -> None:
    from catalog.quarantine import drop as do

    _require_some(numbers, everything)
    run.require("write")
    chosen = [entry.n for entry in _all(run, None)] if everything else list(dict.fromkeys(numbers))
    with run.acting(), run.site.store.write() as tx:
        count = do(tx, chosen, run.who)
    run.done(counted("{count} entry dropped.", "{count} entries dropped.", count).format(count=count), dropped=count)


def _require_some(numbers: tuple[int, ...], everything: bool) -> None:
    if bool(numbers) == everything:
        raise UsageError(zh="请指明编号，或用 --all。", en="Name entries by number, or all of them with --all.")


def _all(run: Run, file: str | None) -> "list[Held]":
    from catalog.quarantine import list_held

    entries: list[Held] = []
    with run.acting(), run.site.store.read() as conn:
        while page := list_held(conn, file=file, after=entries[-1].n if entries else 0, limit=_PAGE):
            entries.extend(page)
    return entries
