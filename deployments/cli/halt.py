"""`sop halt` and `sop resume`."""

import asyncio
import re
from datetime import datetime
from typing import cast

from community.copy_contexts import RESERVED_FOLDERS
from community.errors import PlaybookError, UnknownStage
from community.outbox.halt import halt as halt_scope, halts, resume as resume_scope
from deployments.cli.output import console, local, print_table
from deployments.cli.session import Session, session
from tasks.words import count


def halt(what: str, note: str) -> None:
    """Halt `what`, and print what is halted now."""
    asyncio.run(_halt(what, note))


def resume(what: str) -> None:
    """Lift the operators' halt of `what`, and print what is halted now."""
    asyncio.run(_resume(what))


async def _halt(what: str, note: str) -> None:
    async with session() as s:
        await halt_scope(s.conn, await _scope(s, what), note=note)
        await print_halts(s)


async def _resume(what: str) -> None:
    async with session() as s:
        scope = await _scope(s, what)
        if not await resume_scope(s.conn, scope):
            print(f"{scope}: no operator had halted it.")
        await print_halts(s)


async def print_halts(s: Session) -> None:
    """What is halted now, and by whom."""
    held = await halts(s.conn)
    print(f"Halted: {count(len(held), 'scope')}." if held else "Nothing is halted.")
    rows = [(h["scope"], h["source"], local(cast(datetime, h["since_wall"]), "UTC"), h["note"] or None) for h in held]
    print_table(console(), "Halted now", ("what", "by", "since (UTC)", "note"), rows)
    if sources := {str(h["source"]) for h in held} - {"operator"}:
        print(
            f"\nNot lifted by `sop resume`: {'; '.join(HOW_TO_LIFT.get(source, source) for source in sorted(sources))}."
        )


HOW_TO_LIFT = {
    "playbook": "by playbook, switch the stage on in the playbook and publish",
    "prefect": "by prefect, switch the deployment's schedule on in the Prefect UI",
}


async def _scope(s: Session, what: str) -> str:
    """The scope an operator means. Raises UnknownStage, so that a typing error does not pass for a halt."""
    if what == "all":
        return what
    if re.fullmatch(r"(chat:)?-?[0-9]{1,18}", what):
        return f"chat:{what.removeprefix('chat:')}"
    what = what.removeprefix("stage:")
    if what not in (known := await _stages(s)):
        raise UnknownStage(f"{what}: not all, a stage or a chat's number; the stages: {', '.join(sorted(known))}")
    return f"stage:{what}"


async def _stages(s: Session) -> set[str]:
    """Everything that messages are sent as: the playbook's stages, and the bot's own. Halted ones stay known."""
    halted = {str(h["scope"]).removeprefix("stage:") for h in await halts(s.conn)} - {"all"}
    try:
        return {*(await s.bundle()).playbook.stages, *RESERVED_FOLDERS, *halted}
    except PlaybookError:
        return {*RESERVED_FOLDERS, *halted}
