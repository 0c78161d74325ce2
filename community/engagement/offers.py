"""The coupons that the playbook's offers bring: with a stage's messages, or for something that a member did."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import md5
from typing import Any

from community.database.pool import Connection
from community.database.queries import load
from community.engagement.discounts import columns_of
from community.playbook import Playbook
from community.playbook_offers import Offer

queries = load(__file__)


async def issue_planned(
    conn: Connection, plan_id: int, playbook: Playbook, at: datetime, bundle: str | None = None
) -> int:
    """Issue the coupons that the plan's messages name, in the plan's transaction. Returns how many, or prolonged.

    On the connection that planned the messages: another does not see them yet. A coupon is good from now on, and for
    its offer's `valid_for` from when the message is due. `bundle`: only of messages by that version, the playbook's.
    """
    offered = _offered(playbook)
    if not offered:
        return 0
    columns = {name: [row[name] for row in offered] for name in offered[0]}
    return (
        await conn.execute(queries.issue_planned, {**columns, "plan_id": plan_id, "at": at, "bundle": bundle})
    ).rowcount


async def give(conn: Connection, playbook: Playbook, key: str, member_id: int, reason: str, at: datetime) -> str:
    """Issue the offer's coupon to a member, in the caller's transaction, once for each reason; returns its code."""
    offer = playbook.offers[key]
    theirs = md5(f"{playbook.holdout.salt}:{key}:{member_id}:{reason}".encode(), usedforsecurity=False).hexdigest()
    values = {
        **columns_of(offer),
        "code": f"{offer.prefix}-{theirs[:12].upper()}",
        "offer": key,
        "plans": list(offer.plans) or None,
        "member_id": member_id,
        "first_n": None,
        "valid_from": at,
        "valid_until": at + offer.valid_for,
        "at": at,
    }
    await conn.execute(queries.issue, values)
    return str(values["code"])


def _offered(playbook: Playbook) -> Sequence[dict[str, Any]]:
    """Every step that brings an offer, with the columns of its coupon; with each offer of its variants."""
    found = {
        (name, step.name, row.planned.offer)
        for name, stage in playbook.stages.items()
        for step in stage.steps
        for row in step.rows()
        if row.planned.offer in playbook.offers
    }
    return [
        {"stage": stage, "step": step, "offer": offer, **_of_offer(playbook.offers[offer])}
        for stage, step, offer in sorted(found)
    ]


def _of_offer(offer: Offer) -> dict[str, Any]:
    # unnest knows no arrays of arrays of different lengths, and keys hold no commas
    return {
        **columns_of(offer),
        "plans": ",".join(offer.plans) or None,
        "valid_for": offer.valid_for,
        "prefix": offer.prefix,
    }
