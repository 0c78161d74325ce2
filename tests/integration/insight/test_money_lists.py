"""Payments and ad spend from lists: whole or not at all, again without harm, and in the figures of their days."""

from datetime import date
from pathlib import Path

import pytest

from community.access.bring_in import ListedTerm, bring_in_terms
from community.access.grant import grant
from community.access.terms import terms_of
from community.activity.counted import late_days
from community.database.installation import claim, set_virtual_now
from community.database.pool import Connection
from community.errors import ImportRefused
from community.history.payments_list import bring_in_list, read_payments
from community.insight.counting import count
from community.insight.spend import bring_in_spend, read_spend
from community.members.lists import refuse
from community.payments.bring_in import PaymentsBroughtIn
from community.payments.truth import differences, uneven
from community.playbook_types import Amount
from tests.integration.conftest import BOT_ID, MakeMember
from tests.integration.insight.kit import NOW, local
from tests.integration.insight.money_kit import Shop, came_from, day, month, shop
from tests.integration.pay_kit import refunded

__all__ = ["shop"]
HEAD = "provider,charge,telegram_id,plan,paid_at,amount,refunded,refunded_at,starts,ends\n"
SPEND = "day,source,campaign,currency,spent,impressions,clicks\n"
MARCH, FEBRUARY = month("2026-03"), month("2026-02")


class Lists:
    """Lists that an operator brings."""

    def __init__(self, shop: Shop, path: Path) -> None:
        self.shop, self.conn, self.file = shop, shop.conn, path / "list.csv"

    async def payments(self, *lines: str, apply: bool = True) -> PaymentsBroughtIn:
        """Bring payments in, or be refused."""
        self.file.write_text(HEAD + "\n".join(lines) + "\n", "utf-8-sig")
        playbook = self.shop.bundle.playbook
        read = read_payments(self.file, playbook)
        refuse(self.file, read.problems)
        done = await bring_in_list(self.conn, playbook, read.payments, by="op", note="from list.csv", apply=apply)
        refuse(self.file, done.problems)
        return done

    async def spend(self, *lines: str, apply: bool = True) -> tuple[int, int, int]:
        """Bring ad spend in: how much was new, replaced, the same."""
        self.file.write_text(SPEND + "\n".join(lines) + "\n")
        read = read_spend(self.file)
        refuse(self.file, read.problems)
        done = await bring_in_spend(self.conn, read.lines, apply=apply)
        return done.added, done.replaced, done.same


@pytest.fixture
async def lists(shop: Shop, tmp_path: Path, conn: Connection) -> Lists:
    await claim(conn, BOT_ID, "sandbox")
    await set_virtual_now(conn, NOW)
    return Lists(shop, tmp_path)


async def untouched(shop: Shop) -> bool:
    for table in ("payments", "ledger_transactions", "ledger_entries", "terms", "provider_events", "ad_spend"):
        if await shop.rows(f"SELECT 1 FROM {table}"):
            return False
    return True


# Payments.


async def test_a_payment_is_as_if_its_provider_had_told_of_it(lists: Lists, shop: Shop, member: MakeMember) -> None:
    ann, bob = await member(), await member()
    done = await lists.payments(
        "wechat,w1,10001,month,2026-01-05 10:00,100 CNY,,,,",
        "stripe,pi_1,10002,year,2026-02-10T09:00+08:00,200 USD,50 USD,2026-03-01,,",
        "stripe,pi_2,10002,pack,2026-02-10,29 USD,29 USD,2026-02-11,,",
    )
    assert (done.added, done.known, done.terms) == (3, 0, 2)
    assert await shop.balance() == {
        "cash:wechat": 10_000, "revenue:month": -10_000,
        "cash:stripe": 15_000, "revenue:year": -20_000, "refunds:year": 5_000,
        "revenue:pack": -2_900, "refunds:pack": 2_900,
    }  # fmt: skip
    assert await shop.terms(ann) == [("month", local("2026-01-05 10:00"), local("2026-02-05 10:00"))]
    assert await shop.terms(bob) == [("year", local("2026-02-10 09:00"), local("2027-02-10 09:00"))]
    payment = await shop.payment("pi_1")
    [term] = await terms_of(shop.conn, bob)
    assert (payment["state"], payment["terms"], payment["member_id"]) == ("matched", [term.id], bob)
    assert (await shop.payment("pi_2"))["state"] == "reversed"
    assert await differences(shop.conn) == []
    assert await uneven(shop.conn) == []
    assert await shop.rows("SELECT 1 FROM messages") == []
    assert await shop.links() == []
    assert await shop.minor("revenue", month("2026-01")) == 10_000
    assert await shop.minor("refunds", MARCH, "USD") == 5_000
    assert await shop.minor("mrr", FEBRUARY, "USD") == 1_666
    assert await shop.minor("mrr", day("2026-03-01"), "USD") == 1_250
    assert (await shop.value("new_payers", FEBRUARY)).hits == 1


async def test_a_list_may_come_again(lists: Lists, shop: Shop, member: MakeMember) -> None:
    await member()
    line = "wechat,w1,10001,month,2026-01-05,100 CNY,,,,"
    await lists.payments(line)
    done = await lists.payments(line, "wechat,w2,10001,month,2026-02-05,100 CNY,,,,")
    assert (done.added, done.known, done.terms) == (1, 1, 1)
    assert len(await shop.rows("SELECT 1 FROM ledger_transactions")) == 2
    assert len(await shop.rows("SELECT 1 FROM terms")) == 2


async def test_without_apply_nothing_is_written(lists: Lists, shop: Shop, member: MakeMember) -> None:
    await member()
    done = await lists.payments("wechat,w1,10001,month,2026-01-05,100 CNY,,,,", apply=False)
    assert (done.added, done.terms) == (1, 1)
    assert await untouched(shop)


async def test_one_wrong_line_and_nothing_comes_in(lists: Lists, shop: Shop, member: MakeMember) -> None:
    await member()
    with pytest.raises(ImportRefused) as refused:
        await lists.payments(
            "wechat,w1,10001,month,2026-01-05,100 CNY,,,,",
            "wechat,w1,10001,month,2026-02-05,100 CNY,,,,",
            "wechat,w2,10001,moon,2026-02-05,100 CNY,,,,",
            "wechat,w3,10001,month,2026-02-05,0 CNY,,,,",
            "wechat,w4,10001,month,2026-02-05,100 CNY,120 CNY,,,",
            "wechat,w5,10001,month,2026-02-05,100 CNY,5 USD,,,",
            "wechat,w6,10001,month,,100 CNY,,,,",
            "wechat,w7,10001,month,2026-02-05,100,,,,",
            "wechat,w8,10001,month,2026-02-05,100 CNY,,2026-02-06,,",
            "WeChat,w9,10001,month,2026-02-05,100 CNY,,,,",
            "wechat,w10,10001,trial,2026-02-05,100 CNY,,,,",
            "wechat,w11,10001,month,2026-02-05,100 CNY,5 CNY,2026-02-04,,",
            "wechat,w12,10001,month,2026-02-05,100 CNY,,,2026-03-01,2026-02-01",
        )
    said = {line.split(":")[1]: line for line in str(refused.value).splitlines()}
    assert sorted(map(int, said)) == list(range(3, 15))
    assert "charge w1 of wechat is in line 2 already" in said["3"]
    assert "moon" in said["4"]
    assert await untouched(shop)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("wechat,w1,99,month,2026-01-05,100 CNY,,,,", "no such member"),
        ("wechat,w1,10001,month,2026-03-19,100 CNY,,,,", "yet to come"),
        ("wechat,w1,10001,month,2026-01-20,100 CNY,,,,", "overlaps term"),
        ("ime,known,10001,month,2026-01-05 10:00,99 CNY,,,,", "there already, with another sum"),
        ("ime,known,10001,month,2026-01-05 10:00,100 CNY,5 CNY,,,", "another sum refunded"),
    ],
)
async def test_what_does_not_fit_what_is_there_is_refused(
    lists: Lists, shop: Shop, member: MakeMember, line: str, words: str
) -> None:
    ann = await member()
    await shop.pays("known", ann, "2026-01-05 10:00")
    before = [await shop.rows(f"SELECT * FROM {table}") for table in ("payments", "terms", "v_ledger")]
    with pytest.raises(ImportRefused, match=words):
        await lists.payments("wechat,fine,10001,pack,2026-01-01,29 USD,,,,", line)
    assert before == [await shop.rows(f"SELECT * FROM {table}") for table in ("payments", "terms", "v_ledger")]


async def test_payments_follow_each_other(lists: Lists, shop: Shop, member: MakeMember) -> None:
    """Paid early, it follows; paid with a gap, it begins when it was paid."""
    ann = await member()
    await lists.payments(
        "w,3,10001,month,2026-03-02 10:00,100 CNY,,,,",
        "w,1,10001,month,2025-11-05 10:00,100 CNY,,,,",
        "w,2,10001,month,2025-11-20 10:00,100 CNY,,,,",
    )
    assert [(starts, ends) for _, starts, ends in sorted(await shop.terms(ann), key=lambda term: term[1])] == [
        (local("2025-11-05 10:00"), local("2025-12-05 10:00")),
        (local("2025-12-05 10:00"), local("2026-01-05 10:00")),
        (local("2026-03-02 10:00"), local("2026-04-02 10:00")),
    ]


@pytest.mark.parametrize("paid", [None, Amount(minor=10_000, currency="CNY")])
async def test_a_term_that_is_there_becomes_the_payments(
    lists: Lists, shop: Shop, member: MakeMember, paid: Amount | None
) -> None:
    """First the list of terms, then that of payments: one term, which counts for MRR now."""
    ann = await member()
    listed = ListedTerm(2, 10_001, "month", local("2026-03-10 00:00"), local("2026-04-10 00:00"), paid)
    await bring_in_terms(shop.conn, shop.bundle.playbook, [listed], NOW, by="op", note="")
    assert await shop.minor("mrr", day("2026-03-17")) == 0
    done = await lists.payments("w,1,10001,month,2026-03-09 21:00,100 CNY,,,,")
    assert (done.added, done.terms) == (1, 0)
    assert len(await shop.terms(ann)) == 1
    assert await shop.minor("mrr", day("2026-03-17")) == 10_000
    assert len(await shop.rows("SELECT 1 FROM events WHERE kind = 'purchase'")) == 1
    assert await differences(shop.conn) == []


async def test_who_granted_it_before_stays_in_its_note(lists: Lists, shop: Shop, member: MakeMember) -> None:
    ann = await member()
    at = local("2026-03-10 00:00")
    await grant(shop.conn, shop.bundle.playbook, ann, "month", at, source="staff", by="op:eva", note="paid in cash")
    line = "w,1,10001,month,2026-03-10 00:00,100 CNY,,,,"
    for _ in range(2):
        await lists.payments(line)
    [term] = await terms_of(shop.conn, ann)
    assert (term.source, term.granted_by) == ("w", "1")
    assert term.note == "paid in cash; granted by op:eva (staff) before"


async def test_what_the_provider_says_later_is_added(lists: Lists, shop: Shop, member: MakeMember) -> None:
    """A refund of a payment from a list: a part changes nothing but the ledger, all of it ends the term."""
    ann = await member()
    await lists.payments("ime,c9,10001,year,2026-01-05 10:00,900 CNY,,,,")  # a former price
    shop.at = local("2026-03-18 13:00")
    await shop.hear(refunded(30_000, "c9", at=shop.at))
    assert (await shop.payment("c9"))["state"] == "matched"
    assert len(await shop.terms(ann)) == 1
    assert await shop.balance() == {"cash:ime": 60_000, "revenue:year": -90_000, "refunds:year": 30_000}
    await shop.hear(refunded(90_000, "c9", at=local("2026-03-18 14:00")))
    assert (await shop.payment("c9"))["state"] == "reversed"
    assert await shop.terms(ann) == []
    assert await differences(shop.conn) == []
    assert await uneven(shop.conn) == []


async def test_figures_of_the_past_follow(lists: Lists, shop: Shop, member: MakeMember) -> None:
    await member()
    await count(shop.conn, shop.bundle.playbook, NOW)
    await lists.payments("w,1,10001,quarter,2026-02-20 10:00,250 CNY,40 CNY,2026-03-03,,")
    marked = await late_days(shop.conn, 1_000)
    assert date(2026, 2, 20) in marked
    assert date(2026, 3, 10) in marked
    while (await count(shop.conn, shop.bundle.playbook, NOW)).left:
        pass
    stored = "SELECT sum(minor) AS minor FROM kpi_values WHERE kpi = %s AND span = %s AND since = %s AND part = ''" \
        " AND group_id = 0 AND source = ''"  # fmt: skip
    for kpi, span, since, minor in (
        ("revenue", "month", date(2026, 2, 1), 25_000),
        ("refunds", "week", date(2026, 3, 2), 4_000),
        ("mrr", "day", date(2026, 3, 1), 8_333),
        ("mrr", "day", date(2026, 3, 10), 7_000),
    ):
        assert await shop.rows(stored, kpi, span, since) == [{"minor": minor}], (kpi, since)


# Ad spend.


async def test_spend_comes_in_and_is_replaced_by_key(lists: Lists, shop: Shop) -> None:
    lines = "2026-03-01,ads,spring,CNY,120.50,1000,30", "2026-03-01,ads,,CNY,7,,"
    assert await lists.spend(*lines, apply=False) == (2, 0, 0)
    assert await untouched(shop)
    assert await lists.spend(*lines) == (2, 0, 0)
    newer = "2026-03-01,ads,spring,CNY,99,1000,30", lines[1], "2026-03-02,tv,,USD,1,,"
    assert await lists.spend(*newer) == (1, 1, 1)
    rows = await shop.rows("SELECT day, source, campaign, currency, spent_minor, clicks FROM ad_spend ORDER BY 1, 2, 3")
    assert [tuple(row.values()) for row in rows] == [
        (date(2026, 3, 1), "ads", "", "CNY", 700, 0),
        (date(2026, 3, 1), "ads", "spring", "CNY", 9_900, 30),
        (date(2026, 3, 2), "tv", "", "USD", 100, 0),
    ]


async def test_spend_of_the_past_changes_its_figures(lists: Lists, shop: Shop, member: MakeMember) -> None:
    ann = await member()
    await came_from(shop.conn, ann, "ads")
    await shop.pays("a", ann, "2026-02-26 10:00")
    while (await count(shop.conn, shop.bundle.playbook, NOW)).left:
        pass
    await lists.spend("2026-02-03,ads,,CNY,50,,")
    assert await late_days(shop.conn, 10) == [date(2026, 2, 3)]
    await lists.spend("2026-02-03,ads,,CNY,50,,")
    await count(shop.conn, shop.bundle.playbook, NOW)
    assert await late_days(shop.conn, 10) == []
    rows = await shop.rows(
        "SELECT kpi, minor, hits FROM kpi_values WHERE span = 'month' AND since = '2026-02-01' AND source = 'ads'"
        " AND kpi IN ('ad_spend', 'cac') ORDER BY kpi"
    )
    assert [tuple(row.values()) for row in rows] == [("ad_spend", 5_000, 0), ("cac", 5_000, 1)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2026-13-01,ads,,CNY,5,,", "day"),
        ("1999-01-01,ads,,CNY,5,,", "day"),
        ("2026-03-01,,,CNY,5,,", "source"),
        ("2026-03-01,ads,,yuan,5,,", "currency"),
        ("2026-03-01,ads,,CNY,-5,,", "is not an amount of money"),
        ("2026-03-01,ads,,CNY,5.001,,", "is not an amount of money"),
        ("2026-03-01,ads,,JPY,5.5,,", "is not an amount of money"),
        ("2026-03-01,ads,,CNY,5,-1,", "impressions"),
        ("2026-03-01,ads,,CNY,5,,x", "clicks"),
        ("2026-03-01,fine,,CNY,6,,", "is in line 2 already"),
    ],
)
async def test_a_wrong_line_of_spend_is_named(lists: Lists, shop: Shop, line: str, words: str) -> None:
    with pytest.raises(ImportRefused, match=rf"list.csv:3: .*{words}"):
        await lists.spend("2026-03-01,fine,,CNY,5,,", line)
    assert await untouched(shop)


async def test_another_head_is_refused(lists: Lists, tmp_path: Path) -> None:
    lists.file.write_text("day,source,cost\n2026-03-01,ads,5\n")
    with pytest.raises(ImportRefused, match="unknown column 'cost'"):
        read_spend(lists.file)
    lists.file.write_bytes("day,source\n2026-03-01,\xe4\n".encode("latin-1"))
    with pytest.raises(ImportRefused, match="not in UTF-8"):
        read_spend(lists.file)
