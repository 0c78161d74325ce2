"""What members say of the community (SOP 4.6): a suggestion or complaint becomes a task, and they hear that it did."""

import re
from datetime import timedelta

from telegram import Message

from community.bot.care import hours, task_of
from community.bot.turn import Turn
from community.groups.models import Group
from community.members.follow_ups import how_many_since, promise
from community.members.models import Member
from community.members.names import display_name
from community.outbox.enqueue import Draft
from community.playbook_feedback import Told
from community.playbook_stages import MessageClass

KINDS = ("suggestion", "complaint")
_SUPERGROUP = re.compile("-100([0-9]+)")


async def on_private_feedback(turn: Turn, member: Member, text: str) -> bool:
    """Take a message to the bot as what it says of the community; False if it says nothing of it."""
    kind = turn.bundle.playbook.feedback.told(text, private=True)
    if kind is None:
        return False
    if await _take(turn, member, kind, text) is not None:
        turn.reply(member, "bot/feedback_received", kind=kind, hours=hours(_within(turn, kind)))
    else:
        turn.reply(member, "bot/feedback_enough")
    return True


async def on_group_feedback(turn: Turn, member: Member, group: Group, message: Message) -> None:
    """Take a message in a group with a tag as what it says; not what was only passed on, nor what staff write.

    The same words again are not answered again.
    """
    text = message.text or message.caption or ""
    kind = turn.bundle.playbook.feedback.told(text, private=False)
    if kind is None or message.forward_origin is not None or group.chat_id == turn.staff_chat:
        return
    if await _take(turn, member, kind, text, group, _address(group, message)):
        turn.post(_thanks(turn, member, group, kind))


async def _take(
    turn: Turn, member: Member, kind: Told, text: str, group: Group | None = None, link: str | None = None
) -> bool | None:
    """A task, of which staff are told. False: the very same words wait already. None: the member has said enough within
    a day."""
    since, due_at = turn.at - timedelta(days=1), turn.at + _within(turn, kind)
    if await how_many_since(turn.conn, member.id, KINDS, since) >= turn.bundle.playbook.feedback.per_day:
        return None
    group_id = group.id if group else None
    task = await promise(turn.conn, member.id, kind, text, turn.at, due_at, group_id=group_id)
    if task is not None:
        about = {"kind": kind, "text": text, "place": group.title if group else None, "link": link}
        turn.tell_staff("staff/feedback", member, **task_of(turn, member, task, due_at), **about)
    return task is not None


def _within(turn: Turn, kind: Told) -> timedelta:
    asked = turn.bundle.playbook.feedback
    return asked.complaint_within if kind == "complaint" else asked.suggestion_within


def _address(group: Group, message: Message) -> str | None:
    """Where members of the group find the message; ordinary groups have no addresses."""
    found = _SUPERGROUP.fullmatch(str(group.chat_id))
    return f"https://t.me/c/{found[1]}/{message.message_id}" if found else None


def _thanks(turn: Turn, member: Member, group: Group, kind: Told) -> Draft:
    """In the member's language; it disappears as the group's welcomes do."""
    after = turn.bundle.playbook.welcome.delete_after
    return Draft(
        chat_id=group.chat_id,
        stage="group",
        step="feedback_received",
        occurrence=turn.cause,
        message_class=MessageClass.reply,
        due_at=turn.at,
        expires_at=turn.at + after,
        template="group/feedback_received",
        context={
            "group": {"title": group.title},
            "locale": member.locale or group.locale or turn.bundle.playbook.group_defaults.locale,
            "name": display_name(member.first_name, member.last_name, member.username),
            "telegram_id": member.telegram_id,
            "kind": kind,
        },
        delete_after_s=int(after.total_seconds()),
    )
