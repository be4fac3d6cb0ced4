"""`terrace backup`."""

from pathlib import Path

import click

from node.cli.base import Command, Run, pass_run
from node.i18n import N_, translate


@click.command(
    cls=Command,
    help=N_("""Write a backup of the whole site to FILE (tar): settings, keys, policies, files, and a checked snapshot of the database.
The site may be served meanwhile. Whoever has the file is this node: keep it safe.

To restore: terrace restore."""),
    example="terrace -C wuhou backup wuhou-2026-11-24.tar",
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_run
def backup(run: Run, file: Path) -> None:
    from node.backup import write_backup

    run.require("administer")
    made = write_backup(run.site, file)
    with run.administering("site.backup", file.name):
        pass
    run.done(
        translate("{file}: {size} bytes, position {position}").format(file=file, size=made.size, position=made.position),
        file=str(file),
        size=made.size,
        position=made.position,
    )
