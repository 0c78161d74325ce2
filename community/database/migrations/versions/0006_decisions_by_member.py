"""decisions have one index, by member"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("decisions_pkey", "decisions")
    op.drop_index("decisions_member", "decisions")
    op.create_primary_key("decisions_pkey", "decisions", ["member_id", "at", "id"])
