"""Coupons, the ledger of their redemptions, and answers to surveys."""

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
    Text,
    UniqueConstraint,
    text as sql,
)
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, identity, moment, text


class Coupon(SQLModel, table=True):
    """A discount, or the right to a free term: for everyone, or one member's own."""

    __tablename__ = "coupons"
    __table_args__ = (
        CheckConstraint("kind in ('percent', 'amount', 'price', 'opens')", name="coupons_kind"),
        CheckConstraint("redeemed >= 0 AND (first_n IS NULL OR redeemed <= first_n)", name="coupons_first_n"),
        Index("coupons_member", "member_id", postgresql_where=sql("member_id IS NOT NULL")),
    )

    code: str = Field(primary_key=True)
    """Upper case; what members type."""
    offer: str = text()
    """What it belongs to: `live:<number>`, an offer of the playbook, or an operator's own word."""
    kind: str = text()
    """`percent` off; `amount` off; a fixed `price`; or it `opens` a plan for nothing."""
    value: int = bigint()
    """Hundredths of a percent, or the smallest unit of `currency`; 0 for `opens`."""
    currency: str | None = text(nullable=True)
    opens: str | None = text(nullable=True)
    """Key of the plan that it opens."""
    plans: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    """Keys of the plans it is for; NULL: all."""
    minimum_minor: int | None = bigint(nullable=True)
    """Smallest price it may be used on."""
    member_id: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), nullable=True)
    )
    """NULL: shared."""
    first_n: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    """How many there are; NULL: as many as are wanted."""
    redeemed: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))
    """Redemptions less reversals: counted with the ledger, in one transaction."""
    valid_from_at: datetime = moment()
    valid_until_at: datetime | None = moment(nullable=True)
    """From this moment on it is refused; NULL: never."""
    issued_at: datetime = moment()
    withdrawn_at: datetime | None = moment(nullable=True)


class Redemption(SQLModel, table=True):
    """The ledger: appended to, never changed. A reversal is a line of its own that names the one it takes back."""

    __tablename__ = "redemptions"
    __table_args__ = (
        Index("redemptions_code", "code", "member_id"),
        Index("redemptions_member", "member_id"),
        UniqueConstraint("reverses", name="redemptions_reversed_once"),
    )

    id: int = identity()
    code: str = text()
    member_id: int | None = bigint(nullable=True)
    """NULL: erased."""
    plan: str = text()
    price_minor: int = bigint()
    """Before the discount."""
    discount_minor: int = bigint()
    """Negative in a reversal."""
    currency: str | None = text(nullable=True)
    at: datetime = moment()
    reverses: int | None = bigint(nullable=True)
    term_id: int | None = bigint(nullable=True)
    """The term it was used for."""


class SurveyAnswer(SQLModel, table=True):
    """A member's answer to a survey: the newest stands."""

    __tablename__ = "survey_answers"

    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), primary_key=True))
    survey: str = Field(primary_key=True)
    """`nps`."""
    occurrence: str = Field(primary_key=True)
    """Which time it was asked."""
    score: int = Field(sa_column=Column(SmallInteger, nullable=False))
    at: datetime = moment()
