"""Schema versions (Alembic): one script folder and one version table for each package that has tables.

`<package>/migrations/env.py` only calls `run_environment`. The revisions run inside the caller's transaction, so that a migration that fails leaves
nothing behind, on both engines. A database that names a revision which this program does not know is newer: refused.
"""

from collections.abc import Sequence
from typing import Any

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData

from catalog.errors import SchemaError


def version_table(package: str) -> str:
    """Name of the table that holds the package's revision."""
    return f"alembic_version_{package}"


def upgrade(conn: Connection, packages: Sequence[str]) -> None:
    """Runs every revision that is missing.

    Args:
        conn: inside the transaction that is to hold them.
        packages: names of packages with a `migrations` package in them.

    Raises:
        SchemaError: the database is newer than this program.
    """
    for package in packages:
        config, script = _scripts(package)
        _refuse_newer(conn, package, script)
        config.attributes["connection"] = conn
        config.attributes["version_table"] = version_table(package)
        command.upgrade(config, "head")


def require_current(conn: Connection, packages: Sequence[str]) -> None:
    """Refuses a schema that is not this program's.

    Raises:
        SchemaError: which it is, and what to run.
    """
    for package in packages:
        _, script = _scripts(package)
        _refuse_newer(conn, package, script)
        if _revision(conn, package) != script.get_current_head():
            raise SchemaError(
                zh=f"資料庫結構較舊（{package}）；請先備份，再執行 terrace db upgrade",
                en=f"the database schema is older than this program ({package}); back it up, then run: terrace db upgrade",
            )


def run_environment(metadata: MetaData) -> None:
    """What each `migrations/env.py` calls."""
    options: Any = context.config.attributes
    context.configure(
        connection=options["connection"],
        target_metadata=metadata,
        version_table=options["version_table"],
        render_as_batch=True,
        transactional_ddl=False,  # the caller's transaction holds
    )
    context.run_migrations()


def _scripts(package: str) -> tuple[Config, ScriptDirectory]:
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.set_main_option("path_separator", "os")
    return config, ScriptDirectory.from_config(config)


def _revision(conn: Connection, package: str) -> str | None:
    return MigrationContext.configure(conn, opts={"version_table": version_table(package)}).get_current_revision()


def _refuse_newer(conn: Connection, package: str, script: ScriptDirectory) -> None:
    revision = _revision(conn, package)
    if revision is not None and revision not in {item.revision for item in script.walk_revisions()}:
        raise SchemaError(
            zh=f"資料庫結構（{package} {revision}）比本程式新；請用較新版本的 Terrace",
            en=f"the database schema ({package} {revision}) is newer than this program; use a newer Terrace",
        )
