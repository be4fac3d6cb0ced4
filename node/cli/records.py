"""`terrace publish` and `terrace withdraw`."""

from collections.abc import Callable
from typing import Any

import click

from catalog.errors import NotFoundError
from node.cli.base import Command, Run, argument, option
from node.cli.printing import Styled, chosen, echo
from node.cli.withdrawn import resolve_to_write
from node.error_table import combined, form
from node.errors import NotHereError, UsageError
from node.i18n import N_, labelled, local_text, translate
from policies.errors import TerraceError

#: What became of a record.
STATUSES = {"published": N_("published"), "unchanged": N_("unchanged"), "withdrawn": N_("withdrawn"), "draft": N_("draft"), "refused": N_("refused")}


@click.command(
    cls=Command,
    help=N_("Publish drafts: each is checked against its profile, and everything that is missing is named."),
    example="""terrace -C wuhou publish urn:terrace:0b9f4c1e-…
terrace -C wuhou publish --all""",
)
@argument("ids", nargs=-1)
@option("--all", "everything", is_flag=True, help=N_("All drafts."))
@option("--note", help=N_("Why; kept with the version."))
@click.pass_context
def publish(ctx: click.Context, ids: tuple[str, ...], everything: bool, note: str | None) -> None:
    run = ctx.ensure_object(Run)
    if not ids and not everything:
        raise UsageError(zh="请指明记录，或用 --all 发布全部草稿。", en="Name records, or publish all drafts with --all.")
    run.require("publish")

    def one(id: str) -> dict[str, Any]:
        found = resolve_to_write(run, id)
        with run.site.store.write() as tx:
            done = run.site.writer.publish(tx, found, run.actor, note)
        return {"id": done.id, "slug": done.slug, "status": "published" if done.changed else "unchanged", "version": done.version}

    chosen = [draft.id for draft in run.drafts()] if everything else list(ids)
    if not chosen:
        run.say(translate("Nothing to publish: there is no draft."))
    ctx.exit(_each(run, chosen, one))


@click.command(
    cls=Command,
    help=N_("Withdraw published records: a tombstone takes their place at every node that holds them."),
    example="""terrace -C wuhou withdraw wuhou-parcels --reason "replaced by the 2026 survey" """,
)
@argument("ids", nargs=-1, required=True)
@option("--reason", required=True, help=N_("Why; kept with the record."))
@click.pass_context
def withdraw(ctx: click.Context, ids: tuple[str, ...], reason: str) -> None:
    run = ctx.ensure_object(Run)
    run.require("publish")

    def one(id: str) -> dict[str, Any]:
        found = run.resolve(id)
        with run.site.store.write() as tx:
            run.site.writer.withdraw(tx, found, reason, run.actor)
        return {"id": found, "status": "withdrawn"}

    ctx.exit(_each(run, list(ids), one))


def _each(run: Run, ids: list[str], act: Callable[[str], dict[str, Any]]) -> int:
    """Does one thing to each record, each in a transaction of its own; a refused one is said and the others go on."""
    codes: set[int] = set()
    with run.acting():
        for done, id in enumerate(ids, start=1):
            try:
                facts = act(id)
            except TerraceError as error:
                if isinstance(error, NotFoundError):
                    error = NotHereError("record", id)
                codes.add(form(error).exit)
                say_refused(run, {"id": id, "status": "refused"}, error)
            else:
                run.done(f"{facts['id']}  {translate(STATUSES[facts['status']])}", **facts)
            run.progress(done, len(ids), id)
    return combined(codes)


def say_refused(run: Run, facts: dict[str, Any], error: TerraceError) -> None:
    """Says why one thing was refused: an object with `error` under --json, else every problem on a line of its own."""
    problems = getattr(error, "problems", None)
    listed = problems if isinstance(problems, list) and all(isinstance(each, dict) for each in problems) else []
    if run.json:
        run.emit({**facts, "error": {"kind": error.kind, "zh": error.zh, "en": error.en, **({"problems": listed} if listed else {})}})
        return
    name = facts.get("title") or facts.get("file") or facts["id"]
    echo(Styled(f"✗ {chosen(name) if isinstance(name, dict) else name}", fg="red"), err=True)
    if not listed:
        echo(f"    {local_text(error.zh, error.en)}", err=True)
    for problem in listed:
        echo("    " + labelled(problem["field"], local_text(problem["zh"], problem["en"])), err=True)
