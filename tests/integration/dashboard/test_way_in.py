"""How staff come by a link: by asking where only staff can."""

from typing import Any

import pytest
from pydantic import SecretStr

from community.bundle import Bundle
from community.database.pool import Connection
from community.insight.entrance import Entrance, holds, read
from community.settings import Mode, Settings
from community.wording import Wording
from tests.integration.telegram_kit import ANN, BOT_ID, ENTRANCE, STAFF, Desk, Update, desk, group_message, private
from tests.shipped import shipped_bundle

__all__ = ["desk"]


def real(**more: Any) -> Settings:
    """Of a real bot, at no public address unless one is given."""
    return Settings(_env_file=None, mode=Mode.real, telegram_token=SecretStr(f"{BOT_ID}:secret"), **more)


def in_staff_chat(text: str) -> Update:
    found = group_message(text)
    found["message"]["chat"] = {"id": STAFF, "type": "supergroup", "title": "Staff"}
    return found


async def said(conn: Connection) -> list[dict[str, Any]]:
    query = "SELECT chat_id, template, context FROM messages WHERE template LIKE '%dashboard' ORDER BY id"
    return await (await conn.execute(query)).fetchall()


async def test_who_asks_in_the_staff_chat_gets_a_link_in_private(desk: Desk) -> None:
    await desk.take(private("/start"))
    await desk.take(in_staff_chat("/dashboard@the_bot"))
    [link, told] = await said(desk.conn)
    assert (link["chat_id"], link["template"]) == (ANN, "bot/dashboard")
    assert (told["chat_id"], told["context"]["sent"]) == (STAFF, True)
    base, _, key = link["context"]["address"].rpartition("/")
    assert base == "https://sop.test/dashboard/in"
    found = read(ENTRANCE.secret, "link", key)
    assert found is not None
    assert await holds(desk.conn, found)
    assert key not in str(told)


async def test_who_has_not_started_the_bot_is_told_how(desk: Desk) -> None:
    await desk.take(in_staff_chat("看板"))
    [told] = await said(desk.conn)
    assert (told["chat_id"], told["context"]["sent"]) == (STAFF, False)


@pytest.mark.parametrize("started", [True, False])
async def test_without_a_public_address_no_link_is_sent(desk: Desk, started: bool) -> None:
    desk.workers._entrance = Entrance.of(real())
    if started:
        await desk.take(private("/start"))
    await desk.take(in_staff_chat("/dashboard"))
    [told] = await said(desk.conn)
    assert (told["chat_id"], told["context"]["public"], told["context"]["sent"]) == (STAFF, False, False)


@pytest.mark.parametrize("locale", ["zh-Hans", "zh-Hant", "en"])
def test_without_a_public_address_staff_are_told_what_to_do(locale: str) -> None:
    copy = Wording(shipped_bundle().copy[locale]["staff/dashboard"])
    text = copy.render({"member": {"name": "Ann"}, "bot": "the_bot", "public": False, "sent": False}).text
    assert "<code>sop dashboard</code>" in text
    assert "SOP_PUBLIC_URL" in text
    assert "Start" not in text


async def test_on_the_server_a_link_is_always_printed(conn: Connection, bundle: Bundle) -> None:
    for public, base in ((None, "http://127.0.0.1:8600"), ("https://sop.test", "https://sop.test")):
        link = await Entrance.on_the_server(real(public_url=public)).invite(conn)
        assert link.startswith(f"{base}/dashboard/in/")


async def test_nobody_else_gets_one(desk: Desk) -> None:
    await desk.take(private("/start"))
    await desk.take(private("/dashboard"), group_message("/dashboard"), group_message("看板"))
    assert await said(desk.conn) == []
