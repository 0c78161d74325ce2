"""Answers to surveys: of each asking the newest stands."""

from datetime import datetime

from community.database.pool import Connection
from community.database.queries import load

queries = load(__file__, "surveys.sql")

NPS = "nps"
"""How likely the member is to recommend the community, 0 to 10 (SOP 1.25)."""
DETRACTORS = range(7)
"""Scores after which somebody asks what was wrong."""
PROMOTERS = range(9, 11)


async def answer(conn: Connection, member_id: int, survey: str, occurrence: str, score: int, at: datetime) -> None:
    """The member answered that asking of the survey, perhaps once more."""
    values = {"member_id": member_id, "survey": survey, "occurrence": occurrence, "score": score, "at": at}
    await conn.execute(queries.answer, values)
