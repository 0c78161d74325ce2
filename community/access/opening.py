"""Granting for a coupon: the coupon is used and the term begins in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from community.access.coverage import last_of_coverage
from community.access.grant import grant, grant_included, plan_of
from community.access.models import Term
from community.access.persons import had
from community.access.terms import line_of, take_turns
from community.access.words import named
from community.database.pool import Connection, transaction
from community.engagement.models import Redemption
from community.engagement.redemptions import Refusal, hold, redeem
from community.errors import AccessRefused
from community.playbook import Playbook
from community.playbook_types import Amount


class Opened(NamedTuple):
    """A term, the line of the ledger by which a coupon was used for it, and terms of what the plan includes."""

    term: Term
    redemption: Redemption
    included: Sequence[Term] = ()

    @property
    def terms(self) -> list[Term]:
        """All that was opened."""
        return [self.term, *self.included]


async def grant_for_coupon(
    conn: Connection,
    playbook: Playbook,
    member_id: int,
    plan: str,
    code: str,
    at: datetime,
    *,
    source: str,
    by: str,
    note: str = "",
    paid: Amount | None = None,
) -> Opened | Refusal:
    """Grant the plan and use the coupon for it; unless `paid` says otherwise, what the coupon leaves to pay was paid.

    What a person may have once, such as a trial, is refused who has had it, unless it was revoked. Raises AccessRefused
    for an unknown plan, or when the member is covered for life: the coupon would be wasted.
    """
    kind = plan_of(playbook, plan)
    async with transaction(conn):
        await take_turns(conn, member_id)
        if kind.once and await had(conn, member_id, plan):
            return Refusal.had_already
        held = await hold(conn, code, member_id, plan, kind.price, at)
        if isinstance(held, Refusal):
            return held
        last = last_of_coverage(await line_of(conn, member_id, kind.line), at)
        if last and last.ends_at is None:
            raise AccessRefused(f"{named(last)} covers the member for life; the coupon is not used")
        paid = paid or (held.due if held.due and held.due.minor else None)
        term = await grant(conn, playbook, member_id, plan, at, source=source, by=by, note=note, paid=paid)
        used = await redeem(conn, code, member_id, plan, kind.price, at, term_id=term.id)
        assert isinstance(used, Redemption)  # it is held
        included = await grant_included(conn, playbook, member_id, plan, at, source=source, by=by)
    return Opened(term, used, included)
