"""Answers to surveys: of each asking the newest stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "surveys.sql")

NPS = "nps"
"""How likely the member is to recommend the community, 0 to 10 (SOP 1.25)."""
DETRACTORS = range(7)
"""Scores after which somebody asks what was wrong."""
PROMOTERS = range(9, 11)


@dataclass(frozen=True, slots=True)
class Results:
    """A survey over some time: how often it was sent, and the answers by score."""

    asked: int
    scores: Mapping[int, int]

    @property
    def answered(self) -> int:
        """Answers of any score."""
        return sum(self.scores.values())

    def share(self, scores: range) -> int:
        """Answers with one of these scores."""
        return sum(self.scores.get(score, 0) for score in scores)

    @property
    def net_promoters(self) -> float | None:
        """The net promoter score: 100 where all recommend, -100 where nobody does; None without an answer."""
        if not self.answered:
            return None
        return 100 * (self.share(PROMOTERS) - self.share(DETRACTORS)) / self.answered


async def answer(conn: Connection, member_id: int, survey: str, occurrence: str, score: int, at: datetime) -> None:
    """The member answered that asking of the survey, perhaps once more."""
    values = {"member_id": member_id, "survey": survey, "occurrence": occurrence, "score": score, "at": at}
    await conn.execute(queries.answer, values)


async def results(conn: Connection, survey: str, since: datetime, until: datetime) -> Results:
    """What came of the survey after `since`, up to `until` (SOP time)."""
    values = {"survey": survey, "since": since, "until": until}
    rows = await (await conn.execute(queries.results, values)).fetchall()
    asked = await (await conn.execute(queries.asked, values)).fetchone()
    assert asked is not None
    return Results(asked["asked"], {row["score"]: row["answers"] for row in rows})
