"""`terrace jobs`."""

from datetime import UTC, datetime

import click

from node.cli.base import Command, Group, Run, argument, option, pass_run
from node.cli.printing import show_table
from node.i18n import N_, translate


@click.group(cls=Group, help=N_("Background jobs."))
def jobs() -> None:
    pass


@jobs.command(
    "list",
    cls=Command,
    help=N_("List jobs that wait, run or rest after too many failures."),
    example="terrace -C wuhou jobs list --all",
)
@option("--all", "everything", is_flag=True, help=N_("Also those that ended."))
@pass_run
def list_(run: Run, everything: bool) -> None:
    from catalog.jobs import list_jobs

    states = ("ready", "running", "dead", "done", "cancelled") if everything else ("ready", "running", "dead")
    with run.acting(), run.site.store.read() as conn:
        found = list_jobs(conn, states=states)
    if run.json:
        for row in found:
            run.emit({name: getattr(row, name) for name in ("job", "kind", "key", "state", "attempts", "done", "total", "error")})
        return
    show_table(
        [N_("job"), N_("kind"), N_("state"), N_("due"), N_("progress"), N_("error")],
        [[str(row.job), row.kind, row.state, _time(row.due), f"{row.done or ''}/{row.total or ''}".strip("/"), row.error or ""] for row in found],
    )


@jobs.command(
    cls=Command,
    help=N_("Let a job that rests after failures try again, from where it was."),
    example="terrace -C wuhou jobs retry 17",
)
@argument("job", type=int)
@pass_run
def retry(run: Run, job: int) -> None:
    from catalog.jobs import retry as do

    with run.administering("job.retry", job) as tx:
        do(tx, job)
    run.done(translate("Job {job} will run again.").format(job=job), job=job)


@jobs.command(
    cls=Command,
    help=N_("Cancel a job: a waiting one at once, a running one at its next step."),
    example="terrace -C wuhou jobs cancel 17",
)
@argument("job", type=int)
@pass_run
def cancel(run: Run, job: int) -> None:
    from catalog.jobs import cancel as do

    with run.administering("job.cancel", job) as tx:
        do(tx, job)
    run.done(translate("Job {job} is cancelled.").format(job=job), job=job)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
