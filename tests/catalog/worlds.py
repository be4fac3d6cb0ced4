"""A whole site in one process for tests: store, policy, stamps, writer, reader, worker, under policies written in the test."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catalog.audit import ReadAudit
from catalog.jobs import Worker
from catalog.objects import Objects
from catalog.policy_store import PolicyHolder
from catalog.reader import Reader, RecordQuery
from catalog.site import SiteIdentity
from catalog.stamps import Stamps
from catalog.store import Store
from catalog.writer import Published, Writer
from policies.actor import Actor
from tests.catalog.conftest import NODE, SITE, publish

#: What is open to everyone, drafts of nobody, and staff see everything that they have the clearance for.
OPEN = """\
policy: open
rules:
- rule: opened
  allow: data
  who: everyone
  what: [record.opening is open, record.secrecy is at most public]
  because: {zh: 已开放, en: opened}
- rule: listed
  allow: discover
  who: everyone
  what: record.secrecy is at most public
  because: {zh: 目录公开, en: the catalogue is public}
- rule: staff
  allow: data
  who: actor.roles has any of clerk, officer
  because: {zh: 本单位, en: own staff}
- rule: clearance
  deny: [discover, release]
  unless: actor.clearance is at least record.secrecy
  because: {zh: 密级, en: clearance}
"""

STAFF = Actor(kind="person", node=NODE, person="li", sector="land", division="510107", level="county", clearance="internal", roles=frozenset({"officer"}))
AGENCY = Actor(kind="agency", node="env-510100", person="env", sector="environment", division="510100", clearance="internal", purpose="survey")


@dataclass
class World:
    """One site. `now` is its clock for readers."""

    store: Store
    folder: Path
    site: SiteIdentity = SITE
    now: list[int] = field(default_factory=lambda: [1_800_000_000])

    def __post_init__(self) -> None:
        self.policies = PolicyHolder(self.store, self.site, [self.folder])
        self.stamps = Stamps(self.store, self.site, self.policies)
        self.writer = Writer(self.site, self.stamps)
        self.audit = ReadAudit(self.store, start=False)
        self.objects: Objects | None = None
        self.reader = self.new_reader()

    def new_reader(self) -> Reader:
        """A reader as another process would have it."""
        return Reader(self.store, self.site, self.policies, self.stamps, self.audit, objects=self.objects, clock=lambda: self.now[0])

    def rule(self, text: str, name: str = "site.yaml") -> None:
        """Writes a policy file and puts it in force."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")
        self.policies.activate("test")

    def publish(self, **changes: Any) -> Published:
        """Publishes a record; see `conftest.publish`."""
        return publish(self.store, self.writer, **changes)

    def work(self) -> None:
        """Does every job that is due, as the background threads of a site would."""
        self.audit.flush()
        worker = Worker(self.store, self.stamps.handlers())
        while worker.run_one():
            pass

    def ids(self, actor: Actor, **query: Any) -> set[str]:
        """Ids of what an actor finds."""
        return {view.id for view in self.reader.records(actor, RecordQuery(limit=1000, **query)).items}
