"""PostGIS in a PostgreSQL database: put in where the server has it and the role may, and otherwise said what is missing.

It serves exact spatial tests alone (`catalog.rows.spatial`); everything else works without. A connection remembers whether it is there, so that a site that is
being served sees it after a restart.
"""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from catalog.store import Store

__all__ = ["Postgis", "install", "look"]

type State = Literal["not needed", "here", "not installed", "not permitted"]


@dataclass(frozen=True)
class Postgis:
    """What there is.

    Attributes:
        state: `not needed` on SQLite; `not installed` on the server; `not permitted`: it could be, and this role may not put it into the database.
        database: name of the database, for the command that mends it.
        server: its major version, for the name of the package.
    """

    state: State
    database: str = ""
    server: int = 0

    @property
    def command(self) -> str:
        """What a superuser of the server runs; '' where nothing is missing."""
        if self.state in ("not needed", "here"):
            return ""
        quoted = "'" + self.database.replace("'", "'\\''") + "'"
        return f'psql -d {quoted} -c "CREATE EXTENSION postgis"'


def look(store: Store) -> Postgis:
    """Whether PostGIS is in the database; `not permitted` also where nobody has tried."""
    if store.engine_name != "postgresql":
        return Postgis("not needed")
    with store.read() as conn:
        database = str(conn.execute(text("SELECT current_database()")).scalar())
        server = int(str(conn.execute(text("SHOW server_version_num")).scalar())) // 10_000
        if conn.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'postgis'")).first():
            return Postgis("here", database, server)
        offered = conn.execute(text("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'")).first()
    return Postgis("not permitted" if offered else "not installed", database, server)


def install(store: Store) -> Postgis:
    """Puts PostGIS into the database where that can be done, and says what there is then. Never fails for want of a right."""
    found = look(store)
    if found.state != "not permitted":
        return found
    try:
        with store.write() as tx:
            tx.conn.execute(text("CREATE EXTENSION IF NOT EXISTS postgis"))
    except DBAPIError:  # the role may not: the extension is none that PostgreSQL trusts to everyone
        return found
    return look(store)
