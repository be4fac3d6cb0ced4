"""The tables of the exchange, in the same database as the catalog's, so that a batch and its cursor are one transaction.

`node` composes the schema: it hands `[catalog.tables.metadata, sync.tables.metadata]` to the migration runner. Rules:

* Only `sync` touches these; no face does. Nothing here refers to a table of the catalog by foreign key: the packages meet in the writer.
* Bytes that somebody signed or hashed (manifests, disclosures, heads, notes, statements) are kept as received, as text.
* A run of covers is named once in `sync_run` and by its small number everywhere else.
* Everything about one peer hangs on its node id: what we send it (`outlet`, `stream`, `view_out`) and what we have of it (`inlet`, `run`, `holding`).
"""

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, SmallInteger, String, Table, Text, UniqueConstraint

from catalog.tables import BIG, CODE

metadata = MetaData()

#: Small state of the loops: logged position, streamed position, policy epoch that was swept … (integers as text).
state = Table("sync_state", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False))

# --- logs ------------------------------------------------------------------------------------------------------------------------------

#: One run of covers of one log: the own log of each epoch (source ''), and each view of another's log that a peer gives us. Runs of one log from two
#: sources are kept apart, because nothing proves them consistent with each other but the witness; a relay proves from one run at a time.
run = Table(
    "sync_run",
    metadata,
    Column("run", Integer, primary_key=True),
    Column("origin", CODE, nullable=False),  # terrace/1/<node>/<zone>/<epoch>
    Column("node", CODE, nullable=False),
    Column("zone", CODE, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("source", CODE, nullable=False, default=""),  # the peer; '' for the own log
    Column("view", CODE, nullable=False, default=""),  # the peer's name for this run
    Column("size", BIG, nullable=False, default=0),
    Column("root", LargeBinary(32)),
    Column("note", Text),  # signed note of that size, with the cosignature when there is one
    Column("cosigned", BIG),  # time of its cosignature; NULL: only signed
    Column("witnessed", BIG, nullable=False, default=0),  # size of the newest cosigned note
    Column("changed", BIG, nullable=False, default=0),  # when the note last changed
    UniqueConstraint("origin", "source", "view"),
    Index("sync_run_node", "node", "zone"),
    Index("sync_run_cosigned", "cosigned"),
)

#: Hashes of perfect subtrees: of the own logs all, of others what the covers brought and what follows from it.
tree_node = Table(
    "sync_node",
    metadata,
    Column("run", Integer, primary_key=True),
    Column("level", SmallInteger, primary_key=True),
    Column("at", BIG, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)

#: The own log's entries, in order.
leaf = Table(
    "sync_leaf",
    metadata,
    Column("run", Integer, primary_key=True),
    Column("at", BIG, primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),  # record | rows | live | pad
    Column("id", CODE),
    Column("variant", CODE),
    Column("seq", BIG),
    Column("digest", LargeBinary(32)),  # record: hash of the manifest
    Column("body", Text),  # bytes behind the header line where no other table keeps them: live object, pad
    Column("live", SmallInteger, nullable=False, default=1),  # 0 = superseded by a later leaf
    Index("sync_leaf_id", "id", "variant", "seq"),
    Index("sync_leaf_digest", "digest"),
)

#: Where each batch of rows of another authority is proved, for each source.
row_leaf = Table(
    "sync_row_leaf",
    metadata,
    Column("source", CODE, primary_key=True),
    Column("id", CODE, primary_key=True),
    Column("variant", CODE, primary_key=True),
    Column("seq", BIG, primary_key=True, autoincrement=False),
    Column("run", Integer, nullable=False),
    Column("at", BIG, nullable=False),
    Column("head", Text, nullable=False),
)

#: Newest live lists (PROTOCOL 3.6): of the own log, and of others' as their runs prove them. An older one stays until the bitmap of the newer is here.
live = Table(
    "sync_live",
    metadata,
    Column("run", Integer, primary_key=True),
    Column("at", BIG, primary_key=True, autoincrement=False),
    Column("origin", CODE, nullable=False),
    Column("size", BIG, nullable=False),  # leaves that it covers
    Column("time", BIG, nullable=False),
    Column("body", Text, nullable=False),
    Column("bits", LargeBinary),  # NULL: not fetched yet
    Index("sync_live_origin", "origin", "at"),
)

#: What this site as a witness has cosigned for each log: the state that no later checkpoint may contradict.
witnessed = Table(
    "sync_witnessed",
    metadata,
    Column("origin", CODE, primary_key=True),
    Column("size", BIG, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("time", BIG, nullable=False),
    Column("note", Text, nullable=False),
)

# --- trust -----------------------------------------------------------------------------------------------------------------------------

#: Signed statements, in the order in which this site came to know them (`GET statements?since=` counts by `seq`).
statement = Table(
    "sync_statement",
    metadata,
    Column("seq", BIG, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("kind", CODE, nullable=False),
    Column("iss", CODE, nullable=False),
    Column("sub", CODE),
    Column("zone", CODE),
    Column("jws", Text, nullable=False),
    Column("source", CODE),
    Column("received", BIG, nullable=False),
    Index("sync_statement_sub", "sub"),
)

#: The neighbours: those whose stream we read and who may read ours.
peer = Table(
    "sync_peer",
    metadata,
    Column("node", CODE, primary_key=True),
    Column("relation", String(12), nullable=False),  # superior | subordinate | side
    Column("url", Text, nullable=False),  # base address of its /peer/v1 listener; '' when it only calls us
    Column("name", Text, nullable=False),  # canonical JSON language map
    Column("state", String(12), nullable=False),  # active | paused | quarantined
    Column("witness", SmallInteger, nullable=False, default=0),  # it cosigns our checkpoints
    Column("added", BIG, nullable=False),
    Column("contact", BIG),
    Column("error", Text),
    Column("error_at", BIG),
)

#: Invitations that this site gave, and joins that wait for a clerk's confirmation (PROTOCOL: joining).
invite = Table(
    "sync_invite",
    metadata,
    Column("secret", String(64), primary_key=True),  # sha256 of the one-time secret
    Column("created", BIG, nullable=False),
    Column("expires", BIG, nullable=False),
    Column("limits", Text, nullable=False),  # canonical JSON: what `certify` will say at most
    Column("state", String(12), nullable=False),  # open | posted | confirmed | refused
    Column("node", CODE),
    Column("request", Text),
    Column("answer", Text),
)

#: Messages from peers, idempotent by (caller, id).
message = Table(
    "sync_message",
    metadata,
    Column("peer", CODE, primary_key=True),
    Column("id", CODE, primary_key=True),
    Column("kind", CODE, nullable=False),
    Column("body", Text, nullable=False),
    Column("received", BIG, nullable=False),
)

# --- what we send (PROTOCOL: stream) ---------------------------------------------------------------------------------------------------

#: The state of the stream to one peer.
outlet = Table(
    "sync_outlet",
    metadata,
    Column("peer", CODE, primary_key=True),
    Column("gen", String(24), nullable=False),  # random; new when the stream table is made anew
    Column("pos", BIG, nullable=False, default=0),  # newest position given out
    Column("served", BIG, nullable=False, default=0),  # highest position sent, stored before sending
    Column("acked", BIG, nullable=False, default=0),  # cursor of the newest request
    Column("total", LargeBinary(32), nullable=False),  # sum of the fingerprints of all PUTs, mod 2^256 (PROTOCOL 4.6)
    Column("sweep", Text),  # canonical JSON of a sweep under way: {phase, after}; NULL: none
    Column("full", SmallInteger, nullable=False, default=0),
    Column("full_to", BIG, nullable=False, default=0),  # a full read under way; where it ends
    Column("actor", CODE),  # digest of the actor for which the stream was judged
)

#: The latest state of each record (part '') and of each table of rows (part 'rows:<variant>') for one peer.
stream = Table(
    "sync_stream",
    metadata,
    Column("peer", CODE, primary_key=True),
    Column("id", CODE, primary_key=True),
    Column("part", CODE, primary_key=True),
    Column("pos", BIG, nullable=False),
    Column("state", String(8), nullable=False),  # PUT | REMOVE | TOMB; of rows ROWS | RESET
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("first", BIG, nullable=False),  # position of the first PUT since the peer last held nothing
    Column("seq", BIG, nullable=False, default=0),
    Column("had", BIG, nullable=False, default=0),  # rows: newest batch sent and acknowledged
    Column("goal", BIG, nullable=False, default=0),  # rows: newest batch that is to be sent
    Column("at", BIG, nullable=False, default=0),  # rows: position under which `seq` was sent, 0 when that is acknowledged
    Column("anew", SmallInteger, nullable=False, default=0),  # rows: 1 while the peer must forget what it has before the next batch
    Column("filter", LargeBinary(32)),  # rows: digest of the row filter under which they were sent
    UniqueConstraint("peer", "pos"),
)

#: When a decision about one record for one peer may change by the clock alone.
due = Table(
    "sync_due",
    metadata,
    Column("peer", CODE, primary_key=True),
    Column("id", CODE, primary_key=True),
    Column("at", BIG, nullable=False),
    Index("sync_due_at", "peer", "at"),
)

#: The run of covers of one log that one reader follows: sizes acknowledged and last sent.
view_out = Table(
    "sync_view_out",
    metadata,
    Column("peer", CODE, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("view", String(24), nullable=False),
    Column("size", BIG, nullable=False, default=0),  # acknowledged
    Column("sent", BIG, nullable=False, default=0),
    Column("sent_pos", BIG, nullable=False, default=0),
    Column("cosigned", BIG),
    Column("sent_cosigned", BIG),  # time of the cosignature acknowledged and sent
    Column("chain", LargeBinary(32)),
    Column("live", BIG),
    Column("sent_live", BIG),  # place of the newest live list acknowledged and sent
    Column("sent_chain", LargeBinary(32)),  # digest of the statements behind the log, acknowledged and sent
)

# --- what we hold ----------------------------------------------------------------------------------------------------------------------

#: Where we are in the stream of one peer.
inlet = Table(
    "sync_inlet",
    metadata,
    Column("peer", CODE, primary_key=True),
    Column("gen", String(24)),
    Column("cursor", BIG, nullable=False, default=0),
    Column("round", BIG, nullable=False, default=0),  # number of the full read; holdings of earlier rounds go when one ends
    Column("full", SmallInteger, nullable=False, default=1),  # 1 while a full read is under way
    Column("total", LargeBinary(32), nullable=False),  # sum of the fingerprints of what is live from this source in this round (PROTOCOL 4.6)
    Column("held", BIG, nullable=False, default=0),  # records that a full read left out and the safety stop keeps
    Column("head", Text),
    Column("applied", BIG),
)

#: What each source last told us about each record (PROTOCOL: holdings are per source).
holding = Table(
    "sync_holding",
    metadata,
    Column("source", CODE, primary_key=True),
    Column("id", CODE, primary_key=True),
    Column("run", Integer, nullable=False),
    Column("at", BIG, nullable=False),
    Column("place", Integer, nullable=False, default=0),
    Column("epoch", Integer, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),  # hash of the manifest
    Column("manifest", Text, nullable=False),
    Column("disclosures", Text, nullable=False),  # canonical JSON: name → disclosure text
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("tomb", SmallInteger, nullable=False, default=0),
    Column("round", BIG, nullable=False, default=0),
    Index("sync_holding_id", "id"),
    Index("sync_holding_run", "run", "at"),
)

#: The highest order (PROTOCOL 4.7) that each source gave of each record, and, with source '', that was shown: kept when the record goes, so that neither a
#: relay nor a slower second path can bring an older version back (invariant I6).
floor = Table(
    "sync_floor",
    metadata,
    Column("source", CODE, primary_key=True),
    Column("id", CODE, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("at", BIG, nullable=False),
)

#: The rows that each source gives us: newest batch applied.
row_inlet = Table(
    "sync_row_inlet",
    metadata,
    Column("source", CODE, primary_key=True),
    Column("id", CODE, primary_key=True),
    Column("variant", CODE, primary_key=True),
    Column("seq", BIG, nullable=False, default=0),
    Column("digest", CODE),  # newest batch applied; digest of its head, NULL after a reset
    Column("round", BIG, nullable=False, default=0),
    Column("feeds", SmallInteger, nullable=False, default=0),  # 1: the rows that are shown come from here
)

#: Which records name a file: for `GET objects`.
object_use = Table(
    "sync_object_use", metadata, Column("sha256", String(64), primary_key=True), Column("id", CODE, primary_key=True), Index("sync_object_use_id", "id")
)

#: Objects that a record held here names, and how far their fetching has come.
object_want = Table(
    "sync_object_want",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("source", CODE, primary_key=True),
    Column("id", CODE, nullable=False),
    Column("size", BIG),
    Column("media_type", CODE),
    Column("state", String(12), nullable=False),  # wanted | failed | held | skipped
    Column("due", BIG, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error", Text),
    Index("sync_object_due", "state", "due"),
)

#: Batches that were refused, kept for a person to look at.
quarantine = Table(
    "sync_quarantine",
    metadata,
    Column("n", Integer, primary_key=True),
    Column("peer", CODE, nullable=False),
    Column("time", BIG, nullable=False),
    Column("kind", CODE, nullable=False),
    Column("clause", CODE),
    Column("digest", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("batch", Text),
)
