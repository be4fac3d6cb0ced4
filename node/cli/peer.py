"""`terrace peer`: joining a superior takes one line and two comparisons; both clerks compare what both screens show."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from node.cli.base import Command, Group, Run, argument, option, pass_run
from node.cli.printing import chosen, echo, show_table
from node.error_table import REFUSED
from node.errors import NotHereError, UsageError
from node.i18n import N_, translate

if TYPE_CHECKING:
    from sync.exchange import PeerStatus
    from sync.pairing import Waiting

RELATIONS = {"superior": N_("superior"), "subordinate": N_("subordinate"), "side": N_("side")}
STATES = {"active": N_("active"), "paused": N_("paused"), "quarantined": N_("quarantined")}


@click.group(cls=Group, help=N_("Superiors, subordinates and other peers."))
def peer() -> None:
    pass


@peer.command(
    cls=Command,
    help=N_("""Make an invite: one line for the clerk of a new subordinate. It can be used once.

The site must be served, and peers must be able to reach it (peers.url in terrace.yaml)."""),
    example="terrace -C chengdu peer invite --days 2",
)
@option("--days", type=click.IntRange(1, 30), default=7, show_default=True, help=N_("Days that it holds."))
@pass_run
def invite(run: Run, days: int) -> None:
    from sync.ids import fingerprint

    run.require("administer")
    if not run.site.peer_url:
        raise UsageError(
            zh="尚不知道对等节点如何连到本站：先启动 terrace serve，或在 terrace.yaml 设置 peers.url 或 listen.peer_port。",
            en="It is not known how peers reach this site: start terrace serve first, or set peers.url or listen.peer_port in terrace.yaml.",
        )
    line = run.site.exchange.pairing.invite(run.who, life=days * 86400)
    me = run.site.identity.node
    if run.json:
        run.emit({"invite": line, "node": me, "fingerprint": fingerprint(me), "days": days})
        return
    echo(line)
    echo(translate("This node: {fingerprint}. Hand the line over; then: terrace peer confirm").format(fingerprint=fingerprint(me)), err=True)


@peer.command(
    cls=Command,
    help=N_("""Join the superior that gave INVITE. Shows both fingerprints; compare them with the superior's clerk, then confirm.

Waits until the superior has confirmed too; run it again to ask again. A program confirms with --node, the superior's id as compared elsewhere."""),
    example="terrace -C wuhou peer join terrace-invite-1.eyJ…",
)
@argument("line", metavar="INVITE")
@option("--node", "confirmed", metavar="ID", help=N_("The superior's node id or fingerprint, already compared: do not ask."))
@option("--wait", "seconds", type=click.IntRange(min=0), default=600, show_default=True, help=N_("Seconds to wait for the superior's clerk."))
@click.pass_context
def join(ctx: click.Context, line: str, confirmed: str | None, seconds: int) -> None:
    from sync.ids import parse_fingerprint

    run = ctx.ensure_object(Run)
    run.require("administer")
    pairing = run.site.exchange.pairing
    joining = pairing.look(line)
    if confirmed is None:
        _show_both(chosen(joining.name, joining.url), joining.fingerprint, joining.my_fingerprint)
        if not click.confirm(translate("Do both screens show the same two fingerprints?"), default=False):
            raise click.Abort
        node = joining.node
    else:
        node = parse_fingerprint(confirmed)
    deadline = time.monotonic() + seconds
    state = pairing.ask(line, node, run.who)
    if state == "waiting":
        run.say(translate("Asked. The superior's clerk must confirm {fingerprint}.").format(fingerprint=joining.my_fingerprint))
    while state == "waiting" and time.monotonic() < deadline:
        time.sleep(min(1.0, max(0.0, deadline - time.monotonic())))
        state = pairing.ask(line, node, run.who)
    messages = {
        "certified": translate("Joined {name}. Exchange begins within a second where the site is served."),
        "waiting": translate("The superior has not confirmed yet. Run the same command again later."),
        "refused": translate("The superior refused."),
    }
    run.done(messages[state].format(name=chosen(joining.name, joining.node)), state=state, superior=joining.node, node=joining.me)
    ctx.exit(REFUSED if state == "refused" else 0)


def _show_both(name: str, theirs: str, mine: str) -> None:
    """The fingerprints first: what the other side calls itself is its own word."""
    echo(translate("Superior:"))
    echo(f"    {theirs}")
    echo(translate("This node:"))
    echo(f"    {mine}")
    echo(translate("The superior calls itself {name}.").format(name=name))


@peer.command(
    cls=Command,
    help=N_("""Confirm a node that asked to join: shows both fingerprints; compare them with its clerk.

Without NODE it takes the only one that waits. A program confirms with --yes and the full node id, as compared elsewhere."""),
    example="terrace -C chengdu peer confirm",
)
@argument("node", required=False)
@option("--division", metavar="CODE", help=N_("Certify it for this division rather than for the one that it names."))
@option("--depth", type=click.IntRange(0, 8), help=N_("How many levels it may certify below itself."))
@option("--yes", is_flag=True, help=N_("Already compared: do not ask."))
@pass_run
def confirm(run: Run, node: str | None, division: str | None, depth: int | None, yes: bool) -> None:
    from sync.ids import fingerprint

    run.require("administer")
    asked = _waiting(run, node)
    if not yes:
        echo(translate("Asks to join:"))
        echo(f"    {asked.fingerprint}")
        echo(translate("This node:"))
        echo(f"    {fingerprint(run.site.identity.node)}")
        echo(translate("It calls itself {name}, {division}.").format(name=chosen(asked.name, asked.node), division=asked.division or asked.level))
        if not click.confirm(translate("Do both screens show the same two fingerprints?"), default=False):
            raise click.Abort
    elif node is None:
        raise UsageError(zh="--yes 须同时给出节点号。", en="--yes needs the node id as well.")
    made = run.site.exchange.pairing.confirm(asked.node, run.who, division=division, depth=depth)
    run.done(
        translate("Certified {name} for {divisions}.").format(name=chosen(asked.name, asked.node), divisions=", ".join(made.divisions) or made.unit or "-"),
        node=asked.node,
        divisions=list(made.divisions),
        depth=made.depth,
    )


@peer.command(
    cls=Command,
    help=N_("Refuse a node that asked to join; its invite is over."),
    example="terrace -C chengdu peer refuse n-hwmobjuz…",
)
@argument("node", required=False)
@pass_run
def refuse(run: Run, node: str | None) -> None:
    run.require("administer")
    asked = _waiting(run, node)
    run.site.exchange.pairing.refuse(asked.node, run.who)
    run.done(translate("Refused {name}.").format(name=chosen(asked.name, asked.node)), node=asked.node)


def _waiting(run: Run, node: str | None) -> "Waiting":
    """The join that waits: the one named (id, fingerprint or the beginning of one), or the only one."""
    found = run.site.exchange.pairing.waiting()
    if node is not None:
        wanted = "".join(node.removeprefix("n-").split()).lower()
        found = [each for each in found if each.node.removeprefix("n-").startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        from sync.errors import InviteError

        raise InviteError(zh="没有等待确认的加入请求。", en="no join waits for confirmation.")
    raise UsageError(zh="有多个加入请求，请指明节点号（见 terrace peer list）。", en="Several joins wait; name the node (see terrace peer list).")


@peer.command("list", cls=Command, help=N_("List peers, and the nodes that wait to be confirmed."), example="terrace -C chengdu peer list")
@pass_run
def list_(run: Run) -> None:
    run.require("write")
    status, waiting = run.site.exchange.status(), run.site.exchange.pairing.waiting()
    if run.json:
        for each in status.peers:
            run.emit(peer_facts(each))
        for asked in waiting:
            run.emit({"node": asked.node, "fingerprint": asked.fingerprint, "name": dict(asked.name), "division": asked.division, "state": "waiting"})
        return
    rows = [
        [p.node, chosen(p.name, "-"), translate(RELATIONS[p.relation]), translate(STATES[p.state]), str(p.records), str(p.waiting), p.error or ""]
        for p in status.peers
    ]
    rows += [[asked.node, chosen(asked.name, "-"), "", translate("asks to join"), "", "", ""] for asked in waiting]
    show_table([N_("node"), N_("name"), N_("relation"), N_("state"), N_("records held"), N_("to be fetched"), N_("error")], rows, headed=True)


@peer.command(cls=Command, help=N_("Show one peer."), example="terrace -C wuhou peer show n-hwmobjuz…")
@argument("node")
@pass_run
def show(run: Run, node: str) -> None:
    run.require("write")
    found = _peer(run, node)
    if run.json:
        run.emit(peer_facts(found))
        return
    for name, value in peer_facts(found).items():
        echo(f"{name:12} {chosen(value) if isinstance(value, dict) else '-' if value is None else value}")


@peer.command(
    cls=Command,
    help=N_("""End the exchange with a peer: nothing is sent to it or fetched from it any more.

To take it up again, join once more with a new invite. When only an address has changed: terrace peer move."""),
    example="terrace -C wuhou peer stop n-hwmobjuz…",
)
@argument("node")
@pass_run
def stop(run: Run, node: str) -> None:
    run.require("administer")
    found = _peer(run, node)
    run.site.exchange.pairing.remove(found.node, run.who)
    run.done(translate("Exchange with {name} is stopped.").format(name=chosen(found.name, found.node)), node=found.node, state="paused")


@peer.command(
    cls=Command,
    help=N_("""Take a peer's new address URL. Asks there first which node answers.

Tell the peer's clerk your own new address in the same way: it takes it with the same command."""),
    example="terrace -C wuhou peer move n-hwmobjuz… https://chengdu.example:8444",
)
@argument("node")
@argument("url")
@option("--unchecked", is_flag=True, help=N_("Nobody answers there yet: take the address without asking."))
@pass_run
def move(run: Run, node: str, url: str, unchecked: bool) -> None:
    run.require("administer")
    found = _peer(run, node)
    before = run.site.exchange.pairing.move(found.node, url, run.who, checked=not unchecked)
    run.done(translate("{name} is called at {url} from now on.").format(name=chosen(found.name, found.node), url=url), node=found.node, url=url, before=before)


@peer.command(
    cls=Command,
    help=N_("""Close the epoch of a direct subordinate's log: it was restored from an older copy, and its log rests until then.

What this site has cosigned of the log stays valid until everything has come again in the new one. Make sure that the subordinate's clerk asks for it."""),
    example="terrace -C chengdu peer close n-hwmobjuz…",
)
@argument("node")
@option("--yes", is_flag=True, help=N_("Do not ask."))
@pass_run
def close(run: Run, node: str, yes: bool) -> None:
    run.require("administer")
    found = _peer(run, node)
    name = chosen(found.name, found.node)
    if not yes:
        click.confirm(translate("Close the present log of {name}, {fingerprint}?").format(name=name, fingerprint=found.fingerprint), abort=True, err=True)
    closed = run.site.exchange.recovery.close(found.node, run.who)
    run.done(
        translate("Epoch {closes} of {name} is closed at {size} entries; epoch {opens} is open.").format(
            closes=closed.closes, name=name, size=closed.size, opens=closed.opens
        ),
        node=found.node,
        closes=closed.closes,
        size=closed.size,
        opens=closed.opens,
    )


def _peer(run: Run, node: str) -> "PeerStatus":
    wanted = "".join(node.removeprefix("n-").split()).lower()
    found = [each for each in run.site.exchange.status().peers if each.node.removeprefix("n-").startswith(wanted)]
    if len(found) != 1:
        raise NotHereError("peer", node)
    return found[0]


def peer_facts(each: "PeerStatus") -> dict[str, Any]:
    """One peer as JSON."""
    return {
        "node": each.node,
        "fingerprint": each.fingerprint,
        "name": each.name,
        "relation": each.relation,
        "url": each.url,
        "state": each.state,
        "contact": _time(each.contact),
        "error": each.error,
        "error_at": _time(each.error_at),
        "cursor": each.cursor,
        "records": each.records,
        "waiting": each.waiting,
        "held_back": each.held,
        "heartbeat": _time(each.heartbeat),
    }


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
