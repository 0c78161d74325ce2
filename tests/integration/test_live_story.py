"""A live session from `sop live add` to its result: planned, claimed, rendered and sent as in use, hour by hour."""

import asyncio
from datetime import datetime, timedelta

from community.bundle import Bundle
from community.channels.channel import Outgoing
from community.channels.memory import MemoryChannel
from community.database.installation import set_virtual_now
from community.database.pool import Connection, Pool
from community.engagement.redemptions import Refusal, quote, redeem
from community.live.closing import sweep
from community.live.ladder import RESULT_AFTER, STAGE, rungs
from community.live.results import tell_results
from community.outbox.bundles import Bundles
from community.outbox.compose import Composer
from community.outbox.delivery import Delivery
from community.playbook_types import parse_money
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.live_kit import ADDED, CLOSE, HOUR, START, add_live, buy, got, plan_at, selling
from tests.integration.telegram_kit import STAFF, Desk, desk, press, private, user
from tests.integration.test_delivery import delivering
from tests.integration.test_gateway import Gateway, gateway

__all__ = ["desk", "gateway", "selling"]

PRICE = parse_money("29.90 USD")


class Evening:
    """Lets time pass as the stage's runs and the delivery loop would, and keeps what arrived."""

    def __init__(self, pool: Pool, conn: Connection, bundle: Bundle, gateway: Gateway) -> None:
        self._pool, self._conn, self._bundle, self._gateway = pool, conn, bundle, gateway
        self._seen = 0
        self._channel = MemoryChannel()

    async def at(self, moment: datetime) -> dict[int, Outgoing]:
        """What arrives of a run at that moment, by chat."""
        await set_virtual_now(self._conn, moment)
        await sweep(self._conn, moment, bot_id=BOT_ID)
        await tell_results(self._conn, self._bundle, moment, bot_id=BOT_ID, staff_chat=STAFF)
        await plan_at(self._conn, self._bundle, moment)
        return await self.arrived()

    async def arrived(self) -> dict[int, Outgoing]:
        """What has arrived since the last look, by chat: one message each."""
        secret = self._gateway.settings.lasting_secret("links")
        # Another each time: it shows numbers that are a second old, in which hours have passed here.
        composer = Composer(
            Bundles(), bot_id=BOT_ID, username="the_bot", links_url=self._gateway.url, link_secret=secret
        )
        loop = Delivery(self._pool, self._channel, Bundles(), composer, process="one", connections=8)
        async with delivering(loop):
            while await got(self._conn, "sending") or await self._due():
                await asyncio.sleep(0.02)
        new = self._channel.sent[self._seen :]
        self._seen = len(self._channel.sent)
        assert len({message.chat_id for message in new}) == len(new), new
        return {message.chat_id: message for message in new}

    async def _due(self) -> int:
        row = await (
            await self._conn.execute(
                "SELECT count(*) AS due FROM messages, installation WHERE state IN ('waiting', 'sending')"
                " AND due_at <= virtual_now_at"
            )
        ).fetchone()
        return int(row["due"]) if row else 0


async def test_from_the_announcement_to_the_result(
    pool: Pool, conn: Connection, selling: Bundle, member: MakeMember, desk: Desk, gateway: Gateway
) -> None:
    ann, ben, cat, dan = [await member(locale="en") for _ in range(4)]
    chat = {number: 10_000 + number for number in (ann, ben, cat, dan)}
    live = await add_live(conn, selling, offered={"plan": "pack", "price": "19.90 USD", "first_n": 2})
    evening = Evening(pool, conn, selling, gateway)
    rung = {each.name: each.at for each in rungs(selling.playbook.stage(STAGE).steps, live)}

    told = await evening.at(ADDED)
    assert told.keys() == set(chat.values())
    assert "Freight" in told[chat[ann]].text
    assert "28 Nov, 20:00" in told[chat[ann]].text
    button = told[chat[ann]].buttons[0][0]
    assert button.callback_data is not None
    assert button.callback_data.startswith("live:register_1:")

    await desk.take(press(button.callback_data, user(chat[ann])), private("/start live_1", user(chat[ben]), ADDED))
    await desk.take(press("live:register_1:1", user(chat[dan])))
    assert {"You are in" in message.text for message in (await evening.arrived()).values()} == {True}
    await desk.take(private("Sea or air to Riga?", user(chat[ann]), ADDED))
    assert "Noted for" in (await evening.arrived())[chat[ann]].text

    assert (await evening.at(rung["day_before"])).keys() == {chat[ann], chat[ben], chat[dan]}
    await evening.at(rung["hour_before"])
    now = await evening.at(START)
    assert now.keys() == {chat[ann], chat[ben], chat[dan]}
    await set_virtual_now(conn, START + HOUR / 4)
    for who in (ann, dan):
        link = now[chat[who]].buttons[0][0].url
        assert link is not None
        visited = await gateway.visit(link.removeprefix(gateway.url))
        assert visited.headers["Location"] == "https://live.example/1"

    offer = await evening.at(rung["open"])
    assert offer.keys() == {chat[ann], chat[ben], chat[dan]}
    assert "19.90 USD" in offer[chat[ann]].text
    assert "29.90 USD" in offer[chat[ann]].text
    assert "LIVE1" in offer[chat[ann]].text
    assert "Left at that price: 2" in offer[chat[ann]].text
    await redeem(conn, "LIVE1", ann, "pack", PRICE, rung["open"] + HOUR)
    await buy(conn, ann, rung["open"] + HOUR)

    half = await evening.at(rung["half"])
    assert half.keys() == {chat[dan]}, "Ann bought, Ben has not watched"
    assert "Left at that price: 1" in half[chat[dan]].text
    await redeem(conn, "LIVE1", cat, "pack", PRICE, rung["half"] + HOUR)
    await buy(conn, cat, rung["half"] + HOUR)
    assert await evening.at(rung["last_call"]) == {}, "sold out: there is nothing to offer"
    assert await quote(conn, "LIVE1", dan, "pack", PRICE, CLOSE - timedelta(seconds=1)) is Refusal.sold_out

    assert await evening.at(CLOSE) == {}
    assert await quote(conn, "LIVE1", dan, "pack", PRICE, CLOSE) is Refusal.over
    result = await evening.at(CLOSE + RESULT_AFTER)
    assert result.keys() == {STAFF}
    assert "通知 4 · 报名 3 · 观看 2 · 提问 1" in result[STAFF].text
    assert "成交：1 · 观看者中 50.0%" in result[STAFF].text
    assert "直播价用了 2 次：39.80 USD" in result[STAFF].text
    assert await evening.at(CLOSE + 48 * HOUR) == {}
    decided = await (await conn.execute("SELECT member_id, step, reason FROM decisions ORDER BY 1, 2")).fetchall()
    assert [(row["member_id"], row["reason"]) for row in decided if row["step"] == "last_call"] == [
        (ann, "goal_reached"), (ben, "sold_out"), (dan, "sold_out")
    ]  # fmt: skip
