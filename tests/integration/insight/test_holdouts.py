"""Holdouts: who is on which side, from when on, what counts; and the truth of a simulated world is found."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.partitions import ensure_months
from community.database.pool import Connection
from community.insight.holdouts import Comparison, comparisons
from community.insight.statistics import Part
from community.insight.windows import Window
from community.outreach.plan import plan
from community.playbook import Playbook
from deployments.cli.holdouts import says
from tests.integration.conftest import BOT_ID, NOON, MakeMember
from tests.integration.insight.kit import ZONE, local, sent
from tests.integration.rows import Edit

FEBRUARY = Window(None, date(2026, 2, 1), date(2026, 3, 1), ZONE)
LATER = local("2026-05-01 00:00")
STAGE = "welcome_drip"


async def not_sent(
    conn: Connection,
    member_id: int,
    at: str,
    reason: str = "holdout",
    *,
    everywhere: bool = False,
    exempt: bool = False,
) -> None:
    """The stage decided against the member: held out of it, or of everything; or another reason."""
    gates = {"stage_bucket": 50, "global_bucket": 50, "exempt": exempt}
    gates |= {"stage_holdout": 0 if everywhere else 100, "global_holdout": 100 if everywhere else 0}
    await ensure_months(conn, "decisions", [local(at)])
    await conn.execute(
        "INSERT INTO decisions (at, plan_id, member_id, stage, step, occurrence, reason, due_at, gates)"
        " VALUES (%s, 1, %s, %s, 'day_1', 'x', %s, %s, %s)",
        [local(at) + timedelta(minutes=20), member_id, STAGE, reason, local(at), Jsonb(gates)],
    )


async def bought(conn: Connection, member_id: int, at: str, minor: int = 19900, currency: str = "CNY") -> str:
    """The member paid so much then; returns the charge."""
    charge = f"ch_{member_id}_{at}"
    await record(conn, [Activity("purchase", local(at), member_id)])
    await conn.execute(
        "INSERT INTO payments (provider, charge, member_id, plan, paid_minor, currency, paid_at, state, changed_at)"
        " VALUES ('stripe', %s, %s, 'month', %s, %s, %s, 'matched', %s)",
        [charge, member_id, minor, currency, local(at), local(at)],
    )
    await booked(conn, charge, at, "revenue:month", -minor, currency)
    return charge


async def booked(conn: Connection, charge: str, at: str, account: str, minor: int, currency: str = "CNY") -> None:
    """The ledger has it."""
    values = {"at": local(at), "charge": charge, "account": account, "currency": currency, "minor": minor}
    await conn.execute(
        "WITH t AS (INSERT INTO ledger_transactions (at, happened_at, what, provider, charge, version, by)"
        " SELECT %(at)s, %(at)s, 'payment', 'stripe', %(charge)s, count(*), 'test' FROM ledger_transactions"
        " RETURNING id) INSERT INTO ledger_entries (transaction_id, account, currency, amount_minor)"
        " SELECT id, %(account)s, %(currency)s, %(minor)s FROM t"
        " UNION ALL SELECT id, 'cash:stripe', %(currency)s, -%(minor)s FROM t",
        values,
    )


async def compared(conn: Connection, playbook: Playbook, stage: str = STAGE, now_at: datetime = LATER) -> Comparison:
    found = {each.stage: each for each in await comparisons(conn, playbook, FEBRUARY, now_at)}
    assert list(found) == ["", *playbook.stages]
    return found[stage]


async def test_each_member_once_by_their_first_moment(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    """Two held out, one of whom bought; three meant to be written to, one of whom bought in time, one too late."""
    held, held_bought, treated, too_late, capped = [await member() for _ in range(5)]
    await not_sent(conn, held, "2026-02-02 10:00")
    await not_sent(conn, held, "2026-02-03 10:00")
    await not_sent(conn, held_bought, "2026-02-02 11:00")
    await bought(conn, held_bought, "2026-03-04 10:59")
    await sent(conn, treated, "2026-02-05 10:00", exempt=False)
    await sent(conn, treated, "2026-02-06 10:00", exempt=False, step="day_2")
    await bought(conn, treated, "2026-02-05 10:00")
    await bought(conn, treated, "2026-02-09 10:00")
    await sent(conn, too_late, "2026-02-05 10:00", exempt=False, state="cancelled")
    await bought(conn, too_late, "2026-03-07 10:00")
    await not_sent(conn, capped, "2026-02-07 10:00", "frequency_cap")
    found = await compared(conn, playbook)
    assert (found.held, found.treated, found.waiting) == (Part(2, 1), Part(3, 1), 0)
    [money] = found.money
    assert (money.held[:2], money.treated[:2]) == ((2, 19900), (3, 2 * 19900))
    assert money.each is not None
    assert money.each.middle == pytest.approx(2 * 19900 / 3 - 19900 / 2)
    assert money.earned is not None
    assert money.earned.middle == pytest.approx(2 * 19900 - 3 * 19900 / 2)
    assert found.lift.middle == pytest.approx(1 / 3 - 1 / 2)
    everything = await compared(conn, playbook, "")
    assert (everything.held.people, everything.treated.people) == (0, 0)


async def test_who_is_on_no_side(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    """Before somebody was held out; exempt steps; reasons that also stop who is held out; outside of the window."""
    early, greeted, stopped, held, outside, welcomed = [await member() for _ in range(6)]
    await sent(conn, early, "2026-02-02 10:00", exempt=False)
    await not_sent(conn, held, "2026-02-03 10:00")
    await sent(conn, greeted, "2026-02-04 10:00", exempt=True)
    await not_sent(conn, stopped, "2026-02-04 10:00", "opted_out")
    await sent(conn, outside, "2026-03-01 00:00", exempt=False)
    await not_sent(conn, welcomed, "2026-02-04 10:00", "stale", exempt=True)
    found = await compared(conn, playbook)
    assert (found.held.people, found.treated.people) == (1, 0)


async def test_held_out_of_everything(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    """They are compared with all others, and are none of a stage's own."""
    everywhere, of_stage, treated = [await member() for _ in range(3)]
    await not_sent(conn, everywhere, "2026-02-02 10:00", everywhere=True)
    await not_sent(conn, of_stage, "2026-02-03 10:00")
    await sent(conn, treated, "2026-02-04 10:00", exempt=False)
    of_one, of_all = await compared(conn, playbook), await compared(conn, playbook, "")
    assert (of_one.held.people, of_one.treated.people) == (1, 1)
    assert (of_all.held.people, of_all.treated.people) == (1, 2)


async def test_whose_time_is_not_over_waits(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    held, treated, recent = [await member() for _ in range(3)]
    await not_sent(conn, held, "2026-02-02 10:00")
    await sent(conn, treated, "2026-02-03 10:00", exempt=False)
    await sent(conn, recent, "2026-02-03 10:01", exempt=False)
    await bought(conn, recent, "2026-02-04 10:00")
    found = await compared(conn, playbook, now_at=local("2026-03-05 10:00"))
    assert (found.held, found.treated, found.waiting, found.money) == (Part(1, 0), Part(1, 0), 1, ())


async def test_money_is_net_and_by_currency(conn: Connection, playbook: Playbook, member: MakeMember) -> None:
    held, treated = await member(), await member()
    await not_sent(conn, held, "2026-02-02 10:00")
    await sent(conn, treated, "2026-02-03 10:00", exempt=False)
    charge = await bought(conn, treated, "2026-02-04 10:00", 2900, "USD")
    await booked(conn, charge, "2026-02-08 10:00", "refunds:month", 900, "USD")
    await booked(conn, charge, "2026-03-08 10:00", "refunds:month", 2000, "USD")  # after their time
    [money] = (await compared(conn, playbook)).money
    assert (money.currency, money.treated.total, money.held.total) == ("USD", 2000, 0)


def test_what_is_missing_is_said() -> None:
    few = Comparison("x", 5.0, Part(400, 7), Part(20, 1), 3, lift=(0, 0, 0), money=())  # type: ignore[arg-type]
    assert (few.missing_people, few.missing_purchases, few.enough) == ((0, 80), 2, False)
    assert list(says(few)) == [
        "not enough data yet",
        "80 more members held out are needed",
        "2 more purchases are needed",
    ]
    none = Comparison("x", 0.0, Part(0, 0), Part(0, 0), 0, lift=(0, 0, 0), money=())  # type: ignore[arg-type]
    assert list(says(none)) == ["not enough data yet", "nobody is held out (holdout: in the playbook)"]


async def test_the_gate_and_the_comparison_agree(
    conn: Connection, bundle: Bundle, edited: Edit, member: MakeMember
) -> None:
    """As planned: whom the gate held out is on the one side, whoever got their step on the other."""
    held_out = edited(stage_holdout="40%")
    people = [await member(entered_at=NOON - timedelta(days=1, hours=6)) for _ in range(60)]
    done = await plan(conn, held_out, STAGE, NOON, bot_id=BOT_ID)
    held = done.steps["day_1"]["holdout"]
    asked = Window(None, NOON.date(), NOON.date() + timedelta(days=1), ZONE)
    found = (await comparisons(conn, held_out.playbook, asked, NOON + timedelta(days=60)))[1]
    assert found.stage == STAGE
    assert (found.held.people, found.treated.people) == (held, len(people) - held)
    assert held > 5


async def test_the_truth_of_a_simulated_world_is_found(conn: Connection, playbook: Playbook, bundle: Bundle) -> None:
    """10,000 members, a tenth held out; 5 % buy by themselves and 4 % more by the messages, for 100.00 CNY each."""
    await ensure_months(conn, "decisions", [local("2026-02-10 10:00")])
    await simulated(conn)
    found = await compared(conn, playbook)
    assert found.certain
    assert (found.held.people, found.treated.people) == (1_000, 9_000)
    assert found.lift.low < 0.04 < found.lift.high
    [money] = found.money
    assert money.each is not None
    assert money.each.low < 400 < money.each.high
    assert money.earned is not None
    assert money.earned.low < 9_000 * 400 < money.earned.high
    assert list(says(found)) == ["it makes more buy"]


async def simulated(conn: Connection) -> None:
    values: dict[str, Any] = {"at": local("2026-02-10 10:00"), "bot": BOT_ID, "stage": STAGE}
    await conn.execute("SELECT setseed(0.5)")
    await conn.execute(
        "CREATE TEMP TABLE world AS SELECT i, i %% 10 = 0 AS held, random() < CASE WHEN i %% 10 = 0 THEN 0.05 ELSE 0.09"
        " END AS buys FROM generate_series(1, 10000) i",
        {},
    )
    for text in (
        "INSERT INTO members (id, telegram_id, first_name, dm, first_seen_at) OVERRIDING SYSTEM VALUE"
        " SELECT i, 1000000 + i, 'M', 'open', %(at)s FROM world",
        "INSERT INTO messages (bot_id, member_id, chat_id, lane, stage, step, occurrence, exempt, planned_at, due_at,"
        " wanted_at, state, sent_at) SELECT %(bot)s, i, i, 35, %(stage)s, 'day_1', 'x', false, %(at)s, %(at)s, %(at)s,"
        " 'sent', %(at)s FROM world WHERE NOT held",
        "INSERT INTO decisions (at, plan_id, member_id, stage, step, occurrence, reason, due_at, gates)"
        " SELECT %(at)s, 1, i, %(stage)s, 'day_1', 'x', 'holdout', %(at)s, '{\"exempt\": false, \"stage_bucket\": 1,"
        ' "stage_holdout": 1000, "global_bucket": 1, "global_holdout": 0}\' FROM world WHERE held',
        "INSERT INTO events (at, kind, member_id) SELECT %(at)s::timestamptz + interval '1 day', 'purchase', i"
        " FROM world WHERE buys",
        "INSERT INTO payments (provider, charge, member_id, plan, paid_minor, currency, paid_at, state, changed_at)"
        " SELECT 'stripe', i::text, i, 'month', 10000, 'CNY', %(at)s, 'matched', %(at)s FROM world WHERE buys",
        "INSERT INTO ledger_transactions (at, happened_at, what, provider, charge, version, by)"
        " SELECT %(at)s::timestamptz + interval '1 day', %(at)s::timestamptz + interval '1 day', 'payment', 'stripe',"
        " i::text, 1, 'test' FROM world WHERE buys",
        "INSERT INTO ledger_entries (transaction_id, account, currency, amount_minor)"
        " SELECT id, account, 'CNY', minor FROM ledger_transactions"
        " CROSS JOIN (VALUES ('revenue:month', -10000), ('cash:stripe', 10000)) AS e (account, minor)",
    ):
        await conn.execute(text, values)
