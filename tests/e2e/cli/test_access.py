"""`sop access`, `sop coupon` and `sop import terms`."""

from pathlib import Path

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.engagement.redemptions import Refusal
from deployments.cli.session import operator
from tasks.words import REFUSALS
from tests.e2e.cli.conftest import HOSTILE, MakeMember, Sop, table

NOTE = ("--note", "by transfer")


@pytest.fixture
async def eve(conn: Connection, bundle: Bundle, member: MakeMember) -> int:
    return await member(telegram_id=71, first_name=HOSTILE, username="eve")


async def test_a_term_is_granted_shown_corrected_cancelled_and_revoked(sop: Sop, conn: Connection, eve: int) -> None:
    ran = await sop("access", "grant", "@eve", "month", *NOTE, "--paid", "199 CNY")
    assert ran.out == "Member 1 holds month from 2026-03-04 12:00 to 2026-04-04 12:00 (Asia/Shanghai): term 1.\n", (
        ran.err
    )
    ran = await sop("access", "grant", eve, "year", *NOTE)
    assert "holds year from 2026-04-04 12:00 to 2027-04-04 12:00 (Asia/Shanghai): term 2." in ran.out
    shown = await sop("access", "show", "tg:71")
    month, year = [line.split() for line in shown.out.splitlines() if line[:1].isdigit()]
    assert [month[0], month[1], month[6], month[7]] == ["1", "month", "running", "staff"]
    assert {"199.00", "CNY", operator()} <= set(month)
    assert ("to come" in " ".join(year), "\x1b" in shown.out) == (True, False)
    ran = await sop("access", "end", 2, "2027-05-01", "--note", "gift of a month")
    assert "2027-05-01 00:00" in ran.out
    assert f"{operator()}: 2027-04-04 04:00 UTC → 2027-04-30 16:00 UTC: gift of a month" in ran.out
    assert "No zone given: taken as 2027-05-01 00:00 in Asia/Shanghai" in ran.err
    assert "to come, cancelled" in (await sop("access", "cancel", 2)).out
    assert "revoked 2026-03-04 12:00" in (await sop("access", "revoke", 2, "--note", "refunded")).out
    assert "for life" in (await sop("access", "end", 1, "never", "--note", "thanks")).out
    ran = await sop("access", "grant", eve, "quarter", *NOTE)
    assert ran.out == "Member 1 is covered for life by term 1: nothing was added.\n"
    term, revoked = await table(conn, "terms")
    assert (term["granted_by"], term["ends_at"], revoked["revoked_at"] is not None) == (operator(), None, True)


async def test_a_span_of_ones_own(sop: Sop, conn: Connection, eve: int) -> None:
    ran = await sop("access", "grant", eve, "month", *NOTE, "--from", "2026-01-01", "--until", "2026-02-01T10:00+00:00")
    assert "from 2026-01-01 00:00 to 2026-02-01 18:00" in ran.out
    assert "ended" in (await sop("access", "show", eve)).out
    assert "holds nothing, and never did" in (await sop("access", "show", await no_one(conn))).out


async def no_one(conn: Connection) -> int:
    found = await conn.execute(
        "INSERT INTO members (telegram_id, first_name, first_seen_at) VALUES (99, 'N', now()) RETURNING id"
    )
    row = await found.fetchone()
    assert row is not None
    return int(row["id"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("grant", "@nobody", "month", *NOTE), "no such member"),
        (("grant", "1", "week", *NOTE), "plan 'week': not in the playbook; known: month, pack"),
        (("grant", "1", "month", *NOTE, "--paid", "lots"), "--paid: 'lots' is not an amount of money"),
        (("grant", "1", "month", *NOTE, "--until", "soon"), "--until: 'soon' is not a date and time"),
        (("grant", "1", "month", *NOTE, "--until", "2026-03-01"), "give a later end"),
        (("grant", "1", "month", *NOTE, "--from", "2026-03-10", "--coupon", "SAVE"), "leave --from and --until out"),
        (
            ("grant", "1", "month", *NOTE, "--coupon", "SAVE"),
            "coupon SAVE: there is no such coupon; nothing was granted",
        ),
        (("grant", "1", "month", *NOTE, "--coupon", "<b>"), "coupon '<b>': no such coupon"),
        (("end", "7", "never", "--note", "x"), "term 7: there is none; `sop access show MEMBER`"),
        (("cancel", "7"), "term 7: there is none"),
        (("revoke", "7", "--note", "x"), "term 7: there is none"),
    ],
)
async def test_what_cannot_be_is_one_line(
    sop: Sop, conn: Connection, eve: int, arguments: tuple[str, ...], says: str
) -> None:
    ran = await sop("access", *arguments)
    assert (ran.code, says in ran.err.splitlines()[-1]) == (1, True), ran.err
    assert await table(conn, "terms") == []


async def test_what_a_plan_includes_is_granted_with_it_unless_a_span_is_given(sop: Sop, eve: int) -> None:
    ran = await sop("access", "grant", eve, "pack", *NOTE)
    assert ran.code == 0
    shown = (await sop("access", "show", eve)).out
    assert ("pack" in shown, " qa " in shown) == (True, True)
    await sop("access", "grant", eve, "pack", *NOTE, "--until", "2030-01-01")
    assert (await sop("access", "show", eve)).out.count(" qa ") == 1


async def test_grants_revocations_and_corrections_need_a_reason(sop: Sop, eve: int) -> None:
    for arguments in (("grant", eve, "month"), ("end", 1, "never"), ("revoke", 1)):
        assert (await sop("access", *arguments)).code == 2


async def test_a_coupon_from_its_issue_to_its_end(sop: Sop, conn: Connection, eve: int) -> None:
    ran = await sop("coupon", "add", "live48", "--percent", 10, "--plans", "month,year", "--first", 1,
                    "--minimum", "100 CNY", "--until", "2026-03-06T20:00", "--offer", "spring")  # fmt: skip
    assert "LIVE48" in ran.out, ran.err
    assert "10 % off; only month, year; from 100.00 CNY" in ran.out
    assert "spring" in (await sop("coupon", "list")).out
    ran = await sop("access", "grant", eve, "month", *NOTE, "--coupon", "live48")
    assert "LIVE48 is used: 19.90 CNY off 199.00 CNY leaves 179.10 CNY to pay." in ran.out
    shown = await sop("coupon", "show", "Live48")
    assert "Used 1 time; taken off prices in all: 19.90 CNY." in shown.out
    assert "sold out" in shown.out
    assert "none; --all lists" in (await sop("coupon", "list")).out
    assert "LIVE48" in (await sop("coupon", "list", "--all")).out
    await sop("access", "revoke", 1, "--note", "refunded")
    shown = await sop("coupon", "show", "live48")
    assert "Used 0 times; taken off prices in all: 0.00 CNY." in shown.out
    assert "takes back 1" in shown.out
    assert (await sop("coupon", "withdraw", "live48")).out.startswith("LIVE48 is withdrawn")
    assert (await sop("coupon", "withdraw", "live48")).out == "LIVE48 was withdrawn before.\n"
    ran = await sop("access", "grant", eve, "month", *NOTE, "--coupon", "live48")
    assert (ran.code, ran.err) == (1, "coupon LIVE48: it was withdrawn; nothing was granted\n")


async def test_a_members_own_coupon_that_opens_a_plan(sop: Sop, conn: Connection, eve: int) -> None:
    ran = await sop("coupon", "add", "FOR-EVE", "--opens", "trial_7", "--member", "@eve")
    assert "opens trial_7" in ran.out
    assert "FOR-EVE" in (await sop("coupon", "list", "--member", eve)).out
    assert "FOR-EVE" in (await sop("access", "show", eve)).out
    assert (await sop("coupon", "list")).out == (
        "Coupons for everyone: none; --all lists those that can be used no more.\n"
    )
    ran = await sop("access", "grant", eve, "trial_7", *NOTE, "--coupon", "for-eve")
    assert ran.out.splitlines()[0] == "FOR-EVE is used."


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("add", "X"), "3 to 32"),
        (("add", "XXX"), "exactly one of percent"),
        (("add", "XXX", "--percent", "10", "--price", "5 USD"), "exactly one of percent"),
        (("add", "XXX", "--amount", "5 usd"), "--amount: '5 usd' is not an amount"),
        (("add", "XXX", "--opens", "week"), "no plan week in the playbook"),
        (("add", "XXX", "--percent", "10", "--until", "2026-03-01"), "end before it begins"),
        (("add", "XXX", "--percent", "10", "--member", "@nobody"), "no such member"),
        (("show", "XXX"), "coupon XXX: no such coupon"),
        (("withdraw", "XXX"), "coupon XXX: no such coupon"),
        (("withdraw", "\x1b[31m"), "no such coupon"),
    ],
)
async def test_coupons_that_cannot_be(
    sop: Sop, conn: Connection, eve: int, arguments: tuple[str, ...], says: str
) -> None:
    ran = await sop("coupon", *arguments)
    assert (ran.code, says in ran.err.splitlines()[-1]) == (1, True), ran.err
    assert "\x1b" not in ran.err
    assert await table(conn, "coupons") == []


def test_every_refusal_has_an_operators_words() -> None:
    assert REFUSALS.keys() == set(Refusal)


# A list of terms.


async def test_a_list_of_terms_is_shown_then_brought_in(sop: Sop, conn: Connection, eve: int, tmp_path: Path) -> None:
    file = tmp_path / "terms.csv"
    file.write_text(
        "telegram_id,plan,starts,ends,paid\n"
        "71,month,2026-01-31,,199 CNY\n71,month,2026-02-28,2026-03-31,\n71,pack,2026-03-01T10:00+00:00,,29 USD\n",
        "utf-8-sig",
    )
    shown = await sop("import", "terms", file)
    assert "3 terms: 3 new, 0 known already." in shown.out, shown.err
    assert "2026-01-31 00:00  2026-02-28 00:00  199.00 CNY" in shown.out
    assert "Nothing was written." in shown.out
    assert await table(conn, "terms") == []
    assert await table(conn, "milestones") == []
    ran = await sop("import", "terms", file, "--apply")
    assert "3 new, 0 known" in ran.out
    rows = await table(conn, "terms")
    assert [(row["plan"], row["source"], row["note"], row["granted_by"]) for row in rows] == [
        (plan, "list", "from terms.csv", operator()) for plan in ("month", "month", "pack")
    ]
    assert "0 new, 3 known already." in (await sop("import", "terms", file, "--apply")).out
    assert await table(conn, "terms") == rows
    ran = await sop("access", "grant", eve, "month", *NOTE)
    assert "from 2026-03-31 00:00 to 2026-04-30 00:00" in ran.out


async def test_one_wrong_line_and_no_term_comes_in(sop: Sop, conn: Connection, eve: int, tmp_path: Path) -> None:
    file = tmp_path / "terms.csv"
    file.write_text(
        "telegram_id,plan,starts,ends,paid\n71,month,2026-01-31,,\n71,week,2026-01-31,,\n71,month,,,\n"
        "71,month,2026-05-01,2026-04-01,\nx,month,soon,,lots\n"
    )
    ran = await sop("import", "terms", file, "--apply")
    lines = ran.err.replace(str(file), "F").splitlines()
    assert [" ".join(line.split()[:2]) for line in lines] == [
        "F:3: plan:", "F:4: starts:", "F:5: ends:", "F:6: telegram_id:", "F:6: starts:", "F:6: paid:",
    ]  # fmt: skip
    file.write_text("telegram_id,plan,starts\n71,month,2026-01-31\n72,month,2026-01-31\n71,year,2026-02-01\n")
    ran = await sop("import", "terms", file, "--apply")
    lines = ran.err.replace(str(file), "F").splitlines()
    assert lines == [
        "F:3: telegram_id 72: no such member; `sop import members` first", "F:4: year: overlaps line 2",
    ]  # fmt: skip
    assert (ran.code, await table(conn, "terms")) == (1, [])
    file.write_text("plan,starts\nmonth,2026-01-31\n")
    assert "no column telegram_id" in (await sop("import", "terms", file)).err
