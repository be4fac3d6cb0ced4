"""`terrace serve`: a small supervisor that loads the program once, binds the sockets and forks the serving processes.

Processes of a site: supervisor; `web` (one, or `listen.workers`) for the public listener; `peer` for peers, which also runs the background work. Rules:

1. Nothing before the fork holds a thread or a database connection: modules are imported (and so shared in memory), the site is opened in each child.
2. A child that dies is started again, after 0.1 s at first and up to 10 s; one that dies before it was ready on the first start ends the whole.
3. TERM and INT stop: children finish their requests within 3 s and are killed after 4.5 s. HUP reads the settings again (`node.reload`) and starts the children
   anew, one after another; when the first does not start under new settings, the old ones stay.
4. `DIR/run/serve.json` says pid, URLs and ports while the site is served; `DIR/run/serve.lock` keeps a second supervisor out.
"""

import contextlib
import fcntl
import json
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from catalog import faults
from node.child import Role, run_child
from node.collector import collect_seldom
from node.errors import ServeError
from node.i18n import local_text
from node.listeners import Listeners, address_of, open_listeners, require_certificate
from node.metrics import Metrics
from node.reload import Reread, reread
from node.run_state import STATE, running
from node.settings_model import Settings

log = logging.getLogger(__name__)

STOP_SECONDS = 4.5
START_SECONDS = 60.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@dataclass
class _Child:
    role: Role
    listener: socket.socket
    slot: int
    pid: int = 0
    started: float = 0.0
    backoff: float = 0.1
    restart_at: float | None = None


@dataclass
class Supervisor:
    """Runs the children of one site."""

    folder: Path
    settings: Settings
    listeners: Listeners
    roles: list[tuple[Role, socket.socket]]
    load: Callable[[], Settings]
    on_reload: Callable[[Settings], object]
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self._wake, self._wake_in = os.pipe()
        os.set_blocking(self._wake_in, False)
        os.set_blocking(self._wake, False)
        self._parent_pipe, self._parent_end = os.pipe()
        self._pending: list[int] = []
        self._stopping = False
        self._children = [_Child(role, listener, slot) for slot, (role, listener) in enumerate(self.roles, start=1)]

    def run(self, on_ready: Callable[[], None]) -> int:
        """Starts the children, calls `on_ready`, and keeps them until told to stop; returns the exit code."""
        for number in _SIGNALS:
            signal.signal(number, self._note)
        signal.set_wakeup_fd(self._wake_in, warn_on_full_buffer=False)
        collect_seldom()
        try:
            for child in self._children:
                self._fork(child, wait=True)
            if not self._stopping:
                on_ready()
            while not self._stopping:
                self._turn()
        finally:
            self._stop_children()
            signal.set_wakeup_fd(-1)
        return 0

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._pending.append(number)
        if number in (signal.SIGTERM, signal.SIGINT):
            self._stopping = True

    def _turn(self) -> None:
        due = [child.restart_at for child in self._children if child.restart_at is not None]
        timeout = max(0.0, min(due) - time.monotonic()) if due else 5.0
        select.select([self._wake], [], [], timeout)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 512)
        pending, self._pending = self._pending, []
        self._reap()
        if signal.SIGHUP in pending:
            self._reload()
        for child in self._children:
            if child.restart_at is not None and time.monotonic() >= child.restart_at:
                self.metrics.add("terrace_child_restarts_total")
                self._fork(child)

    def _reap(self) -> None:
        while True:
            try:
                pid, code = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self._children:
                if child.pid == pid:
                    if time.monotonic() - child.started > 30:
                        child.backoff = 0.1
                    child.pid, child.restart_at = 0, time.monotonic() + child.backoff
                    child.backoff = min(child.backoff * 2, 10.0)
                    if not self._stopping:
                        log.error("%s (pid %d) ended with %s; starting it again", child.role.name, pid, os.waitstatus_to_exitcode(code))

    def _fork(self, child: _Child, *, wait: bool = False) -> None:
        """Starts a child; with `wait`, returns once it answers.

        Raises:
            ServeError: it ended, or did not answer, before it was ready.
        """
        ready, ready_in = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._be(child, ready_in)
        os.close(ready_in)
        child.pid, child.started, child.restart_at = pid, time.monotonic(), None
        try:
            if wait and not self._answers(ready):
                raise ServeError(
                    zh=f"{child.role.name} 进程未能启动，原因见 {self.folder / 'logs' / 'terrace.log'}",
                    en=f"the {child.role.name} process did not start; {self.folder / 'logs' / 'terrace.log'} says why",
                )
        finally:
            os.close(ready)

    def _answers(self, ready: int) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._stopping:
                return True
            if select.select([ready, self._wake], [], [], deadline - time.monotonic())[0]:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 512)
                if select.select([ready], [], [], 0)[0]:
                    return os.read(ready, 1) == b"."
        return False

    def _be(self, child: _Child, ready: int) -> None:
        """What a fresh fork does; never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            os.close(self._parent_end)
            self.metrics.join(child.slot)
            code = run_child(
                child.role,
                self.folder,
                self.settings,
                child.listener,
                self.listeners.metrics if child.role.background else None,
                self.metrics,
                self._parent_pipe,
                ready,
            )
        except BaseException:
            log.exception("%s failed", child.role.name)
        finally:
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # no interpreter shutdown: it would wait for threads that sleep in a long poll

    def _reload(self) -> None:
        """Reads the settings again and replaces the children (SIGHUP)."""
        before = self.settings
        found = reread(before, self.load, self.folder)
        self.settings = found.settings
        for number, child in enumerate(self._children):
            if not self._replace(child) and number == 0 and found.changed and not self._stopping:
                self.settings = before
                found = Reread(before, error=ServeError(zh="按新设置无法启动，原因见日志。", en="The site does not start under them; the log says why."))
                self._replace(child)
        for zh, en in found.texts():
            log.info("settings: %s", en)
            print(local_text(zh, en), file=sys.stderr, flush=True)
        self.on_reload(self.settings)

    def _replace(self, child: _Child) -> bool:
        """Stops one child and starts it again under the present settings; returns whether it answers. If not, it is tried again later."""
        listen = self.settings.listen
        child.role = replace(child.role, threads=listen.peer_threads if child.role.background else listen.threads)
        old = child.pid
        if old:
            os.kill(old, signal.SIGTERM)
            self._await_end({old})
        try:
            self._fork(child, wait=True)
        except ServeError:
            self._await_end({child.pid})
            child.pid, child.restart_at = 0, time.monotonic() + child.backoff
            return False
        return True

    def _await_end(self, pids: set[int]) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while pids:
            for pid in list(pids):
                try:
                    if os.waitpid(pid, os.WNOHANG)[0] == pid:
                        pids.discard(pid)
                except ChildProcessError:
                    pids.discard(pid)
            if pids and time.monotonic() > deadline:
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def _stop_children(self) -> None:
        pids = {child.pid for child in self._children if child.pid}
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        self._await_end(pids)


@contextlib.contextmanager
def _only_supervisor(folder: Path) -> Iterator[bool]:
    """Keeps a second supervisor out; yields whether the last one ended without tidying up.

    Raises:
        ServeError: the folder is being served.
    """
    run = folder / "run"
    run.mkdir(mode=0o700, exist_ok=True)
    state = folder / STATE
    handle = os.open(run / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a record lock: children do not inherit it
        except OSError as error:
            pid = running(folder).get("pid", "?")
            raise ServeError(
                zh=f"{folder} 已由进程 {pid} 提供服务；请先停止它。", en=f"{folder} is already being served by process {pid}; stop that first."
            ) from error
        unclean = state.exists()
        yield unclean
        state.unlink(missing_ok=True)
    finally:
        os.close(handle)


def serve(folder: Path, load: Callable[[], Settings], announce: Callable[[dict[str, object]], None]) -> int:
    """Serves the site in `folder` until stopped.

    Args:
        folder: the site's folder.
        load: reads the settings, with what the command line overrides; again on SIGHUP.
        announce: called once with what `serve.json` holds, when requests are answered.

    Raises:
        ServeError: it cannot be served; says why.
    """
    from node.app import create_app, create_peer_app, preload

    settings = load()
    with _only_supervisor(folder) as unclean:
        listeners = open_listeners(settings, patient=unclean)
        try:
            preload()
            _check(folder, settings)
            web = Role("web", create_app, settings.listen.threads, background=False)
            peer = Role("peer", create_peer_app, settings.listen.peer_threads, background=True)
            roles = [(web, listeners.web)] * settings.listen.workers + [(peer, listeners.peer)]
            started = int(time.time())

            def tell(now: Settings) -> dict[str, object]:
                told = {**_addresses(now, listeners), "started": started}
                state = folder / STATE
                fresh = state.with_suffix(".tmp")
                fresh.write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")
                faults.before("rename")
                fresh.replace(state)
                faults.after("rename")
                return told

            supervisor = Supervisor(folder, settings, listeners, roles, load, on_reload=tell)
            return supervisor.run(lambda: announce(tell(settings)))
        finally:
            listeners.close()


def _check(folder: Path, settings: Settings) -> None:
    """Opens the site once, so that what is wrong with it is said here and not by a child; leaves nothing open."""
    from node.site import open_site

    require_certificate(settings, folder)
    open_site(folder, settings).close()


def _addresses(settings: Settings, listeners: Listeners) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "url": address_of(settings, listeners.web, settings.base_url),
        "peer_url": address_of(settings, listeners.peer, settings.peers.url),
        "port": listeners.web.getsockname()[1],
        "peer_port": listeners.peer.getsockname()[1],
        "metrics_port": listeners.metrics.getsockname()[1] if listeners.metrics else None,
    }
