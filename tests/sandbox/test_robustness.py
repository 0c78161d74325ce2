"""Whatever bytes come in, no crash goes out."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from community.sandbox.accounts import User
from community.sandbox.actions import perform
from community.sandbox.app import Sandbox, create_app
from community.sandbox.control import ROUTES
from community.sandbox.methods import METHODS
from community.sandbox.settings import set_forum
from community.sandbox.world import DEFAULT_TOKEN

NAMES = [*sorted({each.name for each in METHODS.values()} - {"setWebhook"}), "no", ""]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
KEYS = st.sampled_from(
    """chat_id user_id message_id text reply_markup entities parse_mode document media reply_parameters offset
    limit allowed_updates commands scope permissions name member_limit expire_date invite_link reaction photo
    from_chat_id message_ids callback_query_id link_preview_options caption caption_entities file_id question options
    type correct_option_ids close_date open_period latitude longitude live_period emoji phone_number first_name title
    thumbnail duration length message_effect_id message_thread_id user_id custom_title language_code menu_button rights
    sender_chat_id until_date icon_color""".split()  # noqa: SIM905
)
PLAUSIBLE = st.sampled_from(
    [
        17,
        -1001000000001,
        "17",
        "<b>",
        "@x",
        "MarkdownV2",
        "quiz",
        "t.me/sandbox_bot?startgroup&admin=x",
        ["a", "b"],
        [0, 1],
        {"message_id": 1, "quote": "x", "chat_id": 17},
        {"keyboard": [[{"text": "a", "request_users": {"request_id": 1, "max_quantity": "x"}}]], "selective": True},
        [{"type": "photo", "media": "https://e.org/x"}, {"type": "video", "media": "https://e.org/x"}],
        {"type": "video", "media": "https://e.org/x"},
        [{"type": "emoji", "emoji": []}],
    ]
)
PARAMS = st.dictionaries(KEYS, SCALARS | VALUES | PLAUSIBLE, max_size=6)
GESTURE_KEYS = st.sampled_from(
    """do user chat text link message at bot thread name member status anonymous permissions linked media options to
    shared""".split()  # noqa: SIM905
)
GESTURES_TRIED = """say press join react vote forward delete follow create_topic edit_chat set_member""".split()  # noqa: SIM905
KINDS = st.sampled_from([b"application/json", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x"])
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def fresh() -> Sandbox:
    app = create_app()
    app.world.add_user(User(17, "Ann"))
    perform(app.world, {"do": "start", "user": 17})
    group = app.world.add_group("supergroup", "G")
    group.enrol(app.world.bots[4242], admin=True)
    set_forum(app.world, group, True)
    return app


APP = fresh()
FIRST = APP.world.first_message_id
LOOP = asyncio.new_event_loop()


@pytest.fixture(scope="module", autouse=True)
def _closed_loop() -> Iterator[None]:
    """A loop of its own: asyncio.run would take the session's away."""
    yield
    LOOP.close()


def status(path: str, body: bytes, kind: bytes = b"", verb: str = "POST", query: bytes = b"") -> int:
    """The HTTP status the application answers with; an exception fails the test."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": verb, "path": path, "query_string": query, "headers": [(b"content-type", kind)]}
    scope |= {"http_version": "1.1", "scheme": "http", "root_path": "", "server": ("t", 80), "client": ("t", 1)}
    LOOP.run_until_complete(APP(scope, receive, send))
    number: int = sent[0]["status"]
    return number


@QUICK
@given(st.sampled_from(NAMES), KINDS, st.binary(max_size=200), st.binary(max_size=20))
def test_any_bytes_to_any_method(name: str, kind: bytes, body: bytes, query: bytes) -> None:
    assert status(f"/bot{DEFAULT_TOKEN}/{name}", body, kind, query=query) < 500


@QUICK
@given(st.sampled_from(NAMES), PARAMS)
def test_any_json_to_any_method(name: str, params: dict[str, Any]) -> None:
    body = json.dumps({"chat_id": 17, "from_chat_id": 17, "message_id": FIRST} | params | {"timeout": 0}).encode()
    assert status(f"/bot{DEFAULT_TOKEN}/{name}", body, b"application/json") < 500


@QUICK
@given(st.sampled_from(ROUTES), st.binary(max_size=100) | VALUES, st.binary(max_size=40))
def test_anything_to_any_control_route(route: Any, value: Any, query: bytes) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    assert status(f"/control/{route[1]}", body, verb=route[0], query=query) < 500


@QUICK
@given(st.dictionaries(GESTURE_KEYS, VALUES | PLAUSIBLE))
def test_any_action(action: dict[str, Any]) -> None:
    assert perform(APP.world, {"user": 17} | action).keys() >= {"ok"}
    for name in GESTURES_TRIED:
        assert perform(APP.world, {"user": 17} | action | {"do": name}).keys() >= {"ok"}


@QUICK
@given(st.text(max_size=40))
def test_any_path(path: str) -> None:
    for prefix in ("/", "/bot", "/file/bot", f"/file/bot{DEFAULT_TOKEN}/", "/control/"):
        assert 400 <= status(prefix + path, b"") < 500
