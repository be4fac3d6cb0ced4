"""Reads `cases:` of a policy file, and the `cases.yaml` that holds the actors, records and rows which they name."""

from collections.abc import Mapping as MappingOf

from policies.actor import Actor
from policies.errors import ActorError
from policies.model import Case, World
from policies.reading import Notes
from policies.sentences import SentenceError, read_time
from policies.terms import attributes_of_terms
from policies.values import reader
from policies.vocabulary import ACTIONS, Attribute
from policies.yamltree import Mapping, Node, Scalar, Sequence

CASE_KEYS = ("actor", "record", "may", "rows", "files", "granted", "zone", "channel", "at")
WORLD_KEYS = ("actors", "records", "rows", "node", "at")
#: In a case, stands for each actor of cases.yaml in turn.
ANYONE = "anyone"


class CaseReader:
    """Reads cases.

    Args:
        vocabulary: Attributes by name.
        notes: Where problems go.
    """

    def __init__(self, vocabulary: MappingOf[str, Attribute], notes: Notes) -> None:
        self.vocabulary = vocabulary
        self.notes = notes

    def world(self, node: Node) -> World:
        """Reads a cases.yaml."""
        world = World()
        mapping = self.notes.mapping(node, "cases.yaml", WORLD_KEYS)
        if mapping is None:
            return world
        world.node = self.notes.text(mapping.get("node"), "node") or world.node
        world.at = self._time(mapping.get("at")) or world.at
        for name, entry in self._entries(mapping.get("actors"), "actors"):
            if (actor := self._actor(entry)) is not None:
                world.actors[name] = actor
        for name, entry in self._entries(mapping.get("records"), "records"):
            world.records[name] = self._record(entry)
        for name, entry in self._entries(mapping.get("rows"), "rows"):
            record = self.notes.text(entry.get("of"), "of")
            if entry.get("of") is None:
                self.notes.problem(entry.place, "a row says of which record: 'of: name'", "每行须写明属于哪条记录：“of: 名称”")
            elif record is not None and record not in world.records:
                self.notes.problem(entry.place, f"there is no record '{record}'", f"没有“{record}”这条记录")
            else:
                world.rows[name] = (record or "", self._attributes(entry, "row", skip=("of",)))
        return world

    def case(self, node: Node, world: World, shipped: bool) -> Case | None:
        """Reads one line of `cases`; what is wrong is noted."""
        before = len(self.notes.problems)
        mapping = self.notes.mapping(node, "cases", CASE_KEYS)
        if mapping is None:
            return None
        for key in ("actor", "record", "may"):
            if mapping.get(key) is None:
                self.notes.problem(mapping.place, f"a case needs '{key}'", f"案例缺少“{key}”")
        actor = self._one_of(mapping, "actor", (*world.actors, ANYONE))
        record = self._one_of(mapping, "record", world.records)
        may = frozenset(self.notes.words(mapping.get("may"), "action", ACTIONS))
        own_rows = [name for name, (of, _) in world.rows.items() if of == record]
        rows = None if mapping.get("rows") is None else tuple(self.notes.words(mapping.get("rows"), "row", own_rows))
        files = self.notes.yes_no(mapping.get("files"), "files")
        granted = self.notes.yes_no(mapping.get("granted"), "granted") or False
        zone = self._one_of(mapping, "zone", self.vocabulary["env.zone"].codes or ())
        channel = self.notes.text(mapping.get("channel"), "channel")
        at = self._time(mapping.get("at"))
        if len(self.notes.problems) > before or actor is None or record is None:
            return None
        return Case(actor, record, may, mapping.place, rows, files, granted, zone, channel, at, shipped)

    def _entries(self, node: Node | None, what: str) -> list[tuple[str, Mapping]]:
        mapping = self.notes.mapping(node, what)
        found = [] if mapping is None else [(key.text, self.notes.mapping(value, key.text)) for key, value in mapping.entries.values()]
        return [(name, entry) for name, entry in found if entry is not None]

    def _one_of(self, mapping: Mapping, key: str, known: "tuple[str, ...] | MappingOf[str, object] | frozenset[str]") -> str | None:
        node = mapping.get(key)
        text = self.notes.text(node, key)
        if text is None or not isinstance(node, Scalar):
            return None
        return text if self.notes.known(Scalar(text, node.place), key, tuple(known)) else None

    def _time(self, node: Node | None) -> int | None:
        text = self.notes.text(node, "at")
        if text is None or node is None:
            return None
        try:
            return read_time(text)
        except SentenceError as error:
            self.notes.problem(node.place, error.en, error.zh)
            return None

    def _actor(self, entry: Mapping) -> Actor | None:
        values = self._attributes(entry, "actor")
        roles = values.pop("roles", None)
        if isinstance(roles, tuple):
            values["roles"] = frozenset(roles)
        values.setdefault("kind", "public")
        try:
            return Actor(**values)  # type: ignore[arg-type]
        except ActorError as error:
            self.notes.problem(entry.place, error.en, error.zh)
            return None

    def _record(self, entry: Mapping) -> dict[str, object]:
        """Reads a record's attributes; `variants` is name → names that it is coarser than, `terms` a small manifest's terms."""
        values: dict[str, object] = {"own": True, **self._attributes(entry, "record", skip=("variants", "own", "terms"))}
        if (own := self.notes.yes_no(entry.get("own"), "own")) is not None:
            values["own"] = own
        variants = self.notes.mapping(entry.get("variants"), "variants")
        if variants is not None:
            values["variants"] = {key.text: tuple(s.text for s in self.notes.scalars(node, key.text)) for key, node in variants.entries.values()}
        terms = self.notes.mapping(entry.get("terms"), "terms", ("audience", "purposes", "until", "onward"))
        if terms is not None:
            values.update(attributes_of_terms(self._terms(terms)))
        return values

    def _terms(self, terms: Mapping) -> dict[str, object]:
        out: dict[str, object] = {}
        audience = self.notes.mapping(terms.get("audience"), "audience", ("nodes", "divisions"))
        if audience is not None:
            out["audience"] = {key.text: [s.text for s in self.notes.scalars(node, key.text)] for key, node in audience.entries.values()}
        if terms.get("purposes") is not None:
            out["purposes"] = [s.text for s in self.notes.scalars(terms.get("purposes"), "purposes")]
        out["until"] = self._time(terms.get("until"))
        out["onward"] = self.notes.yes_no(terms.get("onward"), "onward")
        return out

    def _attributes(self, entry: Mapping, side: str, skip: tuple[str, ...] = ()) -> dict[str, object]:
        known = {a.key: a for a in self.vocabulary.values() if a.side == side and not a.internal}
        out: dict[str, object] = {}
        for key, node in entry.entries.values():
            if key.text in skip or not self.notes.known(key, f"{side} attribute", (*known, *skip)):
                continue
            attribute = known[key.text]
            raw = self._raw(attribute, node)
            if raw is not None and reader(attribute)(raw) is None:
                self.notes.problem(node.place, f"{attribute.name} cannot be '{raw}'", f"{attribute.name} 不能是“{raw}”")
            out[key.text] = raw
        return out

    def _raw(self, attribute: Attribute, node: Node) -> object:
        if attribute.many:
            return tuple(s.text for s in self.notes.scalars(node, attribute.key)) if not (isinstance(node, Sequence) and not node.items) else ()
        if attribute.kind == "time":
            return self._time(node)
        return self.notes.text(node, attribute.key)
