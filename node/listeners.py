"""The sockets of a site: bound by the supervisor before it forks, so that a port in use is a clear error and port 0 is known to all."""

import errno
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from node.errors import BaseUrlError, PlainHttpError, PortInUseError, ServeError
from node.settings_model import Settings
from sync.loopback import is_loopback

#: Seconds to wait for the sockets of a supervisor that died a moment ago.
PATIENCE = 3.0


@dataclass
class Listeners:
    """Bound, listening sockets; `metrics` is None when it is off."""

    web: socket.socket
    peer: socket.socket
    metrics: socket.socket | None

    def all(self) -> list[socket.socket]:
        """Every socket."""
        return [each for each in (self.web, self.peer, self.metrics) if each is not None]

    def close(self) -> None:
        """Closes every socket."""
        for each in self.all():
            each.close()


def require_https(settings: Settings) -> None:
    """Refuses plain HTTP on an address that others can reach.

    Raises:
        PlainHttpError: names the address.
    """
    if settings.tls.certificate or settings.listen.behind_proxy:
        return
    for host in (settings.listen.host, settings.listen.peer_host or settings.listen.host):
        if not is_loopback(host):
            raise PlainHttpError(host)


def needs_base_url(settings: Settings) -> bool:
    """Whether others than this machine's own reach the site, and it does not say by which address."""
    return settings.base_url is None and (settings.listen.behind_proxy or not is_loopback(settings.listen.host))


def require_base_url(settings: Settings) -> None:
    """Refuses to serve others under an address that is not known: links would be made of whatever a request says.

    Raises:
        BaseUrlError: `base_url` must be set.
    """
    if needs_base_url(settings):
        raise BaseUrlError


def open_listeners(settings: Settings, *, patient: bool = False) -> Listeners:
    """Binds the sockets that the settings name.

    Args:
        settings: of the site.
        patient: wait a moment for a port (the processes of a killed supervisor are just ending).

    Raises:
        PlainHttpError: plain HTTP off loopback.
        BaseUrlError: off loopback without `base_url`.
        PortInUseError: another program listens there.
        ServeError: the address is none of this machine.
    """
    require_https(settings)
    require_base_url(settings)
    listen = settings.listen
    wanted = [(listen.host, listen.port, "port"), (listen.peer_host or listen.host, listen.peer_port, "peer_port")]
    if listen.metrics_port is not None:
        wanted.append((listen.metrics_host, listen.metrics_port, "metrics_port"))
    opened: list[socket.socket] = []
    deadline = time.monotonic() + (PATIENCE if patient else 0)
    try:
        for host, port, name in wanted:
            opened.append(_bind(host, port, name, deadline))
    except BaseException:
        for each in opened:
            each.close()
        raise
    return Listeners(opened[0], opened[1], opened[2] if len(opened) > 2 else None)


def _bind(host: str, port: int, name: str, deadline: float) -> socket.socket:
    while True:
        try:
            return _listen(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise ServeError(
                    zh=f"无法在 {host}:{port} 监听：{error.strerror or error}。请检查 terrace.yaml 的 listen 设置。",
                    en=f"cannot listen on {host}:{port}: {error.strerror or error}. Check listen in terrace.yaml.",
                ) from error
            if time.monotonic() >= deadline:
                raise PortInUseError(host, port, name) from error
            time.sleep(0.1)


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted ones inherit it; else each answer waits 40 ms for the client's acknowledgement
        made.bind(address)
        made.listen(1024)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def address_of(settings: Settings, listener: socket.socket, configured: str | None) -> str:
    """The URL of a listener: the configured one, else made from the socket."""
    if configured:
        return configured
    host, port = listener.getsockname()[:2]
    scheme = "https" if settings.tls.certificate else "http"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{port}"


def tls_files(settings: Settings, folder: Path) -> tuple[str, str] | None:
    """Certificate and key as absolute paths, or None for plain HTTP."""
    if settings.tls.certificate is None or settings.tls.key is None:
        return None
    return str(folder / settings.tls.certificate), str(folder / settings.tls.key)


def require_certificate(settings: Settings, folder: Path) -> None:
    """Refuses a certificate or key that cannot be used, before anybody is answered with it.

    Raises:
        ServeError: says which file, and why.
    """
    files = tls_files(settings, folder)
    if files is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
    except (OSError, ssl.SSLError) as error:
        missing = next((name for name in files if not Path(name).is_file()), None)
        raise ServeError(
            zh=f"TLS 证书或私钥不可用（{missing or '、'.join(files)}）：{'文件不存在' if missing else error}。请检查 terrace.yaml 的 tls 设置。",
            en=f"the TLS certificate or key cannot be used ({missing or ', '.join(files)}): {'no such file' if missing else error}. Check tls in terrace.yaml.",
        ) from error
