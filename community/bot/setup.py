"""The set-up of a group, in private: what its administrator is asked, and what the answers change."""

import re
from dataclasses import dataclass
from datetime import timedelta

from telegram import ChatMemberUpdated, User

from community.access.doors import plans_for
from community.bot.counters import SETUP_REFUSED
from community.bot.turn import Turn, is_person
from community.groups.models import Group
from community.groups.rights import RIGHTS, missing_rights
from community.groups.setup import LIST, Wish, set_greets, set_locale, set_zone, wish
from community.members.models import Dm, Member
from community.members.profile import answered, expect, expected
from community.outbox.alerts import Alert
from community.playbook_types import find_zone
from community.setup_actions import (
    DEFAULT,
    LOCALE,
    ON,
    PARTS,
    RIGHTS as ABOUT_RIGHTS,
    SUMMARY,
    TYPE_IT,
    WELCOME,
    ZONE,
    read_setup,
)

START = "setup_"
"""Start payload: this and the group's number."""
TYPED_ZONE = "setup_zone:"
"""The question a member is expected to answer: this and the group's number."""
TYPE_WITHIN = timedelta(minutes=15)
"""How long a typed message counts as the zone asked for."""

_PAYLOAD = re.compile(START + r"([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Standing:
    """What Telegram says of whoever wishes, and of the bot, in a group; `admin` None: it did not say."""

    admin: bool | None
    missing: list[str]


# What comes in: nothing of it is believed, it only becomes a wish.


async def on_added(turn: Turn, change: ChatMemberUpdated, group: Group) -> None:
    """The bot is new in a group: staff are told, and whoever added it is led in private, else by a post there."""
    now = change.new_chat_member.to_dict()
    missing = [RIGHTS[right] for right in missing_rights(now, opened=await _is_opened(turn, group))]
    about = Alert(
        f"group-new:{group.chat_id}",
        "The bot was added to a group",
        f"{group.title} ({group.chat_id})" + (f"; it may not yet {' and not '.join(missing)}" if missing else ""),
        "An administrator of it is being asked for zone, language and welcome. Not yours? Remove the bot there.",
    )
    turn.alert(about)
    if not await _lead(turn, change.from_user, group):
        turn.post_setup(group, f"{START}{group.id}")


async def on_rights(turn: Turn, change: ChatMemberUpdated, group: Group) -> None:
    """The bot's rights in a group changed: whoever did it sees what is missing now; staff hear of a loss."""
    opened, both = await _is_opened(turn, group), (change.old_chat_member, change.new_chat_member)
    before, now = (missing_rights(member.to_dict(), opened=opened) for member in both)
    if before == now:
        return
    await _lead(turn, change.from_user, group)
    if lost := [RIGHTS[right] for right in now if right not in before]:
        about = Alert(
            f"group-rights:{group.chat_id}",
            f"The bot may no longer {' and '.join(lost)} in a group",
            f"{group.title} ({group.chat_id})",
            "Make it an administrator with these rights, else members cannot be let in or removed, or notices stay.",
        )
        turn.alert(about)


async def _is_opened(turn: Turn, group: Group) -> bool:
    return bool(await plans_for(turn.conn, turn.bundle.playbook, group.id))


async def on_setup_start(turn: Turn, member: Member, payload: str) -> bool:
    """Start was pressed under the post in the group; False: it is another payload."""
    match = _PAYLOAD.fullmatch(payload)
    if match:
        turn.note("start", member, None, payload="setup")
        await _wish(turn, member, int(match[1]), ABOUT_RIGHTS)
    return match is not None


async def on_setup_button(turn: Turn, member: Member, argument: str | None) -> bool:
    """A button of the set-up, `setup:<group>[_<part>[_<value>]]`; False: it is none of ours."""
    if argument is None:
        await list_groups(turn, member)
        return True
    action = read_setup(argument, turn.bundle.playbook.community.locales)
    if action is None:
        return False
    question = f"{TYPED_ZONE}{action.group_id}"
    if (action.part, action.value) == (ZONE, TYPE_IT):
        await expect(turn.conn, member.id, question, turn.at)
    else:
        await answered(turn.conn, member.id, question)
    await _wish(turn, member, action.group_id, action.part, action.value)
    return True


async def on_typed_zone(turn: Turn, member: Member, text: str) -> bool:
    """A typed message, if the member is expected to type a group's zone."""
    question = await expected(turn.conn, member.id, turn.at - TYPE_WITHIN) or ""
    if not question.startswith(TYPED_ZONE):
        return False
    await _wish(turn, member, int(question.removeprefix(TYPED_ZONE)), ZONE, text)
    return True


async def list_groups(turn: Turn, member: Member) -> None:
    """Which groups does the member administer?"""
    if not turn.muted:
        turn.wishes = await wish(turn.conn, member.id, None, LIST, None, cause=turn.cause, at=turn.at)


async def _wish(turn: Turn, member: Member, group_id: int, part: str, value: str | None = None) -> None:
    if turn.muted:
        return
    if await wish(turn.conn, member.id, group_id, part, value, cause=turn.cause, at=turn.at):
        turn.wishes = True
    else:
        refuse(turn, member, "unknown_group")


async def _lead(turn: Turn, user: User, group: Group) -> bool:
    """Show whoever did something to the bot where the set-up stands; False if the bot may not write to them."""
    if not is_person(user):
        return False
    member = await turn.member(user)
    if member.dm != Dm.open:
        return False
    await _wish(turn, member, group.id, ABOUT_RIGHTS)
    return True


# What comes of a wish once Telegram has told how the member stands.


async def carry_out(turn: Turn, member: Member, about: Wish, found: list[tuple[Group, Standing]]) -> None:
    """Do what the member wished and ask the next question; `found`: the groups in question, with the standing there."""
    if about.part == LIST:
        _show_list(turn, member, [each for each in found if each[1].admin])
    elif not found:
        refuse(turn, member, "unknown_group")
    elif not found[0][1].admin:
        refuse(turn, member, "not_admin" if found[0][1].admin is False else "not_asked")
    else:
        await _answer(turn, member, about, *found[0])


def refuse(turn: Turn, member: Member, reason: str) -> None:
    """Say kindly that it cannot be; never whether there is such a group."""
    SETUP_REFUSED.labels(reason).inc()
    turn.reply(member, "bot/setup_refused", asked=reason != "not_asked")


def _show_list(turn: Turn, member: Member, found: list[tuple[Group, Standing]]) -> None:
    if len(found) == 1:
        group, standing = found[0]
        turn.reply(member, "bot/setup_rights", **_of(group), missing=standing.missing)
    else:
        shown = [{"title": group.title, "start_payload": f"{START}{group.id}"} for group, _ in found]
        turn.reply(member, "bot/setup_groups", groups=shown)


async def _answer(turn: Turn, member: Member, about: Wish, group: Group, standing: Standing) -> None:
    if about.value is None:
        await _ask(turn, member, group, about.part, standing)
    elif about.part == ZONE:
        await _take_zone(turn, member, group, about.value, standing)
    elif about.part == LOCALE:
        group = await set_locale(turn.conn, group.id, _or_default(about.value))
        await _ask(turn, member, group, _next(LOCALE, group), standing)
    elif about.part == WELCOME:
        group = await set_greets(turn.conn, group.id, about.value == ON, turn.at)
        await _ask(turn, member, group, SUMMARY, standing)


async def _take_zone(turn: Turn, member: Member, group: Group, value: str, standing: Standing) -> None:
    zone = find_zone(value)
    if zone is None and value != DEFAULT:
        turn.reply(member, "bot/setup_zone_typed", **_of(group), unknown=None if value == TYPE_IT else value)
        return
    await answered(turn.conn, member.id, f"{TYPED_ZONE}{group.id}")
    group = await set_zone(turn.conn, group.id, zone)
    await _ask(turn, member, group, _next(ZONE, group), standing)


async def _ask(turn: Turn, member: Member, group: Group, part: str, standing: Standing) -> None:
    playbook = turn.bundle.playbook
    now = {
        "zone": group.zone or playbook.group_defaults.zone or playbook.community.zone,
        "language": group.locale or playbook.group_defaults.locale or playbook.community.locale,
        "greets": group.greets,
        "missing": standing.missing,
    }
    turn.reply(member, f"bot/setup_{part}", **_of(group), **now)


def _next(part: str, group: Group) -> str:
    """What follows an answer: the next question; for a group that has been set up, the summary."""
    return SUMMARY if group.set_up_at else PARTS[PARTS.index(part) + 1]


def _or_default(value: str) -> str | None:
    return None if value == DEFAULT else value


def _of(group: Group) -> dict[str, object]:
    return {"group": {"title": group.title}, "number": group.id}
