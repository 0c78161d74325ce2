"""The daily look at what the SOP has taught: holdouts and versions, kept for pages and reports (SOP 4.7, 6.4, 6.5).

Both read months of messages: too much for whoever opens a page. Experiments keep their own last look.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.insight.holdouts import Comparison, comparisons
from community.insight.numbers import percent
from community.insight.said import Words
from community.insight.versions import DAYS, Version, Worse, proposed_rollback, versions
from community.insight.windows import Window, day_of
from community.outbox.alerts import Alert, alert

queries = load(__file__, "report.sql")

KIND = "learning"


@dataclass(frozen=True, slots=True)
class Learned:
    """What a look found. `worse`: by which measures the version in force is to be taken back."""

    day: date
    at: datetime
    days: int
    """So many it looked back."""
    within: timedelta
    """What a purchase had to be within, to count for a holdout."""
    holdouts: tuple[Comparison, ...]
    versions: tuple[Version, ...]
    worse: tuple[Worse, ...]


_LEARNED = TypeAdapter(Learned)


async def learn(conn: Connection, bundle: Bundle, at: datetime, words: Words) -> Learned:
    """Look as of `at` (SOP time), and keep it. A version to be taken back is told to staff, once while that lasts."""
    seen = await _look(conn, bundle, at)
    async with transaction(conn):
        await conn.execute(queries.one_learning)
        before = await learned(conn, seen.day)
        values = {"kind": KIND, "since": seen.day, "made_at": at}
        await conn.execute(queries.store, {**values, "content": Jsonb(_LEARNED.dump_python(seen, mode="json"))})
        known = {each.version for each in before.worse} if before else set()
        if seen.worse and seen.worse[0].version not in known:
            await alert(conn, _alert(seen.worse, words), at)
    return seen


async def learned(conn: Connection, day: date) -> Learned | None:
    """The last look up to that day; None: there was none."""
    row = await (await conn.execute(queries.up_to, {"kind": KIND, "day": day})).fetchone()
    return _LEARNED.validate_python(row["content"]) if row else None


async def _look(conn: Connection, bundle: Bundle, at: datetime) -> Learned:
    playbook = bundle.playbook
    zone = playbook.community.zone
    today = day_of(at, zone)
    asked = Window(None, today - timedelta(days=DAYS - 1), today + timedelta(days=1), zone)
    return Learned(
        day=today,
        at=at,
        days=DAYS,
        within=playbook.holdout.within,
        holdouts=tuple(await comparisons(conn, playbook, asked, at)),
        versions=tuple(await versions(conn, playbook, at)),
        worse=tuple(await proposed_rollback(conn, playbook, at)),
    )


def _alert(worse: tuple[Worse, ...], words: Words) -> Alert:
    version, before = worse[0].version, worse[0].before
    measures = [
        words.say("rollback_measure", name=words.kpi(each.measure), now=percent(each.now.share),
                  was=percent(each.was.share))
        for each in worse
    ]  # fmt: skip
    return Alert(
        f"rollback:{version}",
        words.say("rollback_what", version=version, before=before, measures=words["between"].join(measures)),
        "sop versions",
        words.say("rollback_next", command=f"sop rollback --to {before}"),
    )
