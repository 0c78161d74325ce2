"""MRR in plain Python, by what the tables say: what the SQL of the figures is held against."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, LiteralString

from community.access.calendar import plus_months
from community.database.pool import Connection
from community.insight.definitions import parameters, rows_of, slices
from community.insight.windows import Span, Window
from community.playbook import Playbook

Row = dict[str, Any]
Sums = Counter[tuple[int, str]]
"""Member and currency → smallest units."""
EVERY_PLACE: LiteralString = "SELECT generate_series(0, e.months::int - 1)"


@dataclass(frozen=True)
class Moments:
    """A window between any two moments."""

    since_at: datetime
    until_at: datetime
    zone: str
    span: Span | None = None

    @property
    def since(self) -> Any:
        return self.since_at.date()

    @property
    def until(self) -> Any:
        return self.until_at.date()


class Books:
    """All terms, payments, orders and lines of the ledger, as they are now."""

    def __init__(self, playbook: Playbook, **tables: list[Row]) -> None:
        self.playbook, self.zone = playbook, playbook.community.zone
        self.payments = {(row["provider"], row["charge"]): row for row in tables["payments"]}
        self.orders = {row["id"]: row for row in tables["orders"]}
        self.ledger: Mapping[Any, list[Row]] = defaultdict(list)
        for row in tables["v_ledger"]:
            self.ledger[row["provider"], row["charge"]].append(row)
        self.terms = {row["id"]: row for row in tables["terms"]}
        self.upgrades = defaultdict(list)
        for order in self.orders.values():
            self.upgrades[order["upgrade_of"]].append(order)
        self.of_order = defaultdict(list)
        for term in self.terms.values():
            payment = self.payment(term)
            if payment and payment["order_id"]:
                self.of_order[payment["order_id"]].append(term)

    @classmethod
    async def read(cls, conn: Connection, playbook: Playbook) -> "Books":
        """As the database has them."""
        names: tuple[LiteralString, ...] = ("payments", "orders", "v_ledger", "terms")
        found = {name: await (await conn.execute(f"SELECT * FROM {name}")).fetchall() for name in names}
        return cls(playbook, **found)

    def payment(self, term: Row) -> Row | None:
        """The payment that the term was bought with, if it is for that very plan."""
        payment = self.payments.get((term["source"], term["granted_by"]))
        return payment if payment and payment["plan"] == term["plan"] else None

    def net(self, provider: str, charge: str, at: datetime) -> int:
        """Revenue less refunds by then."""
        lines = self.ledger[provider, charge]
        kinds = ("revenue", "refunds")
        return -sum(r["amount_minor"] for r in lines if r["happened_at"] < at and r["account"].split(":")[0] in kinds)

    def credited(self, order: Row, at: datetime) -> list[Row]:
        """The terms in force by then that had what the order credits."""
        lowered = [
            t for t in self.of_order[order["id"]] if (self.payment(t) or {}).get("paid_minor") == order["amount_minor"]
        ]
        return [t for t in lowered if t["starts_at"] < at and not (t["revoked_at"] and t["revoked_at"] < at)]

    def earned(self, term: Row, at: datetime) -> int:
        """What the term is worth by then: what was paid and kept, and credits that came in, or went out."""
        payment = self.payment(term)
        assert payment is not None
        minor = self.net(payment["provider"], payment["charge"], at)
        order = self.orders.get(payment["order_id"])
        if order and term in self.credited(order, at):
            minor += order["credit_minor"]
        return minor - sum(o["credit_minor"] for o in self.upgrades[term["id"]] if self.credited(o, at))

    def recurring(self, term: Row) -> bool:
        """Whether its money comes again and again."""
        plan = self.playbook.plans[term["plan"]]
        return term["line"] in self.playbook.insight.recurring and not plan.trial and plan.length is not None

    def months(self, term: Row) -> int:
        """For how many months the plan was sold."""
        length = self.playbook.plans[term["plan"]].length
        assert length is not None
        return length.months or max(1, round(length.hours / 24 / 30.4375))

    def runs(self, term: Row, at: datetime) -> bool:
        """Whether the term covers the moment before this one."""
        revoked = term["revoked_at"] is not None and term["revoked_at"] < at
        return term["starts_at"] < at <= term["ends_at"] and not revoked

    def slice(self, term: Row, at: datetime) -> int:
        """The slice of the term that runs then."""
        total, months = self.earned(term, at), self.months(term)
        zero = term["counted_from_at"]
        first = next(n for n in count() if plus_months(zero, n, self.zone) >= term["starts_at"])
        begun = [n for n in range(months) if plus_months(zero, first + n, self.zone) < at]
        place = max(begun, default=0)
        return total * (place + 1) // months - total * place // months

    def mrr(self, at: datetime) -> Sums:
        """The slices that run then, by member and currency."""
        found: Sums = Counter()
        for term in self.terms.values():
            payment = self.payment(term)
            replaced = any(self.credited(order, at) for order in self.upgrades[term["id"]])
            if payment and self.recurring(term) and self.runs(term, at) and not replaced:
                found[term["member_id"], payment["currency"]] += self.slice(term, at)
        return Counter({key: minor for key, minor in found.items() if minor})


async def rows(conn: Connection, playbook: Playbook, kpi: str, since: datetime, until: datetime) -> list[Row]:
    """The rows of a figure between any two moments."""
    values = parameters(playbook, _window(playbook, since, until))
    return await (await conn.execute(rows_of(kpi), values)).fetchall()


async def mrr(conn: Connection, playbook: Playbook, at: datetime) -> Sums:
    """What the SQL says of that moment, by member and currency."""
    found: Sums = Counter()
    for row in await rows(conn, playbook, "mrr", at, at):
        found[row["member_id"], row["currency"]] += row["minor"]
    return Counter({key: minor for key, minor in found.items() if minor})


async def all_slices(conn: Connection, playbook: Playbook, at: datetime) -> list[Row]:
    """All slices of all that was ever paid for, as known then."""
    text = slices(asked="true", places=EVERY_PLACE)
    values = parameters(playbook, _window(playbook, at, at))
    return await (await conn.execute(f"SELECT DISTINCT * FROM ({text}) AS s", values)).fetchall()


def _window(playbook: Playbook, since: datetime, until: datetime) -> Window:
    return Moments(since, until, playbook.community.zone)  # type: ignore[return-value]


async def broken(
    conn: Connection, playbook: Playbook, moments: list[datetime], pairs: list[tuple[datetime, datetime]]
) -> dict[str, int]:
    """How much does not fit: slices against Python, movements against their difference, slices against the ledger."""
    books = await Books.read(conn, playbook)
    at = {moment: await mrr(conn, playbook, moment) for moment in {*moments, *(m for pair in pairs for m in pair)}}
    other = sum(at[moment] != books.mrr(moment) for moment in moments)
    gaps = 0
    for since, until in pairs:
        moved: Sums = Counter()
        for row in await rows(conn, playbook, "mrr_movements", since, until):
            moved[row["member_id"], row["currency"]] += row["minor"]
        keys = {*at[since], *at[until], *moved}
        gaps += sum(at[until][key] - at[since][key] != moved[key] for key in keys)
    return {
        "moments at which MRR is another": other,
        "members whose movements do not sum": gaps,
        "payments cut otherwise than earned": await _cut_otherwise(conn, playbook, books, max(moments)),
    }


async def _cut_otherwise(conn: Connection, playbook: Playbook, books: Books, at: datetime) -> int:
    """Payments of which slices do not add up to what the ledger says, with what credits moved between them."""
    cut: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in await all_slices(conn, playbook, at):
        cut[row["provider"], row["charge"]] += row["minor"]
        places[row["provider"], row["charge"]].append(row["place"])
    wanted: Counter[tuple[str, str]] = Counter()
    ledger: Counter[tuple[int, str]] = Counter()
    sums: Counter[tuple[int, str]] = Counter()
    for key, payment in books.payments.items():
        terms = [t for t in books.terms.values() if (t["source"], t["granted_by"]) == key]
        terms = [t for t in terms if books.payment(t) and books.recurring(t) and t["starts_at"] < at]
        if terms and payment["member_id"]:
            terms.sort(key=lambda t: (not (t["revoked_at"] and t["revoked_at"] < at), t["id"]))
            wanted[key] = books.earned(terms[-1], at)
            ledger[payment["member_id"], payment["currency"]] += books.net(*key, at)
            sums[payment["member_id"], payment["currency"]] += cut[key]
    unlike = sum(wanted[key] != cut[key] for key in {*wanted, *cut})
    twice = sum(sorted(found) != list(range(len(found))) for found in places.values())
    return unlike + twice + sum(ledger[key] != sums[key] for key in {*ledger, *sums})
