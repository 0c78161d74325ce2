"""What the dashboard shows: to whom, of what, and in which state."""

import asyncio
import csv
import logging
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from io import StringIO

import pytest
from pydantic import SecretStr, ValidationError

from community.bundle import Bundle
from community.database.pool import Connection, Pool
from community.gateway.dashboard import routes
from community.gateway.dashboard.look import Look
from community.gateway.dashboard.pages import PAGES
from community.insight.counting import count
from community.insight.entrance import SESSION_S, sign
from community.kpis import DERIVED, KPIS
from community.page_templates import SHIPPED, PageTemplates
from community.settings import Settings
from tests.integration.conftest import MakeMember
from tests.integration.dashboard.kit import GROUPS, TOKEN, Desk, fill, opened_desk
from tests.integration.insight.kit import NOW, local
from tests.integration.rows import put

ALL = [page.path for page in PAGES] + ["/dashboard/kpi/revenue", "/dashboard/kpi/new_members/rows"]


@pytest.fixture
async def desk(pool: Pool, conn: Connection, bundle: Bundle, database_url: str) -> AsyncIterator[Desk]:
    async with opened_desk(pool, conn, database_url) as opened:
        yield opened


SLOW = """SELECT 1 AS key, 1 AS member_id, 1 AS group_id, '' AS part, pg_sleep(5)::text AS at, true AS hit, 1 AS minor,
    '' AS currency, 1.0 AS seconds"""


# Signing in.


@pytest.mark.parametrize("path", [*ALL, "/dashboard/kpi/new_members/rows.csv"])
async def test_nobody_sees_a_page_without_signing_in(desk: Desk, path: str) -> None:
    answer = await desk.get(path)
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/dashboard/sign-in?then=%2Fdashboard")
    assert "data" not in await answer.text()


async def test_a_link_opens_the_dashboard_once(desk: Desk) -> None:
    link = await desk.link()
    shown = await desk.page(link)
    assert f'action="{link}"' in shown
    assert (await desk.get("/dashboard")).status == 303, "looking at the link, as programs do, signs nobody in"
    answer = await desk.post(link)
    assert (answer.status, answer.headers["Location"]) == (303, "/dashboard")
    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=lax", "Path=/dashboard", f"Max-Age={SESSION_S}"):
        assert part in cookie
    assert await desk.page("/dashboard")
    desk.http.cookie_jar.clear()
    again = await desk.post(link)
    assert again.status == 403
    assert "Set-Cookie" not in again.headers
    assert "used before" in await again.text()


async def test_of_two_who_press_at_once_one_gets_in(desk: Desk) -> None:
    link = await desk.link()
    answers = await asyncio.gather(*(desk.post(link) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [303, 403, 403, 403, 403]


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
        lambda key: str(int(key[:10]) + 86_400) + key[10:],
        lambda key: key + "0",
        lambda key: "x",
        lambda key: "٠" * 10 + key[10:],
    ],
)
async def test_a_forged_link_opens_nothing(desk: Desk, change: object) -> None:
    path, _, key = (await desk.link()).rpartition("/")
    forged = f"{path}/{change(key)}"  # type: ignore[operator]
    for answer in (await desk.get(forged), await desk.post(forged)):
        assert answer.status == 404
        assert "Set-Cookie" not in answer.headers


async def test_a_link_is_over_after_ten_minutes_and_a_session_after_twelve_hours(desk: Desk) -> None:
    row = await (await desk.conn.execute("SELECT extract(epoch FROM clock_timestamp())::bigint AS s")).fetchone()
    assert row is not None
    expired = sign(desk.secret, "link", "a" * 16, row["s"] - 1)
    assert (await desk.post(f"/dashboard/in/{expired}")).status == 403
    fresh = int((await desk.link()).rpartition("/")[2].partition(".")[0]) - row["s"]
    assert 598 <= fresh <= 602
    for until, status in ((row["s"] - 1, 303), (row["s"] + 60, 200)):
        session = sign(desk.secret, "session", "b" * 16, until)
        assert (await desk.get("/dashboard", Cookie=f"dashboard={session}")).status == status
    link = sign(desk.secret, "link", "c" * 16, row["s"] + 60)
    assert (await desk.get("/dashboard", Cookie=f"dashboard={link}")).status == 303, "a link is no session"


async def test_who_signs_out_is_out_everywhere(desk: Desk) -> None:
    await desk.enter()
    [cookie] = desk.http.cookie_jar
    answer = await desk.post("/dashboard/sign-out")
    assert (answer.status, answer.headers["Location"]) == (303, "/dashboard/sign-in")
    assert (await desk.get("/dashboard", Cookie=f"dashboard={cookie.value}")).status == 303


async def test_the_token_signs_in_and_leads_on_to_what_was_asked_for(desk: Desk) -> None:
    form = {"token": TOKEN, "then": "/dashboard/kpi/revenue?span=month"}
    answer = await desk.post("/dashboard/sign-in", form)
    assert (answer.status, answer.headers["Location"]) == (303, form["then"])
    wrong = await desk.post("/dashboard/sign-in", {"token": TOKEN[:-1]})
    assert wrong.status == 403
    assert "not the token" in await wrong.text()


@pytest.mark.parametrize(
    "then", ["https://evil.example/", "//evil.example", "/dashboard/../buy", "/buy/month", "/dashboard\n"]
)
async def test_a_sign_in_leads_nowhere_else(desk: Desk, then: str) -> None:
    answer = await desk.post("/dashboard/sign-in", {"token": TOKEN, "then": then})
    assert (answer.status, answer.headers["Location"]) == (303, "/dashboard")


async def test_tries_are_limited(desk: Desk) -> None:
    statuses = [(await desk.post("/dashboard/sign-in", {"token": f"wrong-{n}"})).status for n in range(12)]
    assert statuses == [403] * routes.TRIES + [429] * 2
    assert (await desk.post("/dashboard/sign-in", {"token": TOKEN})).status == 429


async def test_another_sites_form_signs_nobody_in_or_out(desk: Desk) -> None:
    answer = await desk.post("/dashboard/sign-in", {"token": TOKEN}, **{"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403
    await desk.enter()
    assert (await desk.post("/dashboard/sign-out", **{"Sec-Fetch-Site": "cross-site"})).status == 403
    assert await desk.page("/dashboard")


async def test_without_a_token_none_is_asked_for(
    pool: Pool, conn: Connection, bundle: Bundle, database_url: str
) -> None:
    async with opened_desk(pool, conn, database_url, dashboard_token=None, public_url="https://sop.test") as desk:
        assert "password" not in await desk.page("/dashboard/sign-in")
        assert (await desk.post("/dashboard/sign-in", {"token": ""})).status == 403
        answer = await desk.post(await desk.link())
        assert "Secure" in answer.headers["Set-Cookie"]


def test_a_short_token_is_refused() -> None:
    with pytest.raises(ValidationError, match="shorter than 16"):
        Settings(_env_file=None, dashboard_token=SecretStr("short"))


async def test_nothing_of_it_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    link = await desk.link()
    await desk.post(link)
    await desk.post("/dashboard/sign-in", {"token": TOKEN})
    [cookie] = {cookie.value for cookie in desk.http.cookie_jar}
    # uvicorn tells of addresses only to who listens to it, as pytest does here.
    quiet = ("uvicorn.access", "psycopg", "asyncio")
    ours = "\n".join(each.getMessage() for each in caplog.records if not each.name.startswith(quiet))
    assert logging.getLogger("uvicorn.access").propagate is False
    for secret in (link.rpartition("/")[2], TOKEN, cookie):
        assert secret not in ours


# Pages.


@pytest.mark.parametrize("path", ALL)
async def test_every_page_is_shown_empty_and_full(desk: Desk, path: str) -> None:
    locales = "zh-Hans", "zh-Hant", "en"
    await desk.enter()
    for locale in locales:
        assert f'<html lang="{locale}">' in await desk.page(f"{path}?lang={locale}")
    await fill(desk.conn)
    for locale in locales:
        await desk.page(f"{path}?lang={locale}")
        full = await desk.page(path)
        assert f'<html lang="{locale}">' in full, "the language is remembered"
        assert "None" not in full
        assert "nan" not in full


@pytest.mark.parametrize("path", ["/dashboard/funel", "/dashboard/kpi/nothing", "/dashboard/kpi/active/row"])
async def test_an_address_typed_wrong_leads_back_to_the_board(desk: Desk, path: str) -> None:
    answer = await desk.get(path)
    page = await answer.text()
    assert answer.status == 404
    assert "<h1>There is no such page</h1>" in page
    assert '<a href="/dashboard">' in page


async def test_pages_ask_nothing_of_others(desk: Desk) -> None:
    await desk.enter()
    answer = await desk.get("/dashboard")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for path in ALL:
        text = await desk.page(path)
        assert re.findall(r"(?:src|href|action)=\"(?!/|#|data:,)[^\"]*\"", text) == []
        assert " style=" not in text
        assert " on" not in re.findall(r"<[^>]*\son\w+=", text)
    for name, kind in (("style.css", "text/css"), ("enhance.js", "text/javascript")):
        answer = await desk.get(f"/dashboard/{name}")
        assert (answer.status, answer.content_type) == (200, kind)


async def test_the_board_shows_the_week_beside_the_one_before(desk: Desk) -> None:
    await desk.conn.execute(
        "INSERT INTO kpi_values (kpi, span, since, hits, base, currency, minor) VALUES"
        " ('new_members', 'week', '2026-03-02', 100, 100, '', 0),"
        " ('new_members', 'week', '2026-03-09', 300, 300, '', 0),"
        " ('first_day', 'week', '2026-03-02', 60, 100, '', 0), ('first_day', 'week', '2026-03-09', 20, 100, '', 0),"
        " ('leave_rate', 'week', '2026-03-09', 1, 9, '', 0),"
        " ('revenue', 'week', '2026-03-09', 3, 3, 'CNY', 123456), ('revenue', 'week', '2026-03-09', 1, 1, 'XTR', 500)"
    )
    await desk.enter()
    board = await desk.page("/dashboard")
    assert "9 Mar – 15 Mar" in board
    tiles = {name: _tile(board, name) for name in ("new_members", "first_day", "leave_rate", "revenue")}
    assert _text(tiles["new_members"]).startswith("New members 300 before 100 ✓ +200% (better)")
    assert "20% before 60% ! −40.0 points (worse) target ≥ 40% · missed" in _text(tiles["first_day"])
    assert "small numbers" in tiles["leave_rate"]
    assert "1,234.56 CNY" in tiles["revenue"]
    assert "500 XTR" in tiles["revenue"]
    watched = _text(board.partition('class="watch"')[2].partition("</section>")[0])
    assert "New members : 300 (+200%, better)" in watched
    assert "Interacted on the first day" in watched
    assert "Leave rate" not in watched, "one of nine says nothing"


async def test_worth_a_look_is_what_a_report_calls_notable(desk: Desk) -> None:
    weeks = {
        "new_members": (100, 160),  # p = 0.0002
        "joins": (100, 130),  # p = 0.048: alone it would be one, among so many it is none
        "speakers": (10_000, 10_900),  # for certain, but less than a tenth
        "accepted": (100, 900),  # one send makes many
        "members": (500, 500),
        "leaves": (100, 100),
    }
    for kpi, numbers in weeks.items():
        for day, hits in zip(("2026-03-02", "2026-03-09"), numbers, strict=True):
            await desk.conn.execute(
                "INSERT INTO kpi_values (kpi, span, since, hits, base) VALUES (%s, 'week', %s, %s, %s)",
                [kpi, day, hits, hits],
            )
    await desk.enter()
    board = await desk.page("/dashboard")
    watched = board.partition('class="watch"')[2].partition("</section>")[0]
    assert re.findall(r"/dashboard/kpi/(\w+)", watched) == ["new_members"]


async def test_a_week_that_goes_on_is_not_held_against_a_whole_one(desk: Desk) -> None:
    await desk.conn.execute(
        "INSERT INTO kpi_values (kpi, span, since, hits, base) VALUES"
        " ('new_members', 'week', '2026-03-09', 300, 300), ('new_members', 'week', '2026-03-16', 20, 20)"
    )
    await desk.enter()
    board = await desk.page("/dashboard?preset=this_week")
    assert "so far" in board
    assert _text(_tile(board, "new_members")).startswith("New members 20 before 300 Admitted")


async def test_filters(desk: Desk) -> None:
    await fill(desk.conn)
    await desk.enter()
    everything = _tile(await desk.page("/dashboard"), "active")
    of_group = await desk.page("/dashboard?group=1&span=day&from=2026-03-01&to=2026-03-10")
    assert '<option value="1" selected>' in of_group
    assert 'name="from" value="2026-03-01"' in of_group
    assert ">10 Mar" in of_group
    assert _tile(of_group, "active") != everything
    of_source = await desk.page("/dashboard?source=wechat")
    assert '<option value="wechat" selected>' in of_source
    both = await desk.page("/dashboard?group=1&source=wechat")
    assert "cannot be combined" in both
    assert await desk.page("/dashboard?source=%00&group=99999999999999999999&from=x&to=2026-13-01&span=year&preset=z")
    assert "shortened" in await desk.page("/dashboard?span=day&from=2001-01-01")
    assert await desk.page("/dashboard?from=2199-01-01&to=2001-01-01")
    address = re.search(r'href="(/dashboard/kpi/active\?[^"]*)"', of_group)
    assert address is not None
    assert "group=1" in address[1]
    assert "from=2026-03-01" in address[1], "what was chosen goes on"


async def test_language_by_the_browser(desk: Desk) -> None:
    for asked, shown in (("zh-TW,zh;q=0.9", "zh-Hant"), ("zh-CN", "zh-Hans"), ("de,en;q=0.5", "en"), ("xx", "zh-Hans")):
        text = await desk.page("/dashboard/sign-in", **{"Accept-Language": asked})
        assert f'<html lang="{shown}">' in text


def test_words_are_complete() -> None:
    words = PageTemplates(SHIPPED.parent, "dashboard", "reports").words()
    wanted = set(words["en"])
    assert {locale: wanted ^ set(mine) for locale, mine in words.items()} == {locale: set() for locale in words}
    assert {f"{kind}_{name}" for kind in ("kpi", "about") for name in (*KPIS, *DERIVED)} <= wanted
    assert {f"page_{page.name}" for page in PAGES} <= wanted


@pytest.mark.parametrize(
    ("kpi", "words"),
    {
        "callback_success": ("支付", "支付", "payment providers"),
        "koc_share": ("koc", "koc", "koc"),
        "coupon_use": ("订单", "訂單", "orders"),
        "click_through": ("全部消息", "全部訊息", "all accepted messages"),
        "invite_conversion": ("合作伙伴的链接", "合作夥伴的連結", "partner's link"),
        "leave_rate": ("这段时间", "這段時間", "for a while at least"),
        "arpu": ("扣除退款", "扣除退款", "less refunds"),
        "automation_solved": ("私聊", "私訊", "in private"),
    }.items(),
)
def test_what_a_figure_is_said_to_be_is_what_its_definition_says(kpi: str, words: tuple[str, str, str]) -> None:
    """Those that were once told otherwise than docs/kpis.md has them."""
    known = PageTemplates(SHIPPED.parent, "dashboard").words()
    for locale, word in zip(("zh-Hans", "zh-Hant", "en"), words, strict=True):
        assert word in known[locale][f"about_{kpi}"]


# What members and admins write.


async def test_titles_and_names_are_escaped(desk: Desk, member: MakeMember, bundle: Bundle) -> None:
    await fill(desk.conn)
    name = "<script>alert(1)</script>{{ 7*7 }}"
    number = await member(entered_at=local("2026-03-10 10:00"), first_name=name)
    await desk.conn.execute(
        "INSERT INTO follow_ups (member_id, kind, note, occurrence, created_at, due_at)"
        " VALUES (%s, 'problem', '', 'x', %s, %s)",
        [number, NOW, NOW - timedelta(hours=1)],
    )
    await desk.enter()
    rows = await desk.page("/dashboard/kpi/new_members/rows")
    service = await desk.page("/dashboard/service")
    for text in (rows, service):
        assert "&lt;script&gt;alert(1)&lt;∕script&gt;{{ 7*7 }}" in text
        assert "<script>alert" not in text
    assert "overdue" in service
    groups = await desk.page("/dashboard/groups")
    assert "&lt;b&gt;Sourcing &amp; &#34;price&#34; {{ 7*7 }}&lt;/b&gt;" in groups
    assert GROUPS[3] not in groups


async def test_behind_a_kpi_are_its_rows_by_pages_and_as_a_file(
    desk: Desk, member: MakeMember, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("community.gateway.dashboard.drill.A_PAGE", 2)
    for name in ("=HYPERLINK(1)", "乙", "丙"):
        await member(entered_at=local("2026-03-10 10:00"), first_name=name)
    await member(entered_at=local("2026-03-16 00:00"), first_name="later")
    await count(desk.conn, bundle.playbook, NOW)
    await desk.enter()
    shown = await desk.page("/dashboard/kpi/new_members")
    assert ">3</td>" in shown
    address = re.search(r'data-fetch="([^"]+)"', shown)
    assert address is not None
    first = await desk.page(address[1].replace("&amp;", "&"))
    assert ("=HYPERLINK(1)" in first, "乙" in first, "丙" in first) == (True, True, False)
    later = re.search(r'href="([^"]+)" rel="next"', first)
    assert later is not None
    second = await desk.page(later[1].replace("&amp;", "&"))
    assert "丙" in second
    assert "later" not in second.partition("<tbody>")[2].partition("</tbody>")[0]
    answer = await desk.get("/dashboard/kpi/new_members/rows.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="new_members-2026-03-09.csv"'
    table = list(csv.DictReader(StringIO((await answer.text()).removeprefix("\ufeff"))))
    assert [row["name"] for row in table] == ["'=HYPERLINK(1)", "乙", "丙"]
    assert (await desk.get("/dashboard/kpi/nothing")).status == 404


async def test_lives_with_what_came_of_them(desk: Desk, member: MakeMember) -> None:
    ann, bob = await member(), await member()
    await desk.conn.execute(
        "INSERT INTO lives"
        " (id, title, speaker, url, announce_at, starts_at, ends_at, window_until_at, plan, created_at)"
        " OVERRIDING SYSTEM VALUE VALUES (7, '选品<直播>', '老王', 'https://x.example', %(at)s, %(at)s,"
        " %(at)s + interval '1 hour',"
        " %(at)s + interval '2 days', 'month', %(at)s - interval '1 day')",
        {"at": local("2026-03-10 20:00")},
    )
    for number, watched in ((ann, local("2026-03-10 20:01")), (bob, None)):
        await desk.conn.execute(
            "INSERT INTO live_attendances (live_id, member_id, registered_at, registered_by, watched_at, watched_by)"
            " VALUES (7, %s, %s, 'button', %s, %s)",
            [number, local("2026-03-09 10:00"), watched, "click" if watched else None],
        )
    await desk.enter()
    page = await desk.page("/dashboard/lives")
    assert "选品&lt;直播&gt;" in page
    assert "2 1 0 0.0% *" in _text(page.partition("<tbody>")[2].partition("</tbody>")[0])
    assert "Nothing here yet" in await desk.page("/dashboard/lives?from=2026-01-01&to=2026-01-31")


async def test_the_outbox_as_it_is(desk: Desk) -> None:
    await put(desk.conn)
    await put(desk.conn, state="failed", reason="chat_not_found")
    await desk.enter()
    page = await desk.page("/dashboard/outbox")
    assert "chat_not_found" in page
    assert "waiting 1" in _text(page)


# What it leaves to others.


async def test_while_the_database_is_away_a_page_comes_again_by_itself(
    desk: Desk, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.enter()
    monkeypatch.setattr(routes, "WAIT_S", 0.2)
    await pool.close()
    answer = await desk.get("/dashboard")
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    text = await answer.text()
    assert '<meta http-equiv="refresh" content="5">' in text
    assert "does not answer right now" in text
    assert (await desk.get("/dashboard/sign-in")).status == 200


async def test_before_a_playbook_is_published(pool: Pool, conn: Connection, bundle: Bundle, database_url: str) -> None:
    await conn.execute("DELETE FROM publications")
    async with opened_desk(pool, conn, database_url) as desk:
        await desk.enter()
        answer = await desk.get("/dashboard")
        assert answer.status == 503
        assert "sop publish" in await answer.text()


async def test_who_looks_takes_two_connections_at_most_and_changes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.enter()
    looking, most = 0, 0

    async def slow(kpi_look: Look) -> str:
        nonlocal looking, most
        looking += 1
        most = max(most, looking)
        row = await kpi_look.all("SELECT current_setting('transaction_read_only') AS only")
        await asyncio.sleep(0.05)
        looking -= 1
        return str(row[0]["only"])

    monkeypatch.setattr("community.gateway.dashboard.drill.csv_of", slow)
    answers = await asyncio.gather(*(desk.get("/dashboard/kpi/active/rows.csv") for _ in range(8)))
    assert {await answer.text() for answer in answers} == {"on"}
    assert most == routes.AT_ONCE == 2


async def test_what_takes_too_long_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.enter()
    monkeypatch.setattr(routes, "STATEMENT_S", 0.1)
    monkeypatch.setattr("community.insight.values.rows_of", lambda kpi: SLOW)
    answer = await desk.get("/dashboard/kpi/new_members/rows")
    assert answer.status == 503
    assert "Too much to read at once" in await answer.text()


def _tile(board: str, name: str) -> str:
    [found] = [each for each in re.findall(r"<article.*?</article>", board, re.S) if f"/dashboard/kpi/{name}" in each][
        :1
    ]
    return found


def _text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace(" )", ")").split()).replace("( ", "(")
