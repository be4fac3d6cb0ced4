"""`terrace init`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from node.cli.base import Command, Run, option, pass_run
from node.cli.db import say_postgis
from node.cli.printing import echo
from node.errors import UsageError
from node.i18n import N_, translate

if TYPE_CHECKING:
    from catalog.postgis import Postgis
    from node.settings_model import Settings


@click.command(
    cls=Command,
    help=N_("""Make a new site in DIR: settings, keys, database, policy.

Repeat --name for the other language. A unit that is no division gives --unit and --level instead of --division."""),
    example="terrace init wuhou --division 510107 --name 武侯区规划和自然资源局 --zone business",
)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@option("--division", metavar="CODE", help=N_("Division code of 6, 9 or 12 digits."))
@option("--unit", metavar="CODE", help=N_("Code of a unit that is no division, for example 510000/geo-survey; needs --level."))
@option("--level", type=click.Choice(["nation", "province", "city", "county", "township"]), help=N_("Level of a unit that is no division."))
@option("--name", "names", metavar="NAME", multiple=True, required=True, help=N_("Name of the organisation; once or twice (Chinese, English)."))
@option("--zone", metavar="ZONE", default="business", show_default=True, help=N_("Network zone: internet, government, business, classified."))
@option("--sector", metavar="SECTOR", default="land", show_default=True, help=N_("Sector of the organisation."))
@option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help=N_("Port of the public listener."))
@option("--peer-port", type=click.IntRange(0, 65535), default=8081, show_default=True, help=N_("Port of the peer listener."))
@option("--database", metavar="URL", help=N_("PostgreSQL URL; by default an SQLite file in DIR."))
@pass_run
def init(
    run: Run,
    directory: Path,
    division: str | None,
    unit: str | None,
    level: str | None,
    names: tuple[str, ...],
    zone: str,
    sector: str,
    port: int,
    peer_port: int,
    database: str | None,
) -> None:
    from catalog.division_names import is_known
    from node.founding import Founding, found, name_of

    if not division and not unit:
        raise UsageError(
            zh="请给出 --division；不属行政区划的单位给出 --unit 与 --level。", en="Give --division; for a unit that is no division --unit and --level."
        )
    if division and not is_known(division):
        warning = translate("The division code {code} is in no list of GB/T 2260: check it. The site is made with it all the same.")
        echo(warning.format(code=division), err=True)
    made = found(directory, Founding(name_of(names), division, unit, level, zone, sector, port, peer_port, database))
    extension = _postgis(made.folder, made.settings)
    if run.json:
        run.emit({"folder": str(made.folder), "node": made.node, "fingerprint": made.fingerprint, "zone": zone, "postgis": extension.state})
        return
    echo(translate("Made a site in {folder}.").format(folder=directory))
    echo(translate("Node id: {node}").format(node=made.node))
    echo("         " + made.fingerprint)
    say_postgis(run, extension)
    echo(translate("Next:"))
    for command, meaning in (
        (f"terrace -C {directory} add FILE --publish", translate("take in a file and publish it")),
        (f"terrace -C {directory} user add LOGIN --role officer", translate("a person who may sign in")),
        (f"terrace -C {directory} serve", translate("open it in a browser")),
        (f"terrace -C {directory} peer join INVITE", translate("join the superior with the line that it gave you")),
    ):
        echo(f"  {command}   # {meaning}")
    echo(translate("Keep {folder}/keys safe: who has them is this node. Move keys/root.pem off this machine when you can.").format(folder=directory))


def _postgis(folder: Path, settings: "Settings") -> "Postgis":
    """Puts PostGIS into a new PostgreSQL database where that can be done."""
    from catalog import postgis
    from node.identity import open_database

    store = open_database(folder, settings)
    try:
        return postgis.install(store)
    finally:
        store.close()
