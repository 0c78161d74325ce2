"""iMe, and whoever else can sign a JSON body: HMAC-SHA256 of `<timestamp>.<body>`, in a header beside the timestamp.

Names of headers and fields are settings, since every installation of such a service names them in its own way;
docs/payments.md has the defaults and shows how to sign.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from community.payments.notice import Kind, Notice
from community.payments.provider import Forged
from community.payments.reading import Malformed, amount_of, moment_of, number_of, part, read_object, text_of

SCHEME = "v1="
FIELDS = {
    "id": "id",
    "type": "type",
    "at": "created_at",
    "order": "order",
    "plan": "plan",
    "amount": "amount",
    "currency": "currency",
    "charge": "charge",
    "payer": "telegram_id",
    "subscription": "subscription",
    "period_ends_at": "period_ends_at",
}
"""What we want to know, and where in the body it lies; a dot leads into an object (`data.order.number`)."""
TYPES = {
    "payment.paid": Kind.paid,
    "payment.failed": Kind.failed,
    "payment.refunded": Kind.refunded,
    "dispute.opened": Kind.disputed,
    "dispute.won": Kind.dispute_won,
    "dispute.lost": Kind.dispute_lost,
    "subscription.changed": Kind.subscription_changed,
    "subscription.ended": Kind.subscription_ended,
}
OF_A_PAYMENT = frozenset({Kind.paid, Kind.refunded, Kind.disputed, Kind.dispute_won, Kind.dispute_lost})
"""These say nothing without the number of the payment."""
WITH_AMOUNT = frozenset({Kind.paid, Kind.refunded})


@dataclass(frozen=True, slots=True)
class Form:
    """How deliveries look: names of headers, how old they may be, where the fields lie, what the types are called."""

    timestamp_header: str = "X-iMe-Timestamp"
    signature_header: str = "X-iMe-Signature"
    key_header: str = "X-iMe-Key"
    window: timedelta = timedelta(minutes=5)
    fields: Mapping[str, str] = field(default_factory=lambda: FIELDS)
    types: Mapping[str, Kind] = field(default_factory=lambda: TYPES)


class Ime:
    """The provider `ime`. `secrets`: by the key's name; all of them are taken, so that one can replace another."""

    name = "ime"

    def __init__(self, secrets: Mapping[str, str], form: Form | None = None) -> None:
        self._secrets = secrets
        self._form = form or Form()

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Raises Forged unless one of our keys signed this body within the window."""
        form = self._form
        timestamp = headers.get(form.timestamp_header, "")
        given = [one.strip() for one in headers.get(form.signature_header, "").split(",")]
        signatures = [one.removeprefix(SCHEME) for one in given if one.startswith(SCHEME)]
        if not signatures:
            raise Forged("unsigned")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise Forged("no_timestamp")
        if not self._signed(headers.get(form.key_header), timestamp, body, signatures):
            raise Forged("signature")
        if abs(now.timestamp() - int(timestamp)) > form.window.total_seconds():
            raise Forged("stale" if int(timestamp) < now.timestamp() else "future")

    def read(self, body: bytes) -> Notice:
        """What the body says. Raises Malformed for one that lacks what its type needs."""
        found = read_object(body)
        values = {name: part(found, *path.split(".")) for name, path in self._form.fields.items()}
        name = text_of(values["type"], "type")
        event_id, at = text_of(values["id"], "id"), moment_of(values["at"], "time")
        if not (name and event_id and at):
            raise Malformed("id, type or time is missing")
        kind = self._form.types.get(name, Kind.unknown)
        if kind is Kind.unknown:  # what we do not know need not have the shape we know
            return Notice(kind=kind, event_id=event_id, name=name, at=at)
        return _checked(_notice(kind, name, event_id, at, values))

    def _signed(self, key: str | None, timestamp: str, body: bytes, signatures: list[str]) -> bool:
        """Whether a key of ours made one of the signatures."""
        secrets = [secret for name, secret in self._secrets.items() if key in (None, "", name)]
        right = [sign(secret, timestamp, body) for secret in secrets]
        return any(_same(ours, theirs) for ours in right for theirs in signatures)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature in hexadecimal digits."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()


def _same(ours: str, theirs: str) -> bool:
    """In constant time, whatever was sent."""
    return hmac.compare_digest(ours.encode(), theirs.encode(errors="replace"))


def _notice(kind: Kind, name: str, event_id: str, at: datetime, values: Mapping[str, Any]) -> Notice:
    return Notice(
        kind=kind,
        event_id=event_id,
        name=name,
        at=at,
        charge=text_of(values["charge"], "charge"),
        order=text_of(values["order"], "order"),
        plan=text_of(values["plan"], "plan"),
        amount=amount_of(values["amount"], values["currency"]),
        payer=number_of(values["payer"], "payer"),
        subscription=text_of(values["subscription"], "subscription"),
        period_ends_at=moment_of(values["period_ends_at"], "end of the period"),
    )


def _checked(notice: Notice) -> Notice:
    if notice.kind in OF_A_PAYMENT and notice.charge is None:
        raise Malformed("the number of the payment is missing")
    if notice.kind in WITH_AMOUNT and notice.amount is None:
        raise Malformed("the amount is missing")
    return notice
