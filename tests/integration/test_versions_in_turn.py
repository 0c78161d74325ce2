"""Whatever versions follow each other while members are half-way: nothing is lost, and nothing comes twice."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import HealthCheck, given, settings, strategies as st

from community.bundle import Bundle
from community.database.pool import Connection, connect
from community.outbox.bundles import publish
from community.outreach.plan import plan
from community.outreach.publishing import put_into_force
from tests.integration.conftest import BOT_ID
from tests.integration.rows import one
from tests.integration.test_in_flight import MORNING, STAGE, step, version

HOUR = timedelta(hours=1)
BEGIN, END = -18, 126
AT = 15
"""Hour of the step that gets other names; whoever renames a step and moves it has made another one."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A version: of its three steps one gets a name, one a time, one may be missing."""

    hour: int
    """So long after the first one."""
    named: str
    moved: int
    there: bool
    ahead: str | None
    mode: str

    def bundle(self, shipped: Bundle, words: int) -> Bundle:
        """As it is published."""
        steps = [
            step("moved", 2, at=f"{self.moved:02}:00", expires_after="40h"),
            step(self.named, 2, at=f"{AT}:00", expires_after="40h"),
            *([step("there", 3, expires_after="40h")] if self.there else []),
        ]
        return version(shipped, *steps, words=f"{words}", plan_ahead=self.ahead, in_flight=self.mode)


FIRST = Publication(BEGIN, "named", 12, there=True, ahead="20h", mode="migrate")
GO = "UPDATE messages SET state = 'sent', sent_at = due_at WHERE state = 'waiting' AND due_at < %s"
"""All that is due is sent."""
publications = st.lists(
    st.builds(
        Publication,
        hour=st.integers(1, 70),
        named=st.sampled_from(("named", "renamed", "again")),
        moved=st.integers(9, 21),
        there=st.booleans(),
        ahead=st.sampled_from((None, "20h", "2d")),
        mode=st.sampled_from(("migrate", "stay")),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda each: each.hour,
)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    versions=publications,
    entered=st.lists(st.integers(BEGIN, 18), min_size=1, max_size=3, unique=True),
    every=st.sampled_from((6, 17, 24)),
)
def test_nothing_is_lost_and_nothing_comes_twice(
    database_url: str, shipped: Bundle, versions: list[Publication], entered: list[int], every: int
) -> None:
    asyncio.run(live(database_url, shipped, versions, entered, every))


async def live(url: str, shipped: Bundle, versions: Sequence[Publication], entered: Sequence[int], every: int) -> None:
    """From hour to hour: members enter, versions are published, the stage runs `every` so many hours, all due goes."""
    first = FIRST.bundle(shipped, 0)
    coming = {each.hour: each.bundle(shipped, number) for number, each in enumerate(versions, 1)}
    async with await connect(url) as conn, conn.transaction(force_rollback=True):
        people: list[tuple[int, int]] = []
        current = first
        await publish(conn, first, "first")
        for hour in range(BEGIN, END):
            at = MORNING + hour * HOUR
            if hour % every and hour not in coming and hour not in entered:
                continue
            await conn.execute(GO, [at])
            people += [(await enter(conn, len(people), at), hour) for when in entered if when == hour]
            if hour in coming:
                current = coming[hour]
                await put_into_force(conn, current, "next", at + HOUR / 4, bot_id=BOT_ID)
            if hour % every == 0:
                await plan(conn, current, STAGE, at + HOUR / 2, bot_id=BOT_ID)
        await conn.execute(GO, [MORNING + 2 * END * HOUR])
        for person, hour in people:
            await check(conn, person, expected(versions, hour))


async def enter(conn: Connection, number: int, at: object) -> int:
    """A member of the group."""
    values = {"number": number + 1, "at": at}
    found = await conn.execute(
        "INSERT INTO members (telegram_id, first_name, dm, entered_at, first_seen_at)"
        " VALUES (%(number)s, 'M', 'open', %(at)s, %(at)s) RETURNING id",
        values,
    )
    person = int((await one(found))["id"])
    await conn.execute(
        "INSERT INTO groups (chat_id, title, registered_at) VALUES (-1001, 'Club', now()) ON CONFLICT DO NOTHING"
    )
    await conn.execute(
        "INSERT INTO memberships (member_id, group_id, joined_at) SELECT %s, id, %s FROM groups WHERE chat_id = -1001",
        [person, at],
    )
    return person


def expected(versions: Sequence[Publication], entered: int) -> set[int]:
    """How often a member may get the step that not every version has: told where all of them that matter agree.

    Where nobody ever stays that is who is in force while it is due; else all since the member entered.
    """
    due = 24 * ((entered + 10) // 24 + 3)
    since = due if all(each.mode == "migrate" for each in versions) else entered
    ordered = sorted(versions, key=lambda each: each.hour)
    before = [FIRST, *(each for each in ordered if each.hour < since)]
    matter = [before[-1], *(each for each in ordered if since <= each.hour <= due + 40)]
    there = {int(each.there) for each in matter}
    return there if len(there) == 1 else {0, 1}


async def check(conn: Connection, person: int, there: set[int]) -> None:
    """Each step once by whatever name, however it was named and timed."""
    rows = await (await conn.execute("SELECT * FROM messages WHERE member_id = %s ORDER BY id", [person])).fetchall()
    sent = Counter("named" if row["step"] in ("renamed", "again") else row["step"] for row in rows if row["sent_at"])
    assert (sent["moved"], sent["named"]) == (1, 1), [(row["step"], row["state"], row["wanted_at"]) for row in rows]
    assert sent["there"] in there, [(row["step"], row["state"], row["wanted_at"]) for row in rows]
    assert {row["state"] for row in rows} <= {"sent", "cancelled"}
