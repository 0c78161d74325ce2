"""What the SOP has taught: experiments as they stand, holdouts and versions by the last daily look."""

from datetime import timedelta
from typing import Any

from community.gateway.dashboard.look import Context, Look
from community.insight.experiments import PAGE_STAGE, Experiment, experiments
from community.insight.holdouts import Comparison, Money
from community.insight.judging import Comparison as Compared, Counted
from community.insight.learning import Learned, learned
from community.insight.numbers import money, percent, points
from community.insight.report_learning import held_says, stage_key, verdict
from community.insight.said import Words
from community.insight.statistics import Interval
from community.insight.versions import MEASURES, Measure, Version

MOST = 20


async def show(look: Look) -> Context:
    """Those under way first; the versions with what each did beside the one before."""
    words = Words(look.words, look.locale)
    known = await experiments(look.conn)
    seen = await learned(look.conn, look.asked.today)
    return {
        "experiments": [_experiment(look, words, each) for each in known[:MOST]],
        "more": max(0, len(known) - MOST),
        "looked": _looked(look, words, seen) if seen else None,
        "measures": [look.kpi(name) for name in MEASURES],
    }


# Experiments.


def _experiment(look: Look, words: Words, of: Experiment) -> dict[str, Any]:
    result, definition = of.result, of.definition
    others = {each.variant: each for each in result.comparisons} if result else {}
    decided = {"by": of.decided_by or "", "at": look.moment(of.decided_at)} if of.decided_at else None
    return {
        "key": of.key,
        "about": _about(words, of),
        "stands": words[f"stands_{of.state}"],
        "waits": of.state == "proposed",
        "says": _says(words, of),
        "decided": words.say("decided", **decided) if decided else "",
        "guarded": definition.guarded,
        "variants": [_variant(words, each, others.get(each.variant)) for each in (result.counted if result else ())],
        "power": words.say("said_power", effect=_size(definition.effect), power=f"{100 * result.power:.0f}",
                           needed=f"{result.needed:,}") if result and result.needed else "",
        "looked_at": words.say("looked_at", at=look.moment(of.looked_at)) if of.looked_at else "",
    }  # fmt: skip


def _about(words: Words, of: Experiment) -> str:
    """Of which step, and what counts."""
    stage = words.of.get(f"stage_{of.stage}", of.stage)
    hours = of.definition.within / timedelta(hours=1)
    within = f"{hours:g} {words['hour']}" if hours < 48 else f"{hours / 24:g} {words['day']}"
    counts = words.say("counts_who", metric=words[f"metric_{of.definition.metric}"], within=within)
    return f"{stage if of.stage == PAGE_STAGE else f'{stage}/{of.step}'} · {counts}"


def _variant(words: Words, of: Counted, less: Compared | None) -> dict[str, Any]:
    return {
        "name": of.variant,
        "reached": f"{of.reached:,}",
        "people": f"{of.people:,}",
        "share": percent(of.part.share) if of.people else "–",
        "less": _between(words, less.difference) if less else "",
        "blocks": _between(words, less.blocks) if less and less.blocks else "",
        "leaves": _between(words, less.leaves) if less and less.leaves else "",
    }


def _says(words: Words, of: Experiment) -> str:
    """What the last look said, as a sentence; of what is over, who gets what."""
    result, key = of.result, verdict(of)
    if key == "everybody":
        return words.say("said_everybody", winner=of.winner)
    if result is None:
        return words["said_not_looked"]
    told = {
        "winner": result.winner, "against": result.against, "first": of.definition.names[0],
        "low": _size(result.low or 0), "high": _size(result.high or 0), "effect": _size(of.definition.effect),
        "margin": _size(of.definition.margin), "chance": f"{result.mismatch:.2g}",
        "people": f"{sum(each.people for each in result.counted):,}", "needed": f"{result.needed:,}",
    }  # fmt: skip
    text = words.say(f"said_{key}", **told)
    return f"{text} {words.say('said_days', days=result.days)}" if key == "waiting" and result.days else text


# Holdouts and versions.


def _looked(look: Look, words: Words, seen: Learned) -> dict[str, Any]:
    worse = [
        words.say("rollback_measure", name=look.kpi(each.measure), now=percent(each.now.share),
                  was=percent(each.was.share))
        for each in seen.worse
    ]  # fmt: skip
    first = seen.worse[0] if seen.worse else None
    return {
        "lead": words.say("learning_lead", at=look.moment(seen.at), days=seen.days),
        "within": words.say("holdouts_why", days=f"{seen.within.total_seconds() / 86_400:g}"),
        "holdouts": [_holdout(words, each) for each in seen.holdouts if held_says(each) != "nobody"],
        "nobody": words["listed"].join(_stage(words, each) for each in seen.holdouts if held_says(each) == "nobody"),
        "versions": [_version(look, words, each) for each in seen.versions],
        "worse": words.say("rollback_what", version=first.version, before=first.before,
                           measures=words["between"].join(worse)) if first else "",
        "command": f"sop rollback --to {first.before}" if first else "",
    }  # fmt: skip


def _stage(words: Words, of: Comparison) -> str:
    stage = stage_key(of).partition(":")[2]
    return words.of.get(f"stage_{stage}", stage)


def _holdout(words: Words, of: Comparison) -> dict[str, Any]:
    says = held_says(of)
    missing = []
    if says == "not_enough":
        counts = {"missing_treated": of.missing_people[0], "missing_held": of.missing_people[1],
                  "missing_purchases": of.missing_purchases}  # fmt: skip
        missing = [words.say(key, count=f"{count:,}") for key, count in counts.items() if count]
    return {
        "stage": _stage(words, of),
        "percent": f"{of.holdout:g}%",
        "treated": f"{of.treated.people:,}",
        "treated_share": percent(of.treated.share) if of.treated.people else "",
        "held": f"{of.held.people:,}",
        "held_share": percent(of.held.share) if of.held.people else "",
        "lift": _between(words, of.lift) if of.enough else "–",
        "says": words[f"held_{says}"],
        "certain": of.certain,
        "missing": missing,
        "money": [_money(words, each) for each in of.money if of.enough and each.each],
    }


def _money(words: Words, of: Money) -> str:
    assert of.each is not None
    assert of.earned is not None
    low, middle, high = (money(bound, of.currency) for bound in of.earned)
    return words.say("earned_text", each=money(of.each.middle, of.currency), low=low, middle=middle, high=high)


def _version(look: Look, words: Words, of: Version) -> dict[str, Any]:
    return {
        "number": of.number,
        "note": of.note,
        "since": look.moment(of.published_at),
        "returns_to": words.say("returns_to", number=of.returns_to) if of.returns_to else "",
        "accepted": f"{of.accepted:,}",
        "measures": [_measure(words, each) for each in of.measures],
    }


def _measure(words: Words, of: Measure) -> dict[str, Any]:
    people = of.part.people
    return {
        "share": percent(of.part.share) if people else "–",
        "change": _between(words, of.change) if people and of.change else "",
        "small": bool(people) and of.small,
    }


def _between(words: Words, of: Interval) -> str:
    """A difference of shares in points, and between what it lies."""
    return words.say("interval_text", low=points(of.low), middle=points(of.middle), high=points(of.high))


def _size(share: float) -> str:
    """So many points, without a sign that says nothing."""
    return f"{100 * share:.1f}".removesuffix(".0")
