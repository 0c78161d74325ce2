"""Groups: the bot comes and goes, members ask to join, join, leave, speak and react."""

from telegram import ChatInviteLink, ChatJoinRequest, ChatMember, ChatMemberUpdated, Message, MessageReactionUpdated

from community.access.removals import settle as settle_removals
from community.access.terms import take_turns
from community.bot.dashboard import on_staff_message
from community.bot.feedback import on_group_feedback
from community.bot.setup import on_added, on_rights
from community.bot.turn import Turn, is_person
from community.channels.standing import is_present as present
from community.groups.membership import joined, left
from community.groups.registry import lose, migrate, register
from community.groups.vip import Knock, knock
from community.members.reach import block, unblock
from community.outbox.alerts import Alert


async def on_join_request(turn: Turn, request: ChatJoinRequest) -> None:
    """Somebody asks to be let in: by what they hold where plans open the group, else the gate takes over."""
    if is_person(request.from_user):
        member, group = await turn.member(request.from_user), await turn.group(request.chat)
        gate, link, name = turn.gate(member), request.invite_link, link_name(request.invite_link)
        if not await knock(gate, Knock(group, link.invite_link if link else None, name), turn.staff_chat):
            await gate.request(group, name)


async def on_chat_member(turn: Turn, change: ChatMemberUpdated) -> None:
    """Somebody joined or left a group, or was removed from it."""
    user = change.new_chat_member.user
    was, is_now = present(change.old_chat_member), present(change.new_chat_member)
    if was == is_now or not is_person(user):
        return
    member, group = await turn.member(user), await turn.group(change.chat)
    if is_now:
        token = link_name(change.invite_link)
        await joined(turn.conn, turn.bundle, member, group, turn.at, bot_id=turn.bot_id, link_token=token)
    else:
        await take_turns(turn.conn, member.id)  # before their rows, as whoever removes them does
        await left(turn.conn, member.id, group.id, turn.at)
        whom = (member.id, group.id)
        await settle_removals(turn.conn, turn.bundle, turn.at, bot_id=turn.bot_id, put_out=left, whom=whom)


async def on_my_chat_member(turn: Turn, change: ChatMemberUpdated) -> None:
    """The bot was blocked or let in again by a member, or was added to, promoted in or removed from a group."""
    here = present(change.new_chat_member)
    if change.chat.type == "private":
        if is_person(change.from_user):
            member = await turn.member(change.from_user)
            await (unblock if here else block)(turn.conn, member.id, turn.at)
    elif here:
        group = await register(turn.conn, change.chat.id, change.chat.title or "", turn.at)
        await (on_rights if present(change.old_chat_member) else on_added)(turn, change, group)
        turn.doors = change.new_chat_member.status == ChatMember.ADMINISTRATOR
    elif lost := await lose(turn.conn, change.chat.id, turn.at):
        about = Alert(
            f"group-lost:{lost.chat_id}",
            "The bot was removed from a group",
            f"{lost.title} ({lost.chat_id})",
            "Nothing more is sent there. Add the bot again as an admin, if that was not intended.",
        )
        turn.alert(about)


async def on_group_message(turn: Turn, message: Message) -> None:
    """A message in a group: that somebody spoke is recorded, what they said only if it is feedback."""
    if message.migrate_to_chat_id:
        await migrate(turn.conn, message.chat.id, message.migrate_to_chat_id)
    elif message.migrate_from_chat_id:
        await migrate(turn.conn, message.migrate_from_chat_id, message.chat.id)
    elif is_person(message.from_user) and message.sender_chat is None and (kind := kind_of(message)):
        if await on_staff_message(turn, message):
            return
        assert message.from_user is not None
        member, group = await turn.member(message.from_user), await turn.group(message.chat)
        turn.note("message", member, group, kind=kind, length=len(message.text or message.caption or ""))
        await on_group_feedback(turn, member, group, message)


async def on_reaction(turn: Turn, reaction: MessageReactionUpdated) -> None:
    """A reaction was added; taking one back is no sign of life. Anonymous ones have no user."""
    if reaction.user is None or not is_person(reaction.user):
        return
    if len(reaction.new_reaction) > len(reaction.old_reaction):
        member = await turn.member(reaction.user)
        group = None if reaction.chat.type == "private" else await turn.group(reaction.chat)
        turn.note("reaction", member, group, message=reaction.message_id)


def link_name(link: ChatInviteLink | None) -> str | None:
    """The name of an invite link, which is the token of its tracked link."""
    return link.name if link else None


def kind_of(message: Message) -> str | None:
    """What sort of message it is; None for a service message, such as "… joined the group"."""
    for kind in ("text", "photo", "video", "voice", "audio", "document", "sticker", "animation", "video_note", "poll"):
        if getattr(message, kind):
            return kind
    return "other" if message.effective_attachment else None
