"""Verbs about what the SOP has done: holdout, versions; a look before publishing, and going back."""

from pathlib import Path

import pytest

from community.bundle import Bundle
from community.database.pool import Connection
from community.insight.experiments import begin
from community.outbox.bundles import publish
from community.outreach.publishing import Change
from community.outreach.taking_over import Waiting
from community.playbook_stages import InFlight
from deployments.cli.version_changes import print_changes
from tests.e2e.cli.conftest import NOON, STAGE, Sop, edited, table
from tests.integration.insight.experiment_kit import HALVES, with_experiment


async def test_nothing_to_say_yet_is_said(sop: Sop) -> None:
    await sop("publish", "--note", "first")
    ran = await sop("holdout")
    assert ran.code == 0
    assert "nobody is held out" in ran.out
    assert "everything" in ran.out
    assert (await sop("holdout", "unknown")).code == 1
    assert "first" in (await sop("versions")).out


async def test_a_look_before_publishing_and_going_back(sop: Sop, conn: Connection, folder: Path) -> None:
    await sop("publish", "--note", "first")
    assert "nothing changes" in (await sop("publish", "--preview")).out
    with edited(folder) as playbook:
        playbook["stages"][STAGE]["steps"][-1]["at"] = "11:11"
    ahead = await sop("publish", "--preview")
    assert f"{STAGE}: step day_7 changed" in ahead.out
    assert f"{STAGE}: 0 members half-way, who go on by this version" in ahead.out
    assert (await sop("publish")).code == 2
    await sop("publish", "--note", "later")
    looked = await sop("rollback", "--preview")
    assert "(first)" in looked.out
    assert len(await table(conn, "publications")) == 2
    back = await sop("rollback", "--note", "sooner again")
    assert back.code == 0
    rows = sorted(await table(conn, "publications"), key=lambda row: row["id"])
    assert [row["note"] for row in rows] == ["first", "later", f"back to version {rows[0]['id']}: sooner again"]
    assert rows[2]["bundle"] == rows[0]["bundle"]
    assert (await sop("rollback", "--to", "99")).code == 1


def test_a_stage_that_is_no_more_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_changes([Change(STAGE, None, 2, Waiting(dropped=1), loses={"day_2": 2})])
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [
        f"{STAGE}: 2 members half-way, who get nothing more: the stage is no more",
        "waiting messages that are not sent: 1",
        "members who no longer get day_2: 2",
    ]


def test_that_the_next_run_asks_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for asks in (True, False):
        print_changes([Change(STAGE, InFlight.migrate, 2, Waiting(anew=2), asks=asks)])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == "waiting messages that are planned anew, after somebody's word, for which the next run asks: 2"
    assert lines[3] == "waiting messages that are planned anew: 2"


async def test_going_back_moves_the_schedules_too(sop: Sop, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect is away, which says that it was asked to; it is not, when they are the same."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    asked = "schedules are not in Prefect yet"
    await sop("publish", "--note", "first")
    with edited(folder) as playbook:
        playbook["stages"][STAGE]["schedule"]["cron"] = "7 * * * *"
    await sop("publish", "--note", "later in the hour")
    with edited(folder) as playbook:
        playbook["caps"]["per_day"] = 1
    await sop("publish", "--note", "quieter")
    assert asked not in (await sop("rollback")).out
    assert asked in (await sop("rollback", "--to", 1)).out


async def test_going_back_remembers_the_experiments_of_a_former_version(
    sop: Sop, conn: Connection, bundle: Bundle
) -> None:
    compared = with_experiment(bundle)
    for content in (compared, bundle):
        await publish(conn, content, "x")
    await conn.execute("DELETE FROM experiments")
    await sop("rollback", "--note", "compare again")
    assert "slot" in [row["key"] for row in await table(conn, "experiments")]


async def test_there_is_no_going_back_to_an_experiment_that_was_another(
    sop: Sop, conn: Connection, bundle: Bundle
) -> None:
    """Its numbers would be of both. Neither does a look at it promise that."""
    other = with_experiment(bundle, variants=[HALVES[0], {**HALVES[1], "at": "21:00"}])
    for content in (with_experiment(bundle), other):
        await publish(conn, content, "x")
    await begin(conn, other.playbook, NOON)
    for more in ([], ["--preview"]):
        refused = await sop("rollback", *more)
        assert refused.code == 1
        assert "experiment slot was another before" in refused.err
    assert len(await table(conn, "publications")) == 3
