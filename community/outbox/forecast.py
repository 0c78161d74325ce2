"""When the queue will be empty."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__)


@dataclass(frozen=True, slots=True)
class Forecast:
    """The queue at a moment: `due` now, due `later`, and how long `due` takes at `rate` messages a second."""

    due: int
    later: int
    rate: float | None

    @property
    def takes(self) -> timedelta:
        """Time until everything due now is sent, if nothing fails; zero without a rate limit."""
        return self.takes_with(0)

    def takes_with(self, more: int) -> timedelta:
        """The same, with that many more messages due now."""
        return timedelta(seconds=(self.due + more) / self.rate) if self.rate else timedelta()


async def forecast(conn: Connection, bot_id: int, now_at: datetime) -> Forecast:
    """Count the bot's queue."""
    row = await (await conn.execute(queries.forecast, {"bot_id": bot_id, "now_at": now_at})).fetchone()
    assert row is not None
    return Forecast(due=row["due"], later=row["later"], rate=row["rate"])
