"""Virtual time: jumps, frozen, faster; what falls due happens in order, each at its own moment."""

import asyncio
from collections.abc import Iterator

import pytest
from telegram import Bot, ChatPermissions, InlineKeyboardButton, InlineKeyboardMarkup, LabeledPrice

from community.sandbox.client import SandboxClient
from community.sandbox.due import DUTIES, Due, catch_up
from community.sandbox.world import World

from .conftest import ANN, BOB, EVE, Served

NOON = 1_800_000_000
DAY = 86_400


@pytest.fixture
def happened() -> Iterator[list[tuple[str, float]]]:
    """Two duties: one each day at NOON, one a minute after each of these that makes it due."""
    happened: list[tuple[str, float]] = []
    promised: list[float] = []

    def daily(world: World, after: float, until: float) -> Iterator[Due]:
        first = NOON + ((after - NOON) // DAY + 1) * DAY

        def act() -> float:
            happened.append(("daily", world.clock.now()))
            promised.append(world.clock.now() + 60)
            return promised[-1]

        while first <= until:
            yield Due(first, act)
            first += DAY

    def follows(world: World, after: float, until: float) -> Iterator[Due]:
        return (
            Due(moment, lambda: happened.append(("follows", world.clock.now())))
            for moment in promised
            if after < moment <= until
        )

    DUTIES.update(daily=daily, follows=follows)
    yield happened
    del DUTIES["daily"], DUTIES["follows"]


async def test_all_that_falls_due_happens_in_order_at_its_moment(
    sandbox: SandboxClient, happened: list[tuple[str, float]]
) -> None:
    await sandbox.set_clock(NOON + 3600, frozen=True)
    happened.clear()
    await sandbox.advance_clock(3 * DAY - 3600 + 30)
    days = [NOON + day * DAY for day in (1, 2, 3)]
    assert happened == [(name, day + late) for day in days for name, late in (("daily", 0), ("follows", 60))][:-1]
    await sandbox.advance_clock(30)
    assert happened[-1] == ("follows", days[2] + 60)
    told = await sandbox.journal(kind="due", since=NOON + 3600)
    assert [(entry["method"], entry["date"]) for entry in told] == [tuple(each) for each in happened]
    before = len(happened)
    await sandbox.set_clock(NOON, frozen=True)
    assert len(happened) == before


def test_a_long_time_passes_in_batches(happened: list[tuple[str, float]]) -> None:
    world = World()
    world.clock.set(NOON, frozen=True)
    world.caught_up = NOON
    world.clock.advance(10 * DAY)
    assert catch_up(world, most=3)
    assert len(happened) == 3
    while catch_up(world, most=3):
        pass
    assert happened == sorted(happened, key=lambda each: each[1])
    assert len(happened) == 19


async def test_bans_and_restrictions_end_by_their_date_and_bots_hear_nothing(bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", owner=EVE, members=[ANN, BOB])
    await sandbox.set_clock(NOON, frozen=True)
    await bot.ban_chat_member(group, ANN, until_date=NOON + 100)
    await bot.restrict_chat_member(group, BOB, ChatPermissions.no_permissions(), until_date=NOON + 200)
    updates = await bot.get_updates(allowed_updates=["chat_member"], timeout=0)
    await bot.get_updates(offset=updates[-1].update_id + 1 if updates else None, timeout=0)
    await sandbox.advance_clock(99)
    assert (await sandbox.chats())["groups"][0]["banned"] == [ANN]
    await sandbox.advance_clock(200)
    assert (await sandbox.chats())["groups"][0]["banned"] == []
    assert (await bot.get_chat_member(group, BOB)).status == "member"
    assert await bot.get_updates(timeout=0) == ()
    ended = await sandbox.journal(kind="due")
    assert [entry["date"] for entry in ended] == [NOON + 100, NOON + 200]


async def test_time_passes_by_itself_and_faster(served: Served, bot: Bot, sandbox: SandboxClient) -> None:
    group = await sandbox.create_group("Group", owner=EVE, members=[ANN])
    await sandbox.set_clock(NOON)
    await bot.ban_chat_member(group, ANN, until_date=NOON + 3600)
    await sandbox.run_clock(1e6)
    async with asyncio.timeout(5):
        while (await sandbox.chats())["groups"][0]["banned"]:
            await asyncio.sleep(0.02)
    assert await sandbox.now() > NOON + 3600


async def test_the_clock_stops_and_goes_on(sandbox: SandboxClient) -> None:
    await sandbox.freeze_clock()
    stood = await sandbox.now()
    assert await sandbox.now() == stood
    await sandbox.freeze_clock(False)
    await sandbox.run_clock(1000)
    await asyncio.sleep(0.01)
    assert stood + 5 < await sandbox.now() < stood + 100_000
    await sandbox.real_clock()
    assert (await sandbox.ask("GET", "clock"))["speed"] == 1


async def test_what_an_earlier_gesture_lets_begin_is_not_over_at_once(bot: Bot, sandbox: SandboxClient) -> None:
    """A button, a join request and a payment of an hour ago have their time from now on."""
    await sandbox.set_clock(NOON, frozen=True)
    group, before = await sandbox.create_group("Group"), NOON - 3600
    link = await bot.create_chat_invite_link(group, creates_join_request=True)
    await sandbox.request_join(BOB, link.invite_link, at=before)
    assert (await sandbox.join_requests(group))[0]["date"] == before
    await bot.send_message(BOB, "welcome")
    await sandbox.start(ANN, at=before)
    button = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])
    asked = await bot.send_message(ANN, "a", reply_markup=button)
    query = (await sandbox.press(ANN, message=asked.message_id, text="A", at=before))["callback_query_id"]
    assert await bot.answer_callback_query(query)
    invoice = await bot.send_invoice(ANN, "Ticket", "One", "t", "XTR", [LabeledPrice("Ticket", 5)])
    number = await sandbox.pay(ANN, message=invoice.message_id, at=before)
    await sandbox.advance_clock(9)
    assert (await sandbox.payment(number))["state"] == "waiting"
