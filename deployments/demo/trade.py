"""What is known of the shop when the demonstration ends, gathered from the database and from the sandbox."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from community.database.pool import Connection
from community.database.queries import load
from community.payments.ledger import balances
from community.payments.reconciliation import findings
from community.playbook import Playbook
from community.sandbox.client import SandboxClient
from community.simulation.behaviour import seen
from community.simulation.crowd import Crowd
from community.simulation.people import FIRST_ID
from community.simulation.trade import Trade
from deployments.demo.rows import rows
from deployments.demo.scene import STAFF_CHAT
from deployments.demo.shop import VIP

queries = load(__file__, "queries.sql")

Row = Mapping[str, Any]


async def gather_trade(
    conn: Connection,
    sandbox: SandboxClient,
    crowd: Crowd,
    playbook: Playbook,
    until: datetime,
    deliveries: Sequence[Row],
    messages: Sequence[Row],
    present: frozenset[tuple[int, int]],
) -> Trade:
    """All of it at `until`."""
    opens = {key: plan.grace for key, plan in playbook.plans.items() if VIP in plan.chats}
    entries = await rows(conn, queries.entries)
    found = await findings(conn, playbook, until, staff_chat=STAFF_CHAT)
    return Trade(
        paid=crowd.market.paid,
        done=crowd.done,
        refunded=frozenset(each["charge_id"] for each in await sandbox.payments() if each["refunded"]),
        receipts=tuple(_receipts(deliveries, messages)),
        shown=tuple(_shown(deliveries, {row["invite_link"] for row in entries})),
        inside=frozenset(who for who, chat in present if chat == crowd.doors.vip and who >= FIRST_ID),
        payments=await rows(conn, queries.payments),
        balances=await balances(conn),
        entries=entries,
        holders=await rows(conn, queries.holders, plans=list(opens), graces=list(opens.values()), at=until),
        findings=[{"kind": each.kind.value, "about": each.about} for each in found],
    )


def _receipts(deliveries: Sequence[Row], messages: Sequence[Row]) -> Iterator[str]:
    """The charge of each receipt that arrived, by the outbox's row of it."""
    arrived = {(each["chat_id"], each["message_id"]) for each in deliveries}
    for row in messages:
        if row["step"] == "receipt" and (row["chat_id"], row["telegram_message_id"]) in arrived:
            yield row["occurrence"].split(":")[1]


def _shown(deliveries: Sequence[Row], links: set[str]) -> Iterator[tuple[int, str]]:
    for each in deliveries:
        yield from ((each["chat_id"], url) for url in seen(dict(each)).links if url in links)
