"""What providers said, orders, payments, and the ledger of double entry that nobody changes."""

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    UniqueConstraint,
    text as sql,
)
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, identity, member_column, moment, text
from community.payments.order_move import OrderMove  # noqa: F401 - to register its table
from community.payments.subscription_request import SubscriptionRequest  # noqa: F401 - to register its table


class ProviderEvent(SQLModel, table=True):
    """A callback of a provider, as it was received and as it was understood. The same event is stored once."""

    __tablename__ = "provider_events"
    __table_args__ = (
        CheckConstraint("state in ('pending', 'handled', 'ignored', 'failed')", name="provider_events_state"),
        Index("provider_events_pending", "received_wall", postgresql_where=sql("state = 'pending'")),
        Index("provider_events_charge", "provider", "charge"),
        Index("provider_events_also", "provider", "also", postgresql_where=sql("also IS NOT NULL")),
        Index("provider_events_failed", "received_wall", postgresql_where=sql("state = 'failed'")),
        Index(
            "provider_events_subscription",
            "provider",
            "subscription",
            postgresql_where=sql("subscription IS NOT NULL"),
        ),
    )

    provider: str = Field(primary_key=True)
    event_id: str = Field(primary_key=True)
    kind: str = text()
    name: str = text()
    """The provider's own name for what happened."""
    charge: str | None = text(nullable=True)
    also: str | None = text(nullable=True)
    """Another number of the same payment: events that name that one as their charge are of this one."""
    order_number: str | None = text(nullable=True)
    plan: str | None = text(nullable=True)
    amount_minor: int | None = bigint(nullable=True)
    currency: str | None = text(nullable=True)
    payer: int | None = bigint(nullable=True)
    """Telegram's number of who paid."""
    subscription: str | None = text(nullable=True)
    period_ends_at: datetime | None = moment(nullable=True)
    happened_at: datetime = moment()
    """As the provider says."""
    received_wall: datetime = moment()
    body: str = text(server_default="")
    """As received; empty once who paid was erased."""
    state: str = text(server_default="pending")
    """`pending`: not yet taken into account; `ignored`: it is of no payment; `failed`: staff are told."""
    result: str = text(server_default="")
    """What came of it, in a few words."""
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    error: str | None = text(nullable=True)
    retry_wall: datetime | None = moment(nullable=True)
    """After a failure: not before then."""


class Order(SQLModel, table=True):
    """What somebody wants to buy, at the price they were told."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint(
            "state in ('open', 'paid', 'refunded', 'disputed', 'cancelled', 'expired')", name="orders_state"
        ),
        CheckConstraint("amount_minor > 0 AND list_minor >= amount_minor", name="orders_amount"),
        Index("orders_member", "member_id"),
        Index("orders_open", "expires_at", postgresql_where=sql("state = 'open'")),
        Index("orders_opened_by", "opened_by", postgresql_where=sql("opened_by IS NOT NULL")),
        Index("orders_coupon", "coupon_code", postgresql_where=sql("coupon_code IS NOT NULL")),
        Index("orders_upgrade", "upgrade_of", postgresql_where=sql("upgrade_of IS NOT NULL")),
        Index("orders_paid", "paid_at", postgresql_where=sql("paid_at IS NOT NULL")),
    )

    id: int = identity()
    number: str = text(unique=True)
    """Eight characters without dash, the last a check digit: shown as `A7K2-93QX`."""
    member_id: int | None = Field(default=None, sa_column=member_column())
    """NULL: not known yet, or erased."""
    plan: str = text()
    amount_minor: int = bigint()
    """What is to be paid."""
    currency: str = text()
    list_minor: int = bigint()
    """The plan's price before coupon and upgrade."""
    coupon_code: str | None = text(nullable=True)
    variant: str = text(server_default="")
    """Which page it was opened on."""
    state: str = text(server_default="open")
    """`expired` and `cancelled` ones are still honoured when they are paid after all."""
    source: str = text()
    """`page`, `bot`, `provider`, `staff`."""
    renews: bool = Field(default=False, nullable=False, sa_column_kwargs={"server_default": "false"})
    """A subscription is begun with it: at the listed price, and its later payments name it too."""
    upgrade_of: int | None = bigint(nullable=True)
    """The term that this one takes the place of."""
    credit_minor: int = bigint(server_default="0")
    """What of that term's price was taken off for it."""
    upgraded_until_at: datetime | None = moment(nullable=True)
    """When that term would have ended; it does again if the upgrade is refunded."""
    opened_by: str | None = text(nullable=True)
    """With a coupon, from a page, by nobody the bot knows: keyed hash of browser and coupon. It names nobody."""
    claim_hash: str | None = text(nullable=True)
    """Of the code that only who opened the order was shown."""
    claim_misses: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """Wrong codes so far."""
    created_at: datetime = moment()
    expires_at: datetime = moment()
    paid_at: datetime | None = moment(nullable=True)


class Payment(SQLModel, table=True):
    """A payment as it stands now: its events folded, and what has been done for it."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint(
            "state in ('received', 'matched', 'unmatched', 'unclaimed', 'reversed')", name="payments_state"
        ),
        CheckConstraint("disputed in ('none', 'open', 'lost', 'won')", name="payments_disputed"),
        Index("payments_order", "order_id"),
        Index("payments_member", "member_id"),
        Index("payments_payer", "payer", postgresql_where=sql("state = 'unclaimed' AND payer IS NOT NULL")),
        Index("payments_subscription", "provider", "subscription", postgresql_where=sql("subscription IS NOT NULL")),
        Index("payments_disputed", "provider", "charge", postgresql_where=sql("disputed = 'open'")),
        Index("payments_waiting", "state", postgresql_where=sql("state in ('received', 'unmatched', 'unclaimed')")),
    )

    provider: str = Field(primary_key=True)
    charge: str = Field(primary_key=True)
    order_id: int | None = bigint(nullable=True)
    member_id: int | None = Field(default=None, sa_column=member_column())
    payer: int | None = bigint(nullable=True)
    """Telegram's number of who paid, if the provider says."""
    plan: str | None = text(nullable=True)
    """What it is for, as far as it is known."""
    paid_minor: int | None = bigint(nullable=True)
    """NULL: only refunds or disputes are known of it yet."""
    refunded_minor: int = bigint(server_default="0")
    currency: str | None = text(nullable=True)
    disputed: str = text(server_default="none")
    paid_at: datetime | None = moment(nullable=True)
    """As the provider says."""
    subscription: str | None = text(nullable=True)
    terms: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False, server_default="{}"))
    """The terms that it gives now; none once they were taken back."""
    state: str = text(server_default="received")
    """`received`: nothing paid yet, as far as is known; `matched`: it gives what it is for; `unmatched`: `why` says
    what is wrong, a human looks; `unclaimed`: it is not known whose it is; `reversed`: refunded in full, or dispute
    lost."""
    why: str | None = text(nullable=True)
    """What is wrong (`judging.Why`), such as `wrong_amount`; NULL: nothing is."""
    placed_by: str | None = text(nullable=True)
    """Who of staff said what it is for; the amount is not asked any more."""
    changed_at: datetime = moment()


class LedgerTransaction(SQLModel, table=True):
    """Something that moved money: appended to, never changed."""

    __tablename__ = "ledger_transactions"
    __table_args__ = (
        UniqueConstraint("provider", "charge", "what", "version", name="ledger_transactions_once"),
        Index("ledger_transactions_at", "at"),
        Index("ledger_transactions_happened", "happened_at"),
    )

    id: int = identity()
    at: datetime = moment()
    """When it was booked."""
    happened_at: datetime = moment()
    """When the money moved, as the provider says, if that was earlier: figures count it then."""
    what: str = text()
    """`payment`, `refund`, `refund_failed`, `dispute`, `dispute_won`, `dispute_lost`, `placed` (known what for)."""
    provider: str = text()
    charge: str = text()
    version: int = Field(sa_column=Column(Integer, nullable=False))
    """Counts what happened more than once to a payment, such as partial refunds."""
    order_id: int | None = bigint(nullable=True)
    event_id: str | None = text(nullable=True)
    """The provider's event that made it known."""
    by: str = text()
    """`provider`, or who of staff."""
    note: str = text(server_default="")


class LedgerEntry(SQLModel, table=True):
    """One side of it. Those of a transaction add up to nothing in each currency, or it cannot be committed."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="ledger_entries_amount"),
        Index("ledger_entries_account", "account", "currency"),
    )

    transaction_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("ledger_transactions.id"), primary_key=True, autoincrement=False)
    )
    account: str = Field(primary_key=True)
    """`cash:<provider>`, `revenue:<plan>`, `refunds:<plan>`, `disputed:<provider>`, `suspense:<provider>`."""
    currency: str = Field(primary_key=True)
    amount_minor: int = bigint()
    """Debit positive, credit negative."""


class RefundRequest(SQLModel, table=True):
    """Somebody wants a payment's money back: asked, decided, and brought before the provider until it agrees.

    Whether it was paid back is not written here: the provider says so, and the payment is folded anew.
    """

    __tablename__ = "refund_requests"
    __table_args__ = (
        CheckConstraint("state in ('asked', 'refused', 'approved', 'sent', 'failed')", name="refund_requests_state"),
        CheckConstraint("amount_minor > 0", name="refund_requests_amount"),
        Index(
            "refund_requests_once",
            "provider",
            "charge",
            unique=True,
            postgresql_where=sql("state in ('asked', 'approved', 'sent')"),
        ),
        Index("refund_requests_approved", "id", postgresql_where=sql("state = 'approved'")),
        Index("refund_requests_member", "member_id"),
    )

    id: int = identity()
    provider: str = text()
    charge: str = text()
    order_id: int | None = bigint(nullable=True)
    member_id: int | None = Field(default=None, sa_column=member_column())
    amount_minor: int = bigint()
    currency: str = text()
    state: str = text()
    """`approved`: the provider is to be told; `sent`: it was, or staff do it by hand; `failed`: it refuses, or the
    money did not arrive."""
    asked_at: datetime = moment()
    asked_by: str = text()
    decided_at: datetime | None = moment(nullable=True)
    decided_by: str | None = text(nullable=True)
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    retry_wall: datetime | None = moment(nullable=True)
    """After a failure: not before then."""
    error: str | None = text(nullable=True)


class InvoiceRequest(SQLModel, table=True):
    """A payer wants an invoice. Staff write it; what it says of the payer is forgotten with them."""

    __tablename__ = "invoice_requests"
    __table_args__ = (CheckConstraint("state in ('open', 'done', 'refused')", name="invoice_requests_state"),)

    order_id: int = Field(sa_column=Column(BigInteger, ForeignKey("orders.id"), primary_key=True, autoincrement=False))
    title: str = text()
    """Whom it is made out to."""
    tax_id: str = text(server_default="")
    email: str = text(server_default="")
    address: str = text(server_default="")
    state: str = text(server_default="open")
    requested_at: datetime = moment()
    done_at: datetime | None = moment(nullable=True)
