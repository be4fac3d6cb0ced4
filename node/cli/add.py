"""`terrace add`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from node.cli.base import Command, Run, argument, option
from node.error_table import combined, form
from node.errors import UsageError
from node.i18n import N_, choose, local_text, translate

if TYPE_CHECKING:
    from catalog.ingest import AddResult

#: What became of a file.
STATUSES = {"draft": N_("draft"), "changed": N_("changed"), "unchanged": N_("unchanged"), "published": N_("published"), "refused": N_("refused")}


@click.command(
    cls=Command,
    help=N_("""Take in metadata or data files; folders are opened up. Each becomes a draft record with its rows and the file itself.

With --publish each is checked and published at once; one that lacks something stays a draft, and everything that is missing is named.
Taking in the same file again changes nothing; a changed file becomes a new draft of the same record.

--set gives fields that the files do not have: NAME=TEXT, NAME:=JSON. What is always the same belongs into new_records of terrace.yaml."""),
    example="""terrace -C wuhou add parcels.geojson --publish
terrace -C wuhou add metadata/ --secrecy public --set theme:='["land"]' --set grade=general
terrace -C wuhou add wells.csv --publish --json""",
)
@argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@option("--publish", is_flag=True, help=N_("Publish at once."))
@option("--profile", metavar="NAME", help=N_("Profile for files that do not say theirs, for example groundwater."))
@option("--secrecy", type=click.Choice(["public", "internal", "confidential", "secret", "top_secret"]), help=N_("Secrecy for files that do not say theirs."))
@option("--set", "given", metavar="NAME=VALUE", multiple=True, help=N_("A field for files that do not have it; may be repeated."))
@click.pass_context
def add(ctx: click.Context, files: tuple[Path, ...], publish: bool, profile: str | None, secrecy: str | None, given: tuple[str, ...]) -> None:
    from catalog.ingest import IngestContext
    from catalog.ingest import add as take_in
    from node.cli.edit import parse_changes
    from node.new_records import assumed_fields

    run = ctx.ensure_object(Run)
    for file in files:
        if not file.exists():
            raise UsageError(zh=f"没有这个文件：{file}", en=f"there is no such file: {file}")
    run.require("publish" if publish else "write")
    settings = run.settings.new_records
    fields = assumed_fields(run.site, {name: value for name, value in parse_changes(given, {}).items() if value is not None})
    context = IngestContext(
        run.site.store, run.site.writer, run.site.objects, run.actor, profile=profile or settings.profile, secrecy=secrecy or settings.secrecy,
        terms=settings.terms, defaults=fields, publish=publish, progress=lambda done, total, path: run.progress(done, total, path.name),
    )
    codes: set[int] = set()
    with run.acting():
        for result in take_in(files, context):
            if result.error is not None:
                codes.add(form(result.error).exit)
            _say(run, result)
    ctx.exit(combined(codes))


def _say(run: Run, result: "AddResult") -> None:
    if run.json:
        run.emit(result.as_dict())
        return
    name = choose(result.title, result.path.name)
    status = translate(STATUSES[result.status])
    if result.error is None:
        rows = "" if result.rows is None else "  " + translate("{rows} rows").format(rows=result.rows)
        click.echo(f"✓ {name}  {result.id}  {status}{rows}")
    else:
        click.echo(click.style(f"✗ {name}", fg="red") + (f"  {result.id}  " if result.id else "  ") + f"{result.path}", err=True)
        _say_problems(result)
    for zh, en in result.notes:
        click.echo(f"    · {local_text(zh, en)}", err=True)


def _say_problems(result: "AddResult") -> None:
    error: Any = result.error
    problems = getattr(error, "problems", None)
    if not isinstance(problems, list):
        click.echo(f"    {local_text(error.zh, error.en)}", err=True)
        return
    for problem in problems:
        click.echo(f"    {problem['field']}: {local_text(problem['zh'], problem['en'])}", err=True)
    if result.id:
        click.echo("    " + translate("It stays a draft. Fill in with: terrace edit {id}; then: terrace publish {id}").format(id=result.id), err=True)
