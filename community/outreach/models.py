"""Plans, and the decision about each candidate that was not sent to."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, Index, PrimaryKeyConstraint, text as sql
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, identity, json, moment, text


class Reason(StrEnum):
    """Why a candidate gets nothing now. Order is precedence: the first that applies is the named one."""

    halted = "halted"
    opted_out = "opted_out"
    unreachable = "unreachable"
    """Has not opened the private chat."""
    blocked = "blocked"
    gone = "gone"
    goal_reached = "goal_reached"
    holdout = "holdout"
    stale = "stale"
    """Too late to be of use: past the step's expiry."""
    frequency_cap = "frequency_cap"
    quiet_hours = "quiet_hours"
    """The member's morning comes after the step expires."""


class Plan(SQLModel, table=True):
    """Who gets what at one moment; a row for ever, however it was triggered."""

    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint("state in ('proposed', 'approved', 'executed', 'refused')", name="plans_state"),
        Index("plans_stage", "stage", "as_of_at"),
    )

    id: int = identity()
    stage: str = text()
    as_of_at: datetime = moment()
    planned_wall: datetime = moment()
    state: str = text()
    bundle: str = text()
    counts: dict[str, Any] = json()
    """{"send": n, "deferred": n, "already": n, "skipped": {reason: n}}."""


class Decision(SQLModel, table=True):
    """A candidate that was not sent to, and why. Written when the reason is new for that intent.

    One index, by member: where a month's statistics are of before it was filled, PostgreSQL would take any other for
    the look-up of the last decision as well, and read all of it for each candidate.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        PrimaryKeyConstraint("member_id", "at", "id", name="decisions_pkey"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: int = Field(sa_column=Column(BigInteger, Identity()))
    at: datetime = Field(sa_column=Column(DateTime(timezone=True)))
    """The plan's `as_of`."""
    plan_id: int = bigint()
    member_id: int = bigint()
    stage: str = text()
    step: str = text()
    occurrence: str = text()
    reason: str = text()
    due_at: datetime = moment()
    gates: dict[str, Any] = json()
    """Every gate with its value at that moment."""


class Trigger(SQLModel, table=True):
    """Something happened that a stage answers at once; kept until the run that shows it is recorded in Prefect."""

    __tablename__ = "stage_triggers"
    __table_args__ = (Index("stage_triggers_waiting", "stage", "id", postgresql_where=sql("shown_wall IS NULL")),)

    id: int = identity()
    stage: str = text()
    member_id: int = bigint()
    at: datetime = moment()
    shown_wall: datetime | None = moment(nullable=True)
