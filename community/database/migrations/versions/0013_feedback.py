"""where a task's words were said, and tasks by kind and time"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("follow_ups", sa.Column("group_id", sa.BigInteger(), nullable=True))
    op.create_index("follow_ups_made", "follow_ups", ["kind", "created_at"], unique=False)
