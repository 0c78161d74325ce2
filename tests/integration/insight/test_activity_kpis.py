"""KPIs of activity, on small worlds counted by hand."""

from collections.abc import Callable

from community.bundle import Bundle
from community.database.pool import Connection
from community.playbook import Playbook
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import counted, day, did, groups, join, value, week

D17 = "2026-03-17"
"""A Tuesday."""


async def test_who_is_active_anywhere_and_in_which_group(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    """On the 17th, of members of the first group a, b, c, d and of the second a, e:

    a reacts in both, b writes to the bot, c writes in the first on the 18th, d does nothing, e writes in the second;
    x, of no group, clicks.
    """
    first, second = await groups(conn, 2)
    a, b, c, d, e, x = [await member(in_group=False) for _ in range(6)]
    for who, group in ((a, first), (b, first), (c, first), (d, first), (a, second), (e, second)):
        await join(conn, who, group, "2026-03-01 10:00")
    for group in (first, second):
        await did(conn, a, "reaction", "2026-03-17 00:00", "2026-03-17 12:00", group_id=group)
    await did(conn, b, "private", "2026-03-17 23:59")
    await did(conn, c, "message", "2026-03-18 00:00", group_id=first)
    await did(conn, e, "message", "2026-03-17 08:00", "2026-03-17 09:00", "2026-03-17 10:00", group_id=second)
    await did(conn, x, "click", "2026-03-17 12:00")

    of = {
        kpi: [await counted(conn, playbook, kpi, day(D17), group_id=group) for group in (0, first, second)]
        for kpi in ("active", "active_rate", "speakers", "speaking_rate")
    }
    assert of == {
        "active": [(4, 4), (1, 1), (2, 2)],  # a, b, e, x; a; a, e
        "active_rate": [(3, 5), (1, 4), (2, 2)],  # a, b, e of a to e; x is in no group
        "speakers": [(1, 1), (0, 0), (1, 1)],  # e
        "speaking_rate": [(1, 5), (0, 4), (1, 2)],
    }
    assert await counted(conn, playbook, "speaking_rate", week(D17)) == (2, 5), "c spoke in the week"


async def test_messages_are_added_up(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    # 17th: two by a in the first group, one by b in the second. 18th: one by a. Private ones do not count.
    a, b = await member(), await member()
    await did(conn, a, "message", "2026-03-17 00:00", "2026-03-17 23:59", "2026-03-18 00:00", group_id=1)
    await did(conn, b, "message", "2026-03-17 12:00", group_id=2)
    await did(conn, b, "private", "2026-03-17 12:00")
    for asked, group, expected in ((day(D17), 0, 3), (day(D17), 1, 2), (week(D17), 0, 4), (day("2026-03-19"), 0, 0)):
        await counted(conn, playbook, "messages", asked)
        assert (await value(conn, "messages", asked, group_id=group)).number == expected


async def test_what_counts_as_speaking_is_the_playbooks(
    conn: Connection, edited: Callable[..., Bundle], member: MakeMember
) -> None:
    playbook = edited(signs={"activity": ["message"], "speaking": ["message", "reaction"]}).playbook
    a, b = await member(), await member()
    await did(conn, a, "reaction", "2026-03-17 12:00", group_id=1)
    await did(conn, b, "private", "2026-03-17 12:00")
    assert await counted(conn, playbook, "speakers", day(D17)) == (1, 1)
    assert await counted(conn, playbook, "active", day(D17)) == (0, 0)


async def test_who_left_in_the_window_was_there(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    # a left on the 17th, b the day before; c came on the 17th.
    (group,) = await groups(conn, 1)
    a, b, c = [await member(in_group=False) for _ in range(3)]
    await join(conn, a, group, "2026-03-01 10:00", left="2026-03-17 00:00")
    await join(conn, b, group, "2026-03-01 10:00", left="2026-03-16 23:59")
    await join(conn, c, group, "2026-03-17 23:59")
    await did(conn, c, "message", "2026-03-17 23:59", group_id=group)
    assert await counted(conn, playbook, "active_rate", day(D17)) == (1, 2)
