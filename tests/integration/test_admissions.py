"""Approvals that Telegram refuses, over HTTP: by our record nobody is inside who is not, and nobody outside who is."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from community.access.grant import grant
from community.bot import admissions
from community.bundle import Bundle
from community.groups.admissions import SILENT_FOR, refused, settle
from community.outbox import record
from tests.integration.telegram_kit import BOT_ID, NOW, Desk, desk
from tests.integration.test_bot_live import ANN, OWNER, Live, live, telegram
from tests.integration.test_stars_live import quick, shipped, vip

__all__ = ["desk", "live", "quick", "shipped", "telegram", "vip"]

APPROVE = "approveChatJoinRequest"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admissions, "POLL_S", 0.1)


@pytest.fixture
async def link(live: Live, vip: int, shipped: Bundle) -> str:
    """Ann holds what opens the group; the address of a link that was given to her."""
    await live.telegram.start(ANN)
    await live.until_received(ANN, 1)
    row = await one(live, "SELECT id FROM members WHERE telegram_id = %s", ANN)
    at = datetime.now(UTC) - timedelta(days=1)
    term = await grant(live.conn, shipped.playbook, row["id"], "month", at, source="x", by="x")
    given = await one(
        live,
        "UPDATE entry_links SET member_id = %s, term_id = %s, given_at = %s"
        " WHERE id = (SELECT min(id) FROM entry_links) RETURNING invite_link",
        row["id"], term.id, at,
    )  # fmt: skip
    return str(given["invite_link"])


async def one(live: Live, query: str, *values: Any) -> Any:
    return await (await live.conn.execute(query, values)).fetchone()


async def tried_once(live: Live, link: str) -> None:
    """Ann asks to come in; the first attempt to let her has no effect, the next follows in a second."""
    await live.telegram.add_fault("status", method=APPROVE, status=502, times=1)
    await live.telegram.request_join(ANN, link)
    await live.until(lambda: one(live, "SELECT 1 FROM messages WHERE step = 'approve' AND attempts = 1"))


async def ended(live: Live) -> tuple[str, str]:
    """What became of the request and its approval, once that is known."""

    async def known() -> tuple[str, str] | None:
        row = await one(
            live,
            "SELECT r.state AS request, w.state AS call FROM join_requests r"
            " JOIN messages w ON w.step = 'approve' AND w.occurrence = 'request:' || r.id"
            " WHERE w.state = 'sent' OR r.state = 'withdrawn'",
        )
        return (row["request"], row["call"]) if row else None

    return await live.until(known)  # type: ignore[no-any-return]


async def inside(live: Live) -> tuple[bool, bool]:
    """Whether Ann is in the group by our record, and in truth."""
    ours = await one(live, "SELECT 1 FROM memberships WHERE joined_at IS NOT NULL AND left_at IS NULL")
    members = await one(live, "SELECT chat_id FROM groups WHERE title = 'VIP'")
    truth = await live.service.direct.is_in(members["chat_id"], ANN)
    return ours is not None, bool(truth)


async def told(live: Live) -> list[dict[str, Any]]:
    rows = await live.conn.execute("SELECT place, next_step FROM alerts WHERE subject LIKE 'approve:%'")
    return await rows.fetchall()


async def test_an_approval_whose_answer_is_lost_is_confirmed(live: Live, vip: int, link: str) -> None:
    await live.telegram.add_fault("drop_after_accept", method=APPROVE, times=1)
    await live.telegram.request_join(ANN, link)
    assert await ended(live) == ("passed", "sent")
    assert await inside(live) == (True, True)
    assert await told(live) == []


async def test_without_the_right_the_admission_is_undone_and_made_good_when_it_is_back(
    live: Live, vip: int, link: str
) -> None:
    bot = live.settings.bot_id
    await tried_once(live, link)
    await live.telegram.set_member(OWNER, vip, bot, "administrator", rights=["can_delete_messages"])
    assert await ended(live) == ("withdrawn", "failed")
    assert await inside(live) == (False, False)
    [alert] = await told(live)
    assert "no_rights" in alert["place"]
    assert "invite users" in alert["next_step"]
    unused = await one(live, "SELECT used_at FROM entry_links WHERE member_id IS NOT NULL")
    assert unused["used_at"] is None, "it stays theirs"

    await live.telegram.set_member(OWNER, vip, bot, "administrator")
    await live.conn.execute("UPDATE messages SET state = 'waiting' WHERE step = 'approve'")
    live.wakeup.ring("sop_outbox")
    await live.until(lambda: _both_inside(live))
    assert len(await told(live)) == 1


async def _both_inside(live: Live) -> bool:
    return await inside(live) == (True, True)


async def test_a_request_that_is_gone_is_undone(live: Live, vip: int, link: str) -> None:
    await tried_once(live, link)
    await live.telegram.answer_request(OWNER, vip, ANN, approve=False)
    assert await ended(live) == ("withdrawn", "failed")
    assert await inside(live) == (False, False)
    [alert] = await told(live)
    assert "ask to join again" in alert["next_step"]

    await live.telegram.clear_faults()
    await live.telegram.request_join(ANN, link)
    await live.until(lambda: _both_inside(live))


@pytest.mark.parametrize("arrives", [False, True])
async def test_no_answer_for_long_is_undone_unless_telegram_says_they_are_in(
    live: Live, vip: int, link: str, monkeypatch: pytest.MonkeyPatch, arrives: bool
) -> None:
    monkeypatch.setattr(record, "MOST_ATTEMPTS", 2)
    await live.telegram.add_fault("status", method=APPROVE, status=502, after_effect=arrives)
    await live.telegram.request_join(ANN, link)
    assert await ended(live) == (("passed", "sent") if arrives else ("withdrawn", "failed"))
    assert await inside(live) == (arrives, arrives)
    assert len(await told(live)) == (not arrives)


async def test_while_telegram_says_nothing_nobody_is_put_out(desk: Desk) -> None:
    await desk.pass_gate()
    await desk.conn.execute("UPDATE messages SET state = 'failed', reason = 'no_rights' WHERE step = 'approve'")
    [found] = await refused(desk.conn, BOT_ID)
    assert not await settle(desk.conn, found, NOW + SILENT_FOR / 2, inside=None)
    assert await refused(desk.conn, BOT_ID) == [found], "it is asked again"
    assert (await desk.row("SELECT left_at FROM memberships"))["left_at"] is None


@pytest.mark.parametrize("says", [True, False, None])
async def test_who_passed_the_quiz_is_settled_the_same_and_once(desk: Desk, says: bool | None) -> None:
    await desk.pass_gate()
    await desk.conn.execute("UPDATE messages SET state = 'failed', reason = 'no_rights' WHERE step = 'approve'")
    [found] = await refused(desk.conn, BOT_ID)
    undone = [await settle(desk.conn, found, NOW + 2 * SILENT_FOR, inside=says) for _ in range(2)]
    assert undone == [not says, False]
    assert await refused(desk.conn, BOT_ID) == []
    assert ((await desk.row("SELECT left_at FROM memberships"))["left_at"] is None) is bool(says)
    assert len(await desk.rows("SELECT FROM alerts WHERE subject LIKE 'approve:%%'")) == (not says)


class Away:
    """Stands in for Telegram, which says nothing until it is back; how often it was asked about each."""

    def __init__(self, standing: dict[int, bool]) -> None:
        self.standing, self.back, self.asked = standing, False, Counter[int]()

    async def is_in(self, _chat_id: int, user_id: int) -> bool | None:
        self.asked[user_id] += 1
        return self.standing[user_id] if self.back else None


async def test_telegram_is_silent_then_back_and_nobody_is_settled_twice_or_forgotten(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = range(900, 904)
    for person in people:
        await desk.pass_gate(person)
    await desk.conn.execute("UPDATE messages SET state = 'failed', reason = 'timed_out' WHERE step = 'approve'")
    telegram = Away({person: person % 2 == 0 for person in people})
    monkeypatch.setattr(admissions, "sop_now", _noon)
    two = [admissions.Admissions(desk.pool, telegram, BOT_ID) for _ in range(2)]  # type: ignore[arg-type]
    assert [await each.once() for each in two * 2] == [0] * 4, "while it says nothing they stay as they are"
    assert set(telegram.asked.values()) == {4}, "none is forgotten"
    telegram.back = True
    assert sum(await asyncio.gather(*(each.once() for each in two))) == 2
    assert [await each.once() for each in two] == [0, 0]
    left = await desk.rows(
        "SELECT m.telegram_id FROM memberships s JOIN members m ON m.id = s.member_id WHERE s.left_at IS NOT NULL"
        " ORDER BY 1"
    )
    assert [row["telegram_id"] for row in left] == [901, 903]
    requests = await desk.rows("SELECT state, count(*) AS n FROM join_requests GROUP BY state ORDER BY state")
    assert requests == [{"state": "passed", "n": 2}, {"state": "withdrawn", "n": 2}]
    calls = await desk.rows(
        "SELECT state, count(*) AS n FROM messages WHERE step = 'approve' GROUP BY state ORDER BY 1"
    )
    assert calls == [{"state": "failed", "n": 2}, {"state": "sent", "n": 2}], "each was let in by one call"


async def _noon(_: object) -> datetime:
    return NOW
