"""KPIs of service, on small worlds counted by hand."""

from community.database.pool import Connection
from community.insight.counting import count_window
from community.playbook import Playbook
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import counted, day, did, local, parts, value, week

D17 = "2026-03-17"


async def task(
    conn: Connection, member_id: int, kind: str, created: str, due: str, done: str | None = None, note: str = ""
) -> None:
    values = [member_id, kind, note, local(created), local(due), local(done) if done else None]
    await conn.execute(
        "INSERT INTO follow_ups (member_id, kind, note, created_at, due_at, done_at) VALUES (%s, %s, %s, %s, %s, %s)",
        values,
    )


async def test_first_response_is_of_what_members_asked(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    """Done on the 17th: after 600 s, after 2 hours (too late), after a day. Median 7200 s, two in time."""
    who = await member(home_group_id=7)
    await task(conn, who, "talk", "2026-03-17 10:00", "2026-03-17 11:00", "2026-03-17 10:10")
    await task(conn, who, "problem", "2026-03-17 10:00", "2026-03-17 11:00", "2026-03-17 12:00")
    await task(conn, who, "problem", "2026-03-16 23:00", "2026-03-18 00:00", "2026-03-17 23:00")
    await task(conn, who, "problem", "2026-03-17 10:00", "2026-03-18 00:00", "2026-03-18 00:00")  # the next day's
    await task(conn, who, "problem", "2026-03-17 10:00", "2026-03-18 00:00")  # open
    await task(conn, who, "consulting_lead", "2026-03-17 10:00", "2026-03-18 00:00", "2026-03-17 10:01")  # ours
    assert await counted(conn, playbook, "first_response", day(D17)) == (2, 3)
    assert (await value(conn, "first_response", day(D17))).number == 7200
    assert (await value(conn, "first_response", day(D17), group_id=7)).number == 7200
    assert await parts(conn, "first_response", day(D17)) == {"talk": (1, 1), "problem": (1, 2)}


async def test_sla_counts_each_task_once(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    """On the 17th: done in time 1; done late, on the 18th, but due on the 17th 1; open and due on the 17th 1.

    The 18th has what was due then; what was done in time on the 17th and due on the 18th is not there again.
    """
    who = await member()
    await task(conn, who, "talk", "2026-03-17 10:00", "2026-03-18 11:00", "2026-03-17 11:00")
    await task(conn, who, "talk", "2026-03-17 10:00", "2026-03-17 11:00", "2026-03-18 11:00")
    await task(conn, who, "consulting_lead", "2026-03-10 10:00", "2026-03-17 00:00")
    await task(conn, who, "consulting_lead", "2026-03-10 10:00", "2026-03-18 00:00")
    assert await counted(conn, playbook, "sla_met", day(D17)) == (1, 3)
    assert await counted(conn, playbook, "sla_met", day("2026-03-18")) == (0, 1)
    assert await parts(conn, "sla_met", day(D17)) == {"talk": (1, 2), "consulting_lead": (0, 1)}


async def test_what_is_not_due_yet_is_not_missed(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    who = await member()
    await task(conn, who, "talk", "2026-03-17 08:00", "2026-03-17 11:00")
    await task(conn, who, "talk", "2026-03-17 08:00", "2026-03-17 13:00", note="another")
    await count_window(conn, playbook, day(D17), local("2026-03-17 12:00"))
    assert (await value(conn, "sla_met", day(D17))).base == 1


async def test_callback_success_by_provider(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    # On the 17th: handled, ignored, failed; pending and tried once; not yet tried is not in it, nor the 18th's.
    for n, (provider, state, attempts, at) in enumerate(
        (
            ("stripe", "handled", 1, "2026-03-17 00:00"),
            ("stripe", "ignored", 1, "2026-03-17 12:00"),
            ("stripe", "failed", 5, "2026-03-17 12:00"),
            ("ime", "pending", 1, "2026-03-17 12:00"),
            ("ime", "pending", 0, "2026-03-17 12:00"),
            ("ime", "handled", 1, "2026-03-18 00:00"),
        )
    ):
        await conn.execute(
            "INSERT INTO provider_events (provider, event_id, kind, name, happened_at, received_wall, state, attempts)"
            " VALUES (%s, %s, 'paid', 'x', %s, now(), %s, %s)",
            [provider, str(n), local(at), state, attempts],
        )
    assert await counted(conn, playbook, "callback_success", day(D17)) == (2, 4)
    assert await parts(conn, "callback_success", day(D17)) == {"stripe": (2, 3), "ime": (0, 1)}


async def test_automation_solved_is_by_member_and_day(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    """Counted on the 19th: who wrote to the bot on the 17th, and what was opened on the 17th or 18th.

    a wrote twice: once a day. b asked for a human the next day, c on the 19th, d the day before. e has a task that the
    calendar opened. f pressed a button only.
    """
    a, b, c, d, e, f = [await member() for _ in range(6)]
    for who in (a, b, c, d, e):
        await did(conn, who, "private", "2026-03-17 00:00", "2026-03-17 23:59")
    await did(conn, f, "button", "2026-03-17 12:00")
    await task(conn, b, "talk", "2026-03-18 23:59", "2026-03-20 00:00")
    await task(conn, c, "talk", "2026-03-19 00:00", "2026-03-20 00:00")
    await task(conn, d, "talk", "2026-03-16 23:59", "2026-03-20 00:00")
    await task(conn, e, "consulting_lead", "2026-03-17 12:00", "2026-03-20 00:00")
    assert await counted(conn, playbook, "automation_solved", day("2026-03-19")) == (4, 5)
    assert await counted(conn, playbook, "automation_solved", day("2026-03-18")) == (0, 0)
    await did(conn, a, "private", "2026-03-18 12:00")
    # In the week: a on two days.
    assert await counted(conn, playbook, "automation_solved", week(D17)) == (5, 6)
