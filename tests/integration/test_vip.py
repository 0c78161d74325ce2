"""Groups that plans open: in comes who holds one of them, at once; others are told how; leaks are traced."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from community.access.doors import guarded, namesakes
from community.access.entry_links import chats_of
from community.access.grant import grant
from community.access.removals import propose
from community.access.terms import revoke, take_turns
from community.bundle import Bundle
from community.database.pool import connect
from community.engagement.coupons import NewCoupon, issue
from community.groups.membership import left
from community.members.people import Person, see
from community.outbox.bundles import publish
from community.payments.reconciliation import Kind, findings
from tests.integration.access_kit import DAY, HOUR, LOUNGE, VIP, groups, with_plans
from tests.integration.telegram_kit import (
    ANN,
    BEN,
    NOW,
    SECRET,
    STAFF,
    Desk,
    chat_member,
    desk,
    join_request,
    press,
    private,
)

__all__ = ["desk"]

CHAT = {"id": VIP, "type": "supergroup", "title": "VIP"}
TRIAL_CHAT = {"id": LOUNGE, "type": "supergroup", "title": "Lounge"}
CAT = 19


@pytest.fixture
async def vip(desk: Desk, bundle: Bundle) -> Bundle:
    """Plans open two groups."""
    changed = with_plans(bundle, leaks=2)
    await publish(desk.conn, changed, "plans open groups")
    await groups(desk.conn)
    return changed


async def holder(desk: Desk, vip: Bundle, who: int, plan: str = "month") -> int:
    """Somebody who holds a plan, and has never opened the bot's chat."""
    member = await see(desk.conn, Person(who, f"User {who}"), NOW - DAY, secret=SECRET)
    await grant(desk.conn, vip.playbook, member.id, plan, NOW - DAY, source="x", by="x")
    return member.id


async def link_for(desk: Desk, member_id: int, name: str) -> None:
    """An entry link that was given to the member."""
    await desk.conn.execute(
        "INSERT INTO entry_links (group_id, name, invite_link, member_id, given_at)"
        " SELECT id, %s, 'https://t.me/+' || %s, %s, %s FROM groups WHERE chat_id = %s",
        [name, name, member_id, NOW - DAY, VIP],
    )


async def decisions(desk: Desk) -> list[tuple[str, int]]:
    rows = await desk.rows("SELECT method, context FROM messages WHERE stage = 'gate' AND template IS NULL ORDER BY id")
    return [(row["method"], row["context"]["user_id"]) for row in rows]


async def test_who_holds_a_plan_is_let_in_at_once_and_asked_nothing(desk: Desk, vip: Bundle) -> None:
    await holder(desk, vip, ANN)
    await desk.take(join_request(chat=CHAT))

    assert await decisions(desk) == [("approveChatJoinRequest", ANN)]
    assert "gate/question_1" not in await desk.said()
    assert (await desk.row("SELECT state FROM join_requests"))["state"] == "passed"
    assert len(await desk.rows("SELECT FROM memberships")) == 1


async def test_the_welcome_of_a_first_entry_goes_before_the_approval(desk: Desk, vip: Bundle) -> None:
    await holder(desk, vip, ANN)
    await desk.take(join_request(chat=CHAT))
    assert await desk.said() == ["welcome_drip/welcome", "gate/approve"]


async def test_who_holds_nothing_is_told_how_to_come_in_then_declined(desk: Desk, vip: Bundle) -> None:
    await desk.take(join_request(chat=CHAT))

    assert await desk.said() == ["gate/declined", "gate/decline"]
    words = await desk.row("SELECT template, context, lane FROM messages WHERE template IS NOT NULL")
    assert words["template"] == "access/declined"
    assert words["context"] == {"group": {"title": "VIP"}, "elses": False, "includes": ["pack", "month"]}
    decision = await desk.row("SELECT lane FROM messages WHERE method = 'declineChatJoinRequest'")
    assert words["lane"] < decision["lane"], "the right to write ends with the decision"
    assert (await desk.member())["dm"] == "temporary"
    assert await desk.rows("SELECT FROM memberships") == []


@pytest.mark.parametrize("by_hand", [False, True])
async def test_in_a_group_that_plans_open_members_keep_the_zone_of_their_own(
    desk: Desk, vip: Bundle, by_hand: bool
) -> None:
    """Somebody in New York would be written to at four in the morning else."""
    number = await holder(desk, vip, ANN)
    await desk.conn.execute(
        "INSERT INTO groups (chat_id, title, zone, registered_at) VALUES (-1, 'Home', 'America/New_York', %s)", [NOW]
    )
    await desk.take(chat_member(was="left", now="member"))
    await desk.conn.execute("UPDATE members SET home_group_id = (SELECT id FROM groups WHERE chat_id = -1)")
    arrived = chat_member(was="left", now="member")
    arrived["chat_member"]["chat"] = CHAT
    await desk.take(arrived if by_hand else join_request(chat=CHAT))
    zone = await desk.row("SELECT zone FROM v_members WHERE id = %s", number)
    assert zone == {"zone": "America/New_York"}
    assert await desk.rows("SELECT FROM v_memberships WHERE present AND member_id = %s", number)


async def test_a_plan_opens_its_own_groups_only(desk: Desk, vip: Bundle) -> None:
    await holder(desk, vip, ANN, "trial_7")
    await desk.take(join_request(chat=CHAT), join_request(chat=TRIAL_CHAT))
    assert await decisions(desk) == [("declineChatJoinRequest", ANN), ("approveChatJoinRequest", ANN)]


async def test_a_term_that_is_over_opens_nothing(desk: Desk, vip: Bundle) -> None:
    await holder(desk, vip, ANN, "trial_7")
    await desk.take(join_request(chat=TRIAL_CHAT, at=NOW + 6 * DAY))
    assert await decisions(desk) == [("declineChatJoinRequest", ANN)]


async def test_a_term_that_is_still_to_come_opens_its_groups_already(desk: Desk, vip: Bundle) -> None:
    """Such as who buys a month while their trial runs: the month follows it."""
    number = await holder(desk, vip, ANN, "trial_7")
    term = await grant(desk.conn, vip.playbook, number, "month", NOW, source="x", by="x", starts_at=NOW + 6 * DAY)
    await desk.take(join_request(chat=CHAT))
    assert await decisions(desk) == [("approveChatJoinRequest", ANN)]
    assert await propose(desk.conn, vip.playbook, NOW + HOUR, staff_chat=STAFF) == 0
    found = await findings(desk.conn, vip.playbook, NOW + HOUR, staff_chat=STAFF)
    assert [(each.kind, each.title) for each in found] == [(Kind.outside, "Lounge")]

    await revoke(desk.conn, term.id, NOW + HOUR, by="x", note="")
    assert await propose(desk.conn, vip.playbook, NOW + 2 * DAY, staff_chat=STAFF) == 1, "though it never began"


async def test_other_groups_keep_the_quiz(desk: Desk, vip: Bundle) -> None:
    await holder(desk, vip, ANN)
    await desk.take(join_request())
    assert await desk.said() == ["gate/question_1"]


async def test_an_open_quiz_elsewhere_goes_on(desk: Desk, vip: Bundle) -> None:
    await holder(desk, vip, ANN)
    await desk.take(join_request(), join_request(chat=CHAT))
    states = await desk.rows("SELECT state FROM join_requests ORDER BY id")
    assert [row["state"] for row in states] == ["asked", "passed"]


async def test_who_blocked_the_bot_is_let_in_all_the_same(desk: Desk, vip: Bundle) -> None:
    await holder(desk, vip, ANN)
    await desk.conn.execute("UPDATE members SET dm = 'blocked'")
    await desk.take(join_request(chat=CHAT))
    assert await decisions(desk) == [("approveChatJoinRequest", ANN)]
    row = await desk.row("SELECT member_id FROM messages WHERE method = 'approveChatJoinRequest'")
    assert row["member_id"] is None, "no gate that asks whether the member may be written to"


async def test_who_left_comes_in_again_by_the_same_link(desk: Desk, vip: Bundle) -> None:
    number = await holder(desk, vip, ANN)
    await link_for(desk, number, "vip-ann")
    for hours in (0, 2):
        at = NOW + timedelta(hours=hours)
        await desk.take(join_request(chat=CHAT, link="vip-ann", at=at))
        gone = chat_member(was="member", now="left", at=at + timedelta(hours=1))
        gone["chat_member"]["chat"] = CHAT
        await desk.take(gone)
    assert [method for method, _ in await decisions(desk)] == ["approveChatJoinRequest"] * 2
    assert (await desk.row("SELECT used_at FROM entry_links"))["used_at"] == NOW
    assert await desk.events("leak") == []


async def test_a_link_in_other_hands_is_traced_to_its_owner_and_told_once(desk: Desk, vip: Bundle) -> None:
    owner = await holder(desk, vip, ANN)
    await link_for(desk, owner, "vip-ann")
    await desk.take(join_request(BEN, chat=CHAT, link="vip-ann"), join_request(BEN, chat=CHAT, link="vip-ann"))

    assert await decisions(desk) == [("declineChatJoinRequest", BEN)] * 2
    ben = (await desk.member(BEN))["id"]
    leaks = [(event["member_id"], event["data"]["by"]) for event in await desk.events("leak")]
    assert leaks == [(owner, ben)] * 2
    told = await desk.row("SELECT context FROM messages WHERE chat_id = %s", STAFF)
    assert (told["context"]["number"], told["context"]["by"], told["context"]["replaced"]) == (owner, ben, False)
    words = await desk.rows("SELECT context FROM messages WHERE template = 'access/declined'")
    assert [row["context"]["elses"] for row in words] == [True, True]


async def test_a_link_that_goes_round_is_replaced_for_its_owner(desk: Desk, vip: Bundle) -> None:
    owner = await holder(desk, vip, ANN)
    await link_for(desk, owner, "vip-ann")
    await desk.conn.execute(
        "INSERT INTO entry_links (group_id, name, invite_link)"
        " SELECT id, 'vip-new', 'https://t.me/+new' FROM groups WHERE chat_id = %s",
        [VIP],
    )
    await desk.take(*[join_request(who, chat=CHAT, link="vip-ann") for who in (BEN, CAT, BEN)])

    links = await desk.rows("SELECT name, member_id, revoked_at FROM entry_links ORDER BY id")
    assert [(row["name"], row["member_id"], row["revoked_at"]) for row in links] == [
        ("vip-ann", owner, NOW),
        ("vip-new", owner, None),
    ]
    way = await desk.row("SELECT context FROM messages WHERE template = 'access/way' AND chat_id = %s", ANN)
    assert way["context"]["join_url"] == "https://t.me/+new"
    told = await desk.rows("SELECT context FROM messages WHERE chat_id = %s ORDER BY id", STAFF)
    assert [row["context"]["replaced"] for row in told] == [False, True]
    await desk.take(join_request(chat=CHAT, link="vip-ann"))
    assert (await decisions(desk))[-1] == ("approveChatJoinRequest", ANN), "the owner by any link"


async def test_who_holds_a_plan_of_their_own_comes_in_by_anybodys_link(desk: Desk, vip: Bundle) -> None:
    owner = await holder(desk, vip, ANN)
    await link_for(desk, owner, "vip-ann")
    await holder(desk, vip, BEN)
    await desk.take(join_request(BEN, chat=CHAT, link="vip-ann"))
    assert await decisions(desk) == [("approveChatJoinRequest", BEN)]
    assert await desk.events("leak") == []
    assert (await desk.row("SELECT used_at FROM entry_links"))["used_at"] is None


async def test_the_same_update_again_says_and_traces_nothing_more(desk: Desk, vip: Bundle) -> None:
    request = join_request(chat=CHAT)
    await desk.take(request)
    before = await desk.said()
    await desk.take(request)
    assert await desk.said() == before


async def test_newcomers_are_not_led_to_a_group_that_plans_open(desk: Desk, vip: Bundle) -> None:
    await desk.conn.execute(
        "INSERT INTO groups (chat_id, title, registered_at, invite_link) VALUES (-1, 'Open', %s, 'https://t.me/+open')",
        [NOW - 300 * DAY],
    )
    await desk.take(private("/start"))
    row = await desk.row("SELECT context FROM messages WHERE template = 'bot/join'")
    assert row["context"]["join_url"] == "https://t.me/+open"


async def test_renamed_the_group_stays_guarded(desk: Desk, vip: Bundle) -> None:
    await holder(desk, vip, BEN)
    renamed = {**CHAT, "title": "Everybody welcome"}
    await desk.take(join_request(BEN, chat=CHAT), join_request(chat=renamed))
    assert await decisions(desk) == [("approveChatJoinRequest", BEN), ("declineChatJoinRequest", ANN)]
    assert "gate/question_1" not in await desk.said()
    await desk.take(private("/start"))
    assert await desk.rows("SELECT FROM messages WHERE template = 'bot/join'") == []


async def test_a_strangers_group_of_the_same_title_gets_no_links(desk: Desk, vip: Bundle) -> None:
    [mine] = await chats_of(desk.conn, vip.playbook, "month")
    await desk.conn.execute(
        "INSERT INTO groups (chat_id, title, registered_at, invite_link) VALUES (-9, 'VIP', %s, 'https://t.me/+x')",
        [NOW],
    )
    assert await chats_of(desk.conn, vip.playbook, "month") == [mine]
    [other] = await namesakes(desk.conn, vip.playbook)
    assert (other["title"], other["stays"]) == ("VIP", mine.group_id)
    await desk.conn.execute("UPDATE groups SET title = 'Old' WHERE id = %s", [mine.group_id])
    assert [chat.group_id for chat in await chats_of(desk.conn, vip.playbook, "month")] == [mine.group_id]
    await desk.conn.execute("UPDATE groups SET lost_at = %s WHERE id = %s", [NOW, mine.group_id])
    assert [chat.group_id for chat in await chats_of(desk.conn, vip.playbook, "month")] == [None], (
        "and not the stranger's"
    )


async def test_of_two_groups_with_the_title_the_oldest_is_meant(desk: Desk, vip: Bundle) -> None:
    await desk.conn.execute("INSERT INTO groups (chat_id, title, registered_at) VALUES (-9, 'VIP', %s)", [NOW + DAY])
    [mine] = await chats_of(desk.conn, vip.playbook, "month")
    row = await desk.row("SELECT chat_id FROM groups WHERE id = %s", mine.group_id)
    assert row["chat_id"] == VIP


async def test_a_group_that_no_plan_opens_any_more_stays_closed(desk: Desk, vip: Bundle) -> None:
    assert len(await guarded(desk.conn, vip.playbook)) == 2
    plans = {key: {**plan, "chats": []} for key, plan in vip.source["plans"].items()}
    await publish(desk.conn, Bundle({**vip.source, "plans": plans}, vip.copy), "plans open nothing")
    await holder(desk, vip, ANN)
    await desk.take(join_request(chat=CHAT))
    assert await decisions(desk) == [("declineChatJoinRequest", ANN)]
    [told] = await desk.rows("SELECT what FROM alerts WHERE subject LIKE 'closed:%%'")
    assert "none opens now" in told["what"]


async def test_a_coupon_opens_a_trial_its_group_and_its_end(desk: Desk, vip: Bundle) -> None:
    for code in ("TASTE", "TASTE2"):
        await issue(desk.conn, vip.playbook, NewCoupon(code=code, offer="taste", opens="trial_7"), NOW)
    await guarded(desk.conn, vip.playbook)
    await desk.conn.execute(
        "INSERT INTO groups (chat_id, title, registered_at, invite_link) VALUES (-9, 'Lounge', %s, 'https://t.me/+x')",
        [NOW],
    )
    await desk.take(private("TASTE"))
    opened = await desk.row("SELECT context FROM messages WHERE template = 'bot/opened'")
    assert opened["context"]["awaited"] == ["Lounge"], "of the plan's own group, not the stranger's"
    await desk.take(join_request(chat=TRIAL_CHAT))
    assert await decisions(desk) == [("approveChatJoinRequest", ANN)]

    await desk.take(private("TASTE2"))
    refused = await desk.row("SELECT context FROM messages WHERE template = 'bot/coupon_refused'")
    assert refused["context"]["reason"] == "had_already"
    over = NOW + 7 * DAY
    found = [
        await propose(desk.conn, vip.playbook, at, staff_chat=STAFF)
        for at in (over, over + timedelta(hours=1, seconds=1))
    ]
    assert found == [0, 1], "after the grace of an hour"


async def test_the_bot_and_a_run_note_a_removal_at_the_same_moment(desk: Desk, vip: Bundle, database_url: str) -> None:
    """The run holds the member's turn, then their rows; the bot must not hold these while it waits for the turn."""
    who = await holder(desk, vip, ANN)
    arrived, gone = chat_member(), chat_member(was="member", now="left")
    for update in (arrived, gone):
        update["chat_member"]["chat"] = CHAT
    await desk.take(arrived)
    group = (await desk.row("SELECT group_id FROM memberships"))["group_id"]
    await desk.conn.execute(
        "INSERT INTO removals (member_id, group_id, term_id, due_at, state, checked_at)"
        " VALUES (%s, %s, 1, %s, 'waiting', %s)",
        [who, group, NOW, NOW],
    )
    await desk.conn.execute(
        "INSERT INTO messages"
        " (bot_id, chat_id, lane, stage, step, occurrence, method, state, exempt, planned_at, due_at)"
        " SELECT 1, %s, 35, 'access', 'remove', 'removal:' || id || ':' || extract(epoch FROM checked_at)::bigint,"
        " 'unbanChatMember', 'sent', true, %s, %s FROM removals",
        [VIP, NOW, NOW],
    )
    async with await connect(database_url) as run, run.transaction():
        await run.execute("SET LOCAL deadlock_timeout = '20ms'")
        await take_turns(run, who)
        telling = asyncio.create_task(desk.take(gone))
        await asyncio.sleep(0.3)
        await left(run, who, group, NOW)
    await telling
    assert (await removal(desk))["state"] == "removed"
    assert set(await desk.states()) == {"handled"}


async def removal(desk: Desk) -> dict[str, Any]:
    return await desk.row("SELECT state, decided_by FROM removals")


async def test_staff_decide_by_a_button_in_their_chat_only(desk: Desk, vip: Bundle) -> None:
    who = await holder(desk, vip, ANN)
    await desk.conn.execute(
        "INSERT INTO removals (member_id, group_id, term_id, due_at, state, asked_at)"
        " SELECT %s, id, 1, %s, 'proposed', %s FROM groups WHERE chat_id = %s",
        [who, NOW - DAY, NOW, VIP],
    )
    word = f"removals:approve_{int(NOW.timestamp())}:1"
    await desk.take(press(word))
    assert (await removal(desk))["state"] == "proposed"

    in_staff_chat = press(word)
    in_staff_chat["callback_query"]["message"] = {
        "message_id": 1, "date": 0, "chat": {"id": STAFF, "type": "supergroup", "title": "Staff"},
    }  # fmt: skip
    await desk.take(in_staff_chat)
    number = (await desk.member())["id"]
    assert await removal(desk) == {"state": "approved", "decided_by": f"member {number}"}
    asked_for = await desk.row("SELECT stage, member_id FROM stage_triggers WHERE stage = 'access_expiry'")
    assert asked_for == {"stage": "access_expiry", "member_id": who}, "a run is asked for at once"
