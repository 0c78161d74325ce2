"""Column shorthands of our tables: aware times, JSON, text enums; and the one metadata object Alembic compares with."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def identity() -> Any:
    """A bigint primary key counted by PostgreSQL."""
    return Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))


def bigint(**options: Any) -> Any:
    """A bigint column; Telegram's ids need more than 32 bits."""
    return Field(sa_column=Column(BigInteger, **{"nullable": False, **options}))


def member_column(**options: Any) -> Column[int]:
    """Whose it is; NULL once they are erased, or not known."""
    return Column(BigInteger, ForeignKey("members.id", ondelete="SET NULL"), **{"nullable": True, **options})


def text(**options: Any) -> Any:
    """A text column."""
    return Field(sa_column=Column(Text, **{"nullable": False, **options}))


def moment(**options: Any) -> Any:
    """An aware timestamp. `…_at` is SOP time, `…_wall` is wall time; no column mixes the two."""
    return Field(sa_column=Column(DateTime(timezone=True), **{"nullable": False, **options}))


def json(**options: Any) -> Any:
    """A JSON object."""
    return Field(sa_column=Column(JSONB, **{"nullable": False, "server_default": "{}", **options}))
