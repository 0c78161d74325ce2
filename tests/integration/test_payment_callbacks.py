"""Callbacks of payment providers over real HTTP: believed only when signed and fresh, stored once, answered fast."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, tzinfo
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from prometheus_client import REGISTRY
from pydantic import SecretStr

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.database.wakeup import PAYMENTS, Wakeup
from community.gateway.app import create_gateway
from community.gateway.bodies import MOST_BYTES
from community.gateway.server import http_config
from community.sandbox.server import bind
from community.settings import Mode, Settings
from tests.integration.telegram_kit import BOT_ID
from tests.integration.test_gateway import Server
from tests.unit import payment_kit as kit

MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
Headers = dict[str, str]


class Till:
    """Posts callbacks to a gateway, and sees what was kept."""

    def __init__(self, url: str, http: aiohttp.ClientSession, wakeup: Wakeup, conn: Connection) -> None:
        self.url, self.http, self.wakeup, self.conn = url, http, wakeup, conn

    async def post(self, provider: str, body: bytes, headers: Headers) -> tuple[int, dict[str, Any]]:
        async with self.http.post(f"{self.url}/payments/{provider}", data=BytesIO(body), headers=headers) as answer:
            return answer.status, await answer.json()

    async def ime(self, body: bytes, **signing: Any) -> int:
        return (await self.post("ime", body, kit.signed_ime(body, **{"at_s": now_s(), **signing})))[0]

    async def rows(self) -> list[dict[str, Any]]:
        query = "SELECT * FROM provider_events ORDER BY provider, event_id"
        return await (await self.conn.execute(query)).fetchall()


def now_s() -> int:
    return int(datetime.now(UTC).timestamp())


def refused(provider: str, reason: str) -> float:
    labels = {"provider": provider, "reason": reason}
    return REGISTRY.get_sample_value("sop_payment_callbacks_refused_total", labels) or 0.0


@pytest.fixture
async def till(pool: Pool, conn: Connection, bundle: Bundle, database_url: str) -> AsyncIterator[Till]:
    options = Settings(
        _env_file=None,
        mode=Mode.real,
        telegram_token=SecretStr(f"{BOT_ID}:secret"),
        ime_secrets=SecretStr(f"main:{kit.IME_SECRET},next:another-secret-of-ime"),
        stripe_webhook_secrets=SecretStr(kit.STRIPE_SECRET),
    )
    wakeup, listener = Wakeup(database_url), bind("127.0.0.1", 0)
    server = Server(http_config(create_gateway(pool, options, wakeup, lambda: "the_bot")))
    serving = asyncio.create_task(server.serve([listener]))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32)) as http:
        yield Till(f"http://127.0.0.1:{listener.getsockname()[1]}", http, wakeup, conn)
    server.should_exit = True
    await serving


async def test_a_signed_callback_is_stored_as_it_came_once_and_wakes_who_settles(till: Till) -> None:
    body = kit.raw(kit.ime(id="e-1", plan="month", subscription="s", period_ends_at=kit.NOW_S))
    assert [await till.ime(body) for _ in range(3)] == [200, 200, 200]
    assert till.wakeup.event(PAYMENTS).is_set()
    [row] = await till.rows()
    assert (row["provider"], row["event_id"], row["kind"], row["state"]) == ("ime", "e-1", "paid", "pending")
    assert (row["charge"], row["order_number"], row["plan"], row["payer"]) == ("pay-1", "A7K2-93QX", "month", 17)
    assert (row["amount_minor"], row["currency"], row["happened_at"]) == (2990, "USD", kit.NOW)
    assert row["body"] == body.decode()


async def test_stripe_is_believed_by_its_own_signature(till: Till) -> None:
    body = kit.raw(kit.stripe("checkout.session.completed", kit.session(), livemode=True))
    status, answer = await till.post("stripe", body, kit.signed_stripe(body, now_s()))
    assert (status, answer) == (200, {"ok": True})
    unknown = kit.raw(kit.stripe("product.created", {"id": "prod_1"}, livemode=True))
    assert (await till.post("stripe", unknown, kit.signed_stripe(unknown, now_s())))[0] == 200
    assert sorted(row["kind"] for row in await till.rows()) == ["paid", "unknown"]
    test = kit.raw(kit.stripe("checkout.session.completed", kit.session()))
    assert await till.post("stripe", test, kit.signed_stripe(test, now_s())) == (
        401,
        {"ok": False, "error": "test_mode"},
    )


async def test_either_key_is_taken_while_one_replaces_the_other(till: Till) -> None:
    for number, signing in enumerate([{}, {"key": "main"}, {"secret": "another-secret-of-ime", "key": "next"}]):
        assert await till.ime(kit.raw(kit.ime(id=f"e-{number}")), **signing) == 200
    assert await till.ime(kit.raw(kit.ime()), secret="another-secret-of-ime", key="main") == 401


REFUSALS: list[tuple[str, dict[str, Any], int]] = [
    ("signature", {"secret": "not-the-secret-of-ime"}, 401),
    ("signature", {"key": "unknown"}, 401),
    ("stale", {"at_s": -301}, 401),
    ("future", {"at_s": 301}, 401),
]


@pytest.mark.parametrize(("reason", "signing", "status"), REFUSALS)
async def test_what_is_not_believed_changes_nothing_but_the_counter(
    till: Till, reason: str, signing: dict[str, Any], status: int
) -> None:
    if "at_s" in signing:
        away = 2 if signing["at_s"] > 0 else 0  # the second may turn meanwhile
        signing = {"at_s": now_s() + signing["at_s"] + away}
    before = refused("ime", reason)
    assert await till.ime(kit.raw(kit.ime()), **signing) == status
    assert refused("ime", reason) == before + 1
    assert await till.rows() == []
    assert not till.wakeup.event(PAYMENTS).is_set()


class Later(datetime):
    """A clock six minutes on."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + timedelta(minutes=6)


async def test_a_replay_within_the_window_is_known_and_after_it_refused(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = kit.raw(kit.ime(id="e-1"))
    headers = kit.signed_ime(body, now_s())
    assert (await till.post("ime", body, headers))[0] == 200
    assert (await till.post("ime", body, headers))[0] == 200
    monkeypatch.setattr("community.gateway.payments.datetime", Later)
    assert await till.post("ime", body, headers) == (401, {"ok": False, "error": "stale"})
    assert len(await till.rows()) == 1


async def test_unsigned_truncated_oversized_and_malformed_callbacks_are_refused(till: Till) -> None:
    body = kit.raw(kit.ime())
    assert await till.post("ime", body, {}) == (401, {"ok": False, "error": "unsigned"})
    assert (await till.post("ime", body[:-1], kit.signed_ime(body, now_s())))[0] == 401
    assert (await till.post("ime", body, kit.signed_stripe(body, now_s())))[0] == 401
    assert await till.ime(b'{"x": "' + b"a" * MOST_BYTES + b'"}') == 413
    for malformed in (b"", b"{", b"[]", b"\xff", kit.raw(kit.ime(charge=None)), kit.raw(kit.ime(amount="29.90"))):
        assert await till.ime(malformed) == 400
    lacking = kit.raw(kit.ime(amount=None))
    answer = await till.post("ime", lacking, kit.signed_ime(lacking, now_s()))
    assert answer == (400, {"ok": False, "error": "malformed", "detail": "the amount is missing"})
    assert await till.rows() == []


async def test_a_provider_without_a_secret_is_not_there(till: Till) -> None:
    for name in ("stars", "paypal", "IME", "ime%2f", "%00"):
        async with till.http.post(f"{till.url}/payments/{name}", data=b"{}") as answer:
            assert answer.status == 404, name
    async with till.http.get(f"{till.url}/payments/ime") as answer:
        assert answer.status == 405


async def test_while_nothing_can_be_stored_the_provider_is_asked_to_come_again(till: Till, pool: Pool) -> None:
    await pool.close()
    assert await till.ime(kit.raw(kit.ime())) == 503


async def test_hundreds_a_second_are_stored_and_each_is_answered_soon(till: Till) -> None:
    """At the promised 300 a second. A test shares its cores, so that it asks of half what 99 % have to keep."""
    took: list[float] = []

    async def deliver(number: int) -> None:
        body = kit.raw(kit.ime(id=f"e-{number}", charge=f"c-{number}"))
        began = time.perf_counter()
        assert await till.ime(body) == 200
        took.append(time.perf_counter() - began)

    await asyncio.gather(*map(deliver, range(600, 700)))
    took.clear()
    async with asyncio.TaskGroup() as group:
        for number in range(600):
            group.create_task(deliver(number))
            await asyncio.sleep(1 / 300)
    assert statistics.median(took) < 0.1
    assert len(await till.rows()) == 700


@st.composite
def forgeries(draw: st.DrawFn) -> tuple[str, bytes, Headers]:
    """A callback that is signed, then changed; or one that its sender signed as best they could."""
    ime = draw(st.booleans())
    body = kit.raw(kit.ime() if ime else kit.stripe("invoice.paid", kit.old_invoice(), livemode=True))
    at = now_s() + draw(st.sampled_from([0, 0, -10_000, 10_000, -(10**9)]))
    sign = kit.signed_ime if ime else kit.signed_stripe
    headers = sign(body, at, draw(st.sampled_from(["", "x", "a-wrong-secret-of-some-length"])))
    if draw(st.booleans()):
        headers = sign(body, at)
        place = draw(st.integers(0, len(body) - 1))
        body = draw(
            st.sampled_from(
                [body[:place], body[:place] + b" " + body[place:], body[:place] + b"\0" + body[place + 1 :]]
            )
        )
    name = draw(st.sampled_from(sorted(headers)))
    match draw(st.sampled_from(["as is", "drop", "text"])):
        case "drop":
            headers.pop(name)
        case "text":
            headers[name] = draw(st.text(st.characters(min_codepoint=32, exclude_categories=["C"]), max_size=60))
    return "ime" if ime else "stripe", body, headers


@MANY
@given(forgeries())
async def test_no_forgery_changes_a_row(till: Till, forgery: tuple[str, bytes, Headers]) -> None:
    provider, body, headers = forgery
    status, answer = await till.post(provider, body, headers)
    assert (status, answer["ok"]) == (401, False)
    assert refused(provider, answer["error"]) >= 1
    assert await till.rows() == []
