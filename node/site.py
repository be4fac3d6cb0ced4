"""One open site: everything that its commands, requests and loops use, composed in one place.

    DIR/terrace.yaml   settings                DIR/policies/   policy files
    DIR/terrace.db     the database            DIR/objects/    files behind records, by sha256
    DIR/keys/          keys, mode 0600         DIR/logs/       terrace.log
    DIR/run/           serve.json and locks while it is served

Parts are made when they are first asked for, so that a command loads only what it needs. A Site is safe for threads and must not be carried over a fork: each
serving process opens its own.
"""

import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.site import SiteIdentity
from catalog.store import Store
from node.identity import PACKAGES, open_database, site_identity
from node.metrics import Metrics
from node.run_state import running
from node.settings import load_settings
from node.settings_model import Settings
from sync import keys as key_files
from sync.keys import Keys

if TYPE_CHECKING:
    from catalog.accounts import Accounts
    from catalog.audit import ReadAudit
    from catalog.objects import Objects
    from catalog.policy_store import PolicyHolder
    from catalog.reader import Reader
    from catalog.stamps import Stamps
    from catalog.writer import Writer
    from sync.exchange import Exchange


class Site:
    """See the module. Made by `open_site`.

    Attributes:
        folder: the site's folder, absolute.
        settings: of the site.
        identity: node, zone, division, level, name, sector.
        store: the database, its schema current.
        metrics: the process's counters.
        peer_url: address at which peers reach this site; '' when it is not known (a free port, and not served).
        stopping: set once the process is to end; loops and long polls look at it.
    """

    def __init__(self, folder: Path, settings: Settings, identity: SiteIdentity, store: Store, metrics: Metrics, peer_url: str) -> None:
        self.folder = folder
        self.settings = settings
        self.identity = identity
        self.store = store
        self.metrics = metrics
        self.peer_url = peer_url
        self.stopping = threading.Event()
        self._closers: list[Callable[[], None]] = []

    @cached_property
    def keys(self) -> Keys:
        """Site and witness key, and the root key where it is kept here."""
        return key_files.load(self.folder / "keys")

    @cached_property
    def policies(self) -> "PolicyHolder":
        """The policy in force; watched for changes while the site is served."""
        from catalog.policy_store import PolicyHolder

        return PolicyHolder(self.store, self.identity, [self.folder / "policies"])

    @cached_property
    def stamps(self) -> "Stamps":
        """View signatures."""
        from catalog.stamps import Stamps

        return Stamps(self.store, self.identity, self.policies)

    @cached_property
    def writer(self) -> "Writer":
        """The one write path."""
        from catalog.writer import Writer

        return Writer(self.identity, self.stamps)

    @cached_property
    def read_audit(self) -> "ReadAudit":
        """Lines about reads, committed together."""
        from catalog.audit import ReadAudit

        made = ReadAudit(self.store)
        self._closers.append(made.close)
        return made

    @cached_property
    def objects(self) -> "Objects":
        """Files behind records."""
        from catalog.objects import open_objects

        settings = self.settings
        where = settings.objects if "://" in settings.objects else self.folder / settings.objects
        return open_objects(where, key=settings.objects_key, secret=settings.objects_secret)

    @cached_property
    def reader(self) -> "Reader":
        """The one read path."""
        from catalog.reader import Reader
        from sync.clock import SiteClock
        from sync.on_demand import OnDemand

        files = OnDemand(self.objects, lambda name: self.exchange.objects.request(name))
        return Reader(self.store, self.identity, self.policies, self.stamps, self.read_audit, objects=files, clock=SiteClock(self.store))

    @cached_property
    def exchange(self) -> "Exchange":
        """The exchange with peers; its loops run in the peer process alone."""
        from sync.context import ExchangeSettings
        from sync.exchange import Exchange

        peers = self.settings.peers
        taking_part = ExchangeSettings(
            url=self.peer_url,
            rows=peers.rows,
            objects=peers.objects,
            object_bytes=peers.object_bytes,
            wait=peers.wait,
            heartbeat=peers.heartbeat,
            pads=peers.pads,
            ca=str(self.folder / peers.ca) if peers.ca else None,
        )
        made = Exchange(
            store=self.store, site=self.identity, keys=self.keys, reader=self.reader, writer=self.writer, objects=self.objects, settings=taking_part
        )
        self._closers.append(made.close)
        return made

    @cached_property
    def accounts(self) -> "Accounts":
        """People, programs, tokens, sessions."""
        from catalog.accounts import Accounts

        return Accounts(self.store, self.identity)

    def close(self) -> None:
        """Ends what runs and closes the database."""
        self.stopping.set()
        for close in reversed(self._closers):
            close()
        self.store.close()


def open_site(folder: Path, settings: Settings | None = None, *, metrics: Metrics | None = None, peer_url: str | None = None) -> Site:
    """Opens the site in `folder`.

    Args:
        folder: with a terrace.yaml in it.
        settings: already loaded ones (with what a command line overrides).
        metrics: the process's counters; its own by default.
        peer_url: address of the peer listener where it is known; by default the settings', else that of the running site.

    Raises:
        SiteFolderError: the folder is no site.
        SettingsError: its settings cannot be used.
        SchemaError: the database's schema is not this program's.
    """
    folder = folder.absolute()
    loaded = settings or load_settings(folder)
    identity = site_identity(folder, loaded)
    store = open_database(folder, loaded)
    try:
        store.require_current(also=PACKAGES)
    except BaseException:
        store.close()
        raise
    return Site(folder, loaded, identity, store, metrics or Metrics(), peer_url if peer_url is not None else _peer_url(folder, loaded))


def _peer_url(folder: Path, settings: Settings) -> str:
    """The address that peers use: configured, told by the running site, or made from the settings."""
    if settings.peers.url:
        return settings.peers.url
    told = running(folder).get("peer_url")
    if isinstance(told, str):
        return told
    listen = settings.listen
    if not listen.peer_port:
        return ""
    host = listen.peer_host or listen.host
    return f"http{'s' if settings.tls.certificate else ''}://{f'[{host}]' if ':' in host else host}:{listen.peer_port}"
