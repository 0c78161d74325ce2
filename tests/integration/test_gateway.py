"""The gateway over real HTTP: tracked links, webhook, health, metrics, headers."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp
import pytest
import uvicorn
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from community.bundle import Bundle
from community.database.installation import beat
from community.database.pool import Connection, Pool
from community.database.wakeup import UPDATES, Wakeup
from community.gateway.app import HEADERS, WEBHOOK, create_gateway
from community.gateway.bodies import MOST_BYTES
from community.gateway.server import http_config
from community.gateway.webhook import SECRET_HEADER
from community.members.links import LINKS, link_url
from community.sandbox.server import bind
from community.settings import Mode, Settings
from tests.integration.conftest import MakeMember
from tests.integration.telegram_kit import BOT_ID, private

BROWSER = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"}


class Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        pass


@dataclass
class Gateway:
    url: str
    http: aiohttp.ClientSession
    settings: Settings
    wakeup: Wakeup
    conn: Connection

    async def visit(self, path: str, method: str = "GET", **headers: str) -> aiohttp.ClientResponse:
        answer = await self.http.request(method, f"{self.url}{path}", headers=BROWSER | headers, allow_redirects=False)
        await answer.read()  # else its connection is left to the garbage collector
        return answer

    async def post(self, body: bytes, secret: str | None, bot: int = BOT_ID) -> int:
        headers = {} if secret is None else {SECRET_HEADER: secret}
        async with self.http.post(f"{self.url}/telegram/{bot}", data=BytesIO(body), headers=headers) as answer:
            return answer.status

    async def metrics(self) -> dict[str, float]:
        """Every sample, named `name{label,label}`."""
        text = await (await self.visit("/metrics")).text()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {f"{s.name}{{{','.join(s.labels.values())}}}" if s.labels else s.name: s.value for s in samples}

    async def clicks(self) -> list[dict[str, Any]]:
        query = "SELECT member_id, data FROM events WHERE kind = 'click' ORDER BY id"
        return await (await self.conn.execute(query)).fetchall()

    @property
    def secret(self) -> str:
        return self.settings.derived_secret(WEBHOOK)

    def link(self, token: str, message_id: int) -> str:
        return link_url("", self.settings.lasting_secret(LINKS), token, message_id, "")


@pytest.fixture
async def gateway(pool: Pool, conn: Connection, bundle: Bundle, database_url: str) -> AsyncIterator[Gateway]:
    settings = Settings(
        _env_file=None, mode=Mode.real, telegram_token=SecretStr(f"{BOT_ID}:secret"), public_url="https://sop.test"
    )
    wakeup = Wakeup(database_url)
    listener = bind("127.0.0.1", 0)
    server = Server(http_config(create_gateway(pool, settings, wakeup, lambda: "the_bot")))
    serving = asyncio.create_task(server.serve([listener]))
    async with aiohttp.ClientSession() as http:
        yield Gateway(f"http://127.0.0.1:{listener.getsockname()[1]}", http, settings, wakeup, conn)
    server.should_exit = True
    await serving


async def test_an_entry_link_is_recorded_and_leads_to_the_bot(gateway: Gateway) -> None:
    answer = await gateway.visit("/l/partner-a")

    assert (answer.status, answer.headers["Location"]) == (302, "https://t.me/the_bot?start=partner-a")
    assert await gateway.clicks() == [{"member_id": None, "data": {"link": "partner-a"}}]


async def test_a_link_in_a_message_names_its_member_and_confirms_the_message(
    gateway: Gateway, member: MakeMember, conn: Connection
) -> None:
    number = await member()
    row = await (
        await conn.execute(
            "INSERT INTO messages"
            " (bot_id, member_id, chat_id, lane, stage, step, occurrence, state, planned_at, due_at)"
            " VALUES (%s, %s, 10001, 5, 's', 's', 'o', 'uncertain', now(), now()) RETURNING id",
            [BOT_ID, number],
        )
    ).fetchone()
    assert row is not None
    answer = await gateway.visit(gateway.link("tariff_lookup", row["id"]))

    assert (answer.status, answer.headers["Location"]) == (302, "https://hts.usitc.gov/")
    assert await gateway.clicks() == [{"member_id": number, "data": {"link": "tariff_lookup", "message": row["id"]}}]
    state = await (await conn.execute("SELECT state, reason FROM messages")).fetchone()
    assert state == {"state": "sent", "reason": "confirmed_by_member"}


ROBOTS = [
    "TelegramBot (like TwitterBot)",
    "facebookexternalhit/1.1",
    "WhatsApp/2.23",
    "Slackbot-LinkExpanding 1.0",
    "Twitterbot/1.0",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Mozilla/5.0 (compatible; Googlebot/2.1)",
    "curl/8.5",
    "",
]


async def test_link_previews_are_redirected_but_not_counted_as_clicks(gateway: Gateway) -> None:
    before = await gateway.metrics()
    answers = [await gateway.visit("/l/partner-a", **{"User-Agent": agent}) for agent in ROBOTS]
    answers.append(await gateway.visit("/l/partner-a", "HEAD"))

    assert {answer.status for answer in answers} == {302}
    assert await gateway.clicks() == []
    counted = await gateway.metrics()
    assert counted["sop_link_previews_total"] - before["sop_link_previews_total"] == len(answers)


async def test_unknown_and_forged_links_are_a_friendly_404_and_counted(gateway: Gateway) -> None:
    before = await gateway.metrics()
    good = gateway.link("tariff_lookup", 7)
    bad = [
        "/l/nobody",
        good[:-1] + "x",
        good[:-8] + "00000000",
        good.replace(".7.", ".8."),
        "/l/a.b",
        "/l/%00",
        "/l/a%2Fb",
    ]
    bad += [
        "/l/https:%2F%2Fevil.example",
        "/l/" + "a" * 5000,
        "/l/",
        "/l/partner-a.zzzzzzzzzzzzzzz.00000000",
        "/nowhere",
        "/",
    ]
    for path in bad:
        answer = await gateway.visit(path)
        assert answer.status == 404, path
        assert "Telegram" in await answer.text()
        assert "Location" not in answer.headers

    counted = await gateway.metrics()
    unknown = [f"sop_link_unknown_total{{{reason}}}" for reason in ("unknown", "forged")]
    assert sum(counted.get(name, 0) - before.get(name, 0) for name in unknown) >= 7
    assert await gateway.clicks() == []


async def test_every_answer_carries_the_security_headers(gateway: Gateway) -> None:
    for path in ("/l/partner-a", "/l/nobody", "/health", "/metrics", "/nowhere"):
        answer = await gateway.visit(path)
        assert HEADERS.items() <= dict(answer.headers).items(), path
        assert "Strict-Transport-Security" in answer.headers


async def test_the_webhook_stores_once_and_wakes_the_workers(gateway: Gateway, conn: Connection) -> None:
    body = json.dumps(private("hi \0 \ud800")).encode()

    assert [await gateway.post(body, gateway.secret) for _ in range(3)] == [200, 200, 200]
    assert gateway.wakeup.event(UPDATES).is_set()
    rows = await (
        await conn.execute("SELECT state, kind, payload #>> '{message,text}' AS text FROM updates")
    ).fetchall()
    assert rows == [{"state": "pending", "kind": "message", "text": "hi  "}]


async def test_deliveries_at_once_are_stored_together_and_each_once(gateway: Gateway, conn: Connection) -> None:
    before = await gateway.metrics()
    bodies = [b'{"update_id": %d, "message": {}}' % (number % 200) for number in range(300)]
    assert set(await asyncio.gather(*(gateway.post(body, gateway.secret) for body in bodies))) == {200}
    row = await (await conn.execute("SELECT count(*) AS stored FROM updates")).fetchone()
    assert row == {"stored": 200}
    after = await gateway.metrics()
    names = {what: f"sop_webhook_updates_total{{{what}}}" for what in ("new", "repeated")}
    grown = {what: after[name] - before.get(name, 0) for what, name in names.items()}
    assert grown == {"new": 200, "repeated": 100}


async def test_while_nothing_can_be_stored_telegram_is_asked_to_come_again(gateway: Gateway, pool: Pool) -> None:
    await pool.close()
    answers = await asyncio.gather(*(gateway.post(b'{"update_id": 1}', gateway.secret) for _ in range(3)))
    assert set(answers) == {503}


async def test_forged_and_malformed_deliveries_are_refused_and_counted(gateway: Gateway, conn: Connection) -> None:
    body = json.dumps(private("hi")).encode()
    before = await gateway.metrics()
    for forged in (None, "", "wrong", gateway.secret[:-1], gateway.secret + "x", "é"):
        assert await gateway.post(body, forged) == 403
    for malformed in (b"", b"{", b"[]", b'{"update_id": "1"}', b"[" * 100_000):
        assert await gateway.post(malformed, gateway.secret) == 400
    assert await gateway.post(b'{"update_id": 1, "x": "' + b"a" * MOST_BYTES + b'"}', gateway.secret) == 413
    assert await gateway.post(body, gateway.secret, bot=1) == 404
    assert (await gateway.visit(f"/telegram/{BOT_ID}")).status == 405

    assert await (await conn.execute("SELECT FROM updates")).fetchall() == []
    counted = await gateway.metrics()
    refused = {
        r: counted[n] - before.get(n, 0) for r in ("secret", "malformed") if (n := f"sop_webhook_refused_total{{{r}}}")
    }
    assert refused == {"secret": 6, "malformed": 5}


async def test_health_tells_of_database_and_heartbeat(gateway: Gateway, conn: Connection, pool: Pool) -> None:
    assert (await (await gateway.visit("/health")).json()) == {"status": "ok", "heartbeat_age_s": None}
    await beat(conn, "here:1", "service")
    answer = await (await gateway.visit("/health")).json()
    assert 0 <= answer["heartbeat_age_s"] < 60
    await pool.close()
    assert (await gateway.visit("/health")).status == 503


async def test_metrics_tell_what_waits_and_what_failed(gateway: Gateway, conn: Connection) -> None:
    await conn.execute(
        "INSERT INTO messages (bot_id, chat_id, lane, stage, step, occurrence, state, planned_at, due_at)"
        " SELECT %s, n, 55, 's', 's', n::text, CASE WHEN n < 3 THEN 'failed' ELSE 'waiting' END, now(), now()"
        " FROM generate_series(1, 5) AS n",
        [BOT_ID],
    )
    await conn.execute(
        "INSERT INTO updates (bot_id, update_id, user_key, kind, payload, state, received_wall)"
        " VALUES (%s, 1, 1, 'message', '{}', 'failed', now())",
        [BOT_ID],
    )
    counted = await gateway.metrics()

    assert counted["sop_messages{campaign,waiting}"] == 3
    assert counted["sop_messages{campaign,failed}"] == 2
    assert (counted["sop_updates{failed}"], counted["sop_updates{pending}"]) == (1, 0)
    assert counted["sop_database_up"] == 1


async def test_no_answer_shows_a_secret(gateway: Gateway) -> None:
    for path in ("/", "/health", "/metrics", "/l/nobody"):
        text = await (await gateway.visit(path)).text()
        assert gateway.secret not in text
        assert gateway.settings.token not in text
