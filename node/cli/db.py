"""`terrace db`."""

from typing import TYPE_CHECKING

import click

from node.cli.base import Command, Group, Run, pass_run
from node.i18n import N_, local_text, translate

if TYPE_CHECKING:
    from catalog.postgis import Postgis


def say_postgis(run: Run, found: "Postgis") -> None:
    """Says what is missing where PostgreSQL has no PostGIS in it."""
    if found.command:
        from node.doctor import without_postgis

        run.say(local_text(*without_postgis(found)))


@click.group(cls=Group, help=N_("The database's schema."))
def db() -> None:
    pass


@db.command(
    cls=Command,
    help=N_("Bring the schema to this program's version, and put PostGIS in where the server has it. Back the site up first."),
    example="terrace -C wuhou db upgrade",
)
@pass_run
def upgrade(run: Run) -> None:
    from catalog import postgis
    from node.identity import PACKAGES, open_database

    store = open_database(run.folder, run.settings)
    try:
        store.upgrade(also=PACKAGES)
        found = postgis.install(store)
    finally:
        store.close()
    if run.json:
        run.emit({"schema": "current", "postgis": found.state})
    run.say(translate("The schema is current."))
    say_postgis(run, found)


@db.command(
    cls=Command,
    help=N_("Say whether the schema is this program's, and where the database is."),
    example="terrace -C wuhou db status",
)
@pass_run
def status(run: Run) -> None:
    from sqlalchemy import make_url

    from node.identity import PACKAGES, database_address, open_database

    address = database_address(run.folder, run.settings)
    store = open_database(run.folder, run.settings)
    try:
        store.require_current(also=PACKAGES)
        position = store.position()
        engine = store.engine_name
    finally:
        store.close()
    shown = make_url(address).render_as_string(hide_password=True) if "://" in address else address
    if run.json:
        run.emit({"schema": "current", "engine": engine, "database": shown, "position": position})
    run.say(translate("{engine}, schema current, position {position}: {database}").format(engine=engine, position=position, database=shown))
