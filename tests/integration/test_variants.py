"""A step with an experiment: each member has one variant for ever, one message; once it is over, the winner."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.outbox.bundles import publish
from community.outreach.decide import CANCEL, approve_now, decide
from community.outreach.explain import explain
from community.outreach.plan import plan, preview
from community.outreach.proposals import propose_backfill, propose_send
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.rows import rows_read

STAGE = "welcome_drip"
DAY = timedelta(days=1)
EVENING = NOON + timedelta(hours=9)
"""21:00 in the community's zone: whichever slot, it has come."""
VARIANTS: list[dict[str, Any]] = [
    {"name": "a", "share": "50%"},
    {"name": "b", "share": "50%", "copy": "day_2", "at": "20:00", "offer": "trial"},
]
Edit = Callable[..., Bundle]


def step(**parts: Any) -> dict[str, Any]:
    experiment = {"key": "slot", "effect": "5%", "variants": VARIANTS, **parts.pop("experiment", {})}
    shape = {"name": "day_1", "day": 1, "at": "10:00", "expires_after": "20d", "promotional": True}
    return {**shape, "experiment": experiment, **parts}


@pytest.fixture
async def halved(conn: Connection, bundle: Bundle, edited: Edit) -> Bundle:
    found = edited(steps=[step()], caps={"per_day": 15, "per_week": 100})
    await publish(conn, found, "an experiment")
    return found


async def crowd(member: MakeMember, number: int = 60) -> list[int]:
    return [await member(entered_at=NOON - DAY) for _ in range(number)]


async def sent(conn: Connection) -> dict[int, dict[str, Any]]:
    """Member → their one message; nobody has two."""
    query = "SELECT * FROM messages WHERE stage = %s ORDER BY member_id"
    rows = await (await conn.execute(query, [STAGE])).fetchall()
    found = {row["member_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


async def over(conn: Connection, state: str, winner: str | None) -> None:
    await conn.execute(
        "INSERT INTO experiments (key, stage, step, state, started_at, winner)"
        " VALUES ('slot', %s, 'day_1', %s, %s, %s)",
        [STAGE, state, NOON, winner],
    )


async def test_each_gets_one_variant_with_its_words_its_time_and_its_offer(
    conn: Connection, halved: Bundle, member: MakeMember
) -> None:
    await crowd(member)
    await plan(conn, halved, STAGE, EVENING, bot_id=BOT_ID)
    found = await sent(conn)
    assert len(found) == 60
    shapes = {
        (row["variant"], row["template"], row["wanted_at"].astimezone(NOON.tzinfo).hour, "coupon" in row["context"])
        for row in found.values()
    }
    assert shapes == {
        ("slot:a", "welcome_drip/day_1", 2, False),
        ("slot:b", "welcome_drip/day_2", 12, True),
    }
    assert 15 <= sum(row["variant"] == "slot:a" for row in found.values()) <= 45
    issued = await (await conn.execute("SELECT code, valid_until_at FROM coupons")).fetchall()
    assert {row["context"].get("coupon") for row in found.values()} - {None} == {row["code"] for row in issued}


async def test_the_early_slot_goes_first_and_nobody_gets_both(
    conn: Connection, halved: Bundle, member: MakeMember, edited: Edit
) -> None:
    await crowd(member)
    early = (await plan(conn, halved, STAGE, NOON, bot_id=BOT_ID)).send
    assert {row["variant"] for row in (await sent(conn)).values()} == {"slot:a"}
    swapped = edited(  # whoever had theirs in the morning would now be wanted in the evening
        steps=[step(experiment={"variants": [{**VARIANTS[1], "name": "a"}, {"name": "b", "share": "50%"}]})],
        caps={"per_day": 15, "per_week": 100},
    )
    await publish(conn, swapped, "the other way round")
    late = await plan(conn, swapped, STAGE, EVENING, bot_id=BOT_ID)
    assert (early + late.send, late.already) == (60, early)
    assert len(await sent(conn)) == 60


async def test_a_members_variant_stays(conn: Connection, halved: Bundle, edited: Edit, member: MakeMember) -> None:
    """Whatever else of the playbook changes, the salt of holdouts too; and in another step's place."""
    await crowd(member)
    before = {row["member_id"]: row["variant"] for row in await preview(conn, halved, STAGE, EVENING)}
    other = edited(
        steps=[step(at="09:30", expires_after="9d"), {**step(name="day_2", experiment={"key": "else"}), "day": 1}],
        holdout={"global": 0, "salt": "another"},
        caps={"per_day": 15, "per_week": 100},
    )
    rows = await preview(conn, other, STAGE, EVENING)
    after = {row["member_id"]: row["variant"] for row in rows if row["step"] == "day_1"}
    another = {row["member_id"]: row["variant"] for row in rows if row["step"] == "day_2"}
    assert after == before
    both = {(before[who], another[who]) for who in before}
    assert len(both) == 4, "another experiment draws anew"


async def test_shares_are_kept(conn: Connection, bundle: Bundle, edited: Edit, member: MakeMember) -> None:
    variants = [{"name": "a", "share": "90%"}, {"name": "b", "share": "10%", "copy": "day_2"}]
    await crowd(member, 200)
    rows = await preview(conn, edited(steps=[step(experiment={"variants": variants})]), STAGE, EVENING)
    assert len(rows) == 200
    assert 5 <= sum(row["variant"] == "slot:b" for row in rows) <= 40


async def test_a_proposal_is_frozen_with_variants(conn: Connection, halved: Bundle, member: MakeMember) -> None:
    await crowd(member, 20)
    expected = {row["member_id"]: row["variant"] for row in await preview(conn, halved, STAGE, EVENING)}
    proposal = await propose_send(conn, halved, STAGE, EVENING, bot_id=BOT_ID, run_id="run")
    await over(conn, "applied", "b")  # what is approved is what was frozen
    said = {"by": "me", "note": "", "bot_id": BOT_ID}
    assert await approve_now(conn, halved, halved, proposal.id, EVENING, **said)
    found = await sent(conn)
    assert {who: row["variant"] for who, row in found.items()} == expected
    assert {(r["variant"], r["template"]) for r in found.values()} == {
        ("slot:a", "welcome_drip/day_1"),
        ("slot:b", "welcome_drip/day_2"),
    }


async def test_a_refused_proposal_is_remembered_as_what_it_was(
    conn: Connection, halved: Bundle, member: MakeMember
) -> None:
    await crowd(member, 20)
    proposal = await propose_send(conn, halved, STAGE, EVENING, bot_id=BOT_ID, run_id="run")
    said = {"by": "me", "how": "command", "note": "", "bot_id": BOT_ID}
    await decide(conn, proposal.id, CANCEL, EVENING, **said)
    assert {(r["variant"], r["template"], r["state"]) for r in (await sent(conn)).values()} == {
        ("slot:a", "welcome_drip/day_1", "cancelled"),
        ("slot:b", "welcome_drip/day_2", "cancelled"),
    }


async def test_a_backfill_makes_up_each_ones_variant(conn: Connection, halved: Bundle, member: MakeMember) -> None:
    await crowd(member, 20)
    expected = {row["member_id"]: row["variant"] for row in await preview(conn, halved, STAGE, EVENING)}
    proposal = await propose_backfill(
        conn, halved, STAGE, date(2026, 3, 4), date(2026, 3, 4), EVENING + DAY, bot_id=BOT_ID
    )
    said = {"by": "me", "note": "", "bot_id": BOT_ID}
    assert await approve_now(conn, halved, halved, proposal.id, EVENING + DAY, **said)
    assert {who: row["variant"] for who, row in (await sent(conn)).items()} == expected


@pytest.mark.parametrize(
    ("state", "winner", "template"),
    [
        ("applied", "b", "welcome_drip/day_2"),
        ("applied", "a", "welcome_drip/day_1"),
        ("ended", None, "welcome_drip/day_1"),
        ("applied", "no_longer_there", "welcome_drip/day_1"),
    ],
)
async def test_once_it_is_over_everybody_gets_the_same(
    conn: Connection, halved: Bundle, member: MakeMember, state: str, winner: str | None, template: str
) -> None:
    await crowd(member, 20)
    await over(conn, state, winner)
    await plan(conn, halved, STAGE, EVENING, bot_id=BOT_ID)
    found = await sent(conn)
    assert len(found) == 20
    assert {(row["template"], row["variant"]) for row in found.values()} == {(template, None)}


@pytest.mark.parametrize("state", ["running", "proposed"])
async def test_until_then_a_proposed_winner_changes_nothing(
    conn: Connection, halved: Bundle, member: MakeMember, state: str
) -> None:
    await crowd(member, 20)
    await over(conn, state, "b")
    await plan(conn, halved, STAGE, EVENING, bot_id=BOT_ID)
    assert {row["variant"] for row in (await sent(conn)).values()} == {"slot:a", "slot:b"}


async def test_explain_names_the_variant(conn: Connection, halved: Bundle, member: MakeMember) -> None:
    who = await member(entered_at=NOON)
    coming = await explain(conn, halved, who, STAGE, NOON)
    [before] = coming.steps
    assert before.variant in ("slot:a", "slot:b")
    await plan(conn, halved, STAGE, EVENING + DAY, bot_id=BOT_ID)
    [after] = (await explain(conn, halved, who, STAGE, EVENING + DAY)).steps
    assert after.message
    assert (after.variant, after.message.wanted_at) == (before.variant, before.due_at)


async def test_steps_without_an_experiment_ask_for_none(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    await crowd(member, 20)
    assert await rows_read(conn, bundle, STAGE, EVENING, "experiments") == 0
    await plan(conn, bundle, STAGE, EVENING, bot_id=BOT_ID)
    rows = await (await conn.execute("SELECT DISTINCT variant FROM messages")).fetchall()
    assert [row["variant"] for row in rows] == [None]
