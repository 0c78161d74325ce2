"""Was everybody treated well? What the database says against what the sandbox saw and what people remember. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from community.simulation import names
from community.simulation.behaviour import Quiz
from community.simulation.crowd import Done
from community.simulation.people import Gate, Person, Route
from community.simulation.trade import CLAIMS as OF_TRADE, Trade

Row = Mapping[str, Any]
Problems = Iterator[str]
WRITTEN = ("sendMessage", "sendPhoto", "sendInvoice")  # methods by which a message arrives
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the playbook promises. `quiet`: hours in which nothing promotional arrives; caps in any 24 h, 7 days."""

    quiet: tuple[time, time] | None
    per_day: int
    per_week: int
    zones: tuple[str, ...]
    """Zone of each group."""
    stage: str
    welcome: str | None
    """The step that newcomers get at once."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known at the end, from three sides."""

    rules: Rules
    people: Sequence[Person]
    done: Sequence[Done]
    """What people did."""
    quiz: Quiz
    deliveries: Sequence[Row]
    """What reached anybody, as the sandbox saw it: chat_id, message_id, date (seconds), text."""
    calls: int
    """Messages the sandbox took, by its journal."""
    present: frozenset[tuple[int, int]]
    """(person, chat) now, by the sandbox."""
    left_standing: int
    """Messages of the bot in groups that were not deleted."""
    messages: Sequence[Row]
    """The outbox."""
    members: Sequence[Row]
    memberships: frozenset[tuple[int, int]]
    requests: Sequence[Row]
    undecided: Sequence[Row]
    failed_updates: Sequence[Row]
    events: Mapping[str, int]
    runs: Sequence[str]
    """Final state of each run of the stages."""
    in_vain: Sequence[Row] = ()
    """Reminders of an end that did not matter any more when they left."""
    to_buyers: Sequence[Row] = ()
    """Offers that left after their reader had bought."""
    coupons: Sequence[Row] = ()
    """Coupons used outside their time, or too often."""
    trade: Trade = field(default_factory=Trade)

    def arrivals(self) -> Iterator[tuple[Row, Row]]:
        """Each delivery that the outbox knows, with its row."""
        known = {
            (row["chat_id"], row["telegram_message_id"]): row for row in self.messages if row["telegram_message_id"]
        }
        for delivery in self.deliveries:
            if row := known.get((delivery["chat_id"], delivery["message_id"])):
                yield delivery, row

    def promotions(self) -> dict[int, list[float]]:
        """When (seconds) each person received something promotional, by the sandbox's clock."""
        dates: dict[int, list[float]] = defaultdict(list)
        for delivery, row in self.arrivals():
            if row["promotional"]:
                dates[delivery["chat_id"]].append(delivery["date"])
        return dates


@dataclass(frozen=True, slots=True)
class Check:
    """A claim, and everything found that speaks against it."""

    claim: str
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Nothing speaks against it."""
        return not self.problems


def judge(facts: Facts) -> list[Check]:
    """Every claim with what speaks against it."""
    return [
        *(Check(claim, tuple(look(facts))) for claim, look in CLAIMS.items()),
        *(Check(claim, tuple(look(facts.trade))) for claim, look in OF_TRADE.items()),
    ]


def _nothing_twice(facts: Facts) -> Problems:
    drip = [(d["chat_id"], r["step"], d["text"]) for d, r in facts.arrivals() if r["stage"] == facts.rules.stage]
    steps, texts = Counter((chat, step) for chat, step, _ in drip), Counter((chat, text) for chat, _, text in drip)
    days = Counter((d["chat_id"], f"{d['text']} {d['date'] // 86400}") for d, r in facts.arrivals() if r["promotional"])
    for (chat, what), times in (steps + texts + days).items():
        if times > 1:
            yield f"{chat} got {what[:30]!r} {times} times"
    if facts.calls != len(facts.deliveries):
        yield f"{facts.calls} messages were taken, {len(facts.deliveries)} arrived"


def _outbox_is_true(facts: Facts) -> Problems:
    arrived = {(d["chat_id"], d["message_id"]) for d in facts.deliveries}
    said = {
        (row["chat_id"], row["telegram_message_id"])
        for row in facts.messages
        if row["state"] == "sent" and row["method"] in WRITTEN
    }
    yield from (f"sent, but {chat} never got message {number}" for chat, number in said - arrived)
    yield from (f"{chat} got message {number}, of which the outbox knows nothing" for chat, number in arrived - said)
    yield from (
        f"message {row['id']} is {row['state']}" for row in facts.messages if row["state"] in ("sending", "uncertain")
    )


def _quiet_hours(facts: Facts) -> Problems:
    if facts.rules.quiet is None:
        return
    begin, end = facts.rules.quiet
    homes = {person.id: ZoneInfo(facts.rules.zones[person.home]) for person in facts.people}
    for chat, dates in facts.promotions().items():
        for date in dates:
            local = datetime.fromtimestamp(date, homes[chat]).time()
            if (begin <= local < end) if begin < end else (local >= begin or local < end):
                yield f"{chat} was written to at {local:%H:%M} local time"


def _caps(facts: Facts) -> Problems:
    for chat, dates in facts.promotions().items():
        for span, most in ((DAY, facts.rules.per_day), (WEEK, facts.rules.per_week)):
            worst = max(sum(date <= other < date + span.total_seconds() for other in dates) for date in dates)
            if worst > most:
                yield f"{chat} got {worst} promotional messages within {span.days} days, {most} are allowed"


def _wishes(facts: Facts) -> Problems:
    """From "stop" to "resume", while blocked, after leaving or deleting the account: nothing promotional."""
    dates = facts.promotions()
    for person, begin, end in _unwilling(facts.done):
        for date in dates.get(person, []):
            if begin < date < end:
                yield f"{person} had turned away at {begin:.0f}, and got something promotional at {date:.0f}"


def _unwilling(done: Sequence[Done]) -> Iterator[tuple[int, float, float]]:
    """(person, from, to) of each time somebody wanted to hear nothing."""
    since: dict[int, float] = {}
    for act in done:
        if act.refused:
            continue
        text = act.gesture.get("text") if "chat" not in act.gesture else None
        if act.do in ("block", "leave", "delete_account") or (act.do == "say" and text in _words(names.STOP)):
            since.setdefault(act.user, act.at)
        elif (act.do == "start" or (act.do == "say" and text in _words(names.RESUME))) and act.user in since:
            yield act.user, since.pop(act.user), act.at
    yield from ((person, begin, float("inf")) for person, begin in since.items())


def _words(by_tongue: Mapping[str, Sequence[str]]) -> set[str]:
    return {word for words in by_tongue.values() for word in words}


def _reasons(facts: Facts) -> Problems:
    for row in facts.messages:
        if row["state"] in ("failed", "expired", "cancelled") and not row["reason"]:
            yield f"message {row['id']} ({row['stage']}/{row['step']}) is {row['state']} without a reason"
    yield from (f"{row['telegram_id']}: {row['step']} has neither message nor reason" for row in facts.undecided)


def _gate(facts: Facts) -> Problems:
    states: dict[int, list[str]] = defaultdict(list)
    for row in facts.requests:
        states[row["telegram_id"]].append(row["state"])
    ways = {row["invite_link"] for row in facts.trade.entries}
    knocks = [act for act in facts.done if act.do == "request_join" and not act.refused]
    asked = Counter(act.user for act in knocks if act.gesture.get("link") not in ways)
    for person in facts.people:
        expected = ([_expected(person, facts.quiz)] + ["passed"] * asked[person.id])[: asked[person.id]]
        if states[person.id] != expected:
            yield f"{person.id} ({person.gate}) should have {expected or 'no request'}, has {states[person.id]}"


def _expected(person: Person, quiz: Quiz) -> str:
    match person.gate:
        case _ if not quiz.answers:
            return "passed"
        case Gate.silent:
            return "timed_out"
        case Gate.fails:
            return "failed"
        case Gate.slips if quiz.attempts == 1:
            return "failed"
        case _:
            return "passed"


def _membership(facts: Facts) -> Problems:
    known = {person.id for person in facts.people}
    there = {pair for pair in facts.present if pair[0] in known}
    yield from (f"{person} is in {chat}, and we do not know" for person, chat in there - facts.memberships)
    yield from (f"{person} is not in {chat}, and we think so" for person, chat in facts.memberships - there)


def _welcomed(facts: Facts) -> Problems:
    got = {d["chat_id"] for d, r in facts.arrivals() if r["step"] == facts.rules.welcome}
    for row in facts.requests:
        if facts.rules.welcome and row["state"] == "passed" and row["telegram_id"] not in got:
            yield f"{row['telegram_id']} passed the gate and was not welcomed"


def _sources(facts: Facts) -> Problems:
    campaigns = {person.id: person.token for person in facts.people}
    for row in facts.members:
        person = row["telegram_id"]
        if person in campaigns and row["link_token"] != campaigns[person]:
            yield f"{person} came by {campaigns[person]}, recorded is {row['link_token']}"


def _recorded(facts: Facts) -> Problems:
    happened = Counter(act.do for act in facts.done if not act.refused and (act.do != "press" or "data" in act.gesture))
    for event, gesture in (("click", "click"), ("button", "press")):
        if facts.events.get(event, 0) != happened[gesture]:
            yield f"{happened[gesture]} {gesture} gestures, {facts.events.get(event, 0)} recorded"


def _nothing_refused(facts: Facts) -> Problems:
    refused = Counter(f"{act.do}: {act.refused}" for act in facts.done if act.refused)
    yield from (f"{what} ({times} times)" for what, times in refused.items())
    yield from (f"update {row['update_id']} ({row['kind']}) failed: {row['error']}" for row in facts.failed_updates)


def _reached(facts: Facts) -> Problems:
    """Those who joined by themselves and never pressed Start cannot have been written to."""
    opened = {act.user for act in facts.done if act.do in ("start", "press") or "chat" not in act.gesture}
    written_to = {delivery["chat_id"] for delivery in facts.deliveries}
    for person in facts.people:
        if person.route is Route.public and person.id in written_to - opened:
            yield f"{person.id} never opened the chat, and was written to"


def _tidy(facts: Facts) -> Problems:
    if facts.left_standing:
        yield f"{facts.left_standing} group welcomes were not deleted"


def _calendar(facts: Facts) -> Problems:
    yield from (f"{row['telegram_id']} was reminded by message {row['id']} ({row['step']})" for row in facts.in_vain)


def _buyers(facts: Facts) -> Problems:
    yield from (f"{row['telegram_id']} was offered by message {row['id']} ({row['step']})" for row in facts.to_buyers)


def _coupons(facts: Facts) -> Problems:
    yield from (f"{row['code']} was used {row['how']}" for row in facts.coupons)


def _runs(facts: Facts) -> Problems:
    yield from (f"a run ended as {state}" for state in facts.runs if state != "Completed")


CLAIMS: Mapping[str, Callable[[Facts], Problems]] = {
    "every run of every stage completed": _runs,
    "nobody got anything twice": _nothing_twice,
    "what the outbox says was sent arrived, and nothing else did": _outbox_is_true,
    "nothing promotional in anybody's quiet hours": _quiet_hours,
    "nobody above the caps, in any 24 hours or 7 days": _caps,
    "nothing promotional to whoever stopped, blocked, left or is gone": _wishes,
    "everything not sent has a named reason": _reasons,
    "the gate let in who answered right, and nobody else": _gate,
    "everybody who passed the gate was welcomed": _welcomed,
    "who is in which group agrees with Telegram": _membership,
    "everybody carries the campaign they came by": _sources,
    "nobody was written to without their leave": _reached,
    "every click and every pressed button was recorded": _recorded,
    "group welcomes disappeared again": _tidy,
    "nobody was reminded of an end that did not matter any more": _calendar,
    "who had bought was offered it no more": _buyers,
    "no coupon was used outside its time, or more often than there are": _coupons,
    "no gesture was refused, no update failed": _nothing_refused,
}
