"""The `terrace` command and the list of its commands."""

from pathlib import Path

import click

from node.cli.base import MainGroup, Option, Run, _set_language, use_language
from node.cli.printing import echo
from node.i18n import N_

#: name → (where it lives, one line about it)
COMMANDS = {
    "init": ("node.cli.init:init", N_("Make a new site in a folder.")),
    "add": ("node.cli.add:add", N_("Take in metadata or data files.")),
    "quarantine": ("node.cli.quarantine:quarantine", N_("What intake has set aside.")),
    "publish": ("node.cli.records:publish", N_("Publish drafts after checking their profile.")),
    "withdraw": ("node.cli.records:withdraw", N_("Withdraw a published record.")),
    "edit": ("node.cli.edit:edit", N_("Change fields of a record.")),
    "search": ("node.cli.look:search", N_("Search the catalog.")),
    "show": ("node.cli.look:show", N_("Show one record.")),
    "receipt": ("node.cli.proof:receipt", N_("Write the offline proof of a record.")),
    "verify": ("node.cli.proof:verify", N_("Check a receipt; needs no site.")),
    "serve": ("node.cli.serve:serve", N_("Serve the site.")),
    "user": ("node.cli.user:user", N_("People and their roles.")),
    "token": ("node.cli.token:token", N_("Tokens for programs.")),
    "peer": ("node.cli.peer:peer", N_("Superiors, subordinates and other peers.")),
    "sync": ("node.cli.sync:sync", N_("Exchange with peers: state, and at once.")),
    "policy": ("node.cli.policy:policy", N_("Check, explain, edit and reload the policy.")),
    "audit": ("node.cli.audit:audit", N_("The audit log.")),
    "jobs": ("node.cli.jobs:jobs", N_("Background jobs.")),
    "db": ("node.cli.db:db", N_("The database's schema.")),
    "backup": ("node.cli.backup:backup", N_("Write a backup of the site.")),
    "restore": ("node.cli.restore:restore", N_("Unpack a backup into a new folder.")),
    "doctor": ("node.cli.doctor:doctor", N_("Look for what is wrong with the site.")),
    "settings": ("node.cli.settings:settings", N_("Show the settings, or their reference.")),
}

HELP = N_("""Terrace 梯田: a federated data-sharing node for land and natural-resource agencies.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by policy, profile or trust, 4 no such thing, 130 interrupted.""")
EXAMPLE = """terrace init wuhou --division 510107 --name 武侯区规划和自然资源局 --zone business
terrace -C wuhou add parcels.geojson --publish
terrace -C wuhou serve"""


def _main_options() -> list[click.Parameter]:
    return [
        Option(["-C", "folder"], metavar="DIR", envvar="TERRACE_DIR", default=".", type=click.Path(path_type=Path), help=N_("Folder of the site.")),
        Option(["--as", "as_login"], metavar="LOGIN", default="local", help=N_("Act as this user; by default the folder's local administrator.")),
        Option(["--lang"], type=click.Choice(["zh", "en"]), is_eager=True, expose_value=False, callback=_set_language, help=N_("Language of the messages.")),
        Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help=N_("Show the version and exit.")),
    ]


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        echo(f"terrace {version('terrace')}")
        ctx.exit()


@click.pass_context
def _start(ctx: click.Context, folder: Path, as_login: str) -> None:
    ctx.obj = Run(folder=folder, as_login=as_login)


cli = MainGroup(name="terrace", callback=_start, params=_main_options(), help=HELP, example=EXAMPLE, lazy=COMMANDS, context_settings={"max_content_width": 100})


def main() -> None:
    """The entry point of the `terrace` program."""
    use_language()
    cli.main(prog_name="terrace")
