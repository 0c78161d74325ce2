"""Flow runs in this process, shown under their deployment: the one place that calls Prefect's engine by hand.

`run_flow_async` on a run created beforehand is not a documented API. Everything of Prefect happens on a thread with an
event loop of its own: a server that is down or hung (an engine call on one blocks for more than 45 s) holds up nobody
but its caller, who gives up after a deadline. The engine leaves signals alone there, as it does off the main thread.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from contextvars import Context, copy_context
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

import aiohttp

from community.errors import PrefectUnavailable

if TYPE_CHECKING:  # importing Prefect takes seconds, which a process that only serves need not wait for
    from prefect import Flow
    from prefect.client.orchestration import PrefectClient
    from prefect.client.schemas.objects import FlowRun, State

T = TypeVar("T")
REACH_WITHIN = 1.0
"""Seconds the server has to say that it is up."""
OPEN_WITHIN = 20.0
"""Seconds a server that is up has to note a new run, or to answer; on SQLite, four at once may need 14."""
RUN_WITHIN = 120.0
"""Seconds a run may take; a server hung in the middle of it if it takes longer."""
SEND_WITHIN = 5.0
AT_ONCE = 4
"""Runs at a time; 100 at once make a server on SQLite answer 503."""
BEGINNING = "Beginning"
"""First state of a run here. Not `Pending`, which the automations wait for: each event that they count is a read and a
write in one transaction, which SQLite refuses under load, and what a refusal leaves behind can hold the server up for a
minute (a cursor in Python's garbage waits for its connection, which waits for a lock that the event loop holds)."""
LEFT_BEHIND = "Its process ended in the middle. Nothing is lost: another run took over."


class Breaker:
    """Spares callers the deadline while the server is away: open for `rest` seconds, then half-open for one try."""

    def __init__(self, rest: float = 15.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest = rest
        self._clock = clock
        self._open_until: float | None = None

    def admit(self) -> None:
        """Let a call through, or raise PrefectUnavailable. After the rest the first call goes through, alone."""
        if self._open_until is None:
            return
        if (wait := self._open_until - self._clock()) > 0:
            raise PrefectUnavailable(f"Prefect server: no answer lately; next try in {wait:.0f} s")
        self.failed()

    def failed(self) -> None:
        """Open: refuse calls for the rest."""
        self._open_until = self._clock() + self._rest

    def succeeded(self) -> None:
        """Close: let all calls through."""
        self._open_until = None


class _Lane:
    """The thread and event loop on which this process has Prefect work for it, with one client and its settings.

    A client of its own for each of a run's parts, and settings of its own for each run, would cost more than the run:
    0.04 s of CPU a client, for certificates that nobody asks for, and 0.06 s a set of settings.
    """

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(AT_ONCE)
        self.deployments: dict[str, UUID] = {}
        self._breaker = Breaker()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: Context | None = None

    async def reach(self) -> None:
        """Return once the server has said that it is up. Asked on the caller's loop: the lane's may be busy."""
        from prefect.settings import get_current_settings

        self._breaker.admit()
        url = get_current_settings().api.url
        limit = aiohttp.ClientTimeout(total=REACH_WITHIN)
        try:
            async with aiohttp.ClientSession(timeout=limit) as http, http.get(f"{url}/health") as answer:
                answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._breaker.failed()
            reason = str(error) or f"no answer within {REACH_WITHIN:.0f} s"
            raise PrefectUnavailable(f"Prefect server {url}: {reason}; is it up, PREFECT_API_URL right?") from None
        self._breaker.succeeded()

    async def call(self, work: Coroutine[Any, Any, T], within: float) -> T:
        """The result of `work`, done on the lane; PrefectUnavailable if late, and the work is then abandoned."""
        future = asyncio.run_coroutine_threadsafe(self._within_context(work), self._running_loop())
        try:
            async with asyncio.timeout(within):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            self._breaker.failed()
            raise PrefectUnavailable(f"Prefect server: no answer within {within:.0f} s; is it overloaded?") from None

    async def _within_context(self, work: Coroutine[Any, Any, T]) -> T:
        """Done in a copy of the lane's context, which holds the client and the settings."""
        if self._context is None:
            await _share_client_and_settings()
            self._context = copy_context()
        return await asyncio.create_task(work, context=self._context.copy())

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.SelectorEventLoop()
            Thread(target=self._loop.run_forever, name="prefect", daemon=True).start()
        return self._loop


async def _share_client_and_settings() -> None:
    """Enter, for good, the contexts from which Prefect takes its client and settings here.

    The settings leave out what guards runs of a worker and would last longer than runs here do: heartbeats.
    """
    from prefect.context import AsyncClientContext
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}).__enter__()
    await AsyncClientContext().__aenter__()


_lane = _Lane()


async def run_shown(
    flow: "Flow[..., Any]",
    deployment: str,
    parameters: Mapping[str, Any],
    *,
    idempotency_key: str,
    name: str | None = None,
    tags: Iterable[str] = (),
) -> "State[Any]":
    """Run `flow` in this process as a run of `deployment` ("flow/deployment"); returns its final state.

    Repeating a call with the `idempotency_key` of a completed run runs nothing. At most four run at a time.
    Raises PrefectUnavailable if the server does not answer within a second (at once while it is known to be away) or
    the run is not over after two minutes; the caller repeats the call later.
    """
    async with _lane.places:
        run = await open_run(deployment, parameters, idempotency_key=idempotency_key, name=name, tags=tags)
        return await run_opened(flow, run)


async def open_run(
    deployment: str,
    parameters: Mapping[str, Any],
    *,
    idempotency_key: str,
    name: str | None = None,
    tags: Iterable[str] = (),
) -> "FlowRun":
    """Note a run of `deployment` that `run_opened` carries out in this process, like the first half of `run_shown`."""
    await _lane.reach()
    return await _lane.call(_open(deployment, parameters, idempotency_key, name, [*tags, "in-service"]), OPEN_WITHIN)


async def run_opened(flow: "Flow[..., Any]", run: "FlowRun") -> "State[Any]":
    """Carry out a run from `open_run`, unless it is completed already; returns its final state."""
    if run.state and run.state.is_completed():
        return run.state
    return await _lane.call(_execute(flow, run), RUN_WITHIN)


async def send_rest() -> None:
    """Hand over the logs and events that Prefect still holds back. Call before its server stops, or the exit hangs."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (APILogWorker, EventsWorker):
        await asyncio.wait_for(asyncio.to_thread(worker.drain_all, timeout=SEND_WITHIN), 2 * SEND_WITHIN)


async def ask(question: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The Prefect server's answer to `question`, under the same breaker and deadlines as a run's opening."""
    await _lane.reach()
    return await _lane.call(question(), OPEN_WITHIN)


async def _open(
    deployment: str, parameters: Mapping[str, Any], key: str, name: str | None, tags: Iterable[str]
) -> "FlowRun":
    """The run noted under `key`; a new one if the former was begun and did not complete, as its process died."""
    from prefect.client.orchestration import get_client
    from prefect.states import Crashed, Pending

    fields = {"parameters": dict(parameters), "state": Pending(name=BEGINNING), "name": name, "tags": list(tags)}
    async with get_client() as client:
        while True:
            run = await _create(client, deployment, idempotency_key=key, **fields)
            if run.state is None or run.state.is_pending() or run.state.is_completed():
                return run
            if not run.state.is_final():
                await client.set_flow_run_state(run.id, Crashed(message=LEFT_BEHIND), force=True)
            key = f"{key}+"


async def _create(client: "PrefectClient", deployment: str, **fields: Any) -> "FlowRun":
    """A new run of the deployment, whose id is kept: reading it costs the server as much as opening the run."""
    from prefect.exceptions import ObjectNotFound

    if known := _lane.deployments.get(deployment):
        with suppress(ObjectNotFound):  # made anew meanwhile, under another id
            return await client.create_flow_run_from_deployment(known, **fields)
    try:
        found = _lane.deployments[deployment] = (await client.read_deployment_by_name(deployment)).id
    except ObjectNotFound:
        remedy = "python -m deployments.bootstrap"
        raise PrefectUnavailable(f"Prefect server: it holds no deployment {deployment}; {remedy}") from None
    return await client.create_flow_run_from_deployment(found, **fields)


async def _execute(flow: "Flow[..., Any]", run: "FlowRun") -> "State[Any]":
    """Run the flow, without what guards runs of a worker and would last longer than these runs do.

    The engine watches a run that knows its deployment for suspension, by a thread and a websocket. It reads the run
    again, deployment and all, before it executes anything.
    """
    from prefect.flow_engine import run_flow_async

    unwatched = run.model_copy(update={"deployment_id": None})
    state = await run_flow_async(flow, flow_run=unwatched, parameters=run.parameters, return_type="state")
    return cast("State[Any]", state)
