"""Live sessions, who registered for and watched them, and what was asked beforehand."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer
from sqlmodel import Field, SQLModel

from community.database.fields import identity, moment, text


class Live(SQLModel, table=True):
    """A live session with its offer. The window opens when it ends, and closes to the second."""

    __tablename__ = "lives"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at AND window_until_at >= ends_at", name="lives_span"),
        Index("lives_window", "window_until_at"),
    )

    id: int = identity()
    title: str = text()
    speaker: str = text(server_default="")
    url: str = text()
    """Where it is watched."""
    materials: str | None = text(nullable=True)
    """Where what it is about can be read beforehand."""
    announce_at: datetime = moment()
    starts_at: datetime = moment()
    ends_at: datetime = moment()
    """The window opens now."""
    window_until_at: datetime = moment()
    """The window is closed from now on."""
    plan: str | None = text(nullable=True)
    """Key of the plan on offer; NULL: nothing is sold."""
    coupon: str | None = text(nullable=True)
    """Code of the live price."""
    version: int = Field(sa_column=Column(Integer, nullable=False, server_default="1"))
    """Counts the moves: each has a ladder of its own."""
    created_at: datetime = moment()
    moved_at: datetime | None = moment(nullable=True)
    cancelled_at: datetime | None = moment(nullable=True)
    closed_at: datetime | None = moment(nullable=True)
    """When the window's close was carried out."""
    result_at: datetime | None = moment(nullable=True)
    """When staff were told the result."""


class Attendance(SQLModel, table=True):
    """A member and a live session: registered, watched."""

    __tablename__ = "live_attendances"
    __table_args__ = (Index("live_attendances_member", "member_id"),)

    live_id: int = Field(sa_column=Column(BigInteger, ForeignKey("lives.id", ondelete="CASCADE"), primary_key=True))
    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), primary_key=True))
    registered_at: datetime | None = moment(nullable=True)
    registered_by: str | None = text(nullable=True)
    """`link`, `button` or `list`."""
    watched_at: datetime | None = moment(nullable=True)
    watched_by: str | None = text(nullable=True)
    minutes: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    """As the list of viewers says."""


class LiveQuestion(SQLModel, table=True):
    """What a member asked beforehand."""

    __tablename__ = "live_questions"
    __table_args__ = (Index("live_questions_live", "live_id", "at"),)

    id: int = identity()
    live_id: int = Field(sa_column=Column(BigInteger, ForeignKey("lives.id", ondelete="CASCADE"), nullable=False))
    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), nullable=False))
    at: datetime = moment()
    question: str = text()
