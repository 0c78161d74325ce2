"""A large send waits for a word: suspended, with its plan and a form; whoever gives it, it is carried out once."""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from typing import Any

import orjson
import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Crashed

from community.bundle import Bundle
from community.database.installation import beat, sop_now
from community.database.pool import Connection, Pool
from community.outbox.bundles import Bundles, publish
from community.outreach.decide import decide, settle
from community.outreach.proposal import Proposal
from community.outreach.proposals import proposal_of_run
from community.settings import load_settings
from deployments import runs
from deployments.decisions import HeedCancels, ShowDecisions
from flows.delivery import delivery
from tasks.resuming import cancelled_runs, catch_up
from tests.flows.conftest import STAFF, artifacts, begin, carry_on, newcomers

MEMBERS = 5


@pytest.fixture(autouse=True)
async def five(bundle: Bundle, conn: Connection) -> None:
    """Five newcomers, where two are the most that are written to unasked."""
    await allow(conn, bundle, above=2)
    await newcomers(conn, MEMBERS)


@pytest.fixture(autouse=True)
def lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane of each test's own: breakers remember."""
    monkeypatch.setattr(runs, "_lane", runs._Lane())


async def allow(conn: Connection, bundle: Bundle, **approval: Any) -> None:
    await publish(conn, Bundle({**bundle.source, "approval": {"first": 20, **approval}}, bundle.copy), "approval")


async def resume(client: PrefectClient, run: FlowRun, choice: str, **more: str) -> FlowRun:
    """Fill in the form and press Resume; then a worker takes the run up again."""
    given = {"choice": choice, "name": "Ada", **more}
    await client.resume_flow_run(run.id, run_input=given)
    return await carry_on(client, run.id)


async def proposal(conn: Connection, run: FlowRun) -> Proposal:
    found = await proposal_of_run(conn, str(run.id))
    assert found is not None
    return found


async def messages(conn: Connection) -> dict[tuple[str, str | None], int]:
    """State and reason → messages to members."""
    query = "SELECT state, reason, count(*) AS n FROM messages WHERE member_id IS NOT NULL GROUP BY 1, 2"
    return {(row["state"], row["reason"]): row["n"] for row in await (await conn.execute(query)).fetchall()}


async def staff_heard(conn: Connection) -> list[dict[str, Any]]:
    """What the staff chat was told, in order: the step and its context."""
    query = "SELECT step, context FROM messages WHERE chat_id = %s AND stage = 'staff' ORDER BY id"
    return [{"step": row["step"], **row["context"]} for row in await (await conn.execute(query, [STAFF])).fetchall()]


async def staff_chat(conn: Connection, run: FlowRun, word: str) -> None:
    """Member 7 presses a button in the staff chat."""
    found, at = await proposal(conn, run), await sop_now(conn)
    said = {"by": "7", "how": "staff_chat", "note": ""}
    assert await decide(conn, found.id, word, at, bot_id=load_settings().bot_id, staff_chat=STAFF, **said)


async def service(conn: Connection, *, later: timedelta = timedelta()) -> int:
    """The service carries out what was decided, or lapses what was not."""
    at = await sop_now(conn) + later
    return await settle(conn, Bundles(), at, bot_id=load_settings().bot_id, staff_chat=STAFF)


async def test_waits_suspended_with_its_plan_and_a_form(
    client: PrefectClient, deployed: None, conn: Connection
) -> None:
    run = await begin(client)

    assert run.state is not None
    assert run.state_name == "Suspended"
    assert run.name.endswith(" · 5 messages wait for approval")
    found = await proposal(conn, run)
    shown = str((await artifacts(client, run))["welcome-drip-plan"].data)
    assert f"# welcome-drip: 5 messages to approve\n\nPlan `{found.hash}`" in shown
    assert "| welcome | 5 | 0 |" in shown
    form = run.state.state_details.run_input_keyset
    assert form is not None
    fields = orjson.loads(await client.read_flow_run_input(run.id, form["schema"]))
    assert list(fields["properties"]) == ["choice", "name", "note"]
    assert fields["required"] == ["choice", "name"]
    assert fields["definitions"]["Choice"]["enum"] == [
        "send to all",
        "send to a part first, then ask again",
        "cancel",
    ]
    question = await client.read_flow_run_input(run.id, form["description"])
    assert "**5 messages** of `welcome_drip` to decide on" in question
    assert await messages(conn) == {}


async def test_send_to_all(client: PrefectClient, deployed: None, conn: Connection) -> None:
    run = await resume(client, await begin(client), "send to all", note="looks good")

    assert run.state_name == "Completed"
    assert run.name.endswith(" · 0 sent · 5 on their way · approved by Ada")
    assert await messages(conn) == {("waiting", None): MEMBERS}
    found = await proposal(conn, run)
    assert (found.state, found.decision, found.decided_how, found.note) == ("executed", "send", "form", "looks good")
    report = str((await artifacts(client, run))["welcome-drip-report"].data)
    assert "approved by Ada" in report
    assert "looks good" in report
    assert [(told["step"], told.get("sent")) for told in await staff_heard(conn)] == [
        ("approval", None),
        ("decided", 5),
    ]


async def test_cancel(client: PrefectClient, deployed: None, conn: Connection) -> None:
    run = await resume(client, await begin(client), "cancel", note="wrong price")

    assert run.state is not None
    assert (run.state_name, run.state.message) == ("Cancelled", "cancelled by Ada: wrong price")
    assert run.name.endswith(" · cancelled by Ada")
    assert await messages(conn) == {("cancelled", "refused"): MEMBERS}
    assert (await begin(client)).name.endswith(" · 0 sent"), "the same is not asked again an hour later"


async def test_a_part_first_then_asked_again_then_the_rest(
    client: PrefectClient, deployed: None, conn: Connection
) -> None:
    run = await resume(client, await begin(client), "send to a part first, then ask again")
    assert run.state_name == "Suspended"
    assert run.name.endswith(" · 4 messages wait for approval")
    assert await messages(conn) == {("waiting", None): 1}
    assert "1 message of it went first; 4 are left." in str((await artifacts(client, run))["welcome-drip-plan"].data)

    run = await resume(client, run, "send to a part first, then ask again")
    assert await messages(conn) == {("waiting", None): 2}, "the next part, not the same again"

    run = await resume(client, run, "send to all")
    assert run.state_name == "Completed"
    assert run.name.endswith(" · 5 on their way · approved by Ada")
    assert await messages(conn) == {("waiting", None): MEMBERS}
    assert [told["step"] for told in await staff_heard(conn)] == ["approval", "approval", "approval", "decided"]


async def test_a_part_first_then_no_more(client: PrefectClient, deployed: None, conn: Connection) -> None:
    run = await resume(client, await begin(client), "send to a part first, then ask again")
    run = await resume(client, run, "cancel")
    assert run.state_name == "Cancelled"
    assert await messages(conn) == {("waiting", None): 1, ("cancelled", "refused"): 4}
    assert (await staff_heard(conn))[-1] | {"hash": ""} == {
        "step": "decided",
        "outcome": "cancelled",
        "number": (await proposal(conn, run)).id,
        "stage": "welcome_drip",
        "hash": "",
        "sent": 1,
        "left": 4,
        "by": "Ada",
        "how": "form",
        "note": "",
        "skipped": 0,
        "reasons": [],
    }


@pytest.mark.parametrize("given", [None, {"choice": "send to all"}, {"choice": "send to all", "name": " "}, {"x": 1}])
async def test_without_a_choice_and_a_name_it_stays_suspended(
    client: PrefectClient, deployed: None, conn: Connection, given: dict[str, Any] | None
) -> None:
    run = await begin(client)
    await client.resume_flow_run(run.id, run_input=given)
    assert (await client.read_flow_run(run.id)).state_name == "Suspended"
    assert await messages(conn) == {}


async def test_resuming_again_and_running_again_change_nothing(
    client: PrefectClient, deployed: None, conn: Connection
) -> None:
    run = await begin(client)
    word = {"choice": "send to all", "name": "Ada"}
    await client.resume_flow_run(run.id, run_input=word)
    await client.resume_flow_run(run.id, run_input=word | {"choice": "cancel"})
    run = await carry_on(client, run.id)
    await client.resume_flow_run(run.id, run_input=word | {"choice": "cancel"})
    assert (await client.read_flow_run(run.id)).state_name == "Completed"
    assert (await begin(client)).name.endswith(" · 0 sent")
    assert await messages(conn) == {("waiting", None): MEMBERS}


async def test_what_waits_is_not_asked_about_twice(client: PrefectClient, deployed: None, conn: Connection) -> None:
    await begin(client)
    await newcomers(conn, 2)
    assert (await begin(client)).name.endswith(" · 0 sent · 2 on their way")
    assert await messages(conn) == {("waiting", None): 2}


# A word given past Prefect.


async def test_the_staff_chats_word_is_carried_out_and_the_run_says_whose_it_was(
    client: PrefectClient, deployed: None, conn: Connection
) -> None:
    run = await begin(client)
    await staff_chat(conn, run, "send")
    assert await service(conn) == 1
    assert await messages(conn) == {("waiting", None): MEMBERS}
    assert (await client.read_flow_run(run.id)).state_name == "Suspended"

    assert await catch_up(await proposal(conn, run))
    assert await catch_up(await proposal(conn, run)), "twice is as good as once"
    assert (await client.read_flow_run(run.id)).state_name == "Resuming"
    run = await carry_on(client, run.id)
    assert run.state_name == "Completed"
    assert run.name.endswith(" · 0 sent · 5 on their way · approved by member 7")
    assert await messages(conn) == {("waiting", None): MEMBERS}


async def test_a_part_by_the_staff_chat_and_the_run_asks_again(
    client: PrefectClient, deployed: None, conn: Connection
) -> None:
    run = await begin(client)
    await staff_chat(conn, run, "first")
    await service(conn)
    await catch_up(await proposal(conn, run))
    run = await carry_on(client, run.id)
    assert run.state_name == "Suspended"
    assert run.name.endswith(" · 4 messages wait for approval")
    await catch_up(await proposal(conn, run))
    assert (await client.read_flow_run(run.id)).state_name == "Suspended", "it asks what is asked"
    run = await resume(client, run, "send to all")
    assert await messages(conn) == {("waiting", None): MEMBERS}


@pytest.mark.parametrize(
    ("word", "said"), [("cancel", "cancelled by member 7"), (None, "cancelled, no answer in time")]
)
async def test_cancelled_or_lapsed_the_run_ends_with_the_reason(
    client: PrefectClient, deployed: None, conn: Connection, word: str | None, said: str
) -> None:
    run = await begin(client)
    if word:
        await staff_chat(conn, run, word)
    await service(conn, later=timedelta(hours=13))
    await catch_up(await proposal(conn, run))

    run = await client.read_flow_run(run.id)
    assert run.state is not None
    assert run.state_name == "Cancelled"
    assert str(run.state.message).startswith(said)
    assert run.name.endswith(f" · {said}")
    assert " wait for approval" not in run.name
    assert await messages(conn) == {("cancelled", "refused"): MEMBERS}
    assert (await staff_heard(conn))[-1]["outcome"] == ("cancelled" if word else "lapsed")


async def test_the_first_word_counts(client: PrefectClient, deployed: None, conn: Connection) -> None:
    run = await begin(client)
    await client.resume_flow_run(run.id, run_input={"choice": "send to all", "name": "Ada"})
    await staff_chat(conn, run, "cancel")
    run = await carry_on(client, run.id)
    assert run.name.endswith(" · cancelled by member 7")
    assert await messages(conn) == {("cancelled", "refused"): MEMBERS}


async def test_a_form_that_comes_too_late_sends_nothing(
    client: PrefectClient, deployed: None, conn: Connection
) -> None:
    run = await begin(client)
    await conn.execute("UPDATE plans SET decide_by_at = clock_timestamp() - interval '1 second' WHERE hash IS NOT NULL")
    run = await resume(client, run, "send to all")
    assert (run.state_name, run.name.endswith(" · cancelled, no answer in time")) == ("Cancelled", True)
    assert await messages(conn) == {("cancelled", "refused"): MEMBERS}


async def test_while_prefect_is_away_the_word_is_carried_out_and_the_run_learns_of_it_later(
    client: PrefectClient, deployed: None, conn: Connection, pool: Pool
) -> None:
    run, showing = await begin(client), ShowDecisions(pool)
    await staff_chat(conn, run, "send")
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        await service(conn)
        await showing.show(catch_up)
    assert await messages(conn) == {("waiting", None): MEMBERS}
    assert (await client.read_flow_run(run.id)).state_name == "Suspended"

    runs._lane._breaker.succeeded()  # its rest is over
    await showing.show(catch_up)
    assert (await client.read_flow_run(run.id)).state_name == "Resuming"


async def test_without_the_service_delivery_carries_it_out(
    client: PrefectClient, deployed: None, conn: Connection, telegram: object
) -> None:
    run = await begin(client)
    await staff_chat(conn, run, "send")
    await beat(conn, "test", "service")
    await delivery()
    assert await messages(conn) == {}, "the service is there"

    await conn.execute("DELETE FROM heartbeats")
    await delivery()
    assert sum((await messages(conn)).values()) == MEMBERS
    assert (await client.read_flow_run(run.id)).state_name == "Resuming"


# Events for operators' automations.


async def test_what_waits_and_how_it_ended_are_told_as_events_once_each(
    client: PrefectClient, deployed: None, conn: Connection, told: list[Any]
) -> None:
    run = await begin(client)
    found = await proposal(conn, run)
    waiting = {"plan": found.hash, "kind": "approval", "messages": 5, "decide_by": found.decide_by_at.isoformat()}
    assert [event[:3] for event in told] == [("sop.proposal_waiting", "sop.stage.welcome_drip", waiting)]
    await resume(client, run, "send to a part first, then ask again")
    assert [(event[0], event[2].get("messages")) for event in told[1:]] == [("sop.proposal_waiting", 4)]
    await resume(client, run, "send to all")
    [(name, _, payload, _)] = told[2:]
    assert name == "sop.proposal_decided"
    assert (payload["state"], payload["how"], payload["sent"], payload["left"]) == ("executed", "form", 5, 0)
    assert "Ada" not in str(told), "no names"


async def test_what_was_cancelled_past_the_run_is_told_as_an_event_once(
    client: PrefectClient, deployed: None, conn: Connection, told: list[Any]
) -> None:
    run = await begin(client)
    await staff_chat(conn, run, "cancel")
    told.clear()
    for _ in range(2):
        await catch_up(await proposal(conn, run))
    assert [(event[0], event[2]["state"], event[2]["how"]) for event in told] == [
        ("sop.proposal_decided", "refused", "staff_chat")
    ]


# A run cancelled in Prefect.


@pytest.fixture
def heeding(pool: Pool) -> HeedCancels:
    return HeedCancels(pool, load_settings())


async def test_cancelling_the_suspended_run_decides_that_nothing_is_sent(
    client: PrefectClient, deployed: None, conn: Connection, pool: Pool, heeding: HeedCancels
) -> None:
    run = await begin(client)
    await heeding.heed(cancelled_runs)
    assert (await proposal(conn, run)).state == "proposed", "it waits"

    await client.set_flow_run_state(run.id, Cancelling())  # as the UI does
    await heeding.heed(cancelled_runs)
    found = await proposal(conn, run)
    assert (found.state, found.decision, found.decided_how) == ("refused", "cancel", "run")
    assert await messages(conn) == {("cancelled", "refused"): MEMBERS}
    told = (await staff_heard(conn))[-1]
    assert (told["step"], told["outcome"], told["how"], told["left"]) == ("decided", "cancelled", "run", MEMBERS)

    for _ in range(2):
        await ShowDecisions(pool).show(catch_up)
    run = await client.read_flow_run(run.id)
    assert (run.state_name, run.name.endswith(" · cancelled in Prefect")) == ("Cancelled", True)
    assert " wait for approval" not in run.name


async def test_cancelling_the_run_spares_what_was_approved_before_or_went_as_a_part(
    client: PrefectClient, deployed: None, conn: Connection, heeding: HeedCancels
) -> None:
    run = await resume(client, await begin(client), "send to a part first, then ask again")
    await client.set_flow_run_state(run.id, Cancelling())
    await heeding.heed(cancelled_runs)
    assert await messages(conn) == {("waiting", None): 1, ("cancelled", "refused"): 4}

    await newcomers(conn, MEMBERS)
    run = await begin(client)
    await staff_chat(conn, run, "send")
    await client.set_flow_run_state(run.id, Cancelling())
    await heeding.heed(cancelled_runs)
    await service(conn)
    assert (await proposal(conn, run)).state == "executed"


async def test_while_prefect_is_away_its_silence_decides_nothing(
    client: PrefectClient, deployed: None, conn: Connection, heeding: HeedCancels
) -> None:
    run = await begin(client)
    await client.set_flow_run_state(run.id, Cancelling())
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        await heeding.heed(cancelled_runs)
    assert (await proposal(conn, run)).state == "proposed"
    assert await messages(conn) == {}


async def test_without_the_service_delivery_heeds_a_cancelled_run(
    client: PrefectClient, deployed: None, conn: Connection, telegram: object
) -> None:
    run = await begin(client)
    await client.set_flow_run_state(run.id, Cancelling())
    await delivery()
    assert (await proposal(conn, run)).decided_how == "run"


# A process that ends, or is ended.


async def test_no_process_waits_and_another_one_goes_on(
    client: PrefectClient, deployed: None, conn: Connection
) -> None:
    held = await client.read_deployment_by_name("welcome-drip/welcome-drip")
    run = await client.create_flow_run_from_deployment(held.id)
    process = await engine(run)
    assert await process.wait() == 0
    assert (await client.read_flow_run(run.id)).state_name == "Suspended"
    assert (await resume(client, run, "send to all")).state_name == "Completed"
    assert await messages(conn) == {("waiting", None): MEMBERS}


async def test_killed_between_freezing_and_asking_nothing_is_lost(
    client: PrefectClient, deployed: None, conn: Connection
) -> None:
    held = await client.read_deployment_by_name("welcome-drip/welcome-drip")
    run = await client.create_flow_run_from_deployment(held.id)
    process = await engine(run)
    async with asyncio.timeout(60):
        while await proposal_of_run(conn, str(run.id)) is None:
            await asyncio.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    assert [told["step"] for told in await staff_heard(conn)] == ["approval"]

    await staff_chat(conn, run, "send")
    await service(conn)
    assert await messages(conn) == {("waiting", None): MEMBERS}
    await client.set_flow_run_state(run.id, Crashed(), force=True)  # as the automation for silent runs does
    await catch_up(await proposal(conn, run))
    await catch_up(await proposal(conn, run))
    plan = (await proposal(conn, run)).hash
    [shown] = [each for each in await client.read_flow_runs() if each.parameters.get("plan") == plan]
    shown = await carry_on(client, shown.id)
    assert shown.name.endswith(" · 0 sent · 5 on their way · approved by member 7")


async def engine(run: FlowRun) -> asyncio.subprocess.Process:
    """The process in which a worker executes a run."""
    environment = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())}
    command = [sys.executable, "-m", "prefect.engine", str(run.id)]
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*command, env=environment, stdout=quiet, stderr=quiet)
