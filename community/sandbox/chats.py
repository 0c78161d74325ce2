"""Private chats, groups and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from community.sandbox.accounts import Account, Bot, User
from community.sandbox.members import ALL_PERMISSIONS, ALL_RIGHTS, Member

if TYPE_CHECKING:
    from collections import deque

    from community.sandbox.files import StoredFile
    from community.sandbox.links import InviteLink, JoinRequest
    from community.sandbox.messages import Message
    from community.sandbox.topics import Topic
    from community.sandbox.undelivered import Refusal

JSON = dict[str, Any]


RIGHTS_TOO = ("can_change", "can_invite", "can_pin", "can_manage")
"""Permissions that begin so are also rights: administrators have these by name, and all the others anyway."""
PUBLICLY_IGNORED = frozenset({"can_change_info", "can_pin_messages"})
"""What members of a public group may not do, whatever its permissions say (Bot API, ChatPermissions)."""


class Chat:
    """Messages by id. Ids rise within the chat. `pins` by message id.

    `read`: by user, the newest message they have seen on the page.

    `keyboard`: the reply keyboard or forced reply that stands below the chat, None when there is none, and the number
    of the message that brought it; with `keyboard_for` only for those users (`selective`), and no more for those in
    `keyboard_hidden`.
    """

    keyboard: JSON | None = None
    keyboard_message: int = 0
    keyboard_for: frozenset[int] | None = None
    keyboard_hidden: frozenset[int] = frozenset()

    def __init__(self, id: int, first_message_id: int) -> None:
        self.id = id
        self.messages: dict[int, Message] = {}
        self.next_message_id = first_message_id
        self.pins: dict[int, Message] = {}
        self.read: dict[int, int] = {}

    @property
    def pinned(self) -> Message | None:
        """The newest pinned message, by the date it was sent (Bot API, ChatFullInfo.pinned_message)."""
        return self.pins[max(self.pins)] if self.pins else None

    def keyboard_of(self, user_id: int) -> JSON | None:
        """The reply keyboard or forced reply that this user sees."""
        if self.keyboard_for is not None and user_id not in self.keyboard_for:
            return None
        return None if user_id in self.keyboard_hidden else self.keyboard

    def message(self, message_id: int) -> Message | None:
        """A message that is there, not deleted."""
        message = self.messages.get(message_id)
        return None if message is None or message.deleted else message

    def as_json(self) -> JSON:
        raise NotImplementedError


class Dialog(Chat):
    """One bot and one user. `opened`: the user pressed Start or wrote, so the bot may write.

    `refused`: the newest messages that could not be delivered.
    """

    def __init__(self, bot: Bot, user: User, first_message_id: int) -> None:
        super().__init__(user.id, first_message_id)
        self.bot = bot
        self.user = user
        self.opened = False
        self.blocked = False
        self.refused: deque[Refusal] | None = None

    def as_json(self) -> JSON:
        return _named({"id": self.id, "type": "private"}, self.user)


class Group(Chat):
    """A group, supergroup or channel. `kind` is Telegram's chat type.

    `permissions`: what ordinary members may do. `linked`: a channel's discussion group, a group's channel.
    `signed`: posts of a channel carry their author's name. `barred`: numbers of chats nobody may write here as,
    nor their owners as any channel. `discussed`: copies of a channel's posts in its discussion group, by the post's
    number. `spoke`: when people last wrote, kept for slow mode only. `stars`: what subscribers paid.
    """

    def __init__(self, id: int, kind: str, title: str, first_message_id: int, username: str | None = None) -> None:
        super().__init__(id, first_message_id)
        self.kind = kind
        self.title = title
        self.username = username
        self.description: str | None = None
        self.photo: StoredFile | None = None
        self.permissions = ALL_PERMISSIONS
        self.is_forum = False
        self.join_by_request = False
        self.signed = False
        self.slow_mode_delay = 0
        self.linked: Group | None = None
        self.members: dict[int, Member] = {}
        self.links: dict[str, InviteLink] = {}
        self.requests: dict[int, JoinRequest] = {}
        self.topics: dict[int, Topic] = {}
        self.barred: set[int] = set()
        self.discussed: dict[int, Message] = {}
        self.spoke: dict[int, float] = {}
        self.migrated_to: int | None = None
        self.stars = 0
        self.turns: dict[int, list[tuple[float, int]]] = {}

    @property
    def is_channel(self) -> bool:
        return self.kind == "channel"

    @property
    def owner(self) -> Account | None:
        return next((member.account for member in self.members.values() if member.status == "creator"), None)

    def as_json(self) -> JSON:
        chat: JSON = {"id": self.id, "type": self.kind, "title": self.title}
        if self.username:
            chat["username"] = self.username
        if self.is_forum:
            chat["is_forum"] = True
        return chat

    def allows(self, member: Member, permission: str) -> bool:
        """Whether someone here has a permission that a group gives to its ordinary members too."""
        if member.is_admin:
            return not permission.startswith(RIGHTS_TOO) or member.may(permission)
        if self.is_channel or permission not in self.permissions or (self.username and permission in PUBLICLY_IGNORED):
            return False
        return member.may_send(permission)

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
        """Note that someone came, or went, and before which message."""
        self.turns.setdefault(account_id, []).append((moment, self.next_message_id))

    def was_present(self, account_id: int, moment: float) -> bool:
        """Whether someone was in the group then."""
        return self._was_in(account_id, sum(turn > moment for turn, _ in self.turns.get(account_id, ())))

    def met(self, account_id: int, message_id: int) -> bool:
        """Whether someone was in the group when a message came, in order even where dates are the same."""
        return self._was_in(account_id, sum(number > message_id for _, number in self.turns.get(account_id, ())))

    def _was_in(self, account_id: int, turns_since: int) -> bool:
        """As they stand now, turned back by all comings and goings since."""
        member = self.members.get(account_id)
        return (member is not None and member.present) != (turns_since % 2 == 1)

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
