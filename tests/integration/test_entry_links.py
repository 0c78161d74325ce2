"""Links into paid chats: made ahead, first for whoever waits, closed when taken back, by one process at a time."""

import asyncio
from typing import Any

import pytest

from community.bot import entry_links as module
from community.bot.direct import Direct
from community.bot.entry_links import EntryLinks
from community.bundle import Bundle
from community.database.wakeup import Wakeup
from community.outbox.bundles import Bundles, publish
from tests.integration.conftest import MakeMember
from tests.integration.pay_kit import group
from tests.integration.telegram_kit import BOT_ID, NOW, Desk, desk

__all__ = ["desk"]
VIP, SCHOOL = -1002, -1003


class Maker:
    """The part under test, and what it works on."""

    def __init__(self, desk: Desk, url: str) -> None:
        self.desk, self.wakeup = desk, Wakeup(url)
        direct = Direct(desk.pool, desk.calls, BOT_ID)  # type: ignore[arg-type]  # the calls it makes
        self.part = EntryLinks(desk.pool, Bundles(), self.wakeup, direct, BOT_ID)

    async def work(self, rounds: int = 50) -> None:
        """Until nothing is left to do."""
        for _ in range(rounds):
            if not await self.part.once():
                return

    async def links(self, condition: str = "true") -> list[dict[str, Any]]:
        return await self.desk.rows(f"SELECT * FROM entry_links WHERE {condition} ORDER BY id")


@pytest.fixture
async def maker(desk: Desk, shipped: Bundle, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Maker:
    """A month opens VIP and School, of which three links each are kept ready; the year opens VIP, too."""
    monkeypatch.setattr(module, "SUPPLY_S", 0.0)
    plans = shipped.source["plans"]
    plans = plans | {
        "month": {**plans["month"], "chats": ["VIP", "School"]},
        "year": {**plans["year"], "chats": ["VIP", "Nowhere"]},
    }
    access = {**shipped.source["access"], "links_ready": 3}
    await publish(desk.conn, Bundle({**shipped.source, "plans": plans, "access": access}, shipped.copy), "test")
    await group(desk.conn, "VIP", VIP)
    await group(desk.conn, "School", SCHOOL)
    return Maker(desk, database_url)


async def wanted(maker: Maker, member_id: int, title: str = "VIP") -> int:
    """Somebody has paid, and no link was ready."""
    row = await maker.desk.row(
        "INSERT INTO entry_links (group_id, name, member_id, given_at)"
        " SELECT id, 'vip-wanted-' || %s, %s, %s FROM groups WHERE title = %s RETURNING id",
        member_id,
        member_id,
        NOW,
        title,
    )
    return int(row["id"])


async def test_as_many_as_the_playbook_says_are_ready_for_each_chat_that_a_plan_opens(maker: Maker) -> None:
    await maker.work()
    titles = (
        "SELECT title, count(*) AS n FROM entry_links l JOIN groups g ON g.id = l.group_id GROUP BY title ORDER BY 1"
    )
    counted = await maker.desk.rows(titles)
    assert counted == [{"title": "School", "n": 3}, {"title": "VIP", "n": 3}]
    links = await maker.links()
    assert all(link["invite_link"] and link["name"].startswith("vip-") for link in links)
    assert sorted(maker.desk.calls.links) == sorted(link["name"] for link in links)
    await maker.work()
    assert len(maker.desk.calls.links) == 6, "no more than that"


async def test_a_second_group_of_that_title_is_told_and_gets_none(maker: Maker) -> None:
    await maker.work()
    await group(maker.desk.conn, "VIP", -4711)
    await maker.work()
    [told] = await maker.desk.rows("SELECT what FROM alerts WHERE subject LIKE 'namesake:%%'")
    assert "second group has the title" in told["what"]
    assert len(await maker.links()) == 6


async def test_who_waits_comes_first_and_is_told(maker: Maker, member: MakeMember) -> None:
    assert await maker.part.once(), "one ahead"
    ann = await member()
    await wanted(maker, ann)
    await maker.part.once()
    assert maker.desk.calls.links[1] == f"vip-wanted-{ann}"
    [told] = await maker.desk.rows("SELECT step, context FROM messages WHERE member_id = %s", ann)
    assert (told["step"], told["context"]["entries"][0]["title"]) == ("entry", "VIP")
    assert maker.wakeup.event("sop_outbox").is_set()


async def test_a_chat_without_the_right_rests_and_holds_up_no_other(maker: Maker, member: MakeMember) -> None:
    ann = await member()
    await wanted(maker, ann)
    maker.desk.calls.barred = {VIP}
    await maker.work()
    assert {link["name"] for link in await maker.links("invite_link IS NOT NULL")} == set(maker.desk.calls.links)
    assert len(maker.desk.calls.links) == 3, "those of the other chat"
    [alert] = await maker.desk.rows("SELECT * FROM alerts")
    assert alert["place"] == "VIP"
    maker.desk.calls.barred = set()
    await maker.work()
    assert len(maker.desk.calls.links) == 3, "it rests"
    maker.part._failures.clear()
    await maker.work()
    assert await maker.desk.said(10_000 + ann) == ["payment/entry"]


async def test_what_was_taken_back_is_closed_once(maker: Maker) -> None:
    await maker.work()
    taken = "UPDATE entry_links SET given_at = %s, revoked_at = %s WHERE id IN (SELECT min(id) FROM entry_links)"
    await maker.desk.conn.execute(taken, [NOW, NOW])
    unmade = "INSERT INTO entry_links (group_id, name, revoked_at) SELECT id, 'vip-never', %s FROM groups LIMIT 1"
    await maker.desk.conn.execute(unmade, [NOW])
    await maker.work()
    await maker.work()
    first = (await maker.links())[0]
    assert maker.desk.calls.revoked == [first["invite_link"]]
    assert await maker.links("revoked_at IS NOT NULL AND closed_at IS NULL") == []
    assert "vip-never" not in maker.desk.calls.links


async def test_what_cannot_be_closed_is_tried_again_later(maker: Maker) -> None:
    await maker.work()
    await maker.desk.conn.execute("UPDATE entry_links SET revoked_at = %s", [NOW])
    maker.desk.calls.barred = {VIP, SCHOOL}
    await maker.work(3)
    assert maker.desk.calls.revoked == []
    maker.desk.calls.barred = set()
    maker.part._failures.clear()
    await maker.work()
    assert len(maker.desk.calls.revoked) == 6


async def test_two_processes_make_each_link_once(maker: Maker, database_url: str) -> None:
    other = Maker(maker.desk, database_url)
    for _ in range(10):
        await asyncio.gather(maker.part.once(), other.part.once())
    await maker.work()
    assert len(maker.desk.calls.links) == len(set(maker.desk.calls.links)) == 6


async def test_a_group_that_the_bot_has_left_is_no_trouble(maker: Maker) -> None:
    await maker.desk.conn.execute("UPDATE groups SET lost_at = %s WHERE chat_id = %s", [NOW, VIP])
    await maker.work()
    assert len(maker.desk.calls.links) == 3
