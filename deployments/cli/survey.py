"""`sop survey`."""

import asyncio
from datetime import timedelta

from community.copy_contexts import SCORES
from community.database.installation import sop_now
from community.engagement.surveys import DETRACTORS, NPS, PROMOTERS, Results, results
from deployments.cli.output import console, print_table
from deployments.cli.session import session
from tasks.words import count


def show(days: int) -> None:
    """Print the answers of the last days."""
    asyncio.run(_show(days))


async def _show(days: int) -> None:
    async with session() as s:
        at = await sop_now(s.conn)
        found = await results(s.conn, NPS, at - timedelta(days=days), at)
    print(f"Last {count(days, 'day')}: asked {found.asked:,}, {count(found.answered, 'answer')}.")
    if found.net_promoters is not None:
        print(_in_words(found))
        rows = [(score, found.scores.get(score, 0)) for score in reversed(SCORES)]
        print_table(console(), None, ("score", "answers"), rows)


def _in_words(found: Results) -> str:
    promoters, detractors = found.share(PROMOTERS), found.share(DETRACTORS)
    others = found.answered - promoters - detractors
    return (
        f"Net promoter score {found.net_promoters:+.0f}: {promoters:,} would recommend it (9, 10), "
        f"{others:,} are content (7, 8), {detractors:,} are not (0 to 6)."
    )
