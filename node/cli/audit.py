"""`terrace audit`."""

import json
from datetime import UTC, datetime

import click

from node.cli.base import Command, Group, Run, option, pass_run
from node.cli.printing import echo, show_table
from node.error_table import FAILED
from node.i18n import N_, counted, translate


@click.group(cls=Group, help=N_("The audit log."))
def audit() -> None:
    pass


@audit.command(
    "list",
    cls=Command,
    help=N_("List audit lines, newest first."),
    example="terrace -C wuhou audit list --event record.publish --limit 20",
)
@option("--event", help=N_("Only this event, or all that begin with it and a dot."))
@option("--actor", "who", help=N_("Only this actor, as audit lines name it."))
@option("--record", help=N_("Only lines about this record."))
@option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help=N_("At most so many lines."))
@pass_run
def list_(run: Run, event: str | None, who: str | None, record: str | None, limit: int) -> None:
    from node.audit_lines import audit_lines

    run.require("audit")
    with run.site.store.read() as conn:
        lines = audit_lines(conn, event=event, actor=who, record=record, limit=limit)
    if run.json:
        for line in lines:
            run.emit(line)
        return

    show_table(
        [N_("no."), N_("time"), N_("event"), N_("actor"), N_("outcome"), N_("record"), N_("detail")],
        [
            [str(line["seq"]), _time(line["time"]), *(str(line[name] or "") for name in ("event", "actor", "outcome", "record")), _detail(line["detail"])]
            for line in lines
        ],
        headed=True,
    )


@audit.command(
    cls=Command,
    help=N_("Check every audit line against the hash chain; names the first line that was altered."),
    example="terrace -C wuhou audit verify",
)
@click.pass_context
def verify(ctx: click.Context) -> None:
    from catalog.audit import verify_chain

    run = ctx.ensure_object(Run)
    run.require("audit")
    with run.site.store.read() as conn:
        report = verify_chain(conn)
    if run.json:
        run.emit({"lines": report.lines, "bad": report.bad, "newest": report.newest})
    elif report.bad is None:
        message = counted("{lines} line holds. Newest: {newest}", "{lines} lines hold. Newest: {newest}", report.lines)
        echo(message.format(lines=report.lines, newest=report.newest))
    else:
        echo(translate("Line {bad} was altered or taken out; lines before it that hold: {lines}.").format(bad=report.bad, lines=report.lines), err=True)
    if report.bad is not None:
        ctx.exit(FAILED)


def _detail(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


def _time(seconds: object) -> str:
    return datetime.fromtimestamp(int(str(seconds)), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
