"""The synthetic community without any server: the same seed, the same people, in the promised proportions."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given, strategies as st

from community.simulation import names
from community.simulation.behaviour import Doors, Life, Phase, Quiz, Seen, arrive, converse, live, seen
from community.simulation.crowd import Done
from community.simulation.people import (
    FIRST_ID,
    SLOTS_A_DAY,
    TEMPERS,
    Gate,
    Person,
    Route,
    Turn,
    populate,
)
from community.simulation.verdict import Facts, Rules, judge

TOKENS = ["video", "notes"]
ASIA, AMERICAS = -1001, -1002
DOORS = Doors(
    groups=(ASIA, AMERICAS),
    invites={(place, token): f"https://t.me/+{place}{token}" for place in (0, 1) for token in TOKENS},
    doors=("https://t.me/+asia", "https://t.me/+americas"),
    entries={token: f"http://gateway/l/{token}" for token in TOKENS},
    gateway="http://gateway",
)
QUIZ = Quiz((("no", "不可以"), ("7", "seven")), attempts=3)
QUESTION = Seen(FIRST_ID, 1, callbacks=("gate:yes:5", "gate:no:5"))


def people(count: int = 300, seed: int = 7) -> list[Person]:
    return populate(count, 28, seed, TOKENS, [0, 2])


def person(**changes: Any) -> Person:
    """A keen member who came by an invite link, save for `changes`."""
    usual = {"kind": "keen", "route": Route.invite, "token": "video", "home": 0, "gate": Gate.right, "arrives": 4}
    usual |= {"persistent": True, "start_after": None, "turn_after": None, "back_after": None, "language_code": "en"}
    return replace(people(1)[0], **(usual | changes))


def test_same_seed_same_people() -> None:
    assert people() == people()
    assert people() != people(seed=8)


def test_a_larger_community_begins_with_the_same_people() -> None:
    assert people(300)[:50] == people(50)


@pytest.mark.parametrize(("route", "share"), [(Route.invite, 0.5), (Route.public, 0.23), (Route.entry, 0.17)])
def test_routes_keep_their_share(route: Route, share: float) -> None:
    crowd = people(3000)
    assert sum(p.route is route for p in crowd) / len(crowd) == pytest.approx(share, abs=0.04)


def test_tempers_keep_their_share() -> None:
    kinds = Counter(p.kind for p in people(3000))
    for kind, (share, _) in TEMPERS.items():
        assert kinds[kind] / 30 == pytest.approx(share, abs=4)


def test_every_hostile_name_is_worn_by_somebody() -> None:
    assert set(names.HOSTILE) <= {p.first_name for p in people(300)}


def test_telegram_accepts_the_names() -> None:
    for user in (p.as_user() for p in people(3000)):
        assert 1 <= len(user["first_name"]) <= 64
        assert user["first_name"].encode()


@given(st.integers(1, 60), st.integers(0, 2**32))
def test_everybody_arrives_in_the_first_three_quarters(days: int, seed: int) -> None:
    for p in populate(20, days, seed, TOKENS, [0, 2]):
        assert 0 <= p.arrives < max(1, days * 3 // 4) * SLOTS_A_DAY
        assert p.arrives % SLOTS_A_DAY == [0, 2][p.home]


def test_without_campaigns_everybody_comes_by_the_door_or_in_public() -> None:
    assert {p.route for p in populate(50, 28, 7, [], [0])} == {Route.door, Route.public}


def test_newcomers_come_in_their_slot_and_once() -> None:
    newcomer = person()
    assert arrive(newcomer, Life(), 3, DOORS) == (Life(), [])
    life, [knock] = arrive(newcomer, Life(), 4, DOORS)
    assert knock == {"do": "request_join", "user": newcomer.id, "link": "https://t.me/+0video"}
    assert arrive(newcomer, life, 4, DOORS)[1] == []


def gestures_at_the_gate(who: Person, rounds: int = 6, seed: int = 1) -> tuple[Life, list[dict[str, Any]]]:
    """Somebody at the door, shown a question in every round."""
    life, _ = arrive(who, Life(), who.arrives, DOORS)
    gestures: list[dict[str, Any]] = []
    for number in range(rounds):
        life, answers, _ = converse(who, life, [QUESTION], who.arrives, QUIZ, random.Random(f"{seed}:{number}"))
        gestures += answers
    return life, gestures


@pytest.mark.parametrize("seed", range(8))
def test_right_answers_let_in(seed: int) -> None:
    life, [first, second] = gestures_at_the_gate(person(), seed=seed)
    assert (first.get("text") in QUIZ.answers[0]) or first["data"] == "gate:no:5"
    assert second["text"] in QUIZ.answers[1]
    assert life.phase is Phase.inside


def test_one_slip_costs_one_answer_more() -> None:
    life, answers = gestures_at_the_gate(person(gate=Gate.slips))
    assert len(answers) == 3
    assert life.phase is Phase.inside


def test_wrong_answers_end_at_the_last_attempt_and_some_come_again() -> None:
    life, answers = gestures_at_the_gate(person(gate=Gate.fails))
    assert len(answers) == QUIZ.attempts
    assert life.phase is Phase.out
    assert life.knock_again is not None
    again, [knock] = arrive(person(gate=Gate.fails), life, life.knock_again, DOORS)
    assert knock["do"] == "request_join"
    assert again.phase is Phase.knocking
    assert gestures_at_the_gate(person(gate=Gate.fails, persistent=False))[0].knock_again is None


def test_the_silent_say_nothing() -> None:
    assert gestures_at_the_gate(person(gate=Gate.silent))[1] == []


def test_an_entry_link_leads_by_the_bot_to_the_group() -> None:
    who = person(route=Route.entry)
    life, [click] = arrive(who, Life(), 4, DOORS)
    assert click["url"] == DOORS.entries["video"]
    shown = Seen(who.id, 1, links=("https://t.me/+asia",))
    life, [knock], read = converse(who, life, [shown], 4, QUIZ, random.Random(1))
    assert (knock["link"], read, life.phase) == ("https://t.me/+asia", True, Phase.knocking)


def test_whom_the_bot_may_not_write_to_presses_start_under_the_greeting() -> None:
    who = person(route=Route.public, start_after=0)
    life, [join] = arrive(who, Life(), 4, DOORS)
    assert join["chat"] == ASIA
    greeting = Seen(ASIA, 9, deep_links=("Get the welcome pack",))
    life, [press], _ = converse(who, life, [greeting], 4, QUIZ, random.Random(1))
    assert (press["message"], press["chat"], life.opened) == (9, ASIA, True)
    assert converse(who, life, [greeting], 4, QUIZ, random.Random(1))[1] == []


@pytest.mark.parametrize(
    ("kind", "does", "phase"),
    [
        ("sceptic", "say", Phase.inside),
        ("blocker", "block", Phase.inside),
        ("leaver", "leave", Phase.out),
        ("deleter", "delete_account", Phase.out),
    ],
)
def test_enough_is_enough_once(kind: str, does: str, phase: Phase) -> None:
    who, rng = person(kind=kind, turn_after=8), random.Random(1)
    inside = Life(Phase.inside, since=4, opened=True)
    before, gestures = live(who, inside, [], 11, DOORS, random.Random(3), [])
    assert does == "say" or does not in {g["do"] for g in gestures}
    life, gestures = live(who, before, [], 12, DOORS, rng, [])
    assert gestures[0]["do"] == does
    assert (life.turned, life.phase) == (True, phase)
    later = [g["do"] for slot in range(13, 60) for g in live(who, life, [], slot, DOORS, rng, [])[1]]
    assert "block" not in later
    assert later == [] or kind == "sceptic"


def test_some_change_their_mind() -> None:
    who = person(kind="blocker", turn_after=1, back_after=3)
    blocked = Life(Phase.inside, since=4, opened=True, turned=True)
    life, [back] = live(who, blocked, [], 7, DOORS, random.Random(4), [])
    assert (back["do"], life.returned) == ("start", True)


def test_the_vanishing_fall_silent() -> None:
    who, life = person(kind="vanishing"), Life(Phase.inside, since=4, opened=True)
    drip = Seen(who.id, 3, callbacks=("answer:yes:1",))
    late = range(4 + 3 * SLOTS_A_DAY + 1, 4 + 9 * SLOTS_A_DAY)
    assert all(live(who, life, [drip], slot, DOORS, random.Random(slot), [1])[1] == [] for slot in late)


def test_members_answer_what_they_see() -> None:
    who, life = person(), Life(Phase.inside, since=4, opened=True)
    welcome = Seen(who.id, 3, callbacks=("problem:price:7", "problem:sourcing:7"), links=("http://gateway/l/a.b.c",))
    drip = Seen(who.id, 4, callbacks=("answer:yes:8",))
    told = clicked = pressed = 0
    for seed in range(200):
        after, gestures = live(who, life, [welcome, drip], 5, DOORS, random.Random(seed), [])
        told += after.told
        clicked += any(g["do"] == "click" for g in gestures)
        pressed += any(g.get("data") == "answer:yes:8" for g in gestures)
    temper = TEMPERS["keen"][1]
    assert told / 200 == pytest.approx(temper.tell, abs=0.1)
    assert clicked / 200 == pytest.approx(temper.click, abs=0.1)
    assert pressed / 200 == pytest.approx(temper.press, abs=0.1)


def test_a_message_is_reduced_to_what_its_reader_acts_on() -> None:
    message = {
        "chat_id": 5,
        "message_id": 6,
        "entities": [{"type": "text_link", "url": "http://gateway/l/x.1.2"}, {"type": "bold"}],
        "buttons": [
            {"text": "Yes", "callback_data": "answer:yes:9"},
            {"text": "Figures", "url": "http://gateway/l/y.1.2"},
            {"text": "Start", "url": "https://t.me/demo_bot?start=welcome"},
        ],
    }
    assert seen(message) == Seen(
        5, 6, ("answer:yes:9",), ("http://gateway/l/y.1.2", "http://gateway/l/x.1.2"), ("Start",)
    )


# The verdict: each claim is refused as soon as something speaks against it.

NOON = datetime(2026, 3, 4, 4, tzinfo=UTC).timestamp()
"""Noon in Shanghai."""


def facts(**changes: Any) -> Facts:
    """One member who passed the gate, was welcomed and got the post of the first day."""
    member = person()
    sent = {"state": "sent", "reason": None, "method": "sendMessage", "stage": "welcome_drip"}
    sent |= {"chat_id": member.id, "telegram_id": member.id}
    usual: dict[str, Any] = {
        "rules": Rules((time(22), time(8, 30)), 2, 5, ("Asia/Shanghai", "America/New_York"), "welcome_drip", "welcome"),
        "people": [member],
        "done": [Done(NOON - 90_000, member.id, "request_join", {"do": "request_join"})],
        "quiz": QUIZ,
        "deliveries": [
            {"chat_id": member.id, "message_id": 1, "date": NOON - 86_400, "text": "Welcome"},
            {"chat_id": member.id, "message_id": 2, "date": NOON, "text": "Day 1"},
        ],
        "calls": 2,
        "present": frozenset({(member.id, ASIA)}),
        "left_standing": 0,
        "messages": [
            sent | {"id": 1, "step": "welcome", "promotional": False, "telegram_message_id": 1},
            sent | {"id": 2, "step": "day_1", "promotional": True, "telegram_message_id": 2},
        ],
        "members": [{"telegram_id": member.id, "link_token": "video"}],
        "memberships": frozenset({(member.id, ASIA)}),
        "requests": [{"telegram_id": member.id, "state": "passed"}],
        "undecided": [],
        "failed_updates": [],
        "events": {},
        "runs": ["Completed"],
    }
    return Facts(**(usual | changes))


def refused(**changes: Any) -> set[str]:
    return {check.claim for check in judge(facts(**changes)) if not check.passed}


def copy_of(rows: Any, place: int, **changes: Any) -> list[dict[str, Any]]:
    return [dict(row) | (changes if number == place else {}) for number, row in enumerate(rows)]


def test_a_well_treated_member_satisfies_every_claim() -> None:
    assert refused() == set()


def test_a_second_copy_is_noticed() -> None:
    again = [*facts().deliveries, {"chat_id": FIRST_ID, "message_id": 3, "date": NOON, "text": "Day 1"}]
    row = dict(facts().messages[1]) | {"id": 3, "telegram_message_id": 3}
    assert refused(deliveries=again, messages=[*facts().messages, row], calls=3) == {"nobody got anything twice"}


def test_a_message_that_never_arrived_is_noticed() -> None:
    assert refused(deliveries=facts().deliveries[:1], calls=1) == {
        "what the outbox says was sent arrived, and nothing else did"
    }


@pytest.mark.parametrize("hour", [22, 23, 3, 8])
def test_quiet_hours_are_judged_in_local_time(hour: int) -> None:
    date = datetime(2026, 3, 4, hour, 15, tzinfo=UTC).timestamp() - 8 * 3600
    assert "nothing promotional in anybody's quiet hours" in refused(
        deliveries=copy_of(facts().deliveries, 1, date=date)
    )


@pytest.mark.parametrize(("count", "apart", "allowed"), [(2, 3600, True), (3, 3600, False), (6, 90_000, False)])
def test_caps_are_counted_over_sliding_windows(count: int, apart: int, allowed: bool) -> None:
    numbers = range(10, 10 + count)
    sent = [dict(facts().messages[1]) | {"id": n, "telegram_message_id": n, "step": f"day_{n}"} for n in numbers]
    got = [{"chat_id": FIRST_ID, "message_id": n, "date": NOON + (n - 10) * apart, "text": str(n)} for n in numbers]
    changed = {"messages": [facts().messages[0], *sent], "deliveries": [facts().deliveries[0], *got]}
    broken = "nobody above the caps, in any 24 hours or 7 days" in refused(**changed, calls=count + 1)
    assert broken is not allowed


@pytest.mark.parametrize(("again", "allowed"), [(None, False), (10, True), (3000, False)])
def test_stop_holds_until_resume(again: int | None, allowed: bool) -> None:
    done = [*facts().done, Done(NOON - 1000, FIRST_ID, "say", {"text": "stop"})]
    if again is not None:
        done.append(Done(NOON - 1000 + again, FIRST_ID, "say", {"text": "resume"}))
    claim = "nothing promotional to whoever stopped, blocked, left or is gone"
    assert (claim in refused(done=done)) is not allowed


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        ({"runs": ["Completed", "Failed"]}, "every run of every stage completed"),
        ({"undecided": [{"telegram_id": 1, "step": "day_2"}]}, "everything not sent has a named reason"),
        ({"requests": []}, "the gate let in who answered right, and nobody else"),
        ({"memberships": frozenset()}, "who is in which group agrees with Telegram"),
        ({"members": [{"telegram_id": FIRST_ID, "link_token": None}]}, "everybody carries the campaign they came by"),
        ({"events": {"click": 1}}, "every click and every pressed button was recorded"),
        ({"left_standing": 1}, "group welcomes disappeared again"),
        ({"calls": 3}, "nobody got anything twice"),
        (
            {"in_vain": [{"telegram_id": 1, "id": 1, "step": "month_1"}]},
            "nobody was reminded of an end that did not matter any more",
        ),
        ({"to_buyers": [{"telegram_id": 1, "id": 1, "step": "open"}]}, "who had bought was offered it no more"),
        (
            {"coupons": [{"code": "LIVE1", "how": "11 times"}]},
            "no coupon was used outside its time, or more often than there are",
        ),
    ],
)
def test_each_claim_can_fail(changes: dict[str, Any], claim: str) -> None:
    assert refused(**changes) == {claim}


def test_a_message_without_a_reason_is_noticed() -> None:
    late = dict(facts().messages[1]) | {"id": 9, "telegram_message_id": None, "state": "expired"}
    assert refused(messages=[*facts().messages, late]) == {"everything not sent has a named reason"}


def test_turning_away_is_a_habit_of_few() -> None:
    assert {temper.turn for _, temper in TEMPERS.values()} == {None, *Turn}
