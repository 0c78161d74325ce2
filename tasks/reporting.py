"""What a run tells its operators: the report as an artifact, and its outcome in the run's name."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from prefect import task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from community.database.installation import sop_now
from community.outreach.attainment import EVER, Punctuality, of_run
from community.outreach.plan import PlanResult
from community.playbook import Playbook
from community.playbook_types import format_duration
from tasks.messaging import Followed
from tasks.punctuality import HEAD, shares
from tasks.storage import connection
from tasks.words import PUT_OFF, count, reason_words, state_words

MEMBERS_NAMED = 20
"""Member numbers listed in a report; more are counted."""
SKIP_HEAD = ("messages", "because", "new since the last run: members", "who they all are")


@task(name="report", task_run_name="report on {result.stage}", cache_policy=NO_CACHE, retries=2)
async def report_stage(
    result: PlanResult,
    followed: Followed,
    playbook: Playbook,
    members: list[int] | None,
    welcomed: int | None,
    *,
    day: date | None = None,
    decision: str = "",
) -> None:
    """Write the run's report: how many get what, when, and why others do not. Counts and member numbers only.

    `day`: of a backfill only what was wanted on it.
    """
    key = result.stage.replace("_", "-")
    punctual = await _punctuality(result, playbook, members, day)
    text = stage_report(result, followed, punctual, playbook, members, welcomed, decision)
    await acreate_markdown_artifact(text, key=f"{key}-report", description=f"{key}: who got what, and why not")
    if rows := list(reason_rows(result, followed)):
        await acreate_table_artifact(rows, key=f"{key}-reasons", description=f"{key}: every outcome with its count")


async def name_run(*parts: str) -> None:
    """Put the outcome into the run's name: the one line of a run that lists show."""
    async with get_client() as client:
        await client.update_flow_run(flow_run.id, name=named(*parts))


def named(*parts: str) -> str:
    """The parts of a run's name, put together; empty ones are left out."""
    return " · ".join(part for part in parts if part)


async def _punctuality(
    result: PlanResult, playbook: Playbook, members: list[int] | None, day: date | None
) -> list[Punctuality]:
    """Late or on time, of the messages that the run followed."""
    stage, span = playbook.stage(result.stage), EVER
    if day is not None:
        midnight = datetime.combine(day, time(), ZoneInfo(stage.schedule.zone))
        span = midnight, midnight + timedelta(days=1)
    immediate = [step.name for step in stage.steps if step.immediately]
    async with connection() as conn:
        now_at = await sop_now(conn)
        return await of_run(
            conn,
            playbook,
            now_at,
            result.plan_id,
            stage=result.stage,
            members=members or (),
            steps=immediate,
            span=span,
        )


def local(at: datetime, zone: str) -> str:
    """The moment in the community's zone, to the minute."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def headline(result: PlanResult, followed: Followed, welcomed: int | None) -> list[str]:
    """The outcome in short phrases; what is zero is left out, save what was sent.

    Skipped are those for whom this run decided it; whom an earlier one skipped for the same reason is in the report.
    """
    sent = followed.count("sent") - (welcomed or 0)
    numbers = [
        (welcomed, "welcomed"),
        (sent if sent or not welcomed else 0, "sent"),
        (followed.on_their_way, "on their way"),
        (followed.deferred, "deferred"),
        (result.decided, "skipped"),
        (followed.count("failed"), "failed"),
        (followed.count("uncertain"), "uncertain"),
        (followed.count("expired", "cancelled"), "dropped"),
    ]
    return [f"{number:,} {word}" for number, word in numbers if number or (word == "sent" and not welcomed)]


def stage_report(
    result: PlanResult,
    followed: Followed,
    punctual: Sequence[Punctuality],
    playbook: Playbook,
    members: list[int] | None,
    welcomed: int | None,
    decision: str = "",
) -> str:
    """The report of a run, as Markdown. `decision`: who approved it, in words."""
    parts = [
        f"# {result.stage.replace('_', '-')}: {', '.join(headline(result, followed, welcomed))}",
        _about(result, playbook.community.zone, members),
        decision,
        _settings(playbook, result.stage),
        _sender_note(followed),
        _table("Who gets what", ("messages", "of the step", "what became of them"), _message_lines(followed)),
        _punctual_table(punctual),
        _table("Who does not, and why", SKIP_HEAD, _skip_lines(result)),
        "What the words mean: `docs/operators.md`. Why one member got nothing: "
        f"`sop explain MEMBER {result.stage}`. Plan {result.plan_id}, playbook `{result.bundle[:12]}`.",
    ]
    return "\n\n".join(part for part in parts if part)


def reason_rows(result: PlanResult, followed: Followed) -> Iterable[dict[str, Any]]:
    """One row for each step and outcome, for the table artifact."""
    for row in followed.rows:
        words = PUT_OFF.get(row["reason"]) or reason_words(row["reason"]) if row["reason"] else ""
        yield {"step": row["step"], "messages": row["messages"], "outcome": row["state"], "why": words}
    for step, outcomes in result.steps.items():
        for reason, members in outcomes.items():
            if reason not in ("send", "deferred"):
                yield {"step": step, "messages": members, "outcome": "not sent", "why": reason_words(reason)}


def _about(result: PlanResult, zone: str, members: list[int] | None) -> str:
    who = "everyone the stage is for"
    if members is not None:
        who = f"{count(len(members), 'member')}: {_numbers(members, len(members))}"
    already = f" {count(result.already, 'message')} had been planned by an earlier run." if result.already else ""
    return f"Planned for **{local(result.as_of, zone)}** ({zone}), {who}.{already}"


def _settings(playbook: Playbook, stage: str) -> str:
    """What the gates went by."""
    quiet, caps = playbook.quiet_hours, playbook.caps
    hours = f"quiet from {quiet.start:%H:%M} to {quiet.end:%H:%M} in the member's zone" if quiet else "no quiet hours"
    held_out = f"{playbook.holdout.percent:g} % of everyone and {playbook.stage(stage).holdout:g} % of this stage"
    return (
        f"In force: at most {caps.per_day} promotional messages in 24 h and {caps.per_week} in 7 days; {hours}; "
        f"held out {held_out}; on time within {format_duration(playbook.on_time)}."
    )


def _sender_note(followed: Followed) -> str:
    if followed.sender and not followed.on_their_way:
        return ""
    if followed.sender:
        return (
            f"{count(followed.on_their_way, 'message')} still on the way when this report was written; the always-on "
            "service goes on sending. When the queue will be empty: latest `delivery` run."
        )
    return "**The always-on service is not running**: nothing leaves until it is back or `delivery` takes over."


def _message_lines(followed: Followed) -> Iterable[tuple[int, str, str]]:
    for row in sorted(followed.rows, key=lambda row: (row["step"], row["state"])):
        yield row["messages"], row["step"], state_words(row["state"], row["reason"])


def _skip_lines(result: PlanResult) -> Iterable[tuple[int, str, str, str]]:
    """The reasons, commonest first, with who is new among them; step by step they stand in the table artifact."""
    for reason, number in sorted(result.skipped.items(), key=lambda item: -item[1]):
        step = max(result.steps, key=lambda name: result.steps[name].get(reason, 0))
        look_up = f"`sop explain {result.stage} --why-not {step} --reason {reason}`"
        yield number, reason_words(reason), _numbers(result.named.get(reason, ()), result.fresh.get(reason, 0)), look_up


def _numbers(members: Sequence[int], of: int) -> str:
    """Members by their numbers, and how many more there are."""
    named, more = members[:MEMBERS_NAMED], of - len(members[:MEMBERS_NAMED])
    return ", ".join(map(str, named)) + (f" and {more:,} more" if more > 0 else "")


def _punctual_table(found: Sequence[Punctuality]) -> str:
    """Late or on time by step; nothing while nothing was due."""
    rows = [" | ".join(f"{cell}" for cell in cells) for cells in shares(row for row in found if row.wanted)]
    if not rows:
        return ""
    head = " | ".join(("step", *HEAD))
    return "\n".join(
        ["## Late or on time", "", f"| {head} |", "|---" * (1 + len(HEAD)) + "|", *(f"| {r} |" for r in rows)]
    )


def _table(title: str, head: Sequence[str], lines: Iterable[tuple[int, *tuple[str, ...]]]) -> str:
    rows = [f"| {number:,} | {' | '.join(words)} |" for number, *words in lines]
    if not rows:
        return f"## {title}\n\nNobody this time."
    return "\n".join([f"## {title}", "", f"| {' | '.join(head)} |", "|---:" + "|---" * (len(head) - 1) + "|", *rows])
