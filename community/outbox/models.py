"""The outbox: one row per intent, its whole life, and what paces and stops it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text as sql,
)
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, identity, json, moment, text


class State(StrEnum):
    """Life of a message. `waiting → sending →` one of the others; `sending → waiting` on a retry."""

    waiting = "waiting"
    sending = "sending"
    sent = "sent"
    failed = "failed"
    uncertain = "uncertain"
    """May or may not have arrived: the answer was lost. Marketing stays here, transactional is sent again."""
    expired = "expired"
    cancelled = "cancelled"


COUNTS_AT = (
    "CASE WHEN NOT promotional THEN NULL WHEN state = 'waiting' THEN due_at"
    " WHEN state IN ('sending', 'sent', 'uncertain') THEN sent_at END"
)


class Message(SQLModel, table=True):
    """One intent: a message to a member or a group, or a paced action on a chat (`method`)."""

    __tablename__ = "messages"
    __table_args__ = (
        # The one intent per (member, stage, step, occurrence) of invariant 2; groups have no member.
        UniqueConstraint(
            "member_id",
            "stage",
            "step",
            "occurrence",
            name="messages_intent",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint(
            "state in ('waiting', 'sending', 'sent', 'failed', 'uncertain', 'expired', 'cancelled')",
            name="messages_state",
        ),
        Index("messages_queue", "bot_id", "lane", "stage", "due_at", "id", postgresql_where=sql("state = 'waiting'")),
        Index("messages_in_flight", "chat_id", postgresql_where=sql("state = 'sending'")),
        Index(
            "messages_cap",
            "member_id",
            "counts_at",
            postgresql_include=["lane", "state"],
            postgresql_where=sql("counts_at IS NOT NULL"),
        ),
        Index("messages_plan", "plan_id", postgresql_where=sql("plan_id IS NOT NULL")),
        # What retention will empty: few messages were filled in with anything of their own.
        Index(
            "messages_context",
            "settled_wall",
            postgresql_where=sql("context <> '{}' AND state in ('sent', 'expired', 'cancelled')"),
        ),
        # For figures over a day or a week. Of all indexes only one of this kind leaves updates of a row in their page.
        Index(
            "messages_sent",
            "sent_at",
            "due_at",
            postgresql_using="brin",
            postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
        ),
        # The messages of an experiment; those of none are not in it.
        Index("messages_variant", "variant", "member_id", postgresql_where=sql("variant IS NOT NULL")),
        Index("messages_trouble", "state", "id", postgresql_where=sql("state in ('failed', 'uncertain')")),
        # Whose picture is still needed.
        Index(
            "messages_picture",
            "id",
            postgresql_where=sql("method = 'sendPhoto' AND state in ('waiting', 'sending', 'failed', 'uncertain')"),
        ),
    )

    id: int = identity()
    bot_id: int = bigint()
    member_id: int | None = bigint(nullable=True)
    chat_id: int = bigint()
    method: str = text(server_default="sendMessage")
    """Bot API method; actions such as approveChatJoinRequest wait in the same line and pay from the same budget."""
    lane: int = Field(sa_column=Column(SmallInteger, nullable=False))
    """Priority: ten for each class (reply, payment, support, welcome, renewal, campaign), its stage's place in it."""
    stage: str = text()
    step: str = text()
    occurrence: str = text()
    promotional: bool = Field(sa_column=Column(Boolean, nullable=False, server_default="false"))
    """Counts against the cap and is sent at most once; otherwise transactional: at least once."""
    exempt: bool = Field(sa_column=Column(Boolean, nullable=False, server_default="false"))
    """Answers something the member just did: no cap, no quiet hours, no opt-out."""
    goals: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    """Milestones that make it superfluous, from `goal_since_at` on."""
    goal_since_at: datetime | None = moment(nullable=True)
    template: str | None = text(nullable=True)
    context: dict[str, Any] = json()
    bundle: str | None = text(nullable=True)
    """Hash of the playbook and copy pinned when the message was planned."""
    variant: str | None = text(nullable=True)
    """`<experiment>:<variant>` of the A/B test it is part of; pinned likewise."""
    plan_id: int | None = bigint(nullable=True)
    planned_at: datetime = moment()
    wanted_at: datetime | None = moment(nullable=True)
    """When the SOP wanted it to be sent; NULL: no step of a stage. Later than this it is late."""
    due_at: datetime = moment()
    """When it may be sent: later than wanted if quiet hours or caps put it off."""
    late_s: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))
    """Seconds by which it was late before it got that time: planned late, or late when quiet hours or caps put it off.

    What it is late in all is this and what lies between `due_at` and `sent_at`; being put off is not being late.
    """
    expires_at: datetime | None = moment(nullable=True)
    state: str = text(server_default="waiting")
    reason: str | None = text(nullable=True)
    """Why it is where it is: the gate that deferred or cancelled it, or what Telegram answered."""
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    sent_at: datetime | None = moment(nullable=True)
    """SOP time of hand-over to Telegram; cleared when it provably was not taken. What the cap counts."""
    counts_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), Computed(COUNTS_AT, persisted=True))
    )
    """SOP time at which it counts against the cap: its due time while promised, then when it was sent."""
    telegram_message_id: int | None = bigint(nullable=True)
    delete_after_s: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    created_wall: datetime = moment(server_default=sql("clock_timestamp()"))
    not_before_wall: datetime | None = moment(nullable=True)
    lease_until_wall: datetime | None = moment(nullable=True)
    claimed_by: str | None = text(nullable=True)
    settled_wall: datetime | None = moment(nullable=True)


class Budget(SQLModel, table=True):
    """One row per bot: the next free slot of its 30 messages a second, whoever sends (invariant 5)."""

    __tablename__ = "budgets"

    bot_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    rate: float | None = Field(sa_column=Column(Double, nullable=True))
    """Messages a second; NULL: no limit (virtual time, benchmarks)."""
    next_wall: datetime = moment()
    frozen_until_wall: datetime | None = moment(nullable=True)
    """Telegram asked the whole bot to wait."""
    freezes: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """How often it did since `freezes_since_wall`: many within minutes are a storm, which staff are told of."""
    freezes_since_wall: datetime | None = moment(nullable=True)


class ChatPace(SQLModel, table=True):
    """When a chat may get its next message: 1 a second in private, 20 a minute in a group."""

    __tablename__ = "chat_paces"

    bot_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    chat_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    next_wall: datetime = moment()


class Picture(SQLModel, table=True):
    """A picture that messages show (`context.picture` is its hash): a report's charts."""

    __tablename__ = "pictures"

    hash: str = Field(primary_key=True)
    png: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    made_at: datetime = moment()


class Halt(SQLModel, table=True):
    """Why nothing is claimed for a scope: `all`, `stage:NAME` or `chat:ID`; several sources may hold the same scope."""

    __tablename__ = "halts"

    scope: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    """`operator`, `playbook` (stage switched off) or `prefect` (deployment paused)."""
    note: str = text(server_default="")
    since_wall: datetime = moment()


class OpenAlert(SQLModel, table=True):
    """Something that needs staff, by subject: how often it happened since they were last told."""

    __tablename__ = "alerts"

    subject: str = text(primary_key=True)
    what: str = text()
    place: str = text()
    next_step: str = text()
    times: int = Field(sa_column=Column(Integer, nullable=False))
    """Happenings that staff have not been told of; 0: they know."""
    since_at: datetime = moment()
    """The first of them."""
    last_at: datetime = moment()
    told_at: datetime | None = moment(nullable=True)


class StoredBundle(SQLModel, table=True):
    """A playbook with all its copy, by hash."""

    __tablename__ = "bundles"

    hash: str = Field(primary_key=True)
    content: dict[str, Any] = json()
    stored_wall: datetime = moment()


class Publication(SQLModel, table=True):
    """Which bundle came into force when; the newest row is in force."""

    __tablename__ = "publications"

    id: int = identity()
    bundle: str = text()
    note: str = text(server_default="")
    published_wall: datetime = moment()
    published_at: datetime = moment()
    in_flight: str | None = text(nullable=True)
    """What becomes of members who are half-way, instead of what its stages say."""
    returns_to: int | None = bigint(nullable=True)
    """The publication that a rollback has put into force again."""
