"""A witness that says something against a log: only this site's own signature holds its log back (PROTOCOL 3.3, 6.2)."""

import hashlib
from collections.abc import Callable

import pytest
from sqlalchemy import select

from catalog import tables as c
from sync.errors import RolledBackError, WitnessError
from sync.log_mark import MARK
from sync.merkle import empty_root
from sync.notes import Checkpoint, only_own, sign_checkpoint
from sync.recovery import restored
from tests.sync.sites import TestSite

pytestmark = pytest.mark.soak_on("postgresql")

type MakeSite = Callable[..., TestSite]
ROOT = hashlib.sha256(b"another tree").digest()


class Pair:
    """A county whose witness is its city."""

    def __init__(self, make_site: MakeSite) -> None:
        self.city, self.county = make_site("510100", "成都"), make_site("510107", "武侯")
        self.county.join(self.city)
        for n in range(3):
            self.county.publish(f"甲{n}")
        self.step()
        self.run = self.county.exchange.status()
        assert self.run.origin is not None and self.run.size == self.run.witnessed

    def step(self) -> None:
        """The county's next round, now."""
        self.county.exchange.worker._witness_again = 0.0
        self.county.exchange.worker.publish_once()

    def answer(self, error: WitnessError) -> None:
        """What the city answers from now on."""

        def refuse(_body: bytes) -> bytes:
            raise error

        self.city.exchange.witness.add_checkpoint = refuse  # type: ignore[method-assign]

    def note(self, size: int, root: bytes = ROOT, *, origin: str | None = None, signer: TestSite | None = None) -> str:
        """A checkpoint of the county's log."""
        assert self.run.origin is not None
        return sign_checkpoint(Checkpoint(origin or self.run.origin, size, root), (signer or self.county).exchange.context.keys.site)

    def held(self) -> str | None:
        """Whether the county's log rests."""
        with self.county.store.read() as conn:
            return restored(conn)

    def alarms(self) -> int:
        """How often the county's audit log says so."""
        with self.county.store.read() as conn:
            return len(conn.execute(select(c.audit.c.event).where(c.audit.c.event == "sync.doubt", c.audit.c.outcome == "alarm")).all())


def lies(pair: Pair) -> dict[str, WitnessError]:
    """Refusals that prove nothing."""
    origin, size = pair.run.origin, pair.run.size
    assert origin is not None

    def refusal(note: str = "", status: int = 409, number: int | None = 999_999_999) -> WitnessError:
        return WitnessError(status, zh="假", en="a lie", size=number, note=note)

    return {
        "a number": refusal(),
        "422": refusal(status=422),
        "another's signature": refusal(pair.note(size + 5, signer=pair.city)),
        "another log": refusal(pair.note(size + 5, origin=pair.city.exchange.status().origin or origin.replace(pair.county.node, pair.city.node))),
        "another epoch": refusal(pair.note(size + 5, origin=origin[:-1] + "2")),
        "nothing at all": refusal(pair.note(0, empty_root())),
        "a small number for ever": refusal(number=0),
    }


@pytest.mark.parametrize("lie", ["a number", "422", "another's signature", "another log", "another epoch", "nothing at all", "a small number for ever"])
def test_what_a_witness_merely_says_stops_nothing(make_site: MakeSite, lie: str) -> None:
    pair = Pair(make_site)
    honest = pair.city.exchange.witness.add_checkpoint
    pair.answer(lies(pair)[lie])
    id = pair.county.publish("乙")
    for _ in range(3):
        pair.step()
    assert pair.held() is None and pair.alarms() == 1  # said once, not in each round
    status = pair.county.exchange.status()
    assert status.doubt is not None and status.doubt.witness == pair.city.node and status.size > status.witnessed
    assert pair.county.exchange.worker._witness_pause > 30  # it is asked ever less often
    for _ in range(3):
        pair.city.exchange.worker.pull_once(pair.county.node)
    assert pair.city.record(id).provenance.proof == "signed"
    pair.city.exchange.witness.add_checkpoint = honest  # type: ignore[method-assign]
    pair.step()
    status = pair.county.exchange.status()
    assert status.doubt is None and status.size == status.witnessed


@pytest.mark.parametrize(("more", "status"), [(5, 409), (0, 409), (-1, 409), (0, 422)])
def test_its_own_signature_over_another_tree_holds_a_log_back(make_site: MakeSite, more: int, status: int) -> None:
    pair = Pair(make_site)
    pair.answer(WitnessError(status, zh="", en="", size=1, note=pair.note(pair.run.size + more)))
    pair.county.publish("乙")
    pair.county.exchange.logbook.append()
    pair.run = pair.county.exchange.status()
    pair.answer(WitnessError(status, zh="", en="", size=1, note=pair.note(pair.run.size + more)))
    pair.step()
    assert pair.held() == "witness"


def test_without_a_mark_a_bare_number_is_no_reason_to_rest_for_ever(make_site: MakeSite) -> None:
    pair = Pair(make_site)
    honest = pair.city.exchange.witness.add_checkpoint
    pair.answer(WitnessError(409, zh="", en="", size=10**9))
    (pair.county.folder / MARK).unlink()
    pair.county.exchange.recovery._sure = False
    pair.county.publish("乙")
    pair.step()
    assert pair.held() is None and pair.alarms() == 1 and pair.county.exchange.status().size == pair.run.size  # nothing is signed meanwhile
    pair.city.exchange.witness.add_checkpoint = honest  # type: ignore[method-assign]
    pair.county.exchange.recovery._again = 0.0
    pair.step()
    assert pair.county.exchange.status().witnessed > pair.run.size


def test_a_witness_shows_the_checkpoint_that_it_cosigned(make_site: MakeSite) -> None:
    pair = Pair(make_site)
    seen: list[tuple[int | None, str]] = []

    def again(size: int | None, note: str) -> bytes:
        seen.append((size, note))
        raise RolledBackError(zh="", en="")

    with pytest.raises(RolledBackError):
        pair.county.exchange.peers.add_checkpoint(pair.city.node, again, f"old 0\n\n{pair.note(pair.run.size + 1)}".encode())
    ((size, note),) = seen
    assert size == pair.run.size and note == only_own(note) and note.startswith(f"{pair.run.origin}\n{size}\n")
