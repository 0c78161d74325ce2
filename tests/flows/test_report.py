"""A run's report in words: who got what and when, who did not and why, and how to look up the rest."""

from datetime import UTC, datetime

from community.bundle import Bundle
from community.outreach.attainment import Punctuality
from community.outreach.plan import PlanResult
from tasks.messaging import Followed
from tasks.reporting import reason_rows, stage_report

NOON = datetime(2026, 3, 4, 4, tzinfo=UTC)


def result(**columns: object) -> PlanResult:
    return PlanResult(7, "welcome_drip", NOON, "b" * 64, **columns)  # type: ignore[arg-type]


def row(state: str, reason: str | None, messages: int = 1, step: str = "day_1") -> dict[str, object]:
    return {"step": step, "state": state, "reason": reason, "messages": messages}


def report(
    shipped: Bundle, found: PlanResult, *rows: dict[str, object], punctual: list[Punctuality] | None = None
) -> str:
    return stage_report(found, Followed(rows), punctual or [], shipped.playbook, None, None)


def test_what_waits_by_the_rules_is_told_from_what_the_rules_dropped(shipped: Bundle) -> None:
    text = report(
        shipped,
        result(send=4),
        row("waiting", "quiet_hours", 3),
        row("waiting", "outranked"),
        row("expired", "quiet_hours", 2),
        row("sent", "frequency_cap", 5),
    )
    assert text.startswith("# welcome-drip: 5 sent, 4 deferred, 2 dropped")
    assert "| 3 | day_1 | waiting for the member's morning (quiet hours) |" in text
    assert "| 1 | day_1 | waiting for room under the caps, which a message that goes first takes |" in text
    assert "| 2 | day_1 | expired before it could be sent: quiet hours: the member's morning would come after" in text
    assert "| 5 | day_1 | sent after it waited for room under the caps |" in text


def test_each_reason_names_who_is_new_and_how_to_look_up_all(shipped: Bundle) -> None:
    skipped = result(
        skipped={"blocked": 40, "opted_out": 2},
        fresh={"blocked": 30},
        named={"blocked": list(range(1, 21))},
        steps={"welcome": {"blocked": 1}, "day_1": {"blocked": 39, "opted_out": 2}},
        decided=30,
    )
    text = report(shipped, skipped)
    numbers = ", ".join(map(str, range(1, 21)))
    look_up = "`sop explain welcome_drip --why-not day_1 --reason blocked`"
    assert f"| 40 | has blocked the bot | {numbers} and 10 more | {look_up} |" in text
    assert "| 2 | asked for no more messages |  | `sop explain" in text


def test_late_or_on_time_is_a_table_by_step(shipped: Bundle) -> None:
    found = [
        Punctuality("day_1", on_time=197, put_off=2, late=1, median_s=7260, worst_s=7260),
        Punctuality("day_2"),
    ]
    text = report(shipped, result(send=200), row("sent", None, 200), punctual=found)
    assert "| day_1 | 99.5 % | 200 | 197 | 2 | 1: by 2 h 1 min (median), 2 h 1 min (worst) | 0 | 0 | 0 |" in text
    assert "| day_2 |" not in text


def test_the_share_is_whole_only_when_all_of_it_is(shipped: Bundle) -> None:
    almost = [Punctuality("day_1", on_time=99_999, late=1, median_s=4000, worst_s=4000)]
    assert "| day_1 | 99.9 % |" in report(shipped, result(), row("sent", None), punctual=almost)


def test_the_gates_settings_stand_in_one_line(shipped: Bundle) -> None:
    line = next(line for line in report(shipped, result()).splitlines() if line.startswith("In force: "))
    assert line == (
        "In force: at most 2 promotional messages in 24 h and 10 in 7 days; quiet from 22:00 to 08:30 in the member's "
        "zone; held out 0 % of everyone and 0 % of this stage; on time within 1h."
    )
    quiet = Bundle({**shipped.source, "quiet_hours": None}, shipped.copy)
    assert "no quiet hours; held out" in report(quiet, result())


def test_the_table_of_outcomes_says_what_put_messages_off() -> None:
    rows = list(reason_rows(result(), Followed([row("waiting", "quiet_hours"), row("cancelled", "blocked")])))
    assert [(found["outcome"], found["why"]) for found in rows] == [
        ("waiting", "for the member's morning (quiet hours)"),
        ("cancelled", "has blocked the bot"),
    ]
