"""The report flows: kept, shown, posted once for the window just ended; the daily watch tells staff once."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from prefect.client.orchestration import PrefectClient

from community.bundle import Bundle
from community.database.pool import Connection
from community.insight.report import stored, window_for
from community.insight.windows import day_of
from community.outbox.pictures import picture
from flows.daily_watch import daily_watch
from flows.monthly_review import monthly_review
from flows.weekly_report import weekly_report
from tasks.reports import Language
from tests.flows.conftest import STAFF, artifacts, newcomers, run_of, task_runs
from tests.integration.insight.report_kit import put

MORE = -4001
ZONE = "Asia/Shanghai"


def last_week() -> date:
    return window_for("weekly", day_of(datetime.now(UTC), ZONE), ZONE).since


async def messages(conn: Connection) -> list[dict[str, Any]]:
    rows = await conn.execute(
        "SELECT chat_id, method, stage, step, occurrence, template, context FROM messages ORDER BY id"
    )
    return await rows.fetchall()


async def test_the_week_just_ended_is_kept_shown_and_posted_once(
    client: PrefectClient, bundle: Bundle, conn: Connection
) -> None:
    monday = last_week()
    await newcomers(conn, 3, days_ago=(datetime.now(UTC).date() - monday).days - 2)
    run = await run_of(client, await weekly_report(return_state=True))

    assert (
        run.name
        == f"weekly-report · {monday} · 3 new members · 0 active members · 0 first-time payers · "
        + (run.name.rpartition(" first-time payers · ")[2])
    )
    assert run.name.endswith(" · posted")
    assert run.state is not None
    assert "3 new members" in str(run.state.message)
    report = await stored(conn, "weekly")
    assert report is not None
    assert (report.since, [f.number for f in report.figures(["new_members"])]) == (monday, [3])
    text = str((await artifacts(client, run))["weekly-report"].data)
    assert "| 新成员 | [**3**](" in text
    (sent,) = await messages(conn)
    assert (sent["chat_id"], sent["method"], sent["step"]) == (STAFF, "sendPhoto", "weekly")
    assert sent["occurrence"] == monday.isoformat()
    assert sent["context"]["report"]["numbers"][0].startswith("新成员: 3")
    assert await picture(conn, sent["context"]["picture"])
    assert len(await task_runs(client, run, "post the weekly report")) <= 6

    again = await run_of(client, await weekly_report(return_state=True))
    assert again.name.endswith(" · posted before")
    assert len(await messages(conn)) == 1


async def test_a_past_week_is_made_anew_and_posted_only_when_asked(
    client: PrefectClient, bundle: Bundle, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOP_REPORT_CHAT", str(MORE))
    past: dict[str, Any] = {"as_of": date(2026, 3, 16), "locale": Language.en}
    run = await run_of(client, await weekly_report(**past, return_state=True))
    assert run.name.startswith("weekly-report · 2026-03-09 · ")
    assert "posted" not in run.name
    assert await messages(conn) == []
    assert "Weekly report · 9 Mar 2026 to 15 Mar 2026" in str((await artifacts(client, run))["weekly-report"].data)
    await weekly_report(**past, post=True)
    (sent,) = await messages(conn)
    assert (sent["chat_id"], sent["occurrence"], sent["context"]["locale"]) == (MORE, "2026-03-09", "en")


async def test_the_month_just_ended(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    run = await run_of(client, await monthly_review(as_of=date(2026, 3, 1), return_state=True))
    assert run.name.startswith("monthly-review · 2026-02-01 · ")
    assert "接下来改什么" in str((await artifacts(client, run))["monthly-report"].data)


async def test_without_a_chat_it_is_made_all_the_same(
    client: PrefectClient, bundle: Bundle, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOP_STAFF_CHAT")
    run = await run_of(client, await weekly_report(return_state=True))
    assert run.name.endswith(" · not posted: no staff chat")
    assert await stored(conn, "weekly") is not None


async def test_the_watch_tells_staff_once(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    await put(conn, "first_week", last_week(), hits=2, base=50)
    run = await run_of(client, await daily_watch(return_state=True))

    assert run.name.endswith(" · 1 found · 1 new · posted")
    text = str((await artifacts(client, run))["daily-watch"].data)
    assert "首周互动率为 4.0%，低于 30%" in text
    assert "小奖励" in text
    assert f"`sop kpi first_week --week {last_week()} --rows`" in text
    rows = await (await conn.execute("SELECT subject, times FROM alerts")).fetchall()
    assert rows == [{"subject": "watch:few_talk", "times": 0}]
    (post,) = await messages(conn)
    assert (post["chat_id"], post["method"], post["template"]) == (STAFF, "sendPhoto", "staff/watch")
    assert "](data:image/png;base64," in text
    yesterday = day_of(datetime.now(UTC), ZONE) - timedelta(days=1)
    assert post["context"]["report"]["full"].endswith(f"/dashboard/reports/daily/{yesterday}")
    report = await stored(conn, "daily", yesterday)
    assert report is not None
    assert report.new == ["few_talk"]

    again = await run_of(client, await daily_watch(return_state=True))
    assert again.name.endswith(" · 1 found")
    assert len(await messages(conn)) == 1


async def test_of_a_past_day_the_watch_tells_nothing(client: PrefectClient, bundle: Bundle, conn: Connection) -> None:
    await put(conn, "first_week", date(2026, 3, 9), hits=2, base=50)
    run = await run_of(client, await daily_watch(as_of=date(2026, 3, 16), return_state=True))
    assert run.name == "daily-watch · 2026-03-15 · 1 found · 1 new"
    assert await (await conn.execute("SELECT FROM alerts")).fetchall() == await messages(conn) == []
