"""KPIs of outreach, on small worlds counted by hand."""

from typing import Any

import pytest

from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.insight.values import rows
from community.kpis import KPIS, Keys
from community.playbook import Playbook
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import counted, day, did, local, parts, sent, value, week

D17 = "2026-03-17"


async def test_accepted_is_what_telegram_took_of_the_stages(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member(home_group_id=7)
    await sent(conn, who, "2026-03-17 00:00")
    await sent(conn, who, "2026-03-17 23:59", step="day_2")
    await sent(conn, who, "2026-03-18 00:00", step="day_3")  # the next day's
    await sent(conn, who, "2026-03-17 12:00", wanted_at=None)  # a reply, a test, a receipt: no step of a stage
    for state in ("uncertain", "waiting"):
        await sent(conn, who, "2026-03-17 12:00", state=state)
    await sent(conn, None, "2026-03-17 12:00")  # type: ignore[arg-type]  # an erased member's
    assert await counted(conn, playbook, "accepted", day(D17)) == (2, 2)
    assert await counted(conn, playbook, "accepted", day(D17), group_id=7) == (2, 2)
    assert await parts(conn, "accepted", day(D17)) == {"welcome_drip/day_1": (1, 1), "welcome_drip/day_2": (1, 1)}


@pytest.mark.parametrize(
    ("sent_at", "sign_at", "engaged"),
    [
        ("2026-03-16 10:00", "2026-03-16 10:00:01", True),
        ("2026-03-16 10:00", "2026-03-17 10:00", True),
        ("2026-03-16 10:00", "2026-03-17 10:00:01", False),
        ("2026-03-16 10:00", "2026-03-16 10:00", False),  # what brought it about
        ("2026-03-16 10:00", "2026-03-16 09:59", False),
        # Over midnight of UTC, 08:00 in the community's zone.
        ("2026-03-16 07:59", "2026-03-16 08:01", True),
        ("2026-03-16 08:00", "2026-03-16 08:01", True),
        ("2026-03-16 23:59", "2026-03-17 23:58", True),
    ],
)
async def test_engaged_within_24_hours(
    conn: Connection, playbook: Playbook, member: MakeMember, sent_at: str, sign_at: str, engaged: bool
) -> None:
    who = await member()
    await sent(conn, who, sent_at)
    await did(conn, await member(), "message", sign_at)  # another's
    await did(conn, who, "joined", sent_at)  # no sign
    await did(conn, who, "reaction", sign_at)
    assert await counted(conn, playbook, "engaged_24h", day(D17)) == (int(engaged), 1)


async def test_engaged_is_of_those_whose_24_hours_ended(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    # Two on the 16th, answered once for both; one on the 17th, whose 24 hours end on the 18th.
    who = await member()
    await sent(conn, who, "2026-03-16 00:00")
    await sent(conn, who, "2026-03-16 23:59", step="day_2")
    await sent(conn, who, "2026-03-17 00:00", step="day_3")
    await did(conn, who, "click", "2026-03-17 00:01")
    assert await counted(conn, playbook, "engaged_24h", day(D17)) == (1, 2)
    assert await parts(conn, "engaged_24h", day(D17)) == {"welcome_drip/day_1": (0, 1), "welcome_drip/day_2": (1, 1)}
    assert await counted(conn, playbook, "engaged_24h", day("2026-03-18")) == (1, 1)
    # Week of the 16th: those of the 15th to before the 22nd.
    assert await counted(conn, playbook, "engaged_24h", week(D17)) == (2, 3)


async def test_click_through_is_by_the_links_of_that_message(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    first, second, third = [
        await sent(conn, who, f"2026-03-16 {hour}:00", step=f"day_{hour}") for hour in ("09", "10", "11")
    ]
    await did(conn, who, "click", "2026-03-17 09:00", "2026-03-17 09:30", message=first, link="x")
    await did(conn, who, "click", "2026-03-17 10:00:01", message=second, link="x")  # too late
    await did(conn, who, "click", "2026-03-16 12:00", link="x")  # no message's
    await did(conn, who, "button", "2026-03-16 12:00", message=third)  # no link
    assert await counted(conn, playbook, "click_through", day(D17)) == (1, 3)


async def test_reach_loss_is_of_all_that_was_tried(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    """Tried on the 17th: 1 sent, 4 refused or dropped since the member cannot be reached, 2 planned for such.

    Not lost, and not tried: what was dropped or refused otherwise.
    """
    who, other, back = await member(), await member(), await member()
    await sent(conn, who, "2026-03-17 00:00", step="s1")
    for n, (state, reason) in enumerate(
        (("failed", "blocked"), ("failed", "not_opened"), ("cancelled", "unreachable"), ("cancelled", "gone"))
    ):
        await sent(conn, who, "2026-03-17 12:00", step=f"l{n}", state=state, reason=reason)
    await sent(conn, who, "2026-03-18 00:00", step="l9", state="failed", reason="blocked")  # the next day's
    await sent(conn, who, "2026-03-17 12:00", step="n1", state="failed", reason="bad_markup")
    await sent(conn, who, "2026-03-17 12:00", step="n2", state="cancelled", reason="goal_reached")
    for member_id, step, reason, at in (
        (other, "s1", "unreachable", "2026-03-17 10:00"),
        (other, "s1", "blocked", "2026-03-17 11:00"),  # the same intent once
        (other, "s2", "blocked", "2026-03-17 11:00"),
        (other, "s3", "holdout", "2026-03-17 11:00"),
        (other, "s4", "blocked", "2026-03-16 23:59"),
        (back, "s1", "unreachable", "2026-03-17 10:00"),  # and then it could be sent
    ):
        await decided(conn, member_id, step, reason, at)
    await sent(conn, back, "2026-03-17 11:00", step="s1", occurrence="once")
    # Base: who s1, l0 to l3; other s1, s2; back s1. Lost: l0 to l3, other's two.
    assert await counted(conn, playbook, "reach_loss", day(D17)) == (6, 8)
    assert (await parts(conn, "reach_loss", day(D17)))["welcome_drip/s1"] == (1, 3)


async def test_block_rate_is_of_the_last_message_before(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    # a: two messages, blocked 23 hours after the second: that one. b: blocked 24 hours and a second after. c: never.
    a, b, c = await member(), await member(), await member()
    await sent(conn, a, "2026-03-16 09:00", step="day_1")
    await sent(conn, a, "2026-03-16 10:00", step="day_2")
    await did(conn, a, "blocked", "2026-03-17 09:00")
    await sent(conn, b, "2026-03-16 10:00", step="day_1")
    await did(conn, b, "blocked", "2026-03-17 10:00:01")
    await sent(conn, c, "2026-03-16 10:00", step="day_1")
    assert await counted(conn, playbook, "block_rate", day(D17)) == (1, 4)
    assert await parts(conn, "block_rate", day(D17)) == {"welcome_drip/day_1": (0, 3), "welcome_drip/day_2": (1, 1)}


async def test_blocked_after_a_later_message_is_that_ones_day(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    who = await member()
    await sent(conn, who, "2026-03-16 23:00", step="day_1")
    await sent(conn, who, "2026-03-17 10:00", step="day_2")
    await did(conn, who, "blocked", "2026-03-17 11:00")
    assert await counted(conn, playbook, "block_rate", day(D17)) == (0, 1)
    assert await counted(conn, playbook, "block_rate", day("2026-03-18")) == (1, 1)


async def test_delivery_delay_is_the_median_and_who_was_in_time(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    """on_time is 1 h. Delays: 0; 3600 = 1800 before quiet hours + 1800 after; 3601; and early counts as 0.

    Sorted 0, 0, 3600, 3601: the median is 1800, three of four are in time.
    """
    who = await member()
    noon = "2026-03-17 12:00"
    await sent(conn, who, noon, step="a")
    await sent(conn, who, noon, step="b", late_s=1800, due_at=local("2026-03-17 11:30"))
    await sent(conn, who, noon, step="c", due_at=local("2026-03-17 10:59:59"))
    await sent(conn, who, noon, step="d", due_at=local("2026-03-17 12:10"))
    assert await counted(conn, playbook, "delivery_delay", day(D17)) == (3, 4)
    found = await value(conn, "delivery_delay", day(D17))
    assert found.number == 1800
    assert found.high_s == pytest.approx(3600.85)  # 95 % of the way from the first to the fourth: 3600 + 0.85


async def test_on_time_holds_what_ran_out_against_it(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    # In time 1, late 1, expired on the 17th 1; what quiet hours and caps let expire, or expired before, is not in it.
    who = await member()
    noon: dict[str, Any] = {"due_at": local("2026-03-16 12:00"), "expires_at": local("2026-03-17 12:00")}
    await sent(conn, who, "2026-03-17 12:00", step="a")
    await sent(conn, who, "2026-03-17 12:00", step="b", due_at=local("2026-03-17 10:00"))
    await sent(conn, who, "2026-03-16 12:00", step="c", state="expired", reason="stale", **noon)
    for reason in ("quiet_hours", "frequency_cap", "outranked"):
        await sent(conn, who, "2026-03-16 12:00", step=reason, state="expired", reason=reason, **noon)
    before = {**noon, "expires_at": local("2026-03-16 23:59")}
    await sent(conn, who, "2026-03-16 12:00", step="d", state="expired", reason="stale", **before)
    assert await counted(conn, playbook, "on_time", day(D17)) == (1, 3)


async def test_the_rows_behind_are_those_of_a_part(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    a, b = await member(), await member(home_group_id=7)
    await sent(conn, a, "2026-03-17 12:00", step="day_1")
    await sent(conn, b, "2026-03-17 13:00", step="day_2")
    behind = await rows(conn, playbook, "accepted", day(D17), part="welcome_drip/day_2")
    assert [(row["member_id"], row["at"]) for row in behind] == [(b, local("2026-03-17 13:00"))]
    assert [row["member_id"] for row in await rows(conn, playbook, "accepted", day(D17), group_id=7)] == [b]
    assert len(await rows(conn, playbook, "accepted", day(D17), source="unknown")) == 2


async def test_medians_are_of_definitions_with_a_key_a_row() -> None:
    assert all(kpi.keys is Keys.once for kpi in KPIS.values() if kpi.unit == "seconds")


async def decided(conn: Connection, member_id: int, step: str, reason: str, at: str) -> None:
    await ensure_months(conn, "decisions", [local(at)])
    await conn.execute(
        "INSERT INTO decisions (at, plan_id, member_id, stage, step, occurrence, reason, due_at)"
        " VALUES (%(at)s, 1, %(member)s, 'welcome_drip', %(step)s, 'once', %(reason)s, %(at)s)",
        {"at": local(at), "member": member_id, "step": step, "reason": reason},
    )
