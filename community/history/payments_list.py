"""Import payments from CSV: what was paid before; checked line by line, brought in whole or not at all."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from psycopg import Rollback
from pydantic import BaseModel, ConfigDict, Field, model_validator

from community.database.installation import sop_now
from community.database.pool import Connection
from community.history.roster import Moment, TelegramId, aware
from community.members.lists import read_list
from community.payments.bring_in import ListedPayment, PaymentsBroughtIn, bring_in_payments
from community.playbook import Playbook
from community.playbook_types import Key, Money, Text


class PaymentLine(BaseModel):
    """A line of the list, as validated. Columns not given, or empty, are None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Key
    charge: Annotated[str, Field(max_length=255)]
    telegram_id: TelegramId
    plan: Text
    paid_at: Moment
    amount: Money
    refunded: Money | None = None
    refunded_at: Moment = None
    starts: Moment = None
    ends: Moment = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.amount.minor <= 0:
            raise ValueError("amount: it is nothing; leave the line out")
        if self.refunded and self.refunded.currency != self.amount.currency:
            raise ValueError(f"refunded: not in {self.amount.currency}, as the amount is")
        if self.refunded and self.refunded.minor > self.amount.minor:
            raise ValueError("refunded: more than the amount")
        if self.refunded_at and not self.refunded:
            raise ValueError("refunded_at: say what was refunded, too")
        return self

    def named(self) -> tuple[tuple[str, str], str]:
        """By what it is known, and how it is called."""
        return (self.provider, self.charge), f"charge {self.charge} of {self.provider}"

    def listed(self, number: int, zone: ZoneInfo) -> ListedPayment:
        """The payment; a moment without a zone is taken in `zone`."""
        assert self.paid_at is not None  # what is empty is left out
        return ListedPayment(
            number,
            self.provider,
            self.charge,
            self.telegram_id,
            self.plan,
            aware(self.paid_at, zone),
            self.amount,
            self.refunded.minor if self.refunded else 0,
            aware(self.refunded_at, zone) if self.refunded_at else None,
            aware(self.starts, zone) if self.starts else None,
            aware(self.ends, zone) if self.ends else None,
        )


@dataclass(frozen=True, slots=True)
class PaymentsList:
    """A list as read: its payments, and what is wrong with it by line of the file."""

    payments: list[ListedPayment]
    problems: list[tuple[int, str]]


def read_payments(path: Path, playbook: Playbook) -> PaymentsList:
    """Read and check the list. Raises ImportRefused when the file is no CSV with a column `charge`."""
    read = read_list(path, PaymentLine, ["charge"], named=PaymentLine.named)
    zone = ZoneInfo(playbook.community.zone)
    payments = [line.listed(number, zone) for number, line in read.lines]
    problems = [*read.problems, *_wrong_plans(payments, playbook), *_wrong_times(payments)]
    return PaymentsList(payments, sorted(problems, key=itemgetter(0)))


async def bring_in_list(
    conn: Connection, playbook: Playbook, payments: list[ListedPayment], *, by: str, note: str, apply: bool
) -> PaymentsBroughtIn:
    """Bring the payments in, in one transaction; without `apply` all is undone, and the outcome is what it would be."""
    outcome = PaymentsBroughtIn()
    async with conn.transaction():
        outcome = await bring_in_payments(conn, playbook, payments, await sop_now(conn), by=by, note=note)
        if not apply or outcome.problems:
            raise Rollback
    return outcome


def _wrong_plans(payments: list[ListedPayment], playbook: Playbook) -> Iterator[tuple[int, str]]:
    for payment in payments:
        plan = playbook.plans.get(payment.plan)
        if plan is None:
            known = ", ".join(sorted(playbook.plans)) or "none"
            yield payment.number, f"plan: {payment.plan!r:.40} is not in the playbook; known: {known}"
        elif plan.trial:
            yield payment.number, f"plan: {payment.plan} is a trial, which nobody pays"


def _wrong_times(payments: list[ListedPayment]) -> Iterator[tuple[int, str]]:
    for payment in payments:
        starts_at = payment.starts_at or payment.paid_at
        if payment.ends_at and payment.ends_at <= starts_at:
            yield payment.number, "ends: not after starts; a date is its midnight"
        if payment.refunded_at and payment.refunded_at < payment.paid_at:
            yield payment.number, "refunded_at: before it was paid; a date is its midnight"
