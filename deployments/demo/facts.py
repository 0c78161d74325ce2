"""What is known when the demonstration ends, gathered from the database and from the sandbox."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from community.database.pool import Connection
from community.database.queries import load
from community.playbook import Playbook
from community.sandbox.client import SandboxClient
from community.simulation.crowd import Crowd
from community.simulation.verdict import WRITTEN, Facts, Rules
from deployments.demo.rows import rows
from deployments.demo.scene import GROUPS
from deployments.demo.trade import gather_trade

queries = load(__file__)

STAGE = "welcome_drip"
LIVE = "live_conversion"
OTHERS = ("renewal_reminders", LIVE, "dormancy_reactivation", "member_care")
"""The other stages, those first that go first."""
ALL = 100_000


async def gather(
    conn: Connection, sandbox: SandboxClient, crowd: Crowd, playbook: Playbook, until: datetime, runs: Sequence[str]
) -> Facts:
    """All facts at `until`, once everything has been delivered."""
    steps = playbook.stage(STAGE).steps
    due = {"step": [s.name for s in steps], "day": [s.day or 0 for s in steps], "local_time": [s.at for s in steps]}
    groups = (await sandbox.chats())["groups"]
    events, deliveries = await rows(conn, queries.events), await _deliveries(sandbox)
    messages, present = await rows(conn, queries.messages), _present(groups)
    trade = await gather_trade(conn, sandbox, crowd, playbook, until, deliveries, messages, present)
    return Facts(
        rules=_rules(playbook),
        people=crowd.people,
        done=crowd.done,
        quiz=crowd.quiz,
        deliveries=deliveries,
        calls=await _calls(sandbox),
        present=present,
        left_standing=await _left_standing(sandbox, crowd),
        messages=messages,
        members=await rows(conn, queries.members),
        memberships=frozenset((row["telegram_id"], row["chat_id"]) for row in await rows(conn, queries.memberships)),
        requests=await rows(conn, queries.requests),
        undecided=await rows(conn, queries.undecided, stage=STAGE, until=until, zone=playbook.community.zone, **due),
        failed_updates=await rows(conn, queries.failed_updates),
        events=Counter({row["kind"]: row["times"] for row in events}),
        runs=runs,
        in_vain=await rows(conn, queries.reminded_in_vain),
        to_buyers=await rows(conn, queries.offered_to_buyers),
        coupons=await rows(conn, queries.used_wrongly),
        trade=trade,
    )


def _rules(playbook: Playbook) -> Rules:
    quiet, stage = playbook.quiet_hours, playbook.stage(STAGE)
    return Rules(
        quiet=(quiet.start, quiet.end) if quiet else None,
        per_day=playbook.caps.per_day,
        per_week=playbook.caps.per_week,
        zones=tuple(str(group["zone"]) for group in GROUPS),
        stage=STAGE,
        welcome=next((step.name for step in stage.steps if step.immediately), None) if stage.enabled else None,
    )


def _present(groups: Sequence[Mapping[str, Any]]) -> frozenset[tuple[int, int]]:
    return frozenset((member, group["id"]) for group in groups for member in group["members"])


async def _deliveries(sandbox: SandboxClient) -> list[Mapping[str, Any]]:
    """What the bot wrote; that it took somebody out of a group, Telegram says by itself."""
    return [each for each in (await sandbox.delivered(limit=ALL))["messages"] if "service" not in each]


async def _calls(sandbox: SandboxClient) -> int:
    calls = [call for method in WRITTEN for call in await sandbox.journal(method=method, limit=ALL)]
    return sum(call["error"] is None for call in calls)


async def _left_standing(sandbox: SandboxClient, crowd: Crowd) -> int:
    histories = [await sandbox.history(chat, limit=ALL) for chat in (*crowd.doors.groups, crowd.doors.vip)]
    found = [message for each in histories for message in each if "service" not in message]
    return sum(message["from"]["is_bot"] and not message["deleted"] for message in found)
