"""Terms: who holds which plan from when until when."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, text as sql
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, identity, moment, text
from community.playbook_types import Amount


class Term(SQLModel, table=True):
    """A member holds `plan` from `starts_at` to `ends_at` (exclusive). Several may overlap."""

    __tablename__ = "terms"
    __table_args__ = (
        CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name="terms_span"),
        CheckConstraint("(paid_minor IS NULL) = (currency IS NULL)", name="terms_paid"),
        Index("terms_end", "ends_at", postgresql_where=sql("revoked_at IS NULL")),
        Index("terms_start", "starts_at", postgresql_where=sql("revoked_at IS NULL")),
        Index("terms_member", "member_id", "line", "ends_at"),
    )

    id: int = identity()
    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), nullable=False))
    plan: str = text()
    """Key of the playbook's plan."""
    line: str = text()
    """Terms of one line follow each other."""
    trial: bool = Field(default=False, nullable=False, sa_column_kwargs={"server_default": "false"})
    starts_at: datetime = moment()
    ends_at: datetime | None = moment(nullable=True)
    """NULL: for life."""
    counted_from_at: datetime = moment()
    """From where calendar months are counted: a term that prolongs another has the first one's, so that a month that
    began on the 31st does not become one of the 28th for good."""
    changed_at: datetime = moment()
    """When its end was last set: granted, or corrected."""
    cancelled_at: datetime | None = moment(nullable=True)
    """The member does not want to go on: it runs to its end, and nobody reminds them."""
    revoked_at: datetime | None = moment(nullable=True)
    """It ended at once: refunded, or granted by mistake."""
    source: str = text()
    """`staff`, `coupon`, `list`; payments bring their own."""
    granted_by: str = text()
    """Who did it: a command's operator, a coupon's code."""
    note: str = text(server_default="")
    paid_minor: int | None = bigint(nullable=True)
    """What was paid, in the currency's smallest unit; NULL: not known, or nothing to pay."""
    currency: str | None = text(nullable=True)

    @property
    def paid(self) -> Amount | None:
        """What was paid, if it is known."""
        if self.paid_minor is None or self.currency is None:
            return None
        return Amount(minor=self.paid_minor, currency=self.currency)
