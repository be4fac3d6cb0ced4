"""`terrace token`."""

import time
from datetime import UTC, datetime

import click

from node.cli.base import Command, Group, Run, argument, option, pass_run
from node.cli.printing import show_table
from node.i18n import N_, counted


@click.group(cls=Group, help=N_("Tokens for programs: shown once, kept as a hash."))
def token() -> None:
    pass


@token.command(
    cls=Command,
    help=N_("Make a token for an account and print it; it cannot be shown again."),
    example="terrace -C wuhou token create li --label qgis --days 90",
)
@argument("login")
@option("--label", default="cli", show_default=True, help=N_("What it is for."))
@option("--days", type=click.IntRange(1, 3650), help=N_("Days until it ends; by default it does not end."))
@option("--purpose", help=N_("Purpose of use that whoever shows it declares; grants and terms compare it."))
@pass_run
def create(run: Run, login: str, label: str, days: int | None, purpose: str | None) -> None:
    run.require("administer")
    expires = None if days is None else int(time.time()) + days * 86400
    with run.acting(), run.site.store.write() as tx:
        secret = run.site.accounts.create_token(tx, login, label, expires=expires, purpose=purpose, by=run.who)
    run.done(secret, token=secret, login=login, label=label, expires=_day(expires))


@token.command(
    "list",
    cls=Command,
    help=N_("List tokens: whose, what for, last used. Never the tokens themselves."),
    example="terrace -C wuhou token list",
)
@argument("login", required=False)
@pass_run
def list_(run: Run, login: str | None) -> None:
    run.require("administer")
    with run.site.store.read() as conn:
        found = run.site.accounts.list_tokens(conn, login)
    if run.json:
        for each in found:
            run.emit({"login": each.login, "label": each.label, "created": _day(each.created), "expires": _day(each.expires), "used": _day(each.used)})
        return
    headings = [N_("login"), N_("label"), N_("created"), N_("expires"), N_("last used")]
    show_table(headings, [[each.login, each.label, _day(each.created) or "", _day(each.expires) or "-", _day(each.used) or "-"] for each in found], headed=True)


@token.command(
    cls=Command,
    help=N_("Revoke tokens of an account: those of a label, or all. Takes effect at once."),
    example="terrace -C wuhou token revoke li --label qgis",
)
@argument("login")
@option("--label", help=N_("Only the tokens of this label."))
@pass_run
def revoke(run: Run, login: str, label: str | None) -> None:
    run.require("administer")
    with run.acting(), run.site.store.write() as tx:
        count = run.site.accounts.revoke_tokens(tx, login, label, by=run.who)
    run.done(counted("{count} token revoked.", "{count} tokens revoked.", count).format(count=count), revoked=count)


def _day(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
