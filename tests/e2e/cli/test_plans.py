"""Verbs about what is planned and sent: backfill, approvals, stage, campaign. Prefect is away."""

import re
import time
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.outbox.bundles import Bundles, publish
from community.outbox.claim import claim
from community.outreach.decide import settle
from community.outreach.plan import plan
from community.outreach.proposals import open_proposals, propose_send
from community.outreach.publishing import put_into_force
from deployments import runs
from tests.e2e.cli.conftest import BOT_ID, HOSTILE, NOON, STAGE, MakeMember, Sop, edited, table
from tests.integration.rows import message, put, put_many, set_member, states

DAY = timedelta(days=1)
DAYS = ("--from", "2026-03-03", "--to", "2026-03-04")


@pytest.fixture(autouse=True)
def prefect_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    monkeypatch.setattr(runs, "_lane", runs._Lane())  # a breaker of each test's own


@pytest.fixture(scope="module")
def long_useful(shipped: Bundle) -> Bundle:
    """Daily steps that stay useful for weeks, and a welcome that does not."""
    source = deepcopy(dict(shipped.source))
    for step in source["stages"][STAGE]["steps"]:
        step["expires_after"] = "1h" if step["name"] == "welcome" else "20d"
    return Bundle(source, shipped.copy)


@pytest.fixture
async def patient(conn: Connection, bundle: Bundle, long_useful: Bundle) -> Bundle:
    """What stays useful, in force."""
    await publish(conn, long_useful, "patient")
    return long_useful


async def planned(sop: Sop, *more: object) -> str:
    """Plan the backfill; returns its hash."""
    ran = await sop("backfill", STAGE, *DAYS, *more)
    found = re.search(r"hash ([0-9a-f]{16})\.", ran.out)
    assert found, ran
    return found[1]


async def ask(conn: Connection, bundle: Bundle) -> str:
    """A large send that waits for a word; returns its hash."""
    return (await propose_send(conn, bundle, STAGE, NOON, bot_id=BOT_ID, run_id="run")).hash


# Backfill.


async def test_a_backfill_is_planned_and_shown_and_nothing_sent(
    sop: Sop, conn: Connection, patient: Bundle, member: MakeMember
) -> None:
    for _ in range(3):
        await member(entered_at=NOON - 2 * DAY, first_name=HOSTILE, locale="en")
    await member(entered_at=NOON - 2 * DAY, opted_out_at=NOON)
    await put_many(conn, 60, due_at=NOON)
    await conn.execute("UPDATE messages SET bot_id = %s", [BOT_ID])
    ran = await sop("backfill", STAGE, *DAYS, "--show", 2)
    assert ran.code == 0, ran.err
    assert "2026-03-03 to 2026-03-04 (Asia/Shanghai)" in ran.out
    assert re.search(r"2026-03-03 +day_1 +3 +- +1", ran.out)
    assert re.search(r"2026-03-04 +day_2 +3 +- +1", ran.out)
    assert re.search(r"2 +asked for no more messages", ran.out)
    assert ran.out.count("day_1 to [bold]<b>") == 2, "names are real, and not taken as markup"
    assert "\x1b" not in ran.out
    assert re.search(r"6 messages: the last would be out about .*, at 30 a second, behind 60 that are due\.", ran.out)
    [row] = [row for row in await table(conn, "plans") if row["hash"]]
    assert (row["state"], row["kind"], row["counts"]["send"]) == ("proposed", "backfill", 6)
    assert f"sop backfill --approve {row['hash']}" in ran.out
    assert await table(conn, "decisions") == []
    assert await states(conn) == {"waiting": 60}, "nothing but what was there"


async def test_who_stays_with_an_older_version_is_shown_its_words(
    sop: Sop, conn: Connection, patient: Bundle, member: MakeMember
) -> None:
    await member(entered_at=NOON - 2 * DAY, locale="en")
    await plan(conn, patient, STAGE, NOON - 2 * DAY, bot_id=BOT_ID)
    stages = {**patient.source["stages"], STAGE: {**patient.source["stages"][STAGE], "in_flight": "stay"}}
    words = {**patient.copy, "en": {**patient.copy["en"], f"{STAGE}/day_1": "Quite other words"}}
    await put_into_force(conn, Bundle({**patient.source, "stages": stages}, words), "other", NOON, bot_id=BOT_ID)
    await member(entered_at=NOON - 2 * DAY, locale="en")
    for verb in (["backfill", STAGE, *DAYS, "--show", 9], ["preview", STAGE, "--show", 9]):
        shown = (await sop(*verb)).out
        assert shown.count("day_1 to ") == 2, verb
        assert shown.count("Quite other words") == 1, verb


async def test_nothing_to_make_up(sop: Sop, patient: Bundle) -> None:
    ran = await sop("backfill", STAGE, *DAYS)
    assert ran.out.endswith("There is nothing to send for these days.\n")


async def test_approved_it_is_sent_exactly_and_never_more(
    sop: Sop, conn: Connection, patient: Bundle, member: MakeMember
) -> None:
    people = [await member(entered_at=NOON - 2 * DAY) for _ in range(60)]
    plan_hash = await planned(sop)
    await member(entered_at=NOON - 2 * DAY)
    await set_member(conn, people[7], opted_out_at=NOON)
    ran = await sop("backfill", "--approve", plan_hash[:9], "--note", "the outage", "--name", "Ada")
    assert ran.code == 0, ran.err
    assert f"{plan_hash}, approved by Ada at 2026-03-04 12:00: 118 messages put into the outbox." in ran.out
    assert re.search(r"2 +asked for no more messages", ran.out)
    assert re.search(rf"{people[7]} +day_1 +asked for no more messages", ran.out)
    assert f"to record the runs later: sop backfill --approve {plan_hash}" in ran.out
    assert "Prefect server" in ran.out
    assert await states(conn) == {"waiting": 118}

    again = await sop("backfill", "--approve", plan_hash)
    assert again.code == 0, again.err
    assert "118 messages put into the outbox" in again.out
    assert await states(conn) == {"waiting": 118}
    [row] = [row for row in await table(conn, "plans") if row["hash"]]
    assert (row["decided_by"], row["decided_how"], row["note"]) == ("Ada", "command", "the outage")


async def test_refused_when_more_than_two_percent_fell_out_showing_which(
    sop: Sop, conn: Connection, patient: Bundle, member: MakeMember
) -> None:
    people = [await member(entered_at=NOON - 2 * DAY) for _ in range(10)]
    plan_hash = await planned(sop)
    await set_member(conn, people[3], dm="blocked")
    ran = await sop("backfill", "--approve", plan_hash)
    assert ran.code == 1
    assert "2 of 20 messages are not right any more (blocked 2)" in ran.err
    assert re.search(rf"{people[3]} +day_2 +has blocked the bot", ran.out)
    assert await states(conn) == {}
    [row] = [row for row in await table(conn, "plans") if row["hash"]]
    assert row["state"] == "proposed", "nobody has approved it"


async def test_refused_when_copy_or_playbook_changed_showing_the_difference(
    sop: Sop, conn: Connection, patient: Bundle, folder: Path, member: MakeMember
) -> None:
    await member(entered_at=NOON - 2 * DAY)
    plan_hash = await planned(sop)
    with edited(folder) as playbook:
        playbook["stages"] = patient.source["stages"]
        playbook["caps"]["per_day"] = 1
    (folder / f"copy/en/{STAGE}/day_1.html").write_text("Another text.")
    assert (await sop("publish", "--note", "x")).code == 0
    ran = await sop("backfill", "--approve", plan_hash)
    assert ran.code == 1
    assert "playbook or copy changed since it was planned; plan it anew" in ran.err
    assert ran.out.splitlines() == ["Since it was planned:", "  caps changed", f"  copy en/{STAGE}/day_1 changed"]
    assert await states(conn) == {}


async def test_backfills_are_listed_and_cancelled(
    sop: Sop, conn: Connection, patient: Bundle, member: MakeMember
) -> None:
    assert "No backfill was planned yet" in (await sop("backfill", "--list")).out
    await member(entered_at=NOON - 2 * DAY)
    first, second = await planned(sop), await planned(sop)
    assert first != second
    assert (await sop("backfill", "--cancel", first, "--note", "twice", "--name", "Ada")).code == 0
    listed = (await sop("backfill", "--list")).out
    assert re.search(rf"{second} +{STAGE} +2026-03-03 to 2026-03-04 +2 +0 +waits for a word +2026-03-11 12:00", listed)
    assert re.search(rf"{first} .* cancelled by Ada +- +twice", listed)
    refused = await sop("backfill", "--approve", first)
    assert refused.code == 1
    assert "cancelled by Ada" in refused.err
    assert (await sop("backfill", "--cancel", first)).code == 1
    assert await states(conn) == {}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((STAGE,), 1, "--from: missing"),
        ((STAGE, "--from", "yesterday"), 1, "--from: 'yesterday' is not a day"),
        ((STAGE, "--from", "2026-03-04", "--to", "2026-03-01"), 1, "give days that are over or begun"),
        (("nonsense", *DAYS), 1, "nonsense"),
        ((), 2, "give a STAGE"),
        ((STAGE, "--list"), 2, "give a STAGE"),
        (("--approve", "ffff"), 1, "no such proposal"),
        (("--cancel", "%"), 1, "no such proposal"),
    ],
)
async def test_a_backfill_that_makes_no_sense(
    sop: Sop, patient: Bundle, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = await sop("backfill", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


# Approvals.


async def test_approvals_are_listed_and_decided_once(
    sop: Sop, conn: Connection, patient: Bundle, member: MakeMember
) -> None:
    assert (await sop("approvals")).out == "Nothing waits.\n"
    await member(entered_at=NOON - DAY)
    plan_hash = await ask(conn, patient)
    assert re.search(
        rf"{plan_hash} +{STAGE} +approval +1 +- +2026-03-05 00:00 +waits for a word", (await sop("approvals")).out
    )
    assert "1 plan waits for a word: sop approvals" in (await sop("status")).out
    ran = await sop("approvals", "--decide", plan_hash, "send", "--name", "Ada", "--note", "fine")
    assert f"{plan_hash}: approved: 1 message of {STAGE} will leave within seconds" in ran.out
    late = await sop("approvals", "--decide", plan_hash, "cancel", "--name", "Ben")
    assert (late.code, late.out) == (1, "")
    assert "being carried out" in late.err
    assert await settle(conn, Bundles(), NOON, bot_id=BOT_ID, staff_chat=None) == 1
    assert await states(conn) == {"waiting": 1}
    late = await sop("approvals", "--decide", plan_hash, "cancel", "--name", "Ben")
    assert "approved by Ada; nothing changed" in late.err


async def test_a_backfill_is_no_ordinary_approval(
    sop: Sop, conn: Connection, patient: Bundle, member: MakeMember
) -> None:
    await member(entered_at=NOON - DAY)
    ran = await sop("backfill", "--approve", await ask(conn, patient))
    assert ran.code == 1
    assert "not a backfill; decide on it with `sop approvals --decide" in ran.err


async def test_cancelled_at_the_console(sop: Sop, conn: Connection, patient: Bundle, member: MakeMember) -> None:
    await member(entered_at=NOON - DAY)
    ran = await sop("approvals", "--decide", await ask(conn, patient), "cancel", "--name", "Ada")
    assert "cancelled; not sent: 1 message of welcome_drip" in ran.out
    assert await states(conn) == {"cancelled": 1}
    assert await open_proposals(conn) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--decide", "1", "send"), 2),
        (("--decide", "1", "--name", "Ada"), 2),
        (("send",), 2),
        (("--decide", "1", "maybe", "--name", "Ada"), 1),
        (("--decide", "1", "send", "--name", "Ada"), 1),
    ],
)
async def test_a_decision_needs_all_its_parts(sop: Sop, patient: Bundle, arguments: tuple[str, ...], code: int) -> None:
    assert (await sop("approvals", *arguments)).code == code


# Stages.


async def test_a_paused_stage_sends_nothing_of_what_is_queued(
    sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await member(entered_at=NOON)
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    ran = await sop("stage", "pause", STAGE, "--note", "wrong price")
    assert ran.code == 0, ran.err
    assert "welcome_drip is paused: nothing of it leaves from now on. Waiting: 1 message." in ran.out
    assert "Prefect does not show it: Prefect server" in ran.out
    assert (await claim(conn, BOT_ID, bundle.playbook, NOON, "test", 32)).rows == []
    assert re.search(rf"{STAGE} +paused \(wrong price\) .* 1 +0 s +2026-03-04 12:00", (await sop("stage", "list")).out)

    ran = await sop("stage", "resume", STAGE)
    assert "Nothing is halted." in ran.out
    assert len((await claim(conn, BOT_ID, bundle.playbook, NOON, "test", 32)).rows) == 1
    assert re.search(rf"{STAGE} +on ", (await sop("stage", "list")).out)
    assert "no operator had paused it here" in (await sop("stage", "resume", STAGE)).out


async def test_while_prefect_is_away_its_own_pause_stays(sop: Sop, conn: Connection, bundle: Bundle) -> None:
    await conn.execute("INSERT INTO halts VALUES ('stage:welcome_drip', 'prefect', '', clock_timestamp())")
    assert re.search(rf"{STAGE} +switched off in Prefect", (await sop("stage", "list")).out)
    ran = await sop("stage", "resume", STAGE)
    assert "Switch its schedule on there" in ran.out
    assert [row["source"] for row in await table(conn, "halts")] == ["prefect"]


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_a_misspelt_stage_changes_nothing(sop: Sop, conn: Connection, bundle: Bundle, verb: str) -> None:
    ran = await sop("stage", verb, "welcom_drip")
    assert ran.code == 1
    assert STAGE in ran.err
    assert await table(conn, "halts") == []


# Campaigns.


@pytest.fixture
async def queued(conn: Connection, bundle: Bundle) -> dict[str, int]:
    """Messages of two plans and a live session, of a stage and of none."""
    live = await conn.execute(
        "INSERT INTO lives (title, url, announce_at, starts_at, ends_at, window_until_at, created_at)"
        " VALUES ('Pricing', 'https://x.example', %(at)s, %(at)s, %(end)s, %(end)s, %(at)s) RETURNING id",
        {"at": NOON, "end": NOON + DAY},
    )
    number = ((await live.fetchone()) or {})["id"]
    return {
        "old": await put(conn, bot_id=BOT_ID, stage=STAGE, plan_id=7, due_at=NOON - DAY),
        "new": await put(conn, bot_id=BOT_ID, stage=STAGE, plan_id=8, due_at=NOON),
        "live": await put(conn, bot_id=BOT_ID, stage="live_conversion", plan_id=9, context={"live": number}),
        "other": await put(conn, bot_id=BOT_ID, stage="live_conversion", plan_id=9, context={"live": number + 1}),
        "sent": await put(conn, bot_id=BOT_ID, stage=STAGE, plan_id=7, state="sent"),
        "reply": await put(conn, bot_id=BOT_ID, stage="bot", step="help"),
        "number": number,
    }


async def test_campaigns_are_listed_by_stage_live_session_and_plan(sop: Sop, queued: dict[str, int]) -> None:
    out = (await sop("campaign", "list")).out
    assert re.search(rf"{STAGE} +2 +1 d 0 h +2026-03-03 12:00 +2026-03-04 12:00", out)
    assert re.search(rf"live:{queued['number']} +1 +0 s .*Pricing", out)
    assert re.search(rf"(?m)^7 +1 .*{STAGE} *$", out)
    assert "bot" not in out
    assert "By plan (1 of 3)" in (await sop("campaign", "list", "--limit", 1)).out


@pytest.mark.parametrize(
    ("what", "stopped"),
    [("7", {"old"}), (STAGE, {"old", "new"}), (f"stage:{STAGE}", {"old", "new"}), ("live:{number}", {"live"})],
)
async def test_what_waits_of_a_campaign_is_cancelled_for_good(
    sop: Sop, conn: Connection, queued: dict[str, int], what: str, stopped: set[str]
) -> None:
    ran = await sop("campaign", "stop", what.format(**queued))
    assert ran.code == 0, ran.err
    assert f"{len(stopped)} message{'s' if len(stopped) > 1 else ''} cancelled for good" in ran.out
    found = {name: await message(conn, queued[name]) for name in ("old", "new", "live", "other", "sent", "reply")}
    assert {name for name, row in found.items() if (row["state"], row["reason"]) == ("cancelled", "stopped")} == stopped
    assert found["sent"]["state"] == "sent"
    assert "nothing of it waits" in (await sop("campaign", "stop", what.format(**queued))).out


async def test_a_proposals_hash_names_its_plan(sop: Sop, conn: Connection, patient: Bundle, member: MakeMember) -> None:
    await member(entered_at=NOON - 2 * DAY)
    plan_hash = await planned(sop)
    await sop("backfill", "--approve", plan_hash)
    assert "2 messages cancelled for good" in (await sop("campaign", "stop", plan_hash)).out
    assert await states(conn) == {"cancelled": 2}


async def test_a_campaign_that_is_not_there(sop: Sop, conn: Connection, queued: dict[str, int]) -> None:
    ran = await sop("campaign", "stop", "welcom_drip")
    assert (ran.code, ran.out) == (1, "")
    assert "neither a stage, a plan, nor live:ID" in ran.err
    assert (await states(conn))["waiting"] == 5


async def test_a_large_campaign_is_stopped_from_the_front_at_once(sop: Sop, conn: Connection, bundle: Bundle) -> None:
    await put_many(conn, 20_000, stage=STAGE)
    await conn.execute("UPDATE messages SET plan_id = 7, bot_id = %s", [BOT_ID])
    began = time.monotonic()
    ran = await sop("campaign", "stop", "7")
    assert time.monotonic() - began < 10
    assert "20,000 messages cancelled for good" in ran.out
    assert await states(conn) == {"cancelled": 20_000}
