"""The one connection pool of a process. All connections speak UTC and return rows as dictionaries."""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeAlias

from psycopg import AsyncConnection, Error, OperationalError
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from community.errors import DatabaseError

Connection: TypeAlias = AsyncConnection[DictRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]

OPTIONS: dict[str, Any] = {
    "autocommit": True,
    "row_factory": dict_row,
    "prepare_threshold": 0,  # our statements are few and come again
    # jit would cost more than it gains: our statements are short, or set-based inserts bound by index maintenance.
    "options": "-c timezone=UTC -c jit=off -c idle_in_transaction_session_timeout=60000",
}


TROUBLE = ("08", "53", "57P", "58")
"""Beginnings of SQLSTATE: connection lost; disk, memory or connections used up; shutting down; input and output."""


def is_in_trouble(error: Exception) -> bool:
    """True if the server itself is in trouble: the statement is not at fault, however often it fails."""
    return isinstance(error, Error) and (error.sqlstate or "").startswith(TROUBLE)


class _CancellablePool(AsyncConnectionPool[Connection]):
    """Keeps a cancellation that arrives together with a connection.

    psycopg_pool waits by `asyncio.wait_for`, which before Python 3.12 returns the connection and drops the
    cancellation: a loop that takes connections would then never end.
    """

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - as in psycopg_pool
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        conn = await super().getconn(timeout)
        if task and task.cancelling() > before:
            await self.putconn(conn)
            raise asyncio.CancelledError
        return conn


async def open_pool(url: str, size: int = 10) -> Pool:
    """Open the pool of `size` connections; the caller closes it.

    Raises DatabaseError in one line when the server does not answer within 10 seconds.
    """
    await probe(url)
    pool: Pool = _CancellablePool(url, min_size=1, max_size=size, kwargs=OPTIONS, open=False)
    try:
        await pool.open(wait=True, timeout=10)
    except PoolTimeout as error:
        await pool.close()
        raise DatabaseError(f"database: {error}; is PostgreSQL up and SOP_DATABASE_URL right?") from None
    return pool


def transaction(conn: Connection) -> AbstractAsyncContextManager[object]:
    """What a verb changes, in one transaction: the caller's if there is one, else its own.

    A savepoint within the caller's would cost two exchanges, and nobody goes on after half a verb.
    """
    alone = conn.info.transaction_status == TransactionStatus.IDLE
    return conn.transaction() if alone else nullcontext()


async def probe(url: str) -> None:
    """Connect once, so that a wrong address is told in the server's own words instead of by a time-out."""
    conn = await connect(url)
    await conn.close()


async def connect(url: str) -> Connection:
    """One connection outside the pool, for LISTEN and for leader locks."""
    try:
        return await AsyncConnection[DictRow].connect(url, connect_timeout=10, **OPTIONS)
    except OperationalError as error:
        reason = str(error).splitlines()[0]
        raise DatabaseError(f"database: {reason}; check SOP_DATABASE_URL and that PostgreSQL is up") from None
