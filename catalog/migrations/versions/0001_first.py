"""The first schema: every table of catalog.tables and the rows of `counter`."""

from alembic import op

from catalog.tables import counter, metadata

revision = "c0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTERS = ("writer", "position", "audit", "policy", "stamp", "grant", "account", "code", "index")


def upgrade() -> None:
    metadata.create_all(op.get_bind())
    op.bulk_insert(counter, [{"name": name, "n": 0} for name in COUNTERS])


def downgrade() -> None:
    raise NotImplementedError("a site goes back by restoring its backup")
