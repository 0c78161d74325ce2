"""Experiments in the database: what is counted of whom, what a look makes of it, and an operator's word."""

from datetime import timedelta
from typing import Any

import pytest

from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection
from community.errors import ExperimentRefused, PlaybookError
from community.insight.experiments import Experiment, apply, begin, count, end, experiments, find, look, refuse_used
from community.insight.judging import Counted, Verdict
from community.outbox.bundles import publish
from community.outreach.plan import plan
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.insight.experiment_kit import (
    DAY,
    HALVES,
    HOUR,
    KEY,
    SENT,
    STAGE,
    ran,
    told,
    told_many,
    with_experiment,
)
from tests.integration.rows import Edit

STAFF = -100_999


@pytest.fixture
async def halved(conn: Connection, bundle: Bundle) -> Bundle:
    found = with_experiment(bundle)
    await publish(conn, found, "an experiment")
    return found


async def looked(conn: Connection, bundle: Bundle, at: Any = NOON) -> Experiment:
    await look(conn, bundle, at, bot_id=BOT_ID, staff_chat=STAFF)
    return await find(conn, KEY)


async def counted(conn: Connection, bundle: Bundle, at: Any = NOON) -> dict[str, Counted]:
    await begin(conn, bundle.playbook, SENT)
    result = await count(conn, bundle.playbook, await find(conn, KEY), at)
    return {each.variant: each for each in result.counted}


async def said(conn: Connection) -> list[dict[str, Any]]:
    """What the staff chat was told."""
    rows = await (await conn.execute("SELECT context FROM messages WHERE stage = 'staff' ORDER BY id")).fetchall()
    return [row["context"] for row in rows]


# What is counted.


async def test_by_hand(conn: Connection, halved: Bundle) -> None:
    """Of six with a, three did something in time, one blocked in time, one left in time."""
    who = [member for member, _ in await told_many(conn, "a", 6)]
    await told_many(conn, "b", 2)
    did = [
        ("button", HOUR, who[0]),
        ("click", 23 * HOUR, who[0]),
        ("reaction", 24 * HOUR, who[1]),
        ("private", 24 * HOUR + timedelta(seconds=1), who[2]),
        ("message", HOUR, who[3]),
        ("answer", -HOUR, who[4]),
        ("answer", timedelta(seconds=1), who[5]),
        ("blocked", 24 * HOUR, who[3]),
        ("opted_out", 25 * HOUR, who[4]),
        ("left", 7 * DAY, who[5]),
        ("left", 7 * DAY + HOUR, who[0]),
    ]
    await record(conn, [Activity(kind, SENT + after, member) for kind, after, member in did])
    found = await counted(conn, halved)
    assert found["a"] == Counted("a", 6, 6, 3, 6, 1, 6, 1, 6)
    assert found["b"] == Counted("b", 2, 2, 0, 2, 0, 2, 0, 2)


@pytest.mark.parametrize(
    ("metric", "kind", "hits"),
    [
        ("spoke", "message", 1),
        ("spoke", "button", 0),
        ("purchase", "purchase", 1),
        ("purchase", "click", 0),
        ("click_through", "click", 0),
        ("engaged", "message", 0),
    ],
)
async def test_each_metric_by_its_events(conn: Connection, bundle: Bundle, metric: str, kind: str, hits: int) -> None:
    found = with_experiment(bundle, metric=metric)
    who, _ = await told(conn, "a")
    await record(conn, [Activity(kind, SENT + HOUR, who)])
    assert (await counted(conn, found))["a"].hits == hits


async def test_a_click_counts_for_its_own_message(conn: Connection, bundle: Bundle) -> None:
    found = with_experiment(bundle, metric="click_through", within="7d")
    for other in (False, True):
        who, message = await told(conn, "a")
        data = {"link": "x", "message": message + other * 1000}
        await record(conn, [Activity("click", SENT + 3 * DAY, who, None, data)])
    assert (await counted(conn, found))["a"].hits == 1


async def test_only_who_had_all_their_time(conn: Connection, halved: Bundle) -> None:
    """From the end of the member's day, another for what quiet hours put off: the same for every slot."""
    morning, evening = NOON - 2 * HOUR, NOON + 8 * HOUR
    for variant, sent_at in (("a", morning), ("b", evening)):
        await told(conn, variant, sent_at=sent_at)
    midnight = NOON + 12 * HOUR
    for at, people in ((midnight + 2 * DAY - HOUR, 0), (midnight + 2 * DAY, 1)):
        found = await counted(conn, halved, at)
        assert [each.people for each in found.values()] == [people, people]
        assert [each.reached for each in found.values()] == [1, 1]


async def test_it_is_the_members_own_day(conn: Connection, halved: Bundle) -> None:
    """In New York it is 23:00 the day before: over eleven hours and two days later."""
    await told(conn, "a", zone="America/New_York", sent_at=NOON)
    over = NOON + HOUR + 2 * DAY
    assert [(await counted(conn, halved, at))["a"].people for at in (over - HOUR, over)] == [0, 1]


async def test_who_is_written_to_again_counts_by_the_first(conn: Connection, halved: Bundle) -> None:
    who, _ = await told(conn, "a")
    await conn.execute(
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, planned_at, due_at,"
        " wanted_at, state, sent_at, variant)"
        " VALUES (%s, %s, 1, 35, %s, 'day_1', 'again', %s, %s, %s, 'sent', %s, 'slot:a')",
        [BOT_ID, who, STAGE, *[SENT + 2 * DAY] * 4],
    )
    await record(conn, [Activity("button", SENT + 2 * DAY + HOUR, who)])
    assert (await counted(conn, halved))["a"] == Counted("a", 1, 1, 0, 1, 0, 1, 0, 1)


@pytest.mark.parametrize("state", ["waiting", "failed", "uncertain", "cancelled", "expired"])
async def test_what_was_not_taken_is_no_exposure(conn: Connection, halved: Bundle, state: str) -> None:
    await told(conn, "a", state=state)
    assert (await counted(conn, halved))["a"] == Counted("a")


async def test_what_happens_after_the_look_does_not_matter(conn: Connection, halved: Bundle) -> None:
    await ran(conn, "a", 150, 60)
    await ran(conn, "b", 150, 70)
    before = await counted(conn, halved)
    late = await told_many(conn, "b", 100, sent_at=NOON + HOUR)
    await record(conn, [Activity("button", NOON + 2 * HOUR, who) for who, _ in late])
    assert await counted(conn, halved) == before


# What a look makes of it.


async def test_too_early_to_tell(conn: Connection, halved: Bundle) -> None:
    await ran(conn, "a", 150, 30)
    await ran(conn, "b", 150, 33)
    found = await looked(conn, halved)
    assert (found.state, found.winner, found.looked_at) == ("running", None, NOON)
    assert found.result
    assert found.result.verdict is Verdict.waiting
    assert await said(conn) == []


async def winning(conn: Connection, winner: str = "b") -> None:
    await ran(conn, "a" if winner == "b" else "b", 600, 120)
    await ran(conn, winner, 600, 300)


async def test_a_winner_is_proposed_and_staff_asked_once(conn: Connection, halved: Bundle) -> None:
    await winning(conn)
    found = await looked(conn, halved)
    assert (found.state, found.winner, found.decided_by) == ("proposed", "b", None)
    for day in range(1, 4):
        [again] = await look(conn, halved, NOON + day * DAY, bot_id=BOT_ID, staff_chat=STAFF)
        assert (again.experiment.state, again.news) == ("proposed", False)
    [told_] = await said(conn)
    assert (told_["verdict"], told_["winner"], told_["winners"], told_["asked"]) == ("better", "b", ["b"], [True])


async def test_no_difference_is_proposed_to_be_ended(conn: Connection, bundle: Bundle) -> None:
    found = with_experiment(bundle, effect="20%")
    await ran(conn, "a", 700, 300)
    await ran(conn, "b", 700, 305)
    now = await looked(conn, found)
    assert (now.state, now.winner) == ("proposed", None)
    [told_] = await said(conn)
    assert (told_["verdict"], told_["winners"], told_["asked"]) == ("same", [], [True])


async def test_harm_ends_it_at_once(conn: Connection, halved: Bundle, member: MakeMember) -> None:
    await ran(conn, "a", 400, 100)
    await ran(conn, "b", 400, 200, blocks=60)
    found = await looked(conn, halved)
    assert (found.state, found.winner, found.decided_by, found.decided_at) == ("ended", None, "guardrail", NOON)
    [told_] = await said(conn)
    assert (told_["verdict"], told_["against"], told_["asked"]) == ("harmful", "b", [])
    who = await member(entered_at=NOON - DAY)
    await plan(conn, halved, STAGE, NOON + 9 * HOUR, bot_id=BOT_ID, members=[who])
    rows = await (await conn.execute("SELECT template FROM messages WHERE member_id = %s", [who])).fetchall()
    assert [row["template"] for row in rows] == ["welcome_drip/day_1"]


async def test_uneven_shares_are_told_once_and_nothing_is_concluded(conn: Connection, halved: Bundle) -> None:
    await ran(conn, "a", 600, 60)
    await ran(conn, "b", 300, 200)
    for day in range(3):
        found = await looked(conn, halved, NOON + day * DAY)
        assert (found.state, found.winner) == ("running", None)
        assert found.result
        assert found.result.verdict is Verdict.unbalanced
    [told_] = await said(conn)
    assert (told_["verdict"], told_["asked"]) == ("unbalanced", [])


async def test_told_with_the_look_or_not_at_all(conn: Connection, halved: Bundle) -> None:
    await winning(conn)
    with pytest.raises(ZeroDivisionError):
        async with conn.transaction():
            await looked(conn, halved)
            raise ZeroDivisionError
    assert await said(conn) == []
    assert await experiments(conn) == []


# An operator's word.


async def test_applied_it_is_everybodys(conn: Connection, halved: Bundle, member: MakeMember) -> None:
    await winning(conn)
    await looked(conn, halved)
    found = await apply(conn, KEY, NOON, by="li", note="at last")
    assert (found.state, found.winner, found.decided_by, found.decided_at, found.note) == (
        "applied", "b", "li", NOON, "at last",
    )  # fmt: skip
    newcomers = [await member(entered_at=NOON - DAY) for _ in range(20)]
    await plan(conn, halved, STAGE, NOON + 9 * HOUR, bot_id=BOT_ID, members=newcomers)
    query = "SELECT DISTINCT template, variant FROM messages WHERE member_id = ANY (%s)"
    rows = await (await conn.execute(query, [newcomers])).fetchall()
    assert rows == [{"template": "welcome_drip/day_2", "variant": None}]
    assert await look(conn, halved, NOON + DAY, bot_id=BOT_ID, staff_chat=STAFF) == [], "over, and not looked at"
    with pytest.raises(ExperimentRefused, match="applied already by li"):
        await end(conn, KEY, NOON, by="wang")


async def test_without_a_proposal_a_variant_must_be_named(conn: Connection, halved: Bundle) -> None:
    await begin(conn, halved.playbook, NOON)
    with pytest.raises(ExperimentRefused, match="no winner is proposed"):
        await apply(conn, KEY, NOON, by="li")
    with pytest.raises(ExperimentRefused, match="none of its variants; known: a, b"):
        await apply(conn, KEY, NOON, by="li", variant="c")
    assert (await apply(conn, KEY, NOON, by="li", variant="a")).winner == "a"


async def test_ended_the_first_is_everybodys(conn: Connection, halved: Bundle) -> None:
    await winning(conn)
    await looked(conn, halved)
    found = await end(conn, KEY, NOON, by="li")
    assert (found.state, found.winner) == ("ended", None)
    with pytest.raises(ExperimentRefused, match="no such experiment"):
        await end(conn, "else", NOON, by="li")


# Keys.


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "purchase"},
        {"within": "7d"},
        {"effect": "4%"},
        {"variants": [{**HALVES[0], "share": "40%"}, {**HALVES[1], "share": "60%"}]},
        {"variants": [HALVES[0], {**HALVES[1], "at": "19:00"}]},
        {"variants": [HALVES[0], {**HALVES[1], "copy": "day_3"}]},
        {"variants": [HALVES[1], HALVES[0]]},
    ],
)
async def test_a_key_is_used_once(conn: Connection, halved: Bundle, bundle: Bundle, change: dict[str, Any]) -> None:
    await begin(conn, halved.playbook, NOON)
    await refuse_used(conn, halved.playbook)
    with pytest.raises(PlaybookError, match="experiment slot was another before"):
        await refuse_used(conn, with_experiment(bundle, **change).playbook)
    await refuse_used(conn, with_experiment(bundle, **change, key="slot_2").playbook)


async def test_it_began_with_its_first_message(conn: Connection, halved: Bundle) -> None:
    await told(conn, "a")
    await looked(conn, halved)
    await looked(conn, halved, NOON + DAY)
    assert (await find(conn, KEY)).started_at == SENT


# The plans' page.


async def test_the_page_is_compared_likewise(conn: Connection, bundle: Bundle, edited: Edit) -> None:
    pages = edited(payments={"variants": ["price", "benefits"]})
    await begin(conn, pages.playbook, SENT)
    seen = [("price", 500, True), ("benefits", 500, True), ("price", 300, False)]
    await record(
        conn,
        [
            Activity("page_view", SENT + HOUR, None, None, {"plan": "month", "variant": name, "new": new})
            for name, number, new in seen
            for _ in range(number)
        ],
    )
    orders = [("price", 20, 2 * HOUR), ("benefits", 90, 2 * HOUR), ("price", 40, 8 * DAY), ("benefits", 7, None)]
    for name, number, paid_after in orders:
        await conn.execute(
            "INSERT INTO orders (number, plan, amount_minor, currency, list_minor, variant, state, source, created_at,"
            " expires_at, paid_at)"
            " SELECT %(name)s || %(number)s || '-' || i, 'month', 1, 'CNY', 1, %(name)s, 'paid', 'page', %(at)s,"
            " %(at)s, %(paid)s FROM generate_series(1, %(number)s) i",
            {"name": name, "number": number, "at": SENT + HOUR, "paid": paid_after and SENT + HOUR + paid_after},
        )
    await look(conn, pages, NOON, bot_id=BOT_ID, staff_chat=STAFF)
    found = await find(conn, "page_price_benefits")
    assert found.result
    assert [(each.reached, each.people, each.hits) for each in found.result.counted] == [(500, 500, 20), (500, 500, 90)]
    assert (found.state, found.winner) == ("proposed", "benefits")
