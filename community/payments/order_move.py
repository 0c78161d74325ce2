"""That what was paid for went to another account of whoever paid."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, identity, member_column, moment, text


class OrderMove(SQLModel, table=True):
    """A paid order, or what was paid without one, was given to another account of whoever paid: by whom, and why."""

    __tablename__ = "order_moves"
    __table_args__ = (
        Index("order_moves_charge", "provider", "charge"),
        Index("order_moves_from", "from_member_id"),
        Index("order_moves_member", "member_id"),
    )

    id: int = identity()
    order_id: int | None = bigint(nullable=True)
    provider: str = text()
    charge: str = text()
    """The payment by which it was named."""
    from_member_id: int | None = Field(default=None, sa_column=member_column())
    member_id: int | None = Field(default=None, sa_column=member_column())
    at: datetime = moment()
    by: str = text()
    """Who of staff."""
    note: str = text()
