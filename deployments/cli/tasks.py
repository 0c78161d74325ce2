"""`sop tasks`."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime
from textwrap import shorten

from community.database.installation import sop_now
from community.errors import SopError
from community.members.follow_ups import Task, Waiting, close, how_many, waiting
from deployments.cli.output import console, local, print_table
from deployments.cli.session import session
from tasks.words import age, count, task_words

LONGEST = 80
"""Characters shown of what somebody typed."""


def show(kind: str | None, note: str, limit: int) -> None:
    """Print the open tasks, the most urgent first. Raises SopError for a note that belongs to no task."""
    if note:
        raise SopError("--note: goes with --done ID, the task that it is about")
    asyncio.run(_show(kind, limit))


def close_task(task_id: int, note: str) -> None:
    """Close a task. Raises SopError if none of that number is open."""
    asyncio.run(_close(task_id, note))


async def _show(kind: str | None, limit: int) -> None:
    async with session() as s:
        zone, at = (await s.bundle()).playbook.community.zone, await sop_now(s.conn)
        found, numbers = await waiting(s.conn, kind, limit), await how_many(s.conn, at)
    chosen = [number for number in numbers if kind in (None, number.kind)]
    print(_headline(chosen))
    head = ("task", "what", "member", "name", "about", "since", "due", "late")
    print_table(console(), f"Open tasks ({zone})" if found else None, head, _rows(found, zone, at))


async def _close(task_id: int, note: str) -> None:
    async with session() as s:
        at = await sop_now(s.conn)
        task = await close(s.conn, task_id, at, by="command", outcome=note)
    if task is None:
        raise SopError(f"task {task_id}: none of that number is open; `sop tasks` lists those that are")
    kept = _lateness(task, at) or "on time"
    print(f"Task {task.id} ({task_words(task.kind)}, member {task.member_id}) is done, {kept}.")


def _headline(numbers: Iterable[Waiting]) -> str:
    numbers = list(numbers)
    late = sum(number.late for number in numbers)
    if not numbers:
        return "Nothing to do."
    by_kind = ", ".join(f"{task_words(number.kind)} {number.waiting:,}" for number in numbers)
    return f"{count(sum(number.waiting for number in numbers), 'task')} open, {late:,} late: {by_kind}."


def _rows(found: Iterable[Task], zone: str, at: datetime) -> Iterator[tuple[object, ...]]:
    for task in found:
        about = shorten(task.note, LONGEST, placeholder="…") or None
        since, due = local(task.created_at, zone), local(task.due_at, zone)
        yield task.id, task_words(task.kind), task.member_id, task.name, about, since, due, _lateness(task, at)


def _lateness(task: Task, at: datetime) -> str | None:
    """How late the task is at the moment; None while it is in time."""
    return f"{age(at - task.due_at)} late" if at > task.due_at else None
