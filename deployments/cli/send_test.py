"""`sop send-test`."""

import asyncio

from community.database.installation import sop_now
from community.outbox.trial import send_trial
from community.telegram_html import plain_text
from deployments.cli.compose import make_composer
from deployments.cli.outbox import warn_if_away
from deployments.cli.output import console
from deployments.cli.session import session


def send_test(stage: str, step: str, locale: str | None, to: str) -> None:
    """Enqueue the step for the member and print its text."""
    asyncio.run(_send_test(stage, step, locale, to))


async def _send_test(stage: str, step: str, locale: str | None, to: str) -> None:
    async with session() as s:
        bundle, member = await s.bundle(), await s.member(to)
        composer, now = await make_composer(s), await sop_now(s.conn)
        text = await send_trial(s.conn, composer, bundle, member.id, stage, step, locale, now)
        print(f"On its way to member {member.id}; `sop member show {member.id}` tells what became of it.\n")
        console().print(plain_text(text))
        await warn_if_away(s)
