"""The daily look at holdouts and versions: kept whole, and a version that does worse is told once."""

from datetime import date, timedelta

import pytest

from community.bundle import Bundle
from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.insight.holdouts import comparisons
from community.insight.learning import learn, learned
from community.insight.report_pages import ReportPages
from community.insight.said import Words
from community.insight.versions import proposed_rollback, versions
from community.insight.windows import Window
from tests.integration.conftest import MakeMember
from tests.integration.insight.kit import ZONE, local, sent
from tests.integration.insight.test_holdouts import bought, not_sent
from tests.integration.insight.test_versions import many, published
from tests.shipped import TEMPLATES

AT = local("2026-03-30 08:50")
DAY = timedelta(days=1)


def words(locale: str = "en") -> Words:
    return ReportPages(TEMPLATES).words(locale, locale)


async def alerts(conn: Connection) -> list[dict[str, str]]:
    return await (await conn.execute("SELECT subject, what, next_step, times FROM alerts ORDER BY subject")).fetchall()


@pytest.fixture
async def nothing(conn: Connection, bundle: Bundle) -> None:
    """Nothing was published before."""
    await ensure_months(conn, "events", [AT, AT + 7 * DAY])
    await conn.execute("DELETE FROM publications")


@pytest.fixture
async def two(conn: Connection, nothing: None) -> tuple[int, int]:
    """Two versions; the second does worse by both measures."""
    first = await published(conn, "a", "2026-03-01 00:00", "first")
    second = await published(conn, "b", "2026-03-10 00:00", "second")
    await many(conn, "a", "2026-03-05 10:00", 1000, 400, 5)
    await many(conn, "b", "2026-03-12 10:00", 1000, 250, 60)
    return first, second


async def test_before_the_first_look_there_is_none(conn: Connection) -> None:
    assert await learned(conn, date(2026, 3, 30)) is None


@pytest.mark.usefixtures("two")
async def test_what_was_seen_is_kept_as_it_was(conn: Connection, bundle: Bundle, member: MakeMember) -> None:
    """To the last digit: what is read again is what `sop holdout` and `sop versions` would have said then."""
    held, treated = await member(), await member()
    await not_sent(conn, held, "2026-02-02 10:00")
    await sent(conn, treated, "2026-02-05 10:00", exempt=False)
    await bought(conn, treated, "2026-02-06 10:00")
    asked = Window(None, date(2025, 12, 31), date(2026, 3, 31), ZONE)
    expected = await comparisons(conn, bundle.playbook, asked, AT)
    assert any(each.held.people and each.money for each in expected)

    seen = await learn(conn, bundle, AT, words())

    kept = await learned(conn, date(2026, 3, 30))
    assert kept == seen
    assert list(seen.holdouts) == expected
    assert list(seen.versions) == await versions(conn, bundle.playbook, AT)
    assert list(seen.worse) == await proposed_rollback(conn, bundle.playbook, AT)
    assert (seen.day, seen.days, seen.at) == (date(2026, 3, 30), 90, AT)


@pytest.mark.usefixtures("nothing")
async def test_the_last_look_up_to_a_day(conn: Connection, bundle: Bundle) -> None:
    for back in (7, 0):
        await learn(conn, bundle, AT - back * DAY, words())
    for day, expected in (("22", None), ("23", 23), ("29", 23), ("30", 30), ("31", 30)):
        found = await learned(conn, date.fromisoformat(f"2026-03-{day}"))
        assert (found.day.day if found else None) == expected


async def test_a_version_that_does_worse_is_told_once_with_how_to_go_back(
    conn: Connection, bundle: Bundle, two: tuple[int, int]
) -> None:
    first, second = two
    await learn(conn, bundle, AT, words())
    [told] = await alerts(conn)
    assert told["subject"] == f"rollback:{second}"
    assert told["what"] == (
        f"Version {second} does worse than {first}, and not by chance: "
        "Engaged within 24 h 25% instead of 40%; Block rate 6.0% instead of 0.5%."
    )
    assert f"sop rollback --to {first}" in told["next_step"]
    await learn(conn, bundle, AT + DAY, words())
    assert [each["times"] for each in await alerts(conn)] == [1]
    [row] = await (await conn.execute("SELECT count(*) AS n FROM publications")).fetchall()
    assert row["n"] == 2, "nothing goes back by itself"


async def test_what_was_over_is_told_again(conn: Connection, bundle: Bundle, two: tuple[int, int]) -> None:
    first, _ = two
    await learn(conn, bundle, AT, words())
    await published(conn, "a", "2026-03-30 12:00", returns_to=first)
    assert (await learn(conn, bundle, AT + DAY, words())).worse == ()
    again = await published(conn, "b", "2026-03-31 12:00")
    await many(conn, "b", "2026-04-01 10:00", 1000, 250, 60)
    seen = await learn(conn, bundle, AT + 4 * DAY, words())
    assert [each.version for each in seen.worse] == [again, again]
    assert f"rollback:{again}" in [each["subject"] for each in await alerts(conn)]


@pytest.mark.usefixtures("nothing")
async def test_one_that_does_as_well_is_no_alert(conn: Connection, bundle: Bundle) -> None:
    await published(conn, "a", "2026-03-01 00:00")
    await published(conn, "b", "2026-03-10 00:00")
    await many(conn, "a", "2026-03-05 10:00", 1000, 400, 5)
    await many(conn, "b", "2026-03-12 10:00", 1000, 395, 6)
    assert (await learn(conn, bundle, AT, words())).worse == ()
    assert await alerts(conn) == []


@pytest.mark.parametrize(("locale", "said"), [("zh-Hans", "拉黑率 6.0%（原为 0.5%）"), ("zh-Hant", "（原為 0.5%）")])
async def test_staff_are_told_in_their_language(
    conn: Connection, bundle: Bundle, two: tuple[int, int], locale: str, said: str
) -> None:
    await learn(conn, bundle, AT, words(locale))
    [told] = await alerts(conn)
    assert said in told["what"]
    assert f"sop rollback --to {two[0]}" in told["next_step"]
