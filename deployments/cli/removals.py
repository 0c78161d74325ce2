"""`sop access removals` and `sop access repair`."""

import asyncio
from collections.abc import Sequence

from community.access.removals import OPEN, listed
from community.database.installation import sop_now
from community.errors import AccessRefused
from community.groups.removing import take_word
from community.payments.reconciliation import REPAIRED, Finding, Kind, findings, repair as mend
from deployments.cli.output import console, local, print_table
from deployments.cli.session import operator, session
from tasks.remedies import remedy
from tasks.words import count, removal_words

WORDS = {"approve": "approved", "keep": "kept"}
NEXT = "A run of access-expiry begins within seconds, checks each again and removes them."
NOT_YET = "Nobody is removed before the playbook's access.remove is true."
STATES = (*OPEN, "waiting", "failed")


def removals(word: str, ids: Sequence[int]) -> None:
    """List who is to leave, or decide on them. Raises AccessRefused for another word, or when nothing is open."""
    if word == "list":
        asyncio.run(_list())
    elif word in WORDS:
        asyncio.run(_decide(word, ids))
    else:
        raise AccessRefused(f"{word}: say list, approve or keep, then removals' numbers; without them it is for all")


def repair(what: str | None) -> None:
    """List what does not fit, or repair one kind of it, or what is about one member."""
    asyncio.run(_repair(what))


async def _list() -> None:
    async with session() as s:
        playbook = (await s.bundle()).playbook
        rows = await listed(s.conn, *STATES)
    zone, access = playbook.community.zone, playbook.access
    shown = [
        (
            row["id"],
            row["member_id"],
            row["title"],
            row["plan"],
            local(row["due_at"], zone),
            removal_words(row["state"], row["why"]),
        )
        for row in rows
    ]
    head = ("removal", "member", "group", "plan", f"grace over ({zone})", "state")
    print_table(console(), "Due to leave" if rows else None, head, shown)
    if not rows:
        print("Nobody is listed: access-expiry looks every hour.")
    elif not access.remove:
        print("\nOnly listed: nobody is removed while the playbook's access.remove is false.")
    else:
        print(f"\nMore than {access.removals_per_day} in 24 hours wait for: sop access removals approve|keep [ID…]")


async def _decide(word: str, ids: Sequence[int]) -> None:
    async with session() as s:
        at, removes = await sop_now(s.conn), (await s.bundle()).playbook.access.remove
        chosen = ids or [row["id"] for row in await listed(s.conn)]
        done = await take_word(s.conn, WORDS[word], at, by=operator(), ids=chosen)
    if not done:
        raise AccessRefused("removals: none of these is open; `sop access removals` lists them")
    print(f"{count(done, 'member')}: {'approved' if word == 'approve' else 'will stay'}.")
    if word == "approve":
        print(NEXT if removes else NOT_YET)


async def _repair(what: str | None) -> None:
    async with session() as s:
        bundle, at = await s.bundle(), await sop_now(s.conn)
        kind = Kind(what) if what in set(Kind) else None
        member = await s.member(what) if what and kind is None else None
        staff_chat = s.settings.staff_chat
        found = await findings(
            s.conn, bundle.playbook, at, staff_chat=staff_chat, member_id=member.id if member else None
        )
        chosen = [each for each in found if kind in (None, each.kind)]
        if what is None:
            _print(found)
            return
        done = await mend(s.conn, bundle, chosen, at, bot_id=s.settings.bot_id, staff_chat=staff_chat)
    for each, number in done.items():
        print(f"{each.value}: {number:,} repaired.")
    left = len(chosen) - sum(done.values())
    if left:
        print(f"{count(left, 'finding')} left:")
        _print([each for each in chosen if each.kind not in REPAIRED or each.kind not in done] or chosen)
    elif not chosen:
        print("Nothing to repair.")


def _print(found: Sequence[Finding]) -> None:
    rows = [(each.kind.value, each.member_id, each.title, each.about, remedy(each)) for each in found]
    head = ("what", "member", "group", "about", "to press")
    print_table(console(), "What does not fit" if rows else None, head, rows)
    if not rows:
        print("What members hold, what was paid and who is in the groups fit together, as far as we know.")
        print("access-reconciliation asks Telegram, too, once a day.")
