"""What the twin sites hold. Every site holds the same records, made in the same order with the same ids, keys, salts and clock; one of them holds one *thing*
more, or has other content in one hidden place:

| letter | thing |
|---|---|
| R | a record that policy denies to discover, with rows, geometry and a file, published between others |
| C | what is hidden of a record that may only be discovered: fields, rows, file |
| F | hidden and masked fields and a hidden resource of a record that may be read |
| r | a row that a row filter hides, far away from the others |
| c | a hidden column |
| m | what a mask covers |
| g | an exact geometry behind a variant, and a hidden geometry column |
| f | a file that is withheld because rows of it are hidden |
| W | a record like R that was withdrawn, and of which somebody is writing a new version |
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from catalog.drafts import Draft
from catalog.ids import mint_id, new_nonce
from catalog.rows import Column, RowChanges
from node.actors import local_actor
from node.site import Site
from tests.leaks.fate import NOON, fated

THINGS = "RCFrcmgfW"
NAMES = {"R": "record", "C": "card", "F": "field", "r": "row", "c": "column", "m": "mask", "g": "geometry", "f": "file", "W": "withdrawn"}
#: Stands only in what is hidden.
NEEDLE = "Zaubernadel"

_RULES = """\
- rule: needle
  deny: discover
  what: record.theme has administration
  {unless}
  because: {{zh: 试验, en: a test}}
- rule: listed
  deny: [read, count]
  what: record.theme has imagery
  {unless}
  because: {{zh: 仅列目录, en: only listed}}
- rule: wetlands
  constrain: read
  what: record.theme has wetland
  {unless}
  then: {{hide: [summary, lineage, license, contact_phone, resources.inner], mask: {{contact_name: surname}}}}
  because: {{zh: 试验, en: a test}}
- rule: licences
  constrain: data
  what: record.theme has minerals
  {unless}
  then: {{hide: [reserves], mask: {{holder: surname}}, only rows: row.status is active}}
  because: {{zh: 试验, en: a test}}
- rule: wells
  constrain: data
  what: record.theme has groundwater
  {unless}
  then: {{use variant: grid-1km}}
  because: {{zh: 试验, en: a test}}
- rule: shapes
  constrain: data
  what: record.theme has boundaries
  {unless}
  then: {{hide: [shape]}}
  because: {{zh: 试验, en: a test}}
"""


def policy(included: list[str], *, restricting: bool = True) -> str:
    """The site's policy: the shipped defaults and the rules that hide the things; without those rules it is the control of what peers get."""
    head = f"policy: site\ninclude: [{', '.join(included)}]\n"
    return head + "rules:\n" + _RULES.format(unless="unless: actor.roles has officer") if restricting else head


#: Fields that every record has unless it says otherwise; one without `code` would take the next of a counter.
_FIELDS: Mapping[str, Any] = {
    "category": "3/07/011", "sharing": {"type": "unconditional", "method": "platform"}, "opening": {"open": True}, "grade": "general",
    "territory": ["510107"], "issued": "2026-01-05", "update_cycle": "daily", "responsible_person": "王", "responsible_office": "科", "approval": "ok",
    "impact_assessment": "ok", "contact_name": "李明", "bbox": ["103", "30", "104", "31"], "time": ["2020-01-01", "2020-12-31"], "kind": "dataset",
    "summary": {"zh": "试验", "en": "a test"}, "keywords": {"en": ["common"]},
    "provider": {"name": {"zh": "武侯", "en": "Wuhou"}},
}  # fmt: skip
_TABLE = {"title": {"en": "Table"}, "kind": "database", "rows": True, "key": ["a"], "format": "csv"}

#: What the withheld file of the licences holds in the twin that differs in it.
_FILE = b"C-1,Quellwort"


def point(x: float, y: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [x, y]}


@dataclass
class Filled:
    """What was put into a site.

    Attributes:
        names: what stands for `{…}` in probes.
        veiled: manifest hashes and digests of files over hidden content: excepted by name, since they are what a proof is made of.
    """

    names: dict[str, str] = field(default_factory=dict)
    veiled: set[str] = field(default_factory=set)


class Filling:
    """Puts everything into one site; `thing` is the letter in which it differs, or `` for the site where the thing does not exist."""

    def __init__(self, site: Site, thing: str) -> None:
        self._site = site
        self._thing = thing
        self._actor = local_actor(site.identity)
        self._clock = NOON
        self.filled = Filled()

    def differs(self, letter: str) -> bool:
        return self._thing == letter

    def all(self) -> Filled:
        """Everything, in the same order at each site."""
        for number in range(3):
            self._plain(f"plain-{number}")
        self._card()
        self._needle()
        self._plain("plain-between")
        self._gone()
        self._wetland()
        self._licences()
        self._wells()
        self._shapes()
        self._plain("plain-last")
        self.filled.names |= {"org": self._site.identity.node, "hidden": "4242", "masked": "王乙", "word": "Quellwort", "needle_word": NEEDLE}
        self.filled.names |= {"guess_file": _sha256(_FILE), "guess_listed": _sha256(b"Quellwort")}
        return self.filled

    # --- records -----------------------------------------------------------------------------------------------------------------------

    def _plain(self, name: str) -> None:
        rows = [{"a": str(n), "b": "x", "shape": point(103.5, 30.5)} for n in range(2)]
        columns = (Column("a", "text", nullable=False), Column("b", "text"), Column("shape", "geometry"))
        self._put(name, {"theme": ["land"], "resources.rows": _TABLE}, RowChanges(columns=columns, key=("a",), geometry="point", puts=rows))

    def _needle(self) -> None:
        """R: the record that must look absent; it alone has its theme, provider, keyword, format, license, year, place."""
        fields = {
            "title": {"zh": NEEDLE, "en": NEEDLE}, "summary": {"en": NEEDLE}, "theme": ["administration"], "keywords": {"en": [NEEDLE]},
            "provider": {"name": {"en": NEEDLE}, "code": "11510107MB1234567Q"}, "kind": "map", "license": "odbl-1.0", "issued": "1999-01-01",
            "territory": ["510104"], "bbox": ["120", "40", "121", "41"], "time": ["1990-01-01", "1990-12-31"], "update_cycle": "monthly",
            "resources.rows": {**_TABLE, "format": "gpkg"},
        }  # fmt: skip
        columns = (Column("a", "text", nullable=False), Column("shape", "geometry"))
        changes = RowChanges(columns=columns, key=("a",), geometry="point", puts=[{"a": NEEDLE, "shape": point(120.5, 40.5)}])
        file = b"the needle's own file"
        if self.differs("R"):
            self._put("needle", fields, changes, file=file)
            with fated("needle's draft", self._clock), self._site.store.write() as tx:
                self._site.writer.edit(tx, self.filled.names["needle_urn"], {"summary": {"en": "an edit of the needle"}}, self._actor)
            return
        with fated("needle", self._clock):  # the id that it would have
            id = mint_id(self._site.identity.node, new_nonce())
        self._clock += 60
        self._name("needle", id)
        self.filled.names["needle_file"] = _sha256(file)

    def _gone(self) -> None:
        """W: a hidden record that was withdrawn."""
        if not self.differs("W"):
            with fated("gone", self._clock):
                id = mint_id(self._site.identity.node, new_nonce())
            self._clock += 60
            self._name("gone", id)
            return
        rows = RowChanges(columns=(Column("a", "text", nullable=False),), key=("a",), puts=[{"a": NEEDLE}])
        self._put("gone", {"theme": ["administration"], "title": {"en": NEEDLE}, "resources.rows": _TABLE}, rows)
        for step in ("withdraw", "edit"):
            with fated(f"gone: {step}", self._clock), self._site.store.write() as tx:
                if step == "withdraw":
                    self._site.writer.withdraw(tx, self.filled.names["gone_urn"], "a test", self._actor)
                else:
                    self._site.writer.edit(tx, self.filled.names["gone_urn"], {"summary": {"en": "an edit of what is gone"}}, self._actor)

    def _card(self) -> None:
        """C: a record that may only be discovered."""
        other = self.differs("C")
        fields: dict[str, Any] = {"theme": ["imagery"], "resources.rows": {**_TABLE, "format": "gpkg" if other else "csv"}}
        if other:
            fields |= {
                "summary": {"en": "made from the Quellwort"}, "license": "odbl-1.0", "bbox": ["110", "20", "111", "21"], "time": ["1980-01-01", "1980-12-31"],
                "contact_phone": "028-4242", "lineage": {"en": "Quellwort"}, "contact_name": "王乙", "scale": "5000",
            }  # fmt: skip
        columns = (Column("a", "text", nullable=False), Column("b", "text"))
        rows = [{"a": "1", "b": "4242" if other else "1000"}, *([{"a": "2", "b": "x"}] if other else [])]
        self._put("listed", fields, RowChanges(columns=columns, key=("a",), puts=rows), file=b"Quellwort" if other else b"something", veil=True)

    def _wetland(self) -> None:
        """F: hidden and masked fields."""
        other = self.differs("F")
        inner = {"title": {"en": "Quellwort" if other else "inner"}, "kind": "file", "format": "pdf" if other else "csv", "url": "https://example.org/"}
        fields: dict[str, Any] = {"theme": ["wetland"], "contact_name": "王乙" if other else "王甲", "resources.inner": inner}
        if other:
            fields |= {
                "summary": {"en": "made from the Quellwort"}, "lineage": {"en": "Quellwort"}, "license": "odbl-1.0", "contact_phone": "028-4242",
            }  # fmt: skip
        self._put("wetland", fields, None, veil=True)

    def _licences(self) -> None:
        """r, c, m, f: a layer with a hidden column, a masked one, hidden rows, and the original file of it all."""
        columns = (
            Column("licence_number", "text", nullable=False), Column("mineral", "text"), Column("holder", "text"), Column("reserves", "integer"),
            Column("status", "text"), Column("shape", "geometry"),
        )  # fmt: skip
        rows = [
            {
                "licence_number": "C-1", "mineral": "煤", "holder": "王乙" if self.differs("m") else "王甲", "reserves": 4242 if self.differs("c") else 1000,
                "status": "active", "shape": point(103.2, 30.2),
            },
            {"licence_number": "C-2", "mineral": "铁", "holder": "李某", "reserves": 2000, "status": "active", "shape": point(103.3, 30.3)},
            {"licence_number": "C-3", "mineral": "铜", "holder": "赵某", "reserves": 20, "status": "secret", "shape": point(103.4, 30.4)},
        ]  # fmt: skip
        if self.differs("r"):
            rows.append({"licence_number": "C-15", "mineral": NEEDLE, "holder": "孙某", "reserves": 5, "status": "secret", "shape": point(110.5, 20.5)})
        table = {**_TABLE, "key": ["licence_number"]}
        changes = RowChanges(columns=columns, key=("licence_number",), geometry="point", puts=rows)
        # Of one size: the size of a withheld file is told, as a part of the resource's one disclosed field.
        file = _FILE if self.differs("f") else b"C-1,something"
        self._put("licences", {"theme": ["minerals"], "resources.rows": table}, changes, file=file, veil=True)

    def _wells(self) -> None:
        """g: exact places behind a grid."""
        columns = (Column("a", "text", nullable=False), Column("depth", "decimal"), Column("shape", "geometry"))
        there = point(110.1234, 20.5678) if self.differs("g") else point(103.1234, 30.5678)
        exact = RowChanges(columns=columns, key=("a",), geometry="point", puts=[{"a": "1", "depth": "4242" if self.differs("g") else "10", "shape": there}])
        grid = RowChanges(columns=columns, key=("a",), geometry="point", puts=[{"a": "1", "depth": "10", "shape": point(103, 30)}])
        variant = {"title": {"en": "grid"}, "kind": "rows"}
        self._put("wells", {"theme": ["groundwater"], "resources.rows": _TABLE, "variants.grid-1km": variant}, exact, variants={"grid-1km": grid})

    def _shapes(self) -> None:
        """g: a hidden column of geometry."""
        columns = (Column("a", "text", nullable=False), Column("b", "text"), Column("shape", "geometry"))
        rows = [{"a": "1", "b": "x", "shape": point(110.1, 20.1) if self.differs("g") else point(103.1, 30.1)}]
        self._put("shapes", {"theme": ["boundaries"], "resources.rows": _TABLE}, RowChanges(columns=columns, key=("a",), geometry="point", puts=rows))

    # --- steps -------------------------------------------------------------------------------------------------------------------------

    def _put(
        self, name: str, fields: Mapping[str, Any], rows: RowChanges | None, *, file: bytes | None = None, variants: Mapping[str, RowChanges] | None = None,
        veil: bool = False,
    ) -> None:  # fmt: skip
        """Publishes one record. `veil`: its hashes are over hidden content that differs."""
        site, digest = self._site, None
        whole: dict[str, Any] = {**_FIELDS, "title": {"zh": name, "en": name}, "code": f"3/07/011/{name}", **fields}
        if rows is not None:
            whole["items"] = [column.as_item() for column in rows.columns or ()]
        with fated(name, self._clock):
            if file is not None:
                stored = site.objects.put(BytesIO(file), media_type="text/csv")
                digest = stored.sha256
                whole["resources.original"] = {
                    "title": {"en": "Original"}, "kind": "file", "format": "csv", "media_type": "text/csv", "sha256": digest, "size": len(file),
                }  # fmt: skip
            with site.store.write() as tx:
                if digest is not None:
                    site.objects.note(tx, digest, media_type="text/csv")
                id = site.writer.add_draft(tx, Draft(whole, secrecy="public", slug=name), self._actor)
                for variant, changes in {**({} if rows is None else {"": rows}), **(variants or {})}.items():
                    with fated(f"{name} rows {variant}", self._clock):  # one row more draws one salt more
                        site.writer.put_rows(tx, id, variant, changes, self._actor)
                done = site.writer.publish(tx, id, self._actor)
        self._clock += 60
        self._name(name, id)
        if veil:
            self.filled.veiled |= {done.manifest_hash.hex(), *([] if digest is None else [digest])}
        if digest is not None:
            self.filled.names[f"{name}_file"] = digest

    def _name(self, name: str, id: str) -> None:
        self.filled.names |= {name: name, f"{name}_urn": id, f"{name}_uuid": id.rpartition(":")[2]}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
