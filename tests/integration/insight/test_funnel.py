"""The entry funnel, on a small world counted by hand."""

from community.activity.record import Activity, record
from community.database.pool import Connection
from community.insight.funnel import Step, funnel
from community.playbook import Playbook
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import day, did, groups, join, local, week
from tests.integration.rows import set_member

D17 = "2026-03-17"


async def links(conn: Connection) -> None:
    await conn.execute(
        """INSERT INTO links (token, kind, source, created_at) VALUES
        ('n', 'entry', '{"utm_source": "notes", "group": "Group 1"}', now()),
        ('k', 'entry', '{"utm_source": "kol"}', now()),
        ('r', 'resource', '{}', now())"""
    )


async def spend(conn: Connection, on: str, source: str, impressions: int, clicks: int, campaign: str = "") -> None:
    await conn.execute(
        "INSERT INTO ad_spend (day, source, campaign, currency, impressions, clicks)"
        " VALUES (%s, %s, %s, 'CNY', %s, %s)",
        [on, source, campaign, impressions, clicks],
    )


async def test_by_source_and_window(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    """On the 17th, by notes: 1,000 shown, 40 + 10 clicked, 3 opened the link, 3 came, 2 were admitted, of whom one is
    in the group that the link names, and one spoke. By a KOL, not advertised: 1 opened and came. One came unknown.
    """
    await links(conn)
    await spend(conn, D17, "notes", 700, 40)
    await spend(conn, D17, "notes", 300, 10, "spring")
    await spend(conn, "2026-03-16", "notes", 5, 5)  # of the day before
    clicks = [("n", "00:00"), ("n", "12:00"), ("n", "23:59"), ("k", "12:00"), ("r", "12:00")]
    await record(conn, [Activity("click", local(f"{D17} {at}"), None, None, {"link": link}) for link, at in clicks])
    await record(conn, [Activity("click", local("2026-03-18 00:00"), None, None, {"link": "n"})])
    other, ours = await groups(conn, 2)
    a, b, c, d, e, later = [await member(in_group=False) for _ in range(6)]
    for who, link in ((a, "n"), (b, "n"), (c, "n"), (d, "k"), (e, None), (later, "n")):
        await set_member(conn, who, link_token=link, first_seen_at=local(f"{D17} 12:00"), entered_at=None, left_at=None)
    await set_member(conn, later, first_seen_at=local("2026-03-18 00:00"))
    await join(conn, a, ours, f"{D17} 12:10")
    await join(conn, b, other, f"{D17} 12:10")
    await join(conn, c, ours, "2026-03-18 00:00")
    await did(conn, a, "message", f"{D17} 13:00", group_id=ours)
    await did(conn, b, "private", f"{D17} 13:00")

    found = {each.source: [each.steps[step] for step in Step] for each in await funnel(conn, playbook, day(D17))}
    assert found == {
        "": [1000, 50, 4, 5, 2, 1, 1],
        "notes": [1000, 50, 3, 3, 2, 1, 1],
        "kol": [None, None, 1, 1, 0, 0, 0],
        "unknown": [None, None, None, 1, 0, 0, 0],
    }
    # In the week: 5 more shown, one more click, `later` came, c got in.
    whole = (await funnel(conn, playbook, week(D17)))[0]
    assert [whole.steps[step] for step in Step] == [1005, 55, 5, 6, 3, 2, 1]


async def test_shares_pass_over_what_is_not_known(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    await spend(conn, D17, "unknown", 200, 20)
    for _ in range(2):
        await set_member(conn, await member(in_group=False), first_seen_at=local(f"{D17} 12:00"), entered_at=None)
    every = (await funnel(conn, playbook, day(D17)))[0]
    assert every.steps[Step.link_clicks] is None
    assert every.share(Step.impressions) is None
    assert every.share(Step.ad_clicks) == 0.1
    assert [every.base(step) for step in (Step.impressions, Step.ad_clicks, Step.started)] == [None, 200, 20]
    assert every.share(Step.link_clicks) is None
    assert every.share(Step.started) == 0.1  # of the 20 who clicked the advertisement
    assert every.share(Step.passed) == 0
    assert every.share(Step.in_group) is None  # of nobody


async def test_more_than_the_step_before_are_no_share_of_it(
    conn: Connection, playbook: Playbook, member: MakeMember
) -> None:
    """Two came, one of them by a link that counts clicks: 200 % would say nothing."""
    await links(conn)
    await record(conn, [Activity("click", local(f"{D17} 12:00"), None, None, {"link": "n"})])
    for _ in range(2):
        await set_member(conn, await member(in_group=False), first_seen_at=local(f"{D17} 12:00"), entered_at=None)
    every = (await funnel(conn, playbook, day(D17)))[0]
    assert (every.steps[Step.link_clicks], every.steps[Step.started]) == (1, 2)
    assert every.share(Step.started) is None
    assert every.share(Step.passed) == 0


async def test_nothing_happened(conn: Connection, playbook: Playbook) -> None:
    (every,) = await funnel(conn, playbook, day(D17))
    assert [every.steps[step] for step in Step] == [None, None, None, 0, 0, 0, 0]
