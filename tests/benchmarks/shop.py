"""A community that sells: the always-on service with a VIP group, payers who know the bot, and signed callbacks."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson
import yaml

from community.bundle import Bundle, load_bundle
from community.channels.telegram import make_bot
from community.database.pool import Connection, connect
from community.outbox.claim import ensure_budget
from community.payments.providers.ime import Form, sign
from community.sandbox.client import SandboxClient
from tests.benchmarks.harness import ROOT, count, free_port
from tests.benchmarks.service import SERVICE, club

VIP = "VIP"
PLAN, CURRENCY, MINOR = "month", "CNY", 19_900
SECRET = "secret-of-the-bench"
ACTS = 5_000
WAITS = "SELECT -count(*) FROM messages WHERE state IN ('waiting', 'sending')"


@dataclass(frozen=True)
class Shop:
    """The running service: its database, the sandbox, and where providers call."""

    conn: Connection
    client: SandboxClient
    gateway: str


@asynccontextmanager
async def shop(
    url: str, api: str, client: SandboxClient, people: Sequence[int], *, links: int, **settings: str
) -> AsyncIterator[Shop]:
    """The service with so many links made ahead, and every one of the people known to the bot."""
    port = str(free_port())
    served = club(
        url, api, client, bundle=selling(links), title=VIP, SOP_GATEWAY_PORT=port,
        SOP_IME_SECRETS=f"bench:{SECRET}", **settings,
    )  # fmt: skip
    async with served, await connect(url) as conn:
        for first in range(0, len(people), ACTS):
            some = people[first : first + ACTS]
            await client.create_users([{"id": user, "first_name": f"User {user}"} for user in some])
            await client.act_all([{"do": "start", "user": user, "bot": SERVICE.bot_id} for user in some])
        await client.wait_idle(300, bot=SERVICE.bot_id)
        await _make_links(conn, api, links)
        await until(conn, f"{WAITS} AND due_at <= clock_timestamp()", 0)
        await ensure_budget(conn, SERVICE.bot_id, 30.0)
        yield Shop(conn, client, f"http://127.0.0.1:{port}")


async def _make_links(conn: Connection, api: str, links: int) -> None:
    """At once what the service makes over minutes."""
    row = await (await conn.execute("SELECT id, chat_id FROM groups WHERE title = %s", [VIP])).fetchone()
    assert row is not None
    async with make_bot(SERVICE.token, api, 32) as bot:
        for first in range(0, links, 32):
            names = [f"vip-ahead-{number}" for number in range(first, min(first + 32, links))]
            made = await asyncio.gather(
                *[bot.create_chat_invite_link(row["chat_id"], name=name, creates_join_request=True) for name in names]
            )
            await conn.execute(
                "INSERT INTO entry_links (group_id, name, invite_link)"
                " SELECT %s, * FROM unnest(%s::text[], %s::text[])",
                [row["id"], names, [link.invite_link for link in made]],
            )


def selling(links: int) -> Bundle:
    """The playbook as shipped, but that a month opens the VIP group, for which so many links are made ahead."""
    shipped = load_bundle(ROOT / "templates")
    source = yaml.safe_load(yaml.safe_dump(dict(shipped.source)))
    source["plans"][PLAN]["chats"] = [VIP]
    source["access"]["links_ready"] = links
    return Bundle(source, shipped.copy)


async def until(conn: Connection, statement: str, least: int, within: float = 300) -> None:
    """Wait until the statement yields as much."""
    deadline = time.monotonic() + within
    while await count(conn, statement) < least:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{statement}: still {await count(conn, statement)}, not {least}")
        await asyncio.sleep(0.2)


def paid(user: int, number: int) -> bytes:
    """The body of a callback: the user has paid for a month."""
    return body(f"evt-{number}", "payment.paid", f"pay-{number}", payer=user)


def body(event: str, kind: str, charge: str, *, payer: int | None = None, **more: Any) -> bytes:
    """A body as iMe sends it."""
    fields = {
        "id": event, "type": kind, "created_at": datetime.now(UTC).isoformat(), "plan": PLAN, "amount": MINOR,
        "currency": CURRENCY, "charge": charge, "telegram_id": payer, **more,
    }  # fmt: skip
    return orjson.dumps({name: value for name, value in fields.items() if value is not None})


def signed(content: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers that prove it."""
    form, stamp = Form(), str(int(time.time() if at is None else at))
    return {form.timestamp_header: stamp, form.signature_header: f"v1={sign(secret, stamp, content)}"}


async def call(http: aiohttp.ClientSession, gateway: str, content: bytes, headers: dict[str, str]) -> int:
    """One callback; the answer's status."""
    async with http.post(f"{gateway}/payments/ime", data=content, headers=headers) as answer:
        await answer.read()
        return answer.status
