"""What the demonstration sells: every plan opens a group, Stars and a payment service of its own take the money."""

import secrets
from collections.abc import Iterator

from community.bundle import Bundle
from community.payments.selling import on_sale
from community.playbook import Playbook
from community.settings import Settings
from community.simulation.shopping import Shelf

VIP = "跨境老板圈 · VIP"
FAVOURITE = "month"
"""What people ask for by themselves, if the playbook has it."""
KEY = "demo"
PAGE = "https://ime.example/pay?no={order}&sum={amount}&in={currency}"
REMOVALS = 200
"""More a day than a demonstration ever has, so that nobody has to be asked."""


def payment_settings() -> dict[str, str]:
    """Settings of the demonstration's own payment service, and of no other: no real key is ever used here."""
    ours = {"SOP_IME_SECRETS": f"{KEY}:{secrets.token_hex(16)}"}
    ours |= {f"SOP_STRIPE_{name}": "" for name in ("WEBHOOK_SECRETS", "API_KEY")}
    usual = Settings.model_fields
    names = [name for name in usual if name.startswith("ime_") and name != "ime_secrets"]
    return ours | {f"SOP_{name.upper()}": str(usual[name].default) for name in names}


def selling(bundle: Bundle) -> Bundle:
    """The playbook as it is, save that its plans open the paid group, and that whose time is over is taken out."""
    source = bundle.source
    plans = {key: {**plan, "chats": [VIP]} for key, plan in source["plans"].items()}
    access = {**(source.get("access") or {}), "remove": True, "removals_per_day": REMOVALS}
    payments = {**(source.get("payments") or {}), "ime_url": PAGE}
    return Bundle({**source, "plans": plans, "access": access, "payments": payments}, bundle.copy)


def shelf(playbook: Playbook, live_plan: str) -> Shelf:
    """What members know of what is sold. `live_plan`: what the live sessions offer."""
    sold = on_sale(playbook)
    favourite = FAVOURITE if FAVOURITE in sold else next(iter(sold))
    return Shelf(favourite, dict(_for_plans(playbook, set(sold))), {"LIVE": live_plan})


def _for_plans(playbook: Playbook, sold: set[str]) -> Iterator[tuple[str, str]]:
    """The beginning of each offer's codes, with the plan that it is first of all good for."""
    for offer in playbook.offers.values():
        plan = next((plan for plan in offer.plans or () if plan in sold), None)
        if plan and not offer.opens:
            yield offer.prefix, plan
