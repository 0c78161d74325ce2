"""What the weekly report says of experiments, holdouts and versions; and the words for it."""

from datetime import date, timedelta

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.insight.experiments import apply, look
from community.insight.figures import Report, Table
from community.insight.holdouts import PEOPLE, Comparison, Money
from community.insight.intervals import Sample, newcombe, welch
from community.insight.learning import Learned, learn
from community.insight.report import make, store, stored, window_for
from community.insight.report_learning import _looked, held_says
from community.insight.report_pages import ReportPages
from community.insight.sheets import workbook
from community.insight.statistics import Part
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.insight.experiment_kit import KEY, NOON, ran, with_experiment
from tests.integration.insight.kit import ZONE, local
from tests.integration.insight.report_kit import counted_already
from tests.integration.insight.test_holdouts import not_sent
from tests.integration.insight.test_learning import AT, nothing, two, words
from tests.shipped import TEMPLATES

__all__ = ["counted_already", "nothing", "two"]
pytestmark = pytest.mark.usefixtures("counted_already")
LOCALES = ("zh-Hans", "zh-Hant", "en")


async def weekly(conn: Connection, bundle: Bundle, day: date = date(2026, 3, 30)) -> Report:
    return await make(conn, bundle, "weekly", window_for("weekly", day, ZONE), local(f"{day} 09:00"))


def tables(report: Report) -> dict[str, Table]:
    return {table.name: table for table in report.section("learning").tables}


def row(table: Table, at: int = 0) -> dict[str, object]:
    names = [column.name for column in table.columns]
    return dict(zip(names, table.rows[at], strict=True))


async def test_with_nothing_to_say_it_says_so(conn: Connection, bundle: Bundle) -> None:
    found = tables(await weekly(conn, bundle))
    assert {name: table.rows for name, table in found.items()} == {"experiments": [], "holdouts": []}


@pytest.mark.usefixtures("nothing")
async def test_experiments_under_way_with_interval_power_and_guardrails(conn: Connection, bundle: Bundle) -> None:
    mine = with_experiment(bundle)
    await ran(conn, "a", 600, 120, blocks=1)
    await ran(conn, "b", 600, 300, blocks=1)
    await look(conn, mine, NOON, bot_id=BOT_ID)
    monday = date(2026, 3, 9)
    shown = row(tables(await weekly(conn, mine, monday))["experiments"])
    assert [shown[name] for name in ("experiment", "stands", "says", "against", "people")] == [
        KEY, "stands:proposed", "verdict:better", "b − a", 1200,
    ]  # fmt: skip
    assert shown["difference"] == pytest.approx(0.3)
    low, high = shown["low"], shown["high"]
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert 0 < low < 0.3 < high
    assert shown["power"] is not None
    assert shown["blocks_most"] is not None
    await apply(conn, KEY, local("2026-03-04 12:00"), by="Mei")
    assert row(tables(await weekly(conn, mine, monday))["experiments"])["says"] == "verdict:everybody"
    assert tables(await weekly(conn, mine, monday + timedelta(weeks=1)))["experiments"].rows == [], "of weeks before"


async def test_holdouts_and_versions_as_the_last_look_saw_them(
    conn: Connection, bundle: Bundle, two: tuple[int, int], member: MakeMember
) -> None:
    first, second = two
    await not_sent(conn, await member(), "2026-02-02 10:00")
    seen = await learn(conn, bundle, AT, words())
    found = tables(await weekly(conn, bundle))
    everything = row(found["holdouts"])
    assert (everything["stage"], everything["says"]) == ("stage:everything", "held:nobody")
    of_stage = row(found["holdouts"], 1)
    assert (of_stage["stage"], of_stage["says"]) == ("stage:welcome_drip", "held:not_enough")
    assert (of_stage["held"], of_stage["difference"], of_stage["people_missing"]) == (1, None, 2 * PEOPLE - 1)
    versions = found["versions"]
    assert [line[:4] for line in versions.rows[:2]] == [
        [str(second), "second", "kpi:engaged_24h", 0.25],
        [str(second), "second", "kpi:click_through", 0.0],
    ]
    assert row(versions)["difference"] == pytest.approx(-0.15)
    assert row(versions, 4)["difference"] is None, "the first has none before it"
    back = row(found["rollback"])
    assert (back["version"], back["go_back_to"], back["share_now"], back["share_was"]) == (
        str(second), str(first), 0.25, 0.4,
    )  # fmt: skip
    assert row(found["looked"]) == {"looked_at": seen.at.isoformat(), "looked_days": 90}
    assert set(tables(await weekly(conn, bundle, date(2026, 3, 23)))) == {"experiments", "holdouts"}, "not seen then"


async def test_every_form_has_it_in_words(conn: Connection, bundle: Bundle, two: tuple[int, int]) -> None:
    """No key of a word is shown as it is, in any language; what was stored is read again."""
    await learn(conn, bundle, AT, words())
    await store(conn, await weekly(conn, bundle))
    report = await stored(conn, "weekly")
    assert report is not None
    pages = ReportPages(TEMPLATES)
    for locale in LOCALES:
        say = pages.words(locale, locale)
        for table in report.section("learning").tables:
            assert f"table_{table.name}" in say.of
            heads = say.head(table)
            assert all("_" not in head for head in heads), heads
            cells = [cell for at in range(len(table.rows)) for cell in say.cells(report, table, at)]
            assert not any("_" in cell or ":" in cell.replace("08:50", "") for cell in cells), cells
        assert say["section_learning"] in pages.markdown(report, locale)
        assert say["table_versions"] in pages.html(report, locale)
        assert workbook(report, say)
    assert "−15.0" in pages.html(report, "en")


def comparison(treated: Part, held: Part, holdout: float = 10) -> Comparison:
    sums = Sample(treated.people, 199.0 * treated.hits, 199.0**2 * treated.hits)
    other = Sample(held.people, 199.0 * held.hits, 199.0**2 * held.hits)
    money = (Money("CNY", sums, other, welch(other, sums)),)
    return Comparison("welcome_drip", holdout, treated, held, 0, newcombe(held, treated), money)


@pytest.mark.parametrize(
    ("treated", "held", "holdout", "says"),
    [
        (Part(5000, 500), Part(0, 0), 0, "nobody"),
        (Part(5000, 500), Part(99, 5), 10, "not_enough"),
        (Part(5000, 4), Part(500, 5), 10, "not_enough"),
        (Part(5000, 500), Part(500, 49), 10, "no_difference"),
        (Part(5000, 1000), Part(500, 40), 10, "more"),
        (Part(5000, 400), Part(500, 100), 10, "fewer"),
    ],
)
def test_what_a_holdout_says(treated: Part, held: Part, holdout: float, says: str) -> None:
    of = comparison(treated, held, holdout)
    assert held_says(of) == says
    seen = Learned(date(2026, 3, 30), AT, 90, timedelta(days=30), (of,), (), ())
    found = {table.name: table for table in _looked(seen)}
    told = says not in ("nobody", "not_enough")
    assert ("earned" in found) is told, "money is told only of enough"
    assert (row(found["holdouts"])["difference"] is not None) is told
    if told:
        assert found["earned"].currencies == ["CNY"]
