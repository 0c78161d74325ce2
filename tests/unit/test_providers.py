"""Which providers there are follows from the settings."""

import pytest

from community.errors import SettingsError
from community.payments.notice import Kind
from community.payments.providers import configured, form_of
from community.settings import Settings
from tests.unit.payment_kit import IME_SECRET, STRIPE_SECRET


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


def test_a_provider_without_a_secret_is_not_there() -> None:
    assert configured(settings()) == {}
    assert list(configured(settings(ime_secrets=f"main:{IME_SECRET}"))) == ["ime"]
    both = settings(ime_secrets=f"main:{IME_SECRET}", stripe_webhook_secrets=STRIPE_SECRET)
    assert list(configured(both)) == ["ime", "stripe"]


def test_names_of_fields_and_types_are_set_beside_those_that_are_known() -> None:
    form = form_of(settings(ime_fields="order=data.no, at=time", ime_types="paid=charge.success", ime_window_s=60))
    assert (form.fields["order"], form.fields["at"], form.fields["charge"]) == ("data.no", "time", "charge")
    assert (form.types["charge.success"], form.types["payment.refunded"]) == (Kind.paid, Kind.refunded)
    assert form.window.total_seconds() == 60


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"ime_fields": "ordre=x"}, "SOP_IME_FIELDS: 'ordre'"),
        ({"ime_fields": "order"}, "SOP_IME_FIELDS: 'order'"),
        ({"ime_fields": "order="}, "SOP_IME_FIELDS: 'order'"),
        ({"ime_types": "unknown=x"}, "SOP_IME_TYPES: 'unknown'"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        form_of(settings(**values))
