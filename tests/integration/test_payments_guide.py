"""What docs/payments.md shows of signing works as it stands there."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from community.payments.providers.ime import FIELDS, TYPES, Form
from community.settings import Settings
from tests.integration.test_payment_callbacks import Till, till
from tests.unit import payment_kit as kit

__all__ = ["till"]

GUIDE = (Path(__file__).parents[2] / "docs" / "payments.md").read_text(encoding="utf-8")
RUN = {"python": [sys.executable, "-c"], "bash": ["bash", "-c"]}


def example(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="the example in a shell needs both")
@pytest.mark.parametrize(("language", "event"), [("python", "evt-1"), ("bash", "evt-2")])
async def test_the_example_is_believed(till: Till, language: str, event: str) -> None:
    environment = {**os.environ, "URL": till.url, "SECRET": kit.IME_SECRET, "no_proxy": "127.0.0.1"}
    process = await asyncio.create_subprocess_exec(
        *RUN[language], example(language), env=environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert (process.returncode, said.strip()) == (0, b'{"ok":true}')
    [row] = await till.rows()
    assert (row["event_id"], row["kind"], row["payer"]) == (event, "paid", 17)


def test_every_header_field_type_and_setting_is_in_the_guide() -> None:
    form = Form()
    settings = [f"SOP_{name.upper()}" for name in Settings.model_fields if name.startswith(("ime_", "stripe_"))]
    for word in (
        *(form.timestamp_header, form.signature_header, form.key_header),
        *FIELDS, *FIELDS.values(), *TYPES, *TYPES.values(), *settings,
    ):  # fmt: skip
        assert f"`{word}`" in GUIDE or f"{word}=" in GUIDE, word
