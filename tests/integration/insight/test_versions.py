"""Versions of the SOP: what the messages of each did, held against the one before, and when one is to be taken back."""

from datetime import timedelta

import pytest

from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.insight.statistics import Part
from community.insight.versions import Version, proposed_rollback, versions
from community.playbook import Playbook
from tests.integration.conftest import BOT_ID
from tests.integration.insight.kit import did, local, sent

AT = local("2026-03-30 12:00")


async def published(conn: Connection, bundle: str, at: str, note: str = "", returns_to: int | None = None) -> int:
    row = await (
        await conn.execute(
            "INSERT INTO publications (bundle, note, published_wall, published_at, returns_to)"
            " VALUES (%s, %s, clock_timestamp(), %s, %s) RETURNING id",
            [bundle, note, local(at), returns_to],
        )
    ).fetchone()
    assert row
    return int(row["id"])


async def many(
    conn: Connection, bundle: str, at: str, messages: int, engaged: int, blocked: int = 0, step: str = "day_1"
) -> None:
    """So many messages of the version, each to a member of its own, some of whom did something or blocked the bot."""
    values = {"at": local(at), "bundle": bundle, "bot": BOT_ID, "n": messages, "step": step}
    values |= {"engaged": engaged, "blocked": messages - blocked}
    await conn.execute(
        "WITH people AS ("
        " INSERT INTO members (telegram_id, first_name, dm, first_seen_at)"
        " SELECT (SELECT 1000000 + count(*) FROM members) + i, 'M', 'open', %(at)s FROM generate_series(1, %(n)s) i"
        " RETURNING id),"
        " had AS (INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, planned_at, due_at,"
        " wanted_at, state, sent_at, bundle) SELECT %(bot)s, id, id, 35, 'welcome_drip', %(step)s, 'x', %(at)s, %(at)s,"
        " %(at)s, 'sent', %(at)s, %(bundle)s FROM people),"
        " numbered AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM people)"
        " INSERT INTO events (at, kind, member_id) SELECT %(at)s::timestamptz + interval '1 hour',"
        " CASE WHEN n <= %(engaged)s THEN 'click' ELSE 'blocked' END, id FROM numbered"
        " WHERE n <= %(engaged)s OR n > %(blocked)s",
        values,
    )


def shares(version: Version) -> dict[str, Part]:
    return {measure.name: measure.part for measure in version.measures}


@pytest.fixture
async def nothing(conn: Connection, playbook: Playbook) -> None:
    """Nothing was published before."""
    await ensure_months(conn, "events", [AT])
    await conn.execute("DELETE FROM publications")


@pytest.mark.usefixtures("nothing")
async def test_the_effect_of_each(conn: Connection, playbook: Playbook) -> None:
    """Of the second 30 of 50 engaged, two blocked; of the first 10 of 40. One bought within a week, one later."""
    first = await published(conn, "a", "2026-03-01 00:00", "first")
    second = await published(conn, "b", "2026-03-10 00:00", "second")
    await many(conn, "a", "2026-03-05 10:00", 40, 10)
    await many(conn, "b", "2026-03-12 10:00", 50, 30, 2)
    rows = await (await conn.execute("SELECT id FROM members ORDER BY id")).fetchall()
    await did(conn, rows[0]["id"], "purchase", "2026-03-12 09:59")
    await did(conn, rows[1]["id"], "purchase", "2026-03-12 10:01")
    newest, oldest = await versions(conn, playbook, AT)
    assert (newest.number, newest.note, newest.accepted, oldest.number) == (second, "second", 50, first)
    assert shares(newest) == {
        "engaged_24h": Part(50, 30),
        "click_through": Part(50, 0),
        "block_rate": Part(50, 2),
        "purchase": Part(50, 0),
    }
    assert shares(oldest)["purchase"] == Part(40, 1)
    engaged = newest.measures[0]
    assert engaged.change is not None
    assert engaged.change.middle == pytest.approx(0.6 - 0.25)
    assert engaged.change.low > 0
    assert not engaged.small
    assert oldest.measures[0].change is None


@pytest.mark.usefixtures("nothing")
async def test_only_the_same_steps_are_held_against_each_other(conn: Connection, playbook: Playbook) -> None:
    """The second sends more of a step that few answer: each is as good as it was."""
    await published(conn, "a", "2026-03-01 00:00")
    await published(conn, "b", "2026-03-10 00:00")
    for step, engaged, of_a, of_b in (("day_1", 0.5, 400, 40), ("day_2", 0.1, 40, 400)):
        await many(conn, "a", "2026-03-05 10:00", of_a, round(of_a * engaged), step=step)
        await many(conn, "b", "2026-03-12 10:00", of_b, round(of_b * engaged), step=step)
    await many(conn, "b", "2026-03-12 10:00", 300, 0, step="new")
    newest = (await versions(conn, playbook, AT))[0]
    assert newest.measures[0].change is not None
    assert newest.measures[0].change.middle == pytest.approx(0)
    assert await proposed_rollback(conn, playbook, AT) == []


@pytest.mark.usefixtures("nothing")
async def test_a_version_that_came_back_is_told_apart(conn: Connection, playbook: Playbook) -> None:
    first = await published(conn, "a", "2026-03-01 00:00")
    await published(conn, "b", "2026-03-10 00:00")
    third = await published(conn, "a", "2026-03-15 00:00", returns_to=first)
    await many(conn, "a", "2026-03-05 10:00", 40, 10)
    await many(conn, "b", "2026-03-12 10:00", 50, 20)
    await many(conn, "a", "2026-03-16 10:00", 60, 30)
    found = {version.number: shares(version)["engaged_24h"] for version in await versions(conn, playbook, AT)}
    assert (found[first], found[third]) == (Part(40, 10), Part(60, 30))


@pytest.mark.usefixtures("nothing")
async def test_what_does_worse_is_proposed_to_be_taken_back(conn: Connection, playbook: Playbook) -> None:
    """And nothing else: not by chance, not of few, not a rollback, and not what does no worse."""
    first = await published(conn, "a", "2026-03-01 00:00")
    second = await published(conn, "b", "2026-03-10 00:00")
    await many(conn, "a", "2026-03-05 10:00", 1000, 400, 5)
    await many(conn, "b", "2026-03-12 10:00", 150, 20)
    assert await proposed_rollback(conn, playbook, AT) == []
    await many(conn, "b", "2026-03-13 10:00", 850, 230, 60)
    found = {worse.measure: worse for worse in await proposed_rollback(conn, playbook, AT)}
    assert set(found) == {"engaged_24h", "block_rate"}
    engaged = found["engaged_24h"]
    assert (engaged.version, engaged.before) == (second, first)
    assert (engaged.was, engaged.now) == (Part(1000, 400), Part(1000, 250))
    assert engaged.change.high < 0 < found["block_rate"].change.low
    await published(conn, "a", "2026-03-14 00:00", returns_to=first)
    assert await proposed_rollback(conn, playbook, AT) == []
    await published(conn, "c", "2026-03-15 00:00")
    await many(conn, "c", "2026-03-16 10:00", 1000, 260, 55)
    assert await proposed_rollback(conn, playbook, AT + timedelta(days=1)) == [], "no worse than what was before"


@pytest.mark.usefixtures("nothing")
async def test_messages_of_no_step_are_in_no_version(conn: Connection, playbook: Playbook) -> None:
    await published(conn, "a", "2026-03-01 00:00")
    await many(conn, "a", "2026-03-05 10:00", 1, 1)
    person = (await (await conn.execute("SELECT id FROM members")).fetchall())[0]["id"]
    await sent(conn, person, "2026-03-06 10:00", bundle="a", wanted_at=None)
    assert [version.accepted for version in await versions(conn, playbook, AT)] == [1]
