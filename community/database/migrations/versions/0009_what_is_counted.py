"""what is counted: days, KPIs, experiments, reports; the variant of a message"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


# What was booked before it was asked when it happened: as its event says. Nobody but this changes the ledger.
HAPPENED = """
ALTER TABLE ledger_transactions DISABLE TRIGGER append_only;
UPDATE ledger_transactions t SET happened_at = least(
    t.at,
    (SELECT happened_at FROM provider_events e WHERE e.provider = t.provider AND e.event_id = t.event_id)
);
ALTER TABLE ledger_transactions ENABLE TRIGGER append_only;
"""


def upgrade() -> None:
    op.create_table(
        "ad_spend",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), server_default="", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("spent_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("impressions", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("clicks", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("spent_minor >= 0 AND impressions >= 0 AND clicks >= 0", name="ad_spend_positive"),
        sa.PrimaryKeyConstraint("day", "source", "campaign", "currency"),
    )
    op.create_table(
        "cohort_weeks",
        sa.Column("entered", sa.Date(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("active", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("entered", "week", "source"),
    )
    op.create_table(
        "counted",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("before", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "experiments",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("definition", JSONB(), server_default="{}", nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("winner", sa.Text(), nullable=True),
        sa.Column("result", JSONB(), server_default="{}", nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("state in ('running', 'proposed', 'applied', 'ended')", name="experiments_state"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(
        "experiments_open",
        "experiments",
        ["stage"],
        unique=False,
        postgresql_where=sa.text("state in ('running', 'proposed')"),
    )
    op.create_table(
        "kpi_values",
        sa.Column("kpi", sa.Text(), nullable=False),
        sa.Column("span", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("part", sa.Text(), server_default="", nullable=False),
        sa.Column("group_id", sa.BigInteger(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("currency", sa.Text(), server_default="", nullable=False),
        sa.Column("hits", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("base", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("middle_s", sa.Double(), nullable=True),
        sa.Column("high_s", sa.Double(), nullable=True),
        sa.CheckConstraint("span in ('day', 'week', 'month')", name="kpi_values_span"),
        sa.PrimaryKeyConstraint("kpi", "span", "since", "part", "group_id", "source", "currency"),
    )
    op.create_table(
        "late_days",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("late_days_day", "late_days", ["day"], unique=False)
    op.create_table(
        "member_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message", sa.Integer(), server_default="0", nullable=False),
        sa.Column("private", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reaction", sa.Integer(), server_default="0", nullable=False),
        sa.Column("click", sa.Integer(), server_default="0", nullable=False),
        sa.Column("button", sa.Integer(), server_default="0", nullable=False),
        sa.Column("start", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answer", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("day", "member_id", "group_id"),
    )
    op.create_index("member_days_member", "member_days", ["member_id", "day"], unique=False)
    op.create_table(
        "pictures",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", JSONB(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reports_of", "reports", ["kind", "since", "id"], unique=False)
    op.create_table(
        "spent_passes",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("until_wall", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "member_values",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("recency_days", sa.Integer(), nullable=False),
        sa.Column("frequency", sa.Integer(), nullable=False),
        sa.Column("money_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("recency", sa.SmallInteger(), nullable=False),
        sa.Column("often", sa.SmallInteger(), nullable=False),
        sa.Column("money", sa.SmallInteger(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member_id"),
    )
    op.create_index("member_values_segment", "member_values", ["segment"], unique=False)
    op.add_column("ledger_transactions", sa.Column("happened_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(HAPPENED)
    op.alter_column("ledger_transactions", "happened_at", nullable=False)
    op.create_index("ledger_transactions_happened", "ledger_transactions", ["happened_at"], unique=False)
    op.add_column("orders", sa.Column("credit_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "orders_upgrade", "orders", ["upgrade_of"], unique=False, postgresql_where=sa.text("upgrade_of IS NOT NULL")
    )
    op.create_index("orders_paid", "orders", ["paid_at"], unique=False, postgresql_where=sa.text("paid_at IS NOT NULL"))
    op.add_column("messages", sa.Column("variant", sa.Text(), nullable=True))
    op.add_column("plan_rows", sa.Column("template", sa.Text(), nullable=True))
    op.execute("UPDATE plan_rows r SET template = p.stage || '/' || r.step FROM plans p WHERE p.id = r.plan_id")
    op.alter_column("plan_rows", "template", nullable=False)
    op.add_column("plan_rows", sa.Column("variant", sa.Text(), nullable=True))
    op.create_index(
        "messages_variant",
        "messages",
        ["variant", "member_id"],
        unique=False,
        postgresql_where=sa.text("variant IS NOT NULL"),
    )
    op.create_index(
        "messages_sent",
        "messages",
        ["sent_at", "due_at"],
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
    )
    op.create_index(
        "messages_picture",
        "messages",
        ["id"],
        unique=False,
        postgresql_where=sa.text("method = 'sendPhoto' AND state in ('waiting', 'sending', 'failed', 'uncertain')"),
    )
