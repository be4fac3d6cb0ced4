"""The policy in force: from files to an epoch in the database, live, keeping the old one when the new one is bad.

Rules:

1. What is in force is the newest row of `policy_version`, with the text of its files. Every process compiles from there, so that all of them, and all hosts,
   decide alike; a reader uses exactly the epoch that its snapshot names, from the commit of the activation on.
2. The files of the folder are watched. A change is loaded as a whole, once the files stood still for two looks (a file that is just being saved may be a valid
   prefix of itself, without its last deny); when anything is wrong nothing changes, the old policy stays in force, and the problem is kept in the database
   (`problem`), audited, and shown to doctor and pages until the files are mended.
3. Activation is one transaction: version, epoch, audit line, a `change` that makes the streams sweep, and the job that stamps records anew.
4. A site that never had policy files of its own has those that are shipped for the zone. Later, a folder that is away, empty or unreadable is a problem
   (`catalog.policy_files`).
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from sqlalchemy import Connection, delete, insert, select, update

from catalog.attributes import policy_codes
from catalog.canonical import JSON, dumps
from catalog.policy_files import PolicyFiles, UnreadableError
from catalog.site import SiteIdentity
from catalog.store import State, Store, WriteTransaction
from catalog.tables import counter, meta, policy_version
from policies.errors import PolicyErrors
from policies.load import load_policies
from policies.model import PolicySet

__all__ = ["ActivePolicy", "PolicyHolder", "PolicyProblem"]

#: Seconds between two looks at the files.
POLL = 0.25
#: So many looks in a row must find the files as the look before did.
_STILL = 2
_KEPT = 3
_PROBLEM = "policy_problem"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ActivePolicy:
    """A policy in force.

    Attributes:
        epoch: counts activations; 0 before the first, when nothing is allowed.
        digest: of the set; equal for sets that decide alike.
    """

    epoch: int
    policy_set: PolicySet = field(repr=False)
    digest: str


@dataclass(frozen=True)
class PolicyProblem:
    """Why the newest files are not in force.

    Attributes:
        since: UTC seconds.
        lines: `{"place", "zh", "en"}` each.
    """

    since: int
    lines: list[dict[str, str]]


#: Called inside the activating transaction with the new policy, to prepare stamping (`catalog.stamps`).
type Hook = Callable[[WriteTransaction, ActivePolicy], None]


class PolicyHolder:
    """See the module. One for each process.

    Args:
        store: the site's database.
        site: gives the zone, whose shipped policies count when the folders hold none.
        folders: where `*.yaml` are; usually `DIR/policies`.
    """

    def __init__(self, store: Store, site: SiteIdentity, folders: Sequence[Path]) -> None:
        self._store = store
        self._site = site
        self._files = PolicyFiles(folders, site.zone)
        self._lock = threading.RLock()
        self._kept: OrderedDict[int, ActivePolicy] = OrderedDict()
        self._hooks: list[Hook] = []
        self._seen: object = None
        self._told = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    # --- what is in force ----------------------------------------------------------------------------------------------------------------

    def current(self, conn: Connection, state: State | None = None) -> ActivePolicy:
        """The policy that this snapshot is under.

        Args:
            conn: the snapshot.
            state: its numbers, if already read.
        """
        epoch = (state or State.read(conn)).policy
        found = self._kept.get(epoch)
        if found is not None:
            return found
        with self._lock:
            found = self._kept.get(epoch)
            if found is None:
                found = self._load(conn, epoch)
                self._kept[epoch] = found
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            return found

    def _load(self, conn: Connection, epoch: int) -> ActivePolicy:
        if epoch == 0:
            return ActivePolicy(0, PolicySet((), ()), "")
        row = conn.execute(select(policy_version).where(policy_version.c.epoch == epoch)).one()
        return ActivePolicy(epoch, self.check(orjson.loads(row.files)), row.digest)  # the digest as activated: a newer program activates anew

    def check(self, files: dict[str, str]) -> PolicySet:
        """Loads a set of policy files with this site's code lists, without putting it in force.

        Args:
            files: name → text.

        Raises:
            PolicyErrors: everything that is wrong.
        """
        return load_policies(files, code_lists=policy_codes())

    # --- activation ----------------------------------------------------------------------------------------------------------------------

    def on_activate(self, hook: Hook) -> None:
        """Adds a step to the activating transaction."""
        self._hooks.append(hook)

    def files(self) -> dict[str, str]:
        """The policy files as they are now: name → text; the shipped ones at a site that never had its own.

        Raises:
            PolicyErrors: a folder or file is away or cannot be read.
        """
        with self._store.read() as conn:
            epoch = State.read(conn).policy
            return self._files.read(self._texts(conn, epoch) if epoch else {})

    def activate(self, actor: str | None = None) -> ActivePolicy:
        """Puts the files in force, unless they say what is in force already.

        Args:
            actor: who does it, for the audit log; None: the watcher saw a change.

        Raises:
            PolicyErrors: everything that is wrong; the old policy stays in force.
        """
        seen: object = self._files.fingerprint()
        try:
            loaded = self.check(self.files())
        except PolicyErrors as error:
            self._keep_old(error, actor)
            self._seen = None if isinstance(error, UnreadableError) else seen
            raise
        active = self._commit(dict(loaded.texts), loaded, actor)
        self._seen, self._told = seen, ""
        return active

    def _commit(self, files: dict[str, str], loaded: PolicySet, actor: str | None) -> ActivePolicy:
        with self._store.read() as conn:
            current = self.current(conn)
            if current.epoch and current.digest == loaded.digest and self._problem(conn) is None and self._texts(conn, current.epoch) == files:
                return current
        with self._store.write() as tx:
            tx.conn.execute(delete(meta).where(meta.c.key == _PROBLEM))
            current = self.current(tx.conn)
            if current.epoch and current.digest == loaded.digest:  # comments or cases changed: nothing is decided differently
                tx.conn.execute(update(policy_version).where(policy_version.c.epoch == current.epoch).values(files=dumps(dict[str, JSON](files)).decode()))
                return current
            epoch = current.epoch + 1
            active = ActivePolicy(epoch, loaded, loaded.digest)
            tx.conn.execute(
                insert(policy_version).values(epoch=epoch, digest=loaded.digest, files=dumps(dict[str, JSON](files)).decode(), activated=tx.now, actor=actor)
            )
            tx.conn.execute(update(counter).where(counter.c.name == "policy").values(n=epoch))
            tx.change("policy")
            tx.audit("policy.activate", actor=actor, detail={"epoch": epoch, "digest": loaded.digest, "rules": len(loaded.rules)})
            for hook in self._hooks:
                hook(tx, active)
        with self._lock:
            self._kept[epoch] = active
        return active

    def _texts(self, conn: Connection, epoch: int) -> dict[str, str]:
        found: dict[str, str] = orjson.loads(conn.execute(select(policy_version.c.files).where(policy_version.c.epoch == epoch)).scalar_one())
        return found

    # --- what is wrong -------------------------------------------------------------------------------------------------------------------

    def problem(self, conn: Connection) -> PolicyProblem | None:
        """Why the newest files are not in force; None when they are."""
        return self._problem(conn)

    def _problem(self, conn: Connection) -> PolicyProblem | None:
        text = conn.execute(select(meta.c.value).where(meta.c.key == _PROBLEM)).scalar()
        return None if text is None else PolicyProblem(**orjson.loads(text))

    def _keep_old(self, error: PolicyErrors, actor: str | None) -> None:
        lines = [{"place": problem.place, "zh": problem.zh, "en": problem.en} for problem in error.problems]
        with self._store.read() as conn:
            known = self._problem(conn)
        if known is not None and known.lines == lines:
            return
        with self._store.write() as tx:
            value = orjson.dumps({"since": tx.now, "lines": lines}).decode()
            tx.conn.execute(delete(meta).where(meta.c.key == _PROBLEM))
            tx.conn.execute(insert(meta).values(key=_PROBLEM, value=value))
            tx.audit("policy.refused", actor=actor, outcome="refused", detail={"problems": [f"{line['place']}: {line['en']}" for line in lines[:50]]})

    # --- watching ------------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Puts the files in force and watches them. A bad policy at the start leaves the last good one in force, and so does one that is being saved."""
        try:
            if self._stand_still():
                self.activate()
        except PolicyErrors as error:
            self._tell(error)
        self._thread = threading.Thread(target=self._watch, name="policy-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watching."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _stand_still(self) -> bool:
        """Waits while files that changed a moment ago may still be being saved; False when one is.

        At a site without any policy nothing can be lost: True at once.
        """
        with self._store.read() as conn:
            if State.read(conn).policy == 0:
                return True
        while 0 <= time.time() - self._files.newest() < POLL * _STILL and not self._stop.wait(POLL):
            pass
        return not self._files.being_saved()

    def _watch(self) -> None:
        last: object = None
        still = 0
        while not self._stop.wait(POLL):
            try:
                now = self._files.fingerprint()
                still, last = (still + 1 if now == last else 0), now
                if now != self._seen and still >= _STILL and not self._files.being_saved():
                    self.activate()
            except PolicyErrors as error:
                self._tell(error)
            except Exception:  # a busy database: the next round tries again
                log.exception("the policy files could not be looked at")

    def _tell(self, error: PolicyErrors) -> None:
        if str(error) != self._told:  # files that cannot be read are tried again and again
            log.error("the new policy files are not in force:\n%s", error)
        self._told = str(error)
