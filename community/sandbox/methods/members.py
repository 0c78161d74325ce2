"""Banning, restricting and promoting members."""

from __future__ import annotations

from dataclasses import replace

from community.sandbox.access import check_right, find_group, find_member
from community.sandbox.chats import Group
from community.sandbox.errors import bad_request
from community.sandbox.members import PERMISSIONS, RIGHTS, Member
from community.sandbox.membership import change, remove
from community.sandbox.methods.registry import Call, method

SHORTEST_BAN = 30
LONGEST_BAN = 366 * 86_400
"""A ban shorter or longer than these, in seconds, is for ever (Bot API, banChatMember)."""


@method("banChatMember")
def ban_chat_member(call: Call) -> bool:
    group, member = _target(call)
    if member.account is call.bot:
        raise bad_request("can't restrict self")
    remove(call.world, group, member.account, actor=call.bot, status="kicked", until=_until(call))
    return True


@method("unbanChatMember")
def unban_chat_member(call: Call) -> bool:
    """Without `only_if_banned`, a member who is there is removed and may come back (Bot API, unbanChatMember)."""
    group, member = _target(call)
    if group.kind == "group":
        raise bad_request("method is available for supergroup and channel chats only")
    if member.status == "kicked":
        change(call.world, group, Member(member.account, "left"), actor=call.bot)
    elif member.present and not call.params.flag("only_if_banned"):
        remove(call.world, group, member.account, actor=call.bot, status="left")
    return True


@method("restrictChatMember")
def restrict_chat_member(call: Call) -> bool:
    group, member = _target(call)
    if group.kind == "group":
        raise bad_request("method is available only for supergroups")
    allowed = call.params.nested("permissions")
    if allowed is None:
        raise bad_request("parameter permissions is required")
    permissions = frozenset(name for name in PERMISSIONS if allowed.get(name) is True)
    free = permissions >= {name for name in PERMISSIONS if name.startswith("can_send")}
    if free:
        new = replace(member, status="member" if member.present else "left", permissions=frozenset(), until=0)
    else:
        new = replace(
            member, status="restricted", permissions=permissions, until=_until(call), is_member=member.present
        )
    change(call.world, group, new, actor=call.bot)
    return True


@method("promoteChatMember")
def promote_chat_member(call: Call) -> bool:
    group = find_group(call.world, call.bot, call.params)
    check_right(call.world, call.bot, group, "can_promote_members", "promote/demote chat member")
    member = find_member(call.world, group, call.params)
    if not member.present:
        raise bad_request("USER_NOT_PARTICIPANT")
    if member.status == "creator":
        raise bad_request("can't remove chat owner")
    rights = frozenset(right for right in RIGHTS if call.params.flag(right))
    status = "administrator" if rights else "member"
    rights |= {"can_manage_chat"} if rights else frozenset()
    change(call.world, group, replace(member, status=status, rights=rights), actor=call.bot)
    return True


def _target(call: Call) -> tuple[Group, Member]:
    """Whom to act on; owners and administrators are out of a bot's reach."""
    group = find_group(call.world, call.bot, call.params)
    check_right(call.world, call.bot, group, "can_restrict_members", "restrict/unrestrict chat member")
    member = find_member(call.world, group, call.params)
    if member.status == "creator":
        raise bad_request("can't remove chat owner")
    if member.status == "administrator":
        raise bad_request("user is an administrator of the chat")
    return group, member


def _until(call: Call) -> int:
    until = call.params.integer("until_date")
    ahead = until - call.world.clock.date()
    return until if SHORTEST_BAN <= ahead <= LONGEST_BAN else 0
