"""What is entered long after it happened: its day is counted anew, whatever it is and whoever brings it in."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from community.access.bring_in import bring_in_terms
from community.activity.backfill import Fact, backfill, write
from community.activity.counted import COUNTER_LOCK, count_before, late_days, mark_late_days, mark_late_since
from community.database.pool import Connection, connect
from community.groups.bring_in import Stay, bring_in as bring_into_group
from community.insight.spend import bring_in_spend
from community.live.sessions import find
from community.live.viewers import bring_in_viewers
from community.members.bring_in import Listed, Newcomer, bring_in, bring_in_listed
from community.outbox.settle import confirm, settle
from community.payments.bring_in import bring_in_payments
from community.payments.work import drain, retry_failed
from community.playbook import Playbook
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.insight.kit import NOW, ZONE, groups, local, sent
from tests.integration.insight.money_kit import Shop, shop
from tests.integration.insight.report_kit import insert
from tests.integration.pay_kit import paid

__all__ = ["shop"]
TODAY = date(2026, 3, 18)


async def counted_until(conn: Connection, before: date = TODAY, zone: str = ZONE) -> None:
    """All days before that one are counted."""
    await count_before(conn, zone, before)


async def late(conn: Connection) -> list[date]:
    """Days that are late, in their order."""
    return (await late_days(conn, 100))[::-1]


async def test_what_lasts_leaves_out_no_day_where_clocks_are_put_forward(conn: Connection) -> None:
    """The 29th of March has 23 hours in Berlin: from 23:30 of the day before, 24 hours lead past it."""
    await counted_until(conn, date(2026, 4, 2), "Europe/Berlin")
    await mark_late_since(conn, datetime(2026, 3, 28, 22, 30, tzinfo=UTC), datetime(2026, 3, 30, 21, 0, tzinfo=UTC))
    assert await late(conn) == [date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)]


async def test_what_lasts_is_late_only_where_it_is_counted(conn: Connection) -> None:
    await mark_late_since(conn, local("2026-03-01 10:00"), NOW)
    assert await late(conn) == []
    await counted_until(conn, date(2026, 3, 3))
    await mark_late_since(conn, local("2026-03-01 23:59"), NOW)
    assert await late(conn) == [date(2026, 3, 1), date(2026, 3, 2)]


async def test_what_says_its_day_is_of_that_day_in_any_zone(conn: Connection) -> None:
    """A list's days are the community's, whatever zone the last count had."""
    await counted_until(conn, zone="America/New_York")
    await mark_late_days(conn, [date(2026, 3, 2), date(2026, 3, 2), TODAY])
    assert await late(conn) == [date(2026, 3, 2)]


async def test_members_of_a_list_entered_when_it_says(conn: Connection, member: MakeMember) -> None:
    await counted_until(conn)
    ann = await member(entered_at=local("2026-03-01 10:00"))
    (number,) = await (await conn.execute("SELECT telegram_id FROM members WHERE id = %s", [ann])).fetchall()
    people = [Listed(5, joined_at=local("2026-03-02 10:00")), Listed(6)]
    people.append(Listed(number["telegram_id"], joined_at=local("2026-03-03 10:00")))
    await bring_in_listed(conn, people, NOW)
    assert await late(conn) == [date(2026, 3, 2)], "of whom it was known, nothing changes"
    await conn.execute("DELETE FROM late_days")
    await bring_in_listed(conn, people, NOW)
    assert await late(conn) == []
    await bring_in_listed(conn, [Listed(6, joined_at=local("2026-03-04 10:00"))], NOW)
    assert await late(conn) == [date(2026, 3, 4)], "it was not known of this one"


async def test_members_of_a_history_entered_when_it_says(conn: Connection) -> None:
    await counted_until(conn)
    ids = (await bring_in(conn, [Newcomer(5, "Ann", NOW)])).ids
    (group,) = await groups(conn, 1)
    for _ in range(2):
        await bring_into_group(conn, group, {ids[5]: Stay(local("2026-03-02 10:00"))})
        assert await late(conn) == [date(2026, 3, 2)]


async def test_messages_that_turn_out_to_have_arrived_are_of_the_day_they_left(
    conn: Connection, member: MakeMember
) -> None:
    who = await member()
    first, second, third = [
        await sent(conn, who, f"2026-03-0{day} 10:00", state="uncertain", occurrence=str(day), sent_at=at)
        for day, at in ((2, local("2026-03-02 10:00")), (3, local("2026-03-03 10:00")), (4, local("2026-03-04 10:00")))
    ]
    await counted_until(conn)
    assert await confirm(conn, first)
    assert await late(conn) == [date(2026, 3, 2)]
    assert await settle(conn, [second, third], arrived=True) == 2
    assert await late(conn) == [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)]


async def test_what_a_provider_told_is_of_its_day_whenever_it_is_settled(
    shop: Shop, member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of nobody's payment, of which the ledger says nothing."""

    async def broken(*_: Any, **__: Any) -> None:
        raise ValueError("broken")

    await counted_until(shop.conn)
    with monkeypatch.context() as patched:
        patched.setattr("community.payments.work._settled", broken)
        await shop.hear(paid("c", at=local("2026-03-02 10:00")))
    assert await late(shop.conn) == [date(2026, 3, 2)], "tried, and not in time"
    await shop.conn.execute("DELETE FROM late_days")
    await shop.conn.execute("UPDATE provider_events SET state = 'failed'")
    assert await retry_failed(shop.conn) == 1
    monkeypatch.setattr("community.payments.work._settled", ignored)
    await drain(shop.conn, shop.bundle, NOW, bot_id=BOT_ID)
    assert await late(shop.conn) == [date(2026, 3, 2)]


async def ignored(*_: Any) -> tuple[str, str]:
    return "ignored", "of no payment"


# Nobody counts while much of the past is brought in.


async def history(conn: Connection, playbook: Playbook) -> None:
    await backfill(conn, 1, write([Fact("message", NOW, 5, {"message": 1})]))


async def members(conn: Connection, playbook: Playbook) -> None:
    await bring_in_listed(conn, [Listed(5)], NOW)


async def terms(conn: Connection, playbook: Playbook) -> None:
    await bring_in_terms(conn, playbook, [], NOW, by="op", note="")


async def payments(conn: Connection, playbook: Playbook) -> None:
    await bring_in_payments(conn, playbook, [], NOW, by="op", note="")


async def spend(conn: Connection, playbook: Playbook) -> None:
    await bring_in_spend(conn, [], apply=True)


async def viewers(conn: Connection, playbook: Playbook) -> None:
    at = local("2026-03-01 20:00")
    moments = dict.fromkeys(("announce_at", "created_at", "starts_at"), at)
    moments |= {"ends_at": local("2026-03-01 21:00"), "window_until_at": local("2026-03-03 21:00")}
    await insert(conn, "lives", title="Live", speaker="Ann", url="https://x.example", **moments)
    row = await (await conn.execute("SELECT id FROM lives")).fetchone()
    assert row is not None
    await bring_in_viewers(conn, await find(conn, str(row["id"])), {}, NOW)


@pytest.mark.parametrize("brings", [history, members, terms, payments, spend, viewers])
async def test_nobody_counts_meanwhile(
    conn: Connection,
    database_url: str,
    playbook: Playbook,
    brings: Callable[[Connection, Playbook], Awaitable[None]],
) -> None:
    free = "SELECT pg_try_advisory_xact_lock(%s) AS free"
    async with await connect(database_url) as other:
        async with conn.transaction():
            await brings(conn, playbook)
            meanwhile = await (await other.execute(free, [COUNTER_LOCK])).fetchone()
        after = await (await other.execute(free, [COUNTER_LOCK])).fetchone()
    assert (meanwhile, after) == ({"free": False}, {"free": True})
