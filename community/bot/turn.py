"""One update being handled: what it changes, says and records commits together; what must wait for that comes after."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from telegram import Chat, User

from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection
from community.groups.gate import Gate
from community.groups.models import Group
from community.groups.registry import group_of
from community.insight.entrance import Entrance
from community.members.models import Member
from community.members.names import display_name, short_name
from community.members.people import Person, see
from community.outbox.alerts import Alert, alert
from community.outbox.enqueue import Draft, enqueue
from community.outbox.render import Renderer
from community.playbook_stages import MessageClass
from community.telegram_html import plain_text

SERVICE_ACCOUNTS = frozenset({777000, 1087968824, 136817688})
"""Telegram's own: posts of a linked channel, anonymous admins, senders on behalf of a channel."""
TOAST_LIMIT = 200
"""Characters that Telegram shows of the answer to a pressed button."""
SETUP_POST = timedelta(days=1)
"""How long the post that asks for an administrator stays in the group."""


@dataclass(frozen=True, slots=True)
class Toast:
    """The answer to a pressed button, given by a direct call after commit. `text` None: only the waiting ends."""

    callback_id: str
    text: str | None = None


@dataclass(slots=True)
class Turn:
    """The update's surroundings and its effects so far. `at` is its SOP time."""

    conn: Connection
    bundle: Bundle
    bot_id: int
    staff_chat: int | None
    cause: str
    """Names the update in the outbox: handling it again says nothing twice."""
    at: datetime
    secret: str
    """Which erasures are hashed by."""
    entrance: Entrance | None = None
    """To the dashboard."""
    muted: bool = False
    """The sender floods: nothing is said, everything else happens."""
    toast: Toast | None = None
    doors: bool = False
    """The bot may now be able to make invite links."""
    paid: bool = False
    """A payment is to be settled."""
    subscription: bool = False
    """A subscription is to begin, or to stop."""
    wishes: bool = False
    """Something is wished of a group: Telegram is to be asked how the member stands there."""
    _drafts: list[Draft] = field(default_factory=list)
    _activities: list[Activity] = field(default_factory=list)
    _alerts: list[Alert] = field(default_factory=list)

    async def member(self, user: User) -> Member:
        """The member behind a Telegram user."""
        person = Person(user.id, user.first_name, user.last_name, user.username, user.language_code)
        return await see(self.conn, person, self.at, secret=self.secret)

    async def group(self, chat: Chat) -> Group:
        """The group behind a Telegram chat."""
        return await group_of(self.conn, chat.id, chat.title or "", self.at)

    def gate(self, member: Member) -> Gate:
        """The entry gate for this member, now."""
        return Gate(self.conn, self.bundle, self.bot_id, member, self.at, self.cause)

    def note(self, event: str, member: Member, group: Group | None, /, **data: Any) -> None:
        """Record an activity when the turn ends. `data` never holds a member's words."""
        self._activities.append(Activity(event, self.at, member.id, group.id if group else None, data))

    def reply(self, member: Member, template: str, **context: Any) -> None:
        """Answer the member in private."""
        if not self.muted:
            self._say(member.telegram_id, template, MessageClass.reply, member_id=member.id, context=context)

    def inform(self, other: Member, template: str, **context: Any) -> None:
        """Write to another member than the one whose update it is."""
        self._say(other.telegram_id, template, MessageClass.support, member_id=other.id, context=context)

    def tell_staff(self, template: str, member: Member, **context: Any) -> None:
        """Write to the staff chat, if there is one."""
        if self.staff_chat is not None:
            names = (member.first_name, member.last_name, member.username)
            about = {"name": display_name(*names), "first_name": short_name(*names), "locale": member.locale}
            self._say(self.staff_chat, template, MessageClass.support, context={"member": about, **context})

    def post(self, draft: Draft) -> None:
        """Say something in a group."""
        if not self.muted:
            self._drafts.append(draft)

    def post_setup(self, group: Group, start_payload: str) -> None:
        """Ask for an administrator in the group, whom the bot may not write to yet. At most one such post a day."""
        draft = Draft(
            chat_id=group.chat_id,
            stage="group",
            step="setup",
            occurrence=f"group:{group.id}:{self.at:%Y-%m-%d}",
            message_class=MessageClass.welcome,
            due_at=self.at,
            expires_at=self.at + SETUP_POST,
            template="group/setup",
            context={
                "group": {"title": group.title},
                "locale": group.locale or self.bundle.playbook.group_defaults.locale,
                "start_payload": start_payload,
            },
            delete_after_s=int(SETUP_POST.total_seconds()),
        )
        self._drafts.append(draft)

    def answer(self, member: Member, template: str, **context: Any) -> None:
        """The few words that Telegram shows over the chat when a button was pressed, in the member's language."""
        if self.toast is not None:
            locale = member.locale or self.bundle.playbook.community.locale
            text = plain_text(Renderer(self.bundle).render(template, locale, context).text)
            self.toast = Toast(self.toast.callback_id, text[:TOAST_LIMIT])

    def in_staff_chat(self, chat_id: int | None) -> bool:
        """Whether that is the staff chat, where whoever is in it may decide."""
        return self.staff_chat is not None and chat_id == self.staff_chat

    def alert(self, about: Alert) -> None:
        """Something needs staff."""
        self._alerts.append(about)

    def local(self, moment: datetime) -> str:
        """A moment as staff read it, in the community's zone."""
        return f"{moment.astimezone(ZoneInfo(self.bundle.playbook.community.zone)):%Y-%m-%d %H:%M %Z}"

    async def finish(self) -> None:
        """Write what was noted and said, in the turn's transaction."""
        await record(self.conn, self._activities)
        await enqueue(self.conn, self.bot_id, self.bundle.hash, self._drafts, self.at)
        for about in self._alerts:
            await alert(self.conn, about, self.at)

    def _say(self, chat_id: int, template: str, message_class: MessageClass, **rest: Any) -> None:
        draft = Draft(
            chat_id=chat_id,
            stage="bot",
            step=template.rpartition("/")[2],
            occurrence=self.cause,
            message_class=message_class,
            due_at=self.at,
            template=template,
            **rest,
        )
        self._drafts.append(draft)


def is_person(user: User | None) -> bool:
    """Whether a member is behind it: no bot, no anonymous admin, no linked channel."""
    return user is not None and not user.is_bot and user.id not in SERVICE_ACCOUNTS
