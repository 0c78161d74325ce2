"""Rows the core's tests put into the outbox and read back, and a second stage beside the shipped one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from community.bundle import Bundle
from community.database.pool import Connection
from community.outreach import statements
from community.outreach.plan import settings_of_planner
from tests.integration.conftest import BOT_ID, NOON

_numbers = count(1)

EVERYONE = """-- name: audience
SELECT
    m.id AS member_id, s.step, 'once' AS occurrence, %(as_of)s::timestamptz AS due_at,
    %(as_of)s::timestamptz + s.expires_after AS expires_at, m.entered_at AS since_at, %(goals)s::text[] AS goals,
    NULL::text AS barred, '{}'::jsonb AS context
FROM v_members m
CROSS JOIN steps s
WHERE m.in_group AND m.id = ANY (%(members)s)

-- name: absence
SELECT 'unknown' AS absence, NULL::timestamptz AS since_at
"""
FROM_A_MOMENT = """-- name: audience
-- As stages count from something to come: here 300 days after entry. For one language the stage itself is sold out.
SELECT
    m.id AS member_id, s.step, to_char(e.ends_at, 'YYYY-MM-DD') AS occurrence, d.due_at,
    d.due_at + s.expires_after AS expires_at, m.entered_at AS since_at, %(goals)s::text[] AS goals,
    CASE WHEN m.locale = 'en' THEN 'sold_out' END AS barred, '{}'::jsonb AS context
FROM v_members m
CROSS JOIN steps s
CROSS JOIN LATERAL (SELECT m.entered_at + interval '300 days' AS ends_at) AS e
CROSS JOIN LATERAL (
    SELECT coalesce(
        e.ends_at + s.after, ((e.ends_at AT TIME ZONE %(zone)s)::date + s.day + s.local_time) AT TIME ZONE %(zone)s
    ) AS due_at
) AS d
WHERE m.id = ANY (%(members)s) AND d.due_at <= %(as_of)s AND d.due_at > %(as_of)s::timestamptz - interval '14 days'

-- name: absence
SELECT 'not_due' AS absence, entered_at AS since_at FROM v_members WHERE id = %(member_id)s
"""
STEP = {"name": "one", "at": "10:00", "expires_after": "20h", "promotional": True}


def with_stages(bundle: Bundle, *names: str, stage: dict[str, Any] | None = None, **parts: Any) -> Bundle:
    """The bundle with more stages of one promotional step for everyone; `parts` replace parts of the playbook."""
    shape = {**bundle.source["stages"]["welcome_drip"], "class": "campaign", "steps": [STEP], **(stage or {})}
    stages = {**bundle.source["stages"], **dict.fromkeys(names, shape)}
    return Bundle({**bundle.source, "stages": stages, **parts}, bundle.copy)


@contextmanager
def audiences(folder: Path, *names: str, text: str = EVERYONE) -> Iterator[None]:
    """Audiences of everyone (or another `text`) for these stages, and the shipped ones, in the test's own folder."""
    for path in statements.AUDIENCES.glob("*.sql"):
        (folder / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    for name in names:
        (folder / f"{name}.sql").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statements, "AUDIENCES", folder)
        statements.forget()
        yield
    statements.forget()


async def put(conn: Connection, **columns: Any) -> int:
    """A waiting message; returns its number."""
    number = next(_numbers)
    values = {
        "bot_id": BOT_ID,
        "chat_id": 500_000 + number,
        "lane": 35,
        "stage": "test",
        "step": "step",
        "occurrence": f"{number}",
        "exempt": True,
        "planned_at": NOON,
        "due_at": NOON,
        **columns,
    }
    values = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in values.items()}
    names, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    found = await conn.execute(f"INSERT INTO messages ({names}) VALUES ({places}) RETURNING id", values)
    return int((await one(found))["id"])


async def put_many(conn: Connection, number: int, *, chats: int | None = None, **columns: Any) -> None:
    """Many waiting messages, each to a chat of its own, or to `chats` of them in turn."""
    values = {"lane": 35, "stage": "test", "due_at": NOON, "promotional": False, "exempt": True, **columns}
    await conn.execute(
        "INSERT INTO messages (bot_id, chat_id, lane, stage, step, occurrence, promotional, exempt, planned_at, due_at)"
        " SELECT %(bot)s, 900000 + i %% %(chats)s, %(lane)s, %(stage)s, 'many', i::text, %(promotional)s, %(exempt)s,"
        " %(due_at)s, %(due_at)s FROM generate_series(1, %(number)s) AS i",
        {**values, "bot": BOT_ID, "number": number, "chats": chats or number},
    )


async def one(cursor: Any) -> dict[str, Any]:
    """The only row of a cursor."""
    rows = await cursor.fetchall()
    assert len(rows) == 1, rows
    return rows[0]


async def message(conn: Connection, message_id: int) -> dict[str, Any]:
    """A message as it is now."""
    return await one(await conn.execute("SELECT * FROM messages WHERE id = %s", [message_id]))


async def state(conn: Connection, message_id: int) -> tuple[str, str | None]:
    """Its state and reason."""
    found = await message(conn, message_id)
    return found["state"], found["reason"]


async def states(conn: Connection) -> dict[str, int]:
    """State → messages."""
    rows = await (await conn.execute("SELECT state, count(*) AS n FROM messages GROUP BY state")).fetchall()
    return {row["state"]: row["n"] for row in rows}


async def only_message(conn: Connection, **columns: Any) -> dict[str, Any]:
    """The one message with these values."""
    condition = " AND ".join(f"{name} = %({name})s" for name in columns) or "true"
    return await one(await conn.execute(f"SELECT * FROM messages WHERE {condition}", columns))


async def set_member(conn: Connection, member_id: int, **columns: Any) -> None:
    """Change a member."""
    changes = ", ".join(f"{name} = %({name})s" for name in columns)
    await conn.execute(f"UPDATE members SET {changes} WHERE id = %(id)s", {**columns, "id": member_id})


async def rows_read(conn: Connection, bundle: Bundle, stage: str, at: datetime, table: str) -> int:
    """How many rows of the table a plan of everyone looks at."""
    values = statements.parameters(bundle.playbook, stage, bundle.playbook.stage(stage).steps, at, None)
    text = "EXPLAIN (ANALYZE, FORMAT JSON) " + statements.statement("tally", values)
    async with conn.transaction():
        await settings_of_planner(conn, everyone=True)
        [explained] = (await one(await conn.execute(text, values)))["QUERY PLAN"]
    return _read(explained["Plan"], table)


def _read(node: dict[str, Any], table: str) -> int:
    own = node.get("Relation Name") == table
    seen = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"] if own else 0
    return int(seen) + sum(_read(child, table) for child in node.get("Plans", []))


async def reach(conn: Connection, member_id: int, kind: str, at: datetime) -> None:
    """The member reached a milestone."""
    await conn.execute("INSERT INTO milestones VALUES (%s, %s, %s, %s)", [member_id, kind, at, at])


Edit = Callable[..., Bundle]
