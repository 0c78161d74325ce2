"""`sop experiment`: list, show, apply, end."""

import asyncio
from dataclasses import asdict
from typing import Any

from community.database.installation import sop_now
from community.insight.experiments import OPEN, Experiment, apply, begin, count, end, experiments, find
from deployments.cli.output import console, local, print_json, print_table
from deployments.cli.session import operator, session
from tasks.experiment_words import HEAD, about, details, lines_to_write, state_words, table, verdict_words

LIST = ("experiment", "of", "since", "how it stands", "what it says")


def show_list(*, as_json: bool) -> None:
    """Print all experiments, those under way first."""
    asyncio.run(_list(as_json))


def show(key: str, *, as_json: bool) -> None:
    """Print an experiment with its numbers as of now. Raises ExperimentRefused."""
    asyncio.run(_show(key, as_json))


def apply_winner(key: str, variant: str | None, note: str) -> None:
    """Give everybody the winner. Raises ExperimentRefused."""
    asyncio.run(_apply(key, variant, note))


def end_it(key: str, note: str) -> None:
    """End it: everybody gets the first variant. Raises ExperimentRefused."""
    asyncio.run(_end(key, note))


async def _list(as_json: bool) -> None:
    async with session() as s:
        playbook = (await s.bundle()).playbook
        await begin(s.conn, playbook, await sop_now(s.conn))
        found = await experiments(s.conn)
    if as_json:
        print_json([as_data(each) for each in found])
    elif not found:
        print("No experiments. A step gets one by `experiment:` in the playbook: docs/experiments.md.")
    else:
        zone = playbook.community.zone
        rows = [
            (each.key, about(each), local(each.started_at, zone), state_words(each), verdict_words(each, each.result))
            for each in found
        ]
        print_table(console(), f"Experiments ({zone})", LIST, rows)


async def _show(key: str, as_json: bool) -> None:
    async with session() as s:
        playbook, at = (await s.bundle()).playbook, await sop_now(s.conn)
        await begin(s.conn, playbook, at)
        found = await find(s.conn, key)
        result = await count(s.conn, playbook, found, at) if found.state in OPEN else found.result
    if as_json:
        print_json({**as_data(found), "result": result and result.to_json()})
        return
    out = console()
    since = local(found.started_at, playbook.community.zone)
    print(f"{found.key}: {about(found)}, since {since}, {state_words(found)}.")
    print(f"What it says: {verdict_words(found, result)}.")
    if result:
        print_table(out, None, HEAD, table(found, result))
        print()
        for line in details(found, result):
            print(line)
    _print_lines(found)


async def _apply(key: str, variant: str | None, note: str) -> None:
    async with session() as s:
        found = await apply(s.conn, key, await sop_now(s.conn), by=operator(), variant=variant, note=note)
    print(f"From now on everybody gets {found.winner}.")
    _print_lines(found)


async def _end(key: str, note: str) -> None:
    async with session() as s:
        found = await end(s.conn, key, await sop_now(s.conn), by=operator(), note=note)
    print(f"Ended: from now on everybody gets {found.definition.names[0]}.")
    _print_lines(found)


def _print_lines(found: Experiment) -> None:
    lines = list(lines_to_write(found))
    if lines:
        print("\nUntil the playbook says so itself, this decides. To write there:")
        for line in lines:
            print(f"  {line}")


def as_data(found: Experiment) -> dict[str, Any]:
    """For other programs."""
    parts = asdict(found) | {"definition": found.definition.to_json()}
    return {**parts, "result": found.result and found.result.to_json()}
