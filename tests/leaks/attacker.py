"""An attacker who may ask five hundred questions of any kind, over every face, and goes by the answers: where is it, and whose is it?

It begins by taking what is open (*harvest*). Then it looks for *oracles*: questions whose answers tell two guesses apart that ought to differ (the world and an
empty corner of it; a surname that is there and one that is not). With each oracle that it finds it halves the world until one place is left, or goes through
names. Every technique gives its own guess, so that the controls can say which of them find the thing where no rule hides it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.leaks.asking import STREAM, Bench
from tests.leaks.made import Box, polygon
from tests.leaks.probes import probe

MOST = 500
#: How near a guess counts as found, in degrees.
NEAR = 0.01
WORLD: Box = (-180.0, -90.0, 180.0, 90.0)
#: Where nothing is.
NOWHERE: Box = (-30.0, -60.0, -29.0, -59.0)
_COUNTED = re.compile(rb'"(?:numberMatched|numberReturned|total|count)": ?(\d+)|numberOfRecordsMatched="(\d+)"')
_PAIR = re.compile(rb"(-?\d{1,3}\.\d+)\s*,\s*(-?\d{1,2}\.\d+)")
_NAME = re.compile("王[\u4e00-\u9fff]")
#: Second characters of names that are tried, beside the halving of all of them.
GIVEN = "甲乙丙丁伟芳娜敏静丽强磊军洋勇"

type Place = tuple[float, float]
type Signal = tuple[bytes, tuple[bytes, ...], int, int]


class SpentError(Exception):
    """No question is left."""


@dataclass
class Attacker:
    """Asks, and remembers.

    Attributes:
        login: as whom it asks the public listener and runs commands; it also holds the peer's keys.
        answers: everything it was told.
        places, names: technique → guess.
    """

    bench: Bench
    login: str
    answers: list[bytes] = field(default_factory=list)
    places: dict[str, list[Place]] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)

    # --- asking --------------------------------------------------------------------------------------------------------------------------

    def web(self, url: str, body: str | None = None) -> bytes:
        return self._told(lambda: self.bench.web(self.login, probe("", url, body)))

    def command(self, words: str) -> bytes:
        return self._told(lambda: self.bench.command(self.login, probe("", words)))

    def peer(self, url: str) -> bytes:
        return self._told(lambda: self.bench.as_peer(probe("", url)))

    def _told(self, ask: Callable[[], bytes]) -> bytes:
        if len(self.answers) >= MOST:
            raise SpentError
        self.answers.append(ask())
        return self.answers[-1]

    # --- where is it ---------------------------------------------------------------------------------------------------------------------

    def find_place(self, layer: str, only: str = "") -> None:
        """Looks for a feature of a layer.

        Args:
            layer: its name among the site's.
            only: a CQL2 condition that holds for that feature alone, as far as the attacker knows.
        """
        try:
            self.places["harvest"] = [(float(a), float(b)) for answer in self._open(layer) for a, b in _PAIR.findall(answer)]
            for name, oracle in place_oracles(self, layer, only):
                found = self._bisect(oracle)
                if found is not None:
                    self.places[name] = [found]
        except SpentError:
            pass

    def _bisect(self, oracle: Callable[[Box], bytes]) -> Place | None:
        nothing = signal(oracle(NOWHERE))
        if signal(oracle(WORLD)) == nothing:
            return None
        west, south, east, north = WORLD
        turn = 0
        while max(east - west, north - south) > NEAR / 2:
            west_half = (west, south, (west + east) / 2, north)
            south_half = (west, south, east, (south + north) / 2)
            half = west_half if turn % 2 == 0 else south_half
            here = signal(oracle(half)) != nothing
            if turn % 2 == 0:
                west, east = (west, half[2]) if here else (half[2], east)
            else:
                south, north = (south, half[3]) if here else (half[3], north)
            turn += 1
        return (west + east) / 2, (south + north) / 2

    # --- whose is it ---------------------------------------------------------------------------------------------------------------------

    def find_name(self, layer: str, only: str) -> None:
        """Looks for the name behind 王 in a layer's column `holder`."""
        try:
            self.names["harvest"] = {name for answer in self._open(layer) for name in _NAME.findall(answer.decode("utf-8", "replace"))}
            for name, halves in name_orders(self, layer, only):
                self.names[name] = self._halve_names(halves)
            for name, matches in name_oracles(self, layer, only):
                nothing = signal(matches("王\u9fa0"))
                self.names[name] = {guess for guess in (f"王{each}" for each in GIVEN) if signal(matches(guess)) != nothing}
        except SpentError:
            pass

    def _halve_names(self, at_least: Callable[[str], bytes]) -> set[str]:
        everything, nothing = signal(at_least("王\u4e00")), signal(at_least("\u9fff"))
        if everything == nothing:
            return set()
        low, high = 0x4E00, 0x9FFF
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if signal(at_least(f"王{chr(middle)}")) == everything else (low, middle)
        return {f"王{chr(low)}"}

    # --- what is open --------------------------------------------------------------------------------------------------------------------

    def _open(self, layer: str) -> Iterator[bytes]:
        items = f"/ogc/collections/{{{layer}}}"
        api = "/api/3/action/"
        for url in (
            items, f"{items}/items", f"{items}/items?f=html", f"{items}/items/1", f"{items}/items/C-1", f"{items}/items/C-15", f"{items}/queryables", f"{items}/schema",
            f"{items}/items?crs=http://www.opengis.net/def/crs/EPSG/0/4490", f"{items}/items?properties=holder", f"{items}/items?sortby=-holder",
            f"{items}/items?sortby=-licence_number&limit=1", f"/dataset/{{{layer}}}", f"/dataset/{{{layer}}}?view=table", f"/dataset/{{{layer}}}?view=map",
            f"/dataset/{{{layer}}}/receipt", f"/dataset/{{{layer}}}/file/original", f"{api}package_show?id={{{layer}}}",
            f"{api}datastore_search?resource_id={{{layer}_uuid}}-rows", f"{api}datastore_search?resource_id={{{layer}_uuid}}-rows&distinct=true&fields=holder",
            f"{api}datastore_search?resource_id={{{layer}_uuid}}-rows&fields=shape", f"{api}datastore_info?id={{{layer}_uuid}}-rows",
            f"{api}datastore_search?resource_id={{{layer}_uuid}}-rows&records_format=csv", f"/datastore/dump/{{{layer}_uuid}}-rows",
            f"/csw/?service=CSW&version=2.0.2&request=GetRecordById&id={{{layer}_urn}}&elementSetName=full&outputSchema=http://www.isotc211.org/2005/gmd",
            f"{api}package_autocomplete?q=王", f"{api}tag_autocomplete?query=王", f"{api}package_search?q=王&facet.field=[\"tags\"]", "/?q=王",
        ):  # fmt: skip
            yield self.web(url)
        for words in (
            f"show {{{layer}}} --json",
            f"receipt {{{layer}}}",
            f"edit {{{layer}}} title.en={{{layer}}}",
            "search 王 --json",
            "search --drafts --json",
        ):
            yield self.command(words)
        for url in (STREAM, f"/peer/v1/rows/{{{layer}_urn}}/-", f"/peer/v1/rows/{{{layer}_urn}}/"):
            yield self.peer(url)


def signal(answer: bytes) -> Signal:
    """What an attacker goes by: status, numbers of things, rows of tables, features. The rest of an answer repeats the question."""
    return answer[:3], tuple(a or b for a, b in _COUNTED.findall(answer)), answer.count(b"<td"), answer.count(b'"Feature"')


type PlaceOracle = tuple[str, Callable[[Box], bytes]]
type NameOracle = tuple[str, Callable[[str], bytes]]


def place_oracles(a: Attacker, layer: str, only: str) -> Iterator[PlaceOracle]:
    """Questions about a box, of every kind that there is."""
    items = f"/ogc/collections/{{{layer}}}/items?"
    also, sole = (f"&filter={only}", f" AND {only}") if only else ("", "")

    def text(box: Box) -> str:
        return ",".join(f"{each:.6f}" for each in box)

    def cql(op: str, box: Box) -> bytes:
        return a.web(f"{items}filter={op}(shape,{polygon(box)}){sole}&resulttype=hits")

    def json(box: Box) -> bytes:
        west, south, east, north = box
        ring = f"[[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]]"
        return a.web(
            f"{items}filter-lang=cql2-json&resulttype=hits&limit=1",
            f'{{{{"op": "s_intersects", "args": [{{{{"property": "shape"}}}}, {{{{"type": "Polygon", "coordinates": {ring}}}}}]}}}}',
        )

    yield "bbox", lambda box: a.web(f"{items}bbox={text(box)}{also}")
    yield "hits", lambda box: a.web(f"{items}bbox={text(box)}&resulttype=hits{also}")
    yield "intersects", lambda box: cql("S_INTERSECTS", box)
    yield "within", lambda box: cql("S_WITHIN", box)
    yield "outside", lambda box: cql("NOT S_DISJOINT", box)
    yield "json", json
    yield "page", lambda box: a.web(f"{items}bbox={text(box)}&f=html{also}")
    yield "sorted", lambda box: a.web(f"{items}bbox={text(box)}&sortby=-{'licence_number' if only else 'a'}&limit=1{also}")
    yield "datasets", lambda box: a.web(f"/api/3/action/package_search?rows=0&fq=name:{{{layer}}}&ext_bbox={text(box)}")
    yield (
        "records",
        lambda box: a.web(
            "/csw/?service=CSW&version=2.0.2&request=GetRecords&typeNames=csw:Record&resultType=hits&elementSetName=brief&constraintLanguage=CQL_TEXT"
            f"&constraint=dc:identifier='{{{layer}_urn}}' AND BBOX(ows:BoundingBox,{text(box)})"
        ),
    )
    yield "search", lambda box: a.command(f"search --json --bbox={text(box)}")


def name_orders(a: Attacker, layer: str, only: str) -> Iterator[NameOracle]:
    """Questions whether the name is at least this."""
    items = f"/ogc/collections/{{{layer}}}/items?"
    yield "order", lambda name: a.web(f"{items}filter={only} AND holder>='{name}'&resulttype=hits")
    yield "between", lambda name: a.web(f"{items}filter={only} AND holder BETWEEN '{name}' AND '龥'")
    yield "not below", lambda name: a.web(f"{items}filter={only} AND NOT (holder<'{name}')")


def name_oracles(a: Attacker, layer: str, only: str) -> Iterator[NameOracle]:
    """Questions whether it is this name."""
    items, rows = f"/ogc/collections/{{{layer}}}/items?", f"/api/3/action/datastore_search?resource_id={{{layer}_uuid}}-rows"
    yield "filter", lambda name: a.web(f"{items}filter={only} AND holder='{name}'&resulttype=hits")
    yield "prefix", lambda name: a.web(f"{items}filter={only} AND holder LIKE '{name}%25'")
    yield "query", lambda name: a.web(f"{items}holder={name}")
    yield "rows", lambda name: a.web(f'{rows}&filters={{{{"holder":"{name}"}}}}')
    yield "words", lambda name: a.web(f"{rows}&q={name}")
    yield "portal", lambda name: a.web(f"/dataset/{{{layer}}}?view=table&column=holder&value={name}")
    yield "datasets", lambda name: a.web(f"/api/3/action/package_search?rows=0&q={name}")
    yield "suggestions", lambda name: a.web(f"/api/3/action/package_autocomplete?q={name}")
    yield (
        "records",
        lambda name: a.web("/csw/?service=CSW&version=3.0.0&request=GetRecords&typeNames=csw:Record&elementSetName=brief&resultType=hits&q=" + name),
    )
    yield "search", lambda name: a.command(f"search --json {name}")
