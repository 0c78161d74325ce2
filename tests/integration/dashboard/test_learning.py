"""The page of what the SOP has taught: experiments, holdouts, versions; and when there is nothing yet."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from community.bundle import Bundle
from community.database.partitions import ensure_months
from community.database.pool import Connection, Pool
from community.insight.experiments import apply, begin, look
from community.insight.learning import learn
from tests.integration.conftest import BOT_ID
from tests.integration.dashboard.kit import Desk, opened_desk
from tests.integration.insight.experiment_kit import KEY, NOON, ran, with_experiment
from tests.integration.insight.kit import NOW, local
from tests.integration.insight.test_holdouts import not_sent
from tests.integration.insight.test_learning import words
from tests.integration.insight.test_versions import many, published

PATH = "/dashboard/learning"


@pytest.fixture
async def desk(pool: Pool, conn: Connection, bundle: Bundle, database_url: str) -> AsyncIterator[Desk]:
    async with opened_desk(pool, conn, database_url) as opened:
        await opened.enter()
        yield opened


async def taught(conn: Connection, bundle: Bundle, *, notes: tuple[str, str] = ("first", "second")) -> tuple[int, int]:
    """An experiment with a winner, one held out, and a second version that does worse than the first."""
    await ensure_months(conn, "events", [NOW, NOON])
    await conn.execute("DELETE FROM publications")
    await ran(conn, "a", 600, 120)
    await ran(conn, "b", 600, 300)
    first = await published(conn, "a", "2026-03-01 00:00", notes[0])
    second = await published(conn, bundle.hash, "2026-03-08 00:00", notes[1])
    await many(conn, "a", "2026-03-05 10:00", 1000, 400, 5)
    await many(conn, bundle.hash, "2026-03-12 10:00", 1000, 250, 60)
    await look(conn, with_experiment(bundle), NOON, bot_id=BOT_ID)
    [someone, *_] = await (await conn.execute("SELECT id FROM members ORDER BY id")).fetchall()
    await not_sent(conn, someone["id"], "2026-02-10 10:00")
    await learn(conn, bundle, local("2026-03-18 08:50"), words())
    return first, second


async def test_before_anything_was_looked_at(desk: Desk) -> None:
    page = await desk.page(PATH)
    assert "No experiments yet." in page
    assert "Holdouts and versions were not looked at yet." in page
    assert '<form method="get"' not in page, "no filter means anything here"


async def test_experiments_holdouts_and_versions(desk: Desk, bundle: Bundle) -> None:
    first, second = await taught(desk.conn, bundle)
    page = await desk.page(PATH)
    assert "18 Mar, 08:50, 90 days back" in page
    assert "b is better than a, by " in page
    assert "waits for a word" in page
    assert "Welcome drip/day_1 · counts who engaged within 24 h" in page
    assert "+30.0 (+" in page
    assert "would be seen by now with a probability of" in page
    assert "not enough data yet" in page
    assert "99 more members held out are needed" in page
    assert "<p>nobody is held out: everything, Member care, Dormancy reactivation" in page, "one line for all of them"
    assert "10 more purchases are needed" in page
    assert "−15.0 (−" in page
    assert f"Version {second} does worse than {first}, and not by chance" in page
    assert f"<code>sop rollback --to {first}</code>" in page


async def test_what_was_decided_is_said_with_by_whom(desk: Desk, bundle: Bundle) -> None:
    await taught(desk.conn, bundle)
    await apply(desk.conn, KEY, NOON + timedelta(hours=1), by="<Mei>")
    page = await desk.page(PATH)
    assert "Everybody gets b." in page
    assert "decided by &lt;Mei&gt;, " in page


async def test_a_note_is_text(desk: Desk, bundle: Bundle) -> None:
    await taught(desk.conn, bundle, notes=("{{ 7*7 }}", "<script>alert(1)</script>"))
    page = await desk.page(PATH)
    assert "<script>alert" not in page
    assert "{{ 7*7 }}" in page


@pytest.mark.parametrize(
    ("locale", "said"),
    [("zh-Hans", ("学习", "比 a 好", "数据还不够", "退回")), ("zh-Hant", ("學習", "資料還不夠", "退回"))],
)
async def test_in_chinese(desk: Desk, bundle: Bundle, locale: str, said: tuple[str, ...]) -> None:
    await taught(desk.conn, bundle)
    page = await desk.page(PATH, **{"Accept-Language": locale})
    for each in said:
        assert each in page


async def test_an_experiment_that_was_not_looked_at_yet(desk: Desk, bundle: Bundle) -> None:
    await begin(desk.conn, with_experiment(bundle).playbook, NOON)
    assert "Not looked at yet." in await desk.page(PATH)
    await look(desk.conn, with_experiment(bundle), NOON, bot_id=BOT_ID)
    assert "Not enough data yet: 0 of about" in await desk.page(PATH)
