"""One serving process: opens the site after the fork, builds its application and runs gunicorn's threaded worker on the given sockets.

The supervisor does what gunicorn's master would (one process less for each listener). A child ends when it is told to (SIGTERM: requests finish, long polls are
woken), and when its supervisor dies (the pipe that only the supervisor can write to is closed).
"""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.config import Config
from gunicorn.glogging import Logger

from node.connections import BoundedWorker
from node.listeners import address_of, tls_files
from node.metrics import Metrics
from node.settings_model import Settings
from node.site import Site, open_site

log = logging.getLogger(__name__)

#: Seconds that requests may take to finish after SIGTERM.
GRACE = 3


@dataclass(frozen=True)
class Role:
    """What a child does: `web` answers the public, `peer` answers peers and does the site's background work."""

    name: str
    build: Callable[[Site], Flask]
    threads: int
    background: bool


class _Application:
    """What gunicorn's worker asks for its WSGI callable."""

    def __init__(self, wsgi: Flask) -> None:
        self._wsgi = wsgi

    def wsgi(self) -> Flask:
        return self._wsgi


def worker_config(settings: Settings, folder: Path, threads: int) -> Config:
    """gunicorn's configuration of one child."""
    config = Config()
    values: dict[str, Any] = {
        "threads": threads,
        "worker_connections": max(1000, threads * 4),
        "keepalive": 20,
        "graceful_timeout": GRACE,
        "timeout": 0,
        "forwarded_allow_ips": "",
        "loglevel": "warning",
        "limit_request_line": 8190,
    }
    files = tls_files(settings, folder)
    if files:
        values["certfile"], values["keyfile"] = files
    for name, value in values.items():
        config.set(name, value)
    return config


def run_child(
    role: Role,
    folder: Path,
    settings: Settings,
    listener: socket.socket,
    metrics_listener: socket.socket | None,
    metrics: Metrics,
    parent_pipe: int,
    ready: int,
) -> int:
    """Serves until stopped; called in a fresh fork. Returns the exit code.

    Args:
        role: what this child does.
        folder: the site's folder.
        settings: of the site.
        listener: the socket to serve.
        metrics_listener: for the role with background work; None when metrics are off.
        metrics: already joined to this child's slot.
        parent_pipe: read end of a pipe whose write end only the supervisor holds.
        ready: a byte is written here once requests are answered.
    """
    site = open_site(folder, settings, metrics=metrics, peer_url=address_of(settings, listener, settings.peers.url) if role.background else None)
    stops: list[Callable[[], None]] = [site.close]
    try:
        app = role.build(site)
        if role.background:
            stops[0:0] = _start_background(site, metrics_listener, metrics)
        config = worker_config(settings, folder, role.threads)
        config.set("post_worker_init", lambda _worker: os.write(ready, b"."))
        worker = BoundedWorker(0, os.getppid(), [listener], _Application(app), 0, config, Logger(config))
        worker.stopping, worker.settings = site.stopping, settings
        worker.pid = os.getpid()
        _follow_parent(parent_pipe)
        worker.init_process()
    finally:
        site.stopping.set()
        for stop in stops:
            try:
                stop()
            except Exception:
                log.exception("%s did not stop cleanly", role.name)
    return 0


def _start_background(site: Site, metrics_listener: socket.socket | None, metrics: Metrics) -> list[Callable[[], None]]:
    from node.health import gauges
    from node.metrics import serve_metrics
    from node.worker import Background

    background = Background(site)
    background.start()
    stops = [background.stop]
    if metrics_listener is not None:
        server = serve_metrics(metrics_listener, metrics, lambda: gauges(site))
        stops.append(server.shutdown)
    return stops


def _follow_parent(pipe: int) -> None:
    """Ends this process when the supervisor's end of the pipe closes, however the supervisor died."""

    def watch() -> None:
        os.read(pipe, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
