"""When Telegram counts as not answering, and how it is asked then."""

import pytest

from community.channels.channel import Outcome, Result
from community.outbox.outage import LONGEST_REST_S, Outage

LOST, UNREACHED = Outcome(Result.unknown, "timed_out"), Outcome(Result.later, "not_connected")
ANSWERS = [Outcome(Result.sent), Outcome(Result.refused, "blocked"), Outcome(Result.later, "too_many_requests")]


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.mark.parametrize("unanswered", [LOST, UNREACHED])
@pytest.mark.parametrize("answer", ANSWERS)
def test_from_the_third_chat_without_an_answer_to_the_next_answer(unanswered: Outcome, answer: Outcome) -> None:
    outage = Outage(Hand())
    for chat in (1, 2, 2, 1):
        outage.observe(chat, unanswered)
    assert not outage.lasts, "two chats may have troubles of their own"
    outage.observe(3, unanswered)
    assert outage.lasts
    outage.observe(3, answer)
    assert not outage.lasts
    assert outage.wait_s == 0


def test_each_vain_question_is_followed_by_a_longer_rest() -> None:
    clock = Hand()
    outage = Outage(clock)
    for chat in range(32):
        outage.observe(chat, LOST)
    rests = []
    for _ in range(6):
        rests.append(outage.wait_s)
        clock.at += outage.wait_s
        assert outage.lasts
        assert outage.wait_s == 0
        outage.observe(1, LOST)
    assert rests == [1, 2, 4, 8, LONGEST_REST_S, LONGEST_REST_S], "those in flight at the start count as one"
