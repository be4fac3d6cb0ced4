"""The cells: which probe is asked of which site as whom, and what makes a cell fail."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.leaks import probes_ckan, probes_ogc, probes_other, probes_portal
from tests.leaks.asking import Bench
from tests.leaks.probes import Probe, asked

#: Who may know nothing of the things.
WEB_ACTORS = ("public", "agency", "clerk")
COMMAND_ACTORS = ("agency", "clerk", "supervisor", "auditor")
#: Who may: the controls.
WEB_CONTROL, COMMAND_CONTROL, PEER, PEER_CONTROL = "officer", "local", "peer", "peer without the rules"
#: Commands that would change a site if they were let: asked after everything else.
CHANGING = ("publish", "withdraw", "edit")

type Cell = tuple[str, str, Probe]
type Answers = dict[Cell, bytes]


def web_probes() -> Iterator[Probe]:
    for table in (probes_portal.ROUTES, probes_ogc.ROUTES, {"csw.csw": probes_ogc.CSW}, probes_ckan.DUMPS, probes_ckan.ACTIONS, {"": probes_ckan.REFUSED}):
        yield from asked(table)


def command_probes(*, changing: bool) -> Iterator[Probe]:
    for name, probes in probes_other.COMMANDS.items():
        if (name in CHANGING) is changing:
            yield from probes


def peer_probes() -> Iterator[Probe]:
    for probes in probes_other.PEER.values():
        yield from probes


def every_probe() -> Iterator[Probe]:
    yield from web_probes()
    yield from command_probes(changing=False)
    yield from command_probes(changing=True)
    yield from peer_probes()


def ask(bench: Bench, letters: str) -> Answers:
    """Asks a site everything, as everyone.

    Args:
        letters: things whose controls are asked, too.
    """

    def controls(probe: Probe) -> bool:
        return not set(letters).isdisjoint(probe.finds)

    out: Answers = {}
    for probe in web_probes():
        for actor in (*WEB_ACTORS, *([WEB_CONTROL] if controls(probe) else [])):
            out[actor, "web", probe] = bench.web(actor, probe)
    for probe in peer_probes():
        out[PEER, "peers", probe] = bench.as_peer(probe)
    for changing in (False, True):
        for probe in command_probes(changing=changing):
            for actor in COMMAND_ACTORS:
                out[actor, "command", probe] = bench.command(actor, probe)
            if not changing and controls(probe):
                out[COMMAND_CONTROL, "command", probe] = bench.command(COMMAND_CONTROL, probe)
    bench.unrestrict()
    for probe in filter(controls, peer_probes()):
        out[PEER_CONTROL, "peers", probe] = bench.as_peer(probe)
    for probe in filter(controls, command_probes(changing=True)):
        out[COMMAND_CONTROL, "command", probe] = bench.command(COMMAND_CONTROL, probe)
    return out


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
    for (actor, face, probe), answer in having.items():
        same = answer == without[actor, face, probe]
        if actor in (WEB_CONTROL, COMMAND_CONTROL, PEER_CONTROL):
            if same and letter in probe.finds:
                found.blind.append(f"{actor}: {probe}")
            continue
        found.cells += letter in probe.finds
        found.others += letter not in probe.finds
        if not same:
            found.leaks.append(f"{actor}: {probe}\n{difference(without[actor, face, probe], answer)}")
    return found


def difference(without: bytes, having: bytes) -> str:
    """The first place in which two answers differ."""
    at = next((i for i, (a, b) in enumerate(zip(without, having, strict=False)) if a != b), min(len(without), len(having)))
    return f"  without …{without[max(at - 80, 0) : at + 120]!r}\n  having  …{having[max(at - 80, 0) : at + 120]!r}"
