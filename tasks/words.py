"""An operator's words for what the outbox and the guardrails call by short names."""

from datetime import timedelta

from community.outreach.proposal import RUN, TIMEOUT, Proposal

REASONS = {
    "halted": "stopped: sending is halted, the stage is paused in Prefect or switched off in the playbook",
    "opted_out": "asked for no more messages",
    "unreachable": "never opened the private chat with the bot, so Telegram would refuse",
    "blocked": "has blocked the bot",
    "gone": "the Telegram account was deleted",
    "goal_reached": "already did what the stage is for",
    "collapsed": "late together with a newer message of the same stage, which is sent instead",
    "sold_out": "the offer is sold out",
    "session_moved": "the live session was moved",
    "session_cancelled": "the live session was cancelled",
    "window_closed": "the offer's window is closed",
    "outranked": "another message that goes first takes the room the caps leave",
    "refunded": "what it was about was refunded before it could be sent",
    "refused": "somebody decided not to send it",
    "stopped": "stopped by an operator",
    "holdout": "in the comparison group that gets no outreach",
    "stale": "too late to be of use: past the step's expiry",
    "frequency_cap": "already got as many promotional messages as the playbook allows",
    "superseded": "a newer version of the playbook has no such step, or has it only since its time was past",
    "quiet_hours": "quiet hours: the member's morning would come after the message expires",
    "confirmed_by_member": "a click or button of the member confirmed it",
    "settled_by_operator": "settled by an operator",
    "retried_by_operator": "sent again by an operator",
    "deferred": "waits for the member's morning (quiet hours)",
    "ahead": "planned ahead; waits for its time",
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
    "pays": "pays, and nothing is due for that now; paying without a break since",
    "on_trial": "on a trial: neither asked as who pays nor offered as who never did; since",
    "lapsed": "does not pay any more: its steps are for who pays, its offer for who never did; since",
    "not_engaged": "was not active within the last two weeks, so no offer is made; last sign",
    "free": "never paid; the next offer is not due yet; in a group since",
    "still_active": "not silent long enough, or asked already in this silence; last sign of life",
    "other_segment": "the step is for other segments of payers than the member's",
    "other_step": "by what the member holds and when they last spoke, another step is for them; last sign of life",
    "silent_long": "silent for so long that the stage is over for this silence; last sign of life",
    "no_term": "not in the stage: never held a term",
    "revoked": "not in the stage: the term was revoked",
    "lifetime": "not in the stage: holds a term for life; since",
    "cancelled": "not reminded: the member does not want to go on; cancelled",
    "renews": "not reminded: a subscription runs that renews it by itself; without a further payment it ends",
    "no_rungs": "no step is for the plan of the member's term; it ends",
    "ended": "the stage is over for this term; it ended",
    "term_followed": "renewed: only the term that ends last counts; it ends",
    "ends_later": "not due: the term runs on, and a step must come after the day it began; it ends",
    "no_live": "no live session is announced, or its window is closed",
    "not_registered": "in the stage, but not registered for the live session: only the announcement is for everyone",
    "not_watched": "registered for the live session and not seen there: what is for viewers is for others",
    "not_due": "in the stage: nothing for this member is due now",
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

REFUSALS: dict[str, str] = {
    "unknown": "there is no such coupon",
    "withdrawn": "it was withdrawn",
    "someone_elses": "it is another member's own",
    "used": "this member has used it already",
    "not_yet": "its time has not come",
    "over": "its time is over",
    "sold_out": "there is none left",
    "other_plan": "it is not for this plan, or not for prices in its currency",
    "below_minimum": "the plan's price is less than it asks for",
    "had_already": "it opens what a member may have once, and this one has had it",
}
"""Why a coupon is not taken, by `community.engagement.redemptions.Refusal`."""


TASKS = {
    "problem": "named a problem",
    "nps": "gave a low score",
    "talk": "would like to talk",
    "mid_year_review": "review",
    "consulting_lead": "consulting lead",
    "payment_problem": "payment that fits nothing",
    "payment_dispute": "disputed payment",
    "refund_failed": "refund that did not arrive",
    "subscription": "subscription to stop by hand",
    "invoice": "invoice",
    "suggestion": "suggestion",
    "complaint": "complaint",
    "silent_leaving": "left without a word",
    "thanks": "thanks to an active member",
    "refund": "wish for a refund",
    "refund_by_hand": "refund to pay by hand",
}
"""What staff are to do for a member, by kind."""


def task_words(kind: str) -> str:
    """A kind of task in words; an unknown one as it is, readable."""
    return TASKS.get(kind) or kind.replace("_", " ")


PUT_OFF = {
    "quiet_hours": "for the member's morning (quiet hours)",
    "frequency_cap": "for room under the caps",
    "outranked": "for room under the caps, which a message that goes first takes",
}
"""What a message waits for that the rules put off, or waited for before it was sent."""
PAYMENTS = {
    "received": "known by a refund or dispute only",
    "matched": "paid, has access",
    "unmatched": "paid, fits nothing",
    "unclaimed": "paid, nobody is known whose it is",
    "reversed": "taken back",
}
REMOVALS = {
    "proposed": "to be removed",
    "approved": "approved, to be removed",
    "waiting": "on its way",
    "removed": "removed",
    "kept": "stays",
    "failed": "could not be removed",
}
FINDINGS = {
    "outside": "outside with access",
    "unpaid": "inside with access over",
    "unknown": "inside without ever access",
    "ledger": "with other access than booked",
    "uneven": "uneven in the books",
    "revoked": "paid and revoked by staff",
    "astray": "of a group without the bot",
}
"""What does not fit, behind its number."""
SPARED = {
    "administrator": "administers the group",
    "staff": "is one of staff",
    "outside": "is outside already",
    "holds": "holds something that opens it",
    "not_opened": "no plan opens the group now",
    "decided": "somebody decided so",
    "changed": "what they hold changed meanwhile",
}
"""Why somebody is not removed."""
UNITS = ("d", "h", "min", "s")


def state_words(state: str, reason: str | None) -> str:
    """What became of a message, and why."""
    if reason in PUT_OFF and state in ("waiting", "sent"):
        return f"{STATES[state]} {'after it waited ' if state == 'sent' else ''}{PUT_OFF[reason]}"
    if reason is None or state == "sent":
        return STATES[state]
    return f"{STATES[state]}: {reason_words(reason)}"


def decision_words(proposal: Proposal) -> str:
    """What was decided on a proposal, by whom and how: "approved by member 12"."""
    if proposal.state == "proposed":
        return "waits for approval"
    if proposal.decided_how == TIMEOUT:
        return "cancelled, no answer in time"
    if proposal.decided_how == RUN:
        return "cancelled in Prefect"
    if proposal.decision == "cancel":
        return f"cancelled by {proposal.by}"
    if proposal.state == "refused":
        return f"approved by {proposal.by}, but it cannot be sent any more"
    return f"approved by {proposal.by}"


def payment_words(state: str, why: str | None, disputed: str) -> str:
    """How a payment stands."""
    more = [
        part for part in (why and why.replace("_", " "), f"dispute {disputed}" if disputed != "none" else "") if part
    ]
    return PAYMENTS[state] + (f": {', '.join(more)}" if more else "")


def finding_words(number: int, kind: str) -> str:
    """So many that do not fit: "3 outside with access"."""
    return f"{number:,} {FINDINGS[kind]}"


def removal_words(state: str, why: str) -> str:
    """How a removal stands, and why."""
    return REMOVALS[state] + (f": {SPARED.get(why, why)}" if why else "")


def noted(proposal: Proposal) -> str:
    """The same, with the note."""
    return f"{decision_words(proposal)}: {proposal.note}" if proposal.note else decision_words(proposal)


def reason_words(reason: str) -> str:
    """The reason in words; an unknown one as it is, readable."""
    return REASONS.get(reason) or reason.replace("_", " ")


def absence_words(absence: str) -> str:
    """Why an audience does not name a member, in words."""
    return ABSENCES.get(absence) or f"not in the stage: {absence.replace('_', ' ')}"


def age(span: timedelta) -> str:
    """A span in its largest unit, and the next: "3 d 4 h", "12 min 5 s", "0 s"; "-" for one not over yet."""
    if span < timedelta():
        return "-"
    numbers = [span.days, span.seconds // 3600, span.seconds // 60 % 60, span.seconds % 60]
    first = next((place for place, number in enumerate(numbers) if number), 3)
    return " ".join(f"{number} {unit}" for number, unit in [*zip(numbers, UNITS, strict=True)][first : first + 2])


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 member", "1,200 members"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
