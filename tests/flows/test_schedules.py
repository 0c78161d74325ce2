"""What runs when, frozen: a changed schedule must be meant."""

from itertools import pairwise
from pathlib import Path

import pytest
from prefect.events import ResourceSpecification

from community.bundle import Bundle
from community.errors import PlaybookError, UnknownStage
from deployments.declared import FILE, declared, unfolded


def test_schedules_are_as_agreed(shipped: Bundle) -> None:
    schedules = {
        deployment.name: [(schedule.cron, schedule.timezone) for schedule in deployment.schedules]
        for deployment in declared(shipped.playbook).deployments
    }
    assert schedules == {
        "welcome-drip": [("0 * * * *", "Asia/Shanghai")],
        "member-care": [("20 * * * *", "Asia/Shanghai")],
        "dormancy-reactivation": [("0 * * * *", "Asia/Shanghai")],
        "renewal-reminders": [("0 * * * *", "Asia/Shanghai")],
        "live-conversion": [("*/10 * * * *", "Asia/Shanghai")],
        "payment-access": [("*/5 * * * *", "UTC")],
        "access-expiry": [("25 * * * *", "UTC")],
        "access-reconciliation": [("10 5 * * *", "Asia/Shanghai")],
        "delivery": [("* * * * *", "UTC")],
        "kpi-count": [("50 * * * *", "UTC")],
        "retention": [("40 4 * * *", "Asia/Shanghai")],
        "experiments": [("50 8 * * *", "Asia/Shanghai")],
        "weekly-report": [("0 9 * * 1", "Asia/Shanghai")],
        "monthly-review": [("0 9 1 * *", "Asia/Shanghai")],
        "daily-watch": [("30 9 * * *", "Asia/Shanghai")],
        "staff-alert": [],
    }


def test_limits_and_triggers_are_as_agreed(shipped: Bundle) -> None:
    wanted = declared(shipped.playbook)
    limits = {d.name: (d.concurrency_limit.limit, d.concurrency_limit.collision_strategy) for d in wanted.deployments}
    assert limits == {
        "welcome-drip": (1, "ENQUEUE"),
        "member-care": (1, "ENQUEUE"),
        "dormancy-reactivation": (1, "ENQUEUE"),
        "renewal-reminders": (1, "ENQUEUE"),
        "live-conversion": (1, "ENQUEUE"),
        "payment-access": (1, "ENQUEUE"),
        "access-expiry": (1, "ENQUEUE"),
        "access-reconciliation": (1, "ENQUEUE"),
        "delivery": (1, "CANCEL_NEW"),
        "kpi-count": (1, "CANCEL_NEW"),
        "retention": (1, "ENQUEUE"),
        "experiments": (1, "ENQUEUE"),
        "weekly-report": (1, "ENQUEUE"),
        "monthly-review": (1, "ENQUEUE"),
        "daily-watch": (1, "ENQUEUE"),
        "staff-alert": (1, "ENQUEUE"),
    }
    triggers = {t.name: sorted(t.expect) for d in wanted.deployments for t in d.triggers}
    assert triggers == {
        "sop: a run failed": ["prefect.flow-run.Failed", "prefect.flow-run.TimedOut"],
        "sop: a run crashed": ["prefect.flow-run.Crashed"],
    }
    automations = {a.name: (sorted(a.trigger.after), a.trigger.within.total_seconds()) for a in wanted.automations}  # type: ignore[union-attr]
    assert automations == {
        "sop: a run fell silent": (["prefect.flow-run.heartbeat"], 90),
    }


def test_no_alert_about_the_alert_itself(shipped: Bundle) -> None:
    alert = next(d for d in declared(shipped.playbook).deployments if d.name == "staff-alert")
    watched = ResourceSpecification({"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.watched"})
    assert [trigger.match_related for trigger in alert.triggers] == [watched, watched]
    assert "watched" not in alert.tags


def test_every_stage_of_the_playbook_is_deployed(shipped: Bundle) -> None:
    stages = {deployment.stage for deployment in declared(shipped.playbook).deployments} - {None}
    assert stages == set(shipped.playbook.stages)


def test_a_mistake_in_the_file_is_named(shipped: Bundle, tmp_path: Path) -> None:
    broken = tmp_path / "prefect.yaml"
    broken.write_text(FILE.read_text().replace("collision_strategy: ENQUEUE", "collision_strategy: QUEUE"))
    with pytest.raises(PlaybookError, match=r"(?s)prefect.yaml.*collision_strategy"):
        declared(shipped.playbook, broken)
    broken.write_text(FILE.read_text().replace("stage:welcome_drip", "stage:wellcome"))
    with pytest.raises(UnknownStage, match="wellcome"):
        declared(shipped.playbook, broken)


def test_descriptions_keep_paragraphs_and_lists_but_no_folded_lines(shipped: Bundle) -> None:
    """The UI shows every line as a paragraph of its own."""
    assert unfolded("**One** of\n*two*.\n\n* Item, which\n  goes on\n* Other\n") == (
        "**One** of *two*.\n\n* Item, which goes on\n* Other\n"
    )
    for deployment in declared(shipped.playbook).deployments:
        lines = deployment.description.strip().splitlines()
        folded = [(a, b) for a, b in pairwise(lines) if a and b and not b.startswith("* ")]
        assert folded == [], deployment.name
