"""An index to find the newest cosignature, which every request asks for (PROTOCOL 6.5)."""

from alembic import op
from sqlalchemy import inspect

from sync.tables import run

revision = "s0003"
down_revision = "s0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    conn = op.get_bind()  # a new database has it from the first revision, which makes every table of sync.tables
    if "sync_run_cosigned" not in {index["name"] for index in inspect(conn).get_indexes("sync_run")}:
        next(index for index in run.indexes if index.name == "sync_run_cosigned").create(conn)


def downgrade() -> None:
    raise NotImplementedError("a site goes back by restoring its backup")
