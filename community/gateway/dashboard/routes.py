"""The dashboard's routes: signing in and out, its pages, and what they do while something is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import urlencode

from psycopg.errors import QueryCanceled
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from community.database.installation import sop_now
from community.database.pool import Connection, Pool
from community.errors import PlaybookError
from community.gateway.bodies import TooLarge
from community.gateway.dashboard import counted, drill, listed, reports
from community.gateway.dashboard.asked import Asked
from community.gateway.dashboard.desk import Desk
from community.gateway.dashboard.look import Look, Page, queries
from community.gateway.dashboard.pages import PAGES
from community.gateway.health import UNAVAILABLE
from community.gateway.ordering import NoForm, read_form
from community.gateway.visitors import Limits, address_of
from community.insight.entrance import PATH, Pass, holds, issue, read, spend
from community.insight.windows import day_of
from community.kpis import KPIS
from community.outbox.bundles import Bundles
from community.settings import Settings

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Connections to the database that the dashboard has at most: those who look leave the rest to the bot."""
STATEMENT_S = 4.0
"""Longest that one statement of a look may take."""
ANSWER_S = 10.0
WAIT_S = 3.0
WITHIN_S = 600.0
TRIES, LOOKS = 10, 600
"""How often somebody may try to sign in, and look, from one address in ten minutes."""
DRILL = Page("kpi", drill.show)
ROWS = Page("rows", drill.show_rows)
ALONE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""A report brings its own style, and nothing else."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}

Answer = Callable[[Look, Request], Awaitable[Response]]


class Dashboard:
    """What staff open in their browsers."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool, self._bundles, self._folder = pool, Bundles(), settings.playbook_dir
        self._desk = Desk(settings, PAGES)
        self._tries = Limits({"address": TRIES}, WITHIN_S)
        self._looks = Limits({"address": LOOKS}, WITHIN_S)
        self._at_once = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route(f"{PATH}/style.css", self.style, methods=["GET"]),
            Route(f"{PATH}/enhance.js", self.script, methods=["GET"]),
            Route(f"{PATH}/sign-in", self.sign_in, methods=["GET"]),
            Route(f"{PATH}/sign-in", self.by_token, methods=["POST"]),
            Route(f"{PATH}/in/{{key}}", self.link, methods=["GET"]),
            Route(f"{PATH}/in/{{key}}", self.by_link, methods=["POST"]),
            Route(f"{PATH}/sign-out", self.sign_out, methods=["POST"]),
            Route(f"{PATH}/kpi/{{kpi}}", self._kpi(self._page(DRILL)), methods=["GET"]),
            Route(f"{PATH}/kpi/{{kpi}}/rows", self._kpi(self._page(ROWS)), methods=["GET"]),
            Route(f"{PATH}/kpi/{{kpi}}/rows.csv", self._kpi(self._csv), methods=["GET"]),
            Route(f"{PATH}/{{list}}/{{name}}/rows", self._signed_in(self._rows), methods=["GET"]),
            Route(f"{PATH}/{{list}}/{{name}}/rows.csv", self._signed_in(self._rows_csv), methods=["GET"]),
            *[Route(page.path, self._signed_in(self._page(page)), methods=["GET"]) for page in PAGES],
            Route(f"{PATH}/reports/{{kind}}/{{since}}.xlsx", self._signed_in(self._workbook), methods=["GET"]),
            Route(f"{PATH}/reports/{{kind}}/{{since}}", self._signed_in(self._report), methods=["GET"]),
            Route(f"{PATH}/{{rest:path}}", self.nothing, methods=["GET"]),
        ]

    # Signing in and out.

    async def sign_in(self, request: Request) -> Response:
        """The page on which the token is typed, and that says how to get a link."""
        return self._desk.sign_in(request, request.query_params.get("then", PATH))

    async def by_token(self, request: Request) -> Response:
        """A token was typed."""
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        then = form.get("then", PATH)
        if not self._desk.is_token(form.get("token", "")):
            return self._desk.sign_in(request, then, "wrong_token", 403)
        return await self._begin(request, then, None)

    async def link(self, request: Request) -> Response:
        """What a link leads to: a button, as programs that look at links must not use them up."""
        key = request.path_params["key"]
        if read(self._desk.secret, "link", key) is None:
            return self._desk.sign_in(request, PATH, "bad_link", 404)
        context = {"then": PATH, "why": "", "by_token": False, "key": key}
        return self._desk.answer(request, "sign_in", self._desk.locale(request), context)

    async def by_link(self, request: Request) -> Response:
        """The button was pressed: the link is used."""
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        given = read(self._desk.secret, "link", request.path_params["key"])
        if given is None:
            return self._desk.sign_in(request, PATH, "bad_link", 404)
        return await self._begin(request, PATH, given)

    async def sign_out(self, request: Request) -> Response:
        """End the session: its cookie opens nothing any more, wherever it is."""
        session = self._desk.session(request)
        if self._desk.from_elsewhere(request):
            return self._desk.trouble(request, "not_found", 403)
        if session is None:
            return self._desk.end()
        try:
            async with asyncio.timeout(ANSWER_S), self._at_once, self._pool.connection(timeout=WAIT_S) as conn:
                await spend(conn, session)
        except UNAVAILABLE:
            return self._desk.trouble(request, "away", 503)
        return self._desk.end()

    async def _form(self, request: Request) -> dict[str, str] | Response:
        """The form that was sent; or what to answer to one that is not ours, or comes too often."""
        if self._desk.from_elsewhere(request):
            return self._desk.trouble(request, "not_found", 403)
        if not self._tries.allow(address=address_of(request)):
            return self._desk.trouble(request, "too_many", 429)
        try:
            return dict(await read_form(request))
        except TooLarge:
            return self._desk.trouble(request, "not_found", 413)
        except (NoForm, ClientDisconnect):
            return self._desk.trouble(request, "not_found", 400)

    async def _begin(self, request: Request, then: str, link: Pass | None) -> Response:
        try:
            async with asyncio.timeout(ANSWER_S), self._at_once, self._pool.connection(timeout=WAIT_S) as conn:
                if link is not None and not await spend(conn, link):
                    return self._desk.sign_in(request, PATH, "used_link", 403)
                session = await issue(conn, self._desk.secret, "session")
        except UNAVAILABLE:
            return self._desk.trouble(request, "away", 503)
        return self._desk.begin(session, then)

    # Pages.

    def _kpi(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        signed_in = self._signed_in(answer)

        async def of_kpi(request: Request) -> Response:
            if request.path_params["kpi"] not in KPIS:
                return self._desk.trouble(request, "not_found", 404)
            return await signed_in(request)

        return of_kpi

    def _signed_in(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        """A route for those who are signed in; all others are led to the sign-in, whatever is there."""

        async def guarded(request: Request) -> Response:
            session = self._desk.session(request)
            if session is None:
                return _to_sign_in(request)
            if not self._looks.allow(address=address_of(request)):
                return self._desk.trouble(request, "too_many", 429)
            try:
                return await self._look(request, session, answer)
            except QueryCanceled:
                return self._desk.trouble(request, "too_much", 503)
            except UNAVAILABLE:
                return self._desk.trouble(request, "away", 503, again=True)
            except PlaybookError as error:
                log.warning("dashboard: %s", error)
                return self._desk.trouble(request, "no_playbook", 503, again=True)

        return guarded

    async def _look(self, request: Request, session: Pass, answer: Answer) -> Response:
        async with (
            asyncio.timeout(ANSWER_S),
            self._at_once,
            self._pool.connection(timeout=WAIT_S) as conn,
            conn.transaction(),
        ):
            await conn.execute(queries.limits, {"most_ms": round(STATEMENT_S * 1000)})
            if not await holds(conn, session):
                return _to_sign_in(request)
            return await answer(await self._looking(conn, request), request)

    async def _looking(self, conn: Connection, request: Request) -> Look:
        bundle, at = await self._bundles.current(conn), await sop_now(conn)
        community = bundle.playbook.community
        locale = self._desk.locale(request, community.locale)
        asked = Asked.of(request.query_params, day_of(at, community.zone), community.zone)
        words = self._desk.templates.words_of(locale, community.locale)
        return Look(
            conn, bundle, self._desk.bot_id, asked, at, locale, words, request.path_params, request.query_params
        )

    def _page(self, page: Page) -> Answer:
        async def answer(look: Look, request: Request) -> Response:
            shared = {
                "here": page.name,
                "signed_in": True,
                "community": look.bundle.playbook.community.name,
                "asked": look.asked,
                "counted": await counted.told(look),
                "filters": page.filters,
                "groups": [each for each in await look.all(queries.groups) if not each["lost_at"]],
                "sources": [row["source"] for row in await look.all(queries.sources)],
            }
            return self._desk.answer(request, page.name, look.locale, {**shared, **await page.show(look)})

        return answer

    async def _csv(self, look: Look, request: Request) -> Response:
        return _as_csv(await drill.csv_of(look), f"{look.path['kpi']}-{look.asked.last.since}")

    async def _rows(self, look: Look, request: Request) -> Response:
        asked = await listed.asked_for(look)
        if asked is None:
            return self._desk.trouble(request, "not_found", 404)
        return await self._page(Page("listed", partial(listed.show, asked), frozenset()))(look, request)

    async def _rows_csv(self, look: Look, request: Request) -> Response:
        asked = await listed.asked_for(look)
        if asked is None:
            return self._desk.trouble(request, "not_found", 404)
        return _as_csv(await listed.csv_of(asked, look), f"{look.path['list']}-{look.path['name']}")

    async def _report(self, look: Look, request: Request) -> Response:
        report = await reports.asked_for(look)
        if report is None:
            return self._desk.trouble(request, "not_found", 404)
        return HTMLResponse(await reports.as_page(report, look.locale, self._folder), headers=ALONE)

    async def _workbook(self, look: Look, request: Request) -> Response:
        report = await reports.asked_for(look)
        if report is None:
            return self._desk.trouble(request, "not_found", 404)
        headers = {**CSV, "Content-Disposition": f'attachment; filename="{report.kind}-{report.since}.xlsx"'}
        content = await reports.as_workbook(report, look.locale, self._folder)
        return Response(content, media_type=XLSX, headers=headers)

    async def nothing(self, request: Request) -> Response:
        """An address that was typed wrong, and leads back to the board."""
        return self._desk.trouble(request, "not_found", 404)

    # What belongs to the pages.

    async def style(self, request: Request) -> Response:
        """The stylesheet."""
        return self._file("style.css", "text/css")

    async def script(self, request: Request) -> Response:
        """A few lines that send the filters as soon as one is changed. All works without."""
        return self._file("enhance.js", "text/javascript")

    def _file(self, name: str, kind: str) -> Response:
        headers = {"Cache-Control": "public, max-age=300"}
        return FileResponse(self._desk.templates.find(name), media_type=kind, headers=headers)


def _as_csv(text: str, name: str) -> Response:
    headers = {**CSV, "Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _to_sign_in(request: Request) -> Response:
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{PATH}/sign-in?{urlencode({'then': asked})}", 303)
