"""Every table of a site's database, for SQLite and PostgreSQL alike.

One module, so that the schema can be read in one place; Alembic's first revision creates exactly this. Rules:

* Only `catalog.reader` and `catalog.writer` (and the modules that they are made of) and `sync` for its own tables touch these; no face does.
* Times are integer UTC seconds. Code and key columns compare by bytes (`COLLATE "C"` on PostgreSQL, binary on SQLite), text is NFC.
* `docno` *is* the writer's position: dense, in commit order, taken last in the write transaction from `counter`.
* NULL means absent *or* withheld; both are unknown to a policy (LANGUAGE 4). A list has members in `record_term` and its length in an `n_…` column of
  `record`: NULL there means that the list is absent, withheld or holds a foreign code, so that "has none of" cannot be proved.
"""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, SmallInteger, String, Table, Text, UniqueConstraint, text

metadata = MetaData()

#: Text that policies, keys and sorting compare: by bytes on both engines.
CODE = Text(collation="C").with_variant(Text(), "sqlite")
BIG = BigInteger().with_variant(Integer(), "sqlite")

meta = Table("meta", metadata, Column("key", String(64), primary_key=True), Column("value", Text, nullable=False))

#: What caches are keyed by, readable in one select (`catalog.store.State`). Rows: `position` of the newest change (taken last in each write transaction),
#: `audit` (its newest line), `policy` (the policy epoch), `stamp` (bumped when the set of stamped plans changes), `grant` and `account` (bumped when one
#: of theirs changes), `code` (sequence of national codes), `writer` (locked by each writer on PostgreSQL, as the lock file is on SQLite),
#: `segment` and `index` (search: the newest segment number, and changes of the list of segments; made by the first flush).
counter = Table("counter", metadata, Column("name", String(16), primary_key=True), Column("n", BIG, nullable=False))

# --- records ---------------------------------------------------------------------------------------------------------------------------

#: What this site is still writing: new records and edits of published ones. Never read by a face except the drafts' own pages.
draft = Table(
    "draft",
    metadata,
    Column("id", CODE, primary_key=True),
    Column("fields", Text, nullable=False),  # canonical JSON: field name → value
    Column("profile", CODE, nullable=False),  # for example core/1
    Column("secrecy", CODE),
    Column("terms", Text),  # canonical JSON or NULL
    Column("birth_nonce", LargeBinary, nullable=False),
    Column("base_version", Integer, nullable=False, default=0),
    Column("author", CODE),
    Column("slug", CODE),  # wished for by the author; the one in `slug` counts once published
    Column("attested", Text),  # canonical JSON: the mark of a harvested record, or NULL
    Column("modified", BIG, nullable=False),
)

#: What a record was made from, so that a second `add` of the same content makes no second record.
source = Table(
    "source",
    metadata,
    Column("digest", CODE, primary_key=True),
    Column("id", CODE, nullable=False, index=True),
    Column("source", Text),
    Column("time", BIG, nullable=False),
    Index("source_source", "source"),
)

#: Parts of files that could not be taken in while the rest was: see catalog/quarantine.py.
quarantine = Table(
    "quarantine",
    metadata,
    Column("n", Integer, primary_key=True),
    Column("file", CODE, nullable=False, index=True),  # absolute path
    Column("source", CODE, nullable=False, index=True),  # file and part, as in `source`
    Column("member", CODE, nullable=False, server_default=""),  # inside an archive
    Column("place", Text, nullable=False),  # canonical JSON: {"line": 5}, {"feature": 3}, {"path": "dataset[7]"}
    Column("record", CODE),  # whose row it is; NULL: a whole record
    Column("kind", CODE, nullable=False),
    Column("zh", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("time", BIG, nullable=False),
    Column("tries", Integer, nullable=False, server_default="1"),
    sqlite_autoincrement=True,
)

#: The readable name of each record, minted once and kept after the record is gone, so that it never means another one.
slug = Table("slug", metadata, Column("slug", CODE, primary_key=True), Column("id", CODE, nullable=False, unique=True))

#: The shown version of each record: own, received from peers, attested. Search's documents.
record = Table(
    "record",
    metadata,
    Column("docno", BIG, primary_key=True, autoincrement=False),
    Column("id", CODE, nullable=False, unique=True),
    Column("slug", CODE, nullable=False, unique=True),
    Column("origin", CODE, nullable=False),  # own | received | attested
    Column("source", CODE),  # peer (node id) whose holding is shown; NULL for own
    Column("authority", CODE, nullable=False),
    Column("manifest_hash", LargeBinary(32), nullable=False),
    Column("manifest", Text, nullable=False),  # bytes as received (canonical JSON, UTF-8)
    Column("fields", Text, nullable=False),  # canonical JSON of the disclosed fields
    Column("terms", Text),  # canonical JSON of the manifest's terms, or NULL
    Column("withheld", Text, nullable=False),  # canonical JSON list of the profile's field names not disclosed to this site
    Column("version", Integer, nullable=False),
    Column("time", BIG, nullable=False),  # of the manifest, for display
    Column("shown_at", BIG, nullable=False),  # when this site showed it
    # where it is proved (NULL until logged)
    Column("log", CODE),
    Column("epoch", Integer),
    Column("log_index", BIG),
    Column("proof", CODE),  # signed | cosigned
    Column("path", Text, nullable=False, server_default="[]"),  # canonical JSON: node ids it came through, origin first; [] for own
    # what policies compare
    Column("kind", CODE),
    Column("profile", CODE),
    Column("sharing", CODE),
    Column("opening", CODE),
    Column("secrecy", SmallInteger),
    Column("grade", SmallInteger),
    Column("level", SmallInteger),
    Column("division", CODE),
    Column("embargo", BIG),
    Column("issued", BIG),
    Column("terms_until", BIG),
    Column("onward", SmallInteger),
    Column("n_theme", Integer),
    Column("n_territory", Integer),
    Column("n_audience", Integer),
    Column("n_audience_nodes", Integer),
    Column("n_purposes", Integer),
    # what lists sort and filter by
    # formats: space-separated, folded
    Column("modified", BIG),
    Column("sort_title", CODE),
    Column("org", CODE),
    Column("year", SmallInteger),
    Column("formats", CODE),
    Column("west", Float),
    Column("south", Float),
    Column("east", Float),
    Column("north", Float),
    Column("time_from", BIG),
    Column("time_to", BIG),
    # the view signature (policy-language.md): counts only when stamp_epoch is the policy's epoch and valid_until is ahead
    Column("signature", Integer),
    Column("stamp_epoch", Integer),
    Column("valid_until", BIG),
    Index("record_modified", "modified"),
    Index("record_stamp", "stamp_epoch", "valid_until"),
    Index("record_signature", "signature", "docno"),
    Index("record_origin", "origin", "source"),
    Index("record_log", "log", "proof"),
)

#: Members of a record's lists: theme, territory, audience, audience_nodes, purposes.
record_term = Table(
    "record_term",
    metadata,
    Column("docno", BIG, ForeignKey("record.docno", ondelete="CASCADE"), primary_key=True),
    Column("attribute", String(24), primary_key=True),
    Column("value", CODE, primary_key=True),
    Index("record_term_value", "attribute", "value"),
)

#: docnos that search must no longer show (replaced or removed). `seq` is the position of the change that did it.
gone = Table("gone", metadata, Column("seq", BIG, primary_key=True, autoincrement=False), Column("docno", BIG, nullable=False))

#: One row for each position: what changed, for the log and the streams. `what`: record | remove | rows | policy.
change = Table(
    "change",
    metadata,
    Column("position", BIG, primary_key=True, autoincrement=False),
    Column("what", String(16), nullable=False),
    Column("id", CODE),
    Column("variant", CODE),
    Column("seq", BIG),  # rows: the batch number
    Column("manifest_hash", LargeBinary(32)),  # record: of the new version; own records enter the log by it
    Column("own", SmallInteger, nullable=False, default=0),
)

#: Every version that this node was authority for (or attested), never changed: manifest, all disclosures, and the policy attributes of that version.
version = Table(
    "version",
    metadata,
    Column("id", CODE, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("manifest_hash", LargeBinary(32), nullable=False, unique=True),
    Column("manifest", Text, nullable=False),
    Column("disclosures", Text, nullable=False),  # canonical JSON: name → disclosure text
    Column("attributes", Text, nullable=False),  # canonical JSON
    Column("position", BIG, nullable=False),
    Column("author", CODE),
    Column("note", Text),
)

# --- policy ----------------------------------------------------------------------------------------------------------------------------

policy_version = Table(
    "policy_version",
    metadata,
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("digest", CODE, nullable=False),
    Column("files", Text, nullable=False),  # canonical JSON: name → text
    Column("activated", BIG, nullable=False),
    Column("actor", CODE),
)

#: The disclosure plans in use: (what the policies can tell apart about an actor) × action.
plan = Table(
    "plan",
    metadata,
    Column("plan", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("key", CODE, nullable=False),
    Column("action", String(16), nullable=False),
    Column("actor", Text, nullable=False),  # canonical JSON of the actor, to stamp records without a request
    Column("stamped", SmallInteger, nullable=False, default=0),  # 1: every record's stamp speaks about it
    UniqueConstraint("epoch", "key", "action"),
)
signature = Table(
    "signature",
    metadata,
    Column("signature", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("digest", CODE, nullable=False),
    UniqueConstraint("epoch", "digest"),
)
signature_plan = Table(
    "signature_plan",
    metadata,
    Column("signature", Integer, primary_key=True),
    Column("plan", Integer, primary_key=True),
    Index("signature_plan_plan", "plan"),
)

grant = Table(
    "grant_",
    metadata,
    Column("grant", Integer, primary_key=True),
    Column("record", CODE, nullable=False),
    Column("node", CODE),
    Column("person", CODE),
    Column("purpose", CODE),
    Column("begins", BIG, nullable=False),
    Column("ends", BIG, nullable=False),
    Column("state", CODE, nullable=False),
    Index("grant_record", "record"),
)

# --- search (search.md) ----------------------------------------------------------------------------------------------------------------

posting = Table("posting", metadata, Column("k", BIG, primary_key=True, autoincrement=False), Column("data", LargeBinary, nullable=False))
segment = Table(
    "segment",
    metadata,
    Column("seg", Integer, primary_key=True, autoincrement=False),
    Column("lo", BIG, nullable=False),
    Column("hi", BIG, nullable=False),
    Column("dir", LargeBinary, nullable=False),
)
segment_col = Table(
    "segment_col",
    metadata,
    Column("seg", Integer, primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

# --- rows and objects ------------------------------------------------------------------------------------------------------------------

#: One entry for each table of rows; the rows themselves live in `rows_<n>` (catalog.rows).
row_table = Table(
    "row_table",
    metadata,
    Column("n", Integer, primary_key=True),
    Column("id", CODE, nullable=False),
    Column("variant", CODE, nullable=False, default=""),
    Column("columns", Text, nullable=False),  # canonical JSON list of columns
    Column("key", Text, nullable=False),  # canonical JSON list of key column names
    Column("geometry", CODE),  # geometry type or NULL
    Column("seq", BIG, nullable=False, default=0),  # newest batch
    Column("count", BIG, nullable=False, default=0),
    Column("west", Float),
    Column("south", Float),
    Column("east", Float),
    Column("north", Float),
    UniqueConstraint("id", "variant"),
)
row_batch = Table(
    "row_batch",
    metadata,
    Column("id", CODE, primary_key=True),
    Column("variant", CODE, primary_key=True),
    Column("seq", BIG, primary_key=True, autoincrement=False),
    Column("head", Text, nullable=False),  # bytes as published (canonical JSON)
    Column("position", BIG, nullable=False),
)
#: What each batch did, with before-images, until the slowest reader has passed (PROTOCOL 5.2).
row_change = Table(
    "row_change",
    metadata,
    Column("id", CODE, primary_key=True),
    Column("variant", CODE, primary_key=True),
    Column("seq", BIG, primary_key=True, autoincrement=False),
    Column("key", CODE, primary_key=True),
    Column("salt", LargeBinary),
    Column("row", Text),  # NULL row: removed
    Column("leaf", LargeBinary, nullable=False),  # leaf hash of the batch tree
    Column("before_salt", LargeBinary),
    Column("before_row", Text),
)
object_ = Table(
    "object",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BIG, nullable=False),
    Column("media_type", CODE),
    Column("state", String(16), nullable=False),
    Column("added", BIG, nullable=False),
)

# --- people, audit, jobs ---------------------------------------------------------------------------------------------------------------

user = Table(
    "user_",
    metadata,
    Column("login", CODE, primary_key=True),
    Column("name", Text, nullable=False),
    Column("unit", CODE),
    Column("roles", Text, nullable=False),
    Column("clearance", CODE, nullable=False),
    Column("password", Text),
    Column("state", String(16), nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", BIG),
    Column("created", BIG, nullable=False),
    Column("kind", String(16), nullable=False, default="person"),
    Column("sector", CODE),
    Column("division", CODE),
    Column("agency", CODE),
)
token = Table(
    "token",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("login", CODE, ForeignKey("user_.login", ondelete="CASCADE"), nullable=False),
    Column("label", Text, nullable=False),
    Column("created", BIG, nullable=False),
    Column("expires", BIG),
    Column("used", BIG),
    Column("purpose", CODE),
)
session = Table(
    "session",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("login", CODE, ForeignKey("user_.login", ondelete="CASCADE"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created", BIG, nullable=False),
    Column("seen", BIG, nullable=False),
    Column("expires", BIG, nullable=False),
)
#: Hash-chained: each line's `chain` is H(previous chain + line).
audit = Table(
    "audit",
    metadata,
    Column("seq", BIG, primary_key=True, autoincrement=False),
    Column("time", BIG, nullable=False),
    Column("event", CODE, nullable=False),
    Column("actor", CODE),
    Column("record", CODE),
    Column("outcome", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("chain", LargeBinary(32), nullable=False),
    Index("audit_event", "event", "time"),
    Index("audit_record", "record"),
    Index("audit_actor", "actor"),
)
job = Table(
    "job",
    metadata,
    Column("job", Integer, primary_key=True),
    Column("kind", CODE, nullable=False),
    Column("key", CODE),
    Column("payload", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("priority", Integer, nullable=False, default=0),
    Column("due", BIG, nullable=False),
    Column("lease_until", BIG),
    Column("fence", Integer, nullable=False, default=0),
    Column("owner", CODE),
    Column("attempts", Integer, nullable=False, default=0),
    Column("checkpoint", Text),
    Column("done", BIG),
    Column("total", BIG),
    Column("error", Text),
    Column("created", BIG, nullable=False),
    Column("ended", BIG),
    Column("cancel", SmallInteger, nullable=False, default=0),
    Index("job_due", "state", "due"),
    # One waiting and one running job for each kind and key: enqueuing again is a no-op, and a key never runs twice at once.
    Index("job_one_ready", "kind", "key", unique=True, sqlite_where=text("state = 'ready'"), postgresql_where=text("state = 'ready'")),
    Index("job_one_running", "kind", "key", unique=True, sqlite_where=text("state = 'running'"), postgresql_where=text("state = 'running'")),
)
