"""The entry gate (SOP 1.41): a quiz in private before a join request is approved.

The right to write to a requester lasts five minutes and ends with the decision, so every message goes out before it:
decisions wait in the line of the member's own chat, behind the messages, and are not held back by the group's pace.
A typed answer opens the chat for good.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from community.activity.record import Activity, record
from community.bundle import Bundle
from community.database.pool import Connection, transaction
from community.database.queries import load
from community.groups.membership import admit, welcome
from community.groups.models import Group
from community.members.models import Member
from community.members.profile import attribute
from community.members.reach import allow_while_requesting
from community.outbox.enqueue import Draft, enqueue
from community.playbook import GateQuestion
from community.playbook_stages import MessageClass

queries = load(__file__)

STAGE = "gate"
SWEEP_ROWS = 200

Request = dict[str, Any]
"""A row of `join_requests` with its group's `chat_id` and `title`."""


class Verdict(StrEnum):
    """What came of an answer."""

    none = "none"
    """No question was open."""
    next = "next"
    wrong = "wrong"
    passed = "passed"
    failed = "failed"


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate for one member at one moment.

    `cause` names what made them come, such as `update:12`; the same cause never sends anything twice.
    """

    conn: Connection
    bundle: Bundle
    bot_id: int
    member: Member
    at: datetime
    cause: str

    async def request(self, group: Group, link_token: str | None = None) -> None:
        """A join request came: ask the first question, or the open one again; with the gate off, welcome and approve.

        `link_token` is the name of the invite link, and the member's source if it is a tracked one.
        """
        member_id, rules = self.member.id, self.bundle.playbook.gate
        async with transaction(self.conn):
            await allow_while_requesting(self.conn, member_id, self.at)
            token = link_token if await attribute(self.conn, member_id, link_token) else None
            keys = {"member_id": member_id, "group_id": group.id, "at": self.at}
            asked = await self._row("ask", **keys, token=token, decide_by=self.at + rules.timeout)
            if rules.enabled:
                await self._ask({**asked, "title": group.title})
            else:
                await self._pass()

    async def remind(self) -> bool:
        """Ask the open question again; False if none is open."""
        async with transaction(self.conn):
            request = await self._open()
            if request:
                await self._ask(request)
        return request is not None

    async def accepts(self, text: str) -> bool:
        """Whether `text` is the right answer to the member's open question."""
        request = await self._open()
        question = self._question(request) if request else None
        return question is not None and question.accepts(text)

    async def answer(self, text: str) -> Verdict:
        """Take an answer to the open question, typed or chosen; all that follows from it commits together."""
        async with transaction(self.conn):
            request = await self._open()
            if request is None:
                return Verdict.none
            question = self._question(request)
            right = question is None or question.accepts(text)
            verdict = await (self._right(request) if right else self._wrong(request))
            data = {"gate": request["id"], "question": request["question"], "verdict": verdict}
            await record(self.conn, [Activity("answer", self.at, self.member.id, request["group_id"], data)])
        return verdict

    async def choose(self, choice: str) -> Verdict:
        """Take a pressed choice. A button of a question that is no longer open changes nothing."""
        async with transaction(self.conn):
            request = await self._open()
            question = self._question(request) if request else None
            if question is None or choice not in question.choices:
                return Verdict.none
            return await self.answer(choice)

    async def _right(self, request: Request) -> Verdict:
        if request["question"] + 1 >= len(self.bundle.playbook.gate.questions):
            await self._pass()
            return Verdict.passed
        await self._ask({**request, **await self._step("advance", request)})
        return Verdict.next

    async def _wrong(self, request: Request) -> Verdict:
        request = {**request, **await self._step("count_wrong", request)}
        if request["attempts"] < self.bundle.playbook.gate.attempts:
            await self._say("gate/wrong", request)
            return Verdict.wrong
        await self._say("gate/declined", request)
        await self._decide("failed", "decline")
        return Verdict.failed

    async def _pass(self) -> None:
        """Admit the member wherever they asked: the welcome first, then the approvals."""
        requests = await self._rows("decide", member_id=self.member.id, state="passed", at=self.at)
        for request in requests:
            await admit(self.conn, self.member.id, request["group_id"], self.at, request["link_token"])
        await welcome(self.conn, self.bundle, self.member.id, self.at, bot_id=self.bot_id)
        await self._enqueue(*[decision("approve", request, self.member.telegram_id, self.at) for request in requests])

    async def _decide(self, state: str, action: str) -> None:
        requests = await self._rows("decide", member_id=self.member.id, state=state, at=self.at)
        await self._enqueue(*[decision(action, request, self.member.telegram_id, self.at) for request in requests])

    async def _ask(self, request: Request) -> None:
        question = self._question(request) or self.bundle.playbook.gate.questions[-1]
        await self._say(question.template, request)

    async def _say(self, template: str, request: Request) -> None:
        left = max(1, self.bundle.playbook.gate.attempts - request["attempts"])
        context = {"group": {"title": request["title"]}, "attempts_left": left}
        await self._enqueue(note(template, context, self.member.id, self.member.telegram_id, self.at, self.cause))

    def _question(self, request: Request) -> GateQuestion | None:
        """The question now asked; None when a newer playbook has fewer: whoever got that far has passed."""
        questions = self.bundle.playbook.gate.questions
        return questions[request["question"]] if request["question"] < len(questions) else None

    async def _open(self) -> Request | None:
        """The member's open request, the newest if several, locked until the transaction ends."""
        return next(iter(await self._rows("open_request", member_id=self.member.id)), None)

    async def _step(self, query: str, request: Request) -> Request:
        return await self._row(query, id=request["id"], decide_by=self.at + self.bundle.playbook.gate.timeout)

    async def _row(self, query: str, **values: Any) -> Request:
        return (await self._rows(query, **values))[0]

    async def _rows(self, query: str, **values: Any) -> list[Request]:
        return await (await self.conn.execute(getattr(queries, query), values)).fetchall()

    async def _enqueue(self, *drafts: Draft) -> None:
        await enqueue(self.conn, self.bot_id, self.bundle.hash, drafts, self.at)


async def sweep_gate(conn: Connection, bundle: Bundle, at: datetime, bot_id: int) -> int:
    """Decline requests whose time is over; returns how many. Safe to run in several processes at once."""
    async with transaction(conn):
        requests = await (await conn.execute(queries.time_out, {"at": at, "limit": SWEEP_ROWS})).fetchall()
        drafts: list[Draft] = []
        for request in requests:
            context = {"group": {"title": request["title"]}}
            member_id, telegram_id = request["member_id"], request["telegram_id"]
            if request["may_write"]:
                drafts.append(note("gate/timeout", context, member_id, telegram_id, at, f"request:{request['id']}"))
            drafts.append(decision("decline", request, telegram_id, at))
        await enqueue(conn, bot_id, bundle.hash, drafts, at)
    return len(requests)


def note(template: str, context: Request, member_id: int, telegram_id: int, at: datetime, cause: str) -> Draft:
    """A message to the member who asks to come in."""
    return Draft(
        chat_id=telegram_id,
        member_id=member_id,
        stage=STAGE,
        step=template.rpartition("/")[2],
        occurrence=cause,
        message_class=MessageClass.reply,
        due_at=at,
        template=template,
        context=context,
    )


def decision(action: str, request: Request, telegram_id: int, at: datetime) -> Draft:
    """Approve or decline a request. It waits in the member's chat, behind what is to be said there first."""
    return Draft(
        chat_id=telegram_id,
        stage=STAGE,
        step=action,
        occurrence=f"request:{request['id']}",
        message_class=MessageClass.welcome,
        due_at=at,
        method=f"{action}ChatJoinRequest",
        context={"chat_id": request["chat_id"], "user_id": telegram_id},
    )
