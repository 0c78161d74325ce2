"""index of the message contexts that retention will empty"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "messages_context",
        "messages",
        ["settled_wall"],
        unique=False,
        postgresql_where=sa.text("context <> '{}' AND state in ('sent', 'expired', 'cancelled')"),
    )
