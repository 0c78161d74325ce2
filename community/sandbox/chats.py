"""Private chats and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from community.sandbox.accounts import Account, Bot, User
from community.sandbox.members import ALL_RIGHTS, Member

if TYPE_CHECKING:
    from community.sandbox.links import InviteLink, JoinRequest
    from community.sandbox.messages import Message

JSON = dict[str, Any]


class Chat:
    """Messages by id. Ids rise within the chat."""

    def __init__(self, id: int, first_message_id: int) -> None:
        self.id = id
        self.messages: dict[int, Message] = {}
        self.next_message_id = first_message_id
        self.pinned: Message | None = None

    def message(self, message_id: int) -> Message | None:
        """A message that is there, not deleted."""
        message = self.messages.get(message_id)
        return None if message is None or message.deleted else message

    def as_json(self) -> JSON:
        raise NotImplementedError


class Dialog(Chat):
    """One bot and one user. `opened`: the user pressed Start or wrote, so the bot may write."""

    def __init__(self, bot: Bot, user: User, first_message_id: int) -> None:
        super().__init__(user.id, first_message_id)
        self.bot = bot
        self.user = user
        self.opened = False
        self.blocked = False

    def as_json(self) -> JSON:
        return _named({"id": self.id, "type": "private"}, self.user)


class Group(Chat):
    """A group or supergroup. `kind` is Telegram's chat type."""

    def __init__(self, id: int, kind: str, title: str, first_message_id: int, username: str | None = None) -> None:
        super().__init__(id, first_message_id)
        self.kind = kind
        self.title = title
        self.username = username
        self.members: dict[int, Member] = {}
        self.links: dict[str, InviteLink] = {}
        self.requests: dict[int, JoinRequest] = {}
        self.migrated_to: int | None = None
        self.turns: dict[int, list[float]] = {}

    def as_json(self) -> JSON:
        chat = {"id": self.id, "type": self.kind, "title": self.title}
        if self.username:
            chat["username"] = self.username
        return chat

    def member(self, account: Account, date: int) -> Member:
        """How someone stands in this group at `date`; restrictions that ran out have ended."""
        member = self.members.get(account.id)
        if member is None:
            return Member(account, "left")
        if member.until and member.until <= date and member.status in ("kicked", "restricted"):
            member = self.members[account.id] = member.released()
        return member

    def standing(self, account: Account) -> Member | None:
        """As recorded, without looking at the clock; None for a stranger."""
        return self.members.get(account.id)

    def turned(self, account_id: int, moment: float) -> None:
        """Note that someone came, or went."""
        self.turns.setdefault(account_id, []).append(moment)

    def was_present(self, account_id: int, moment: float) -> bool:
        """Whether someone was in the group then: as they stand now, turned back by all comings and goings since."""
        member = self.members.get(account_id)
        since = sum(turn > moment for turn in self.turns.get(account_id, ()))
        return (member is not None and member.present) != (since % 2 == 1)

    def enrol(self, account: Account, *, admin: bool = False, owner: bool = False) -> None:
        """Put someone in without telling anybody."""
        if owner or admin:
            member = Member(account, "creator" if owner else "administrator", rights=ALL_RIGHTS)
        else:
            member = Member(account, "member")
        self.members[account.id] = member

    def present(self) -> list[Member]:
        return [member for member in self.members.values() if member.present]

    def bots(self) -> list[Bot]:
        return [member.account for member in self.members.values() if isinstance(member.account, Bot)]


def _named(chat: JSON, user: User) -> JSON:
    chat["first_name"] = user.first_name
    if user.last_name:
        chat["last_name"] = user.last_name
    if user.username:
        chat["username"] = user.username
    return chat
