"""The first schema of the exchange: every table of sync.tables."""

from alembic import op

from sync.tables import metadata

revision = "s0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    raise NotImplementedError("a site goes back by restoring its backup")
