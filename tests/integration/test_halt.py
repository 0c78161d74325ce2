"""Halts: one row that stops a scope, several sources that each hold their own."""

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.errors import SopError
from community.outbox.bundles import publish
from community.outbox.claim import claim
from community.outbox.halt import halt, halts, mirror, resume
from tests.integration.conftest import BOT_ID, NOON
from tests.integration.rows import Edit, put, states


async def scopes(conn: Connection) -> list[tuple[object, object]]:
    return [(row["scope"], row["source"]) for row in await halts(conn)]


async def test_halting_twice_keeps_the_first_moment_and_the_last_note(conn: Connection) -> None:
    await halt(conn, "all", note="why")
    first = (await halts(conn))[0]
    await halt(conn, "all", note="still")
    assert await halts(conn) == [{**first, "note": "still"}]
    assert await resume(conn, "all")
    assert not await resume(conn, "all")
    assert await halts(conn) == []


async def test_each_source_lifts_its_own(conn: Connection) -> None:
    await halt(conn, "stage:drip")
    await mirror(conn, ["drip", "other"], "prefect", "paused in Prefect")
    await mirror(conn, ["other"], "playbook", "switched off")
    assert len(await halts(conn)) == 4
    await resume(conn, "stage:drip")
    await mirror(conn, ["drip"], "prefect", "paused in Prefect")
    assert await scopes(conn) == [("stage:drip", "prefect"), ("stage:other", "playbook")]
    await mirror(conn, [], "prefect", "")
    assert await scopes(conn) == [("stage:other", "playbook")]


@pytest.mark.parametrize("scope", ["", "ALL", "stage:", "stage:a b", "chat:", "chat:x", "all; DROP TABLE halts"])
async def test_what_cannot_be_halted_is_refused(conn: Connection, scope: str) -> None:
    with pytest.raises(SopError, match="use all, stage:NAME or chat:ID"):
        await halt(conn, scope)
    with pytest.raises(SopError, match="use all, stage:NAME or chat:ID"):
        await resume(conn, scope)


async def test_a_stage_switched_off_in_the_playbook_stops_what_is_queued(
    conn: Connection, bundle: Bundle, edited: Edit
) -> None:
    await put(conn, stage="welcome_drip")
    off = edited(enabled=False)
    await publish(conn, off, "off")
    assert (await claim(conn, BOT_ID, off.playbook, NOON, "one", 32)).rows == []
    assert await states(conn) == {"waiting": 1}
    await publish(conn, bundle, "on again")
    assert len((await claim(conn, BOT_ID, bundle.playbook, NOON, "one", 32)).rows) == 1


async def test_an_operators_halt_outlives_a_publication(conn: Connection, bundle: Bundle) -> None:
    await halt(conn, "stage:welcome_drip")
    await publish(conn, bundle, "again")
    assert await scopes(conn) == [("stage:welcome_drip", "operator")]
