"""`terrace sync`."""

from dataclasses import asdict
from typing import Any

import click

from node.cli.base import Command, Group, Run, pass_run
from node.cli.peer import RELATIONS, STATES, peer_facts
from node.cli.printing import chosen, echo, show_table
from node.error_table import FAILED
from node.i18n import N_, counted, labelled, local_text, translate
from policies.errors import TerraceError


@click.group(cls=Group, help=N_("Exchange with peers: state, and at once."))
def sync() -> None:
    pass


@sync.command(cls=Command, help=N_("Say how the exchange stands: own log, cosignature, each peer."), example="terrace -C wuhou sync status")
@pass_run
def status(run: Run) -> None:
    run.require("write")
    from sync.recovery import restored

    found = run.site.exchange.status()
    with run.site.store.read() as conn:
        rests = restored(conn) is not None
    if run.json:
        names = ("node", "fingerprint", "origin", "size", "witnessed", "cosigned", "behind", "refused", "clock_behind")
        facts: dict[str, Any] = {name: getattr(found, name) for name in names}
        facts["doubt"] = None if found.doubt is None else asdict(found.doubt)
        run.emit({**facts, "rests": rests, "peers": [peer_facts(each) for each in found.peers]})
        return
    echo(f"{found.node}\n{found.fingerprint}")
    log = translate("Log {origin}: entries {size}, cosigned {witnessed}; changes still to be logged or streamed: {behind}.")
    echo(log.format(origin=found.origin or "-", size=found.size, witnessed=found.witnessed, behind=found.behind))
    if rests:
        log = translate("The log rests: this site was restored from an older copy. Ask the superior's clerk to run: terrace peer close {node}")
        echo(log.format(node=found.node))
    if found.doubt is not None:
        said = translate("The witness {node} does not cosign this log, and shows no proof why: {error}. It is asked again; ask its clerk.")
        echo(said.format(node=found.doubt.witness, error=local_text(found.doubt.zh, found.doubt.en)))
    if found.refused:
        echo(counted("{count} batch is in quarantine.", "{count} batches are in quarantine.", found.refused).format(count=found.refused))
    if found.clock_behind:
        late = translate("This machine's clock is behind a time that a witness has signed, by {count} s: set it right.")
        echo(late.format(count=found.clock_behind) + " " + translate("Until then timed permissions are closed and nothing with a time is signed."))
    show_table(
        [N_("name"), N_("relation"), N_("state"), N_("records held"), N_("to be fetched"), N_("error")],
        [
            [chosen(p.name, p.node), translate(RELATIONS[p.relation]), translate(STATES[p.state]), str(p.records), str(p.waiting), p.error or ""]
            for p in found.peers
        ],
    )


@sync.command(
    cls=Command,
    help=N_("""Exchange at once, without serving: brings log and streams up to date and asks each peer for its changes.

A served site does this by itself all the time."""),
    example="terrace -C wuhou sync now",
)
@click.pass_context
def now(ctx: click.Context) -> None:
    run = ctx.ensure_object(Run)
    run.require("administer")
    worker = run.site.exchange.worker
    worker.publish_once()
    failed = False
    for each in run.site.exchange.status().peers:
        if each.state != "active" or not each.url:
            continue
        try:
            worker.fetch_statements(each.node)
            while _pulled(run, each.node):
                pass
            run.done(f"✓ {chosen(each.name, each.node)}", node=each.node, state="done")
        except TerraceError as error:
            failed = True
            if run.json:
                run.emit({"node": each.node, "error": {"kind": error.kind, "zh": error.zh, "en": error.en}})
            else:
                echo("✗ " + labelled(chosen(each.name, each.node), local_text(error.zh, error.en)), err=True)
    worker.publish_once()
    ctx.exit(FAILED if failed else 0)


def _pulled(run: Run, node: str) -> bool:
    """Asks a peer once; whether its cursor moved, so that there may be more."""

    def cursor() -> int:
        return next(each.cursor for each in run.site.exchange.status().peers if each.node == node)

    before = cursor()
    again = run.site.exchange.worker.pull_once(node)
    return again or cursor() != before
