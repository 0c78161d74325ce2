"""Terms: who holds which plan from when until when; their ways into groups, and out again."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text as sql
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
    renews: bool = Field(default=False, nullable=False, sa_column_kwargs={"server_default": "false"})
    """A subscription prolongs it by itself: nobody is reminded of its end."""
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


class EntryLink(SQLModel, table=True):
    """A way into a group for one member alone: made ahead, given with what opens it.

    It waits (`given_at` NULL) with an address, or is given without one, which is then made at once.
    """

    __tablename__ = "entry_links"
    __table_args__ = (
        Index("entry_links_ready", "group_id", "id", postgresql_where=sql("given_at IS NULL AND revoked_at IS NULL")),
        Index("entry_links_unmade", "id", postgresql_where=sql("invite_link IS NULL AND revoked_at IS NULL")),
        Index("entry_links_open", "id", postgresql_where=sql("revoked_at IS NOT NULL AND closed_at IS NULL")),
        Index("entry_links_term", "term_id"),
        Index("entry_links_member", "member_id"),
        Index("entry_links_address", "invite_link"),
    )

    id: int = identity()
    group_id: int = bigint()
    """The group (or channel) by its number in `groups`, which it keeps when Telegram renumbers the chat."""
    name: str = text(unique=True)
    """Its name at Telegram, `vip-…`, up to 32 characters."""
    invite_link: str | None = text(nullable=True)
    """NULL: not made yet."""
    made_at: datetime | None = moment(nullable=True)
    member_id: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="SET NULL"), nullable=True)
    )
    term_id: int | None = bigint(nullable=True)
    """The term that it was given for."""
    order_id: int | None = bigint(nullable=True)
    given_at: datetime | None = moment(nullable=True)
    used_at: datetime | None = moment(nullable=True)
    """When somebody came in by it."""
    revoked_at: datetime | None = moment(nullable=True)
    """Not good any more: what it was given for was taken back. Nobody is let in by it from now on."""
    closed_at: datetime | None = moment(nullable=True)
    """When Telegram was told so."""


class OpenedChat(SQLModel, table=True):
    """The group that a plan's `chats` mean by a title or number, from when it was first found."""

    __tablename__ = "opened_chats"

    wish: str = Field(sa_column=Column(Text, primary_key=True))
    """As the playbook writes it."""
    group_id: int = Field(sa_column=Column(BigInteger, ForeignKey("groups.id", ondelete="CASCADE"), nullable=False))


class Removal(SQLModel, table=True):
    """A member is to leave a group, as the term that let them in is over."""

    __tablename__ = "removals"
    __table_args__ = (
        CheckConstraint(
            "state in ('proposed', 'approved', 'waiting', 'removed', 'kept', 'failed')", name="removals_state"
        ),
        UniqueConstraint("term_id", "group_id", name="removals_once"),
        Index("removals_member", "member_id"),
        Index("removals_open", "due_at", postgresql_where=sql("state in ('proposed', 'approved', 'waiting')")),
    )

    id: int = identity()
    member_id: int = Field(sa_column=Column(BigInteger, ForeignKey("members.id", ondelete="CASCADE"), nullable=False))
    group_id: int = bigint()
    term_id: int = bigint()
    due_at: datetime = moment()
    state: str = text()
    why: str = text(server_default="")
    """Why it is as it is, in a word."""
    checked_at: datetime | None = moment(nullable=True)
    """When it was last seen to be right."""
    asked_at: datetime | None = moment(nullable=True)
    """When the staff chat was first asked about it: a button there decides on no others."""
    decided_at: datetime | None = moment(nullable=True)
    decided_by: str | None = text(nullable=True)
