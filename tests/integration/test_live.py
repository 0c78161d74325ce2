"""Live sessions: added with coupon and link, moved, called off, registered for, watched, asked about, closed, told."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.engagement.redemptions import Refusal, quote, redeem, reverse
from community.errors import CouponRefused, ImportRefused, LiveRefused, UnknownLive
from community.live.closing import sweep
from community.live.models import Live
from community.live.people import DOORS_OPEN, MOST_QUESTIONS, Answer, ask, questions, register, visit
from community.live.requests import new_times
from community.live.results import result, tell_results
from community.live.sessions import cancel, coming, find, move, overview
from community.live.viewers import bring_in_viewers, read_viewers
from community.members.links import target_of
from community.playbook_types import parse_money
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.live_kit import (
    ADDED,
    CLOSE,
    END,
    HOUR,
    START,
    add_live,
    buy,
    deliver,
    dropped,
    got,
    plan_at,
    row_of,
    selling,
)
from tests.integration.rows import one

__all__ = ["selling"]

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
PRICE = parse_money("29.90 USD")


async def moved(conn: Connection, live: Live, at: Any, **times: Any) -> Live:
    return await move(conn, live.id, new_times(**times), at, bot_id=BOT_ID)


# Added.


async def test_a_session_comes_with_its_coupon_and_its_link(conn: Connection, selling: Bundle) -> None:
    live = await add_live(conn, selling)
    assert (live.announce_at, live.window_until_at, live.plan, live.version) == (ADDED, CLOSE, "pack", 1)
    coupon = await row_of(conn, "coupons", code=live.coupon)
    assert {
        name: coupon[name] for name in ("code", "offer", "kind", "value", "currency", "plans", "first_n", "member_id")
    } == {
        "code": f"LIVE{live.id}", "offer": f"live:{live.id}", "kind": "price", "value": 1990, "currency": "USD",
        "plans": ["pack"], "first_n": 50, "member_id": None,
    }  # fmt: skip
    assert (coupon["valid_from_at"], coupon["valid_until_at"]) == (END, CLOSE)
    target = await target_of(conn, f"live-{live.id}")
    assert target is not None
    assert (target.kind, target.url) == ("live", "https://live.example/1")


async def test_without_a_live_price_there_is_no_coupon_and_without_a_plan_no_window(
    conn: Connection, selling: Bundle
) -> None:
    plain = await add_live(conn, selling, offered={"plan": "pack"})
    assert (plain.coupon, plain.window_until_at) == (None, CLOSE)
    free = await add_live(conn, selling, offered={})
    assert (free.plan, free.window_until_at) == (None, END)
    assert await (await conn.execute("SELECT FROM coupons")).fetchall() == []


async def test_a_taken_code_adds_nothing(conn: Connection, selling: Bundle) -> None:
    offered = {"plan": "pack", "percent": "20%", "code": "FREIGHT20"}
    await add_live(conn, selling, offered=offered)
    with pytest.raises(CouponRefused, match="FREIGHT20"):
        await add_live(conn, selling, offered=offered)
    assert len(await coming(conn, ADDED)) == 1
    assert await target_of(conn, "live-2") is None


async def test_what_is_over_is_not_added(conn: Connection, selling: Bundle) -> None:
    with pytest.raises(LiveRefused, match="start: it is over"):
        await add_live(conn, selling, at=START)
    with pytest.raises(LiveRefused, match="announce: it is over"):
        await add_live(conn, selling, announce_at=ADDED - SECOND)


async def test_found_by_number_and_by_title(conn: Connection, selling: Bundle) -> None:
    first, second = await add_live(conn, selling), await add_live(conn, selling, title="Customs 2027")
    assert (await find(conn, f" {first.id} ")).id == first.id
    assert (await find(conn, "customs")).id == second.id
    assert (await find(conn, "2027")).id == second.id
    for nothing in ("VAT", "", " ", "9" * 30):
        with pytest.raises(UnknownLive, match="sop live list"):
            await find(conn, nothing)


async def test_listed_while_their_window_is_open(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    live = await add_live(conn, selling)
    await register(conn, live.id, await member(), ADDED, "button")
    (row,) = await overview(conn, CLOSE - SECOND)
    assert (row["title"], row["registered"], row["watched"], row["remaining"]) == ("Freight", 1, 0, 50)
    assert await overview(conn, CLOSE) == await coming(conn, CLOSE) == []
    assert len(await coming(conn, CLOSE, past=DAY)) == 1


# Moved.


async def test_a_moved_session_keeps_its_length_and_moves_its_coupon(conn: Connection, selling: Bundle) -> None:
    live = await moved(conn, await add_live(conn, selling), ADDED + HOUR, starts_at=START + DAY)
    assert (live.version, live.moved_at, live.ends_at) == (2, ADDED + HOUR, END + DAY)
    coupon = await row_of(conn, "coupons", code=live.coupon)
    assert (coupon["valid_from_at"], coupon["valid_until_at"]) == (END + DAY, CLOSE + DAY)


async def test_what_waits_by_the_former_times_is_dropped(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    who = await member()
    live = await add_live(conn, selling)
    await plan_at(conn, selling, ADDED)
    assert await got(conn, "waiting") == [(who, "announce", "1:1")]
    await moved(conn, live, ADDED + HOUR, starts_at=START + DAY)
    assert await got(conn, "waiting") == []
    assert await dropped(conn) == {"session_moved": 1}


async def test_only_the_window_of_a_session_that_took_place_can_be_moved(conn: Connection, selling: Bundle) -> None:
    live = await add_live(conn, selling)
    for times in ({"starts_at": START + DAY}, {"ends_at": END + HOUR}):
        with pytest.raises(LiveRefused, match="only its window"):
            await moved(conn, live, END, **times)
    later = await moved(conn, live, END + HOUR, window=timedelta(hours=72))
    assert (later.window_until_at, later.version, later.moved_at) == (CLOSE + DAY, 2, None)
    with pytest.raises(LiveRefused, match="window closed"):
        await moved(conn, live, CLOSE + DAY, window=timedelta(hours=96))


async def test_a_late_start_is_a_move(conn: Connection, selling: Bundle) -> None:
    live = await add_live(conn, selling)
    late = await moved(conn, live, START + HOUR / 12, starts_at=START + HOUR / 2)
    assert (late.starts_at, late.ends_at) == (START + HOUR / 2, END + HOUR / 2)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ({}, "nothing to move"),
        ({"starts_at": START}, "nothing to move"),
        ({"starts_at": ADDED - DAY}, "a time to come"),
        ({"ends_at": START - HOUR}, "end after its start"),
        ({"announce_at": ADDED + DAY}, "announcement is out already"),
        ({"window": timedelta()}, "longer than nothing"),
    ],
)
async def test_a_move_that_cannot_be_is_refused(
    conn: Connection, selling: Bundle, times: dict[str, Any], says: str
) -> None:
    live = await add_live(conn, selling)
    with pytest.raises(LiveRefused, match=says):
        await moved(conn, live, ADDED + HOUR, **times)
    assert (await find(conn, "1")).version == 1


async def test_a_session_that_sells_nothing_gets_no_window(conn: Connection, selling: Bundle) -> None:
    live = await add_live(conn, selling, offered={})
    with pytest.raises(LiveRefused, match="sells nothing"):
        await moved(conn, live, ADDED, window=DAY)
    assert (await moved(conn, live, ADDED, ends_at=END + HOUR)).window_until_at == END + HOUR


async def test_moving_waits_for_a_planner_at_work(pool: Pool, selling: Bundle, member: MakeMember) -> None:
    """Else its messages, not committed yet, would go out by the former times."""
    await member()
    async with pool.connection() as planner, pool.connection() as mover:
        live = await add_live(planner, selling)
        async with planner.transaction():
            assert (await plan_at(planner, selling, ADDED)).send == 1
            moving = asyncio.create_task(moved(mover, live, ADDED + HOUR, starts_at=START + DAY))
            await asyncio.sleep(0.2)
            assert not moving.done()
        await moving
        assert await got(planner, "waiting") == []
        assert (await plan_at(planner, selling, ADDED + HOUR)).send == 1
        assert await got(planner, "waiting") == [(1, "announce", "1:2")]


async def test_two_moves_at_once_are_two_versions(pool: Pool, selling: Bundle) -> None:
    async with pool.connection() as first, pool.connection() as second:
        live = await add_live(first, selling)
        done = await asyncio.gather(
            moved(first, live, ADDED, starts_at=START + DAY), moved(second, live, ADDED, starts_at=START + 2 * DAY)
        )
    assert sorted(each.version for each in done) == [2, 3]


# Cancelled.


async def test_a_cancelled_session_offers_nothing_any_more(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    who = await member()
    live = await add_live(conn, selling)
    await plan_at(conn, selling, ADDED)
    await cancel(conn, live.id, ADDED + HOUR, bot_id=BOT_ID)
    assert await dropped(conn) == {"session_cancelled": 1}
    assert await quote(conn, f"LIVE{live.id}", who, "pack", PRICE, END) is Refusal.withdrawn
    assert await register(conn, live.id, who, ADDED + HOUR, "button") is Answer.cancelled
    with pytest.raises(LiveRefused, match="it is cancelled"):
        await cancel(conn, live.id, ADDED + HOUR, bot_id=BOT_ID)
    with pytest.raises(LiveRefused, match="it is cancelled"):
        await moved(conn, live, ADDED + HOUR, starts_at=START + DAY)
    with pytest.raises(UnknownLive):
        await cancel(conn, 99, ADDED, bot_id=BOT_ID)


async def test_what_is_approved_after_the_cancellation_is_swept(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    live = await add_live(conn, selling)
    await cancel(conn, live.id, ADDED, bot_id=BOT_ID)
    await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, planned_at, due_at)"
        " VALUES (%s, %s, 1, 53, 'live_conversion', 'announce', '1:1', %s, %s)",
        [BOT_ID, await member(), ADDED, ADDED],
    )
    assert (await sweep(conn, ADDED, bot_id=BOT_ID)).dropped == {"session_cancelled": 1}
    assert (await sweep(conn, ADDED, bot_id=BOT_ID)).dropped == {}


# People.


async def test_registering_once_is_enough(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    live, who = await add_live(conn, selling), await member()
    assert await register(conn, live.id, who, ADDED, "button") is Answer.done
    assert await register(conn, live.id, who, ADDED + HOUR, "link") is Answer.already
    row = await row_of(conn, "live_attendances", member_id=who)
    assert (row["registered_at"], row["registered_by"], row["watched_at"]) == (ADDED, "button", None)
    assert await register(conn, live.id, who, END - SECOND, "button") is Answer.already
    for unknown in (99, 0, -1, 2**63, 10**18):
        assert await register(conn, unknown, who, ADDED, "button") is Answer.unknown


async def test_after_the_end_nobody_registers_or_asks(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    live, who = await add_live(conn, selling), await member()
    assert await register(conn, live.id, who, END, "button") is Answer.over
    assert await ask(conn, live.id, who, "?", END) is Answer.over
    assert await visit(conn, live.id, who, END) is Answer.over
    assert await (await conn.execute("SELECT FROM live_attendances")).fetchall() == []


async def test_a_visit_registers_and_from_half_an_hour_before_watches(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    live, early, late = await add_live(conn, selling), await member(), await member()
    await visit(conn, live.id, early, START - DOORS_OPEN - SECOND)
    await visit(conn, live.id, early, START - DOORS_OPEN)
    await visit(conn, live.id, early, END - SECOND)
    await visit(conn, live.id, late, END - SECOND)
    rows = await (await conn.execute("SELECT * FROM live_attendances ORDER BY member_id")).fetchall()
    assert [(row["registered_by"], row["watched_at"], row["watched_by"]) for row in rows] == [
        ("link", START - DOORS_OPEN, "link"),
        (None, END - SECOND, "link"),
    ]


async def test_questions_are_kept_in_order_and_not_without_end(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    live, who, other = await add_live(conn, selling), await member(), await member()
    assert await ask(conn, live.id, who, " Sea or air?\0 ", ADDED) is Answer.done
    assert await ask(conn, live.id, other, "x" * 5_000, ADDED + HOUR) is Answer.done
    asked = await questions(conn, live.id)
    assert [(row["member_id"], len(row["question"])) for row in asked] == [(who, 11), (other, 1_000)]
    for _ in range(MOST_QUESTIONS - 1):
        assert await ask(conn, live.id, who, "and?", ADDED) is Answer.done
    assert await ask(conn, live.id, who, "and?", ADDED) is Answer.already


# Viewers.


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "viewers.csv"


def write(file: Path, text: str) -> None:
    file.write_text(text, "utf-8-sig")


async def test_a_list_of_viewers_comes_in(conn: Connection, selling: Bundle, member: MakeMember, file: Path) -> None:
    live, ann, ben, cat = await add_live(conn, selling), await member(), await member(username="Ben"), await member()
    await visit(conn, live.id, ann, START)
    write(file, f"telegram_id,username,minutes\n{10_000 + ann},,45\n,@ben,\n{10_000 + cat},whoever,0\n")
    for _ in range(2):
        viewers = await read_viewers(conn, file)
        await bring_in_viewers(conn, live, viewers, CLOSE)
    rows = await (await conn.execute("SELECT * FROM live_attendances ORDER BY member_id")).fetchall()
    assert [(row["member_id"], row["watched_by"], row["watched_at"], row["minutes"]) for row in rows] == [
        (ann, "link", START, 45), (ben, "list", START, None), (cat, "list", START, 0)
    ]  # fmt: skip
    with pytest.raises(LiveRefused, match="not begun"):
        await bring_in_viewers(conn, live, viewers, START - SECOND)


async def test_every_wrong_line_is_named_and_nobody_comes_in(
    conn: Connection, selling: Bundle, member: MakeMember, file: Path
) -> None:
    ann = await member(username="ann")
    head = "username,telegram_id,minutes\n"
    write(file, f"{head},,5\nx y,,\n,12x,\n,,-1\n@ann,,1441\n,{10_000 + ann},1,2\n")
    with pytest.raises(ImportRefused) as refused:
        await read_viewers(conn, file)
    lines = str(refused.value).replace(str(file), "F").splitlines()
    assert [line.split()[0] for line in lines] == ["F:2:", "F:3:", "F:4:", "F:5:", "F:6:", "F:7:"]
    write(file, f"{head}@ann,,\nann,,\n")
    with pytest.raises(ImportRefused, match="3: username ann is in line 2 already"):
        await read_viewers(conn, file)
    write(file, f"{head}@ann,,\n,{10_000 + ann},\nbob,,\n,77,\n")
    with pytest.raises(ImportRefused) as refused:
        await read_viewers(conn, file)
    assert "3: telegram_id 10001 is the member of line 2" in str(refused.value)
    assert "4: @bob: no such member" in str(refused.value)
    assert "5: telegram_id 77: no such member" in str(refused.value)
    assert await (await conn.execute("SELECT FROM live_attendances")).fetchall() == []


# Closed and told.


async def test_the_window_closes_to_the_second(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    live, who = await add_live(conn, selling), await member()
    assert await quote(conn, f"LIVE{live.id}", who, "pack", PRICE, END - SECOND) is Refusal.not_yet
    assert not isinstance(await quote(conn, f"LIVE{live.id}", who, "pack", PRICE, CLOSE - SECOND), Refusal)
    assert await quote(conn, f"LIVE{live.id}", who, "pack", PRICE, CLOSE) is Refusal.over
    assert (await sweep(conn, CLOSE - SECOND, bot_id=BOT_ID)).closed == ()
    assert len((await sweep(conn, CLOSE, bot_id=BOT_ID)).closed) == 1
    assert (await sweep(conn, CLOSE, bot_id=BOT_ID)).closed == ()
    assert (await row_of(conn, "lives", id=live.id))["closed_at"] == CLOSE


async def test_what_waits_at_the_close_is_dropped(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    live, who = await add_live(conn, selling), await member()
    await register(conn, live.id, who, ADDED, "button")
    await plan_at(conn, selling, CLOSE - 2 * HOUR)
    assert (who, "last_call", "1:1") in await got(conn, "waiting")
    swept = await sweep(conn, CLOSE, bot_id=BOT_ID)
    assert swept.dropped == {"window_closed": len(await got(conn, "cancelled"))}
    assert await got(conn, "waiting") == []


async def test_the_last_one_sold_takes_the_offers_along(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    """In the transaction of the redemption: who is told of an offer can have it."""
    live = await add_live(conn, selling, offered={"plan": "pack", "percent": "20%", "first_n": 2})
    people = [await member() for _ in range(3)]
    for who in people:
        await register(conn, live.id, who, ADDED, "button")
    await plan_at(conn, selling, END)
    offers = [(who, "open", "1:1") for who in people]
    assert [row for row in await got(conn, "waiting") if row[1] == "open"] == offers
    await redeem(conn, f"LIVE{live.id}", people[0], "pack", PRICE, END)
    assert await dropped(conn) == {}
    await redeem(conn, f"LIVE{live.id}", people[1], "pack", PRICE, END)
    assert await dropped(conn) == {"sold_out": 3}
    assert await redeem(conn, f"LIVE{live.id}", people[2], "pack", PRICE, END) is Refusal.sold_out


async def test_an_offer_that_a_planner_brings_late_is_swept(
    conn: Connection, selling: Bundle, member: MakeMember
) -> None:
    live, who = await add_live(conn, selling, offered={"plan": "pack", "percent": "20%", "first_n": 1}), await member()
    await register(conn, live.id, who, ADDED, "button")
    await plan_at(conn, selling, END)
    await conn.execute("UPDATE coupons SET redeemed = 1")
    assert (await sweep(conn, END, bot_id=BOT_ID)).dropped == {"sold_out": 1}


async def test_the_result_counts_what_happened(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    live = await add_live(conn, selling)
    people = [await member() for _ in range(4)]
    await member(dm="blocked")
    await plan_at(conn, selling, ADDED)
    await deliver(conn, ADDED)
    for who in people[:3]:
        await register(conn, live.id, who, ADDED, "button")
    for who in (people[0], people[3]):
        await visit(conn, live.id, who, START)
    await ask(conn, live.id, people[1], "Sea or air?", ADDED)
    for who in people[:2]:
        await redeem(conn, f"LIVE{live.id}", who, "pack", PRICE, END)
        await buy(conn, who, END)
    await buy(conn, people[2], CLOSE + DAY)
    found = await result(conn, selling.playbook.stage("live_conversion"), live)
    assert (found.announced, found.registered, found.watched, found.questions) == (4, 3, 2, 1)
    assert (found.bought, found.viewers_bought, found.conversion) == (2, 1, 50.0)
    assert (found.coupons, [str(amount) for amount in found.revenue]) == (2, ["39.80 USD"])


async def test_a_redemption_taken_back_is_no_revenue(conn: Connection, selling: Bundle, member: MakeMember) -> None:
    live, who = await add_live(conn, selling), await member()
    used = await redeem(conn, f"LIVE{live.id}", who, "pack", PRICE, END)
    assert not isinstance(used, Refusal)
    await reverse(conn, used.id, END)
    found = await result(conn, None, live)
    assert (found.coupons, found.revenue, found.announced, found.conversion) == (0, (), 0, None)


async def test_staff_are_told_once_an_hour_after_the_close(conn: Connection, selling: Bundle) -> None:
    await add_live(conn, selling)

    async def tell(at: Any) -> int:
        return await tell_results(conn, selling, at, bot_id=BOT_ID, staff_chat=-4000)

    assert await tell(CLOSE + HOUR - SECOND) == 0
    assert await tell(CLOSE + HOUR) == 1
    assert await tell(CLOSE + HOUR) == 0
    told = await one(await conn.execute("SELECT * FROM messages"))
    assert (told["chat_id"], told["template"], told["occurrence"]) == (-4000, "staff/live_result", "live:1")
    assert told["context"]["result"] | {"number": 1, "registered": 0, "conversion": None} == told["context"]["result"]


async def test_without_a_staff_chat_and_when_cancelled_nobody_is_told(conn: Connection, selling: Bundle) -> None:
    await add_live(conn, selling)
    gone = await add_live(conn, selling)
    await cancel(conn, gone.id, ADDED, bot_id=BOT_ID)
    assert await tell_results(conn, selling, CLOSE + DAY, bot_id=BOT_ID, staff_chat=None) == 1
    assert await (await conn.execute("SELECT FROM messages")).fetchall() == []
    assert (await row_of(conn, "lives", id=gone.id))["result_at"] is None
