"""Many made-up records in a site's table, with everything that policies compare, as fast as the database takes them.

They are put in as rows, not through the writer: what the benches of reading need is the table `record`, and a million records by the writer would be a bench of
their own (`load`).
"""

import random
from collections.abc import Iterator
from itertools import batched
from typing import Any

import orjson
from sqlalchemy import insert, update

from catalog.attributes import policy_attributes, record_columns, record_terms
from catalog.codes import code_list
from catalog.store import Store
from catalog.tables import counter, record, record_term
from tests.catalog.search_corpus import DOMAINS, make_records

#: Of the vocabulary's themes, as many as the corpus has domains: a closed list knows no others.
THEMES = sorted(code_list("themes").codes)[: len(DOMAINS)]
_AT_ONCE = 5000

type Row = tuple[dict[str, Any], list[tuple[str, str]]]


def rows_of(count: int) -> Iterator[Row]:
    """The records of the search corpus, with everything that policies compare; the same in each run."""
    r = random.Random(7)
    themes = dict(zip(DOMAINS, THEMES, strict=False))
    for row, terms in make_records(count):
        fields = {
            **orjson.loads(row["fields"]),
            "kind": row["kind"],
            "theme": [themes.get(value, THEMES[0]) for name, value in terms if name == "theme"],
            "territory": [row["division"]],
            "sharing": {"type": r.choice(["unconditional", "unconditional", "conditional", "withheld"])},
            "opening": {"open": r.random() < 0.8},
            "grade": r.choice(["general", "important"]),
            "issued": f"{row['year']}-0{r.randint(1, 9)}-15",
            "contact_name": "张三",
            "contact_phone": "028-12345678",
            "x.remark": "made up",
        }
        secrecy = r.choice(["public", "public", "public", "internal"])
        manifest = {"id": row["id"], "authority": row["authority"], "profile": "core/1", "secrecy": secrecy, "terms": None}
        attributes = policy_attributes(manifest, fields, level="county", division=row["division"], own=True)
        columns = record_columns(attributes, fields, row["modified"] or 1_600_000_000)
        edges = {name: row[name] for name in ("west", "south", "east", "north")}
        kept = {"fields": orjson.dumps(fields).decode(), "manifest": orjson.dumps(manifest).decode(), "signature": None, "stamp_epoch": None}
        yield {**row, **columns, **edges, **kept}, record_terms(attributes)


def fill(store: Store, count: int) -> None:
    """Puts records into the table of a new site, some thousands in a transaction: memory does not grow with their number."""
    for part in batched(enumerate(rows_of(count), 1), _AT_ONCE):
        rows = [{"docno": n, **row} for n, (row, _) in part]
        terms = [{"docno": n, "attribute": attribute, "value": value} for n, (_, members) in part for attribute, value in members]
        with store.write() as tx:
            tx.conn.execute(insert(record), rows)
            tx.conn.execute(insert(record_term), terms)
            tx.conn.execute(update(counter).where(counter.c.name == "position").values(n=rows[-1]["docno"]))
