"""terms, coupons, lives; proposals with their rows; several goals, ten places a class"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lives",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("speaker", sa.Text(), server_default="", nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("materials", sa.Text(), nullable=True),
        sa.Column("announce_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("coupon", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_at > starts_at AND window_until_at >= ends_at", name="lives_span"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("lives_window", "lives", ["window_until_at"], unique=False)
    op.create_table(
        "redemptions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reverses", sa.BigInteger(), nullable=True),
        sa.Column("term_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reverses", name="redemptions_reversed_once"),
    )
    op.create_index("redemptions_code", "redemptions", ["code", "member_id"], unique=False)
    op.create_index("redemptions_member", "redemptions", ["member_id"], unique=False)
    op.create_table(
        "coupons",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("offer", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("opens", sa.Text(), nullable=True),
        sa.Column("plans", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("minimum_minor", sa.BigInteger(), nullable=True),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("first_n", sa.Integer(), nullable=True),
        sa.Column("redeemed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("valid_from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('percent', 'amount', 'price', 'opens')", name="coupons_kind"),
        sa.CheckConstraint("redeemed >= 0 AND (first_n IS NULL OR redeemed <= first_n)", name="coupons_first_n"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index(
        "coupons_member", "coupons", ["member_id"], unique=False, postgresql_where=sa.text("member_id IS NOT NULL")
    )
    op.create_table(
        "live_attendances",
        sa.Column("live_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registered_by", sa.Text(), nullable=True),
        sa.Column("watched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("watched_by", sa.Text(), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["live_id"], ["lives.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("live_id", "member_id"),
    )
    op.create_index("live_attendances_member", "live_attendances", ["member_id"], unique=False)
    op.create_table(
        "live_questions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("live_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["live_id"], ["lives.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("live_questions_live", "live_questions", ["live_id", "at"], unique=False)
    op.create_table(
        "plan_rows",
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("goals", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("goal_since_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("context", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("promotional", sa.Boolean(), nullable=False),
        sa.Column("exempt", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gates", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("plan_id", "number"),
        sa.UniqueConstraint("plan_id", "member_id", "step", "occurrence", name="plan_rows_intent"),
    )
    op.create_index("plan_rows_member", "plan_rows", ["member_id"], unique=False)
    op.create_table(
        "survey_answers",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("survey", sa.String(), nullable=False),
        sa.Column("occurrence", sa.String(), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("member_id", "survey", "occurrence"),
    )
    op.create_table(
        "terms",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("trial", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counted_from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.CheckConstraint("(paid_minor IS NULL) = (currency IS NULL)", name="terms_paid"),
        sa.CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="terms_span"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "terms_end",
        "terms",
        ["ends_at"],
        unique=False,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index("terms_member", "terms", ["member_id", "line", "ends_at"], unique=False)
    op.create_index("terms_start", "terms", ["starts_at"], unique=False, postgresql_where=sa.text("revoked_at IS NULL"))
    op.add_column("messages", sa.Column("goals", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column("messages", sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("late_s", sa.Integer(), server_default="0", nullable=False))
    op.execute("UPDATE messages SET goals = ARRAY[goal] WHERE goal IS NOT NULL")
    op.drop_column("messages", "goal")
    op.execute("UPDATE messages SET lane = lane * 10 + 5")  # ten places for each class
    op.create_index(
        "milestones_signs",
        "milestones",
        ["kind", "last_at"],
        unique=False,
        postgresql_include=["member_id"],
        postgresql_where=sa.text("kind::text = ANY ('{message,private,reaction,click,button,start,answer}'::text[])"),
    )
    op.add_column("plans", sa.Column("kind", sa.Text(), server_default="run", nullable=False))
    op.add_column("plans", sa.Column("since_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("plans", sa.Column("hash", sa.Text(), nullable=True))
    op.add_column("plans", sa.Column("decide_by_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("plans", sa.Column("decision", sa.Text(), nullable=True))
    op.add_column("plans", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("plans", sa.Column("decided_by", sa.Text(), nullable=True))
    op.add_column("plans", sa.Column("decided_how", sa.Text(), nullable=True))
    op.add_column("plans", sa.Column("note", sa.Text(), server_default="", nullable=False))
    op.add_column("plans", sa.Column("run_id", sa.Text(), nullable=True))
    op.create_index("plans_hash", "plans", ["hash"], unique=True, postgresql_where=sa.text("hash IS NOT NULL"))
    op.create_index(
        "plans_open", "plans", ["stage"], unique=False, postgresql_where=sa.text("state in ('proposed', 'approved')")
    )
    op.create_index("plans_run", "plans", ["run_id"], unique=False, postgresql_where=sa.text("run_id IS NOT NULL"))
    op.create_check_constraint("plans_kind", "plans", "kind in ('run', 'approval', 'backfill')")
    op.add_column("follow_ups", sa.Column("occurrence", sa.Text(), nullable=True))
    op.add_column("follow_ups", sa.Column("done_by", sa.Text(), nullable=True))
    op.add_column("follow_ups", sa.Column("outcome", sa.Text(), server_default="", nullable=False))
    op.create_index("follow_ups_once", "follow_ups", ["member_id", "kind", "occurrence"], unique=True)
    op.create_index("follow_ups_open", "follow_ups", ["due_at"], postgresql_where=sa.text("done_at IS NULL"))
    # Its rows are written again, judged and executed: with room in their page the indexes need not be told.
    op.execute("ALTER TABLE plan_rows SET (fillfactor = 50)")
