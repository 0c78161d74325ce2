"""How membership changes, and which bots are told."""

from __future__ import annotations

from dataclasses import replace

from community.sandbox.accounts import Account, Bot, User
from community.sandbox.chats import Dialog, Group
from community.sandbox.links import InviteLink, JoinRequest
from community.sandbox.members import Member
from community.sandbox.posting import administrators, post
from community.sandbox.world import World


def change(world: World, group: Group, new: Member, *, actor: Account, link: InviteLink | None = None) -> None:
    """Record a new standing: `my_chat_member` to the bot concerned, `chat_member` to bots that administer."""
    old = group.member(new.account, world.clock.date())
    group.members[new.account.id] = new
    if old.present != new.present:
        group.turned(new.account.id, world.clock.now())
    world.live.chat(group)
    if old.link is not None and not new.present:
        old.link.joined.discard(new.account.id)
    update = {
        "chat": group.as_json(),
        "from": actor.as_json(),
        "date": world.clock.date(),
        "old_chat_member": old.as_json(),
        "new_chat_member": new.as_json(),
    }
    if isinstance(new.account, Bot):
        new.account.inbox.put("my_chat_member", update, actor.id)
    for bot in administrators(world, group):
        if bot is not new.account:
            named = {"invite_link": link.as_json(bot)} if link is not None else {}
            bot.inbox.put("chat_member", update | named, new.account.id)


def admit(world: World, group: Group, account: Account, *, actor: Account, link: InviteLink | None = None) -> None:
    """Let someone in, by a link or by hand. A restriction from before holds on."""
    withdraw_request(world, group, account)
    old = group.member(account, world.clock.date())
    status = "restricted" if old.status == "restricted" else "member"
    if link is not None:
        link.joined.add(account.id)
    new = replace(old, status=status, is_member=True, link=link, until=old.until if status == "restricted" else 0)
    change(world, group, new, actor=actor, link=link)
    post(world, group, actor if link is None else account, {"new_chat_members": [account.as_json()]})


def remove(world: World, group: Group, account: Account, *, actor: Account, status: str, until: int = 0) -> None:
    """Take someone out (`left`), or ban them (`kicked`) until a date."""
    old = group.member(account, world.clock.date())
    if old.present:
        post(world, group, actor, {"left_chat_member": account.as_json()})
    if status == "left" and old.status == "restricted":
        new = replace(old, is_member=False, link=None)
    else:
        new = Member(account, status, until=until)
    change(world, group, new, actor=actor)


def ask(world: World, group: Group, user: User, link: InviteLink) -> None:
    """A request to join: kept until answered, told to bots that may invite and asked for it."""
    request = group.requests[user.id] = JoinRequest(user, group.id, link, world.clock.now())
    user.requests[group.id] = request
    link.pending += 1
    world.live.chat(group)
    for bot in administrators(world, group):
        if group.members[bot.id].may("can_invite_users"):
            update = {
                "chat": group.as_json(),
                "from": user.as_json(),
                "user_chat_id": user.id,
                "date": world.clock.date(),
                "invite_link": link.as_json(bot),
            }
            bot.inbox.put("chat_join_request", update, user.id)


def withdraw_request(world: World, group: Group, account: Account) -> JoinRequest | None:
    """Take a pending request off the list, answered or not."""
    request = group.requests.pop(account.id, None)
    if request is not None:
        request.user.requests.pop(group.id, None)
        if request.link is not None:
            request.link.pending -= 1
        world.live.chat(group)
    return request


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
    """Turn a group into a supergroup: a new chat with the same people; both say where the other is."""
    new = world.add_group("supergroup", group.title)
    new.members = dict(group.members)
    post(world, group, actor, {"migrate_to_chat_id": new.id})
    group.migrated_to = new.id
    post(world, new, actor, {"migrate_from_chat_id": group.id})
    return new
