"""What all pages of the dashboard share: who is signed in, which language, and how an answer is made."""

import re
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from community.gateway.dashboard.look import Page
from community.insight.entrance import PATH, SESSION_S, Entrance, Pass, read
from community.page_templates import PageTemplates
from community.settings import Settings

FOLDER = "dashboard"
COOKIE = "dashboard"
LANGUAGE = "dashboard_language"
LANGUAGE_S = 365 * 86_400
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing of others, and no script but our few lines."""
AGAIN_S = 5
"""After so many seconds a page comes again that could not be shown."""
_OURS = re.compile(r"/dashboard(?:/[A-Za-z0-9_./-]*)?(?:\?[A-Za-z0-9_.~%&=+-]*)?", re.ASCII)
"""Where a sign-in may lead: our own pages, with what our own forms say."""


class Desk:
    """The dashboard's surroundings."""

    def __init__(self, settings: Settings, pages: tuple[Page, ...]) -> None:
        base, self.secret = Entrance.of(settings)
        self.secure = base.startswith("https:")
        self.bot_id = settings.bot_id
        self.templates = PageTemplates(settings.playbook_dir, FOLDER)
        self.has_token = settings.dashboard_token is not None
        self._token = settings.dashboard_token
        self._pages = pages

    # Who.

    def session(self, request: Request) -> Pass | None:
        """What the browser's cookie says, if we signed it."""
        return read(self.secret, "session", request.cookies.get(COOKIE, ""))

    def is_token(self, typed: str) -> bool:
        """Whether that is the dashboard's token; how long it takes tells nothing of it."""
        known = self._token.get_secret_value() if self._token else ""
        same = compare_digest(sha256(typed.encode(errors="replace")).digest(), sha256(known.encode()).digest())
        return same and self.has_token

    def begin(self, session: str, then: str) -> Response:
        """Signed in: on to the page that was asked for."""
        response = RedirectResponse(ours(then), 303)
        response.set_cookie(
            COOKIE, session, max_age=SESSION_S, path=PATH, secure=self.secure, httponly=True, samesite="lax"
        )
        return response

    def end(self) -> Response:
        """Signed out."""
        response = RedirectResponse(f"{PATH}/sign-in", 303)
        response.delete_cookie(COOKIE, path=PATH, secure=self.secure, httponly=True, samesite="lax")
        return response

    @staticmethod
    def from_elsewhere(request: Request) -> bool:
        """Whether a form was sent from another site's page."""
        return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")

    # How.

    def locale(self, request: Request, default: str = "zh-Hans") -> str:
        """The language asked for, else the one chosen before, else the browser's."""
        known = self.templates.words()
        for asked in (request.query_params.get("lang", ""), request.cookies.get(LANGUAGE, "")):
            if asked in known:
                return asked
        for tag in request.headers.get("accept-language", "").lower().split(",")[:10]:
            if found := _matching(tag.partition(";")[0].strip(), known):
                return found
        return default if default in known else "en"

    def answer(
        self, request: Request, template: str, locale: str, context: Mapping[str, Any], status: int = 200
    ) -> Response:
        """A page as it is sent."""
        shared = {
            "here": "",
            "pages": self._pages,
            "languages": [(key, words.get("name", key)) for key, words in self.templates.words().items()],
            "signed_in": False,
            "community": "",
            "asked": None,
            "filters": frozenset(),
            "address": request.url.path,
            "again_s": 0,
        }
        text = self.templates.render(f"{template}.html.j2", locale, "en", {**shared, **context})
        headers = {"Content-Security-Policy": POLICY, "Vary": "Cookie, Accept-Language"}
        response = HTMLResponse(text, status, headers=headers)
        if request.query_params.get("lang") == locale:
            response.set_cookie(
                LANGUAGE, locale, max_age=LANGUAGE_S, path=PATH, secure=self.secure, httponly=True, samesite="lax"
            )
        return response

    def sign_in(self, request: Request, then: str, why: str = "", status: int = 200) -> Response:
        """The page on which somebody signs in."""
        context = {"then": ours(then), "why": why, "by_token": self.has_token, "key": ""}
        return self.answer(request, "sign_in", self.locale(request), context, status)

    def trouble(self, request: Request, why: str, status: int, *, again: bool = False) -> Response:
        """Something is not as it should be; `again`: the page comes again by itself."""
        context = {"why": why, "again_s": AGAIN_S if again else 0}
        response = self.answer(request, "trouble", self.locale(request), context, status)
        if again:
            response.headers["Retry-After"] = str(AGAIN_S)
        return response


def ours(address: str) -> str:
    """The address if it is one of the dashboard's, else the board's."""
    return address if _OURS.fullmatch(address) and ".." not in address else PATH


def _matching(tag: str, known: Mapping[str, Any]) -> str | None:
    """The locale that a browser's language means."""
    language, *rest = tag.split("-")
    written = "zh-Hant" if {"hant", "tw", "hk", "mo"} & set(rest) else "zh-Hans"
    found = written if language == "zh" else language
    return found if found in known else None
