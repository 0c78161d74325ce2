"""Who the members are, where they came from, and whether we may write to them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Text, text as sql
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, identity, json, moment, text


class Dm(StrEnum):
    """May the bot write to the member in private?"""

    none = "none"
    """Never opened the chat: Telegram refuses."""
    temporary = "temporary"
    """A join request is pending: allowed until `dm_until_at`."""
    open = "open"
    """Pressed Start or wrote to the bot."""
    blocked = "blocked"
    """Blocked the bot."""
    gone = "gone"
    """The account was deleted."""


class Member(SQLModel, table=True):
    """One person, known by Telegram id. `id` is the internal number shown to operators."""

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint("dm in ('none', 'temporary', 'open', 'blocked', 'gone')", name="members_dm"),
        Index("members_seen", "first_seen_at"),
        Index("members_entered", "entered_at", postgresql_where=sql("entered_at IS NOT NULL")),
    )

    id: int = identity()
    telegram_id: int = bigint(unique=True)
    username: str | None = text(nullable=True)
    first_name: str = text(server_default="")
    last_name: str = text(server_default="")
    locale: str | None = text(nullable=True)
    """zh-Hans, zh-Hant or en; NULL: the group's, else the community's."""
    zone: str | None = text(nullable=True)
    """IANA zone the member chose; NULL: the home group's, else the community's (Telegram never tells it)."""
    dm: str = text(server_default="none")
    dm_until_at: datetime | None = moment(nullable=True)
    opted_out_at: datetime | None = moment(nullable=True)
    link_token: str | None = text(nullable=True)
    """First tracked link that brought the member; kept for ever. NULL: source unknown."""
    home_group_id: int | None = bigint(nullable=True)
    """The group joined last, but for those that plans open: its zone and language are the member's."""
    first_seen_at: datetime = moment()
    entered_at: datetime | None = moment(nullable=True)
    """When first admitted to a group; starts the welcome drip. Coming back does not restart it."""
    left_at: datetime | None = moment(nullable=True)
    """When the member left the last group they were in; NULL while in one, or on the way in."""
    last_active_at: datetime | None = moment(nullable=True)
    """Last message, button, click or reaction."""


class MemberTag(SQLModel, table=True):
    """A tag of a member, such as `interest:price`."""

    __tablename__ = "member_tags"

    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), primary_key=True))
    tag: str = Field(primary_key=True)
    since_at: datetime = moment()


class MemberOrigin(SQLModel, table=True):
    """What the list by which a member was brought in says of them."""

    __tablename__ = "member_origins"

    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), primary_key=True))
    source: str | None = text(nullable=True)
    """Where they came from, in the operator's words; the first known is kept for ever."""
    consent: str | None = text(nullable=True)
    """When or how they agreed to be written to, as the newest list says."""
    listed_at: datetime = moment()


class FollowUp(SQLModel, table=True):
    """Something a member of staff has promised to do for a member (SOP 1.8: a human within 24 h)."""

    __tablename__ = "follow_ups"
    __table_args__ = (
        # What the calendar opens, it opens once; what a member asks for has no occurrence.
        Index("follow_ups_once", "member_id", "kind", "occurrence", unique=True),
        Index("follow_ups_open", "due_at", postgresql_where=sql("done_at IS NULL")),
        Index("follow_ups_made", "kind", "created_at"),
    )

    id: int = identity()
    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), nullable=False))
    kind: str = text()
    occurrence: str | None = text(nullable=True)
    """Which reason of that kind it is for; NULL: the member's own words are."""
    note: str = text()
    created_at: datetime = moment()
    due_at: datetime = moment()
    done_at: datetime | None = moment(nullable=True)
    done_by: str | None = text(nullable=True)
    """A member's number for the staff chat's button, which proves it; else how it was said."""
    outcome: str = text(server_default="")
    """What came of it, in staff's words."""
    group_id: int | None = bigint(nullable=True)
    """Where it was said; NULL: in private, or nowhere."""


class Link(SQLModel, table=True):
    """A tracked link: an entry link of a campaign, a resource in a message, or a live session's."""

    __tablename__ = "links"

    token: str = Field(primary_key=True)
    kind: str = text()
    """`entry` leads to the bot or a group's join request; `resource` and `live` to `url`."""
    url: str | None = text(nullable=True)
    source: dict[str, Any] = json()
    """utm_source, utm_medium, utm_campaign, utm_content, partner."""
    created_at: datetime = moment()


class Dialogue(SQLModel, table=True):
    """The question a member is expected to answer next in the private chat."""

    __tablename__ = "dialogues"

    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), primary_key=True))
    expecting: str = text()
    asked_at: datetime = moment()


class Suppression(SQLModel, table=True):
    """An erased member who is left alone should they come back: no id, only its keyed hash."""

    __tablename__ = "suppressions"

    hash: str = Field(sa_column=Column(Text, primary_key=True))
    since_at: datetime = moment()


class PersonAccount(SQLModel, table=True):
    """An account of a person who has, or has had, more than one; or who was erased. All others are one person each."""

    __tablename__ = "persons"
    __table_args__ = (Index("persons_person", "person"),)

    id: int = identity()
    person: str = text()
    """Drawn at random; the same for all accounts of a person."""
    member_id: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="SET NULL"), unique=True)
    )
    """NULL: erased, or never met."""
    hash: str | None = text(nullable=True, unique=True)
    """Keyed hash of the account, as in `suppressions`; NULL: not needed, as it is a member's."""


class PersonHad(SQLModel, table=True):
    """A plan that a person may have once and has had by an account that was erased."""

    __tablename__ = "persons_had"

    person: str = Field(sa_column=Column(Text, primary_key=True))
    plan: str = Field(sa_column=Column(Text, primary_key=True))


class Erasure(SQLModel, table=True):
    """What was removed when a member was erased. The former number leads to nothing any more."""

    __tablename__ = "erasures"

    id: int = identity()
    member_number: int = bigint()
    erased_at: datetime = moment()
    removed: dict[str, Any] = json()
    """Rows by kind."""
