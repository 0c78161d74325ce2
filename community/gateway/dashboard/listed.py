"""The rows behind numbers that are no KPI: a step of the funnel, a quadrant, a live session, a cell of a cohort."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, get_args

from community.gateway.dashboard import drill
from community.gateway.dashboard.look import Context, Look
from community.insight.cohorts import rows_of_cell
from community.insight.feedback import Behind, Quadrant, rows_of_quadrant
from community.insight.funnel import Step, rows_of_step
from community.insight.listed import Came, Listed, attended, listed
from community.insight.report_tables import titles
from community.insight.windows import Span, window
from community.members.names import display_name

COLUMNS = ("key", "member", "name", "source", "part", "at", "number")
LONGEST_NUMBER = 18
"""Digits."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What rows are asked for, and what they are called: of what, and of when."""

    title: str
    about: str
    rows: Listed
    back: str
    """The page whose number it is."""


async def asked_for(look: Look) -> Rows | None:
    """What the address names; None: there is no such thing."""
    match look.path["list"]:
        case "lives":
            return await _session(look)
        case "funnel" | "feedback" | "cohorts" as kind:
            return {"funnel": _step, "feedback": _quadrant, "cohorts": _cell}[kind](look)
        case _:
            return None


def _step(look: Look) -> Rows | None:
    if look.path["name"] not in list(Step):
        return None
    step, asked = Step(look.path["name"]), look.asked
    source = look.word("source", asked.source) if asked.source else look.words["all_together"]
    rows = rows_of_step(look.bundle.playbook, asked.last, step, asked.source)
    title = f"{look.words['page_funnel']} · {look.words[f'step_{step}']}"
    return Rows(title, f"{look.window(asked.last)} · {source}", rows, asked.address("/dashboard/funnel"))


def _quadrant(look: Look) -> Rows | None:
    of = look.given.get("of", "members")
    known: tuple[Behind, ...] = get_args(Behind)
    wanted: list[Behind] = [each for each in known if each == of]
    if look.path["name"] not in list(Quadrant) or not wanted:
        return None
    quadrant = Quadrant(look.path["name"])
    rows = rows_of_quadrant(look.bundle.playbook, look.asked.last, quadrant, wanted[0], look.at)
    column = {"members": "people_there", "opened": "tasks", "done": "done"}[of]
    title = f"{look.words['table_quadrants']} · {look.words[f'word_{quadrant}']} · {look.words[f'column_{column}']}"
    return Rows(title, look.window(look.asked.last), rows, look.asked.address("/dashboard/reports"))


async def _session(look: Look) -> Rows | None:
    number, of = look.path["name"], look.given.get("of", "registered")
    known: tuple[Came, ...] = get_args(Came)
    wanted: list[Came] = [each for each in known if each == of]
    if not (number.isascii() and number.isdecimal() and len(number) <= LONGEST_NUMBER) or not wanted:
        return None
    called = await titles(look.conn, look.bundle.playbook, (), [f"live:{int(number)}"])
    session = called.get(f"live:{int(number)}", {}).get("", f"#{int(number)}")
    title = f"{look.words['page_lives']} · {look.words[f'live_{of}']}"
    return Rows(title, session, attended(int(number), wanted[0]), look.asked.address("/dashboard/lives"))


def _cell(look: Look) -> Rows | None:
    entered, after = _monday(look.path["name"], look.asked.zone), look.given.get("week", "0")
    if entered is None or not (after.isascii() and after.isdecimal() and len(after) < 4):
        return None
    week = window(Span.week, entered + timedelta(weeks=int(after)), look.asked.zone)
    source = look.asked.source
    rows = rows_of_cell(entered, week, look.bundle.playbook.signs.activity, source)
    about = f"{look.words['entered']} {look.day(entered)} · {look.words['week']} {int(after)} ({look.window(week)})"
    of_source = f" · {look.word('source', source)}" if source else ""
    return Rows(look.words["page_cohorts"], about + of_source, rows, look.asked.address("/dashboard/cohorts"))


def _monday(text: str, zone: str) -> date | None:
    """The Monday of the week in which that day lies."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return window(Span.week, found, zone).since if date(2000, 1, 1) <= found < date(2200, 1, 1) else None


async def show(asked: Rows, look: Look) -> Context:
    """A page of the rows."""
    page = drill.page_of(look)
    found = await (await listed(look.conn, asked.rows, drill.A_PAGE + 1, (page - 1) * drill.A_PAGE)).fetchall()
    more = len(found) > drill.A_PAGE and page < drill.MOST_PAGES
    return {
        "title": asked.title,
        "about": asked.about,
        "back": asked.back,
        "rows": [_row(look, row) for row in found[: drill.A_PAGE]],
        "page": page,
        "earlier": _here(look, page - 1) if page > 1 else "",
        "later": _here(look, page + 1) if more else "",
        "csv_address": _here(look, 1, "rows.csv"),
    }


def _here(look: Look, page: int, form: str = "rows") -> str:
    """This list again: another page of it, or as a file."""
    kept = {name: look.given[name] for name in ("of", "week") if name in look.given}
    path = f"/dashboard/{look.path['list']}/{look.path['name']}/{form}"
    return look.asked.address(path, **kept, page=page if page > 1 else None)


def _row(look: Look, row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "name": _name(row),
        "moment": look.moment(row["at"]),
        "source": look.word("source", row["source"]) if row["source"] else "",
        "part": look.word("kind", row["part"] or "") if look.path["list"] == "feedback" else row["part"],
    }


def _name(row: dict[str, Any]) -> str:
    return display_name(row["first_name"], row["last_name"], row["username"]) if row["member_id"] else ""


async def csv_of(asked: Rows, look: Look) -> str:
    """The rows as a CSV file that a spreadsheet can open without running anything that a member wrote."""
    return await drill.csv_text(await listed(look.conn, asked.rows, drill.MOST_ROWS), COLUMNS, _lines)


def _lines(found: list[dict[str, Any]]) -> Iterable[list[Any]]:
    for row in found:
        yield [
            row["key"],
            row["member_id"],
            _name(row),
            *(row[column] for column in ("source", "part", "at", "number")),
        ]
