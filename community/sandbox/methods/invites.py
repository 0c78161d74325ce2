"""Invite links and join requests."""

from __future__ import annotations

from typing import Any

from community.sandbox.access import check_right, find_group, find_member
from community.sandbox.accounts import User
from community.sandbox.chats import Group
from community.sandbox.errors import bad_request
from community.sandbox.links import InviteLink, JoinRequest
from community.sandbox.membership import approve, withdraw_request
from community.sandbox.methods.registry import Call, method

JSON = dict[str, Any]
NAME_LIMIT = 32


@method("createChatInviteLink")
def create_chat_invite_link(call: Call) -> JSON:
    group = _managed(call)
    link = InviteLink(call.bot)
    _configure(call, link)
    return _add(call, group, link)


@method("editChatInviteLink")
def edit_chat_invite_link(call: Call) -> JSON:
    group = _managed(call)
    link = _own_link(call, group)
    if link.is_primary or link.is_revoked:
        raise bad_request("INVITE_HASH_EXPIRED")
    _configure(call, link)
    return link.as_json(call.bot)


@method("revokeChatInviteLink")
def revoke_chat_invite_link(call: Call) -> JSON:
    group = _managed(call)
    link = _own_link(call, group)
    link.is_revoked = True
    if link.is_primary:
        _add(call, group, InviteLink(call.bot, is_primary=True))
    return link.as_json(call.bot)


@method("exportChatInviteLink")
def export_chat_invite_link(call: Call) -> str:
    """A new primary link; the one before is revoked."""
    group = _managed(call)
    for link in group.links.values():
        if link.is_primary and link.creator is call.bot:
            link.is_revoked = True
    url: str = _add(call, group, InviteLink(call.bot, is_primary=True))["invite_link"]
    return url


def _managed(call: Call) -> Group:
    group = find_group(call.world, call.bot, call.params)
    check_right(call.world, call.bot, group, "can_invite_users", "manage chat invite link")
    return group


def _own_link(call: Call, group: Group) -> InviteLink:
    link = group.links.get(call.params.text("invite_link"))
    if link is None or link.creator is not call.bot:
        raise bad_request("INVITE_HASH_EXPIRED")
    return link


def _add(call: Call, group: Group, link: InviteLink) -> JSON:
    group.links[link.url] = link
    call.world.links[link.url] = (group, link)
    return link.as_json(call.bot)


def _configure(call: Call, link: InviteLink) -> None:
    """Read the settings of a link; all are checked before any is changed."""
    params = call.params
    name, limit = params.text("name"), params.integer("member_limit")
    expire, asks = params.integer("expire_date"), params.flag("creates_join_request")
    if len(name) > NAME_LIMIT:
        raise bad_request("INVITE_LINK_NAME_TOO_LONG")
    if limit and asks:
        raise bad_request("member limit can't be specified for links requiring administrator approval")
    if not 0 <= limit <= 99_999:
        raise bad_request("wrong member limit specified")
    if expire and expire <= call.world.clock.date():
        raise bad_request("EXPIRE_DATE_INVALID")
    link.name, link.member_limit = name or None, limit or None
    link.expire_date, link.creates_join_request = expire or None, asks


@method("approveChatJoinRequest")
def approve_chat_join_request(call: Call) -> bool:
    group, request = _answered(call)
    approve(call.world, group, request, call.bot)
    return True


@method("declineChatJoinRequest")
def decline_chat_join_request(call: Call) -> bool:
    _answered(call)
    return True


def _answered(call: Call) -> tuple[Group, JoinRequest]:
    """The request of `user_id`, taken off the list."""
    group = find_group(call.world, call.bot, call.params)
    check_right(call.world, call.bot, group, "can_invite_users", "manage chat join requests")
    member = find_member(call.world, group, call.params)
    if member.present:
        raise bad_request("USER_ALREADY_PARTICIPANT")
    request = withdraw_request(call.world, group, member.account) if isinstance(member.account, User) else None
    if request is None:
        raise bad_request("HIDE_REQUESTER_MISSING")
    return group, request
