"""Telegram updates, stored before they are handled."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, SmallInteger, text as sql
from sqlmodel import Field, SQLModel

from community.database.fields import bigint, json, moment, text


class StoredUpdate(SQLModel, table=True):
    """One update. Claimed per user, so that each person's updates are handled in order over all replicas."""

    __tablename__ = "updates"
    __table_args__ = (
        CheckConstraint("state in ('pending', 'handled', 'failed')", name="updates_state"),
        Index("updates_pending", "bot_id", "user_key", "update_id", postgresql_where=sql("state = 'pending'")),
        Index("updates_failed", "bot_id", "update_id", postgresql_where=sql("state = 'failed'")),
    )

    bot_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    update_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    user_key: int = bigint()
    """The user's id, else the chat's: what order is kept by."""
    kind: str = text()
    """The update's own field: message, chat_join_request …; `unknown` if none was recognised."""
    payload: dict[str, Any] = json()
    state: str = text(server_default="pending")
    attempts: int = Field(sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    error: str | None = text(nullable=True)
    received_wall: datetime = moment()
    handled_wall: datetime | None = moment(nullable=True)
