"""`terrace user`."""

import sys
from typing import Any

import click

from node.cli.base import Command, Group, Run, argument, option, pass_run
from node.cli.printing import show_table
from node.i18n import N_, translate

ROLES = ("clerk", "officer", "supervisor", "administrator", "security_officer", "auditor")
SECRECY = ("public", "internal", "confidential", "secret", "top_secret")


@click.group(cls=Group, help=N_("People and their roles."))
def user() -> None:
    pass


def _facts(account: Any) -> dict[str, Any]:
    names = ("login", "name", "kind", "clearance", "unit", "sector", "division", "agency", "state")
    return {**{name: getattr(account, name) for name in names}, "roles": sorted(account.roles)}


@user.command(
    cls=Command,
    help=N_("""Make an account. Asks for a password; with --no-password the account can only use tokens.

Roles: clerk, officer, supervisor, administrator, security_officer, auditor."""),
    example="""terrace -C wuhou user add li --name 李明 --role officer --role clerk
terrace -C wuhou user add env --kind agency --sector environment --division 510107 --no-password""",
)
@argument("login")
@option("--name", help=N_("Name of the person; by default the login."))
@option("--role", "roles", multiple=True, type=click.Choice(ROLES), help=N_("A role; may be repeated."))
@option("--clearance", type=click.Choice(SECRECY), default="internal", show_default=True, help=N_("Highest secrecy that the person may see."))
@option("--kind", type=click.Choice(["person", "agency"]), default="person", show_default=True, help=N_("A person, or another department's program."))
@option("--unit", help=N_("Unit code."))
@option("--sector", help=N_("Sector, of another department."))
@option("--division", help=N_("Division code, of another department."))
@option("--agency", help=N_("Node id or name of the department, of an agency."))
@option("--password-stdin", is_flag=True, help=N_("Read the password from standard input."))
@option("--no-password", is_flag=True, help=N_("No password: tokens only."))
@pass_run
def add(
    run: Run,
    login: str,
    name: str | None,
    roles: tuple[str, ...],
    clearance: str,
    kind: str,
    unit: str | None,
    sector: str | None,
    division: str | None,
    agency: str | None,
    password_stdin: bool,
    no_password: bool,
) -> None:
    from catalog.accounts import Account

    run.require("administer")
    password = None if no_password else _ask_password(password_stdin)
    account = Account(login, name or login, frozenset(roles), clearance, kind, unit, sector, division, agency)
    _require_security(run, frozenset(roles))
    with run.acting(), run.site.store.write() as tx:
        run.site.accounts.create(tx, account, password, by=run.who)
    run.done(translate("Account {login} made.").format(login=login), **_facts(account))


@user.command(
    "list",
    cls=Command,
    help=N_("List the accounts."),
    example="terrace -C wuhou user list",
)
@pass_run
def list_(run: Run) -> None:
    run.require("administer")
    with run.site.store.read() as conn:
        found = run.site.accounts.list(conn)
    if run.json:
        for account in found:
            run.emit(_facts(account))
        return
    headings = [N_("login"), N_("name"), N_("kind"), N_("roles"), N_("clearance"), N_("state")]
    show_table(headings, [[a.login, a.name, a.kind, ", ".join(sorted(a.roles)), a.clearance, a.state] for a in found], headed=True)


@user.command(
    cls=Command,
    help=N_("Set a person's password. Ends their sessions and opens a locked account."),
    example="terrace -C wuhou user password li",
)
@argument("login")
@option("--password-stdin", is_flag=True, help=N_("Read the password from standard input."))
@pass_run
def password(run: Run, login: str, password_stdin: bool) -> None:
    run.require("administer")
    secret = _ask_password(password_stdin)
    with run.acting(), run.site.store.write() as tx:
        run.site.accounts.set_password(tx, login, secret, by=run.who)
    run.done(translate("Password of {login} set.").format(login=login), login=login)


@user.command(
    cls=Command,
    help=N_("""Give an account exactly these roles.

Roles: clerk, officer, supervisor, administrator, security_officer, auditor."""),
    example="terrace -C wuhou user roles li officer supervisor",
)
@argument("login")
@argument("roles", nargs=-1, type=click.Choice(ROLES))
@pass_run
def roles(run: Run, login: str, roles: tuple[str, ...]) -> None:
    run.require("administer")
    wanted = frozenset(roles)
    with run.site.store.read() as conn:
        _require_security(run, wanted ^ run.site.accounts.get(conn, login).roles)
    with run.acting(), run.site.store.write() as tx:
        changed = run.site.accounts.change(tx, login, by=run.who, roles=wanted)
    run.done(translate("Roles of {login}: {roles}").format(login=login, roles=", ".join(sorted(wanted)) or "-"), **_facts(changed))


@user.command(
    cls=Command,
    help=N_("Close an account, or open it again. Closing ends its sessions and tokens at once."),
    example="""terrace -C wuhou user lock li
terrace -C wuhou user lock li --open""",
)
@argument("login")
@option("--open", "reopen", is_flag=True, help=N_("Open it again."))
@pass_run
def lock(run: Run, login: str, reopen: bool) -> None:
    run.require("administer")
    with run.acting(), run.site.store.write() as tx:
        changed = run.site.accounts.change(tx, login, by=run.who, state="active" if reopen else "closed")
    message = translate("Account {login} is open.") if reopen else translate("Account {login} is closed.")
    run.done(message.format(login=login), **_facts(changed))


def _require_security(run: Run, touched: frozenset[str]) -> None:
    """Giving or taking the controlling roles is not the administrator's (separation of duties); the folder's owner founds the site with the first of them."""
    if touched & {"security_officer", "auditor"} and run.as_login != "local":
        run.require("secure")


def _ask_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    secret: str = click.prompt(translate("Password"), hide_input=True, confirmation_prompt=translate("Again"))
    return secret
