"""The dashboard for Grafana: every statement runs, as the role it is read by, and brings what its panel needs."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
import yaml

from community.bundle import Bundle
from community.database.pool import Connection
from tests.integration.dashboard.kit import GROUPS, fill

FOLDER = Path(__file__).parents[3] / "deployments" / "grafana"
DASHBOARD: dict[str, Any] = orjson.loads((FOLDER / "dashboards" / "community.json").read_bytes())
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
VARIABLES = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
COLUMNS = {"time_series": {"time", "value"}, "table": set()}
SINCE, UNTIL = "2025-12-01T00:00:00Z", "2026-03-31T00:00:00Z"


def substituted(sql: str, *, group: str = "0", source: str = "all", span: str = "week") -> str:
    """The statement as Grafana sends it."""
    values = {"group": group, "source": source, "span": span}
    # Only casts have brackets within the macro's, one deep.
    macro = re.compile(r"\$__timeFilter\(((?:[^()]|\([^()]*\))*)\)")
    text = macro.sub(rf"(\1) BETWEEN '{SINCE}' AND '{UNTIL}'", sql)
    text = re.sub(r"\$\{(\w+):sqlstring\}", lambda found: "'" + values[found[1]].replace("'", "''") + "'", text)
    text = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], text)
    assert "$" not in text, text
    return text


@pytest.fixture
async def reader(conn: Connection, bundle: Bundle) -> AsyncIterator[Connection]:
    """The database as the reading role sees it, filled."""
    await fill(conn)
    script = "\n".join(line for line in (FOLDER / "reader.sql").read_text().splitlines() if not line.startswith("--"))
    for statement in script.replace(":'password'", "'a-password-of-the-test'").split(";"):
        if statement.strip():
            await conn.execute(statement)  # type: ignore[arg-type]
    await conn.execute("SET ROLE sop_grafana")
    yield conn
    await conn.execute("RESET ROLE")
    await conn.execute("DROP OWNED BY sop_grafana")
    await conn.execute("DROP ROLE sop_grafana")


async def test_every_panel_gets_what_it_shows(reader: Connection) -> None:
    for title, panel in PANELS.items():
        for target in panel["targets"]:
            for chosen in ({}, {"group": "1"}, {"source": "wechat"}, {"span": "day"}, {"source": "o'clock"}):
                found = await reader.execute(substituted(target["rawSql"], **chosen))  # type: ignore[arg-type]
                rows = await found.fetchall()
                columns = {column.name for column in found.description or ()}
                assert columns >= COLUMNS[target["format"]], title
            rows = await (await reader.execute(substituted(target["rawSql"]))).fetchall()  # type: ignore[arg-type]
            assert rows, f"{title} is empty"
    groups = await (
        await reader.execute(substituted(PANELS["Groups, newest window"]["targets"][0]["rawSql"]))  # type: ignore[arg-type]
    ).fetchall()
    assert {row["Group"] for row in groups} == set(GROUPS.values())


async def test_the_variables_list_groups_and_sources(reader: Connection) -> None:
    for name, values in (("group", {"0", "1", "2", "3"}), ("source", {"all", "wechat", "xiaohongshu", "unknown"})):
        rows = await (await reader.execute(VARIABLES[name]["query"])).fetchall()
        assert {row["__value"] for row in rows} == values


async def test_the_reader_sees_no_member_and_changes_nothing(reader: Connection) -> None:
    for statement in (
        "SELECT * FROM members",
        "SELECT * FROM v_members",
        "SELECT * FROM messages",
        "SELECT * FROM kpi_values",
        "DELETE FROM v_kpi_values",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.execute(statement)  # type: ignore[arg-type]


def test_its_files_fit_together() -> None:
    source = yaml.safe_load((FOLDER / "provisioning" / "datasources" / "community.yaml").read_text())
    [database] = source["datasources"]
    assert database["user"] in (FOLDER / "reader.sql").read_text()
    assert database["secureJsonData"]["password"].startswith("$")
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]}
    used |= {target["datasource"]["uid"] for panel in DASHBOARD["panels"] for target in panel["targets"]}
    assert used == {database["uid"]}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert panel["type"] in {"stat", "timeseries", "table", "barchart"}
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    for at, one in enumerate(places):
        for other in places[at + 1 :]:
            apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    yaml.safe_load((FOLDER / "provisioning" / "dashboards" / "community.yaml").read_text())
