"""Whatever is delivered to the webhook ends handled, failed with a reason, or refused; everybody else is served."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from prometheus_client import REGISTRY
from pydantic import SecretStr
from starlette.types import ASGIApp, Message

from community.bot.inbox import store
from community.bot.private import MOST_A_MINUTE
from community.database.wakeup import Wakeup
from community.gateway.app import WEBHOOK, create_gateway
from community.gateway.webhook import SECRET_HEADER
from community.members.clean import storable
from community.settings import Mode, Settings
from tests.hostile import SEEDS, TEXTS, bent, nested
from tests.integration.telegram_kit import (
    ANN,
    BEN,
    BOT_ID,
    Desk,
    desk,
    group_message,
    join_request,
    press,
    private,
    update,
    user,
)

__all__ = ["desk"]

SETTINGS = Settings(_env_file=None, mode=Mode.real, telegram_token=SecretStr(f"{BOT_ID}:secret"))
MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


async def deliver(app: ASGIApp, body: bytes) -> int:
    """Post a body to the webhook, as Telegram does; returns the answer's status."""
    headers = [(SECRET_HEADER.lower().encode(), SETTINGS.derived_secret(WEBHOOK).encode())]
    scope = {"type": "http", "method": "POST", "path": f"/telegram/{BOT_ID}", "query_string": b"", "headers": headers}
    answers: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        answers.append(message)

    await app(scope, receive, send)
    return int(answers[0]["status"])


@pytest.fixture
def webhook(desk: Desk, database_url: str) -> ASGIApp:
    return create_gateway(desk.pool, SETTINGS, Wakeup(database_url), lambda: None)


def counted(name: str, **labels: str) -> float:
    """The sum of a counter over the labels that are not named."""
    found = (sample for family in REGISTRY.collect() for sample in family.samples if sample.name == name)
    return sum(sample.value for sample in found if labels.items() <= sample.labels.items())


async def handle_all(desk: Desk) -> None:
    async with asyncio.timeout(30):
        await desk.workers.drain()
        while await desk.checkouts.answer():
            pass


@MANY
@given(st.lists(bent(), min_size=4, max_size=12))
async def test_updates_of_any_shape(desk: Desk, webhook: ASGIApp, updates: list[dict[str, Any]]) -> None:
    after = [private("help"), private("help", BEN), group_message("hi", BEN)]
    before = counted("sop_updates_total")
    assert await asyncio.gather(*(deliver(webhook, json.dumps(update).encode()) for update in updates)) == [200] * len(
        updates
    )
    for good in after:
        assert await deliver(webhook, json.dumps(good).encode()) == 200
    await handle_all(desk)

    query = "SELECT update_id, state, error FROM updates WHERE update_id = ANY(%s)"
    rows = {row["update_id"]: row for row in await desk.rows(query, [u["update_id"] for u in [*updates, *after]])}
    assert len(rows) == len({update["update_id"] for update in updates}) + len(after), "each is stored"
    assert {row["state"] for row in rows.values()} <= {"handled", "failed"}
    assert [row for row in rows.values() if (row["state"] == "failed") != bool(row["error"])] == []
    assert [rows[update["update_id"]]["state"] for update in after] == ["handled"] * len(after)
    assert counted("sop_updates_total") - before == len(rows), "each is counted"


ENDLESS = [b"[" * depth + b"]" * depth for depth in (64, 900, 960, 985, 5_000, 100_000)]
ODD = {
    "not a number": b'{"update_id": 1, "message": {"date": NaN}}',
    "infinite": b'{"update_id": 2, "message": {"date": -Infinity}}',
    "given twice": b'{"update_id": 3, "message": 1, "message": {"chat": {}, "chat": []}}',
    "4,000 digits": b'{"update_id": 4, "message": {"message_id": ' + b"9" * 4_000 + b"}}",
    "huge float": b'{"update_id": 5, "message": {"date": 1e999}}',
    "surrogates": b'{"update_id": 6, "\\ud800": "\\udfff\\u0000", "message": {"\\u0000": "\\ud800"}}',
    "keys of the language": b'{"update_id": 7, "message": {"__class__": {}, "self": 1, "api_kwargs": {}, "bot": 2}}',
    "much": b'{"update_id": 8, "message": [' + b"{}," * 100_000 + b"{}]}",
    **{f"nested {len(deep) // 2}": b'{"update_id": %d, "message": %s}' % (len(deep), deep) for deep in ENDLESS},
}


async def test_json_that_is_hardly_json_is_stored_or_refused(desk: Desk, webhook: ASGIApp) -> None:
    answers = {name: await deliver(webhook, body) for name, body in ODD.items()}
    assert await deliver(webhook, json.dumps(private("help", BEN)).encode()) == 200
    await handle_all(desk)

    assert {name for name, answer in answers.items() if answer == 400} <= {name for name in ODD if "nested" in name}
    assert set(answers.values()) == {200, 400}
    states = await desk.states()
    assert len(states) == 1 + list(answers.values()).count(200)
    assert "pending" not in states
    assert await desk.said(BEN) == ["bot/help"]


async def test_staff_learn_once_of_what_could_not_be_kept(desk: Desk) -> None:
    before = counted("sop_updates_total", outcome="failed")
    await desk.take(*(update(message=nested(levels)) for levels in (70, 300, 900)))

    rows = await desk.rows("SELECT state, error, payload FROM updates")
    assert rows == [{"state": "failed", "error": "NotKept: nested deeper than 64", "payload": {}}] * 3
    (told,) = await desk.rows("SELECT subject, times FROM alerts")
    assert (told["subject"], told["times"]) == ("update:NotKept:message", 3)
    assert counted("sop_updates_total", outcome="failed") - before == 3


async def everything(desk: Desk) -> dict[str, list[str]]:
    """The content of every table."""
    names = await desk.rows("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
                            " AND relnamespace = 'public'::regnamespace")  # fmt: skip
    return {row["relname"]: sorted(map(str, await desk.rows(f"SELECT * FROM {row['relname']}"))) for row in names}


async def test_updates_delivered_again_change_nothing(desk: Desk, webhook: ASGIApp) -> None:
    bodies = [json.dumps(seed()).encode() for seed in SEEDS.values()]
    for body in bodies:
        assert await deliver(webhook, body) == 200
    await handle_all(desk)
    before = await everything(desk)
    for body in [*reversed(bodies), *bodies]:
        assert await deliver(webhook, body) == 200
    await handle_all(desk)

    assert set(await desk.states()) == {"handled"}, "the seeds are well-formed"
    assert await everything(desk) == before


def written_everywhere(who: int, text: str) -> list[dict[str, Any]]:
    """A member whose name, group and words are all `text`, at the gate, at the buttons, and in every answer."""
    someone = user(who, first_name=text, last_name=text, username=f"{who}{text[:24]}", language_code=text)
    club = {"id": -2000 - who, "type": "supergroup", "title": text}
    pressed = [press(data, someone) for data in (text, f"gate:{text}:1", f"answer:{text}:1", f"problem:{text}:{text}")]
    gate = [join_request(someone, link=text, chat=club), private(text, someone), *pressed]
    return [
        *gate,
        private("no", someone),
        private("7", someone),
        private(text, someone),
        private(f"/start {text}", someone),
        private(f"/{text}", someone),
        private("我的数据", someone),
        group_message(text, someone),
    ]


async def test_every_text_in_every_place_a_member_can_write(desk: Desk) -> None:
    people = dict(enumerate(TEXTS.values(), 100))
    await desk.take(*(update for who, text in people.items() for update in written_everywhere(who, text)))

    assert set(await desk.states()) == {"handled"}
    for who, text in people.items():
        assert (await desk.member(who))["first_name"] == storable(text)
        assert "welcome_drip/welcome" in await desk.said(who)
    for event in await desk.events():
        assert len(str(event["data"])) < 200, "no words of members in events"


async def test_a_flood_of_one_holds_up_nobody(desk: Desk) -> None:
    muted = counted("sop_flood_muted_total")
    flood = [private(f"spam {n}", ANN) for n in range(150)]
    await store(desk.conn, BOT_ID, [*flood, private("help", BEN)])
    running = asyncio.create_task(desk.workers.run())
    async with asyncio.timeout(30):
        while await desk.rows("SELECT FROM updates WHERE state = 'pending'"):
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    last = await desk.rows("SELECT user_key, max(handled_wall) AS at FROM updates GROUP BY user_key ORDER BY at")
    assert [row["user_key"] for row in last] == [BEN, ANN]
    assert len(await desk.said(ANN)) == MOST_A_MINUTE
    assert counted("sop_flood_muted_total") - muted == len(flood) - MOST_A_MINUTE
