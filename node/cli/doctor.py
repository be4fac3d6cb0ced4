"""`terrace doctor`."""

import click

from node.cli.base import Command, Run, option
from node.error_table import FAILED
from node.i18n import N_


@click.command(
    cls=Command,
    help=N_("""Look for what is wrong with the site and say how to mend it. Changes nothing; exit code 1 when something is bad."""),
    example="terrace -C wuhou doctor --deep",
)
@option("--deep", is_flag=True, help=N_("Also check every audit line and every page of the database."))
@click.pass_context
def doctor(ctx: click.Context, deep: bool) -> None:
    from node.doctor import examine

    run = ctx.ensure_object(Run)
    bad = 0
    for finding in examine(run.site, deep=deep):
        bad += finding.level == "bad"
        if run.json:
            run.emit({"level": finding.level, "topic": finding.topic, "zh": finding.zh, "en": finding.en})
        else:
            mark, colour = {"ok": ("✓", "green"), "note": ("·", "yellow"), "bad": ("✗", "red")}[finding.level]
            click.echo(click.style(mark, fg=colour) + f" {finding.topic}: {finding.text}")
    ctx.exit(FAILED if bad else 0)
