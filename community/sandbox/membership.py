"""How membership changes, and which bots are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from community.sandbox.accounts import Account, Bot, User
from community.sandbox.chats import Dialog, Group
from community.sandbox.errors import bad_request
from community.sandbox.identity import actor as shown_actor
from community.sandbox.links import WRITABLE, InviteLink, JoinRequest
from community.sandbox.members import Member
from community.sandbox.posting import administrators, post
from community.sandbox.world import World

JSON = dict[str, Any]


def change(
    world: World, group: Group, new: Member, *, actor: Account, link: InviteLink | None = None, via: str | None = None
) -> None:
    """Record a new standing: `my_chat_member` to the bot concerned, `chat_member` to bots that administer.

    Nothing new tells nobody. `via` is a flag of ChatMemberUpdated that says how somebody came in.
    """
    old = group.member(new.account, world.clock.date())
    if old == new:
        return
    doer = shown_actor(group, actor)
    group.members[new.account.id] = new
    if old.present != new.present:
        group.turned(new.account.id, world.clock.now())
    world.live.chat(group)
    if old.link is not None and not new.present:
        old.link.joined.discard(new.account.id)
    told = {"from": doer.as_json()} | ({via: True} if via else {})
    if isinstance(new.account, Bot):
        new.account.inbox.put("my_chat_member", _update(world, group, old, new, new.account) | told, group.id)
    for bot in administrators(world, group):
        if bot is not new.account:
            named = {"invite_link": link.as_json(bot)} if link is not None else {}
            bot.inbox.put("chat_member", _update(world, group, old, new, bot) | told | named, new.account.id)


def _update(world: World, group: Group, old: Member, new: Member, viewer: Bot) -> JSON:
    return {
        "chat": group.as_json(),
        "date": world.clock.date(),
        "old_chat_member": old.as_json(group.kind, viewer),
        "new_chat_member": new.as_json(group.kind, viewer),
    }


def check_editable(world: World, group: Group, member: Member, editor: Account, rights: frozenset[str]) -> None:
    """Raise unless `editor` may give this member these rights: their own only, and to nobody whom others promoted."""
    own = group.member(editor, world.clock.date())
    if member.status == "creator":
        raise bad_request("can't remove chat owner")
    if own.status == "creator":
        return
    if member.is_admin and member.promoted_by != editor.id:
        raise bad_request("CHAT_ADMIN_REQUIRED")
    if not rights <= own.rights:
        raise bad_request("RIGHT_FORBIDDEN")


def admit(
    world: World, group: Group, account: Account, *, actor: Account, link: InviteLink | None = None,
    via: str | None = None, paid_until: int = 0,
) -> None:  # fmt: skip
    """Let someone in, by a link or by hand. A restriction from before holds on; a channel says nothing of it."""
    withdraw_request(world, group, account)
    old = group.member(account, world.clock.date())
    status = "restricted" if old.status == "restricted" else "member"
    if link is not None:
        link.joined.add(account.id)
    until = old.until if status == "restricted" else paid_until
    new = replace(old, status=status, is_member=True, link=link, until=until)
    change(world, group, new, actor=actor, link=link, via=via)
    if not group.is_channel:
        post(
            world, group, actor if link is None and via is None else account, {"new_chat_members": [account.as_json()]}
        )


def remove(
    world: World, group: Group, account: Account, *, actor: Account, status: str, until: int = 0, forgiven: bool = False
) -> None:
    """Take someone out (`left`), or ban them (`kicked`) until a date. `forgiven` ends a restriction as well."""
    old = group.member(account, world.clock.date())
    if old.present and not group.is_channel:
        post(world, group, actor, {"left_chat_member": account.as_json()})
    if status == "left" and old.status == "restricted" and not forgiven:
        new = replace(old, is_member=False, link=None)
    else:
        new = Member(account, status, until=until)
    withdraw_request(world, group, account)
    change(world, group, new, actor=actor)


def ask(world: World, group: Group, user: User, link: InviteLink | None) -> None:
    """A request to join, without a link when a public chat asks: kept until answered, told to bots that may invite."""
    clock = world.clock
    request = group.requests[user.id] = JoinRequest(user, group.id, link, clock.now(), clock.deadline(WRITABLE))
    user.requests[group.id] = request
    if link is not None:
        link.pending += 1
    world.live.chat(group)
    for bot in administrators(world, group):
        if group.members[bot.id].may("can_invite_users"):
            update = {
                "chat": group.as_json(),
                "from": user.as_json(),
                "user_chat_id": user.id,
                "date": world.clock.date(),
            }
            named = {"invite_link": link.as_json(bot)} if link is not None else {}
            bot.inbox.put("chat_join_request", update | named, user.id)


def withdraw_request(world: World, group: Group, account: Account) -> JoinRequest | None:
    """Take a pending request off the list, answered or not."""
    request = group.requests.pop(account.id, None)
    if request is not None:
        request.user.requests.pop(group.id, None)
        if request.link is not None:
            request.link.pending -= 1
        world.live.chat(group)
    return request


def approve(world: World, group: Group, request: JoinRequest, actor: Account) -> None:
    """Let in who asked. `via_join_request` marks those who came without a link (Bot API, ChatMemberUpdated)."""
    via = "via_join_request" if request.link is None else None
    admit(world, group, request.user, actor=actor, link=request.link, via=via)


def set_blocked(world: World, dialog: Dialog, blocked: bool) -> None:
    """Block or unblock a bot in private; the bot hears of it by `my_chat_member`."""
    before, after = ("member", "kicked") if blocked else ("kicked", "member")
    dialog.blocked = blocked
    world.live.chat(dialog)
    update = {
        "chat": dialog.as_json(),
        "from": dialog.user.as_json(),
        "date": world.clock.date(),
        "old_chat_member": Member(dialog.bot, before).as_json(),
        "new_chat_member": Member(dialog.bot, after).as_json(),
    }
    dialog.bot.inbox.put("my_chat_member", update, dialog.user.id)


def migrate(world: World, group: Group, actor: Account) -> Group:
    """Turn a group into a supergroup: a new chat with the same people, links and requests; both say where the other is.

    Every bot in it hears that it is in the new one; that it left the old one it is not told.
    """
    new = world.add_group("supergroup", group.title)
    new.members, new.permissions = dict(group.members), group.permissions
    new.description, new.photo = group.description, group.photo
    _carry_links(world, group, new)
    post(world, group, actor, {"migrate_to_chat_id": new.id})
    group.migrated_to = new.id
    post(world, new, actor, {"migrate_from_chat_id": group.id})
    for bot in world.bots_in(new):
        told = _update(world, new, Member(bot, "left"), new.members[bot.id], bot)
        bot.inbox.put("my_chat_member", told | {"from": actor.as_json()}, new.id)
    world.live.chat(group)
    world.live.chat(new)
    return new


def _carry_links(world: World, group: Group, new: Group) -> None:
    new.links, group.links = group.links, {}
    new.requests, group.requests = group.requests, {}
    for url, link in new.links.items():
        world.links[url] = (new, link)
    for request in new.requests.values():
        request.chat_id = new.id
        del request.user.requests[group.id]
        request.user.requests[new.id] = request
