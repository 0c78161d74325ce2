"""Groups the bot is in, who is a member of which, and the join requests at the gate."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, SmallInteger, text as sql
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, identity, moment, text


class Group(SQLModel, table=True):
    """A group or channel the bot is in."""

    __tablename__ = "groups"

    id: int = identity()
    chat_id: int = bigint(unique=True)
    title: str = text(server_default="")
    zone: str | None = text(nullable=True)
    """IANA zone; NULL: the community's."""
    locale: str | None = text(nullable=True)
    """NULL: the community's."""
    registered_at: datetime = moment()
    lost_at: datetime | None = moment(nullable=True)
    """When the bot was removed from it."""
    invite_link: str | None = text(nullable=True)
    """The bot's own join-request link; NULL until the bot is an admin that may invite."""
    greeted_at: datetime | None = moment(nullable=True)
    """When the last collected group welcome was due."""
    greets: bool = Field(sa_column=Column(Boolean, nullable=False, server_default="true"))
    """Whether newcomers are named in the collected group welcome."""
    set_up_at: datetime | None = moment(nullable=True)
    """When an administrator had first answered all questions of the set-up."""


class Membership(SQLModel, table=True):
    """A member in a group, now or in the past."""

    __tablename__ = "memberships"
    __table_args__ = (
        Index(
            "memberships_unwelcomed",
            "group_id",
            postgresql_where=sql("greeting = 'due'"),
        ),
        CheckConstraint("greeting in ('none', 'due', 'done')", name="memberships_greeting"),
    )

    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), primary_key=True))
    group_id: int = Field(sa_column=Column(BigInteger, ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True))
    joined_at: datetime | None = moment(nullable=True)
    left_at: datetime | None = moment(nullable=True)
    link_token: str | None = text(nullable=True)
    """Tracked link by which the member came into this group."""
    greeting: str = text(server_default="none")
    """`due`: joined without a right to private messages, to be named in the next collected group welcome."""


class JoinRequest(SQLModel, table=True):
    """A request to join, from asking to approval: the entry gate (SOP 1.41)."""

    __tablename__ = "join_requests"
    __table_args__ = (
        CheckConstraint("state in ('asked', 'passed', 'failed', 'timed_out', 'withdrawn')", name="join_requests_state"),
        Index(
            "join_requests_open",
            "member_id",
            "group_id",
            unique=True,
            postgresql_where=sql("state = 'asked'"),
        ),
    )

    id: int = identity()
    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), nullable=False))
    group_id: int = Field(sa_column=Column(BigInteger, ForeignKey("groups.id", ondelete="CASCADE"), nullable=False))
    link_token: str | None = text(nullable=True)
    state: str = text(server_default="asked")
    question: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """Index of the question now asked."""
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """Wrong answers so far."""
    requested_at: datetime = moment()
    decide_by_at: datetime = moment()
    decided_at: datetime | None = moment(nullable=True)


class SetupWish(SQLModel, table=True):
    """What somebody wants of a group's set-up: it waits until Telegram has said that they administer the group."""

    __tablename__ = "setup_wishes"

    id: int = identity()
    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), nullable=False))
    group_id: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("groups.id", ondelete="CASCADE"), nullable=True)
    )
    """NULL: the list of the groups they administer."""
    part: str = text()
    """What it is about: rights, zone, locale, welcome, summary."""
    value: str | None = text(nullable=True)
    """What it is to be set to; NULL: only to be asked."""
    cause: str = text()
    """Names the update in the outbox: carried out twice, it says nothing twice."""
    wished_at: datetime = moment()
