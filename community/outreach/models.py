"""Plans, and the decision about each candidate that was not sent to."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text as sql,
)
from sqlalchemy.dialects.postgresql import JSONB
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
    collapsed = "collapsed"
    """Late together with a newer step, which is sent instead."""
    sold_out = "sold_out"
    """The live session's offer has none left."""
    left = "left"
    """Left the last group after it was planned."""
    stale = "stale"
    """Too late to be of use: past the step's expiry."""
    frequency_cap = "frequency_cap"
    outranked = "outranked"
    """The room the caps leave is promised to a message that goes first."""
    superseded = "superseded"
    """A newer version of the SOP dropped the step, or brought it when who was half-way had gone past it."""
    quiet_hours = "quiet_hours"
    """The member's morning comes after the step expires."""


class Plan(SQLModel, table=True):
    """Who gets what at one moment; a row for ever, however it was triggered.

    Executed at once, unless it is a proposal: a backfill, or a send so large that somebody has to approve it.
    """

    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint("state in ('proposed', 'approved', 'executed', 'refused')", name="plans_state"),
        CheckConstraint("kind in ('run', 'approval', 'backfill')", name="plans_kind"),
        Index("plans_stage", "stage", "as_of_at"),
        Index("plans_open", "stage", postgresql_where=sql("state in ('proposed', 'approved')")),
        Index("plans_hash", "hash", unique=True, postgresql_where=sql("hash IS NOT NULL")),
        Index("plans_run", "run_id", postgresql_where=sql("run_id IS NOT NULL")),
    )

    id: int = identity()
    stage: str = text()
    kind: str = text(server_default="run")
    as_of_at: datetime = moment()
    """The moment planned for; of a backfill the end of its last day."""
    since_at: datetime | None = moment(nullable=True)
    """The beginning of a backfill's first day."""
    planned_wall: datetime = moment()
    state: str = text()
    bundle: str = text()
    counts: dict[str, Any] = json()
    """{"send": n, "deferred": n, "already": n, "skipped": {reason: n}}."""
    hash: str | None = text(nullable=True)
    """Of a proposal: what exactly is approved."""
    decide_by_at: datetime | None = moment(nullable=True)
    decision: str | None = text(nullable=True)
    """`send`, `first` (a part, then asked again) or `cancel`."""
    decided_at: datetime | None = moment(nullable=True)
    decided_by: str | None = text(nullable=True)
    """A member's number for the staff chat's button, which proves it; else the name that was given."""
    decided_how: str | None = text(nullable=True)
    """`staff_chat`, `form` (a declared name), `command`, `run` (it was cancelled), `timeout`."""
    note: str = text(server_default="")
    run_id: str | None = text(nullable=True)
    """The Prefect run that waits for the decision."""


class PlanRow(SQLModel, table=True):
    """A candidate of a proposal, frozen: what is approved is this and nothing else."""

    __tablename__ = "plan_rows"
    __table_args__ = (
        UniqueConstraint("plan_id", "member_id", "step", "occurrence", name="plan_rows_intent"),
        Index("plan_rows_member", "member_id"),
    )

    plan_id: int = Field(sa_column=Column(BigInteger, ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True))
    number: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    on_day: date = Field(sa_column=Column(Date, nullable=False))
    """The logical day, in the schedule's zone."""
    member_id: int = bigint()
    step: str = text()
    occurrence: str = text()
    due_at: datetime = moment()
    expires_at: datetime = moment()
    goals: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    goal_since_at: datetime | None = moment(nullable=True)
    context: dict[str, Any] = json()
    template: str = text()
    variant: str | None = text(nullable=True)
    bundle: str | None = text(nullable=True)
    """The version that this member stays with; NULL: the proposal's."""
    lane: int = Field(sa_column=Column(SmallInteger, nullable=False))
    promotional: bool = Field(sa_column=Column(Boolean, nullable=False))
    exempt: bool = Field(sa_column=Column(Boolean, nullable=False))
    reason: str | None = text(nullable=True)
    """Why it was not to be sent when it was proposed; NULL: it was."""
    send_at: datetime | None = moment(nullable=True)
    gates: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    outcome: str | None = text(nullable=True)
    """What its execution made of it: `sent` to the outbox, or the reason that stopped it; NULL: not executed yet."""


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


class StageVersion(SQLModel, table=True):
    """A version of the SOP that a stage has been planned by, and until when members who began under it follow it."""

    __tablename__ = "stage_versions"

    stage: str = Field(sa_column=Column(Text, primary_key=True))
    bundle: str = Field(sa_column=Column(Text, primary_key=True))
    edition: str = text()
    """Hash of what the stage is in it: bundles that differ elsewhere are one to the stage. Empty: it is not in it."""
    added: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default="{}"))
    """Steps that not every version in flight before it had."""
    since_at: datetime = moment()
    until_at: datetime | None = moment(nullable=True)
    """NULL: it is the present one."""


class Trigger(SQLModel, table=True):
    """Something happened that a stage answers at once; kept until the run that shows it is recorded in Prefect."""

    __tablename__ = "stage_triggers"
    __table_args__ = (Index("stage_triggers_waiting", "stage", "id", postgresql_where=sql("shown_wall IS NULL")),)

    id: int = identity()
    stage: str = text()
    member_id: int = bigint()
    at: datetime = moment()
    shown_wall: datetime | None = moment(nullable=True)
