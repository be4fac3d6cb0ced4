"""Messages are told apart by caller and id, not by id alone: else one peer could keep another's from being taken (PROTOCOL 7)."""

from alembic import op
from sqlalchemy import inspect, text

from sync.tables import message

revision = "s0002"
down_revision = "s0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    conn = op.get_bind()
    if inspect(conn).get_pk_constraint("sync_message")["constrained_columns"] != ["id"]:
        return  # a new database has it so from the first revision, which makes every table of sync.tables
    op.rename_table("sync_message", "sync_message_by_id")
    message.create(conn)
    conn.execute(text("INSERT INTO sync_message (peer, id, kind, body, received) SELECT peer, id, kind, body, received FROM sync_message_by_id"))
    op.drop_table("sync_message_by_id")


def downgrade() -> None:
    raise NotImplementedError("a site goes back by restoring its backup")
