"""Another version of the SOP comes into force: who is half-way stays with theirs, or goes on by the new one."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.errors import VersionChanged
from community.outbox.bundles import publish
from community.outreach.decide import decide, execute
from community.outreach.explain import explain
from community.outreach.in_flight import in_flight, is_new
from community.outreach.parking import park
from community.outreach.plan import PlanResult, TooMany, plan, preview, tally
from community.outreach.proposals import propose_send, sample
from community.outreach.publishing import put_into_force
from community.outreach.report import last_plans, outcome
from community.outreach.taking_over import Waiting, waiting
from tests.integration.conftest import BOT_ID, NOON, MakeMember, past_send
from tests.integration.rows import message, only_message, put, reach

STAGE = "welcome_drip"
DAY = timedelta(days=1)
MORNING = NOON.replace(hour=2)
"""10:00 of the members' zone."""


def step(name: str, day: int, **other: Any) -> dict[str, Any]:
    return {"name": name, "day": day, "at": "10:00", "expires_after": "20h", "promotional": True, **other}


def version(bundle: Bundle, *steps: dict[str, Any], words: str = "", **stage: Any) -> Bundle:
    """The bundle with these steps of the welcome drip, and other words of all of them."""
    copy = {locale: dict(files) for locale, files in bundle.copy.items()}
    for each in steps:
        copy["zh-Hans"][f"{STAGE}/{each['name']}"] = words or each["name"]
    stages = {**bundle.source["stages"]}
    stages[STAGE] = {**stages[STAGE], "steps": list(steps), **stage}
    return Bundle({**bundle.source, "stages": stages, "caps": {"per_day": 9, "per_week": 50}}, copy)


def offering(
    bundle: Bundle, *steps: dict[str, Any], words: str = "", percent: int = 10, valid_for: str = "2d"
) -> Bundle:
    """The same, planned a day and more ahead, with an offer."""
    found = version(bundle, *steps, words=words, plan_ahead="30h")
    gift = {"prefix": "GIFT", "percent": percent, "valid_for": valid_for}
    return Bundle({**found.source, "offers": {**found.source["offers"], "gift": gift}}, found.copy)


async def coupons(conn: Connection) -> list[dict[str, Any]]:
    return await (await conn.execute("SELECT * FROM coupons ORDER BY issued_at")).fetchall()


ONE_TO_THREE = [step(f"day_{n}", n) for n in (1, 2, 3)]


async def run(conn: Connection, bundle: Bundle, at: datetime) -> PlanResult:
    return await plan(conn, bundle, STAGE, at, bot_id=BOT_ID)


async def got(conn: Connection, member_id: int) -> dict[str, str]:
    """Step → by which words it comes, of all that the member has or waits for."""
    rows = await (
        await conn.execute(
            "SELECT m.step, b.content->'copy'->'zh-Hans'->>m.template AS words FROM messages m"
            " JOIN bundles b ON b.hash = m.bundle WHERE m.member_id = %s AND m.state <> 'cancelled' ORDER BY m.due_at",
            [member_id],
        )
    ).fetchall()
    return {row["step"]: row["words"] for row in rows}


async def all_sent(conn: Connection) -> None:
    await conn.execute("UPDATE messages SET state = 'sent', sent_at = due_at WHERE state = 'waiting'")


@pytest.mark.parametrize(
    ("mode", "rest"), [("stay", {"day_2": "old", "day_3": "old"}), ("migrate", {"day_2": "new", "day_4": "new"})]
)
async def test_who_is_half_way(
    conn: Connection, bundle: Bundle, member: MakeMember, mode: str, rest: dict[str, str]
) -> None:
    """The new version has no third day, and a fourth. Whoever enters after it gets it from the beginning."""
    old = version(bundle, *ONE_TO_THREE, words="old")
    new = version(bundle, step("day_1", 1), step("day_2", 2), step("day_4", 4), words="new", in_flight=mode)
    half_way = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await all_sent(conn)
    await publish(conn, new, "new")
    later = await member(entered_at=MORNING + timedelta(hours=2))
    done = [await run(conn, new, MORNING + n * DAY) for n in range(1, 6)]
    assert await got(conn, half_way) == {"day_1": "old", **rest}
    assert await got(conn, later) == {"day_1": "new", "day_2": "new", "day_4": "new"}
    assert sum(each.send for each in done) == len(rest) + 3


async def test_staying_ends_with_the_occurrence_and_no_version_in_flight_costs_nothing(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    old, new = version(bundle, *ONE_TO_THREE), version(bundle, *ONE_TO_THREE, words="new", in_flight="stay")
    await member(entered_at=MORNING - DAY - timedelta(hours=1))
    for each in (old, new):
        await publish(conn, each, "x")
        await run(conn, each, MORNING)
    versions = await in_flight(conn, STAGE, MORNING)
    assert [each.bundle.hash for each in versions.older] == [old.hash]
    assert (await in_flight(conn, STAGE, MORNING + 120 * DAY)).values == {}


async def test_another_part_of_the_playbook_is_no_other_version_of_the_stage(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    old = version(bundle, *ONE_TO_THREE, in_flight="stay")
    new = Bundle({**old.source, "caps": {"per_day": 3, "per_week": 20}}, old.copy)
    await member(entered_at=MORNING - DAY - timedelta(hours=1))
    for each in (old, new):
        await publish(conn, each, "x")
        await run(conn, each, MORNING)
    assert old.hash not in {name for each in (await in_flight(conn, STAGE, MORNING)).older for name in each.bundles}


async def test_what_waits_is_left_alone_by_a_version_that_leaves_the_stage_as_it_is(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    old = version(bundle, *ONE_TO_THREE)
    new = Bundle({**old.source, "caps": {"per_day": 3, "per_week": 20}}, old.copy)
    await member(entered_at=MORNING - DAY - timedelta(hours=1))
    for each in (old, new):
        await publish(conn, each, "x")
        await run(conn, each, MORNING)
    assert (await only_message(conn))["bundle"] == old.hash


async def test_three_versions_each_with_their_members(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """Two publications while the first is in flight; the second's content comes back as a rollback would."""
    first, second, third = (version(bundle, *ONE_TO_THREE, words=w, in_flight="stay") for w in ("a", "b", "c"))
    people = []
    for n, each in enumerate((first, second, third)):
        await publish(conn, each, "x")
        people.append(await member(entered_at=MORNING + (n - 1) * DAY - timedelta(hours=1)))
        await run(conn, each, MORNING + n * DAY)
        await all_sent(conn)
    for n in (3, 4):
        await run(conn, third, MORNING + n * DAY)
    for person, words in zip(people, "abc", strict=True):
        assert await got(conn, person) == dict.fromkeys(("day_1", "day_2", "day_3"), words)


async def test_waiting_messages_migrate(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """What waits gets new words; what was planned ahead a new time; a step that is no more is not sent; never twice."""
    old = version(bundle, *ONE_TO_THREE, words="old", plan_ahead="3d")
    new = version(bundle, step("day_1", 1), step("day_3", 3, at="19:00"), words="new", plan_ahead="3d")
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    assert list(await got(conn, person)) == ["day_1", "day_2", "day_3"]
    await publish(conn, new, "new")
    await run(conn, new, MORNING + timedelta(hours=1))
    assert await got(conn, person) == {"day_1": "new", "day_3": "new"}
    dropped = await only_message(conn, step="day_2")
    assert (dropped["state"], dropped["reason"]) == ("cancelled", "superseded")
    assert (await only_message(conn, step="day_3"))["due_at"] == MORNING + 2 * DAY + timedelta(hours=9)
    assert (await only_message(conn, step="day_1"))["due_at"] == MORNING


async def test_waiting_messages_stay(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    old = version(bundle, *ONE_TO_THREE, words="old", plan_ahead="3d")
    new = version(bundle, step("day_1", 1), words="new", in_flight="stay")
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await publish(conn, new, "new")
    await run(conn, new, MORNING + timedelta(hours=1))
    assert await got(conn, person) == dict.fromkeys(("day_1", "day_2", "day_3"), "old")


async def test_a_renamed_step_does_not_come_twice(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """Its time was past when the new name came; who enters later gets it by that name. The reason is recorded."""
    old, new = version(bundle, step("day_1", 1)), version(bundle, step("first_day", 1))
    had = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await all_sent(conn)
    await publish(conn, new, "renamed")
    done = await run(conn, new, MORNING + timedelta(hours=1))
    assert (done.send, done.skipped) == (0, {"superseded": 1})
    later = await member(entered_at=MORNING)
    await run(conn, new, MORNING + DAY)
    assert list(await got(conn, had)) == ["day_1"]
    assert list(await got(conn, later)) == ["first_day"]


async def test_whoever_stayed_gets_no_step_by_two_names(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """The second version brought the new name, not to them; the third makes them migrate, the fourth stay with it."""
    first = version(bundle, step("day_1", 1), words="a")
    modes = ("stay", "migrate", "stay")
    later = [version(bundle, step("first_day", 1), words=w, in_flight=m) for w, m in zip("bcd", modes, strict=True)]
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, first, "a")
    await run(conn, first, MORNING)
    await all_sent(conn)
    for minute, each in enumerate(later, 1):
        await publish(conn, each, "x")
        await run(conn, each, MORNING + timedelta(minutes=minute))
    assert list(await got(conn, person)) == ["day_1"]


async def test_a_step_renamed_while_it_is_held_back_comes_by_its_new_name(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """And not twice: of another member it has gone. What came due at night later is of no account."""
    evening = NOON.replace(hour=14, minute=30)
    late = [step("day_1", 1, at="22:15"), step("night", 1, at="22:30"), step("renamed", 1, at="22:15")]
    old, new = version(bundle, late[0], late[1], words="old"), version(bundle, late[2], late[1], words="new")
    waits, had = [await member(entered_at=evening - DAY - timedelta(hours=2)) for _ in range(2)]
    await publish(conn, old, "old")
    await run(conn, old, evening)
    await conn.execute("UPDATE messages SET state = 'sent', sent_at = due_at WHERE member_id = %s", [had])
    await put_into_force(conn, new, "renamed", evening + timedelta(minutes=10), bot_id=BOT_ID)
    await run(conn, new, evening + timedelta(hours=1))
    assert await got(conn, waits) == {"renamed": "new", "night": "new"}
    assert await got(conn, had) == {"day_1": "old", "night": "old"}


async def test_a_step_renamed_before_a_run_could_plan_it(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """It came due between the last run and the publication."""
    old = version(bundle, step("day_1", 1), step("day_2", 2, at="10:30"))
    new = version(bundle, step("day_1", 1), step("second", 2, at="10:30"))
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    for day in (0, 1):
        await run(conn, old, MORNING + day * DAY)
    await all_sent(conn)
    await put_into_force(conn, new, "renamed", MORNING + DAY + timedelta(minutes=40), bot_id=BOT_ID)
    await run(conn, new, MORNING + DAY + timedelta(hours=1))
    assert list(await got(conn, person)) == ["day_1", "second"]


async def test_a_step_that_was_no_other_before_comes_late_to_nobody(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """Its time was past, and the next one's too, when the version brought it."""
    old = version(bundle, step("day_1", 1), step("day_2", 2))
    new = version(bundle, step("day_1", 1), step("evening", 1, at="20:00"), step("day_2", 2))
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    for day in (0, 1):
        await run(conn, old, MORNING + day * DAY)
    await all_sent(conn)
    await publish(conn, new, "new")
    assert (await run(conn, new, MORNING + DAY + timedelta(hours=1))).skipped == {"superseded": 1}
    assert list(await got(conn, person)) == ["day_1", "day_2"]


async def test_a_step_that_is_held_back_does_not_go_with_another_that_goes(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """A version brought it, and had the other beside it, which was no other name of it."""
    last = step("last", 2, at="12:00", promotional=False)
    old = version(bundle, step("day_1", 1), last, words="old")
    new = version(bundle, step("day_1", 1), step("gift", 2), last, words="new")
    new = Bundle({**new.source, "caps": {"per_day": 1, "per_week": 50}}, new.copy)
    third = version(bundle, step("day_1", 1), step("gift", 2), words="third")
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await put_into_force(conn, old, "old", MORNING, bot_id=BOT_ID)
    await run(conn, old, MORNING)
    await put_into_force(conn, new, "new", MORNING + DAY - timedelta(hours=1), bot_id=BOT_ID)
    await past_send(conn, person, MORNING + DAY - timedelta(hours=1), "other")
    assert (await run(conn, new, MORNING + DAY + timedelta(hours=2))).skipped == {"frequency_cap": 1}
    await all_sent(conn)
    await put_into_force(conn, third, "third", MORNING + DAY + timedelta(hours=3), bot_id=BOT_ID)
    await run(conn, third, MORNING + DAY + timedelta(hours=4))
    assert sorted(await got(conn, person)) == ["day_1", "gift", "last"]


@pytest.mark.parametrize("word", ["send", "cancel"])
async def test_a_step_renamed_while_it_waits_for_a_word_is_not_planned_beside_it(
    conn: Connection, bundle: Bundle, member: MakeMember, word: str
) -> None:
    """Neither while the proposal is open, nor once somebody has decided on it."""
    old = version(bundle, *ONE_TO_THREE, words="old", plan_ahead="30h")
    new = version(bundle, *(step(name, n + 1) for n, name in enumerate(("a", "b", "c"))), words="new", plan_ahead="30h")
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    asked = await propose_send(conn, old, STAGE, MORNING, bot_id=BOT_ID, run_id=None)
    assert asked.left == 2
    await publish(conn, new, "renamed")
    assert (await run(conn, new, MORNING)).skipped == {"superseded": 2}
    await decide(conn, asked.id, word, MORNING, by="Ada", how="command", note="", bot_id=BOT_ID)
    await execute(conn, new, old, asked.id, MORNING, bot_id=BOT_ID)
    for hours in (1, 24):
        await run(conn, new, MORNING + timedelta(hours=hours))
    sent = {"day_1": "old", "day_2": "old"} if word == "send" else {}
    assert await got(conn, person) == {**sent, "c": "new"}


async def test_goals_hold_for_whom_stays(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """The old version's goal ends what the old version sends; the new one has none."""
    old = version(bundle, *ONE_TO_THREE, goal="purchase")
    new = version(bundle, *ONE_TO_THREE, words="new", in_flight="stay")
    buyer, other = [await member(entered_at=MORNING - DAY - timedelta(hours=1)) for _ in range(2)]
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await all_sent(conn)
    await publish(conn, new, "new")
    await reach(conn, buyer, "purchase", MORNING + timedelta(hours=5))
    done = await run(conn, new, MORNING + DAY)
    assert done.skipped == {"goal_reached": 1}
    assert list(await got(conn, buyer)) == ["day_1"]
    assert list(await got(conn, other)) == ["day_1", "day_2"]


async def test_what_somebody_approved_is_sent_as_it_was_approved(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """A proposal keeps its words, whichever version comes; a member who began by it stays with its version."""
    old = version(bundle, *ONE_TO_THREE, words="old")
    new = version(bundle, *ONE_TO_THREE, words="new")
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING - DAY)
    asked = await propose_send(conn, old, STAGE, MORNING, bot_id=BOT_ID, run_id=None)
    await publish(conn, new, "new")
    await decide(conn, asked.id, "send", MORNING, by="Ada", how="command", note="", bot_id=BOT_ID)
    await execute(conn, new, old, asked.id, MORNING, bot_id=BOT_ID)
    await run(conn, new, MORNING)
    assert await got(conn, person) == {"day_1": "old"}


async def test_who_stays_is_in_what_waits_for_approval(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """A stage whose every day needs a word forgets nobody: one question for all, each by their own version."""
    old, new = (
        version(bundle, *ONE_TO_THREE, words="old"),
        version(bundle, step("day_1", 1), words="new", in_flight="stay"),
    )
    half_way = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await publish(conn, new, "new")
    await run(conn, new, MORNING)
    later = await member(entered_at=MORNING - timedelta(hours=1))
    with pytest.raises(TooMany):
        await plan(conn, new, STAGE, MORNING + DAY, bot_id=BOT_ID, most=1)
    asked = await propose_send(conn, new, STAGE, MORNING + DAY, bot_id=BOT_ID, run_id=None)
    assert asked.left == 2
    assert {row["bundle"] for row in await sample(conn, asked.id, 2)} == {old.hash, new.hash}
    await decide(conn, asked.id, "send", MORNING + DAY, by="Ada", how="command", note="", bot_id=BOT_ID)
    await execute(conn, new, new, asked.id, MORNING + DAY, bot_id=BOT_ID)
    assert await got(conn, half_way) == {"day_1": "old", "day_2": "old"}
    assert await got(conn, later) == {"day_1": "new"}


async def test_who_stays_is_shown_what_they_will_get(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    old = version(bundle, *ONE_TO_THREE, words="old")
    new = version(bundle, step("day_1", 1), step("day_4", 4), words="new", in_flight="stay")
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await publish(conn, new, "new")
    await run(conn, new, MORNING)
    tomorrow = MORNING + DAY
    assert [row["step"] for row in await preview(conn, new, STAGE, tomorrow, members=[person])] == ["day_2"]
    counted = {(row["step"], row["outcome"]): row["members"] for row in await tally(conn, new, STAGE, tomorrow)}
    assert counted["day_2", "send"] == 1
    explained = await explain(conn, new, person, STAGE, MORNING)
    assert {each.step for each in explained.steps if each.due_at} == {"day_1", "day_2", "day_3"}


async def test_a_run_counts_whoever_stays(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """One plan for all, so that what became of a run, and what stopping it stops, leaves nobody out."""
    old, new = (
        version(bundle, *ONE_TO_THREE, words="old"),
        version(bundle, *ONE_TO_THREE, words="new", in_flight="stay"),
    )
    await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await all_sent(conn)
    await publish(conn, new, "new")
    await member(entered_at=MORNING - timedelta(hours=1))
    done = await run(conn, new, MORNING + DAY)
    assert await outcome(conn, done.plan_id) == {"waiting": 2}
    [last] = await last_plans(conn, [STAGE])
    assert (last["as_of_at"], last["counts"]["send"]) == (MORNING + DAY, 2)


async def test_after_a_restore_whoever_stays_is_in_doubt_by_their_version(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """What the lost database may have planned and sent since its backup is parked, and not sent again."""
    old = version(bundle, *ONE_TO_THREE, words="old")
    new = version(bundle, step("day_1", 1), step("day_2b", 2), words="new", in_flight="stay")
    half_way = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await all_sent(conn)
    await publish(conn, new, "new")
    await run(conn, new, MORNING)
    later = await member(entered_at=MORNING - timedelta(hours=1))
    assert await park(conn, new, STAGE, MORNING + DAY, since=MORNING, bot_id=BOT_ID) == 2
    assert await got(conn, half_way) == {"day_1": "old", "day_2": "old"}
    assert await got(conn, later) == {"day_1": "new"}
    parked = [await only_message(conn, member_id=each, reason="restored") for each in (half_way, later)]
    assert {row["state"] for row in parked} == {"uncertain"}
    assert (await run(conn, new, MORNING + DAY)).send == 0


async def test_a_process_that_is_behind_changes_nothing(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """It has not seen the newest publication when it plans: what has migrated stays so, and nothing goes by the old."""
    old, new = version(bundle, *ONE_TO_THREE, words="old"), version(bundle, *ONE_TO_THREE, words="new")
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await publish(conn, new, "new")
    await run(conn, new, MORNING)
    with pytest.raises(VersionChanged):
        await run(conn, old, MORNING + DAY)
    with pytest.raises(VersionChanged):
        await propose_send(conn, old, STAGE, MORNING + DAY, bot_id=BOT_ID, run_id=None)
    assert await got(conn, person) == {"day_1": "new"}


async def test_a_run_for_a_moment_before_the_last_publication_takes_over_once(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """It was scheduled before, and finds a newer version that has not taken over yet."""
    await put_into_force(conn, version(bundle, *ONE_TO_THREE, words="old"), "old", MORNING, bot_id=BOT_ID)
    new = version(bundle, *ONE_TO_THREE, words="new")
    await publish(conn, new, "new")
    await run(conn, new, MORNING - timedelta(hours=1))
    assert not await is_new(conn, new, STAGE, MORNING)


async def test_what_is_on_its_way_is_left_alone(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """And what belongs to no step of the stage."""
    old, new = version(bundle, *ONE_TO_THREE, words="old"), version(bundle, step("day_2", 2), words="new")
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await conn.execute("UPDATE messages SET state = 'sending'")
    other = await put(conn, stage=STAGE, step="helper", bundle=old.hash)
    await publish(conn, new, "new")
    await run(conn, new, MORNING)
    assert await got(conn, person) == {"day_1": "old"}
    assert (await message(conn, other))["state"] == "waiting"


async def test_whoever_stayed_migrates_with_the_next_version(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """What waits of the first version, two versions ago, follows it in words, times and steps; nothing comes twice."""
    first = version(bundle, *ONE_TO_THREE, words="a", plan_ahead="3d")
    moved = [step("one", 1), step("day_3", 3, at="19:00")]
    second = version(bundle, *moved, words="b", plan_ahead="3d", in_flight="stay")
    third = version(bundle, *moved, words="c", plan_ahead="3d")
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, first, "a")
    await run(conn, first, MORNING)
    await conn.execute("UPDATE messages SET state = 'sent', sent_at = due_at WHERE step = 'day_1'")
    for each in (second, third):
        await publish(conn, each, "x")
        await run(conn, each, MORNING + timedelta(hours=1))
    assert await got(conn, person) == {"day_1": "a", "day_3": "c"}
    assert (await only_message(conn, step="day_3"))["due_at"] == MORNING + 2 * DAY + timedelta(hours=9)
    assert (await only_message(conn, step="day_2"))["reason"] == "superseded"


async def test_whoever_stayed_migrates_with_a_version_that_is_the_same_to_others(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """Only what becomes of who is half-way is another, which is no other version of the stage."""
    first = version(bundle, *ONE_TO_THREE, words="a", plan_ahead="3d")
    second = version(bundle, step("day_1", 1), step("day_2", 2), words="b", plan_ahead="3d", in_flight="stay")
    third = version(bundle, step("day_1", 1), step("day_2", 2), words="b", plan_ahead="3d")
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    for each in (first, second, third):
        await publish(conn, each, "x")
        await run(conn, each, MORNING)
    assert await got(conn, person) == {"day_1": "b", "day_2": "b"}


async def test_what_is_timed_otherwise_is_planned_at_once(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """The stage runs once a day: its next run would find the new time past, and the message too late to be of use."""
    evening, noon = (step("day_2", 2, at=at, expires_after="2h") for at in ("20:00", "13:00"))
    old = version(bundle, step("day_1", 1), evening, words="old", plan_ahead="24h")
    new = version(bundle, step("day_1", 1), noon, words="new", plan_ahead="24h")
    person = await member(entered_at=MORNING - 2 * DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await publish(conn, new, "new")
    other = await member(entered_at=MORNING)
    await plan(conn, new, STAGE, MORNING + timedelta(hours=1), bot_id=BOT_ID, members=[other])
    planned = await only_message(conn, step="day_2", state="waiting")
    assert (planned["member_id"], planned["due_at"]) == (person, MORNING + timedelta(hours=3))
    await run(conn, new, MORNING + DAY)
    assert await got(conn, person) == {"day_2": "new"}


async def test_the_first_publication_of_a_database_that_knows_no_versions(
    conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    """It was upgraded, or no run has planned the stage yet: who is half-way began by what was in force before."""
    old, new = (
        version(bundle, *ONE_TO_THREE, words="old"),
        version(bundle, *ONE_TO_THREE, words="new", in_flight="stay"),
    )
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await all_sent(conn)
    await conn.execute("DELETE FROM stage_versions")
    await publish(conn, new, "new")
    await run(conn, new, MORNING + DAY)
    assert await got(conn, person) == {"day_1": "old", "day_2": "old"}


async def test_a_coupon_that_was_given_keeps_its_value(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """Members see it, and may use it, from when it is issued: it is a promise, which a changed offer only prolongs."""
    old = offering(bundle, step("day_2", 2, offer="gift"), percent=10, valid_for="2d")
    new = offering(bundle, step("day_2", 2, offer="gift"), percent=90, valid_for="5d")
    first = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    [given] = await coupons(conn)
    await publish(conn, new, "new")
    await run(conn, new, MORNING + timedelta(hours=1))
    [kept] = await coupons(conn)
    assert (kept["code"], kept["value"]) == (given["code"], given["value"]) == (given["code"], 1_000)
    assert kept["valid_until_at"] == given["valid_until_at"] + 3 * DAY
    waits = await only_message(conn, member_id=first)
    assert (waits["bundle"], waits["context"]["coupon"]) == (new.hash, kept["code"])
    await member(entered_at=MORNING)
    await run(conn, new, MORNING + DAY)
    assert sorted(row["value"] for row in await coupons(conn)) == [1_000, 9_000]


async def test_words_of_a_coupon_come_with_one(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """A step brings an offer now. What waits for its time gets it; what was due keeps its words."""
    old = offering(bundle, step("day_1", 1), step("day_2", 2), words="old")
    new = offering(bundle, *(step(f"day_{n}", n, offer="gift") for n in (1, 2)), words="new {{ coupon.code }}")
    person = await member(entered_at=MORNING - DAY - timedelta(hours=1))
    await publish(conn, old, "old")
    await run(conn, old, MORNING)
    await publish(conn, new, "new")
    assert await waiting(conn, new, STAGE, MORNING, bot_id=BOT_ID) == Waiting(kept=1, anew=1)
    await run(conn, new, MORNING)
    assert await got(conn, person) == {"day_1": "old", "day_2": "new {{ coupon.code }}"}
    [coupon] = await coupons(conn)
    assert (await only_message(conn, step="day_2"))["context"] == {"coupon": coupon["code"]}
