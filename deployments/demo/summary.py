"""The summary that the demonstration ends with: what happened, in an operator's words."""

from collections import defaultdict
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from community.database.pool import Connection
from community.database.queries import load
from community.insight.report import stored
from community.insight.report_pages import ReportPages
from community.playbook import Playbook
from community.playbook_types import Amount
from community.settings import load_settings
from community.simulation.crowd import Crowd
from community.simulation.verdict import Check
from deployments.demo.facts import OTHERS, STAGE
from deployments.demo.rows import rows

queries = load(__file__)

REASONS = {
    "frequency_cap": "cap reached",
    "opted_out": "stopped",
    "unreachable": "never pressed Start",
    "blocked": "blocked the bot",
    "gone": "account deleted",
    "deactivated": "account deleted",
    "quiet_hours": "morning too late",
    "stale": "too late",
    "holdout": "held out",
    "outranked": "another goes first",
    "goal_reached": "done already",
    "collapsed": "a newer one goes",
}
FIGURES = ("new_members", "active", "first_day", "retention_7", "engaged_24h", "new_payers", "revenue", "mrr")
WAYS = {"stars": "Telegram Stars", "ime": "iMe"}
SHOWN = 5
"""Problems shown of a failed check."""


async def summarise(console: Console, conn: Connection, playbook: Playbook, crowd: Crowd) -> None:
    """Print what became of everybody."""
    console.print(await _sources(conn))
    console.print(await _drip(conn, playbook))
    console.print(await _calendar(conn))
    console.print(await _sessions(conn))
    console.print(await _shop(conn))
    console.print(await _week(conn))
    for line in await _facts(conn, playbook, crowd):
        console.print(f"  {line}", markup=False)


def verdict(console: Console, checks: Sequence[Check]) -> bool:
    """Print the checks; True if all passed."""
    failed = [check for check in checks if not check.passed]
    console.print()
    for check in checks:
        console.print(f"  {'✓' if check.passed else '✗'} {check.claim}", markup=False)
    for check in failed:
        console.print(f"\nNot so: {check.claim} ({len(check.problems)})", style="bold red", markup=False)
        for problem in check.problems[:SHOWN]:
            console.print(f"    {problem}", markup=False)
    console.print(f"\n{len(checks) - len(failed)} checks passed" + (f", {len(failed)} failed" if failed else ""))
    return not failed


async def _sources(conn: Connection) -> Table:
    table = _table("How they came", "source", "met the bot", "entered", "there now")
    for row in await rows(conn, queries.sources):
        table.add_row(row["source"], str(row["seen"]), str(row["entered"]), str(row["present"]))
    return table


async def _drip(conn: Connection, playbook: Playbook) -> Table:
    fates: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in await rows(conn, queries.drip, stage=STAGE):
        why = "sent" if row["state"] == "sent" else REASONS.get(row["reason"], row["reason"].replace("_", " "))
        fates[row["step"]][why] += row["members"]
    columns = sorted({why for fate in fates.values() for why in fate} - {"sent"})
    table = _table("The drip, and why not", "step", "sent", *columns)
    for step in playbook.stage(STAGE).steps:
        table.add_row(step.name, *[str(fates[step.name][why] or "·") for why in ["sent", *columns]])
    return table


async def _calendar(conn: Connection) -> Table:
    fates: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in await rows(conn, queries.calendar, stages=list(OTHERS)):
        why = "sent" if row["state"] == "sent" else REASONS.get(row["reason"], row["reason"].replace("_", " "))
        fates[row["stage"]][why] += row["messages"]
    table = _table("The other stages", "stage", "sent", "not sent, and why")
    for stage in OTHERS:
        others = sorted(((number, why) for why, number in fates[stage].items() if why != "sent"), reverse=True)
        table.add_row(stage, str(fates[stage]["sent"]), ", ".join(f"{number} {why}" for number, why in others))
    return table


async def _sessions(conn: Connection) -> Table:
    table = _table("Live sessions", "title", "registered", "watched", "bought", "left")
    for row in await rows(conn, queries.sessions):
        table.add_row(row["title"], *(str(row[name]) for name in ("registered", "watched", "bought", "remaining")))
    return table


async def _shop(conn: Connection) -> Table:
    table = _table("The shop", "plan", "paid by", "payments", "members", "kept", "refunded")
    for row in await rows(conn, queries.shop):
        kept = str(Amount(minor=row["minor"], currency=row["currency"]))
        numbers = [str(row["payments"]), str(row["members"]), kept, str(row["refunded"] or "·")]
        table.add_row(row["plan"], WAYS.get(row["provider"], row["provider"]), *numbers)
    return table


async def _week(conn: Connection) -> Table:
    """The last week by the report that was just made."""
    report, words = await stored(conn, "weekly"), ReportPages(load_settings().playbook_dir).words("en", "en")
    table = _table("The last week, as its report says", "figure", "")
    if report is not None:
        for figure in report.figures(FIGURES):
            table.add_row(words.name(report, figure), words.figure(figure))
    return table


async def _facts(conn: Connection, playbook: Playbook, crowd: Crowd) -> list[str]:
    gate = {row["state"]: row["requests"] for row in await rows(conn, queries.gate)}
    [reach], [engaged] = await rows(conn, queries.reach), await rows(conn, queries.engaged)
    done, [way] = crowd.counts(), await rows(conn, queries.doorway)
    welcome = next((step.name for step in playbook.stage(STAGE).steps if step.immediately), "")
    waits = await rows(conn, queries.latency, stage=STAGE, step=welcome)
    share = 100 * engaged["engaged"] / max(1, engaged["entered"])
    return [
        "",
        f"At the gate    {_listed(gate, passed='passed', failed='failed', timed_out='timed out', asked='waiting')}",
        f"Reach          {reach['opted_out']} stopped messages, {reach['blocked']} blocked the bot, "
        f"{reach['gone']} deleted their account, {reach['never_started']} never pressed Start",
        f"Engagement     {engaged['engaged']} of {engaged['entered']} did something within 24 h of entering "
        f"({share:.0f} %); {done['click']} clicks, {done['press']} buttons, {done['react']} reactions",
        f"Paid group     {way['used']} came in by their link, {way['leaks']} strangers with another's were declined, "
        f"{way['removed']} were taken out at their end",
        *(
            f"{row['what'].capitalize():<14} {row['times']} times, within {row['p50']:.0f} ms (p50), "
            f"{row['p95']:.0f} ms (p95) of real time"
            for row in waits
        ),
    ]


def _listed(counts: dict[str, int], **words: str) -> str:
    return ", ".join(f"{counts[key]} {word}" for key, word in words.items() if counts.get(key))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    return table
