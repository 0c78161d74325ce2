"""Banning, restricting and promoting members."""

from __future__ import annotations

from dataclasses import replace

from community.sandbox.access import check_right, find_chat, find_group, find_member, has_right
from community.sandbox.chats import Chat, Group
from community.sandbox.errors import bad_request
from community.sandbox.members import ALL_PERMISSIONS, Member, rights_in
from community.sandbox.membership import change, check_editable, remove
from community.sandbox.methods.registry import Call, method
from community.sandbox.settings import read_permissions

SHORTEST_BAN = 30
LONGEST_BAN = 366 * 86_400
"""A ban shorter or longer than these, in seconds, is for ever (Bot API, banChatMember)."""
RESTRICT = "restrict/unrestrict chat member"
TITLE_LIMIT = 16
FIRST_EMOJI = 0x2190


@method("banChatMember")
def ban_chat_member(call: Call) -> bool:
    """In a basic group the member is only removed: it keeps no list of those banned."""
    group, member = _target(call)
    if member.account is call.bot:
        raise bad_request("can't restrict self")
    if group.kind != "group":
        remove(call.world, group, member.account, actor=call.bot, status="kicked", until=_until(call))
    elif member.present:
        remove(call.world, group, member.account, actor=call.bot, status="left")
    else:
        raise bad_request("USER_NOT_PARTICIPANT")
    return True


@method("unbanChatMember")
def unban_chat_member(call: Call) -> bool:
    """Without `only_if_banned`, a member who is there is removed and may come back (Bot API, unbanChatMember).

    It also ends a restriction that waits for somebody to come back.
    """
    group = _large(_group(find_chat(call.world, call.bot, call.params)))
    member = find_member(call.world, group, call.params)
    if member.status != "kicked" and call.params.flag("only_if_banned"):
        return True
    _check_reach(call, group, member)
    if member.status == "kicked":
        change(call.world, group, Member(member.account, "left"), actor=call.bot)
    elif member.present:
        remove(call.world, group, member.account, actor=call.bot, status="left", forgiven=True)
    elif member.status == "restricted":
        change(call.world, group, Member(member.account, "left"), actor=call.bot)
    return True


@method("restrictChatMember")
def restrict_chat_member(call: Call) -> bool:
    """All permissions together lift a restriction."""
    group, member = _target(call)
    if group.kind != "supergroup":
        raise bad_request("method is available only for supergroups")
    if member.account is call.bot:
        raise bad_request("can't restrict self")
    permissions = read_permissions(call.params)
    if permissions == ALL_PERMISSIONS:
        lifted = "member" if member.present else "left"
        status = member.status if member.status == "kicked" else lifted
        new = replace(member, status=status, permissions=frozenset(), until=0)
    else:
        new = replace(
            member, status="restricted", permissions=permissions, until=_until(call), is_member=member.present
        )
    change(call.world, group, new, actor=call.bot)
    return True


@method("promoteChatMember")
def promote_chat_member(call: Call) -> bool:
    """Only with rights the bot has itself, and only whom nobody else promoted; no right at all demotes."""
    group = _large(find_group(call.world, call.bot, call.params))
    member = find_member(call.world, group, call.params)
    if member.account is call.bot:
        raise bad_request("can't promote self")
    if not has_right(call.world, group, call.bot, "can_promote_members"):
        raise bad_request("not enough rights")
    rights = frozenset(right for right in rights_in(group.kind) if call.params.flag(right))
    anonymous = call.params.flag("is_anonymous")
    check_editable(call.world, group, member, call.bot, rights)
    if not member.present:
        raise bad_request("USER_NOT_PARTICIPANT")
    if rights or anonymous:
        rights |= {"can_manage_chat"}
        new = replace(
            member, status="administrator", rights=rights, is_anonymous=anonymous, promoted_by=call.bot.id,
            permissions=frozenset(), until=0,
        )  # fmt: skip
    elif member.is_admin:
        new = Member(member.account, "member", link=member.link)
    else:
        new = member
    change(call.world, group, new, actor=call.bot)
    return True


@method("setChatAdministratorCustomTitle")
def set_chat_administrator_custom_title(call: Call) -> bool:
    """Of an administrator this bot promoted: up to 16 characters, no emoji."""
    group = find_group(call.world, call.bot, call.params)
    if group.kind != "supergroup":
        raise bad_request("method is available only for supergroups")
    member, title = find_member(call.world, group, call.params), call.params.text("custom_title").strip()
    if member.status == "creator":
        raise bad_request("only creator can edit their custom title")
    if member.status != "administrator":
        raise bad_request("user is not an administrator")
    if member.promoted_by != call.bot.id:
        raise bad_request("not enough rights to change custom title of the user")
    if len(title) > TITLE_LIMIT:
        raise bad_request("ADMIN_RANK_INVALID")
    if any(ord(character) >= FIRST_EMOJI and not character.isalnum() for character in title):
        raise bad_request("ADMIN_RANK_EMOJI_NOT_ALLOWED")
    change(call.world, group, replace(member, custom_title=title or None), actor=call.bot)
    return True


@method("banChatSenderChat")
def ban_chat_sender_chat(call: Call) -> bool:
    """Nobody writes here as that channel any more, nor its owner as any channel."""
    group, number = _barrable(call)
    group.barred.add(number)
    call.world.live.chat(group)
    return True


@method("unbanChatSenderChat")
def unban_chat_sender_chat(call: Call) -> bool:
    group, number = _barrable(call)
    group.barred.discard(number)
    call.world.live.chat(group)
    return True


def _barrable(call: Call) -> tuple[Group, int]:
    group, number = find_group(call.world, call.bot, call.params), call.params.integer("sender_chat_id")
    if group.kind == "group":
        raise bad_request("can't ban chats in basic groups")
    if number not in call.world.groups:
        raise bad_request("chat not found")
    check_right(call.world, call.bot, group, "can_restrict_members", RESTRICT)
    return group, number


def _target(call: Call) -> tuple[Group, Member]:
    """Whom to act on."""
    group = _group(find_chat(call.world, call.bot, call.params))
    check_right(call.world, call.bot, group, "can_restrict_members", RESTRICT)
    member = find_member(call.world, group, call.params)
    _check_reach(call, group, member)
    return group, member


def _check_reach(call: Call, group: Group, member: Member) -> None:
    """Owners and administrators are out of a bot's reach."""
    check_right(call.world, call.bot, group, "can_restrict_members", RESTRICT)
    if member.status == "creator":
        raise bad_request("can't remove chat owner")
    if member.status == "administrator" and member.account is not call.bot:
        raise bad_request("user is an administrator of the chat")


def _group(chat: Chat) -> Group:
    if not isinstance(chat, Group):
        raise bad_request("can't ban members in private chats")
    return chat


def _large(group: Group) -> Group:
    if group.kind == "group":
        raise bad_request("method is available for supergroup and channel chats only")
    return group


def _until(call: Call) -> int:
    until = call.params.integer("until_date")
    ahead = until - call.world.clock.date()
    return until if SHORTEST_BAN <= ahead <= LONGEST_BAN else 0
