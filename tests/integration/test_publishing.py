"""Publishing with a look ahead, and going back to a former version."""

from datetime import timedelta
from typing import Any

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.errors import PlaybookError
from community.outbox.bundles import Bundles, publish, went_back
from community.outbox.halt import halt, resume
from community.outreach.plan import TooMany, plan
from community.outreach.proposals import propose_send
from community.outreach.publishing import Change, coming, former_version, put_into_force
from community.outreach.report import last_plans
from community.outreach.taking_over import Waiting
from community.playbook_stages import InFlight
from deployments.cli.versions import refuse_incomplete
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.rows import message, only_message, put
from tests.integration.test_in_flight import DAY, MORNING, ONE_TO_THREE, STAGE, all_sent, got, step, version


async def half_way(conn: Connection, old: Bundle, member: MakeMember) -> int:
    """A member who had their first day and waits for the others, which are planned ahead."""
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await put_into_force(conn, old, "old", MORNING, bot_id=BOT_ID)
    await plan(conn, old, STAGE, MORNING, bot_id=BOT_ID)
    await conn.execute("UPDATE messages SET state = 'sent', sent_at = due_at WHERE step = 'day_1'")
    return person


async def test_the_look_ahead_comes_true(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    old = version(bundle, *ONE_TO_THREE, words="old", plan_ahead="3d")
    new = version(bundle, step("day_1", 1), step("day_2", 2), step("day_4", 4), words="new", plan_ahead="3d")
    person = await half_way(conn, old, member)
    at = MORNING + timedelta(hours=1)
    ahead = await coming(conn, old, new, at, bot_id=BOT_ID)
    waits = Waiting(reworded=1, dropped=1)
    assert ahead == [Change(STAGE, InFlight.migrate, 1, waits, gains={"day_4": 1}, loses={"day_3": 1})]
    assert (await only_message(conn, step="day_2"))["bundle"] == old.hash, "nothing is written by looking"
    await put_into_force(conn, new, "new", at, bot_id=BOT_ID)
    assert await got(conn, person) == {"day_1": "old", "day_2": "new", "day_4": "new"}, "at once, without a run"
    await plan(conn, new, STAGE, MORNING + DAY, bot_id=BOT_ID)
    assert await got(conn, person) == {"day_1": "old", "day_2": "new", "day_4": "new"}


@pytest.mark.parametrize(("people", "steps"), [(2, 1), (1, 2)])
async def test_a_publication_sends_no_more_than_may_go_unasked(
    conn: Connection, bundle: Bundle, member: MakeMember, people: int, steps: int
) -> None:
    """What it would plan anew, and what else is due to these members, is left to the next run, which asks."""
    ahead: dict[str, Any] = {"plan_ahead": "30h", "approve_above": 1}
    old = version(bundle, step("day_2", 2), words="old", **ahead)
    moved = [step(name, 2, at="13:00") for name in ("day_2", "more")[:steps]]
    new = version(bundle, *moved, words="new", **ahead)
    await put_into_force(conn, old, "old", MORNING, bot_id=BOT_ID)
    who = [await member(entered_at=MORNING - DAY - timedelta(hours=1)) for _ in range(people)]
    for person in who:
        await plan(conn, old, STAGE, MORNING, bot_id=BOT_ID, members=[person], most=1)
    at = MORNING + timedelta(hours=1)
    [ahead_of_it] = await coming(conn, old, new, at, bot_id=BOT_ID)
    assert (ahead_of_it.waiting.anew, ahead_of_it.asks) == (people, people > 1)
    await put_into_force(conn, new, "new", at, bot_id=BOT_ID)
    assert [await got(conn, person) for person in who] == [{}] * people
    with pytest.raises(TooMany):
        await plan(conn, new, STAGE, at, bot_id=BOT_ID, most=1)
    assert (await propose_send(conn, new, STAGE, at, bot_id=BOT_ID, run_id=None)).left == 2


def without(bundle: Bundle) -> Bundle:
    """The bundle without the stage."""
    stages = {name: of for name, of in bundle.source["stages"].items() if name != STAGE}
    return Bundle({**bundle.source, "stages": stages}, bundle.copy)


async def test_a_stage_ends_once(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """Publications that follow, and do not have it either, write nothing more of it; it can come back all the same."""
    old = version(bundle, *ONE_TO_THREE, words="old", plan_ahead="3d")
    person = await half_way(conn, old, member)
    for n in (1, 2):
        other = without(Bundle({**old.source, "caps": {"per_day": n, "per_week": 20}}, old.copy))
        await put_into_force(conn, other, "without", MORNING + timedelta(minutes=n), bot_id=BOT_ID)
    ended = await conn.execute("SELECT bundle FROM stage_versions WHERE stage = %s AND edition = ''", [STAGE])
    assert len(await ended.fetchall()) == 1
    await put_into_force(conn, old, "back", MORNING + timedelta(minutes=3), bot_id=BOT_ID, mode=InFlight.migrate)
    assert list(await got(conn, person)) == ["day_1", "day_2", "day_3"]


async def test_what_a_publication_cannot_send_is_told_by_the_next_run(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """Its new time is over, and it too late to be of use. The run before stays the stage's last one meanwhile."""
    evening, noon = (step("day_2", 2, at=at, expires_after="2h") for at in ("20:00", "13:00"))
    old = version(bundle, step("day_1", 1), evening, words="old", plan_ahead="3d")
    new = version(bundle, step("day_1", 1), noon, step("day_3", 3), words="new", plan_ahead="3d")
    person = await half_way(conn, old, member)
    await put_into_force(conn, new, "new", MORNING + DAY + timedelta(hours=7), bot_id=BOT_ID)
    assert await got(conn, person) == {"day_1": "old", "day_3": "new"}
    assert [row["as_of_at"] for row in await last_plans(conn, [STAGE])] == [MORNING]
    done = await plan(conn, new, STAGE, MORNING + DAY + timedelta(hours=8), bot_id=BOT_ID)
    assert (done.missed, done.fresh) == ({"day_2": {"": 1}}, {"stale": 1})


@pytest.mark.parametrize("by", ["operator", "this version"])
async def test_what_is_halted_waits_as_it_is(conn: Connection, bundle: Bundle, member: MakeMember, by: str) -> None:
    """Not planned while it is halted, and too late by the run after that: the publication would have lost it."""
    evening, night = (step("day_2", 2, at=at, expires_after="1h") for at in ("20:00", "21:00"))
    old = version(bundle, step("day_1", 1), evening, words="old", plan_ahead="3d")
    new, later = (
        version(
            bundle, step("day_1", 1), night, words=words, plan_ahead="3d", enabled=words == "later" or by == "operator"
        )
        for words in ("new", "later")
    )
    person = await half_way(conn, old, member)
    if by == "operator":
        await halt(conn, f"stage:{STAGE}")
    assert [each.waiting for each in await coming(conn, old, new, MORNING, bot_id=BOT_ID)] == [Waiting(kept=1)]
    await put_into_force(conn, new, "new", MORNING, bot_id=BOT_ID)
    assert await got(conn, person) == {"day_1": "old", "day_2": "old"}
    await resume(conn, f"stage:{STAGE}")
    assert [each.waiting for each in await coming(conn, new, later, MORNING, bot_id=BOT_ID)] == [Waiting(anew=1)]
    await put_into_force(conn, later, "later", MORNING, bot_id=BOT_ID)
    assert await got(conn, person) == {"day_1": "old", "day_2": "later"}
    assert (await only_message(conn, step="day_2"))["due_at"] == MORNING + DAY + timedelta(hours=11)


async def test_who_stays_loses_and_gains_nothing(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    old = version(bundle, *ONE_TO_THREE, words="old", plan_ahead="3d")
    new = version(bundle, step("day_9", 9), words="new", in_flight="stay")
    await half_way(conn, old, member)
    ahead = await coming(conn, old, new, MORNING, bot_id=BOT_ID)
    assert ahead == [Change(STAGE, InFlight.stay, 1, Waiting(kept=2))]


async def test_what_is_the_same_is_not_there(conn: Connection, bundle: Bundle) -> None:
    other = Bundle({**bundle.source, "caps": {"per_day": 1, "per_week": 3}}, bundle.copy)
    assert await coming(conn, bundle, other, MORNING, bot_id=BOT_ID) == []


async def test_going_back(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """To the last other version, or one that is named; who is half-way goes back as well, whatever the stage says."""
    good = version(bundle, *ONE_TO_THREE, words="good", in_flight="stay")
    bad = version(bundle, *ONE_TO_THREE, words="bad", in_flight="stay")
    await put_into_force(conn, good, "good", MORNING - DAY, bot_id=BOT_ID)
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await put_into_force(conn, bad, "bad", MORNING - DAY, bot_id=BOT_ID)
    await plan(conn, bad, STAGE, MORNING, bot_id=BOT_ID)
    await all_sent(conn)
    former, content = await former_version(conn, None)
    assert (former.note, content.hash) == ("good", good.hash)
    await put_into_force(conn, content, "back", MORNING, bot_id=BOT_ID, mode=InFlight.migrate, returns_to=former.number)
    assert (await Bundles().current(conn)).hash == good.hash
    await plan(conn, content, STAGE, MORNING + DAY, bot_id=BOT_ID)
    assert await got(conn, person) == {"day_1": "bad", "day_2": "good"}
    row = await (await conn.execute("SELECT * FROM publications ORDER BY id DESC LIMIT 1")).fetchone()
    assert row
    assert (row["returns_to"], row["in_flight"], row["note"]) == (former.number, "migrate", "back")


async def test_there_must_be_one_to_go_back_to(conn: Connection, bundle: Bundle) -> None:
    with pytest.raises(PlaybookError, match="nothing else was ever in force"):
        await former_version(conn, None)
    with pytest.raises(PlaybookError, match="version 77"):
        await former_version(conn, 77)
    await publish(conn, version(bundle, *ONE_TO_THREE), "x")
    assert (await former_version(conn, 1))[1].hash == bundle.hash


async def test_a_stage_that_is_no_more_sends_nothing_more(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    old = version(bundle, *ONE_TO_THREE, words="old", plan_ahead="3d")
    await half_way(conn, old, member)
    new, helper = without(old), await put(conn, stage="helper", step="helper", bundle=old.hash)
    loses = {"day_2": 1, "day_3": 1}
    assert await coming(conn, old, new, MORNING, bot_id=BOT_ID) == [
        Change(STAGE, None, 1, Waiting(dropped=2), loses=loses)
    ]
    await put_into_force(conn, new, "without", MORNING, bot_id=BOT_ID)
    assert (await message(conn, helper))["state"] == "waiting", "of no stage"
    rows = await (await conn.execute("SELECT * FROM messages WHERE stage = %s ORDER BY step", [STAGE])).fetchall()
    assert [(row["step"], row["state"], row["reason"]) for row in rows] == [
        ("day_1", "sent", None),
        ("day_2", "cancelled", "superseded"),
        ("day_3", "cancelled", "superseded"),
    ]


@pytest.mark.parametrize("gone", ["the steps", "the stage"])
async def test_going_back_brings_back_what_was_dropped(
    conn: Connection, bundle: Bundle, member: MakeMember, gone: str
) -> None:
    """Its time still to come, it waits again at once; going there and back once more changes nothing."""
    good = version(bundle, *ONE_TO_THREE, words="good", plan_ahead="3d")
    bad = without(good) if gone == "the stage" else version(bundle, step("day_1", 1), words="bad", plan_ahead="3d")
    person = await half_way(conn, good, member)
    for minute in (1, 3):
        await put_into_force(conn, bad, "bad", MORNING + timedelta(minutes=minute), bot_id=BOT_ID)
        assert list(await got(conn, person)) == ["day_1"]
        at = MORNING + timedelta(minutes=minute + 1)
        await put_into_force(conn, good, "back", at, bot_id=BOT_ID, mode=InFlight.migrate)
        assert await got(conn, person) == {"day_1": "good", "day_2": "good", "day_3": "good"}
    assert (await only_message(conn, step="day_2"))["due_at"] == MORNING + DAY


async def test_a_stage_that_comes_back_goes_on_for_whom_stays(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """By the version they began with, whatever steps the one has that brings it back."""
    old = version(bundle, *ONE_TO_THREE, words="old", plan_ahead="3d", in_flight="stay")
    back = version(bundle, step("day_1", 1), words="back", plan_ahead="3d", in_flight="stay")
    person = await half_way(conn, old, member)
    for minute, each in enumerate((without(old), back), 1):
        await put_into_force(conn, each, "x", MORNING + timedelta(minutes=minute), bot_id=BOT_ID)
    assert await got(conn, person) == dict.fromkeys(("day_1", "day_2", "day_3"), "old")


async def test_a_step_stays_new_through_going_there_and_back(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """Renamed, replaced and renamed again: whoever had it by its first name does not get it by another."""
    first = version(bundle, step("day_1", 1), step("day_2", 2), words="a")
    other = version(bundle, step("day_1", 1), step("day_two", 2), words="b")
    person = await member(entered_at=MORNING - 2 * DAY - timedelta(hours=1))
    await put_into_force(conn, first, "a", MORNING - 2 * DAY, bot_id=BOT_ID)
    await plan(conn, first, STAGE, MORNING - DAY, bot_id=BOT_ID)
    await plan(conn, first, STAGE, MORNING, bot_id=BOT_ID)
    await all_sent(conn)
    for hours, content in enumerate((other, version(bundle, step("day_1", 1), step("day_two", 2), words="c"), other)):
        await put_into_force(conn, content, "x", MORNING + timedelta(minutes=hours + 1), bot_id=BOT_ID)
    await plan(conn, other, STAGE, MORNING + timedelta(hours=1), bot_id=BOT_ID)
    assert sorted(await got(conn, person)) == ["day_1", "day_2"]


async def test_a_version_from_before_a_message_was_made_is_refused(bundle: Bundle) -> None:
    refuse_incomplete(1, bundle)
    copy = {
        locale: {name: text for name, text in files.items() if name != "bot/help"}
        for locale, files in bundle.copy.items()
    }
    with pytest.raises(PlaybookError, match="version 1 has no copy for bot/help"):
        refuse_incomplete(1, Bundle(bundle.source, copy))


async def test_whether_it_is_a_former_version_that_is_in_force(conn: Connection, bundle: Bundle) -> None:
    assert not await went_back(conn)
    await put_into_force(conn, version(bundle, *ONE_TO_THREE), "x", MORNING, bot_id=BOT_ID)
    await put_into_force(conn, bundle, "back", MORNING, bot_id=BOT_ID, returns_to=1)
    assert await went_back(conn)
    await put_into_force(conn, version(bundle, *ONE_TO_THREE), "on", MORNING, bot_id=BOT_ID)
    assert not await went_back(conn)
