"""Verbs that only look: check, preview, explain, links."""

import json
import re
import shutil
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest

from community.activity.record import Activity, record
from community.bundle import Bundle, load_bundle
from community.database.installation import claim
from community.database.pool import Connection
from community.outbox.bundles import publish
from community.outreach.plan import plan
from community.outreach.proposals import propose_send
from tests.e2e.cli.conftest import BOT_ID, HOSTILE, NOON, STAGE, MakeMember, Sop, edited, switch_off, table


async def test_check_counts_what_is_fine(sop: Sop, folder: Path) -> None:
    ran = await sop("check", folder)
    copies = len(list((folder / "copy").rglob("*.html")))
    assert (ran.code, ran.out, ran.err) == (0, f"playbook and {copies} messages are fine\n", "")


async def test_check_names_file_and_line_of_every_problem(sop: Sop, folder: Path) -> None:
    with edited(folder) as playbook:
        playbook["caps"]["per_dya"] = 2
    (folder / "copy/en/bot/help.html").write_text("<b>oh")
    ran = await sop("check")
    assert ran.code == 1
    assert len(re.findall(r"(?m)^templates/\S+:\d+: .+; .+$", ran.out)) == len(ran.out.splitlines()) >= 2


async def test_check_names_the_stage_without_which_nobody_is_admitted(sop: Sop, folder: Path) -> None:
    with edited(folder) as playbook:
        del playbook["stages"]["welcome_drip"]
    ran = await sop("check")
    assert ran.code == 1
    assert "stages: welcome_drip is missing, and nobody can be admitted without" in ran.out


async def test_check_names_a_stage_that_has_no_audience(sop: Sop, folder: Path) -> None:
    with edited(folder) as playbook:
        playbook["stages"]["farewell"] = deepcopy(playbook["stages"][STAGE])
    for copy in (folder / "copy").glob(f"*/{STAGE}"):
        shutil.copytree(copy, copy.with_name("farewell"))
    ran = await sop("check")
    assert ran.code == 1
    assert ran.out.startswith("stages.farewell: no audience; write community/outreach/audiences/farewell.sql")


async def test_check_tells_a_real_bot_without_a_public_address_what_is_lost(
    sop: Sop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "SOP_PUBLIC_URL" not in (await sop("check")).out
    monkeypatch.setenv("SOP_TELEGRAM_TOKEN", "77:secret")
    told = await sop("--mode", "real", "check")
    assert "clicks are not counted" in told.out
    assert told.code == 0
    monkeypatch.setenv("SOP_PUBLIC_URL", "https://club.example.org")
    assert "SOP_PUBLIC_URL" not in (await sop("check")).out


async def test_preview_shows_who_gets_what_and_who_not_and_writes_nothing(
    sop: Sop,
    conn: Connection,
    bundle: Bundle,
    member: MakeMember,
) -> None:
    await member(first_name=HOSTILE)
    await member(dm="blocked")
    before = [await table(conn, name) for name in ("messages", "plans", "decisions")]
    ran = await sop("preview", STAGE)
    assert ran.code == 0
    assert "2026-03-04 12:00 Asia/Shanghai" in ran.out
    assert re.search(r"day_1 +1 +would be sent now", ran.out)
    assert re.search(r"day_1 +1 +not sent: has blocked the bot", ran.out)
    assert "[bold]<b>" in ran.out, "a name is shown as it is, not taken as markup"
    assert "\x1b" not in ran.out, "neither colours when piped nor a member's escape sequences"
    assert [await table(conn, name) for name in ("messages", "plans", "decisions")] == before


async def test_preview_of_a_member_shows_the_message(
    sop: Sop,
    bundle: Bundle,
    member: MakeMember,
) -> None:
    number = await member(username="boss", locale="en", first_name="Ann")
    await member()
    ran = await sop("preview", STAGE, "--member", "@boss")
    assert f"welcome to Ann ({number})" in ran.out
    assert re.search(r"│ .*Ann", ran.out), "the copy itself, in the member's language"
    assert (await sop("preview", STAGE, "--member", "@boss", "--show", 0)).out.count("╭") == 0


async def test_preview_as_json(sop: Sop, bundle: Bundle, member: MakeMember) -> None:
    number = await member()
    blocked = await member(dm="blocked")
    found = json.loads((await sop("preview", STAGE, "--json", "--show", 1)).out)
    assert (found["stage"], found["bundle"], found["as_of"]) == (STAGE, bundle.hash, NOON.isoformat())
    assert {"step": "day_1", "outcome": "send", "members": 1} in found["counts"]
    assert {row["member"] for row in found["send"]} == {number}
    assert found["send"][0]["text"]
    assert {(row["member"], row["reason"], row["gates"]["dm"]) for row in found["skip"]} == {
        (blocked, "blocked", "blocked")
    }


async def test_counts_are_complete_when_rows_are_limited(
    sop: Sop,
    bundle: Bundle,
    member: MakeMember,
) -> None:
    for _ in range(3):
        await member()
    found = json.loads((await sop("preview", STAGE, "--json", "--limit", 1)).out)
    assert len(found["send"]) == 1
    assert {"step": "welcome", "outcome": "send", "members": 3} in found["counts"]


async def test_a_moment_without_a_zone_is_the_communitys_and_that_is_said(
    sop: Sop,
    bundle: Bundle,
    member: MakeMember,
) -> None:
    await member()
    told = await sop("preview", STAGE, "--as-of", "2026-03-04T12:00", "--json")
    assert "Asia/Shanghai" in told.err
    zoned = await sop("preview", STAGE, "--as-of", "2026-03-04T04:00Z", "--json")
    assert zoned.err == ""
    assert json.loads(zoned.out)["counts"] == json.loads(told.out)["counts"]


@pytest.mark.parametrize("moment", ["yesterday", "", "2026-13-01", "0001-01-01", "9999-12-31T23:00-12:00"])
async def test_a_moment_that_is_none_is_refused(sop: Sop, bundle: Bundle, moment: str) -> None:
    ran = await sop("preview", STAGE, "--as-of", moment)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("--as-of: ")


async def test_a_stage_switched_off_is_said_to_be(
    sop: Sop,
    conn: Connection,
    bundle: Bundle,
    folder: Path,
    member: MakeMember,
) -> None:
    number = await member()
    switch_off(folder)
    await publish(conn, load_bundle(folder), "off")
    assert "switched off" in (await sop("preview", STAGE)).out
    assert "switched off" in (await sop("explain", number, STAGE)).out


async def test_explain_shows_records_and_todays_gates(
    sop: Sop,
    conn: Connection,
    bundle: Bundle,
    member: MakeMember,
) -> None:
    number = await member(first_name=HOSTILE, opted_out_at=NOON)
    planned = await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await conn.execute("UPDATE members SET opted_out_at = NULL")
    ran = await sop("explain", f"tg:{10_000 + number}", STAGE)
    day_1 = re.split(r"\n(?=day_\d|welcome)", ran.out)[2]
    assert f"Recorded: not sent: asked for no more messages; decided 2026-03-04 12:00 (plan {planned.plan_id}" in day_1
    assert "By today's data: would be sent now" in day_1
    assert re.search(r"opted_out +since 2026-03-04 12:00 ← stops it +no", day_1)
    assert "not due until 2026-03-10 10:00" in ran.out
    assert "[bold]<b>" in ran.out
    assert "\x1b" not in ran.out


async def test_explain_without_a_stage_has_a_line_for_every_step(
    sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member(first_name=HOSTILE)
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    await conn.execute("UPDATE messages SET state = 'sent', sent_at = due_at WHERE step = 'day_1'")
    await conn.execute("UPDATE messages SET reason = 'quiet_hours' WHERE step = 'welcome'")
    ran = await sop("explain", number)
    lines = [line for line in ran.out.splitlines() if line.startswith(STAGE)]
    assert [line.split()[1] for line in lines] == [step.name for step in bundle.playbook.stage(STAGE).steps]
    assert re.search(r"welcome +waiting for the member's morning \(quiet hours\), due 2026-03-04 12:00", ran.out)
    assert re.search(r"day_1 +sent 2026-03-04 12:00, 2 h 0 min late", ran.out)
    assert re.search(r"day_2 +not due until 2026-03-05 10:00; nothing in its way now", ran.out)
    assert "\x1b" not in ran.out
    left = await member(in_group=False)
    assert re.search(rf"{STAGE} +- +not in the stage any more", (await sop("explain", left)).out)


async def test_explain_names_the_members_segment_where_a_step_is_for_others(
    sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    steps = [{**bundle.source["stages"][STAGE]["steps"][0], "segments": ["champions"]}]
    stages = {**bundle.source["stages"], STAGE: {**bundle.source["stages"][STAGE], "steps": steps}}
    await publish(conn, Bundle({**bundle.source, "stages": stages}, bundle.copy), "segments")
    number = await member()
    await conn.execute("INSERT INTO member_values VALUES (%s, 1, 1, 100, 'CNY', 1, 1, 1, 'lost', %s)", [number, NOON])
    assert "for other segments of payers than the member's (lost)" in (await sop("explain", number, STAGE)).out
    assert re.search(rf"{STAGE} +welcome +the step is for other segments", (await sop("explain", number)).out)


async def test_explain_says_when_a_message_was_wanted_and_what_becomes_of_late_ones(
    sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member()
    await plan(conn, bundle, STAGE, NOON - timedelta(hours=2), bot_id=BOT_ID)
    await conn.execute("UPDATE messages SET state = 'sent', sent_at = due_at + interval '2 minutes'")
    ran = await sop("explain", number, STAGE)
    assert "sent at 2026-03-04 10:02, wanted 2026-03-04 10:00: on time; planned 2026-03-04 10:00" in ran.out
    assert "Catch-up: sent late while it has not expired; it is not late." in ran.out


async def test_explain_lists_who_did_not_get_a_step_by_reason(
    sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    await member()
    number = await member(dm="blocked", first_name=HOSTILE)
    for _ in range(2):
        await member(opted_out_at=NOON)
    await plan(conn, bundle, STAGE, NOON, bot_id=BOT_ID)
    ran = await sop("explain", STAGE, "--why-not", "day_1")
    assert re.search(r"opted_out +2 +not sent +asked for no more messages", ran.out)
    assert re.search(rf"{number} +\[bold\]<b>.*Eve +blocked +2026-03-04 10:00 +blocked; decided 2026-03-04", ran.out)
    assert "\x1b" not in ran.out
    assert "Who (3 of 3)" in ran.out
    some = await sop("explain", STAGE, "--why-not", "day_1", "--reason", "opted_out", "--limit", 1)
    assert "Who (1 of 2)" in some.out
    assert re.search(r"blocked +1 +not sent", some.out), "counts are whole"
    found = json.loads((await sop("explain", STAGE, "--why-not", "day_1", "--json")).out)
    assert {"reason": "opted_out", "what": "decided", "members": 2, "because": "asked for no more messages"} in (
        found["counts"]
    )
    assert found["members"][0]["member"] == number
    assert found["members"][0]["gates"]["dm"] == "blocked"
    nobody = await sop("explain", STAGE, "--why-not", "day_7")
    assert "Nobody." in nobody.out


async def test_explain_asks_for_a_member_or_a_stage_alone(sop: Sop, bundle: Bundle, member: MakeMember) -> None:
    number = await member()
    ran = await sop("explain", number, STAGE, "--why-not", "day_1")
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)
    assert "sop explain STAGE --why-not STEP" in ran.err
    assert "nope" in (await sop("explain", STAGE, "--why-not", "nope")).err


async def test_explain_says_which_proposal_a_message_waits_in(
    sop: Sop, conn: Connection, bundle: Bundle, member: MakeMember
) -> None:
    number = await member()
    asked = await propose_send(conn, bundle, STAGE, NOON, bot_id=BOT_ID, run_id=None)
    waits = rf"waits for somebody's word on proposal {asked.hash} \(approval\), until 2026-03-05 00:00 at most"
    ran = await sop("explain", number, STAGE)
    assert re.search(rf"\nday_1, .*\nNothing recorded up to then\.\nProposed: {waits}\.\n", ran.out)
    assert f"\nDecide: sop approvals --decide {asked.hash} send|first|cancel --name NAME\n" in ran.out
    assert "By today's data: nothing else is in its way\n" in ran.out
    assert "would be sent now" not in ran.out
    assert re.search(rf"{STAGE} +day_1 +waits for somebody's word on proposal", (await sop("explain", number)).out)


async def test_explain_as_json(sop: Sop, bundle: Bundle, member: MakeMember) -> None:
    number = await member()
    [found] = json.loads((await sop("explain", number, STAGE, "--json")).out)
    assert (found["member_id"], found["stage"]) == (number, STAGE)
    assert {step["step"] for step in found["steps"]} == {step.name for step in bundle.playbook.stage(STAGE).steps}


async def test_explain_of_someone_who_left(
    sop: Sop,
    conn: Connection,
    bundle: Bundle,
    member: MakeMember,
) -> None:
    number = await member()
    for name in ("memberships", "members"):
        await conn.execute(f"UPDATE {name} SET left_at = %s", [NOON - timedelta(hours=2)])
    ran = await sop("explain", number, STAGE)
    assert ran.out.count("is in no group now (2026-03-04 10:00)") == len(bundle.playbook.stage(STAGE).steps)


@pytest.mark.parametrize(("who", "stage", "said"), [("@nobody", STAGE, "@nobody"), ("1", "nope", "nope")])
async def test_unknown_names_are_told_in_one_line(
    sop: Sop,
    bundle: Bundle,
    member: MakeMember,
    who: str,
    stage: str,
    said: str,
) -> None:
    await member()
    ran = await sop("explain", who, stage)
    assert (ran.code, len(ran.err.splitlines())) == (1, 1)
    assert said in ran.err


async def test_links_with_clicks_and_members(
    sop: Sop,
    conn: Connection,
    bundle: Bundle,
    member: MakeMember,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOP_PUBLIC_URL", "https://club.example.org")
    await member(link_token="partner-a")
    guest = await member(link_token="partner-a", in_group=False)
    await conn.execute("UPDATE members SET entered_at = NULL WHERE id = %s", [guest])
    clicks = [Activity("click", NOON, None, None, {"link": token}) for token in ("partner-a",) * 3 + ("tariff_lookup",)]
    await record(conn, clicks)
    ran = await sop("links")
    assert re.search(r"https://club.example.org/l/partner-a +partner · referral · opening.* 3 +2 +1", ran.out)
    assert re.search(r"https://club.example.org/l/notes-post-1 .* 0 +0 +0", ran.out)
    assert re.search(r"tariff_lookup +https://hts.usitc.gov/ +1", ran.out)


async def test_links_of_a_real_bot_without_an_address_are_direct(
    sop: Sop,
    conn: Connection,
    shipped: Bundle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOP_TELEGRAM_TOKEN", "77:secret")
    monkeypatch.setattr("community.settings.TELEGRAM_API", "http://127.0.0.1:1")
    await claim(conn, 77, "real")
    await publish(conn, shipped, "test")
    ran = await sop("--mode", "real", "links")
    assert "https://t.me/<your bot>?start=partner-a" in ran.out
    assert "clicks are not counted" in ran.out
    assert "secret" not in ran.out + ran.err
