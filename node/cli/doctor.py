"""`terrace doctor`."""

import click

from node.cli.base import Command, Run, option
from node.cli.printing import Styled, echo, show_table
from node.error_table import FAILED
from node.i18n import N_, labelled, translate

TOPICS = {
    "keys": N_("keys"), "folder": N_("folder"), "database": N_("database"), "policy": N_("policy"), "clock": N_("clock"), "disc": N_("disc"),
    "certification": N_("certification"), "peers": N_("peers"), "log": N_("log"), "jobs": N_("jobs"), "listeners": N_("listeners"), "texts": N_("texts"),
    "audit": N_("audit"), "address": N_("address"),
}  # fmt: skip


@click.command(
    cls=Command,
    help=N_("""Look for what is wrong with the site and say how to mend it. Changes nothing; exit code 1 when something is bad."""),
    example="terrace -C wuhou doctor --deep",
)
@option("--deep", is_flag=True, help=N_("Also check every audit line and every page of the database."))
@option("--faults", is_flag=True, help=N_("Only list the fault points, for drills: set TERRACE_FAULT to one of them and the process is killed there."))
@click.pass_context
def doctor(ctx: click.Context, deep: bool, faults: bool) -> None:
    from node.doctor import examine

    run = ctx.ensure_object(Run)
    if faults:
        _list_faults(run)
        return
    bad = 0
    for finding in examine(run.site, deep=deep):
        bad += finding.level == "bad"
        if run.json:
            run.emit({"level": finding.level, "topic": finding.topic, "zh": finding.zh, "en": finding.en})
        else:
            mark, colour = {"ok": ("✓", "green"), "note": ("·", "yellow"), "bad": ("✗", "red")}[finding.level]
            echo(Styled(mark, fg=colour), " " + labelled(translate(TOPICS.get(finding.topic, finding.topic)), finding.text))
    ctx.exit(FAILED if bad else 0)


def _list_faults(run: Run) -> None:
    """Every fault point of the program (`catalog.faults`): what to set, where it is, what it interrupts."""
    from catalog.fault_list import list_boundaries

    rows = [[f"{item.function}/{item.kind}/{moment}", item.place, item.interrupts] for item in list_boundaries() for moment in item.moments]
    if run.json:
        for point, place, interrupts in rows:
            run.emit({"point": point, "place": place, "interrupts": interrupts})
    else:
        show_table([N_("Point"), N_("Place"), N_("Interrupts")], rows)
