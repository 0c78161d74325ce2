"""Import what members hold from CSV: plans and their spans; checked line by line, brought in whole or not at all."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from zoneinfo import ZoneInfo

from psycopg import Rollback
from pydantic import BaseModel, ConfigDict

from community.access.bring_in import ListedTerm, TermsBroughtIn, bring_in_terms
from community.access.calendar import end_of
from community.database.installation import sop_now
from community.database.pool import Connection
from community.history.roster import Moment, TelegramId, aware
from community.members.lists import ReadList, read_list
from community.playbook import Playbook
from community.playbook_types import Money, Text


class TermLine(BaseModel):
    """A line of the list, as validated. Columns not given, or empty, are None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    telegram_id: TelegramId
    plan: Text
    starts: Moment
    ends: Moment = None
    paid: Money | None = None

    def listed(self, number: int, playbook: Playbook) -> ListedTerm:
        """The term: without an end it ends as the plan says; a moment without a zone is the community's."""
        zone = ZoneInfo(playbook.community.zone)
        assert self.starts is not None  # what is empty is left out
        starts_at = aware(self.starts, zone)
        length = playbook.plans[self.plan].length
        ends_at = aware(self.ends, zone) if self.ends else end_of(starts_at, starts_at, length, str(zone))
        return ListedTerm(number, self.telegram_id, self.plan, starts_at, ends_at, self.paid)


@dataclass(frozen=True, slots=True)
class TermsList:
    """A list as read: its terms, and what is wrong with it by line of the file."""

    terms: list[ListedTerm]
    problems: list[tuple[int, str]]


def read_terms(path: Path, playbook: Playbook) -> TermsList:
    """Read and check the list. Raises ImportRefused when the file is no CSV with a column `telegram_id`."""
    read = read_list(path, TermLine, ["telegram_id"], once=False)
    known = [(number, line) for number, line in read.lines if line.plan in playbook.plans]
    terms = [line.listed(number, playbook) for number, line in known]
    problems = [*read.problems, *_wrong_plans(read, playbook), *_wrong_spans(terms)]
    return TermsList(terms, sorted(problems, key=itemgetter(0)))


async def bring_in_list(
    conn: Connection, playbook: Playbook, terms: list[ListedTerm], *, by: str, note: str, apply: bool
) -> TermsBroughtIn:
    """Bring the terms in, in one transaction; without `apply` all is undone, and the outcome is what it would be."""
    outcome = TermsBroughtIn()
    async with conn.transaction():
        outcome = await bring_in_terms(conn, playbook, terms, await sop_now(conn), by=by, note=note)
        if not apply:
            raise Rollback
    return outcome


def _wrong_plans(read: ReadList[TermLine], playbook: Playbook) -> Iterator[tuple[int, str]]:
    known = ", ".join(sorted(playbook.plans)) or "none"
    for number, line in read.lines:
        if line.plan not in playbook.plans:
            yield number, f"plan: {line.plan!r:.40} is not in the playbook; known: {known}"


def _wrong_spans(terms: list[ListedTerm]) -> Iterator[tuple[int, str]]:
    for term in terms:
        if term.ends_at is not None and term.ends_at <= term.starts_at:
            yield term.number, "ends: not after starts; a date is its midnight"
