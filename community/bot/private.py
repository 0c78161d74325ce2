"""The private chat: start, the gate's questions, the dialogue, and what a member may ask the bot to do."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

from telegram import Message

from community.access.doors import guarded
from community.bot import intents
from community.bot.care import hours, take_typed_score, task_of
from community.bot.chats import kind_of
from community.bot.counters import MUTED, UNKNOWN_PAYLOADS
from community.bot.feedback import on_private_feedback
from community.bot.holdings import gift, list_coupons, on_code, on_coupon_start, payload_code, show_membership
from community.bot.intents import Intent
from community.bot.lives import on_live_start, on_typed_question
from community.bot.orders import on_order
from community.bot.sales import WISHES, on_sales_answer, on_sales_start
from community.bot.setup import list_groups, on_setup_start, on_typed_zone
from community.bot.turn import Turn, is_person
from community.database.queries import load
from community.groups.gate import Verdict
from community.groups.membership import PROBLEM, welcome
from community.groups.registry import open_door
from community.groups.welcome import START
from community.members.follow_ups import promise
from community.members.links import target_of
from community.members.models import Dm, Member
from community.members.profile import answered, attribute, expected, my_data, set_locale, tag
from community.members.reach import open_chat, opt_in, opt_out, unblock
from community.payments.claims import claim_of_payer

queries = load(__file__)

SHOP = re.compile(r"(buy-|plan_|paid_)")
"""Beginnings of the shop's start payloads."""
MOST_A_MINUTE = 20
"""More private messages of one member within a minute than these are recorded, but not answered."""
PROBLEM_OPEN = timedelta(days=7)
"""How long after the welcome a typed message counts as the answer to its question."""


async def on_private_message(turn: Turn, message: Message) -> None:
    """A member wrote to the bot, which opens the chat for good."""
    if message.from_user is None or not is_person(message.from_user) or kind_of(message) is None:
        return
    member = await turn.member(message.from_user)
    if member.dm == Dm.blocked:
        await unblock(turn.conn, member.id, turn.at)
    await open_chat(turn.conn, member.id)
    await hush(turn, member)
    text = message.text or ""
    command = intents.command(text)
    if command and command.name == "start":
        await on_start(turn, member, command.argument)
    else:
        said = None if message.forward_origin else text or message.caption
        await on_text(turn, member, text, kind_of(message) or "", said)


async def hush(turn: Turn, member: Member) -> None:
    """Say nothing this turn if the member floods."""
    recent = await turn.conn.execute(queries.recent_activity, {"member_id": member.id, "at": turn.at})
    row = await recent.fetchone()
    if row and row["times"] >= MOST_A_MINUTE:
        turn.muted = True
        MUTED.inc()


async def on_start(turn: Turn, member: Member, payload: str) -> None:
    """Start was pressed or typed. A member who joined before the bot might write to them is welcomed now."""
    if await on_setup_start(turn, member, payload):
        return
    registered = await on_live_start(turn, member, payload)
    source = {} if registered else await _source(turn, member, payload)
    if not registered:
        turn.note("start", member, None, **source)
    if await claim_of_payer(turn.conn, turn.bundle, member, turn.at, bot_id=turn.bot_id):
        turn.paid = True
    if turn.muted or await turn.gate(member).remind():
        return
    welcomed = member.entered_at and await welcome(turn.conn, turn.bundle, member.id, turn.at, bot_id=turn.bot_id)
    if payload == Intent.membership:
        await show_membership(turn, member)
        return
    if await on_coupon_start(turn, member, payload) or await on_sales_start(turn, member, payload) or welcomed:
        return
    if member.entered_at is None and await _show_the_way(turn, member, source.get("link")):
        return
    if not registered:
        turn.reply(member, "bot/help")


async def on_text(turn: Turn, member: Member, text: str, kind: str, said: str | None) -> None:
    """Anything else: an answer at the gate, a wish, the answer to the last question, or nothing we understand.

    `said`: their own words, those below a picture too; None when they only passed them on.
    """
    wish = intents.intent(text)
    chosen = intents.locale(text, turn.bundle.playbook.community.locales)
    gate = turn.gate(member)
    typed = bool(text) and not text.startswith("/")
    if typed and (not (wish or chosen) or await gate.accepts(text)) and await gate.answer(text) is not Verdict.none:
        return
    own = said if said and not said.startswith("/") and not wish and not chosen else None
    if own and await on_private_feedback(turn, member, own):
        turn.note("private", member, None, kind=kind, length=len(own))
        return
    if not wish and not chosen and (await on_code(turn, member, text) or await on_order(turn, member, text)):
        turn.note("private", member, None, kind=kind, length=len(text))
        return
    if typed and not wish and not chosen and await _answers(turn, member, text):
        return
    turn.note("private", member, None, kind=kind, length=len(text))
    if chosen:
        await choose_locale(turn, member, chosen)
    else:
        await grant(turn, member, wish or Intent.help)


async def grant(turn: Turn, member: Member, wish: Intent) -> None:
    """Do what a member asked for, typed or by a button."""
    match wish:
        case Intent.stop:
            await opt_out(turn.conn, member.id, turn.at)
            turn.reply(member, "bot/stopped")
        case Intent.resume:
            await opt_in(turn.conn, member.id, turn.at)
            turn.reply(member, "bot/resumed")
        case Intent.language:
            turn.reply(member, "bot/language")
        case Intent.my_data:
            await show_data(turn, member)
        case Intent.coupon:
            await list_coupons(turn, member)
        case Intent.membership:
            await show_membership(turn, member)
        case Intent.buy | Intent.order | Intent.invoice | Intent.refund | Intent.trial:
            await WISHES[wish](turn, member)
        case Intent.paysupport:
            turn.reply(member, "bot/paysupport")
        case Intent.setup:
            await list_groups(turn, member)
        case Intent.help:
            if not turn.muted and not await turn.gate(member).remind():
                turn.reply(member, "bot/help")


async def choose_locale(turn: Turn, member: Member, locale: str) -> None:
    """The member chose a language; the answer is in it already."""
    await set_locale(turn.conn, member.id, locale)
    turn.reply(member, "bot/language_set")


async def show_data(turn: Turn, member: Member) -> None:
    """Tell the member what is held about them."""
    community = turn.bundle.playbook.community
    data = await my_data(turn.conn, member)
    zone = data["zone"] or community.zone
    joined = data["joined"]
    shown = {
        "zone": zone,
        "language": data["language"] or community.locale,
        "joined": f"{joined.astimezone(ZoneInfo(zone)):%Y-%m-%d}" if joined else None,
    }
    turn.reply(member, "bot/my_data", data={**data, **shown})


async def take_problem(turn: Turn, member: Member, choice: str, text: str | None) -> None:
    """The member told their biggest problem: an interest tag, a human who follows up in time, and what it brings."""
    asked = turn.bundle.playbook.problem
    within = asked.follow_up_within
    due_at = turn.at + within
    await tag(turn.conn, member.id, f"interest:{choice}", turn.at)
    await answered(turn.conn, member.id, PROBLEM)
    problem = None if choice == intents.OTHER else choice
    if task := await promise(turn.conn, member.id, PROBLEM, text or choice, turn.at, due_at):
        details = task_of(turn, member, task, due_at)
        turn.tell_staff("staff/follow_up", member, **details, problem=problem, text=text)
    coupon = await gift(turn, member, asked.offer, PROBLEM)
    turn.reply(member, "bot/problem_thanks", hours=hours(within), coupon=coupon)


async def _answers(turn: Turn, member: Member, text: str) -> bool:
    """Take a typed message as the answer to what the member was asked last."""
    if await on_typed_zone(turn, member, text):
        turn.note("answer", member, None, question="setup_zone", length=len(text))
        return True
    if await on_typed_question(turn, member, text) or await on_sales_answer(turn, member, text):
        return True
    return await _answers_problem(turn, member, text) or await take_typed_score(turn, member, text)


async def _answers_problem(turn: Turn, member: Member, text: str) -> bool:
    if await expected(turn.conn, member.id, turn.at - PROBLEM_OPEN) != PROBLEM:
        return False
    choice = intents.problem(text, turn.bundle.playbook.problem.choices)
    turn.note("answer", member, None, question=PROBLEM, choice=choice, length=len(text))
    await take_problem(turn, member, choice, text)
    return True


async def _source(turn: Turn, member: Member, payload: str) -> dict[str, str]:
    """What is recorded of a start payload; a tracked link's token becomes the member's source."""
    if not payload:
        return {}
    link = await target_of(turn.conn, payload)
    if link and link.kind == "entry":
        await attribute(turn.conn, member.id, payload)
        return {"link": payload}
    if payload == START:
        return {"payload": START}
    if payload_code(payload):
        return {"payload": "coupon"}
    if payload in (Intent.order, Intent.membership) or SHOP.match(payload):
        return {"payload": "shop"}
    UNKNOWN_PAYLOADS.inc()
    return {"payload": "unknown"}


async def _show_the_way(turn: Turn, member: Member, token: str | None) -> bool:
    """Lead a newcomer to the group of their link; False while no group has a way in."""
    link = turn.bundle.playbook.link(token) if token else None
    closed = await guarded(turn.conn, turn.bundle.playbook)
    group = await open_door(turn.conn, link.group if link else None, closed)
    if group is None:
        return False
    turn.reply(member, "bot/join", group={"title": group.title}, join_url=group.invite_link)
    return True
