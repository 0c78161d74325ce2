"""Nobody is removed who holds a running term that opens the group; nobody stays beyond the grace when removal is on."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given as always, settings, strategies as st

from community.access.asking import ask_staff
from community.access.grant import grant
from community.access.removals import begin, decide, due, let_stay, listed, propose, settle
from community.access.terms import revoke, set_end
from community.access.ways import close_ways
from community.bundle import Bundle
from community.database.pool import Connection, connect
from community.errors import AccessRefused
from community.groups.membership import left
from community.outbox.claim import claim, ensure_budget
from tests.integration.access_kit import (
    DAY,
    HOUR,
    LOUNGE,
    VIP,
    answer,
    calls,
    given,
    groups,
    inside,
    outside,
    removals,
    with_plans,
)
from tests.integration.conftest import BOT_ID, NOON, MakeMember

STAFF = -4000
ENDED = NOON - 2 * DAY


@pytest.fixture
def vip(bundle: Bundle) -> Bundle:
    """Removal is on."""
    return with_plans(bundle, remove=True)


async def look(conn: Connection, bundle: Bundle, at: datetime = NOON) -> int:
    return await propose(conn, bundle.playbook, at, staff_chat=STAFF)


async def carry_out(conn: Connection, bundle: Bundle, at: datetime = NOON) -> int:
    """As a run does, with Telegram saying that all are plain members."""
    await settle(conn, bundle, at, bot_id=BOT_ID, put_out=left)
    await look(conn, bundle, at)
    found = await due(conn, bundle.playbook, at)
    return sum([await begin(conn, bundle, row, at, bot_id=BOT_ID) for row in found.now])


async def test_whose_term_and_grace_are_over_is_listed_once(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, NOON - DAY + HOUR)

    assert await look(conn, vip) == 0, "within the grace of a day"
    assert await look(conn, vip, NOON + HOUR) == 1
    assert await look(conn, vip, NOON + 2 * HOUR) == 0
    assert await removals(conn) == [(who, "proposed", "")]


async def test_each_plan_has_its_own_grace_and_chat(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[LOUNGE], who)
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "trial_7", NOON - 8 * DAY, NOON - HOUR)

    assert await look(conn, vip) == 1, "the lounge after an hour"
    assert [row["title"] for row in await listed(conn)] == ["Lounge"], "the trial never opened the VIP group"


async def test_who_holds_another_plan_that_opens_it_stays(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    numbers, (holder, other, stranger) = await groups(conn), [await member() for _ in range(3)]
    for who in (holder, other, stranger):
        await inside(conn, numbers[VIP], who)
        await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await given(conn, vip, holder, "pack", NOON - 30 * DAY, NOON + DAY)
    await given(conn, vip, other, "other", NOON - 30 * DAY, NOON + DAY)
    await outside(conn, numbers[VIP], stranger, NOON - HOUR)

    await look(conn, vip)
    assert await removals(conn) == [(other, "proposed", "")]


async def test_who_never_held_anything_is_not_removed(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    assert await look(conn, vip) == 0


async def test_staff_stay(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await conn.execute("INSERT INTO groups (chat_id, title, registered_at) VALUES (%s, 'Staff', %s)", [STAFF, NOON])
    await conn.execute(
        "INSERT INTO memberships (member_id, group_id, joined_at) SELECT %s, id, %s FROM groups WHERE chat_id = %s",
        [who, NOON, STAFF],
    )
    assert await look(conn, vip) == 0


async def test_without_the_playbooks_word_nobody_is_removed(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    listing, numbers, who = with_plans(bundle), await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, listing, who, "month", NOON - 30 * DAY, ENDED)

    assert await carry_out(conn, listing) == 0
    await decide(conn, "approved", NOON, by="ann", ids=[row["id"] for row in await listed(conn)])
    assert await carry_out(conn, listing) == 0
    assert await calls(conn) == []


async def test_removed_by_one_call_then_told_and_the_links_closed(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    term = await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await conn.execute(
        "INSERT INTO entry_links (group_id, name, invite_link, member_id, term_id, given_at)"
        " VALUES (%s, 'vip-1', 'https://t.me/+a', %s, %s, %s)",
        [numbers[VIP], who, term.id, NOON - 30 * DAY],
    )

    assert await carry_out(conn, vip) == 1
    assert await calls(conn, "method", "chat_id", "context") == [("unbanChatMember", VIP, {"user_id": 10_001})]
    said = "SELECT step, member_id FROM messages WHERE template = 'access/ended'"
    assert await (await conn.execute(said)).fetchall() == [], "not before they are out"

    await answer(conn)
    await settle(conn, vip, NOON + HOUR, bot_id=BOT_ID, put_out=left)
    await settle(conn, vip, NOON + HOUR, bot_id=BOT_ID, put_out=left)
    assert await removals(conn) == [(who, "removed", "")]
    assert await (await conn.execute(said)).fetchall() == [{"step": "ended", "member_id": who}]
    links = await (await conn.execute("SELECT revoked_at FROM entry_links")).fetchall()
    assert links == [{"revoked_at": NOON + HOUR}]
    assert await carry_out(conn, vip, NOON + 2 * HOUR) == 0, "though nobody said yet that they left"


async def test_links_close_with_the_last_term_that_opens_the_group(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    numbers, members = await groups(conn), [await member() for _ in range(4)]
    over, holds, comes, chosen = members
    for who in members:
        await conn.execute(
            "INSERT INTO entry_links (group_id, name, invite_link, member_id, given_at) VALUES (%s, %s, 'x', %s, %s)",
            [numbers[VIP], f"vip-{who}", who, NOON - 30 * DAY],
        )
        await given(conn, vip, who, "month", NOON - 30 * DAY, NOON)
    await given(conn, vip, holds, "pack", NOON - 30 * DAY, NOON + DAY)
    await given(conn, vip, comes, "pack", NOON + DAY, NOON + 2 * DAY)

    assert await close_ways(conn, vip.playbook, NOON - HOUR) == 0
    assert await close_ways(conn, vip.playbook, NOON, member_id=chosen) == 1
    assert await close_ways(conn, vip.playbook, NOON) == 1
    rows = await (await conn.execute("SELECT member_id FROM entry_links WHERE revoked_at = %s", [NOON])).fetchall()
    assert {row["member_id"] for row in rows} == {over, chosen}


@pytest.mark.parametrize("how", ["grant", "other plan", "end"])
async def test_who_comes_to_hold_something_while_the_call_waits_stays(
    conn: Connection, vip: Bundle, member: MakeMember, how: str
) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    term = await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    assert await carry_out(conn, vip) == 1

    if how == "end":
        await set_end(conn, term.id, NOON + DAY, NOON, by="ann", note="")
    else:
        await grant(conn, vip.playbook, who, "month" if how == "grant" else "pack", NOON, source="test", by="x")
    assert await calls(conn, "state", "reason") == [("cancelled", "holds")]
    assert await carry_out(conn, vip) == 0
    assert await removals(conn) == [(who, "kept", "changed")]

    later = NOON + 400 * DAY
    assert await carry_out(conn, vip, later) == 1, "its own end comes"


@pytest.mark.parametrize("left_first", [True, False])
async def test_who_pays_while_the_call_is_on_its_way_gets_the_way_back(
    conn: Connection, vip: Bundle, member: MakeMember, left_first: bool
) -> None:
    """`left_first`: Telegram has told that they left before it answered the call."""
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await carry_out(conn, vip)
    await answer(conn, "sending")
    await grant(conn, vip.playbook, who, "month", NOON, source="test", by="x")
    await conn.execute(
        "INSERT INTO entry_links (group_id, name, invite_link) VALUES (%s, 'vip-9', 'https://t.me/+n')", [numbers[VIP]]
    )
    await conn.execute("UPDATE messages SET state = 'sent' WHERE step = 'remove'")
    if left_first:
        await outside(conn, numbers[VIP], who, NOON)

    outcome = await settle(conn, vip, NOON, bot_id=BOT_ID, put_out=left, whom=(who, numbers[VIP]))
    assert len(outcome.back) == 1
    steps = await (await conn.execute("SELECT step, context FROM messages WHERE member_id IS NOT NULL")).fetchall()
    assert [row["step"] for row in steps] == ["way"]
    assert steps[0]["context"]["join_url"] == "https://t.me/+n"
    still = "SELECT FROM memberships WHERE left_at IS NULL AND group_id = %s"
    assert await (await conn.execute(still, [numbers[VIP]])).fetchall() == []


async def test_who_is_back_before_the_call_is_settled_stays_in_our_records(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await carry_out(conn, vip)
    await answer(conn)
    await grant(conn, vip.playbook, who, "month", NOON, source="test", by="x")
    await inside(conn, numbers[VIP], who, NOON + HOUR / 60)
    await settle(conn, vip, NOON + HOUR, bot_id=BOT_ID, put_out=left)
    row = await (await conn.execute("SELECT left_at FROM memberships WHERE group_id = %s", [numbers[VIP]])).fetchone()
    assert row == {"left_at": None}


@pytest.mark.parametrize("how", ["grant", "end"])
async def test_a_call_on_its_way_is_not_tried_again_after_a_payment(
    conn: Connection, vip: Bundle, member: MakeMember, how: str
) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    term = await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await carry_out(conn, vip)
    await ensure_budget(conn, BOT_ID, None)
    [claimed] = (await claim(conn, BOT_ID, vip.playbook, NOON, "test", 32)).rows
    if how == "grant":
        await grant(conn, vip.playbook, who, "month", NOON, source="test", by="x")
    else:
        await set_end(conn, term.id, NOON + DAY, NOON, by="ann", note="")
    await conn.execute("UPDATE messages SET state = 'waiting', lease_until_wall = NULL WHERE step = 'remove'")
    await conn.execute("DELETE FROM chat_paces")
    assert (await claim(conn, BOT_ID, vip.playbook, NOON, "test", 32)).rows == []
    assert await calls(conn, "id", "state") == [(claimed["id"], "expired")]


async def test_a_term_that_is_still_to_come_keeps_them_in(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await grant(conn, vip.playbook, who, "month", NOON, source="staff", by="ann", starts_at=NOON + 5 * DAY)
    assert await carry_out(conn, vip) == 0


async def test_above_the_limit_nobody_goes_until_staff_agree(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    few, numbers = with_plans(bundle, remove=True, removals_per_day=2), await groups(conn)
    members = [await member() for _ in range(3)]
    for who in members:
        await inside(conn, numbers[VIP], who)
        await given(conn, few, who, "month", NOON - 30 * DAY, ENDED)
    assert await carry_out(conn, few) == 0
    found = await due(conn, few.playbook, NOON)
    asked = [
        await ask_staff(conn, few, found.asked, NOON + HOUR * n, bot_id=BOT_ID, staff_chat=STAFF) for n in range(3)
    ]
    assert asked == [True, False, False]

    later = await member()
    await inside(conn, numbers[VIP], later)
    await given(conn, few, later, "month", NOON - 30 * DAY, ENDED)
    await look(conn, few)
    await decide(conn, "kept", NOON, by="ann", ids=[found.asked[0]["id"]])
    await decide(conn, "approved", NOON, by="ann", asked_by=NOON)
    states = {who: state for who, state, _ in await removals(conn)}
    chosen = {row["member_id"]: "approved" for row in found.asked[1:]}
    assert states == {found.asked[0]["member_id"]: "kept", later: "proposed"} | chosen, "of the last nobody was asked"
    assert await carry_out(conn, few) == 3
    assert not (await due(conn, few.playbook, NOON)).asked


@pytest.mark.parametrize("state", ["proposed", "approved", "waiting", "sending"])
async def test_a_renewal_and_its_grace_outlive_an_older_removal(
    conn: Connection, vip: Bundle, member: MakeMember, state: str
) -> None:
    """Listed, or decided, or under way; then the member comes to hold something for half an hour."""
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await look(conn, vip)
    rows = await listed(conn)
    if state != "proposed":
        await decide(conn, "approved", NOON, by="ann", ids=[rows[0]["id"]])
    if state in ("waiting", "sending"):
        await carry_out(conn, vip)
    if state == "sending":
        await answer(conn, "sending")
    await given(conn, vip, who, "pack", NOON, NOON + HOUR / 2)
    if state == "sending":
        await conn.execute("UPDATE messages SET state = 'expired' WHERE step = 'remove'")

    assert not await begin(conn, vip, rows[0], NOON + HOUR, bot_id=BOT_ID), "by a run that had found them before"
    assert await carry_out(conn, vip, NOON + HOUR) == 0
    assert await carry_out(conn, vip, NOON + DAY) == 0
    assert [row["decided_by"] for row in await listed(conn, "proposed", "approved", "kept")] == [None]
    assert await carry_out(conn, vip, NOON + DAY + HOUR) == 1


async def test_those_of_the_day_count_towards_the_limit(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    few, numbers = with_plans(bundle, remove=True, removals_per_day=1), await groups(conn)
    for end in (ENDED, ENDED + HOUR):
        who = await member()
        await inside(conn, numbers[VIP], who)
        await given(conn, few, who, "month", NOON - 30 * DAY, end)

    first = NOON - DAY + HOUR / 2
    assert await carry_out(conn, few, first) == 1
    await answer(conn)
    assert await carry_out(conn, few, NOON) == 0, "within 24 hours of the other"
    assert await carry_out(conn, few, first + DAY + HOUR / 2) == 1


async def test_kept_by_staff_stays_until_its_end_is_set_anew(conn: Connection, vip: Bundle, member: MakeMember) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    term = await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await look(conn, vip)
    await decide(conn, "kept", NOON, by="ann", ids=[row["id"] for row in await listed(conn)])
    assert await carry_out(conn, vip, NOON + 30 * DAY) == 0

    await set_end(conn, term.id, NOON + 31 * DAY, NOON + 30 * DAY, by="ann", note="")
    assert await carry_out(conn, vip, NOON + 33 * DAY) == 1


async def test_administrators_are_let_be_and_asked_about_a_day_later(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await look(conn, vip)
    await let_stay(conn, (await listed(conn))[0], "administrator", NOON)

    assert await carry_out(conn, vip, NOON + HOUR) == 0
    assert await carry_out(conn, vip, NOON + DAY) == 1
    await answer(conn, "failed", "bad_request: Bad Request: user is an administrator of the chat")
    await settle(conn, vip, NOON + DAY, bot_id=BOT_ID, put_out=left)
    assert await removals(conn) == [(who, "kept", "administrator")]


@pytest.mark.parametrize("why", ["staff", "outside"])
async def test_whom_telegram_spares_rests_for_a_day_unless_they_come_in_again(
    conn: Connection, vip: Bundle, member: MakeMember, why: str
) -> None:
    numbers, members = await groups(conn), [await member() for _ in range(2)]
    for who in members:
        await inside(conn, numbers[VIP], who)
        await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await look(conn, vip)
    for row in await listed(conn):
        await let_stay(conn, row, why, NOON)
    await inside(conn, numbers[VIP], members[0], NOON + HOUR / 2)
    assert await look(conn, vip, NOON + HOUR) == 1
    assert [row["member_id"] for row in await listed(conn)] == members[:1]
    assert await look(conn, vip, NOON + DAY) == 1


async def test_what_telegram_refuses_is_told_and_tried_a_day_later(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await carry_out(conn, vip)
    await answer(conn, "failed", "no_rights")
    await settle(conn, vip, NOON, bot_id=BOT_ID, put_out=left)
    assert await removals(conn) == [(who, "failed", "no_rights")]
    assert len(await (await conn.execute("SELECT FROM alerts")).fetchall()) == 1
    assert await carry_out(conn, vip, NOON + HOUR) == 0
    assert await carry_out(conn, vip, NOON + DAY) == 1


async def test_a_call_that_expired_in_the_queue_is_made_again(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await carry_out(conn, vip)
    await answer(conn, "expired", "stale")
    assert await carry_out(conn, vip, NOON + HOUR) == 1
    assert await calls(conn) == ["expired", "waiting"]


async def test_who_was_removed_and_came_back_is_removed_at_the_next_end(
    conn: Connection, vip: Bundle, member: MakeMember
) -> None:
    numbers, who = await groups(conn), await member()
    await inside(conn, numbers[VIP], who)
    await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
    await carry_out(conn, vip)
    await answer(conn)
    await settle(conn, vip, NOON, bot_id=BOT_ID, put_out=left)
    await outside(conn, numbers[VIP], who, NOON)
    await given(conn, vip, who, "month", NOON + DAY, NOON + 10 * DAY)
    await inside(conn, numbers[VIP], who, NOON + DAY)

    assert await carry_out(conn, vip, NOON + 10 * DAY) == 0
    assert await carry_out(conn, vip, NOON + 11 * DAY) == 1


ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["grant", "end", "revoke", "run", "send", "retry", "deliver", "fail", "come", "pass", "keep", "approve"]
        ),
        st.integers(0, 2),
        st.integers(0, 6),
    ),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@always(ACTS)
async def test_whatever_happens(
    conn: Connection, bundle: Bundle, member: MakeMember, acts: list[tuple[str, int, int]]
) -> None:
    """Terms come, go and change, runs and deliveries interleave: at every call the member holds nothing that opens."""
    vip = with_plans(bundle, remove=True, removals_per_day=1000)
    async with conn.transaction(force_rollback=True):
        numbers, members = await groups(conn), [await member() for _ in range(3)]
        at = NOON
        for who in members:
            await inside(conn, numbers[VIP], who)
            await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
        kept: set[int] = set()
        for act, which, days in acts:
            who = members[which]
            await _act(conn, vip, act, who, days, at, numbers[VIP])
            at += timedelta(hours=days * 5) if act == "pass" else timedelta(minutes=1)
            if act == "keep":
                kept |= set(members)
        await _act(conn, vip, "retry", members[0], 0, at, numbers[VIP])
        await _deliver(conn, vip, at, numbers[VIP])
        for _ in range(2):  # all that is due goes when it is seen through
            await carry_out(conn, vip, at)
            await _deliver(conn, vip, at, numbers[VIP])
            at += DAY + HOUR
        here = await (
            await conn.execute(
                "SELECT member_id FROM memberships WHERE group_id = %s AND left_at IS NULL", [numbers[VIP]]
            )
        ).fetchall()
        for row in here:
            if row["member_id"] not in kept:
                assert await _covered(conn, row["member_id"], at - 2 * DAY - 3 * HOUR)


async def _act(conn: Connection, vip: Bundle, act: str, who: int, days: int, at: datetime, group: int) -> None:
    terms = await (
        await conn.execute("SELECT id FROM terms WHERE member_id = %s AND revoked_at IS NULL ORDER BY id", [who])
    ).fetchall()
    match act:
        case "grant":
            plan = "month" if days % 2 else "pack"
            await grant(conn, vip.playbook, who, plan, at, source="x", by="x")
        case "end" if terms:
            with suppress(AccessRefused):
                await set_end(conn, terms[-1]["id"], at + days * DAY, at, by="x", note="")
        case "revoke" if terms:
            await revoke(conn, terms[-1]["id"], at, by="x", note="x")
        case "run":
            await carry_out(conn, vip, at)
        case "deliver":
            await _deliver(conn, vip, at, group)
        case "send":
            await answer(conn, "sending")
        case "retry":
            await conn.execute("UPDATE messages SET state = 'waiting' WHERE step = 'remove' AND state = 'sending'")
        case "fail":
            await answer(conn, "failed", "no_rights")
            await settle(conn, vip, at, bot_id=BOT_ID, put_out=left)
        case "come":
            await inside(conn, group, who, at)
        case "keep" | "approve":
            await decide(
                conn, "kept" if act == "keep" else "approved", at, by="x", ids=[row["id"] for row in await listed(conn)]
            )


async def _deliver(conn: Connection, vip: Bundle, at: datetime, group: int) -> None:
    """Every call that waits is made: at that moment nobody it is for may hold anything."""
    for call in await (
        await conn.execute("SELECT id, context FROM messages WHERE step = 'remove' AND state = 'waiting'")
    ).fetchall():
        row = await (
            await conn.execute("SELECT id FROM members WHERE telegram_id = %s", [call["context"]["user_id"]])
        ).fetchone()
        assert row is not None
        fresh = await (
            await conn.execute("SELECT expires_at > %s AS fresh FROM messages WHERE id = %s", [at, call["id"]])
        ).fetchone()
        if not (fresh and fresh["fresh"]):
            await conn.execute("UPDATE messages SET state = 'expired' WHERE id = %s", [call["id"]])
            continue
        assert not await _covered(conn, row["id"], at), "removed while holding a term"
        await conn.execute("UPDATE messages SET state = 'sent' WHERE id = %s", [call["id"]])
        await outside(conn, group, row["id"], at)
    await settle(conn, vip, at, bot_id=BOT_ID, put_out=left)


async def _covered(conn: Connection, who: int, since: datetime) -> bool:
    """Whether some term that opens the group has run since then, or is still to come."""
    found = await conn.execute(
        "SELECT FROM terms WHERE member_id = %s AND plan IN ('month', 'pack')"
        " AND (least(ends_at, revoked_at) IS NULL OR least(ends_at, revoked_at) > %s)",
        [who, since],
    )
    return bool(await found.fetchall())


async def test_a_run_and_a_payment_at_the_same_moment(
    conn: Connection, vip: Bundle, member: MakeMember, database_url: str
) -> None:
    """Whoever comes second sees what the first has done: no call is left for somebody who holds a term."""
    numbers = await groups(conn)
    async with await connect(database_url) as other:
        for turn in range(8):
            who = await member()
            await inside(conn, numbers[VIP], who)
            await given(conn, vip, who, "month", NOON - 30 * DAY, ENDED)
            await look(conn, vip)
            row = next(each for each in await listed(conn) if each["member_id"] == who)
            first = begin(conn, vip, row, NOON, bot_id=BOT_ID)
            second = grant(other, vip.playbook, who, "month", NOON, source="x", by="x")
            await asyncio.gather(*([first, second] if turn % 2 else [second, first]))
            assert "waiting" not in await calls(conn)
            assert (who, "waiting", "") not in await removals(conn)
