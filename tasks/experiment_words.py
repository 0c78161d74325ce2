"""What an experiment says, in plain words."""

from collections.abc import Iterator
from typing import Any

from community.insight.experiments import APPLIED, ENDED, OPEN, PAGE_STAGE, Experiment
from community.insight.judging import PAID, Comparison, Result, Verdict
from community.insight.statistics import Interval
from community.playbook_experiments import Metric
from community.playbook_types import format_duration

DID = {
    Metric.engaged: "engaged",
    Metric.click_through: "clicked",
    Metric.spoke: "spoke in a group",
    Metric.purchase: "paid",
    PAID: "paid",
}
HEAD = ("variant", "share", "members", "time over", "did it", "of them", "blocked, of", "left, of")
GUARDS = {"blocks": "block the bot", "leaves": "leave a group"}


def about(experiment: Experiment) -> str:
    """What is compared."""
    return f"{experiment.stage}/{experiment.step}"


def state_words(experiment: Experiment) -> str:
    """How it stands, and by whose word."""
    by = f" by {experiment.decided_by}" if experiment.decided_by else ""
    if experiment.state == APPLIED:
        return f"over: everybody gets {experiment.winner} (applied{by})"
    if experiment.state == ENDED:
        return f"over: everybody gets {experiment.definition.names[0]} (ended{by})"
    return "waits for a word" if experiment.state != "running" else "running"


def verdict_words(experiment: Experiment, result: Result | None) -> str:
    """What its numbers say."""
    if result is None:
        return "not looked at yet"
    first, effect = experiment.definition.names[0], points(experiment.definition.effect)
    match result.verdict:
        case Verdict.better:
            return f"{result.winner} is better than {result.against}, by {between(result)}"
        case Verdict.same:
            return f"no difference from {first} as large as {effect}"
        case Verdict.harmful:
            return f"{result.against} makes more people block or leave, by {between(result)}; it was stopped for that"
        case Verdict.unbalanced:
            return (
                "no conclusion: the variants did not get the shares of people that they were to get "
                f"(p = {result.mismatch:.2g}); find out why before anything else"
            )
    if result.doubts:
        guards = " or ".join(GUARDS[doubt] for doubt in result.doubts)
        margin = points(experiment.definition.margin)
        return f"{result.winner} is better, by {between(result)}; not sure yet that not {margin} more {guards}"
    return f"not enough data yet: {_until(result)}"


def _until(result: Result) -> str:
    people = sum(each.people for each in result.counted)
    if people >= result.needed:
        return "the difference is near the size looked for, so that it takes longer than planned"
    days = (
        f"about {result.days} more days at the present pace" if result.days else "nobody lately, so no telling how long"
    )
    return f"{people:,} of about {result.needed:,} people; {days}"


def table(experiment: Experiment, result: Result) -> Iterator[tuple[Any, ...]]:
    """A row for each variant, as `HEAD` says."""
    shares = {each["name"]: each["share"] for each in experiment.definition.variants}
    for each in result.counted:
        yield (
            each.variant,
            f"{100 * shares[each.variant]:.3g} %",
            each.reached,
            each.people,
            each.hits,
            f"{100 * each.part.share:.1f} %" if each.people else None,
            f"{each.blocks:,} of {each.block_people:,}" if each.block_people else None,
            f"{each.leaves:,} of {each.leave_people:,}" if each.leave_people else None,
        )


def details(experiment: Experiment, result: Result) -> Iterator[str]:
    """The intervals, and how much may be seen by now."""
    definition, first = experiment.definition, experiment.definition.names[0]
    did = DID[Metric(definition.metric)] if definition.guarded else DID[PAID]
    yield f"Counted: who {did} within {format_duration(definition.within)}; looked for: {points(definition.effect)}."
    for each in result.comparisons:
        yield f"{each.variant} less {first}: {interval(each.difference)}{_guards(each)}"
    if result.needed:
        yield (
            f"A difference of {points(definition.effect)} would be seen by now with a probability of "
            f"{100 * result.power:.0f} %; with {result.needed:,} people it is 80 %."
        )
    several = f" divided by the {len(definition.variants) - 1} comparisons" if len(definition.variants) > 2 else ""
    yield (
        f"All intervals hold at every look together, at a level of {100 * definition.level:g} %{several}: "
        "looking every day is allowed."
    )


def _guards(each: Comparison) -> str:
    found = [(name, getattr(each, name)) for name in GUARDS]
    return "".join(f"; who {name}: {interval(guard)}" for name, guard in found if guard)


def lines_to_write(experiment: Experiment) -> Iterator[str]:
    """What the operator writes so that the playbook says itself what everybody gets."""
    if experiment.state in OPEN:
        return
    winner = experiment.winner or experiment.definition.names[0]
    if experiment.stage == PAGE_STAGE:
        yield f"payments: variants: [{winner}]"
        return
    chosen = next(each for each in experiment.definition.variants if each["name"] == winner)
    yield f"stages: {experiment.stage}: steps: {experiment.step}: remove experiment"
    if chosen["at"]:
        yield f'  at: "{chosen["at"]}"'
    if chosen["offer"]:
        yield f"  offer: {chosen['offer']}"
    own = f"{experiment.stage}/{experiment.step}"
    if chosen["template"] != own:
        yield f"copy, in each language: {chosen['template']}.html becomes {own}.html"


def interval(found: Interval) -> str:
    """A difference with what it lies between, in percentage points."""
    return f"{100 * found.middle:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f})"


def between(result: Result) -> str:
    """From how many points to how many."""
    return f"{100 * (result.low or 0):.1f} to {100 * (result.high or 0):.1f} points"


def points(share: float) -> str:
    """A share as percentage points."""
    return f"{100 * share:g} points"
