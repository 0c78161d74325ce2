"""The playbook as operators write it: typed values, and the rules between its parts."""

from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from community.errors import UnknownStage
from community.playbook import Caps, Gate, GateQuestion, QuietHours, Resource
from community.playbook_stages import MessageClass, Schedule, Step
from community.playbook_types import format_duration, parse_duration
from community.yaml_source import YamlError, parse
from tests.shipped import shipped_bundle

PLAYBOOK = shipped_bundle().playbook


def step(**changes: Any) -> Step:
    return Step.model_validate(
        {"name": "day_1", "day": 1, "at": "10:00", "expires_after": "20h", "promotional": True} | changes
    )


def test_the_shipped_playbook_says_what_the_sop_asks_for() -> None:
    stage = PLAYBOOK.stage("welcome_drip")
    assert [step.name for step in stage.steps] == ["welcome", *(f"day_{day}" for day in range(1, 8))]
    welcome, first = stage.steps[:2]
    assert (welcome.immediately, welcome.exempt, welcome.promotional) == (True, True, False)
    assert (first.day, first.at, first.expires_after) == (1, time(10), timedelta(hours=20))
    assert (first.promotional, first.exempt) == (True, False)
    assert (PLAYBOOK.caps.per_day, PLAYBOOK.caps.per_week) == (2, 10)
    assert PLAYBOOK.quiet_hours == QuietHours(start=time(22), end=time(8, 30))
    assert PLAYBOOK.problem.choices == ("sourcing", "price", "logistics", "compliance")
    assert len(PLAYBOOK.resources) == 3
    assert PLAYBOOK.community.locales == ("zh-Hans", "zh-Hant", "en")


def test_no_coupon_is_over_before_the_message_that_brings_it() -> None:
    steps = [step for stage in PLAYBOOK.stages.values() for step in stage.steps if step.offer]
    assert steps
    assert [step.name for step in steps if step.expires_after > PLAYBOOK.offers[step.offer or ""].valid_for] == []


def test_lanes_follow_the_playbook() -> None:
    assert [message_class.lane() for message_class in MessageClass] == [5, 15, 25, 35, 45, 55]
    assert MessageClass.welcome.lane(0) == 30
    assert all(MessageClass.of_lane(each.lane(place)) is each for each in MessageClass for place in range(10))


def test_an_unknown_stage_or_step_names_the_known_ones() -> None:
    with pytest.raises(UnknownStage, match=r"welcom: .*known: .*welcome_drip"):
        PLAYBOOK.stage("welcom")
    with pytest.raises(UnknownStage, match=r"day_8: .*known: welcome, day_1"):
        PLAYBOOK.stage("welcome_drip").step("day_8")


def test_a_step_has_its_stages_class_unless_it_names_its_own() -> None:
    stage = PLAYBOOK.stage("welcome_drip")
    assert step().message_class(stage) is MessageClass.welcome
    assert step(**{"class": "campaign"}).message_class(stage) is MessageClass.campaign


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"at": None}, "either at"),
        ({"immediately": True}, "either at"),
        ({"at": None, "immediately": True}, "day 0"),
        ({"exempt": True}, "cannot be exempt"),
        ({"name": "Day 1"}, "not a key"),
        ({"at": "24:00"}, "HH:MM"),
        ({"expires_after": "20 hours"}, "not a duration"),
        ({"repeat": 2}, "Extra inputs"),
    ],
)
def test_a_step_that_contradicts_itself_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        step(**changes)


@given(st.integers(1, 999_999), st.sampled_from("smhd"))
def test_durations_keep_their_length_through_text(number: int, unit: str) -> None:
    duration = parse_duration(f"{number}{unit}")
    assert duration == timedelta(seconds=number * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit])
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("text", ["", "10", "m", "0m", "-1h", "1.5h", "10 m", "1w", "9999999d", None, True])
def test_a_wrong_duration_says_how_to_write_one(text: object) -> None:
    with pytest.raises(ValueError, match=r"90s, 10m, 24h, 7d"):
        parse_duration(text)


@pytest.mark.parametrize("cron", ["0 * * * *", "*/5 8-20 * * MON-FRI", "30 8 1 1,7 *"])
def test_crons_with_five_fields_are_accepted(cron: str) -> None:
    assert Schedule(cron=cron, zone="UTC").cron == cron


@pytest.mark.parametrize("cron", ["", "hourly", "* * * *", "* * * * * *", "61 * * * *", "0 0 31 2 *"])
def test_a_wrong_cron_is_refused(cron: str) -> None:
    with pytest.raises(ValidationError, match=r"cron|never fires"):
        Schedule(cron=cron, zone="UTC")


@pytest.mark.parametrize("zone", ["", "Shanghai", "localtime", "Asia/Nowhere", "../etc/passwd"])
def test_a_wrong_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError, match="IANA name"):
        Schedule(cron="0 * * * *", zone=zone)


def test_quiet_hours_without_length_are_refused() -> None:
    with pytest.raises(ValidationError, match="leave quiet_hours empty"):
        QuietHours.model_validate({"from": "08:00", "to": "08:00"})


def test_caps_stay_below_what_drives_people_out() -> None:
    with pytest.raises(ValidationError):
        Caps(per_day=16)


@pytest.mark.parametrize("typed", ["7", " 7 ", "７", "七", "SEVEN", "Ｓｅｖｅｎ", "se ven"])
def test_answers_match_whatever_their_case_width_and_spaces(typed: str) -> None:
    assert GateQuestion.model_validate({"key": "q", "answers": [7, "七", "seven"]}).accepts(typed)


@pytest.mark.parametrize("typed", ["", " ", "8", "77", "seven!"])
def test_other_answers_are_wrong(typed: str) -> None:
    assert not GateQuestion(key="q", answers=("7", "seven")).accepts(typed)


def test_one_of_the_offered_choices_must_be_right() -> None:
    with pytest.raises(ValidationError, match="none of the choices"):
        GateQuestion(key="q", answers=("maybe",), choices=("yes", "no"))


def test_the_gate_ends_in_a_typed_answer() -> None:
    question = {"key": "q", "answers": ["no"], "choices": ["yes", "no"]}
    with pytest.raises(ValidationError, match="must be typed"):
        Gate.model_validate({"timeout": "10m", "questions": [question]})


@pytest.mark.parametrize("url", ["javascript:alert(1)", "example.com", "https://", "https://a b/", 'https://a/"x'])
def test_a_resources_url_is_a_web_address(url: str) -> None:
    with pytest.raises(ValidationError, match="web address"):
        Resource.model_validate({"key": "a", "title": {"en": "A"}, "url": url})


@pytest.mark.parametrize(
    ("code", "locale"),
    [
        ("zh-hans", "zh-Hans"),
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-hant", "zh-Hant"),
        ("zh-TW", "zh-Hant"),
        ("zh_HK", "zh-Hant"),
        ("en-GB", "en"),
        ("fr", "zh-Hans"),
        ("", "zh-Hans"),
        (None, "zh-Hans"),
    ],
)
def test_telegrams_language_code_finds_the_closest_locale(code: str | None, locale: str) -> None:
    assert PLAYBOOK.locale_for(code) == locale


def test_plain_yaml_values_stay_what_was_typed() -> None:
    text = "a: 22:00\nb: no\nc: 2026-11-22\nd: 010\ne: 7\nf: true\ng:\nh: 2.5\n"
    assert parse(text).value == {
        "a": "22:00", "b": "no", "c": "2026-11-22", "d": "010", "e": 7, "f": True, "g": None, "h": 2.5,
    }  # fmt: skip


def test_every_yaml_value_knows_its_line() -> None:
    document = parse("a:\n  - x: 1\n  - x: 2\n    y: 3\nb: 4\n")
    assert document.line(("a", 1, "y")) == 4
    assert document.line(("a", 1, "missing")) == 3
    assert document.line(("b",)) == 5


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: &x 1\nb: *x", 2), ("a: &x [*x]", 1), ("a: 1\nb: [", 2), ("a: 1\n b: 2\n", 2), ("a: !!python/object:x {}", 1)],
)
def test_broken_yaml_names_its_line(text: str, line: int) -> None:
    with pytest.raises(YamlError) as caught:
        parse(text)
    assert caught.value.line in (line, line + 1)
