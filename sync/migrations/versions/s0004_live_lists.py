"""Live lists, and how far each reader has them (PROTOCOL 3.6)."""

from alembic import op
from sqlalchemy import BigInteger, Column, inspect

from sync.tables import live

revision = "s0004"
down_revision = "s0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    conn = op.get_bind()  # a new database has all of it from the first revision, which makes every table of sync.tables
    live.create(conn, checkfirst=True)
    present = {column["name"] for column in inspect(conn).get_columns("sync_view_out")}
    for name in ("live", "sent_live"):
        if name not in present:
            op.add_column("sync_view_out", Column(name, BigInteger))


def downgrade() -> None:
    raise NotImplementedError("a site goes back by restoring its backup")
