"""The cells: which probe is asked of which site as whom, and what makes a cell fail."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from tests.leaks import made, probes_ckan, probes_csw, probes_ogc, probes_other, probes_portal
from tests.leaks.asking import Bench
from tests.leaks.probes import Probe, asked

#: Who may know nothing of the things.
WEB_ACTORS = ("public", "agency", "clerk", "auditor")
COMMAND_ACTORS = ("agency", "clerk", "supervisor", "auditor")
#: Who may: the controls.
WEB_CONTROL, COMMAND_CONTROL, PEER, PEER_CONTROL = "officer", "local", "peer", "peer without the rules"
#: Commands that would change a site if they were let: asked after everything else.
CHANGING = ("publish", "withdraw", "edit")

type Cell = tuple[str, str, Probe]
type Answers = dict[Cell, bytes]


@dataclass(frozen=True)
class Extent:
    """How much is asked. What is written by hand is always asked as everyone.

    Attributes:
        forms: of how many probes of each endpoint the further forms are asked (HEAD, conditions, ranges, …).
        made: of the probes that were made by rule, each so-manieth.
        few: who asks those.
        one: who asks about what has nothing to do with a thing.
    """

    forms: int
    made: int
    few: tuple[str, ...]
    one: tuple[str, ...]

    def web(self) -> Iterator[Probe]:
        tables = (probes_portal.ROUTES, probes_ogc.ROUTES, {"csw.csw": probes_csw.CSW}, probes_ckan.DUMPS, probes_ckan.ACTIONS, {"": probes_ckan.REFUSED})
        return once([each for table in tables for each in asked(table, forms=self.forms)], islice(made.web(), 0, None, self.made))

    def commands(self, *, changing: bool) -> Iterator[Probe]:
        written = [probe for name, probes in probes_other.COMMANDS.items() if (name in CHANGING) is changing for probe in probes]
        return once(written, () if changing else islice(made.commands(), 0, None, self.made))


#: A request to a site on PostgreSQL takes three to five times as long, and most of what is asked is the same program on both engines.
USUAL = {"sqlite": Extent(3, 1, ("public", "clerk"), ("clerk",)), "postgresql": Extent(1, 3, ("clerk",), ())}
#: The whole run: 25,000 cells and 36,000 answers compared on SQLite (five minutes of one core), 11,800 on PostgreSQL.
WHOLE = {"sqlite": Extent(1_000_000, 1, (*WEB_ACTORS, *COMMAND_ACTORS), ("clerk",)), "postgresql": Extent(1_000_000, 3, ("agency", "clerk"), ())}


def peer_probes() -> Iterator[Probe]:
    for probes in probes_other.PEER.values():
        yield from probes


def once(*given: Iterable[Probe]) -> Iterator[Probe]:
    """Each question once: those made by rule repeat some that are written."""
    seen = set()
    for probes in given:
        for probe in probes:
            if str(probe) not in seen:
                seen.add(str(probe))
                yield probe


@dataclass
class Asking:
    """What is asked of a site.

    Attributes:
        bench: the site.
        letters: things whose probes are asked as everyone, with controls.
        extent: how much of it.
        known: answers of the site without things: what was made by rule, and whose control finds nothing, is asked no further.
    """

    bench: Bench
    letters: str
    extent: Extent
    known: Answers = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)

    def finds(self, probe: Probe) -> bool:
        return not set(self.letters).isdisjoint(probe.finds)

    def actors(self, probe: Probe, everyone: tuple[str, ...]) -> tuple[str, ...]:
        if not self.finds(probe):
            return () if probe.finds else self.extent.one
        return everyone if probe.sure else tuple(actor for actor in self.extent.few if actor in everyone)

    def all(self) -> Answers:
        """Asks it all."""
        for probe in self.extent.web():
            self._ask(probe, "web", self.bench.web, WEB_ACTORS, WEB_CONTROL)
        for probe in peer_probes():
            self.answers[PEER, "peers", probe] = self.bench.as_peer(probe)
        for probe in self.extent.commands(changing=False):
            self._ask(probe, "command", self.bench.command, COMMAND_ACTORS, COMMAND_CONTROL)
        for probe in self.extent.commands(changing=True):
            self._ask(probe, "command", self.bench.command, COMMAND_ACTORS, None)
        self.bench.unrestrict()
        for probe in filter(self.finds, peer_probes()):
            self.answers[PEER_CONTROL, "peers", probe] = self.bench.as_peer(probe)
        for probe in filter(self.finds, self.extent.commands(changing=True)):
            self.answers[COMMAND_CONTROL, "command", probe] = self.bench.command(COMMAND_CONTROL, probe)
        return self.answers

    def _ask(self, probe: Probe, face: str, ask: Callable[[str, Probe], bytes], everyone: tuple[str, ...], control: str | None) -> None:
        if control is not None and self.finds(probe):
            found = ask(control, probe)
            if not probe.sure and found == self.known.get((control, face, probe)):
                return
            self.answers[control, face, probe] = found
        for actor in self.actors(probe, everyone):
            self.answers[actor, face, probe] = ask(actor, probe)


@dataclass
class Findings:
    """What comparing two sites showed.

    Attributes:
        cells: (actor, probe) pairs of which a control proves that the probe can find the thing. others: those without one.
        leaks: cells whose answers differ, with the place.
        blind: controls that found nothing.
    """

    cells: int = 0
    others: int = 0
    leaks: list[str] = field(default_factory=list)
    blind: list[str] = field(default_factory=list)


def compare(without: Answers, having: Answers, letter: str) -> Findings:
    """Compares the site without a thing to its twin that has it."""
    found = Findings()
    controls = {PEER_CONTROL, WEB_CONTROL, COMMAND_CONTROL}
    found_by = {probe for (actor, face, probe), answer in having.items() if actor in controls and answer != without[actor, face, probe]}
    for (actor, face, probe), answer in having.items():
        if actor in controls:
            if probe.sure and letter in probe.finds and probe not in found_by:
                found.blind.append(f"{actor}: {probe}")
            continue
        counts = letter in probe.finds and probe in found_by
        found.cells += counts
        found.others += not counts
        if answer != without[actor, face, probe]:
            found.leaks.append(f"{actor}: {probe}\n{difference(without[actor, face, probe], answer)}")
    return found


def difference(without: bytes, having: bytes) -> str:
    """The first place in which two answers differ."""
    at = next((i for i, (a, b) in enumerate(zip(without, having, strict=False)) if a != b), min(len(without), len(having)))
    return f"  without …{without[max(at - 80, 0) : at + 120]!r}\n  having  …{having[max(at - 80, 0) : at + 120]!r}"
