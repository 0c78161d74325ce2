"""`sop experiment`, and what `sop publish` and `sop preview` do about experiments."""

import json
from pathlib import Path

import pytest
import yaml

from community.bundle import Bundle
from community.database.pool import Connection
from community.insight.experiments import begin, look
from community.outbox.bundles import publish
from tests.e2e.cli.conftest import BOT_ID, NOON, STAGE, MakeMember, Sop
from tests.integration.insight.experiment_kit import DAY, HALVES, ran, told_many, with_experiment


@pytest.fixture
async def halved(conn: Connection, bundle: Bundle) -> Bundle:
    found = with_experiment(bundle)
    await publish(conn, found, "an experiment")
    return found


@pytest.fixture
async def proposed(conn: Connection, halved: Bundle) -> None:
    await ran(conn, "a", 600, 120, blocks=1)
    await ran(conn, "b", 600, 300)
    await look(conn, halved, NOON, bot_id=BOT_ID)


async def test_list_before_and_after_the_first_look(sop: Sop, conn: Connection, halved: Bundle) -> None:
    assert "not looked at yet" in (await sop("experiment", "list")).out
    await told_many(conn, "a", 10)
    await look(conn, halved, NOON, bot_id=BOT_ID)
    out = (await sop("experiment", "list")).out
    assert "welcome_drip/day_1" in out
    assert "not enough data yet: 10 of about" in out


async def test_none(sop: Sop, conn: Connection, bundle: Bundle) -> None:
    plain = Bundle({**bundle.source, "payments": {"variants": ["price"]}}, bundle.copy)
    await publish(conn, plain, "one page")
    assert (await sop("experiment", "list")).out.startswith("No experiments.")


async def test_show_has_all_that_a_decision_needs(sop: Sop, proposed: None) -> None:
    out = (await sop("experiment", "show", "slot")).out
    for part in (
        "waits for a word",
        "b is better than a, by",
        "20.0 %",
        "50.0 %",
        "1 of 600",
        "b less a: +30.0 points (",
        "who blocks: -0.2 points",
        "it is 80 %",
        "looking every day is allowed",
    ):
        assert part in out, (part, out)
    found = json.loads((await sop("experiment", "show", "slot", "--json")).out)
    assert (found["result"]["verdict"], found["result"]["counted"][1]["hits"]) == ("better", 300)
    assert found["definition"]["effect"] == 0.05


async def test_apply_says_what_to_write(sop: Sop, proposed: None) -> None:
    ran_ = await sop("experiment", "apply", "slot", "--note", "evening it is")
    for part in (
        "everybody gets b",
        'at: "20:00"',
        "offer: trial",
        "welcome_drip/day_2.html becomes",
    ):
        assert part in ran_.out, part
    again = await sop("experiment", "apply", "slot")
    assert (again.code, "applied already by" in again.err) == (1, True)
    assert "everybody gets b (applied by" in (await sop("experiment", "show", "slot")).out


async def test_end(sop: Sop, proposed: None) -> None:
    out = (await sop("experiment", "end", "slot")).out
    assert "everybody gets a" in out
    assert "remove experiment" in out


@pytest.mark.parametrize("verb", ["show", "apply", "end"])
async def test_what_is_none(sop: Sop, bundle: Bundle, verb: str) -> None:
    ran_ = await sop("experiment", verb, "[b]else")
    assert (ran_.code, ran_.out) == (1, "")
    assert "no such experiment" in ran_.err


async def test_a_key_is_not_published_for_something_else(
    sop: Sop, conn: Connection, halved: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(conn, halved.playbook, NOON)
    for locale, files in halved.copy.items():
        for name, text in files.items():
            file = tmp_path / "book" / "copy" / locale / f"{name}.html"
            file.parent.mkdir(parents=True, exist_ok=True)
            if not name.startswith(f"{STAGE}/") or name.endswith(("/day_1", "/day_2")):
                file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("SOP_PLAYBOOK_DIR", str(tmp_path / "book"))

    def write(**parts: object) -> None:
        source = with_experiment(halved, **parts).source
        (tmp_path / "book" / "playbook.yaml").write_text(yaml.safe_dump(dict(source), allow_unicode=True))

    write(variants=[HALVES[0], {**HALVES[1], "at": "21:00"}])
    refused = await sop("publish", "--note", "later")
    assert refused.code == 1
    assert "experiment slot was another before; give what has changed a new key" in refused.err
    write(variants=[HALVES[0], {**HALVES[1], "at": "21:00"}], key="slot_2")
    assert (await sop("publish", "--note", "later")).code == 0
    assert "slot_2" in (await sop("experiment", "list")).out


async def test_preview_names_the_variant(sop: Sop, halved: Bundle, member: MakeMember) -> None:
    who = await member(entered_at=NOON - DAY)
    ran_ = await sop("preview", STAGE, "--as-of", "2026-03-04T21:00+08:00", "--member", who)
    assert "day_1 (slot:" in ran_.out
    found = json.loads((await sop("preview", STAGE, "--as-of", "2026-03-04T21:00+08:00", "--json")).out)
    assert found["send"][0]["variant"] in ("slot:a", "slot:b")
    explained = await sop("explain", who, STAGE, "--as-of", "2026-03-04T21:00+08:00")
    assert "day_1 (slot:" in explained.out
