"""`sop doctor`."""

import asyncio

from community.errors import DatabaseError
from community.settings import load_settings
from deployments.bot_api import BotApi, bot_api
from deployments.cli.output import console, print_table
from deployments.cli.session import session
from deployments.doctor import Finding, Patient, examine, surviving, telegram, wrong
from tasks.words import count


def doctor() -> int:
    """Print what was looked at, each problem with its remedy; returns the exit code."""
    findings = asyncio.run(_doctor())
    out = console()
    rows = [("WRONG" if f.problem else "ok", f.what, f.said) for f in findings]
    print_table(out, None, ("", "what", "found"), rows)
    problems = [finding for finding in findings if finding.problem]
    print_table(out, "What to do", ("what", "remedy"), [(f.what, f.remedy or None) for f in problems])
    print(f"\n{count(len(problems), 'problem')}." if problems else "\nNothing is wrong.")
    return 1 if problems else 0


async def _doctor() -> list[Finding]:
    settings = load_settings()
    async with bot_api(settings.telegram_api, settings.token) as api:
        try:
            async with session() as s:
                return [finding async for finding in examine(Patient(settings, s.conn, api))]
        except DatabaseError as error:
            return await _without_database(api, error)


async def _without_database(api: BotApi, error: DatabaseError) -> list[Finding]:
    """What can still be told."""
    said, _, remedy = str(error).partition("; ")
    token = [finding async for finding in surviving("token", telegram(load_settings(), api))]
    return [wrong("database", said, remedy), *token]
