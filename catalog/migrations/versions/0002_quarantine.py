"""What intake sets aside, and an index to find what a file became."""

from alembic import op
from sqlalchemy import inspect

from catalog.tables import quarantine, source

revision = "c0002"
down_revision = "c0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    conn = op.get_bind()  # a new database has both from the first revision, which makes every table of catalog.tables
    quarantine.create(conn, checkfirst=True)
    if "source_source" not in {index["name"] for index in inspect(conn).get_indexes("source")}:
        next(index for index in source.indexes if index.name == "source_source").create(conn)


def downgrade() -> None:
    raise NotImplementedError("a site goes back by restoring its backup")
