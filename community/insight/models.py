"""What is counted: who did what on which day, KPIs by day, week and month, and what advertising cost."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    text as sql,
)
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, identity, json, moment, text


def _count() -> Any:
    return Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))


def _whole(**options: Any) -> Any:
    return Field(default=0, sa_column=Column(BigInteger, **{"nullable": False, "server_default": "0", **options}))


class MemberDay(SQLModel, table=True):
    """What a member did on a day, in a group or (0) elsewhere: how often, by the kind of event.

    Written by days. A member's are found by skipping through the key from day to day, as PostgreSQL does from 18 on: an
    index of theirs would cost as much at each count as everything else.
    """

    __tablename__ = "member_days"

    day: date = Field(sa_column=Column(Date, primary_key=True))
    """Of the community's zone."""
    member_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    group_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    message: int = _count()
    private: int = _count()
    reaction: int = _count()
    click: int = _count()
    button: int = _count()
    start: int = _count()
    answer: int = _count()


class KpiValue(SQLModel, table=True):
    """A KPI over a day, a week (from Monday) or a month, for everything or one part, group or source."""

    __tablename__ = "kpi_values"
    __table_args__ = (CheckConstraint("span in ('day', 'week', 'month')", name="kpi_values_span"),)

    kpi: str = Field(sa_column=Column(Text, primary_key=True))
    span: str = Field(sa_column=Column(Text, primary_key=True))
    since: date = Field(sa_column=Column(Date, primary_key=True))
    """Its first day."""
    part: str = Field(default="", sa_column=Column(Text, primary_key=True, server_default=""))
    """Such as a plan; empty: all together, or it has none."""
    group_id: int = Field(
        default=0, sa_column=Column(BigInteger, primary_key=True, autoincrement=False, server_default="0")
    )
    """0: all."""
    source: str = Field(default="", sa_column=Column(Text, primary_key=True, server_default=""))
    """Where the members came from; empty: from anywhere."""
    currency: str = Field(default="", sa_column=Column(Text, primary_key=True, server_default=""))
    """Empty: it is not about money."""
    hits: int = _whole()
    base: int = _whole()
    minor: int = _whole()
    """Money, in the currency's smallest unit."""
    middle_s: float | None = Field(default=None, sa_column=Column(Double, nullable=True))
    """The median of seconds."""
    high_s: float | None = Field(default=None, sa_column=Column(Double, nullable=True))
    """The 95th percentile."""


class CohortWeek(SQLModel, table=True):
    """Of those who entered in one week, how many were there in another: the triangle of retention."""

    __tablename__ = "cohort_weeks"

    entered: date = Field(sa_column=Column(Date, primary_key=True))
    """The Monday of the week in which they entered."""
    week: date = Field(sa_column=Column(Date, primary_key=True))
    """The Monday of the week that was looked at."""
    source: str = Field(default="", sa_column=Column(Text, primary_key=True, server_default=""))
    """Empty: from anywhere."""
    active: int = _whole()


class AdSpend(SQLModel, table=True):
    """What advertising cost on a day, by where it ran; from a list."""

    __tablename__ = "ad_spend"
    __table_args__ = (
        CheckConstraint("spent_minor >= 0 AND impressions >= 0 AND clicks >= 0", name="ad_spend_positive"),
    )

    day: date = Field(sa_column=Column(Date, primary_key=True))
    source: str = Field(sa_column=Column(Text, primary_key=True))
    """utm_source."""
    campaign: str = Field(default="", sa_column=Column(Text, primary_key=True, server_default=""))
    """utm_campaign; empty: not told apart."""
    currency: str = Field(sa_column=Column(Text, primary_key=True))
    spent_minor: int = _whole()
    impressions: int = _whole()
    clicks: int = _whole()


class MemberValue(SQLModel, table=True):
    """What a payer is worth by recency, frequency and money (RFM), as of the last count."""

    __tablename__ = "member_values"
    __table_args__ = (Index("member_values_segment", "segment"),)

    member_id: int = Field(
        sa_column=Column(
            BigInteger, ForeignKey("members.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
        )
    )
    recency_days: int = Field(sa_column=Column(Integer, nullable=False))
    """Days since the last payment."""
    frequency: int = Field(sa_column=Column(Integer, nullable=False))
    """Days on which they paid."""
    money_minor: int = bigint()
    currency: str = text()
    """The one that most payments are in; of others the money does not count here."""
    recency: int = Field(sa_column=Column(SmallInteger, nullable=False))
    """1 to 5, as `often` and `money`; 5 is best."""
    often: int = Field(sa_column=Column(SmallInteger, nullable=False))
    money: int = Field(sa_column=Column(SmallInteger, nullable=False))
    segment: str = text()
    counted_at: datetime = moment()


class Experiment(SQLModel, table=True):
    """An A/B test of a step, from its first member to an operator's word."""

    __tablename__ = "experiments"
    __table_args__ = (
        CheckConstraint("state in ('running', 'proposed', 'applied', 'ended')", name="experiments_state"),
        Index("experiments_open", "stage", postgresql_where=sql("state in ('running', 'proposed')")),
    )

    key: str = Field(sa_column=Column(Text, primary_key=True))
    stage: str = text()
    step: str = text()
    definition: dict[str, Any] = json()
    """As the playbook had it when it began: variants with their shares, the metric, the effect looked for."""
    state: str = text(server_default="running")
    """`proposed`: a winner waits for an operator; `ended`: without one."""
    started_at: datetime = moment()
    winner: str | None = text(nullable=True)
    result: dict[str, Any] = json()
    """The numbers at the last look."""
    looked_at: datetime | None = moment(nullable=True)
    decided_at: datetime | None = moment(nullable=True)
    decided_by: str | None = text(nullable=True)
    note: str = text(server_default="")


class Report(SQLModel, table=True):
    """A report as it was made: kept whole, so that what was told can be looked at again."""

    __tablename__ = "reports"
    __table_args__ = (Index("reports_of", "kind", "since", "id"),)

    id: int = identity()
    kind: str = text()
    """`weekly`, `monthly`, `watch`, `learning`."""
    since: date = Field(sa_column=Column(Date, nullable=False))
    """The first day it is about."""
    made_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    content: dict[str, Any] = json()
    """All its numbers and sentences, without names of members."""


class SpentPass(SQLModel, table=True):
    """A link to the dashboard that was used, or a session that was ended, until it would be over anyway."""

    __tablename__ = "spent_passes"

    number: str = Field(sa_column=Column(Text, primary_key=True))
    until_wall: datetime = moment()
