"""days of members have one index: a member's are found by skipping through it"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("member_days_member", "member_days")
