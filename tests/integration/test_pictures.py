"""Pictures through the outbox: captioned, over real HTTP; sent again when that is safe; kept while one is needed."""

from datetime import timedelta
from typing import Any

import pytest

from community.bundle import Bundle
from community.channels.channel import Outcome, Result
from community.channels.memory import MemoryChannel
from community.channels.telegram import TelegramChannel
from community.database.pool import Connection, Pool
from community.insight.charts import Chart, Series, png
from community.outbox.enqueue import Draft, enqueue
from community.outbox.pictures import forget_pictures, keep, picture
from community.playbook_stages import MessageClass
from community.report_contexts import REPORTS
from community.sandbox.client import SandboxClient
from tests.integration.conftest import BOT_ID, NOON
from tests.integration.test_delivery import delivering, make, noon, until
from tests.integration.test_outcomes import ANN, channel, control, sandbox, telegram_api

__all__ = ["channel", "control", "noon", "sandbox", "telegram_api"]

CONTEXT = REPORTS["staff/report"]


@pytest.fixture(scope="module")
def chart() -> bytes:
    return png([Chart("New members", ["03-02", "03-09"], [Series("new", [1, 2])], "bars")], "Weekly report")


async def enqueued(conn: Connection, bundle: Bundle, named: str, chat_id: int = ANN, **more: Any) -> None:
    draft = Draft(
        chat_id=chat_id,
        stage="report",
        step="weekly",
        occurrence=more.pop("occurrence", "2026-03-09"),
        message_class=MessageClass.support,
        due_at=NOON,
        method="sendPhoto",
        template="staff/report",
        context={"picture": named, "locale": "en", **CONTEXT},
    )
    await enqueue(conn, BOT_ID, bundle.hash, [draft], NOON)


async def test_a_picture_arrives_with_its_caption(
    channel: TelegramChannel, sandbox: SandboxClient, pool: Pool, conn: Connection, bundle: Bundle, chart: bytes
) -> None:
    await enqueued(conn, bundle, await keep(conn, chart, NOON))
    async with delivering(make(pool, channel)):
        await until(conn, sent=1)
    message = (await sandbox.received(ANN))[-1]
    assert message["media"]["kind"] == "photo"
    assert message["media"]["file_size"] == len(chart)
    assert message["text"].startswith("📊 Monthly review")
    assert "<xxx" in message["text"]


async def test_what_was_provably_not_sent_goes_again_and_once(
    channel: TelegramChannel, sandbox: SandboxClient, pool: Pool, conn: Connection, bundle: Bundle, chart: bytes
) -> None:
    await sandbox.add_fault("too_many", method="sendPhoto", times=1)
    before = len(await sandbox.received(ANN))
    await enqueued(conn, bundle, await keep(conn, chart, NOON))
    async with delivering(make(pool, channel)):
        await until(conn, sent=1)
    assert len(await sandbox.received(ANN)) == before + 1


async def test_the_same_report_is_posted_once_and_waits_with_its_hash_alone(
    pool: Pool, conn: Connection, bundle: Bundle, chart: bytes
) -> None:
    named = await keep(conn, chart, NOON)
    for _ in range(2):
        await enqueued(conn, bundle, named)
    channel = MemoryChannel(lambda _: Outcome(Result.sent, telegram_message_id=1))
    async with delivering(make(pool, channel)):
        await until(conn, sent=1)
    (sent,) = channel.sent
    assert (sent.method, sent.picture) == ("sendPhoto", chart)
    assert sent.text.startswith("📊 <b>Monthly review")


async def test_without_its_picture_it_fails_by_name_and_stops_nothing(
    pool: Pool, conn: Connection, bundle: Bundle
) -> None:
    await enqueued(conn, bundle, "0" * 64)
    async with delivering(make(pool, MemoryChannel())):
        await until(conn, failed=1)
    row = await (await conn.execute("SELECT reason FROM messages")).fetchone()
    assert row == {"reason": "picture_gone"}


async def test_old_pictures_go_but_for_those_that_may_still_be_sent(
    conn: Connection, bundle: Bundle, chart: bytes
) -> None:
    later = NOON + timedelta(days=32)
    pictures = [await keep(conn, chart + bytes([n]), NOON) for n in range(5)]
    fresh = await keep(conn, chart, later)
    for named, state in zip(pictures, ("waiting", "failed", "uncertain", "sent"), strict=False):
        await enqueued(conn, bundle, named, occurrence=state)
        await conn.execute("UPDATE messages SET state = %s WHERE occurrence = %s", [state, state])
    assert await forget_pictures(conn, later) == 2
    assert [bool(await picture(conn, named)) for named in (*pictures, fresh)] == [True, True, True, False, False, True]
    assert await forget_pictures(conn, later) == 0
