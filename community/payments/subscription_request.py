"""What is asked of a provider about a subscription: that one begins, or does not go on."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, SmallInteger, text as sql
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, identity, member_column, moment, text


class SubscriptionRequest(SQLModel, table=True):
    """A subscription is to begin, or to end with the period that is paid: brought before its provider until it answers.

    Whether it was paid, or does not go on, is not written here: that is a provider's event.
    """

    __tablename__ = "subscription_requests"
    __table_args__ = (
        CheckConstraint("what in ('start', 'stop')", name="subscription_requests_what"),
        CheckConstraint("state in ('asked', 'done', 'failed')", name="subscription_requests_state"),
        Index(
            "subscription_requests_asked",
            "what",
            "provider",
            "subscription",
            unique=True,
            postgresql_where=sql("state = 'asked'"),
        ),
        Index("subscription_requests_member", "member_id"),
        Index("subscription_requests_of", "provider", "subscription"),
    )

    id: int = identity()
    what: str = text()
    provider: str = text()
    subscription: str = text()
    """The provider's number of it; one in Stars has its order's."""
    charge: str | None = text(nullable=True)
    """Of its first payment, by which Telegram knows it."""
    payer: int | None = bigint(nullable=True)
    """Telegram's number of who pays; forgotten once it is answered."""
    member_id: int | None = Field(default=None, sa_column=member_column())
    cause: str = text(server_default="")
    """Names the member's wish, which is answered; empty: nobody waits for an answer."""
    state: str = text(server_default="asked")
    asked_at: datetime = moment()
    address: str | None = text(nullable=True)
    """Where Telegram takes the first payment."""
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    retry_wall: datetime | None = moment(nullable=True)
    """After a failure: not before then."""
    error: str | None = text(nullable=True)
