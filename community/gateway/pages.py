"""The few pages a visitor may see."""

from starlette.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="zh-Hans"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<body><h1>{title}</h1><p lang="zh-Hans">{chinese}</p><p lang="en">{english}</p></body></html>
"""


def not_found() -> HTMLResponse:
    """The link does not exist, or not any more."""
    return _page(
        404,
        "链接已失效 · Link not found",
        "这个链接不存在或已过期。请回到 Telegram，从最新的消息里重新打开，或直接问机器人。",
        "This link does not exist or has expired. Go back to Telegram and open it from the latest message.",
    )


def try_later() -> HTMLResponse:
    """Something we need is away for a moment."""
    return _page(
        503,
        "请稍后再试 · One moment",
        "服务正在启动，请一分钟后再试。",
        "We are just starting. Please try again in a minute.",
    )


def too_many() -> HTMLResponse:
    """Somebody, or many who share an address, ask more often than people do."""
    return _page(
        429,
        "请稍候 · Too many requests",
        "打开得太频繁，请过几分钟再试，或直接在 Telegram 里问机器人。",
        "This was opened too often in a short time. Please try again in some minutes, or ask the bot in Telegram.",
    )


def _page(status: int, title: str, chinese: str, english: str) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=title, chinese=chinese, english=english), status)
