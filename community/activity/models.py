"""Append-only activity, and the milestones derived from it in the same transaction."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Date, DateTime, Identity, Index, text as sql
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, identity, json, moment, text


class Event(SQLModel, table=True):
    """Something that happened: joined, left, message (written in a group), private (to the bot), reaction, click …"""

    __tablename__ = "events"
    __table_args__ = (
        Index("events_member", "member_id", "kind", "at"),
        Index("events_kind", "kind", "at"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    kind: str = text()
    member_id: int | None = bigint(nullable=True)
    group_id: int | None = bigint(nullable=True)
    data: dict[str, Any] = json()


class Milestone(SQLModel, table=True):
    """First and last time a member reached something a stage may have as its goal (`purchase`, `replied` …)."""

    __tablename__ = "milestones"
    # Silence is looked for by when its last sign was (SOP 1.15); other kinds are never searched by time.
    __table_args__ = (
        Index(
            "milestones_signs",
            "kind",
            "last_at",
            postgresql_include=["member_id"],
            postgresql_where=sql("kind::text = ANY ('{message,private,reaction,click,button,start,answer}'::text[])"),
        ),
    )

    member_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    kind: str = Field(primary_key=True)
    first_at: datetime = moment()
    last_at: datetime = moment()


class Counted(SQLModel, table=True):
    """Up to which day what happened is counted by days: one row, none before the first count."""

    __tablename__ = "counted"

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    zone: str = text()
    """In whose days."""
    before: date = Field(sa_column=Column(Date, nullable=False))
    """Days before this one are counted: what is entered for them is late."""


class LateDay(SQLModel, table=True):
    """A counted day on which, as was entered afterwards, more happened. Marked as often as that was found.

    Appended without looking: whoever records what happens never waits for whoever counts it.
    """

    __tablename__ = "late_days"
    __table_args__ = (Index("late_days_day", "day"),)

    id: int = identity()
    day: date = Field(sa_column=Column(Date, nullable=False))
