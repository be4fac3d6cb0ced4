"""`terrace serve`."""

import os
from typing import TYPE_CHECKING

import click

from node.cli.base import Command, Run, option, pass_run
from node.cli.printing import echo
from node.i18n import N_, translate

if TYPE_CHECKING:
    from node.settings_model import Settings


@click.command(
    cls=Command,
    help=N_("""Serve the site until interrupted: portal, CKAN, OGC and CSW on one port, peers on another.

Off loopback this needs HTTPS (tls in terrace.yaml, or listen.behind_proxy) and base_url. On SIGHUP the settings are read again."""),
    example="terrace -C wuhou serve --port 8080",
)
@option("--host", help=N_("Address of both listeners, instead of the settings'."))
@option("--port", type=click.IntRange(0, 65535), help=N_("Port of the public listener, instead of the settings'; 0 takes a free one."))
@option("--peer-port", type=click.IntRange(0, 65535), help=N_("Port of the peer listener, instead of the settings'; 0 takes a free one."))
@option("--ready-fd", type=int, metavar="FD", help=N_("Write one JSON line to this file descriptor when requests are answered."))
@pass_run
def serve(run: Run, host: str | None, port: int | None, peer_port: int | None, ready_fd: int | None) -> None:
    from node.logs import log_to
    from node.serve import serve as run_site
    from node.settings import load_settings

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads would not survive the fork, and are not needed
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    changed = {name: value for name, value in (("host", host), ("port", port), ("peer_port", peer_port)) if value is not None}

    def load() -> "Settings":
        settings = load_settings(run.folder)
        return settings.model_copy(update={"listen": settings.listen.model_copy(update=changed)})

    log_to(run.folder)

    def announce(told: dict[str, object]) -> None:
        if run.json:
            run.emit(told)
        else:
            echo(translate("{url}  (peers: {peer_url})  Ctrl-C stops.").format(**told))
        if ready_fd is not None:
            import json

            os.write(ready_fd, (json.dumps(told) + "\n").encode())
            os.close(ready_fd)

    code = run_site(run.folder, load, announce)
    click.get_current_context().exit(code)
