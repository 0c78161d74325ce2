"""What the numbers of an experiment say, in every case that there is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from community.insight.judging import PAID, Counted, Definition, Result, Verdict, judge

AB = Definition(
    "engaged",
    timedelta(days=1),
    0.05,
    0.05,
    0.02,
    ({"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}),
)
ABC = replace(AB, variants=tuple({"name": name, "share": 1 / 3} for name in "abc"))


def arm(name: str, people: int, hits: int, *, blocks: int = 0, leaves: int = 0, late: int = 0) -> Counted:
    """All their times are over, but `late` people who may yet leave."""
    return Counted(name, people, people, hits, people, blocks, people - late, leaves, people // 2)


def said(*arms: Counted, by: Definition = AB, days: float = 14) -> Result:
    return judge(by, arms, days)


def test_too_few_say_nothing() -> None:
    for found in (
        said(arm("a", 99, 10), arm("b", 99, 80)),
        said(arm("a", 5000, 5), arm("b", 5000, 4)),
        said(arm("a", 0, 0), arm("b", 0, 0)),
    ):
        assert (found.verdict, found.winner, found.comparisons) == (Verdict.waiting, None, ())


def test_it_says_how_many_more_days() -> None:
    found = said(arm("a", 1000, 300), arm("b", 1000, 310), days=10)
    assert found.verdict is Verdict.waiting
    assert 5000 < found.needed < 5600
    assert found.days == -(-(found.needed - 2000) // 100), "1,000 of the 2,000 came within 10 days"
    assert 0 < found.power < 0.8


def test_nobody_lately_and_there_is_no_telling() -> None:
    arms = [replace(arm(name, 1000, 300), lately=0) for name in "ab"]
    assert said(*arms).days is None


def test_a_winner() -> None:
    found = said(arm("a", 4000, 1200), arm("b", 4000, 1500))
    assert (found.verdict, found.winner, found.against) == (Verdict.better, "b", "a")
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < 0.075 < found.high
    assert found.power > 0.9


def test_the_first_may_win() -> None:
    found = said(arm("a", 4000, 1500), arm("b", 4000, 1200))
    mirrored = said(arm("a", 4000, 1200), arm("b", 4000, 1500))
    assert (found.verdict, found.winner, found.against) == (Verdict.better, "a", "b")
    assert (found.low, found.high) == pytest.approx((mirrored.low, mirrored.high))


def test_nothing_that_matters() -> None:
    found = said(arm("a", 20_000, 6000), arm("b", 20_000, 6050))
    assert (found.verdict, found.winner) == (Verdict.same, None)


def test_a_spread_of_people_that_is_no_chance_forbids_any_conclusion() -> None:
    found = said(arm("a", 4000, 1200), arm("b", 4500, 1800))
    assert (found.verdict, found.winner, found.comparisons) == (Verdict.unbalanced, None, ())
    assert found.mismatch < 0.001
    assert said(arm("a", 4000, 1200), arm("b", 4200, 1600)).verdict is Verdict.better


@pytest.mark.parametrize("guard", ["blocks", "leaves"])
def test_harm_stops_it_however_well_it_does(guard: str) -> None:
    found = said(arm("a", 4000, 1200), arm("b", 4000, 1800, **{guard: 200}))
    assert (found.verdict, found.winner, found.against) == (Verdict.harmful, None, "b")
    assert found.low is not None
    assert found.low > 0


def test_harm_stops_it_before_the_metric_says_anything() -> None:
    assert said(arm("a", 400, 1), arm("b", 400, 1, blocks=60)).verdict is Verdict.harmful


def test_the_first_is_what_others_are_held_to_and_does_no_harm() -> None:
    assert said(arm("a", 4000, 1200, blocks=200), arm("b", 4000, 1500)).verdict is Verdict.better


def test_more_leave_but_not_by_the_margin() -> None:
    found = said(arm("a", 40_000, 12_000, leaves=200), arm("b", 40_000, 15_000, leaves=600))
    assert found.verdict is Verdict.better, "one point more, and two are allowed"


def test_a_winner_waits_until_it_is_sure_to_do_no_harm() -> None:
    found = said(arm("a", 1000, 100, late=1000), arm("b", 1000, 300, late=1000))
    assert (found.verdict, found.winner, found.doubts) == (Verdict.waiting, "b", ("leaves",))


def test_a_page_drives_nobody_away() -> None:
    page = replace(AB, metric=PAID, effect=0.02)
    arms = [replace(arm(name, 4000, hits), block_people=0, leave_people=0) for name, hits in (("a", 100), ("b", 300))]
    assert said(*arms, by=page).verdict is Verdict.better


def test_of_three_the_best_that_is_better_than_the_first() -> None:
    found = said(arm("a", 4000, 1200), arm("b", 4000, 1450), arm("c", 4000, 1550), by=ABC)
    assert (found.verdict, found.winner, found.against) == (Verdict.better, "c", "a")
    first = said(arm("a", 4000, 1550), arm("b", 4000, 1200), arm("c", 4000, 1300), by=ABC)
    assert (first.winner, first.against) == ("a", "c")
    open_ = said(arm("a", 4000, 1400), arm("b", 4000, 1000), arm("c", 4000, 1405), by=ABC)
    assert (open_.verdict, open_.winner) == (Verdict.waiting, None), "worse than the first, but c may be better"


def test_more_variants_need_more_to_say_the_same() -> None:
    two = said(arm("a", 4000, 1200), arm("b", 4000, 1400)).comparisons[0].difference
    three = said(arm("a", 4000, 1200), arm("b", 4000, 1400), arm("c", 4000, 1200), by=ABC).comparisons[0].difference
    assert three.high - three.low > two.high - two.low


@pytest.mark.parametrize("hits", [10, 1500])
def test_stored_and_read_it_is_the_same(hits: int) -> None:
    found = said(arm("a", 4000, 1200), arm("b", 4000, hits))
    assert Result.from_json(found.to_json()) == found
    assert Definition.from_json(AB.to_json()) == AB
