"""`sop links check`: the playbook folder is rehearsed, and the installation is left alone."""

from pathlib import Path

import pytest

from tests.e2e.cli.conftest import Sop, edited


@pytest.fixture(autouse=True)
def real(monkeypatch: pytest.MonkeyPatch, environment: None) -> None:
    """A real bot's settings, whose database and Telegram do not answer: who asks them fails."""
    monkeypatch.delenv("SOP_MODE")
    monkeypatch.setenv("SOP_TELEGRAM_TOKEN", "123:real")
    monkeypatch.setenv("SOP_PUBLIC_URL", "https://sop.test")
    monkeypatch.setenv("SOP_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    monkeypatch.setattr("community.settings.TELEGRAM_API", "http://127.0.0.1:1")


async def test_the_shipped_playbook_passes(sop: Sop) -> None:
    ran = await sop("links", "check")
    rows = [line.split() for line in ran.out.splitlines() if line.rstrip().endswith(" ok")]
    assert (ran.code, ran.err, len(rows)) == (0, "", 15), ran.out
    assert {row[0] for row in rows} == {"shortvideo-bio", "notes-post-1", "partner-a"}
    assert "templates/playbook.yaml:58: note: the url of tariff_lookup has no utm_source" in ran.out
    assert ran.out.splitlines()[-1].startswith("3 links rehearsed in ")
    assert ran.out.splitlines()[-1].endswith(" s: all is fine")


async def test_a_welcome_without_the_pack_fails_at_that_step(sop: Sop, folder: Path) -> None:
    (folder / "copy/en/welcome_drip/welcome.html").write_text("Welcome!")
    with edited(folder) as playbook:
        playbook["resources"][0]["url"] += "?utm_source=community"
    ran = await sop("links", "check", "partner-a")
    assert ran.code == 1
    [row] = [line for line in ran.out.splitlines() if "gift pack" in line]
    assert "en: tariff_lookup did not come by the end of the first day" in row
    assert "into copy/en/welcome_drip/welcome.html" in row
    assert "shortvideo-bio" not in ran.out, "one was named"
    assert "url of tariff_lookup" not in ran.out, "it has its utm_source"
    assert ran.out.splitlines()[-1].endswith(": 1 problem")


async def test_what_sop_check_finds_comes_first(sop: Sop, folder: Path) -> None:
    (folder / "copy/en/bot/help.html").unlink()
    ran = await sop("links", "check")
    assert ran.code == 1
    assert ran.out == "templates/copy/en/bot/help.html:1: missing copy: bot/help in en; write this file\n"


async def test_an_unknown_token_and_no_links_are_one_line(sop: Sop, folder: Path) -> None:
    ran = await sop("links", "check", "partner-a", "nowhere")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "nowhere: no such entry link under links: in the playbook; known: shortvideo-bio, notes-post-1, partner-a\n"
    )
    with edited(folder) as playbook:
        playbook["links"] = []
    assert (await sop("links", "check")).err == "playbook.yaml: no entry links; write them under links:\n"
