"""Tables of the installation itself."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from community.database.fields import bigint, moment, text


class Installation(SQLModel, table=True):
    """One row: the bot and the mode this database belongs to (invariant 15)."""

    __tablename__ = "installation"

    id: int = Field(default=1, primary_key=True)
    bot_id: int = bigint()
    mode: str = text()
    claimed_wall: datetime = moment()
    virtual_now_at: datetime | None = moment(nullable=True)
    """SOP time of a simulation; NULL: SOP time is real time."""


class Heartbeat(SQLModel, table=True):
    """A live process of ours. `delivery` sends by itself only when no service beat within 30 s."""

    __tablename__ = "heartbeats"

    process: str = Field(primary_key=True)
    role: str = text()
    beat_wall: datetime = moment()
