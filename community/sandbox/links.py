"""Invite links and the requests to join that came by them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from community.sandbox.accounts import Account, User


@dataclass(slots=True, eq=False)
class InviteLink:
    """`joined`: ids of those who came by it and are still there, which is what `member_limit` counts."""

    creator: Account
    url: str = field(default_factory=lambda: "https://t.me/+" + secrets.token_urlsafe(12))
    name: str | None = None
    expire_date: int | None = None
    member_limit: int | None = None
    creates_join_request: bool = False
    is_primary: bool = False
    is_revoked: bool = False
    joined: set[int] = field(default_factory=set)
    pending: int = 0
    subscription_period: int | None = None
    subscription_price: int | None = None

    def closed(self, date: int) -> str | None:
        """Why nobody can use it at `date`; None while it is open."""
        if self.is_revoked or (self.expire_date and self.expire_date <= date):
            return "INVITE_HASH_EXPIRED"
        if self.member_limit and len(self.joined) >= self.member_limit:
            return "INVITE_HASH_EXPIRED: member limit reached"
        return None

    def as_json(self, viewer: Account | None = None) -> dict[str, Any]:
        """A viewer other than the creator sees the second half of the address as dots, as in Telegram."""
        own = viewer is None or viewer is self.creator
        link: dict[str, Any] = {
            "invite_link": self.url if own else self.url[:22] + "...",
            "creator": self.creator.as_json(),
            "creates_join_request": self.creates_join_request,
            "is_primary": self.is_primary,
            "is_revoked": self.is_revoked,
        }
        optional = {"name": self.name, "expire_date": self.expire_date, "member_limit": self.member_limit}
        optional |= {"subscription_period": self.subscription_period, "subscription_price": self.subscription_price}
        link |= {key: value for key, value in optional.items() if value is not None}
        if self.pending:
            link["pending_join_request_count"] = self.pending
        return link


def primary(links: Iterable[InviteLink], creator: Account) -> InviteLink | None:
    """An administrator's primary link that still works."""
    return next((link for link in links if link.is_primary and link.creator is creator and not link.is_revoked), None)


WRITABLE = 300
"""Seconds a pending request lets the bot write privately (Bot API, ChatJoinRequest.user_chat_id)."""


@dataclass(slots=True, eq=False)
class JoinRequest:
    """Waiting for approval since `date`; until `writable_until` bots may write to the user (sandbox seconds)."""

    user: User
    chat_id: int
    link: InviteLink | None
    date: float
    writable_until: float
