"""subscriptions that members begin and stop with us"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("renews", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("terms", sa.Column("renews", sa.Boolean(), server_default="false", nullable=False))
    op.create_table(
        "subscription_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("charge", sa.Text(), nullable=True),
        sa.Column("payer", sa.BigInteger(), nullable=True),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="asked", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("retry_wall", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("what in ('start', 'stop')", name="subscription_requests_what"),
        sa.CheckConstraint("state in ('asked', 'done', 'failed')", name="subscription_requests_state"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "subscription_requests_asked",
        "subscription_requests",
        ["what", "provider", "subscription"],
        unique=True,
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_index("subscription_requests_member", "subscription_requests", ["member_id"], unique=False)
    op.create_index("subscription_requests_of", "subscription_requests", ["provider", "subscription"], unique=False)
