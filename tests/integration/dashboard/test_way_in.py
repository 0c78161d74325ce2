"""How staff come by a link: by asking where only staff can."""

from typing import Any

from community.database.pool import Connection
from community.insight.entrance import holds, read
from tests.integration.telegram_kit import ANN, ENTRANCE, STAFF, Desk, Update, desk, group_message, private

__all__ = ["desk"]


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


async def test_nobody_else_gets_one(desk: Desk) -> None:
    await desk.take(private("/start"))
    await desk.take(private("/dashboard"), group_message("/dashboard"), group_message("看板"))
    assert await said(desk.conn) == []
