"""What Telegram has and python-telegram-bot has not yet, written as the library would. Bot API 10.1.

An entry here is dropped when the library brings its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from telegram import Message, ReplyParameters, SuggestedPostParameters
    from telegram._utils.types import ReplyMarkup


class InputRichMessage:
    """Text with headings, lists and tables, as HTML or Markdown."""

    def __init__(
        self, html: str | None = None, markdown: str | None = None, is_rtl: bool | None = None,
        skip_entity_detection: bool | None = None,
    ) -> None: ...  # fmt: skip


class RichMessage:
    """What became of an InputRichMessage; its blocks are not described."""

    def __init__(self, blocks: list[dict[str, Any]], is_rtl: bool | None = None) -> None: ...


class Link:
    """An address in a poll."""

    def __init__(self, url: str) -> None: ...


class Methods(Protocol):
    """Methods by the library's way of spelling."""

    async def send_rich_message(
        self, chat_id: int | str, rich_message: InputRichMessage, business_connection_id: str | None = None,
        message_thread_id: int | None = None, direct_messages_topic_id: int | None = None,
        disable_notification: bool | None = None, protect_content: bool | None = None,
        allow_paid_broadcast: bool | None = None, message_effect_id: str | None = None,
        suggested_post_parameters: SuggestedPostParameters | None = None,
        reply_parameters: ReplyParameters | None = None, reply_markup: ReplyMarkup | None = None,
    ) -> Message: ...  # fmt: skip

    async def send_rich_message_draft(
        self, chat_id: int, draft_id: int, rich_message: InputRichMessage, message_thread_id: int | None = None
    ) -> bool: ...

    async def answer_chat_join_request_query(self, chat_join_request_query_id: str, result: str) -> bool: ...

    async def send_chat_join_request_web_app(self, chat_join_request_query_id: str, web_app_url: str) -> bool: ...


CLASSES = (InputRichMessage, RichMessage, Link)
ADDED = {
    "editMessageText": {"rich_message": "InputRichMessage"},
    "ChatFullInfo": {"guard_bot": "User"},
    "ChatJoinRequest": {"query_id": "str"},
    "Message": {"rich_message": "RichMessage"},
    "PollMedia": {"link": "Link"},
    "User": {"supports_join_request_queries": "bool"},
}
"""Parameters of methods and fields of types, all of them optional."""
