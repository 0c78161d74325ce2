"""Groups by the stage of their life: what is asked of them there, and how they do beside their own weeks before."""

from datetime import timedelta
from typing import Any

from community.gateway.dashboard import shown
from community.gateway.dashboard.look import Context, Look
from community.insight.life import GroupLife, Health, Metric, lives
from community.insight.numbers import NOTHING
from community.insight.windows import Span, window


async def show(look: Look) -> Context:
    """Every group in the newest week asked for."""
    week = window(Span.week, look.asked.until - timedelta(days=1), look.asked.zone)
    found = await lives(look.conn, look.bundle.playbook, week)
    chosen = [each for each in found if look.asked.group_id in (0, each.group_id)]
    return {
        "lives": [_life(look, each) for each in chosen],
        "now": look.window(week),
        "going_on": week.until > look.asked.today,
    }


def _life(look: Look, life: GroupLife) -> dict[str, Any]:
    return {
        "title": life.title,
        "age": life.age_days,
        "stage": life.stage.value,
        "metrics": [{**_metric(look, each), "address": _rows(look, life, each.kpi)} for each in life.metrics],
        "health": [{**_health(look, each), "address": _rows(look, life, each.kpi)} for each in life.health],
        "address": look.asked.address("/dashboard", group=life.group_id, source=None),
    }


def _rows(look: Look, life: GroupLife, kpi: str) -> str:
    """What the number of a group is: its weeks, and the rows behind."""
    return look.kpi_address(kpi, group=life.group_id, source=None, span=None)


def _metric(look: Look, metric: Metric) -> dict[str, Any]:
    return {
        "label": look.kpi(metric.kpi),
        "stage": metric.stage.value,
        "number": shown.figure(metric.value, look.words) if metric.value else NOTHING,
        "target": shown.target(metric.kpi, metric.goal, look.words),
        "met": metric.met,
        "small": metric.value is not None and metric.value.small,
    }


def _health(look: Look, health: Health) -> dict[str, Any]:
    usual = health.usual
    return {
        "label": look.kpi(health.kpi),
        "number": shown.figure(health.value, look.words),
        "usual": "" if usual is None else shown.number_of(health.kpi, usual, "", look.words),
        "worse": health.worse,
    }
