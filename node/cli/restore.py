"""`terrace restore`."""

from pathlib import Path

import click

from node.cli.base import Command, Run, argument, pass_run
from node.i18n import N_, translate


@click.command(
    cls=Command,
    help=N_("""Unpack the backup FILE into the new folder DIR.

What was published after the backup stands in the log that the superior cosigned. So the restored site's log rests until the superior's clerk has run
terrace peer close NODE; then a new log begins, and everything travels to the peers again. A node without superior does this by itself."""),
    example="terrace restore wuhou-2026-11-24.tar wuhou",
)
@argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@pass_run
def restore(run: Run, file: Path, folder: Path) -> None:
    from node.restore import restore_backup

    done = restore_backup(file, folder)
    run.done(
        translate("{folder}: node {node}, position {position}").format(folder=done.folder, node=done.node, position=done.position),
        folder=str(done.folder),
        node=done.node,
        position=done.position,
        waits=done.waits,
        epoch=done.epoch,
    )
    if done.waits:
        run.say(translate("Its log rests. Serve it, and ask the superior's clerk to run: terrace peer close {node}").format(node=done.node))
