"""The ladder of a live session, whatever its times and its steps' offsets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from community.errors import LiveRefused
from community.live.ladder import CLOSE, OFFERS, RESULT, Rung, rungs
from community.live.models import Live
from community.live.requests import check_offer, new_live
from community.playbook_offers import TermPlan
from community.playbook_stages import Step
from tests.shipped import shipped_bundle

STEPS = shipped_bundle().playbook.stage("live_conversion").steps
START = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
VALUES: dict[str, Any] = {
    "title": "Freight",
    "url": "https://live.example/1",
    "starts_at": START,
    "ends_at": START + HOUR,
}


def live(**times: Any) -> Live:
    """20:00 to 21:30 in Shanghai, added three days before, 48 hours for the offer."""
    shape = {
        "id": 7,
        "title": "Freight",
        "url": "https://live.example/1",
        "created_at": START - timedelta(days=3),
        "announce_at": START - timedelta(days=3),
        "starts_at": START,
        "ends_at": START + 1.5 * HOUR,
        "window_until_at": START + 49.5 * HOUR,
    }
    return Live(**{**shape, **times})


def after_start(found: list[Rung]) -> dict[str, float]:
    """Name → hours from the start."""
    return {rung.name: (rung.at - START) / HOUR for rung in found}


def test_the_shipped_ladder() -> None:
    assert after_start(rungs(STEPS, live())) == {
        "announce": -72, "day_before": -24, "hour_before": -1, "live_now": 0, "open": 1.5, "half": 25.5,
        "last_call": 46.5, "close": 49.5, "result": 50.5,
    }  # fmt: skip


def test_added_an_hour_before_it_has_no_reminder_a_day_before() -> None:
    late = START - 0.9 * HOUR
    assert list(after_start(rungs(STEPS, live(created_at=late, announce_at=late)))) == [
        "announce", "live_now", "open", "half", "last_call", "close", "result"
    ]  # fmt: skip


def test_a_window_shorter_than_the_last_call_has_none() -> None:
    assert list(after_start(rungs(STEPS, live(window_until_at=START + 3 * HOUR))))[-4:] == [
        "open", "half", "close", "result"
    ]  # fmt: skip


def test_half_time_after_the_last_call_is_left_out() -> None:
    """Four hours: the last call comes an hour before half-time."""
    found = after_start(rungs(STEPS, live(window_until_at=START + 5.5 * HOUR)))
    assert found["last_call"] == 2.5
    assert "half" not in found


def test_a_moved_session_tells_so_and_forgets_the_reminders_before() -> None:
    moved = START - 2 * HOUR
    assert after_start(rungs(STEPS, live(moved_at=moved)))["moved"] == -2
    assert "day_before" not in after_start(rungs(STEPS, live(moved_at=moved)))


def test_a_cancelled_session_only_tells_so() -> None:
    assert after_start(rungs(STEPS, live(cancelled_at=START - HOUR))) == {"cancelled": -1}
    assert rungs(STEPS, live(cancelled_at=START + 2 * HOUR)) == [], "it took place; only its offer ended"


def test_without_an_offer_there_is_no_window() -> None:
    found = after_start(rungs(STEPS, live(window_until_at=START + 1.5 * HOUR)))
    assert list(found)[-3:] == ["live_now", "close", "result"]


hours = st.integers(-200, 200).map(lambda n: n * timedelta(minutes=30))
positive = st.integers(1, 400).map(lambda n: n * timedelta(minutes=30))


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    moments = draw(st.lists(st.sampled_from(["announce", "start", *OFFERS, "moved", "cancelled"]), max_size=9))
    return [
        Step.model_validate(
            {"name": f"s{n}", "moment": moment, "after": draw(hours), "expires_after": "1d", "promotional": True}
        )
        for n, moment in enumerate(moments)
    ]


@st.composite
def lives(draw: st.DrawFn) -> Live:
    created = START - draw(positive)
    announce = min(created + draw(hours.map(abs)), START - timedelta(minutes=1))
    ends = START + draw(positive)
    moved = draw(st.none() | st.just(created + (START - created) / 2))
    return live(
        created_at=created,
        announce_at=max(created, announce),
        ends_at=ends,
        window_until_at=ends + draw(hours.map(abs)),
        moved_at=moved,
        cancelled_at=draw(st.none() | st.just(created + (START - created) / 3)),
    )


@given(steps(), lives())
def test_rungs_are_in_order_and_none_is_out_of_its_time(given_steps: list[Step], session: Live) -> None:
    found = rungs(given_steps, session)
    assert found == sorted(found, key=lambda rung: rung.at)
    moment = {step.name: step.moment for step in given_steps}
    names = [rung.name for rung in found if rung.name in moment]
    offers = [OFFERS.index(moment[name] or "") for name in names if moment[name] in OFFERS]
    assert offers == sorted(offers), "end, half, close, in this order"
    for rung in found:
        match moment.get(rung.name):
            case None:
                assert rung.name in (CLOSE, RESULT)
            case "announce" | "moved":
                assert session.created_at <= rung.at < session.starts_at
            case "start":
                assert session.created_at <= rung.at < session.ends_at
            case "cancelled":
                assert session.cancelled_at is not None
                assert session.cancelled_at <= rung.at < session.ends_at
            case _:
                assert session.ends_at <= rung.at < session.window_until_at
    if session.cancelled_at is None:
        assert [rung.name for rung in found if rung.at >= session.window_until_at] == [CLOSE, RESULT]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"ends_at": START}, "end after its start"),
        ({"ends_at": START + 25 * HOUR}, "within 24 hours"),
        ({"announce_at": START}, "before its start"),
        ({"window": timedelta(days=31)}, "at most 30 days"),
        ({"url": "live.example"}, "url: .*not a web address"),
        ({"title": " "}, "title: must be one line"),
        ({"speaker": "a\nb"}, "one line"),
        ({"starts_at": START.replace(tzinfo=None)}, "starts_at: "),
    ],
)
def test_what_cannot_be_a_session_is_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(LiveRefused, match=says):
        new_live({**VALUES, **values})


@pytest.mark.parametrize(
    ("offered", "says"),
    [
        ({"percent": "20%", "price": "9 USD"}, "one of percent"),
        ({"percent": "0%"}, "is none"),
        ({"code": "NOW-OR"}, "needs a live price"),
        ({"first_n": 50}, "needs a live price"),
        ({"price": "9 dollars"}, "amount of money"),
        ({"percent": "20%", "code": "x"}, "code: "),
        ({"percent": "20%", "first_n": 0}, "first_n: "),
    ],
)
def test_what_cannot_be_an_offer_is_refused(offered: dict[str, Any], says: str) -> None:
    with pytest.raises(LiveRefused, match=says):
        new_live(VALUES, {"plan": "pack", **offered})


PLANS = {
    "pack": TermPlan.model_validate({"title": {"en": "Pack"}, "price": "29.90 USD"}),
    "gift": TermPlan.model_validate({"title": {"en": "Gift"}}),
    "try_it": TermPlan.model_validate({"title": {"en": "Trial"}, "trial": True, "length": "7d"}),
}


@pytest.mark.parametrize(
    ("offered", "says"),
    [
        ({"plan": "year"}, "it has pack, gift"),
        ({"plan": "try_it"}, "nothing the playbook sells"),
        ({"plan": "pack", "price": "19.90 EUR"}, "costs 29.90 USD; give the same currency"),
        ({"plan": "pack", "price": "29.90 USD"}, "give less"),
        ({"plan": "pack", "amount": "30 USD"}, "give less"),
        ({"plan": "gift", "price": "1 USD"}, "nothing yet"),
    ],
)
def test_an_offer_that_is_none_is_refused(offered: dict[str, Any], says: str) -> None:
    asked = new_live(VALUES, offered).offered
    assert asked is not None
    with pytest.raises(LiveRefused, match=says):
        check_offer(asked, PLANS)


def test_a_real_offer_passes() -> None:
    for discount in ({}, {"percent": "20%"}, {"amount": "10 USD"}, {"price": "19.90 USD", "first_n": 50}):
        asked = new_live(VALUES, {"plan": "pack", **discount}).offered
        assert asked is not None
        check_offer(asked, PLANS)
        assert asked.discounted is bool(discount)
