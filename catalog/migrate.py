"""Schema versions (Alembic): one script folder and one version table for each package that has tables.

`<package>/migrations/env.py` only calls `run_environment`. The revisions run inside the caller's transaction, so that a migration that fails leaves
nothing behind, on both engines. A database that names a revision which this program does not know is newer: refused.

Every command asks `require_current`; it reads the revisions from the script files itself, since importing Alembic costs more than most commands do.
"""

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from catalog.errors import SchemaError

_REVISION = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)
_DOWN = re.compile(r'^down_revision = "(\w+)"$', re.MULTILINE)


class Scripts(NamedTuple):
    """The revisions of a package: all of them, and the newest."""

    known: frozenset[str]
    head: str


def version_table(package: str) -> str:
    """Name of the table that holds the package's revision."""
    return f"alembic_version_{package}"


def scripts(package: str) -> Scripts:
    """Reads a package's revisions from its script files."""
    texts = [file.read_text(encoding="utf-8") for file in (files(f"{package}.migrations") / "versions").iterdir() if file.name.endswith(".py")]
    known = frozenset(found[1] for text in texts if (found := _REVISION.search(text)))
    (head,) = known - {found[1] for text in texts if (found := _DOWN.search(text))}
    return Scripts(known, head)


def upgrade(conn: Connection, packages: Sequence[str]) -> None:
    """Runs every revision that is missing.

    Args:
        conn: inside the transaction that is to hold them.
        packages: names of packages with a `migrations` package in them.

    Raises:
        SchemaError: the database is newer than this program.
    """
    from alembic import command
    from alembic.config import Config

    for package in packages:
        found = scripts(package)
        _refuse_newer(package, _revision(conn, package), found)
        config = Config()
        config.set_main_option("script_location", f"{package}:migrations")
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = conn
        config.attributes["version_table"] = version_table(package)
        command.upgrade(config, "head")


def require_current(conn: Connection, packages: Sequence[str]) -> None:
    """Refuses a schema that is not this program's.

    Raises:
        SchemaError: which it is, and what to run.
    """
    for package in packages:
        found, revision = scripts(package), _revision(conn, package)
        _refuse_newer(package, revision, found)
        if revision != found.head:
            raise SchemaError(
                zh=f"数据库结构较旧（{package}）；请先备份，再执行 terrace db upgrade",
                en=f"the database schema is older than this program ({package}); back it up, then run: terrace db upgrade",
            )


def run_environment(metadata: MetaData) -> None:
    """What each `migrations/env.py` calls."""
    from alembic import context

    options = context.config.attributes
    context.configure(
        connection=options["connection"],
        target_metadata=metadata,
        version_table=options["version_table"],
        render_as_batch=True,
        transactional_ddl=False,  # the caller's transaction holds
    )
    context.run_migrations()


def _revision(conn: Connection, package: str) -> str | None:
    """The revision that the database is at; None for an empty one."""
    name = version_table(package)
    if not inspect(conn).has_table(name):
        return None
    table = Table(name, MetaData(), Column("version_num", String(32), primary_key=True))
    return conn.execute(select(table.c.version_num)).scalar()


def _refuse_newer(package: str, revision: str | None, found: Scripts) -> None:
    if revision is not None and revision not in found.known:
        raise SchemaError(
            zh=f"数据库结构（{package} {revision}）比本程序新；请用较新版本的 Terrace",
            en=f"the database schema ({package} {revision}) is newer than this program; use a newer Terrace",
        )
