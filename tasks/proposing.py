"""Make, show and execute proposals, as lines of a run."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from prefect import task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State

from community.bundle import Bundle
from community.channels.channel import Outgoing
from community.database.installation import sop_now
from community.database.pool import Connection
from community.errors import ProposalRefused, VersionChanged
from community.outbox.bundles import Bundles
from community.outbox.compose import Composer
from community.outbox.forecast import forecast
from community.outbox.render import RenderError
from community.outreach.decide import Execution, execute, outcome
from community.outreach.plan import tally
from community.outreach.proposal import Proposal
from community.outreach.proposals import find_proposal, propose_backfill, propose_send, sample
from community.settings import load_settings
from community.telegram_html import plain_text
from tasks.reporting import local
from tasks.storage import bundle_in_force, connection
from tasks.words import count, reason_words

SAMPLES = 2
"""Messages of each step that are shown in full."""
NAMELESS = {"first_name": "Member", "last_name": "", "username": None}
"""Prefect sees no names."""


def version_changed(_task: object, _run: object, state: State[Any]) -> bool:
    """Whether to try again: nothing was frozen, as a newer version came. Whatever else fails may have been done."""
    return isinstance(state.data, VersionChanged)


@task(
    name="propose",
    task_run_name="freeze {stage} for approval",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=version_changed,
    timeout_seconds=600,
)
async def propose_due(stage: str, as_of: datetime, run_id: str) -> Proposal:
    """Freeze what is due, as it is more than may be sent without asking, and ask the staff chat."""
    settings = load_settings()
    async with connection() as conn:
        bundle, ran_at = await bundle_in_force(conn), await sop_now(conn)
        return await propose_send(
            conn,
            bundle,
            stage,
            as_of,
            bot_id=settings.bot_id,
            run_id=run_id,
            staff_chat=settings.staff_chat,
            ran_at=ran_at,
        )


@task(name="backfill", task_run_name="freeze {first} to {last} of {stage}", cache_policy=NO_CACHE, timeout_seconds=600)
async def propose_days(stage: str, first: date, last: date, run_id: str | None) -> Proposal:
    """Freeze what came due on those days and was not planned, and ask the staff chat."""
    settings = load_settings()
    async with connection() as conn:
        bundle, now_at = await bundle_in_force(conn), await sop_now(conn)
        return await propose_backfill(
            conn,
            bundle,
            stage,
            first,
            last,
            now_at,
            bot_id=settings.bot_id,
            run_id=run_id,
            staff_chat=settings.staff_chat,
        )


@task(name="carry out", task_run_name="execute plan {proposal.id}", cache_policy=NO_CACHE, timeout_seconds=600)
async def carry_out(proposal: Proposal) -> tuple[Proposal, Execution]:
    """Put what was approved into the outbox, unless that was done; what became of it in any case.

    What cannot be executed any more is refused, with the reason in its note.
    """
    settings = load_settings()
    async with connection() as conn:
        now_at, bot_id, staff_chat = await sop_now(conn), settings.bot_id, settings.staff_chat
        current, pinned = await bundle_in_force(conn), await Bundles().get(conn, proposal.bundle)
        with suppress(ProposalRefused):
            await execute(conn, current, pinned, proposal.id, now_at, bot_id=bot_id, staff_chat=staff_chat)
        proposal = await find_proposal(conn, str(proposal.id))
        return proposal, await outcome(conn, proposal)


@task(name="preview", task_run_name="preview {stage}", cache_policy=NO_CACHE, timeout_seconds=600)
async def show_plan(stage: str, as_of: datetime, members: list[int] | None) -> list[str]:
    """Show what a plan would decide: how many would get each step, and how many not, by reason. Phrases for a name."""
    async with connection() as conn:
        bundle = await bundle_in_force(conn)
        rows = await tally(conn, bundle, stage, as_of, members=members)
    rows = [row for row in rows if row["members"]]
    shown = [{"step": row["step"], "members": row["members"], "outcome": _words(row["outcome"])} for row in rows]
    key = f"{stage.replace('_', '-')}-preview"
    moment = local(as_of, bundle.playbook.community.zone)
    await acreate_table_artifact(
        shown, key=key, description=f"{stage} at {moment}: who would get what; nothing is sent"
    )
    sends = sum(row["members"] for row in rows if row["outcome"] in ("send", "deferred"))
    skips = sum(row["members"] for row in rows if row["outcome"] not in ("send", "deferred", "already"))
    return [f"{sends:,} would be sent", f"{skips:,} would not"]


@task(name="announce", task_run_name="show plan {proposal.id}", cache_policy=NO_CACHE, retries=2, timeout_seconds=120)
async def announce(proposal: Proposal) -> None:
    """Write what waits for a word into the run's artifacts."""
    async with connection() as conn:
        pinned = await Bundles().get(conn, proposal.bundle)
        texts = await sample_texts(conn, proposal.id)
        queue = await forecast(conn, load_settings().bot_id, await sop_now(conn))
    zone = pinned.playbook.community.zone
    finished = f"{local(datetime.now(UTC) + queue.takes_with(proposal.left), zone)} ({zone})"
    text = proposal_report(proposal, texts, finished)
    key = f"{proposal.stage.replace('_', '-')}-plan"
    await acreate_markdown_artifact(
        text, key=key, description=f"Plan {proposal.hash}: what would be sent, and what not"
    )


async def sample_texts(conn: Connection, plan_id: int) -> list[tuple[str, int, str]]:
    """Step, member's number and text of a few messages, as they would read; no names."""
    bundles = Bundles()
    composer = Composer(bundles, bot_id=0, username="your_bot", links_url=None, link_secret="")
    rows = await sample(conn, plan_id, SAMPLES)
    return [
        (row["step"], row["member_id"], await _text(conn, composer, await bundles.get(conn, row["bundle"]), row))
        for row in rows
    ]


async def _text(conn: Connection, composer: Composer, bundle: Bundle, row: dict[str, Any]) -> str:
    try:
        outgoing: Outgoing = await composer.render(conn, bundle, {**row, **NAMELESS, "id": 0})
    except RenderError as error:
        return f"cannot be rendered: {error}"
    return plain_text(outgoing.text)


def proposal_report(proposal: Proposal, texts: Sequence[tuple[str, int, str]], finished: str) -> str:
    """A proposal in words, as Markdown."""
    deferred = proposal.counts["deferred"]
    parts = [
        f"# {proposal.stage.replace('_', '-')}: {count(proposal.left, 'message')} to approve",
        f"Plan `{proposal.hash}`, playbook `{proposal.bundle[:12]}`. Exactly this is sent, less what the guardrails "
        f"stop by then. All of it would be out about **{finished}**"
        + (f", save {deferred:,} that wait for their members' mornings (quiet hours)." if deferred else "."),
        f"{count(proposal.sent, 'message')} of it went first; {proposal.left:,} are left." if proposal.settled else "",
        _days_table(proposal),
        _reasons_table(proposal),
        *(f"### {step}, to member {member}\n\n```\n{text}\n```" for step, member, text in texts),
    ]
    return "\n\n".join(part for part in parts if part)


def _days_table(proposal: Proposal) -> str:
    rows = [
        f"| {day} | {step} | {outcomes.get('send', 0) + outcomes.get('deferred', 0):,} | {_not_sent(outcomes):,} |"
        for day, steps in sorted(proposal.counts["days"].items())
        for step, outcomes in sorted(steps.items())
    ]
    return "\n".join(["## By day", "", "| day | step | would be sent | would not |", "|---|---|---:|---:|", *rows])


def _not_sent(outcomes: dict[str, int]) -> int:
    return sum(number for outcome, number in outcomes.items() if outcome not in ("send", "deferred"))


def _reasons_table(proposal: Proposal) -> str:
    skipped: Iterable[tuple[str, int]] = sorted(proposal.counts["skipped"].items(), key=lambda item: -item[1])
    rows = [f"| {number:,} | {reason_words(reason)} |" for reason, number in skipped]
    if not rows:
        return "## Who does not\n\nNobody is left out."
    return "\n".join(["## Who does not, and why", "", "| messages | because |", "|---:|---|", *rows])


def _words(outcome: str) -> str:
    words = {"send": "would be sent", "deferred": "would be sent in the member's morning", "already": "planned earlier"}
    return words.get(outcome) or f"not sent: {reason_words(outcome)}"
