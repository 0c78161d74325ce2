"""Providers of payments, one module each behind one Protocol; a new one is a copy of the most similar, named here.

ime.py      a signed JSON callback      stripe.py   Stripe's webhooks
stars.py    Telegram Stars, whose payments come as updates of the bot
"""

from dataclasses import replace
from datetime import timedelta

from community.errors import SettingsError
from community.payments.notice import Kind
from community.payments.provider import Provider
from community.payments.providers.ime import FIELDS, TYPES, Form, Ime
from community.payments.providers.stripe import Stripe
from community.settings import Mode, Settings


def configured(settings: Settings) -> dict[str, Provider]:
    """The providers whose callbacks are taken, by name: those that have a secret. Raises SettingsError."""
    found: list[Provider] = []
    if settings.ime_keys:
        found.append(Ime(settings.ime_keys, form_of(settings)))
    if settings.stripe_secrets:
        found.append(Stripe(settings.stripe_secrets, live=settings.effective_mode is Mode.real))
    return {provider.name: provider for provider in found}


def form_of(settings: Settings) -> Form:
    """How iMe's callbacks look here. Raises SettingsError."""
    fields = _pairs("SOP_IME_FIELDS", settings.ime_fields, frozenset(FIELDS))
    types = _pairs("SOP_IME_TYPES", settings.ime_types, frozenset(Kind) - {Kind.unknown})
    return replace(
        Form(
            settings.ime_timestamp_header,
            settings.ime_signature_header,
            settings.ime_key_header,
            timedelta(seconds=settings.ime_window_s),
        ),
        fields=FIELDS | fields,
        types=TYPES | {name: Kind(kind) for kind, name in types.items()},
    )


def _pairs(setting: str, text: str, known: frozenset[str]) -> dict[str, str]:
    """`ours=theirs,…` as a dictionary."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    found = {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
    strange = sorted(ours for ours, theirs in found.items() if ours not in known or not theirs)
    if strange:
        raise SettingsError(f"{setting}: {strange[0]!r:.40}: write ours=theirs,…; ours are {', '.join(sorted(known))}")
    return found
