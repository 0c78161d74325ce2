"""Import Telegram Desktop's export of a group: members, memberships, messages, replies, reactions, joins and leaves."""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from community.activity.backfill import Fact, Written, backfill, write
from community.activity.counted import keep_counter_out
from community.database.installation import sop_now
from community.database.pool import Connection
from community.database.queries import load
from community.errors import ImportRefused
from community.groups.bring_in import Stay, bring_in as bring_into_group, group_for
from community.history.export_file import Chat, ExportFile, Piece
from community.history.telegram_messages import BadMessage, Conversation
from community.members.bring_in import Newcomer, bring_in

queries = load(__file__)

GROUPS = {"private_supergroup": "-100{}", "public_supergroup": "-100{}", "private_group": "-{}"}
"""Kinds of chats that are groups, with how the chat's id follows from the export's."""
BATCH = 40_000
"""Messages in a transaction: of most members it then has several, and their rows are touched once."""
LISTED = 200
"""Bad messages kept to be listed, of each chat; all are counted."""


@dataclass
class GroupHistory:
    """What was imported of one group."""

    title: str
    group_id: int
    messages: int = 0
    """Messages read, of every kind, good and bad."""
    members: int = 0
    """Members never seen before."""
    added: Counter[str] = field(default_factory=Counter)
    """Events by kind; those that were there already are not counted."""
    bad: list[tuple[int, str]] = field(default_factory=list)
    """Messages left out, by position from 1, and why."""
    bad_count: int = 0
    no_person: int = 0
    """Messages of channels and anonymous admins."""
    unnamed: int = 0
    """Joins and leaves of people whom the export names without an id, and no message tells who it was."""
    unreachable: int = 0
    """Members in the group now to whom the bot may not write."""

    def leave_out(self, position: int, why: str) -> None:
        """A message cannot be used."""
        self.bad_count += 1
        if len(self.bad) < LISTED:
            self.bad.append((position, why))


@dataclass
class Imported:
    """What came of a file."""

    groups: list[GroupHistory]
    other_chats: int
    """Chats that are no groups: left out."""
    cut_off: bool
    """The file ends in the middle."""


Progress = Callable[[int, int], None]
"""Told the bytes and the messages read so far."""


async def import_export(conn: Connection, path: Path, zone: ZoneInfo, bot_id: int, progress: Progress) -> Imported:
    """Import the file, some 40,000 messages a transaction: stopped at any moment, it is simply begun again.

    Nothing is added twice (see `backfill`). Dates without a time zone are taken in `zone`. Raises ImportRefused when
    the file is no export, or another import is running.
    """
    async with _alone(conn):
        gc.disable()  # what is read has no cycles, and looking for them again and again takes a tenth of the time
        try:
            return await _Run(conn, ExportFile(path), zone, bot_id).through(progress)
        finally:
            gc.enable()


@asynccontextmanager
async def _alone(conn: Connection) -> AsyncIterator[None]:
    row = await (await conn.execute(queries.take_turn)).fetchone()
    if not (row and row["ours"]):
        raise ImportRefused("import: another one is running; wait until it is done")
    try:
        yield
    finally:
        await conn.execute(queries.end_turn)


@dataclass
class _Batch:
    """Messages of a chat, understood, for one transaction."""

    chat: Chat
    facts: list[Fact] = field(default_factory=list)
    written: Written | None = None
    """The facts, once there are no more; None: there are none."""
    bad: list[tuple[int, str]] = field(default_factory=list)
    messages: int = 0
    read: int = 0

    def add(self, piece: Piece, talk: Conversation, bot_id: int) -> None:
        """Take in a piece of the file."""
        for position, record in enumerate(piece.records, piece.first):
            try:
                self.facts.extend(fact for fact in talk.facts(record) if fact.telegram_id != bot_id)
            except BadMessage as error:
                self.bad.append((position, str(error)))
        self.messages += len(piece.records)
        self.read = piece.read

    def finished(self) -> "_Batch":
        """Itself, with its facts written."""
        self.written = write(self.facts) if self.facts else None
        return self


@dataclass
class _Run:
    conn: Connection
    export: ExportFile
    zone: ZoneInfo
    bot_id: int
    groups: dict[int, GroupHistory] = field(default_factory=dict)
    talks: dict[int, Conversation] = field(default_factory=dict)
    others: set[int] = field(default_factory=set)
    ids: dict[int, int] = field(default_factory=dict)
    """Member numbers by Telegram id."""
    present: set[tuple[int, int]] = field(default_factory=set)
    """(group, Telegram id) whose membership this run has brought up to date."""

    async def through(self, progress: Progress) -> Imported:
        """Read on in a thread while PostgreSQL works on what was read before."""
        batches, done = self._batches(), 0
        batch = await asyncio.to_thread(next, batches, None)
        while batch is not None:
            _, following = await asyncio.gather(self._store(batch), asyncio.to_thread(next, batches, None))
            done += batch.messages
            progress(batch.read, done)
            batch = following
        return await self._finish()

    def _batches(self) -> Iterator[_Batch]:
        batch: _Batch | None = None
        for piece in self.export.pieces():
            if batch and (batch.messages >= BATCH or batch.chat != piece.chat):
                yield batch.finished()
                batch = None
            if piece.chat.kind not in GROUPS:
                self.others.add(piece.chat.id)
                continue
            batch = batch or _Batch(piece.chat)
            batch.add(piece, self.talks.setdefault(piece.chat.id, Conversation(self.zone)), self.bot_id)
        if batch:
            yield batch.finished()

    async def _finish(self) -> Imported:
        for chat, position in self.export.unreadable:
            if group := self.groups.get(chat.id):
                group.leave_out(position, "it is no JSON")
        self.present.clear()  # joins of the unnamed are older than what was written
        for chat_id, group in self.groups.items():
            talk = self.talks[chat_id]
            if facts := sorted(talk.resolved(), key=lambda fact: fact.at):
                await self._write(group, facts, write(facts), talk)
            group.no_person, group.unnamed = talk.no_person, len(talk.unnamed)
            row = await (await self.conn.execute(queries.unreachable, {"group_id": group.group_id})).fetchone()
            group.unreachable = row["members"] if row else 0
            group.bad.sort()
        return Imported(list(self.groups.values()), len(self.others), self.export.cut_off)

    async def _store(self, batch: _Batch) -> None:
        group = self.groups.get(batch.chat.id) or await self._group(batch.chat)
        group.messages += batch.messages
        for position, why in batch.bad:
            group.leave_out(position, why)
        if batch.written:
            await self._write(group, batch.facts, batch.written, self.talks[batch.chat.id])

    async def _group(self, chat: Chat) -> GroupHistory:
        chat_id = int(GROUPS[chat.kind].format(abs(chat.id)))
        number = await group_for(self.conn, chat_id, chat.name, await sop_now(self.conn))
        self.groups[chat.id] = GroupHistory(chat.name, number)
        return self.groups[chat.id]

    async def _write(self, group: GroupHistory, facts: Sequence[Fact], written: Written, talk: Conversation) -> None:
        """The facts with the people and memberships they tell of, in one transaction."""
        async with self.conn.transaction():
            await keep_counter_out(self.conn)
            group.members += await self._meet(facts, talk)
            added = await backfill(self.conn, group.group_id, written)
            touched = {who for people in added.values() for who in people}
            stays = self._stays(group.group_id, facts, touched)
            if stays:
                await bring_into_group(self.conn, group.group_id, stays)
        group.added.update({kind: len(people) for kind, people in added.items()})

    async def _meet(self, facts: Sequence[Fact], talk: Conversation) -> int:
        """Have a member for everybody; returns how many are new."""
        first = {who: at for _, at, who, _ in reversed(facts) if who not in self.ids}
        if not first:
            return 0
        met = await bring_in(self.conn, [Newcomer(who, talk.names.get(who, ""), at) for who, at in first.items()])
        self.ids.update(met.ids)
        return met.added

    def _stays(self, group_id: int, facts: Sequence[Fact], touched: set[int]) -> dict[int, Stay]:
        """When those with something new in `facts` came and left, as far as it is not known from earlier ones."""
        stays: dict[int, Stay] = {}
        for kind, at, who, _ in facts:
            if who not in touched:
                continue
            member = self.ids[who]
            stay = stays.get(member)
            if kind == "left":
                stays[member] = Stay(stay.joined_at if stay else at, at)
                self.present.discard((group_id, member))
            elif (stay is None and (group_id, member) not in self.present) or (stay and (stay.left_at or at) < at):
                stays[member] = Stay(at)
                self.present.add((group_id, member))
        return stays
