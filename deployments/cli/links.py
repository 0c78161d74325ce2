"""`sop links`."""

import asyncio

from community.members.arrivals import Arrivals, arrivals, entry_url
from community.playbook import Link
from deployments.cli.check import what_is_lost
from deployments.cli.output import console, print_table
from deployments.cli.session import bot_name, session

UNKNOWN_BOT = "<your bot>"


def links() -> None:
    """Print the tracked links."""
    asyncio.run(_links())


async def _links() -> None:
    async with session() as s:
        found = await arrivals(s.conn)
        base = s.settings.links_url
        bot = None if base else await bot_name(s.settings)
    if not found:
        print("No links yet: they come with the playbook, by `sop publish`.")
    entries = [link for link in found if link.kind == "entry"]
    rows = [(link.token, entry_url(base, bot or UNKNOWN_BOT, link.token), *_result(link)) for link in entries]
    out = console(whole=True)
    print_table(out, "Entry links", ("token", "address to publish", "source", "clicks", "members", "admitted"), rows)
    resources = [(link.token, link.url, link.clicks) for link in found if link.kind != "entry"]
    print_table(out, "Resources, linked from messages", ("key", "leads to", "clicks"), resources)
    if base is None and bot is None:
        print(f"\nTelegram did not tell the bot's name: put it in place of {UNKNOWN_BOT}.")
    if lost := what_is_lost(s.settings):
        print(f"\n{lost}")


def _result(link: Arrivals) -> tuple[str, int, int, int]:
    parts = [link.source[key] for key in Link.model_fields if key in link.source]
    return " · ".join(parts), link.clicks, link.came, link.admitted
