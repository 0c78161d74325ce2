"""Errors of python-telegram-bot to outcomes: every line of the table, subclasses before their bases."""

from datetime import timedelta

import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from community.channels.channel import Outcome, Result
from community.channels.telegram import outcome_of
from community.channels.transport import NotConnected

SENT, REFUSED, LATER, UNKNOWN = Result.sent, Result.refused, Result.later, Result.unknown


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Forbidden("Forbidden: bot was blocked by the user"), Outcome(REFUSED, "blocked", dm="blocked")),
        (Forbidden("Forbidden: user is deactivated"), Outcome(REFUSED, "deactivated", dm="gone")),
        (
            Forbidden("Forbidden: bot can't initiate conversation with a user"),
            Outcome(REFUSED, "not_opened", dm="none"),
        ),
        (Forbidden("Forbidden: bot was kicked from the supergroup chat"), Outcome(REFUSED, "bot_was_kicked")),
        (Forbidden("Forbidden: bot is not a member of the channel chat"), Outcome(REFUSED, "bot_not_in_chat")),
        (Forbidden("Forbidden: something new"), Outcome(REFUSED, "forbidden: Forbidden: something new")),
        (BadRequest("Chat not found"), Outcome(REFUSED, "chat_not_found", dm="none")),
        (BadRequest("PEER_ID_INVALID"), Outcome(REFUSED, "chat_not_found", dm="none")),
        (BadRequest("Can't parse entities: unclosed tag"), Outcome(REFUSED, "bad_markup")),
        (BadRequest("Message is too long"), Outcome(REFUSED, "too_long")),
        (BadRequest("Not enough rights to send text messages to the chat"), Outcome(REFUSED, "no_rights")),
        (BadRequest("Something new"), Outcome(REFUSED, "bad_request: Something new")),
        (BadRequest("Message to delete not found"), Outcome(SENT, "already_done")),
        (BadRequest("USER_ALREADY_PARTICIPANT"), Outcome(SENT, "already_done")),
        (BadRequest("HIDE_REQUESTER_MISSING"), Outcome(SENT, "already_done")),
        (ChatMigrated(-1005), Outcome(Result.moved, "migrated", new_chat_id=-1005)),
        (InvalidToken("Unauthorized"), Outcome(LATER, "token_refused", retry_after_s=60.0)),
        (NotConnected("no connection"), Outcome(LATER, "not_connected", retry_after_s=5.0)),
        (TimedOut("no answer"), Outcome(UNKNOWN, "timed_out")),
        (NetworkError("Bad Gateway"), Outcome(UNKNOWN, "connection_lost")),
        (Conflict("terminated by other getUpdates request"), Outcome(UNKNOWN, "connection_lost")),
        (TelegramError("Invalid server response"), Outcome(UNKNOWN, "connection_lost")),
    ],
    ids=str,
)
def test_outcome_of(error: TelegramError, expected: Outcome) -> None:
    assert outcome_of(error) == expected


def test_retry_after_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    outcome = outcome_of(RetryAfter(timedelta(seconds=7)))
    assert outcome == Outcome(LATER, "too_many_requests", retry_after_s=7.0, flooded=True)


def test_without_a_request_nobody_was_let_in() -> None:
    gone = BadRequest("HIDE_REQUESTER_MISSING")
    assert outcome_of(gone, "approveChatJoinRequest") == Outcome(REFUSED, "request_gone")
    assert outcome_of(gone, "declineChatJoinRequest") == Outcome(SENT, "already_done")
    inside = BadRequest("USER_ALREADY_PARTICIPANT")
    assert outcome_of(inside, "approveChatJoinRequest") == Outcome(SENT, "already_done")
