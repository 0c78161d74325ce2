"""iMe: signatures with known answers, the replay window, rotation of keys, and what bodies say."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from community.payments.notice import Kind, Notice
from community.payments.provider import Forged
from community.payments.providers.ime import FIELDS, TYPES, Form, Ime, sign
from community.payments.reading import Malformed
from community.playbook_types import Amount
from tests.hostile import bend
from tests.unit.payment_kit import IME_SECRET, NOW, NOW_S, ime, raw, signed_ime

PROVIDER = Ime({"main": IME_SECRET})


def refused(headers: dict[str, str], body: bytes, provider: Ime = PROVIDER, now: datetime = NOW) -> str | None:
    """Why it is not believed; None: it is."""
    try:
        provider.verify(headers, body, now)
    except Forged as error:
        return error.reason
    return None


def test_the_signature_is_what_others_compute_too() -> None:
    assert sign("secret", "1772596800", b'{"id":"1"}') == (
        "b96e20beb5eef2cb526b777da7fdb788980ab6d2885d56714abf881d736b43b8"
    )
    other = hmac.new(b"secret", b'1772596800.{"id":"1"}', hashlib.sha256).hexdigest()
    assert sign("secret", "1772596800", b'{"id":"1"}') == other


def test_a_signed_body_is_believed_within_the_window() -> None:
    body = raw(ime())
    for age in (0, 1, 299, 300, -300):
        assert refused(signed_ime(body, NOW_S - age), body) is None, age
    assert refused(signed_ime(body, NOW_S - 301), body) == "stale"
    assert refused(signed_ime(body, NOW_S + 301), body) == "future"


@given(st.integers(0, 10_000), st.data())
def test_a_changed_body_or_timestamp_is_forged(at: int, data: st.DataObject) -> None:
    body = raw(ime())
    headers = signed_ime(body)
    place = at % len(body)
    changed = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    assert refused(headers, changed) == "signature"
    assert refused(headers, body[:place]) == "signature"
    assert refused(headers | {"X-iMe-Timestamp": str(NOW_S + 1)}, body) == "signature"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "unsigned"),
        ({"X-iMe-Signature": ""}, "unsigned"),
        ({"X-iMe-Signature": "v1=aa"}, "no_timestamp"),
        ({"X-iMe-Signature": "v1=aa", "X-iMe-Timestamp": "١٧"}, "no_timestamp"),
        ({"X-iMe-Signature": "v1=aa", "X-iMe-Timestamp": "-5"}, "no_timestamp"),
        ({"X-iMe-Signature": "v1=aa", "X-iMe-Timestamp": "9" * 400}, "no_timestamp"),
        ({"X-iMe-Signature": "v0=aa", "X-iMe-Timestamp": "1"}, "unsigned"),
        ({"X-iMe-Signature": "v1=", "X-iMe-Timestamp": "1"}, "signature"),
        ({"X-iMe-Signature": "v1=é\udc80", "X-iMe-Timestamp": "1"}, "signature"),
    ],
)
def test_what_is_no_signature_is_refused(headers: dict[str, str], reason: str) -> None:
    assert refused(headers, b"{}") == reason


def test_an_old_and_a_new_key_are_taken_while_one_replaces_the_other() -> None:
    body = raw(ime())
    both = Ime({"2025": "old-secret", "2026": "new-secret"})
    for key, secret in (("2025", "old-secret"), ("2026", "new-secret"), (None, "old-secret"), (None, "new-secret")):
        assert refused(signed_ime(body, secret=secret, key=key), body, both) is None
    assert refused(signed_ime(body, secret="old-secret", key="2026"), body, both) == "signature"
    assert refused(signed_ime(body, secret="new-secret", key="2027"), body, both) == "signature"
    assert refused(signed_ime(body, secret="gone-secret"), body, both) == "signature"
    several = signed_ime(body, secret="old-secret")
    several["X-iMe-Signature"] = f"v1={'0' * 64}, {several['X-iMe-Signature']}"
    assert refused(several, body, both) is None


def test_a_payment_says_everything() -> None:
    body = ime(plan="vip_month", subscription="s-1", period_ends_at="2026-04-04T12:00:00+08:00", id="e-1")
    assert PROVIDER.read(raw(body)) == Notice(
        kind=Kind.paid,
        event_id="e-1",
        name="payment.paid",
        at=NOW,
        charge="pay-1",
        order="A7K2-93QX",
        plan="vip_month",
        amount=Amount(minor=2990, currency="USD"),
        payer=17,
        subscription="s-1",
        period_ends_at=datetime(2026, 4, 4, 4, 0, tzinfo=UTC),
    )


@pytest.mark.parametrize(("name", "kind"), TYPES.items())
def test_each_type_has_its_kind(name: str, kind: Kind) -> None:
    assert PROVIDER.read(raw(ime(name))).kind is kind


def test_what_is_not_known_is_kept_and_left_alone() -> None:
    notice = PROVIDER.read(raw(ime("gift.wrapped", amount="many", telegram_id=[])))
    assert (notice.kind, notice.name, notice.amount) == (Kind.unknown, "gift.wrapped", None)


def test_names_of_fields_types_and_headers_can_be_others() -> None:
    fields = {**FIELDS, "order": "data.order.no", "charge": "data.id", "at": "time"}
    form = Form("X-Time", "X-Sign", "X-Key", timedelta(seconds=30), fields=fields, types={"charge.success": Kind.paid})
    provider = Ime({"k": "s"}, form)
    about = {"id": "9", "order": {"no": "B"}}
    body = raw({"id": "e", "type": "charge.success", "time": NOW_S, "data": about, "amount": "5", "currency": "xtr"})
    stamp = str(NOW_S - 31)
    headers = {"X-Time": stamp, "X-Sign": f"v1={sign('s', stamp, body)}"}
    assert refused(headers, body, provider) == "stale"
    assert refused(headers, body, provider, NOW - timedelta(seconds=5)) is None
    notice = provider.read(body)
    assert (notice.kind, notice.order, notice.charge, notice.at) == (Kind.paid, "B", "9", NOW)
    assert notice.amount == Amount(minor=5, currency="XTR")


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"type": None},
        {"created_at": None},
        {"created_at": "yesterday"},
        {"created_at": "2026-03-04T12:00:00"},
        {"created_at": -1},
        {"charge": None},
        {"amount": None},
        {"amount": 29.9},
        {"amount": "29.90"},
        {"amount": -5},
        {"amount": True},
        {"amount": 2**63},
        {"currency": None},
        {"currency": "dollars"},
        {"currency": "№№№"},
        {"telegram_id": "seventeen"},
        {"telegram_id": 2**63},
        {"order": ["A"]},
        {"order": "A" * 256},
        {"order": "a\0b"},
        {"order": "a\u202eb"},
    ],
)
def test_a_body_that_lacks_what_it_must_say_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        PROVIDER.read(raw(ime(**change)))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff{}", b"[" * 5000, b'{"id": "\\ud800"}', b'{"id":NaN}'])
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        PROVIDER.read(body)


@st.composite
def bent(draw: st.DrawFn) -> bytes:
    body = bend(draw, ime(draw(st.sampled_from([*TYPES, "gift"])), plan="p", subscription="s", period_ends_at=NOW_S))
    return raw(body)


@given(bent())
def test_a_bent_body_is_read_or_malformed_and_nothing_else(body: bytes) -> None:
    try:
        notice = PROVIDER.read(body)
    except Malformed:
        return
    assert notice.at.tzinfo is not None
    assert notice.amount is None or 0 <= notice.amount.minor < 2**63
    assert all("\0" not in (text or "") for text in (notice.order, notice.charge, notice.plan, notice.name))
