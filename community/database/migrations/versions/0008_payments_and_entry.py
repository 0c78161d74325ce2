"""what providers say, orders, payments, the ledger; ways into groups, and out again"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# What was written stands: whoever was wrong writes the opposite besides.
APPEND_ONLY = """
CREATE OR REPLACE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % of %', lower(TG_OP), TG_TABLE_NAME
        USING HINT = 'write a transaction that takes it back';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
"""
# Asked when it is committed, as a transaction's entries come one after the other.
BALANCED = """
CREATE OR REPLACE FUNCTION ledger_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ledger_entries WHERE transaction_id = NEW.transaction_id
        GROUP BY currency HAVING sum(amount_minor) <> 0
    ) THEN
        RAISE EXCEPTION 'ledger transaction % does not balance', NEW.transaction_id;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger_balanced();
"""


def upgrade() -> None:
    op.create_table(
        "ledger_transactions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("charge", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("provider", "charge", "what", "version", name="ledger_transactions_once"),
    )
    op.create_index("ledger_transactions_at", "ledger_transactions", ["at"], unique=False)
    op.create_table(
        "provider_events",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("charge", sa.Text(), nullable=True),
        sa.Column("also", sa.Text(), nullable=True),
        sa.Column("order_number", sa.Text(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("payer", sa.BigInteger(), nullable=True),
        sa.Column("subscription", sa.Text(), nullable=True),
        sa.Column("period_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_wall", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("result", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("retry_wall", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('pending', 'handled', 'ignored', 'failed')", name="provider_events_state"),
        sa.PrimaryKeyConstraint("provider", "event_id"),
    )
    op.create_index(
        "provider_events_also",
        "provider_events",
        ["provider", "also"],
        unique=False,
        postgresql_where=sa.text("also IS NOT NULL"),
    )
    op.create_index("provider_events_charge", "provider_events", ["provider", "charge"], unique=False)
    op.create_index(
        "provider_events_failed",
        "provider_events",
        ["received_wall"],
        unique=False,
        postgresql_where=sa.text("state = 'failed'"),
    )
    op.create_index(
        "provider_events_pending",
        "provider_events",
        ["received_wall"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "provider_events_subscription",
        "provider_events",
        ["provider", "subscription"],
        unique=False,
        postgresql_where=sa.text("subscription IS NOT NULL"),
    )
    op.create_table(
        "entry_links",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("invite_link", sa.Text(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("term_id", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("entry_links_address", "entry_links", ["invite_link"], unique=False)
    op.create_index("entry_links_member", "entry_links", ["member_id"], unique=False)
    op.create_index(
        "entry_links_open",
        "entry_links",
        ["id"],
        unique=False,
        postgresql_where=sa.text("revoked_at IS NOT NULL AND closed_at IS NULL"),
    )
    op.create_index(
        "entry_links_ready",
        "entry_links",
        ["group_id", "id"],
        unique=False,
        postgresql_where=sa.text("given_at IS NULL AND revoked_at IS NULL"),
    )
    op.create_index("entry_links_term", "entry_links", ["term_id"], unique=False)
    op.create_index(
        "entry_links_unmade",
        "entry_links",
        ["id"],
        unique=False,
        postgresql_where=sa.text("invite_link IS NULL AND revoked_at IS NULL"),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("transaction_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name="ledger_entries_amount"),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transactions.id"],
        ),
        sa.PrimaryKeyConstraint("transaction_id", "account", "currency"),
    )
    op.create_index("ledger_entries_account", "ledger_entries", ["account", "currency"], unique=False)
    op.create_table(
        "opened_chats",
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("wish"),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("list_minor", sa.BigInteger(), nullable=False),
        sa.Column("coupon_code", sa.Text(), nullable=True),
        sa.Column("variant", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("upgrade_of", sa.BigInteger(), nullable=True),
        sa.Column("upgraded_until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_hash", sa.Text(), nullable=True),
        sa.Column("claim_misses", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('open', 'paid', 'refunded', 'disputed', 'cancelled', 'expired')", name="orders_state"
        ),
        sa.CheckConstraint("amount_minor > 0 AND list_minor >= amount_minor", name="orders_amount"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index(
        "orders_coupon",
        "orders",
        ["coupon_code"],
        unique=False,
        postgresql_where=sa.text("coupon_code IS NOT NULL"),
    )
    op.create_index("orders_member", "orders", ["member_id"], unique=False)
    op.create_index("orders_open", "orders", ["expires_at"], unique=False, postgresql_where=sa.text("state = 'open'"))
    op.create_table(
        "payments",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("charge", sa.String(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("payer", sa.BigInteger(), nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("paid_minor", sa.BigInteger(), nullable=True),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("disputed", sa.Text(), server_default="none", nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subscription", sa.Text(), nullable=True),
        sa.Column("terms", sa.ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
        sa.Column("state", sa.Text(), server_default="received", nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("placed_by", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("disputed in ('none', 'open', 'lost', 'won')", name="payments_disputed"),
        sa.CheckConstraint(
            "state in ('received', 'matched', 'unmatched', 'unclaimed', 'reversed')", name="payments_state"
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("provider", "charge"),
    )
    op.create_index("payments_member", "payments", ["member_id"], unique=False)
    op.create_index("payments_order", "payments", ["order_id"], unique=False)
    op.create_index(
        "payments_payer",
        "payments",
        ["payer"],
        unique=False,
        postgresql_where=sa.text("state = 'unclaimed' AND payer IS NOT NULL"),
    )
    op.create_index(
        "payments_subscription",
        "payments",
        ["provider", "subscription"],
        unique=False,
        postgresql_where=sa.text("subscription IS NOT NULL"),
    )
    op.create_index(
        "payments_disputed",
        "payments",
        ["provider", "charge"],
        unique=False,
        postgresql_where=sa.text("disputed = 'open'"),
    )
    op.create_index(
        "payments_waiting",
        "payments",
        ["state"],
        unique=False,
        postgresql_where=sa.text("state in ('received', 'unmatched', 'unclaimed')"),
    )
    op.create_table(
        "removals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("term_id", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('proposed', 'approved', 'waiting', 'removed', 'kept', 'failed')", name="removals_state"
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("term_id", "group_id", name="removals_once"),
    )
    op.create_index("removals_member", "removals", ["member_id"], unique=False)
    op.create_index(
        "removals_open",
        "removals",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state in ('proposed', 'approved', 'waiting')"),
    )
    op.create_table(
        "refund_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("charge", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("retry_wall", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('asked', 'refused', 'approved', 'sent', 'failed')", name="refund_requests_state"),
        sa.CheckConstraint("amount_minor > 0", name="refund_requests_amount"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "refund_requests_approved",
        "refund_requests",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'approved'"),
    )
    op.create_index("refund_requests_member", "refund_requests", ["member_id"], unique=False)
    op.create_index(
        "refund_requests_once",
        "refund_requests",
        ["provider", "charge"],
        unique=True,
        postgresql_where=sa.text("state in ('asked', 'approved', 'sent')"),
    )
    op.create_table(
        "invoice_requests",
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("tax_id", sa.Text(), server_default="", nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('open', 'done', 'refused')", name="invoice_requests_state"),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["orders.id"],
        ),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.execute(APPEND_ONLY)
    op.execute(BALANCED)
