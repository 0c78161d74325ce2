"""An operator's words for what the outbox and the guardrails call by short names."""

from community.outreach.proposal import TIMEOUT, Proposal

REASONS = {
    "halted": "stopped: sending is halted, the stage is paused in Prefect or switched off in the playbook",
    "opted_out": "asked for no more messages",
    "unreachable": "never opened the private chat with the bot, so Telegram would refuse",
    "blocked": "has blocked the bot",
    "gone": "the Telegram account was deleted",
    "goal_reached": "already did what the stage is for",
    "collapsed": "late together with a newer message of the same stage, which is sent instead",
    "sold_out": "the offer is sold out",
    "outranked": "another message that goes first takes the room the caps leave",
    "refused": "somebody decided not to send it",
    "stopped": "stopped by an operator",
    "holdout": "in the comparison group that gets no outreach",
    "stale": "too late to be of use: past the step's expiry",
    "frequency_cap": "already got as many promotional messages as the playbook allows",
    "quiet_hours": "quiet hours: the member's morning would come after the message expires",
    "deferred": "waits for the member's morning (quiet hours)",
    "lease_lost": "the sending process died in the middle; it may have arrived",
    "timed_out": "Telegram did not answer; it may have arrived",
    "connection_lost": "the connection to Telegram broke; it may have arrived",
    "chat_not_found": "Telegram knows no such chat",
    "not_opened": "never opened the private chat with the bot",
    "deactivated": "the Telegram account was deleted",
    "bot_was_kicked": "the bot was removed from the chat",
    "bot_not_in_chat": "the bot is not in the chat",
    "no_rights": "the bot lacks the admin right for it",
    "too_many_requests": "Telegram asked for a pause; tried again by itself",
    "not_connected": "Telegram could not be reached; tried again by itself",
    "left": "left the community",
    "restored": "came due between a backup and its restore; it may have been sent",
    "erased": "the member was erased",
}
ABSENCES = {
    "not_entered": "not in the stage: was never admitted to a group",
    "entered_later": "not in the stage then: admitted only later",
    "left": "not in the stage any more: is in no group now",
    "over": "the stage is over for this member, who was admitted long ago",
    "unknown": "the stage does not ask for this member",
}
"""Why an audience does not name a member; the moment, if there is one, is printed behind."""
STATES = {
    "waiting": "waiting",
    "sending": "on its way",
    "sent": "sent",
    "failed": "failed",
    "uncertain": "uncertain: may have arrived; promotional messages are not sent twice",
    "expired": "expired before it could be sent",
    "cancelled": "cancelled before it was sent",
}


def decision_words(proposal: Proposal) -> str:
    """What was decided on a proposal, by whom and how: "approved by member 12"."""
    if proposal.state == "proposed":
        return "waits for approval"
    if proposal.decided_how == TIMEOUT:
        return "cancelled, no answer in time"
    if proposal.decision == "cancel":
        return f"cancelled by {proposal.by}"
    if proposal.state == "refused":
        return f"approved by {proposal.by}, but it cannot be sent any more"
    return f"approved by {proposal.by}"


def noted(proposal: Proposal) -> str:
    """The same, with the note."""
    return f"{decision_words(proposal)}: {proposal.note}" if proposal.note else decision_words(proposal)


def reason_words(reason: str) -> str:
    """The reason in words; an unknown one as it is, readable."""
    return REASONS.get(reason) or reason.replace("_", " ")


def absence_words(absence: str) -> str:
    """Why an audience does not name a member, in words."""
    return ABSENCES.get(absence) or f"not in the stage: {absence.replace('_', ' ')}"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 member", "1,200 members"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
