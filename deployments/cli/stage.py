"""`sop stage`."""

import asyncio
from functools import partial

from community.database.installation import sop_now
from community.errors import PrefectUnavailable, UnknownStage
from community.outbox.halt import halt, halts, resume as resume_scope
from community.outbox.stop import waiting
from community.outreach.report import last_plans
from deployments.cli.halt import print_halts
from deployments.cli.output import console, local, print_table
from deployments.cli.session import Session, session
from tasks.words import age, count

BY = {"operator": "paused", "prefect": "switched off in Prefect", "playbook": "switched off in the playbook"}


def listing() -> None:
    """Print every stage."""
    asyncio.run(_listing())


def pause(stage: str, note: str) -> None:
    """Hold a stage back, here and in Prefect."""
    asyncio.run(_pause(stage, note))


def resume(stage: str) -> None:
    """Let a stage go on, here and in Prefect."""
    asyncio.run(_resume(stage))


async def _listing() -> None:
    async with session() as s:
        playbook, now_at = (await s.bundle()).playbook, await sop_now(s.conn)
        zone = playbook.community.zone
        held = await halts(s.conn)
        queued = await waiting(s.conn, s.settings.bot_id)
        last = {row["stage"]: row for row in await last_plans(s.conn, playbook.stages)}
        rows = []
        for name, stage in playbook.stages.items():
            mine = [each for each in queued if each.stage == name]
            due = min((each.oldest_at for each in mine), default=None)
            why = [_why(row) for row in held if row["scope"] in ("all", f"stage:{name}")]
            ran = last.get(name)
            rows.append(
                (
                    name,
                    ", ".join(why) or "on",
                    f"{stage.schedule.cron} {stage.schedule.zone}",
                    sum(each.messages for each in mine),
                    age(now_at - due) if due else None,
                    local(ran["as_of_at"], zone) if ran else "never",
                )
            )
    head = ("stage", "state", "schedule", "messages waiting", "oldest due for", f"last run for ({zone})")
    print_table(console(), "Stages", head, rows)


def _why(row: dict[str, object]) -> str:
    what = "everything is halted" if row["scope"] == "all" else BY.get(str(row["source"]), f"held by {row['source']}")
    return f"{what} ({row['note']})" if row["note"] and row["source"] == "operator" else what


async def _pause(stage: str, note: str) -> None:
    async with session() as s:
        scope = await _scope(s, stage)
        await halt(s.conn, scope, note=note)
        left = sum(each.messages for each in await waiting(s.conn, s.settings.bot_id) if each.stage == stage)
        print(f"{stage} is paused: nothing of it leaves from now on. Waiting: {count(left, 'message')}.")
        print(await _in_prefect(s, stage, on=False))


async def _resume(stage: str) -> None:
    async with session() as s:
        scope = await _scope(s, stage)
        if not await resume_scope(s.conn, scope):
            print(f"{stage}: no operator had paused it here.")
        print(await _in_prefect(s, stage, on=True))
        await print_halts(s)


async def _in_prefect(s: Session, stage: str, *, on: bool) -> str:
    """Switch its schedule there too, so that the UI shows it; in words, how that went."""
    from deployments.cli.in_prefect import point_to_prefect

    point_to_prefect(s.settings)
    from deployments.runs import ask
    from deployments.switching import switch

    word = "on" if on else "off"
    try:
        await ask(partial(switch, stage, on))
    except PrefectUnavailable as error:
        return f"Prefect does not show it: {error}. Switch its schedule {word} there, or repeat this when it is back."
    if on:
        await resume_scope(s.conn, f"stage:{stage}", "prefect")
    return f"Its schedule in Prefect is switched {word}."


async def _scope(s: Session, stage: str) -> str:
    """Raises UnknownStage, so that a typing error does not pass for a pause."""
    known = (await s.bundle()).playbook.stages
    if stage not in known:
        raise UnknownStage(f"{stage}: no such stage; the stages: {', '.join(sorted(known))}")
    return f"stage:{stage}"
